"""A gift shop of any size: the catalogue of the built-in shop, and as many users as wanted, drawn by all workers.

Users come in blocks of 1,000. A block is drawn from its own seed, so the shop is the same whoever draws which block, and the
first users of a large shop are those of a small one. A user leaves about 25 events.
"""

import functools
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from helpers.datasets import glue
from helpers.datasets.shop.catalogue import draw_items
from helpers.datasets.shop.choice import Choice
from helpers.datasets.shop.customers import draw_users
from helpers.datasets.shop.generate import items_csv
from helpers.datasets.shop.model import SEED, Items, Parameters
from helpers.datasets.shop.visits import day_weights
from helpers.datasets.shop.words import DEVICES
from helpers.datasets.shop.world import World
from helpers.scale import files, walk
from helpers.scale.session import batches_of, through_python

BLOCK = 1_000
EVENTS_A_USER = 25
_FORM = pa.schema(
    [
        ("USER_ID", pa.string()),
        ("ITEM_ID", pa.string()),
        ("TIMESTAMP", pa.int64()),
        ("EVENT_TYPE", pa.string()),
        ("EVENT_VALUE", pa.float32()),
        ("DEVICE", pa.string()),
        ("PLACE", pa.int64()),
    ]
)
_COLUMNS = "USER_ID string, ITEM_ID string, TIMESTAMP bigint, EVENT_TYPE string, EVENT_VALUE float, DEVICE string, PLACE bigint"


def users_for(interactions: int) -> int:
    """Return how many users leave about so many interactions, in whole blocks."""
    return BLOCK * max(1, round(interactions / EVENTS_A_USER / BLOCK))


def events(spark: SparkSession, users: int, seed: int = SEED, partitions: int | None = None) -> DataFrame:
    """Return the events of a shop with so many users (rounded up to whole blocks), drawn anew whenever they are used.

    Columns: those of the built-in shop under the service's names, and PLACE (:mod:`helpers.scale.tables`).

    Args:
        partitions: into how many tasks the blocks are shared out; it does not change the shop.
    """

    def draw(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for block in batch.column("id").to_pylist():
                yield from batches_of(draw_block(block, seed), _FORM)

    return through_python(spark.range(0, -(-users // BLOCK), 1, partitions), draw, _COLUMNS)


def draw_block(block: int, seed: int = SEED) -> pd.DataFrame:
    """Return the events of one block of users, sorted by user and time, with the columns of :func:`events`."""
    world, rng = world_of(block, seed), np.random.default_rng([seed, 12, block])
    found = walk.walk(rng, world, _choice(seed), walk.plan(rng, world.users, day_weights()))
    bought = found.buys.astype(bool)
    columns = {
        "USER_ID": (10_001 + BLOCK * block + found.user).astype("str"),
        "ITEM_ID": world.items.ids[found.item],
        "TIMESTAMP": found.at,
        "EVENT_TYPE": np.where(bought, "purchase", "view"),
        "EVENT_VALUE": np.where(bought, found.value, np.nan).astype(np.float32),
        "DEVICE": np.array(DEVICES, object)[found.device],
        "PLACE": block * 10_000_000 + np.arange(len(found.at)),
    }
    return pd.DataFrame(columns)


def world_of(block: int, seed: int = SEED) -> World:
    """Return the truth behind a block: the shop's items, and users of its own."""
    parameters = Parameters(n_users=BLOCK)
    return World(_items(seed), draw_users(np.random.default_rng([seed, 11, block]), parameters), parameters)


def write_raw(spark: SparkSession, address: str, users: int, seed: int = SEED) -> None:
    """Write the raw files of a shop, as :mod:`helpers.datasets.shop.generate` does: the events as a folder of JSON lines."""
    names = {"user_id": "USER_ID", "item_id": "ITEM_ID"}
    whole = [F.col(column).cast("bigint").alias(name) for name, column in names.items()]
    value = F.col("EVENT_VALUE").cast("int").alias("event_value")
    record = F.struct(
        *whole,
        F.col("TIMESTAMP").alias("timestamp"),
        F.lower("EVENT_TYPE").alias("event_type"),
        value,
        F.col("DEVICE").alias("device"),
    )
    with files.written_whole(spark, address) as new:
        lines = events(spark, users, seed).select(F.to_json(record, {"ignoreNullFields": "false"}))
        lines.write.text(files.join(new, glue.FILES["Interactions"]))
        world = world_of(0, seed)
        files.write_text(spark, files.join(new, glue.FILES["Items"]), "\ufeff" + items_csv(world, seed))


@functools.lru_cache(maxsize=1)
def _items(seed: int) -> Items:
    return draw_items(np.random.default_rng([seed, 1]), Parameters())


@functools.lru_cache(maxsize=1)
def _choice(seed: int) -> Choice:
    return Choice(world_of(0, seed))
