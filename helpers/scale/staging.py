"""Raw rows on their way through Python: what is kept, what is dropped and why, and what could not be read at all.

A partition of raw input becomes rows of one form, told apart by ``KIND``:

* ``row``    a record that goes on, its cells as text under the service's names;
* ``bad``    a record that could not be read: ``REASON`` says why, ``RAW`` holds it;
* ``count``  so many records (``N``) that a step left out, ``REASON`` naming the step; or were read (:data:`READ`);
* ``field``  a field (``REASON``) that nobody knew of.

All of it is data, so a task that runs twice counts once. ``FILE``, ``BLOCK``, ``ROW`` say where a record stands: file number,
start of the block in the file, rising number within it. Their order is the order of the files.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from helpers.datasets.steps import Steps
from helpers.errors import InputError
from helpers.scale.session import batches_of

ROW, BAD, COUNT, FIELD = "row", "bad", "count", "field"
READ = "read"
PLACE = ("FILE", "BLOCK", "ROW")
_LONGEST = 10_000
"""Characters of a bad record that are kept."""

Work = Callable[[pd.DataFrame, Steps], pd.DataFrame]
"""A step of the preparation: gets rows and a log, returns those that go on, with the index they came with."""


def schema(columns: Iterable[str]) -> str:
    """Return the schema of staged rows with these cells."""
    fixed = "KIND string, FILE int, BLOCK bigint, ROW bigint, REASON string, RAW string, N bigint"
    return ", ".join([fixed, *(f"`{name}` string" for name in columns)])


def arrow_schema(columns: Sequence[str]) -> pa.Schema:
    """Return the same for Arrow."""
    kinds = {"FILE": pa.int32(), "BLOCK": pa.int64(), "ROW": pa.int64(), "N": pa.int64()}
    names = ["KIND", *PLACE, "REASON", "RAW", "N", *columns]
    return pa.schema([(name, kinds.get(name, pa.string())) for name in names])


class Stage:
    """Collects what became of one chunk of raw records and hands it on as record batches.

    Args:
        columns: names of the cells, in order.
        places: columns FILE, BLOCK, ROW; position ``p`` of the chunk's records stands in line ``p``.
        raw: position -> the record as it was read, for the quarantine.
    """

    def __init__(self, columns: Iterable[str], places: pd.DataFrame, raw: Callable[[int], str]):
        self.columns, self.places, self.raw = list(columns), places, raw
        self.parts: list[pd.DataFrame] = []

    def count(self, reason: str, n: int) -> None:
        """Note a number of records."""
        if n:
            self.parts.append(pd.DataFrame({"KIND": [COUNT], "REASON": [reason], "N": [n]}))

    def unknown(self, fields: Sequence[str], position: int) -> None:
        """Note fields that are no column yet."""
        place = self.places.iloc[[position] * len(fields)].reset_index(drop=True)
        self.parts.append(place.assign(KIND=FIELD, REASON=list(fields)))

    def bad(self, position: int, reason: str) -> None:
        """Put a record into quarantine."""
        about = {"KIND": BAD, "REASON": _storable(reason), "RAW": _storable(self.raw(position)[:_LONGEST])}
        self.parts.append(self.places.iloc[[position]].reset_index(drop=True).assign(**about))

    def work(self, frame: pd.DataFrame, work: Work) -> None:
        """Let a step work on records, index = position; where it refuses, find the records at fault by halving."""
        steps = Steps()
        try:
            kept = work(frame, steps) if len(frame) else frame
        except InputError as fault:
            if len(frame) == 1:
                self.bad(int(frame.index[0]), str(fault))
                return
            half = len(frame) // 2
            self.work(frame.iloc[:half], work)
            self.work(frame.iloc[half:], work)
            return
        for step in steps:
            self.count(step.name, step.before - step.after)
        if len(kept):
            cells = kept.reindex(columns=self.columns).reset_index(drop=True)
            self.parts.append(pd.concat([self.places.iloc[kept.index].reset_index(drop=True), cells], axis=1).assign(KIND=ROW))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield everything noted, as record batches of :func:`arrow_schema`."""
        form = arrow_schema(self.columns)
        for part in self.parts:
            yield from batches_of(part, form)


def _storable(text: str) -> str:
    """Return a text that any file can hold: half a surrogate pair is spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()


def kept(staged: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Return the records that go on: the cells, and ``PLACE``, a struct that sorts as the records stood in the files."""
    place = F.struct(*(F.col(name) for name in PLACE)).alias("PLACE")
    return staged.where(F.col("KIND") == ROW).select(*(F.col(f"`{name}`") for name in columns), place)


def quarantine(staged: DataFrame, kind: str) -> DataFrame:
    """Return the records that could not be read: DATASET_TYPE, FILE (number), REASON, RAW."""
    return staged.where(F.col("KIND") == BAD).select(F.lit(kind).alias("DATASET_TYPE"), "FILE", "REASON", "RAW")


@dataclass(frozen=True)
class Findings:
    """What staged rows say besides the rows themselves.

    Attributes:
        read: number of records read. bad: of those that could not be used.
        left_out: step -> number of records that it left out.
        fields: fields that were met and had no column, in order of their first appearance.
    """

    read: int
    bad: int
    left_out: dict[str, int]
    fields: list[str]


def findings(staged: DataFrame) -> Findings:
    """Add up what was noted on the way."""
    sums = F.count("*").alias("rows"), F.sum("N").alias("N"), F.min(F.struct(*PLACE)).alias("first")
    noted = staged.where(F.col("KIND") != ROW).groupBy("KIND", F.when(F.col("KIND") != BAD, F.col("REASON")).alias("REASON"))
    found = noted.agg(*sums).orderBy("REASON").collect()
    left_out = {row["REASON"]: int(row["N"]) for row in found if row["KIND"] == COUNT}
    fields = sorted((row["first"], row["REASON"]) for row in found if row["KIND"] == FIELD)
    bad = sum(row["rows"] for row in found if row["KIND"] == BAD)
    return Findings(left_out.pop(READ, 0), bad, left_out, [name for _, name in fields])
