"""SIMS on Spark: the same groups, counts and weights as :class:`helpers.recipes.sims.Sims`, counted on many machines.

The road of the data: events -> groups (sessions, baskets, users) -> pairs inside a group, added up where they arise before
anything travels (:mod:`helpers.scale.pairs`) -> weights -> the nearest of each item. What is collected is as large as the
catalogue or the model.

Exact agreement: counts are whole numbers, in any order the same; weights are computed by the function that the kernel of
:mod:`helpers.recipes.cooccurrence` uses; ties go to the smaller item code. Where only the newest events of a best seller
count, events of one second are taken in order of the user id (several of one user and second lie in one group and are one).
"""

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from helpers import pair_weights
from helpers.interactions import ITEM_ID, TIMESTAMP, USER_ID, Vocabulary
from helpers.recipes.percentiles import weighted_band
from helpers.recipes.sims import Sims, SimsModel
from helpers.scale import pairs, popularity, tables
from helpers.scale.session import through_python
from helpers.scale.tables import NUMBER


def fit(events: DataFrame, recipe: Sims | None = None, items: DataFrame | None = None) -> SimsModel:
    """Find the nearest neighbours of each item; the model is the ordinary one.

    Args:
        events: interactions (:mod:`helpers.scale.tables`); they are read several times, so cache what is costly to make.
        recipe: SIMS with its hyperparameters; None = the defaults.
        items: the item table, for items that nobody has taken yet.
    """
    recipe = recipe or Sims()
    catalogue = tables.vocabulary(ITEM_ID, events, items)
    coded = events.join(tables.numbers(events.sparkSession, ITEM_ID, catalogue), ITEM_ID)
    grouped = _typical_items(_typical_users(_with_groups(coded, recipe), recipe), events, recipe, catalogue)
    counted = _pairs(grouped, len(catalogue)).persist()
    counts = _groups_of_items(counted, len(catalogue))
    ids, weights = _nearest(counted.where("first < second"), counts, recipe)
    counted.unpersist()
    users = popularity.count_unique_users(events, catalogue)
    return SimsModel(recipe, catalogue, {"ids": ids, "weights": weights, "users": users})


def _with_groups(coded: DataFrame, recipe: Sims) -> DataFrame:
    """Number the groups of each user: column ``part``."""
    if recipe.cointeraction == "user":
        return coded.withColumn("part", F.lit(0))
    gap = 60 * recipe.session_gap_minutes if recipe.cointeraction == "session" else 0.0
    history = Window.partitionBy(USER_ID).orderBy(TIMESTAMP)
    starts = (F.col(TIMESTAMP) - F.lag(TIMESTAMP).over(history) > gap).cast("int")
    counted = F.sum("starts").over(history.rowsBetween(Window.unboundedPreceding, 0))
    return coded.withColumn("starts", F.coalesce(starts, F.lit(0))).withColumn("part", counted)


def _typical_users(grouped: DataFrame, recipe: Sims) -> DataFrame:
    """Keep the events of users with histories neither too short nor too long."""
    lengths = grouped.groupBy(USER_ID).count()
    found = lengths.groupBy("count").agg(F.count("*").alias("users")).orderBy("count").toArrow()
    values, users = (found.column(name).to_numpy() for name in ("count", "users"))
    low, high = weighted_band(values, users, recipe.min_user_history_length_percentile, recipe.max_user_history_length_percentile)
    typical = lengths.where(F.col("count").between(int(low), int(high)))
    return grouped.join(typical.select(USER_ID), USER_ID, "left_semi")


