"""JSON interactions -> staged rows: line by line where the file is written in lines, else one task a file."""

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from helpers.datasets import glue
from helpers.datasets.json_layouts import are_rows, parse_events, records_of
from helpers.datasets.steps import Steps
from helpers.errors import InputError
from helpers.scale import staging
from helpers.scale.session import batches_of, through_python
from helpers.scale.usable import usable
from helpers.schemas.schema import REQUIRED

_SAMPLE = 1000
"""Lines that are looked at for the names of the fields; others that turn up later cost a second reading."""

Parsed = tuple[list[dict], list[int], dict[int, str]]
"""Flat records, the position of the line each comes from, and position -> reason of the lines that could not be read."""


def read(spark: SparkSession, address: str, more: Sequence[str] = ()) -> tuple[DataFrame, list[str]]:
    """Describe how the interactions of a JSON file, or a folder of such files, are read and cleaned.

    Lines that hold one object each (JSON lines, or an array with an object a line) are shared out among the tasks; any other
    layout of :mod:`helpers.datasets.json_layouts` needs its whole file in the memory of one task.

    Args:
        more: fields that a first reading met beyond those of the first lines (:func:`helpers.scale.staging.new_fields`).

    Returns:
        Staged rows (:mod:`helpers.scale.staging`), evaluated anew whenever they are used; and the columns they hold.

    Raises:
        InputError: the input is empty or in no known layout, or no field stands for the user, the item or the time.
    """
    lines = numbered(spark.read.text(address), "value")
    sample = [row["value"] for row in lines.where(F.trim("value") != "").select("value").take(_SAMPLE)]
    if not sample:
        raise InputError(f"{address}: the file is empty; expected JSON interactions")
    if len(sample) > 1 and are_rows(_objects(sample)):
        parse, fields = _parse_lines, _fields(_parse_lines(sample)[0])
    else:
        lines, parse = numbered(spark.read.format("binaryFile").load(address), "content"), _parse_documents
        found = through_python(lines, _fields_of_documents, "name string, FILE int, place int").orderBy("FILE", "place")
        fields = [row["name"] for row in found.collect()]
    names = _service_names(list(dict.fromkeys([*fields, *more])), address)
    return through_python(lines, _stage_with(parse, names), staging.schema(names.values())), list(names.values())


def numbered(frame: DataFrame, content: str) -> DataFrame:
    """Return a file-based frame's column of content with FILE (by name), BLOCK and ROW, whose order is that of the files."""
    spark = frame.sparkSession
    files = [(_plain(name), number) for number, name in enumerate(sorted(frame.inputFiles()))]
    numbers = F.broadcast(spark.createDataFrame(files, "path string, FILE int"))
    path = F.regexp_replace("_metadata.file_path", "^file:/+", "file:/").alias("path")
    block, row = F.col("_metadata.file_block_start").alias("BLOCK"), F.monotonically_increasing_id().alias("ROW")
    return frame.select(content, path, block, row).join(numbers, "path").select(content, *staging.PLACE)


def _plain(address: str) -> str:
    """Write a local address with one slash, as Spark does in one place and not in the other."""
    return re.sub("^file:/+", "file:/", address)


def _service_names(fields: list[str], address: str) -> dict[str, str]:
    """Return field -> service name, the required ones first, as :func:`glue.read_interactions` orders its columns."""
    mapped = glue.map_columns(pd.DataFrame(columns=fields, dtype="str"), "Interactions", address)
    names = dict(zip(fields, mapped.columns, strict=True))
    required = list(REQUIRED["Interactions"])
    return dict(sorted(names.items(), key=lambda pair: required.index(pair[1]) if pair[1] in required else len(required)))


def _stage_with(parse: Callable[[list], Parsed], names: Mapping[str, str]) -> Callable[[Iterable], Iterator]:
    def stage(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            raw = batch.column(0).to_pylist()
            places = batch.select(list(staging.PLACE)).to_pandas()
            yield from _stage(raw, places, parse, names)

    return stage


def _stage(
    raw: list, places: pd.DataFrame, parse: Callable[[list], Parsed], names: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    records, positions, faults = parse(raw)
    places = places.iloc[positions + list(faults)].reset_index(drop=True)
    texts = [raw[position] for position in faults]

    def as_read(row: int) -> str:
        return json.dumps(records[row], ensure_ascii=False) if row < len(records) else str(texts[row - len(records)])

    stage = staging.Stage(names.values(), places, as_read)
    stage.count(staging.READ, len(records) + len(faults))
    for row, reason in enumerate(faults.values(), start=len(records)):
        stage.bad(row, reason)
    if records:
        frame = pd.DataFrame.from_records(records)
        unknown = [name for name in frame.columns if name not in names]
        if unknown:
            stage.unknown(unknown, 0)
        stage.work(frame.reindex(columns=list(names)).rename(columns=names), _clean)
    yield from stage.batches()


def _clean(frame: pd.DataFrame, steps: Steps) -> pd.DataFrame:
    return usable(glue.cast_times(frame, steps), "Interactions", steps)


def _objects(lines: list[str]) -> list[dict]:
    """Return those of the lines that hold an object."""
    found = []
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):  # what they are is judged when all lines are read
            row = json.loads(_bare(line))
            found += [row] if isinstance(row, dict) else []
    return found


def _bare(line: str) -> str:
    return line.strip().lstrip("\ufeff").rstrip(",")


def _fields(records: Iterable[dict]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record))


def _fields_of_documents(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for number, content in zip(batch.column("FILE").to_pylist(), batch.column(0).to_pylist(), strict=True):
            names = _fields(parse_events(content, f"file {number + 1}")[0])
            columns = {"name": names, "FILE": [number] * len(names), "place": range(len(names))}
            form = pa.schema([("name", pa.string()), ("FILE", pa.int32()), ("place", pa.int32())])
            yield from batches_of(pd.DataFrame(columns), form)


def _parse_documents(contents: list[bytes]) -> Parsed:
    records, positions = [], []
    for position, content in enumerate(contents):
        found = parse_events(content, f"file {position + 1}")[0]
        records += found
        positions += [position] * len(found)
    return records, positions, {}


def _parse_lines(lines: list[str]) -> Parsed:
    """Parse lines that hold an object each, a comma after it or not; lines with a bracket alone or nothing are no records."""
    records, positions, faults = [], [], {}
    for position, line in enumerate(lines):
        text = _bare(line)
        if text in ("", "[", "]", "[]"):
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as fault:
            faults[position] = f"not valid JSON ({fault})"
            continue
        found = records_of(row) if isinstance(row, dict) else []
        if not found:
            faults[position] = "holds no interaction"
        records += found
        positions += [position] * len(found)
    return records, positions, faults
