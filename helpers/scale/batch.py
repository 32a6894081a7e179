"""Recommendations for everybody: an ordinary model goes to every worker, histories stream through it, lists stream out.

Nothing is collected: what the driver holds does not grow with the number of users.
"""

import functools
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from helpers import recipes
from helpers.errors import InputError
from helpers.interactions import ITEM_ID, TIMESTAMP, UNKNOWN, USER_ID, Histories
from helpers.recipes.base import Model
from helpers.scale import files, tables
from helpers.scale.session import through_python
from helpers.scale.tables import NUMBER, PLACE

RECOMMENDED = "RECOMMENDED_ITEMS"
RECIPES = ("aws-popularity-count", "aws-sims", "aws-similar-items")
"""Recipes whose lists follow from the items and times of a history alone, which is what is handed to the workers."""


def recommend(model: Model, events: DataFrame, k: int = 25, now: DataFrame | None = None) -> DataFrame:
    """Return the list of each user with events: USER_ID, RECOMMENDED_ITEMS (ids, best first), evaluated when it is used.

    Args:
        model: of one of :data:`RECIPES`, trained here or there.
        events: the histories (:mod:`helpers.scale.tables`).
        k: list length.
        now: USER_ID, NOW: when each user is asked, and who is asked; None = all, right after their newest event.

    Raises:
        InputError: a model of another recipe.
    """
    if model.recipe.name not in RECIPES:
        raise InputError(f"{model.recipe.name} needs more than items and times; here go {', '.join(RECIPES)}")
    known = tables.numbers(events.sparkSession, ITEM_ID, model.item_ids)
    code = F.coalesce(F.col(NUMBER), F.lit(UNKNOWN)).alias("code")
    coded = events.join(known, ITEM_ID, "left").select(USER_ID, F.struct(TIMESTAMP, PLACE, code).alias("event"))
    histories = coded.groupBy(USER_ID).agg(F.sort_array(F.collect_list("event")).alias("events"))
    if now is None:
        histories = histories.withColumn("NOW", F.element_at("events", -1)[TIMESTAMP])
    else:
        histories = now.join(histories, USER_ID, "left")
    columns = [F.coalesce(F.col(f"events.{name}"), F.array().cast(f"array<{kind}>")).alias(name) for name, kind in _FIELDS]
    work = _recommend_with(events.sparkSession.sparkContext.broadcast(_packed(model)), k)
    return through_python(histories.select(USER_ID, "NOW", *columns), work, f"{USER_ID} string, {RECOMMENDED} array<string>")


def write(lists: DataFrame, address: str) -> None:
    """Write lists as Parquet; the folder appears whole or not at all, one written earlier is replaced."""
    with files.written_whole(lists.sparkSession, address) as new:
        lists.write.parquet(new)


_FIELDS = (("code", "int"), (TIMESTAMP, "bigint"))


def _recommend_with(packed, k: int):
    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            model = _unpacked(packed.value)
            ranked, _ = model.recommend(_histories(batch), k)
            names = model.item_ids.names(ranked)
            lists = pa.array([[name for name in row if name is not None] for row in names], pa.list_(pa.string()))
            yield pa.RecordBatch.from_arrays([batch.column(USER_ID), lists], [USER_ID, RECOMMENDED])

    return work


def _histories(batch: pa.RecordBatch) -> Histories:
    code, time = batch.column("code"), batch.column(TIMESTAMP)
    offsets = code.offsets.to_numpy().astype(np.int64)
    items, times = (np.array(column.flatten().to_numpy(zero_copy_only=False)) for column in (code, time))
    users = np.full(len(batch), UNKNOWN, np.int32)
    now = np.array(batch.column("NOW").to_numpy(zero_copy_only=False), np.int64)
    return Histories(items.astype(np.int32), times.astype(np.int64), offsets - offsets[0], users, now)


def _packed(model: Model) -> dict[str, bytes]:
    """Return a model as the files that ``save`` writes: what travels is data that is checked on arrival, not an object."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        return {path.name: path.read_bytes() for path in sorted((Path(folder) / "model").iterdir())}


def _unpacked(packed: dict[str, bytes]) -> Model:
    digest = hashlib.sha256(b"".join(packed.values())).hexdigest()
    return _load(digest, tuple(packed.items()))


@functools.lru_cache(maxsize=1)
def _load(digest: str, packed: tuple[tuple[str, bytes], ...]) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in packed:
            (Path(folder) / name).write_bytes(content)
        return recipes.load(folder)
