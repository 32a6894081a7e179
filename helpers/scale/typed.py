"""From rows of text to files for an import: guess the schema where the cells lie, then write each cell as its type wants it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from helpers.datasets.glue import as_written
from helpers.scale.session import batches_of, through_python
from helpers.schemas import Schema
from helpers.schemas.infer import ColumnCells, infer_from
from helpers.schemas.schema import REQUIRED
from helpers.schemas.values import as_boolean, as_number, as_text

_TYPES = ("boolean", "long", "double")


@dataclass(frozen=True)
class CountedCells:
    """:class:`helpers.schemas.infer.Cells` of a column that lies on many machines."""

    given: int
    missing: int
    boolean: bool
    long: bool
    double: bool
    parts: int
    longest: float
    mean_length: float


def infer(rows: DataFrame, columns: Sequence[str], kind: str) -> Schema:
    """Guess the schema of rows of text, as :func:`helpers.schemas.infer` does for a table in memory.

    Raises:
        InputError: the guess breaks a rule of the service.
    """
    form = "name string, given bigint, missing bigint, letters bigint, longest bigint, " + ", ".join(
        f"{t} boolean" for t in _TYPES
    )
    texts = rows.select(*(F.col(f"`{name}`") for name in columns))
    sums = [F.sum(name).alias(name) for name in ("given", "missing", "letters")]
    every = [F.min(name).alias(name) for name in _TYPES]
    found = through_python(texts, _look, form).groupBy("name").agg(*sums, F.max("longest").alias("longest"), *every).collect()
    seen = {row["name"]: row for row in found}
    texts_of = [name for name in columns if name not in REQUIRED[kind] and name in seen and _is_text(seen[name])]
    parts = _count_parts(rows, texts_of) if texts_of else {}
    return infer_from({name: _cells(seen.get(name), parts.get(name, 0)) for name in columns}, kind)


def _is_text(row: Row) -> bool:
    return bool(row["given"]) and not any(row[type_] for type_ in _TYPES)


def _cells(row: Row | None, parts: int) -> CountedCells:
    if row is None or not row["given"]:
        return CountedCells(0, 0 if row is None else row["missing"], False, False, False, 0, 0, 0.0)
    kinds = (row[type_] for type_ in _TYPES)
    return CountedCells(row["given"], row["missing"], *kinds, parts, row["longest"], row["letters"] / row["given"])


def _count_parts(rows: DataFrame, names: Sequence[str]) -> dict[str, int]:
    """Return of each column how many different parts its values have."""
    cells = F.explode(F.array(*(F.struct(F.lit(name).alias("name"), F.col(f"`{name}`").alias("value")) for name in names)))
    values = rows.select(cells.alias("cell")).select("cell.*").distinct()  # first what recurs, then its parts
    parts = values.select("name", F.explode(F.split("value", r"\|")).alias("part")).distinct()
    return {row["name"]: row["count"] for row in parts.groupBy("name").count().collect()}


def _look(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield what is known of the cells of each column, a row a column and batch."""
    for batch in batches:
        found = []
        for name in batch.schema.names:
            cells = ColumnCells(batch.column(name).to_pandas().astype("str"))
            letters, longest = (round(cells.mean_length * cells.given), int(cells.longest)) if cells.given else (0, 0)
            kinds = {type_: bool(getattr(cells, type_)) for type_ in _TYPES}
            about = {"name": name, "given": cells.given, "missing": cells.missing, "letters": letters, "longest": longest}
            found.append(about | kinds)
        form = [("name", pa.string()), *((n, pa.int64()) for n in ("given", "missing", "letters", "longest"))]
        yield pa.RecordBatch.from_pylist(found, pa.schema([*form, *((type_, pa.bool_()) for type_ in _TYPES)]))


def lines(rows: DataFrame, schema: Schema) -> DataFrame:
    """Return the rows as blocks of CSV text: columns ``value``, and ``N``, the number of rows in it (0 for the header).

    Every partition that holds rows starts with a header, so that each file Spark writes is one that the service imports.
    Repeats of interactions are left out, also those that differed only in spelling (``1`` and ``1.0``); a block without a value
    and with a negative ``N`` says how many. Interactions must be sorted by user and time, a user in one partition.
    """
    names, repeats = schema.names, schema.dataset_type == "Interactions"
    header = pd.DataFrame(columns=names).to_csv(index=False, lineterminator="\n").rstrip("\n")

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        carried, started = None, False
        for batch in batches:
            frame = _typed(batch.to_pandas(), schema)
            n = len(frame)
            if repeats and n:
                frame, carried = _without_repeats(frame, carried)
            if n > len(frame):
                yield _block(None, len(frame) - n)
            if not started:
                started = True
                yield _block(header, 0)
            if len(frame):
                text = as_written(frame, schema).to_csv(index=False, header=False, lineterminator="\n")
                yield _block(text.removesuffix("\n"), len(frame))

    return through_python(rows.select(*(F.col(f"`{name}`") for name in names)), work, "value string, N bigint")


def first_of_repeats(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Leave out repeats of interactions of text; they must be sorted by user and time, a user in one partition."""
    form = ", ".join(f"`{name}` string" for name in columns)

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        carried = None
        for batch in batches:
            frame = batch.to_pandas()
            if len(frame):
                frame, carried = _without_repeats(frame, carried)
            yield from batches_of(frame, batch.schema)

    return through_python(rows.select(*(F.col(f"`{name}`") for name in columns)), work, form)


def _block(text: str | None, n: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"value": [text], "N": [n]}, pa.schema([("value", pa.string()), ("N", pa.int64())]))


def _typed(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return the texts as values, as :func:`helpers.schemas.check` leaves them; an unreadable optional cell becomes missing."""
    columns = {}
    for field in schema.fields:
        cells = frame[field.name].astype("str")
        if field.type == "string":
            columns[field.name] = as_text(cells)
        elif field.type == "boolean":
            columns[field.name] = as_boolean(cells)[0]
        else:
            columns[field.name] = as_number(cells, field.type)[0].astype("float64")
    return pd.DataFrame(columns)


def _without_repeats(frame: pd.DataFrame, carried: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that come first, and those of the newest user and time, with which the next batch may go on."""
    before = 0 if carried is None else len(carried)
    both = frame if carried is None else pd.concat([carried, frame], ignore_index=True)
    again = both.duplicated().to_numpy()
    new = both[before:][~again[before:]]
    key = ["USER_ID", "TIMESTAMP"]
    return new, both[~again & (both[key] == both[key].iloc[-1]).all(axis=1).to_numpy()]
