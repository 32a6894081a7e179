"""Popularity-Count on Spark: the counts of :mod:`helpers.recipes.popularity_count`, wherever the events lie."""

import numpy as np
from pyspark.sql import DataFrame

from helpers.interactions import ITEM_ID, USER_ID, Vocabulary
from helpers.recipes.popularity_count import PopularityCount, PopularityModel
from helpers.scale import tables


def fit(events: DataFrame, items: DataFrame | None = None) -> PopularityModel:
    """Count the unique users of each item; the model is the ordinary one.

    Args:
        events: interactions (:mod:`helpers.scale.tables`).
        items: the item table, for items that nobody has taken yet.
    """
    catalogue = tables.vocabulary(ITEM_ID, events, items)
    return PopularityModel(PopularityCount(), catalogue, {"users": count_unique_users(events, catalogue)})


def count_unique_users(events: DataFrame, catalogue: Vocabulary) -> np.ndarray:
    """Return how many different users interacted with each item of the catalogue, ``(n_items,)`` int64."""
    return as_array(events.select(USER_ID, ITEM_ID).distinct().groupBy(ITEM_ID).count(), catalogue)


def as_array(counts: DataFrame, catalogue: Vocabulary) -> np.ndarray:
    """Collect a table of ITEM_ID and ``count`` into an array over the catalogue, 0 where an item is not named."""
    found = counts.select(ITEM_ID, "count").toArrow()
    array = np.zeros(len(catalogue), np.int64)
    array[catalogue.codes(found.column(ITEM_ID).to_pylist())] = found.column("count").to_numpy()
    return array
