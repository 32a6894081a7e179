"""Datasets as DataFrames. Events have USER_ID, ITEM_ID, TIMESTAMP (seconds), further columns, and PLACE.

``PLACE`` sorts as the events stood in the files: events of one user and second are taken in this order, which is the tie rule of
:mod:`helpers.splits`. It may be of any type that Spark can sort.
"""

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from helpers.interactions import ITEM_ID, TIMESTAMP, USER_ID, Interactions, Vocabulary
from helpers.scale.raw_events import numbered

PLACE = "PLACE"
NUMBER = "NUMBER"
"""The code of an item or user in a vocabulary."""


def read_events(spark: SparkSession, address: str) -> DataFrame:
    """Return the interactions of a folder of CSV files as :mod:`helpers.scale.prepare` writes them; other columns are text."""
    return _read(spark, address).withColumn(TIMESTAMP, F.col(TIMESTAMP).cast("bigint"))


def read_table(spark: SparkSession, address: str) -> DataFrame:
    """Return the items or users of such a folder, all columns as text."""
    return _read(spark, address).drop(PLACE)


def of_interactions(spark: SparkSession, interactions: Interactions) -> DataFrame:
    """Return interactions in memory as a DataFrame of USER_ID, ITEM_ID, TIMESTAMP and PLACE."""
    columns = {
        USER_ID: pa.array(interactions.user_ids.ids[interactions.users], pa.string()),
        ITEM_ID: pa.array(interactions.item_ids.ids[interactions.items], pa.string()),
        TIMESTAMP: pa.array(interactions.timestamps),
        PLACE: pa.array(np.arange(len(interactions))),
    }
    return spark.createDataFrame(pa.table(columns))


def vocabulary(key: str, *frames: DataFrame | None) -> Vocabulary:
    """Return all ids of a column of one or several tables; they are collected, so the catalogue must fit into memory."""
    return Vocabulary(everyone(key, *frames).toArrow().column(key).to_pylist())


def everyone(key: str, *frames: DataFrame | None) -> DataFrame:
    """Return the different ids of a column of one or several tables."""
    ids = [frame.select(key) for frame in frames if frame is not None]
    joined = ids[0]
    for more in ids[1:]:
        joined = joined.union(more)
    return joined.distinct()


def numbers(spark: SparkSession, key: str, ids: Vocabulary) -> DataFrame:
    """Return a small table from id to its code, NUMBER, to be joined."""
    columns = {key: pa.array(ids.ids, pa.string()), NUMBER: pa.array(np.arange(len(ids), dtype=np.int32))}
    return F.broadcast(spark.createDataFrame(pa.table(columns)))


def in_order(users: DataFrame) -> DataFrame:
    """Number ids by their order, as a :class:`Vocabulary` does, without collecting them: USER_ID, NUMBER."""
    numbered_ids = users.select(USER_ID).orderBy(USER_ID).rdd.zipWithIndex().map(lambda pair: (pair[0][0], pair[1]))
    return users.sparkSession.createDataFrame(numbered_ids, f"{USER_ID} string, {NUMBER} bigint")


def newest_first() -> list[Column]:
    """Return the order of a user's events from the newest to the oldest."""
    return [F.desc(TIMESTAMP), F.desc(PLACE)]


def _read(spark: SparkSession, address: str) -> DataFrame:
    options = {"header": "true", "multiLine": "true", "quote": '"', "escape": '"', "pathGlobFilter": "*.csv"}
    frame = spark.read.options(**options).csv(address)
    columns = [f"`{name}`" for name in frame.columns]
    placed = numbered(frame.select(F.struct(*columns).alias("cells"), "_metadata"), "cells")
    return placed.select("cells.*", F.struct("FILE", "BLOCK", "ROW").alias(PLACE))
