"""The splits of :mod:`helpers.splits` as DataFrames: the same users are tested, the same events are hidden.

What is drawn is drawn by the same function; the driver holds eight bytes a user for it. What depends on the order of events of
one second follows PLACE, the order of the files.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from helpers.errors import InputError, unknown_name
from helpers.interactions import TIMESTAMP, USER_ID
from helpers.scale import tables
from helpers.scale.tables import NUMBER
from helpers.splits import draw_test_users

DAY = 86_400


@dataclass(frozen=True)
class Split:
    """What to learn from, what to show, and what to find: DataFrames of events with the columns they came with.

    Attributes:
        name: the protocol.
        train: events to fit on.
        inputs: events of the test users, as known at the time of the question.
        truth: their hidden events.
        now: USER_ID, NOW: the test users and when each is asked (Unix seconds).
    """

    name: str
    train: DataFrame
    inputs: DataFrame
    truth: DataFrame
    now: DataFrame


def personalize(
    events: DataFrame, users: DataFrame | None = None, *, seed: int = 0, test_users: float = 0.1, hidden: float = 0.1
) -> Split:
    """Split as :func:`helpers.splits.personalize`.

    Args:
        events: interactions (:mod:`helpers.scale.tables`).
        users: the user table: users without events take part in the draw.
    """
    everyone = tables.in_order(tables.everyone(USER_ID, events, users)).persist()
    drawn = draw_test_users(everyone.count(), test_users, seed)
    codes = events.sparkSession.createDataFrame(pa.table({NUMBER: pa.array(drawn)}))
    several = events.groupBy(USER_ID).count().where("count >= 2")
    tested = everyone.join(codes, NUMBER, "left_semi").join(several, USER_ID).select(USER_ID, "count").persist()
    everyone.unpersist()
    theirs = events.join(tested, USER_ID).withColumn("steps_back", _steps_back())
    n_hidden = F.greatest(F.lit(1.0), F.rint(F.lit(hidden) * F.col("count")))
    theirs = theirs.withColumn("is_truth", F.col("steps_back") < n_hidden)
    return _ask("personalize", events.join(tested, USER_ID, "left_anti"), theirs, events.columns)


def temporal(events: DataFrame, users: DataFrame | None = None, *, seed: int = 0, share: float = 0.9) -> Split:
    """Split as :func:`helpers.splits.temporal`: one moment for everybody."""
    cut = quantile_of_times(events, share)
    past = F.col(TIMESTAMP) < cut
    sides = events.groupBy(USER_ID).agg(F.count_if(past).alias("before"), F.count_if(~past).alias("after"))
    tested = sides.where("before > 0 and after > 0").select(USER_ID).persist()
    theirs = events.join(tested, USER_ID, "left_semi")
    now = tested.select(USER_ID, F.lit(cut).cast("bigint").alias("NOW"))
    return Split("temporal", events.where(past), theirs.where(past), theirs.where(~past), now)


def last_basket(events: DataFrame, users: DataFrame | None = None, *, seed: int = 0) -> Split:
    """Split as :func:`helpers.splits.last_basket`: each user's newest second is hidden."""
    newest = F.max(TIMESTAMP).over(Window.partitionBy(USER_ID))
    return _hide("last-basket", events, F.col(TIMESTAMP) == newest)


def leave_last(events: DataFrame, users: DataFrame | None = None, *, seed: int = 0) -> Split:
    """Split as :func:`helpers.splits.leave_last`: each user's newest event is hidden."""
    return _hide("leave-last", events, _steps_back() == 0)


SPLITS: dict[str, Callable[..., Split]] = {
    "personalize": personalize,
    "temporal": temporal,
    "last-basket": last_basket,
    "leave-last": leave_last,
}


def split(events: DataFrame, name: str = "personalize", users: DataFrame | None = None, *, seed: int = 0) -> Split:
    """Split by the protocol's name.

    Raises:
        InputError: no such protocol, or no user can be tested.
    """
    if name not in SPLITS:
        raise unknown_name("split", name, SPLITS)
    made = SPLITS[name](events, users, seed=seed)
    if made.now.isEmpty():
        raise InputError(f"the {name} split leaves no test user: too few users with two or more interactions")
    return made


def quantile_of_times(events: DataFrame, share: float) -> int:
    """Return the quantile of all timestamps as NumPy's method ``higher`` does, found in two looks: the day, then the second.

    Nothing is sorted; what is collected is a count for each day, and for each second of one day.
    """
    n = events.count()
    if n == 0:
        return 0
    place = math.ceil((n - 1) * share)
    day = F.floor(F.col(TIMESTAMP) / DAY).alias("bin")
    first, before = _bin_of(events.select(day), place)
    second = events.where(F.floor(F.col(TIMESTAMP) / DAY) == first).select(F.col(TIMESTAMP).alias("bin"))
    return _bin_of(second, place - before)[0]


def _bin_of(values: DataFrame, place: int) -> tuple[int, int]:
    """Return the value at this place of the sorted column ``bin``, and how many values are smaller."""
    before = 0
    for row in values.groupBy("bin").count().orderBy("bin").collect():
        if place < before + row["count"]:
            return int(row["bin"]), before
        before += row["count"]
    raise ValueError(f"place {place} lies behind the last of {before} values")


def _steps_back() -> Column:
    return F.row_number().over(Window.partitionBy(USER_ID).orderBy(*tables.newest_first())) - 1


def _hide(name: str, events: DataFrame, hidden: Column) -> Split:
    marked = events.withColumn("is_truth", hidden)
    shown = F.max(~F.col("is_truth")).over(Window.partitionBy(USER_ID))
    marked = marked.withColumn("tested", shown)
    # a user of whom nothing would be shown is not tested: all events train
    train = marked.where("not (is_truth and tested)").select(*events.columns)
    return _ask(name, train, marked.where("tested"), events.columns)


def _ask(name: str, train: DataFrame, marked: DataFrame, columns: list[str]) -> Split:
    """Put the question at the second in which the answer begins."""
    inputs, truth = (marked.where(side).select(*columns) for side in ("not is_truth", "is_truth"))
    return Split(name, train, inputs, truth, truth.groupBy(USER_ID).agg(F.min(TIMESTAMP).alias("NOW")))
