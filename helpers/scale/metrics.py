"""The metrics of :mod:`helpers.metrics` over DataFrames: the same functions, on one block of users after the other.

The values of each user are the same to the last bit. A mean is a sum in another order than NumPy's, and a sum of fractions
depends on its order; so values are added as whole multiples of 2 ** -48, which no order changes: whatever the number of
workers, the mean is the same, and within 2e-15 of the exact one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from helpers import metrics
from helpers.interactions import ITEM_ID, USER_ID, Histories
from helpers.scale.batch import RECOMMENDED
from helpers.scale.session import batches_of, through_python

_FRACTION = 48


def per_user(lists: DataFrame, truth: DataFrame) -> DataFrame:
    """Return every per-user metric: USER_ID and a column a metric, by the service's key.

    Args:
        lists: USER_ID, RECOMMENDED_ITEMS, as :func:`helpers.scale.batch.recommend` gives them.
        truth: hidden events: USER_ID, ITEM_ID. Users without a list count as shown nothing.
    """
    names = tuple(metrics.per_user(np.zeros((1, 1), np.int32), Histories.of([[0]])))
    return _blockwise(lists, truth, USER_ID, metrics.per_user, names)


def segment_per_query(segments: DataFrame, truth: DataFrame, n_users: int) -> DataFrame:
    """Return the segmentation metrics of each query: QUERY and a column a metric.

    Args:
        segments: QUERY, RECOMMENDED_ITEMS: here the ids of users, most inclined first.
        truth: QUERY, ITEM_ID: here the ids of users who did interact.
        n_users: all users the segment could be drawn from.
    """

    def measure(ranked: np.ndarray, hidden: Histories) -> dict[str, np.ndarray]:
        return metrics.segment_per_query(ranked, hidden, n_users)

    return _blockwise(segments, truth, "QUERY", measure, ("hits_at_1_percent", "recall_at_1_percent"))


def means(values: DataFrame) -> dict[str, float]:
    """Return the mean of every metric over the rows of :func:`per_user` or :func:`segment_per_query`."""
    names = values.columns[1:]
    whole = [
        F.sum(F.rint(F.col(f"`{name}`") * 2.0**_FRACTION).cast("bigint").cast("decimal(38,0)")).alias(str(i))
        for i, name in enumerate(names)
    ]
    row = values.agg(F.count("*").alias("n"), *whole).first()
    return {name: int(row[str(i)]) / (row["n"] << _FRACTION) for i, name in enumerate(names)}


def coverage(lists: DataFrame, n_items: int) -> float:
    """Return the share of the catalogue in at least one first-25 list."""
    shown = lists.select(F.explode(F.slice(RECOMMENDED, 1, metrics.LIST_LENGTH)).alias(ITEM_ID))
    return shown.distinct().count() / n_items


def segment_coverage(segments: DataFrame, n_users: int) -> float:
    """Return the share of all users who are in the first 1 % of at least one segment."""
    shown = segments.select(F.explode(F.slice(RECOMMENDED, 1, metrics.one_percent(n_users))).alias(USER_ID))
    return shown.distinct().count() / n_users


def _blockwise(
    lists: DataFrame,
    truth: DataFrame,
    key: str,
    measure: Callable[[np.ndarray, Histories], dict[str, np.ndarray]],
    names: Sequence[str],
) -> DataFrame:
    hidden = truth.groupBy(key).agg(F.collect_list(ITEM_ID).alias("hidden"))
    nothing = F.array().cast("array<string>")
    joined = hidden.join(lists.select(key, RECOMMENDED), key, "left").select(
        key, F.coalesce(RECOMMENDED, nothing).alias("shown"), "hidden"
    )

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            values = measure(*_coded(batch.column("shown"), batch.column("hidden"))) if len(batch) else {}
            frame = pd.DataFrame({key: batch.column(key).to_pandas(), **values})
            yield from batches_of(frame, pa.schema([(key, pa.string()), *((name, pa.float64()) for name in names)]))

    return through_python(joined, work, ", ".join([f"`{key}` string", *(f"`{name}` double" for name in names)]))


def _coded(shown: pa.ListArray, hidden: pa.ListArray) -> tuple[np.ndarray, Histories]:
    """Return ids as codes of this block: lists ``(n, longest)`` padded with -1, and the truth."""
    both = pa.concat_arrays([shown.flatten(), hidden.flatten()]).dictionary_encode()
    codes = both.indices.to_numpy().astype(np.int32)
    n_shown = len(shown.flatten())
    lengths = np.diff(shown.offsets.to_numpy())
    ranked = np.full((len(shown), max(1, lengths.max(initial=0))), -1, np.int32)
    rows = np.repeat(np.arange(len(shown)), lengths)
    ranked[rows, np.arange(n_shown) - np.repeat(np.cumsum(lengths) - lengths, lengths)] = codes[:n_shown]
    offsets = hidden.offsets.to_numpy().astype(np.int64)
    items = np.array(codes[n_shown:])
    users = np.full(len(hidden), -1, np.int32)
    return ranked, Histories(items, np.zeros(len(items), np.int64), offsets - offsets[0], users)