def _typical_items(grouped: DataFrame, events: DataFrame, recipe: Sims, catalogue: Vocabulary) -> DataFrame:
    """Leave out rare items; of best sellers keep the newest events, also counting those of users that were left out."""
    counts = popularity.as_array(events.groupBy(ITEM_ID).count(), catalogue)
    ranked = np.sort(counts)
    low, high = weighted_band(
        ranked, ranked, recipe.min_item_interaction_count_percentile, recipe.max_item_interaction_count_percentile
    )
    rare, capped = _among(grouped, counts < low), _among(grouped, counts > high)
    place = F.row_number().over(Window.partitionBy(NUMBER).orderBy(F.desc(TIMESTAMP), USER_ID))
    coded = events.select(USER_ID, ITEM_ID, TIMESTAMP).join(tables.numbers(events.sparkSession, ITEM_ID, catalogue), ITEM_ID)
    newest = coded.join(capped, NUMBER, "left_semi").withColumn("place", place).where(F.col("place") <= int(high))
    key = [USER_ID, NUMBER, TIMESTAMP]
    plain = grouped.join(rare, NUMBER, "left_anti").join(capped, NUMBER, "left_anti")
    best = grouped.join(capped, NUMBER, "left_semi").join(newest.select(*key).distinct(), key, "left_semi")
    columns = [USER_ID, "part", NUMBER]
    return plain.select(*columns).union(best.select(*columns))


def _among(frame: DataFrame, chosen: np.ndarray) -> DataFrame:
    """Return a small table of the item codes where ``chosen`` holds."""
    codes = pa.table({NUMBER: pa.array(np.flatnonzero(chosen).astype(np.int32))})
    return F.broadcast(frame.sparkSession.createDataFrame(codes))


def _pairs(grouped: DataFrame, n_items: int) -> DataFrame:
    """Count in how many groups two items lie together: ``first`` <= ``second``, ``count``."""
    group = [USER_ID, "part"]
    ordered = grouped.repartition(USER_ID).sortWithinPartitions(*group, NUMBER)
    sums = through_python(ordered.select(*group, NUMBER), pairs.count(n_items, group, NUMBER), "pair bigint, count bigint")
    counted = sums.groupBy("pair").agg(F.sum("count").alias("count"))
    first, second = F.expr(f"cast(pair div {n_items} as int)"), F.expr(f"cast(pair % {n_items} as int)")
    return counted.select(first.alias("first"), second.alias("second"), "count")


def _groups_of_items(counted: DataFrame, n_items: int) -> np.ndarray:
    """Return the number of groups of each item, ``(n_items,)``."""
    found = counted.where("first = second").toArrow()
    counts = np.zeros(n_items, np.int64)
    counts[found.column("first").to_numpy()] = found.column("count").to_numpy()
    return counts


def _nearest(counted: DataFrame, counts: np.ndarray, recipe: Sims) -> tuple[np.ndarray, np.ndarray]:
    """Return each item's nearest others and their weights, as :func:`helpers.recipes.cooccurrence.related_items` does."""
    enough = counted.where(F.col("count") >= max(1, recipe.min_cointeraction_count))
    turned = enough.select(F.col("second").alias("first"), F.col("first").alias("second"), "count")
    scale = pair_weights.discounts(counts, recipe.popularity_discount_factor)

    def weigh(batches):
        for batch in batches:
            first, second, together = (batch.column(name).to_numpy() for name in ("first", "second", "count"))
            weight = pair_weights.weights(together, first, second, scale)
            yield pa.RecordBatch.from_arrays([batch.column(0), batch.column(1), pa.array(weight)], ["first", "second", "weight"])

    weighed = through_python(enough.union(turned), weigh, "first int, second int, weight float")
    best = Window.partitionBy("first").orderBy(F.desc("weight"), "second")
    kept = weighed.withColumn("place", F.row_number().over(best)).where(F.col("place") <= recipe.neighbours).toArrow()
    row, other, place, weight = (kept.column(name).to_numpy() for name in ("first", "second", "place", "weight"))
    ids = np.full((len(counts), recipe.neighbours), -1, np.int32)
    weights = np.zeros((len(counts), recipe.neighbours), np.float32)
    ids[row, place - 1], weights[row, place - 1] = other, weight
    return ids, weights
