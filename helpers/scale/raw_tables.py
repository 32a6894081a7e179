"""CSV files -> staged rows, one task a file: a cell may hold line breaks, so nobody can start reading in the middle."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from helpers.datasets import glue
from helpers.datasets.csv_files import decode
from helpers.datasets.steps import Steps
from helpers.errors import InputError
from helpers.scale import staging
from helpers.scale.raw_events import numbered
from helpers.scale.session import ROWS_AT_ONCE, through_python
from helpers.scale.usable import usable

ENCODINGS = ("utf-8-sig",)


def read(spark: SparkSession, address: str, kind: str) -> tuple[DataFrame, list[str]]:
    """Describe how an item or user table is read and cleaned.

    Returns:
        Staged rows, and the columns they hold.

    Raises:
        InputError: the file is empty, or the header lacks the id.
    """
    header = first_record(spark, address)
    columns = list(glue.map_columns(pd.DataFrame(columns=header, dtype="str"), kind, address).columns)

    def clean(frame: pd.DataFrame, steps: Steps) -> pd.DataFrame:
        return usable(glue.clean_text(frame.set_axis(columns, axis=1), steps), kind, steps)

    return stage(spark.read.format("binaryFile").load(address), header, columns, clean, ENCODINGS), columns


def first_record(spark: SparkSession, address: str, **options: str) -> list[str]:
    """Return the names in the header of a CSV file, or of the first file of a folder.

    Raises:
        InputError: there is no header.
    """
    found = spark.read.options(**options).text(address).take(1)
    header = next(csv.reader([found[0]["value"].lstrip("\ufeff")]), []) if found else []
    if not header:
        raise InputError(f"{address}: the file is empty; expected a header line and rows")
    return header


def stage(
    files: DataFrame, header: Sequence[str], columns: Sequence[str], clean: staging.Work, encodings: Sequence[str]
) -> DataFrame:
    """Return the staged rows of CSV files with this header.

    Args:
        files: Spark's ``binaryFile`` frame.
        clean: gets rows of texts under the header's names; gives rows with ``columns``.
    """

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            places = batch.select(list(staging.PLACE)).to_pandas()
            for file, content in enumerate(batch.column(0).to_pylist()):
                for rows in _blocks(decode(content, f"file {places['FILE'][file] + 1}", encodings), header):
                    yield from _stage(rows, int(places["FILE"][file]), header, columns, clean)

    return through_python(numbered(files, "content"), work, staging.schema(columns))


def _blocks(text: str, header: Sequence[str]) -> Iterator[list[tuple[int, list[str]]]]:
    """Yield the records after the header with their numbers, in blocks; empty ones are no records."""
    csv.field_size_limit(len(text) + 1)
    block: list[tuple[int, list[str]]] = []
    for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""))):
        if number == 0:
            if cells != list(header):
                raise InputError(f"a file has the header {cells}, another one {list(header)}; all files need the same columns")
        elif any(cells):
            block.append((number, cells))
        if len(block) == ROWS_AT_ONCE:
            yield block
            block = []
    if block:
        yield block


def _stage(
    rows: list[tuple[int, list[str]]], file: int, header: Sequence[str], columns: Sequence[str], clean: staging.Work
) -> Iterator[pa.RecordBatch]:
    places = pd.DataFrame({"FILE": file, "BLOCK": 0, "ROW": [number for number, _ in rows]})
    stage = staging.Stage(columns, places, lambda position: ",".join(rows[position][1]))
    stage.count(staging.READ, len(rows))
    fitting = [position for position, (_, cells) in enumerate(rows) if len(cells) <= len(header)]
    for position in sorted(set(range(len(rows))) - set(fitting)):
        stage.bad(position, f"has {len(rows[position][1])} cells, the header {len(header)}")
    filled = [[cell or None for cell in rows[p][1]] + [None] * (len(header) - len(rows[p][1])) for p in fitting]
    stage.work(pd.DataFrame(filled, index=fitting, columns=list(header), dtype="str"), clean)
    yield from stage.batches()
