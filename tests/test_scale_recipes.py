"""Recipes, splits, metrics and batch lists on Spark: the numbers of one machine, exactly."""

import numpy as np
import pandas as pd
import pytest

from helpers import datasets, metrics, recipes, splits
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.percentiles import band, weighted_band

pytest.importorskip("pyspark", reason="PySpark is not installed: the extra spark")

from helpers.scale import als, batch, popularity, sims, tables  # noqa: E402
from helpers.scale import metrics as spark_metrics  # noqa: E402
from helpers.scale import splits as spark_splits  # noqa: E402


@pytest.fixture(scope="module")
def crowded() -> Dataset:
    """Few seconds, few items, one best seller: ties everywhere. Items and users without events too."""
    draw = np.random.default_rng(5)
    n = 4_000
    items = np.where(draw.random(n) < 0.2, 0, draw.integers(0, 40, n))
    frame = {
        "USER_ID": [f"u{u}" for u in draw.zipf(1.4, n) % 180],
        "ITEM_ID": [f"i{i}" for i in items],
        "TIMESTAMP": 1_000_000 + 600 * draw.integers(0, 400, n),
    }
    more = pd.DataFrame({"ITEM_ID": ["i5", "new", "\u00e9t\u00e9"]}), pd.DataFrame({"USER_ID": ["u5", "visitor", "zz"]})
    return Dataset.from_frames("crowded", pd.DataFrame(frame), *more)


@pytest.fixture(scope="module")
def events(spark, crowded):
    return tables.of_interactions(spark, crowded.interactions).repartition(3, "ITEM_ID").persist()


@pytest.fixture(scope="module")
def tables_of(spark, crowded):
    """The item and user tables."""
    ids = crowded.interactions.item_ids.ids, crowded.interactions.user_ids.ids
    names = ("ITEM_ID", "USER_ID")
    return [spark.createDataFrame([(str(one),) for one in all_], f"{name} string") for all_, name in zip(ids, names, strict=True)]


def assert_same_model(ours, theirs):
    assert type(ours) is type(theirs) and ours.recipe == theirs.recipe and ours.item_ids == theirs.item_ids
    assert ours.arrays.keys() == theirs.arrays.keys()
    for name, array in theirs.arrays.items():
        assert ours.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(ours.arrays[name], array, err_msg=name)


# ------------------------------------------------------------------ recipes


def test_popularity_is_the_ordinary_model(events, tables_of, crowded, tmp_path):
    made = popularity.fit(events, tables_of[0])
    assert_same_model(made, recipes.get("aws-popularity-count")().fit(crowded))
    made.save(tmp_path / "model")
    loaded = recipes.load(tmp_path / "model")
    assert_same_model(loaded, made)
    assert loaded.recommend(Histories.of([[]]), 3)[0].shape == (1, 3)


CHANGES = [  # the defaults are compared on the whole shop below
    {"cointeraction": "user", "popularity_discount_factor": 0.3, "neighbours": 7},
    {"cointeraction": "basket", "min_cointeraction_count": 0, "max_item_interaction_count_percentile": 0.6},
    {
        "session_gap_minutes": 100.0,
        "min_cointeraction_count": 1,
        "max_user_history_length_percentile": 0.8,
        "min_item_interaction_count_percentile": 0.2,
        "popularity_discount_factor": 1.0,
    },
]


@pytest.mark.parametrize("changes", CHANGES, ids=["user", "basket", "session"])
def test_sims_is_the_ordinary_model(events, tables_of, crowded, changes):
    recipe = recipes.get("aws-sims")(**changes)
    theirs = recipe.fit(crowded)
    assert_same_model(sims.fit(events, recipe, tables_of[0]), theirs)
    assert (theirs.arrays["ids"] >= 0).sum() > 100, "there is something to compare"


def test_the_shop_in_both_worlds_to_the_last_list(spark, tmp_path):
    """Train, save, load, recommend for everybody: each step on Spark against the same on one machine."""
    shop = datasets.load("gift-shop")
    shop_events = tables.of_interactions(spark, shop.interactions).persist()
    catalogue = spark.createDataFrame([(item,) for item in shop.interactions.item_ids.ids], "ITEM_ID string")
    made = sims.fit(shop_events, items=catalogue)
    theirs = recipes.get("aws-sims")().fit(shop)
    assert_same_model(made, theirs)
    made.save(tmp_path / "model")
    lists = batch.recommend(recipes.load(tmp_path / "model"), shop_events, 10)
    batch.write(lists, str(tmp_path / "lists"))
    batch.write(lists, str(tmp_path / "lists"))  # again: replaced, not doubled
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    written = pd.read_parquet(tmp_path / "lists").set_index("USER_ID")[batch.RECOMMENDED]
    histories = shop.interactions.histories
    known = np.flatnonzero(histories.lengths > 0)
    local = theirs.item_ids.names(theirs.recommend(histories.take(known), 10)[0])
    assert sorted(written.index) == sorted(shop.interactions.user_ids.ids[known])
    assert (np.stack(written[shop.interactions.user_ids.ids[known]]) == local).all()
    shop_events.unpersist()


def test_a_model_that_needs_more_than_items_and_times_is_refused(events, crowded):
    model = recipes.get("aws-trending-now")().fit(crowded)
    with pytest.raises(InputError, match="aws-trending-now needs more than items and times"):
        batch.recommend(model, events)


def test_als_finds_two_kinds_of_customers(spark):
    """Tea drinkers take teas, coffee drinkers coffees; each is shown what is left of their own kind."""
    draw = np.random.default_rng(0)
    rows = [(f"u{u}", f"{'tea' if u % 2 else 'coffee'}-{i}", u) for u in range(60) for i in draw.permutation(12)[:8]]
    made = als.fit(spark.createDataFrame(rows, "USER_ID string, ITEM_ID string, TIMESTAMP bigint"), rank=2, iterations=5)
    lists = {row["USER_ID"]: row[batch.RECOMMENDED] for row in made.recommend(10).collect()}
    assert len(lists) == 60 and all(len(set(shown)) == 10 for shown in lists.values())
    kind = {f"u{u}": "tea" if u % 2 else "coffee" for u in range(60)}
    assert all(item.startswith(kind[user]) for user, shown in lists.items() for item in shown)


# ------------------------------------------------------------------ splits


def rows_of(frame) -> list[tuple]:
    return sorted(tuple(row) for row in frame.select("USER_ID", "ITEM_ID", "TIMESTAMP", "PLACE").collect())


def rows_of_local(interactions, histories: Histories) -> list[tuple]:
    ids = interactions.user_ids.ids[histories.users[histories.rows]], interactions.item_ids.ids[histories.items]
    places = histories.columns["PLACE"].tolist()
    return sorted(zip(*(one.tolist() for one in ids), histories.timestamps.tolist(), places, strict=True))


@pytest.mark.parametrize("name", spark_splits.SPLITS)
def test_splits_hide_the_same_events(events, tables_of, crowded, name):
    frame = crowded.interactions.frame().assign(PLACE=np.arange(len(crowded.interactions)))
    numbered = Dataset.from_frames("numbered", frame, crowded.items.reset_index(), crowded.users.reset_index()).interactions
    theirs = splits.split(numbered, name, seed=3)
    ours = spark_splits.split(events, name, tables_of[1], seed=3)
    assert rows_of(ours.train) == rows_of_local(numbered, theirs.train.histories)
    assert rows_of(ours.inputs) == rows_of_local(numbered, theirs.inputs)
    assert rows_of(ours.truth) == rows_of_local(numbered, theirs.truth)
    asked = {row["USER_ID"]: row["NOW"] for row in ours.now.collect()}
    assert asked == dict(zip(numbered.user_ids.ids[theirs.inputs.users].tolist(), theirs.inputs.now.tolist(), strict=True))


def test_a_split_that_tests_nobody_or_is_unknown_is_refused(spark):
    lonely = spark.createDataFrame([("u", "i", 5, 0)], "USER_ID string, ITEM_ID string, TIMESTAMP bigint, PLACE bigint")
    with pytest.raises(InputError, match="leaves no test user"):
        spark_splits.split(lonely, "leave-last")
    with pytest.raises(InputError, match="leave-last"):
        spark_splits.split(lonely, "leave-lst")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_the_quantile_of_times_is_numpys(spark, share):
    times = np.random.default_rng(1).integers(0, 40 * 86_400, 501)
    frame = spark.createDataFrame([(int(time),) for time in times], "TIMESTAMP bigint")
    assert spark_splits.quantile_of_times(frame, share) == np.quantile(times, share, method="higher")


# ------------------------------------------------------------------ metrics


@pytest.fixture(scope="module")
def asked(spark):
    """Random lists, some short, some empty, one with a repeat; and hidden items with repeats, some of which nobody shows."""
    draw = np.random.default_rng(2)
    shown = [[f"i{i}" for i in draw.permutation(60)[: n % 30]] for n in range(101)] + [["i1", "i1", "i2"]]
    hidden = [[f"i{i}" for i in draw.integers(0, 80, 1 + n % 9)] for n in range(102)]
    lists = spark.createDataFrame(
        [(f"u{n:03}", row) for n, row in enumerate(shown)], f"USER_ID string, {batch.RECOMMENDED} array<string>"
    )
    truth = spark.createDataFrame(
        [(f"u{n:03}", i) for n, row in enumerate(hidden) for i in row], "USER_ID string, ITEM_ID string"
    )
    codes = np.full((102, 29), -1, np.int32)
    for row, items in enumerate(shown):
        codes[row, : len(items)] = [int(item[1:]) for item in items]
    return lists, truth, codes, Histories.of([[int(item[1:]) for item in row] for row in hidden])


def test_metrics_of_each_user_are_the_same_to_the_last_bit(asked):
    lists, truth, codes, hidden = asked
    ours = spark_metrics.per_user(lists, truth).orderBy("USER_ID").toArrow()
    theirs = metrics.per_user(codes, hidden)
    assert ours.column_names == ["USER_ID", *theirs]
    for name, values in theirs.items():
        np.testing.assert_array_equal(ours.column(name).to_numpy(), values, err_msg=name)


def test_means_do_not_depend_on_the_partitions(asked):
    lists, truth, codes, hidden = asked
    one, many = (spark_metrics.means(spark_metrics.per_user(lists.repartition(n), truth.repartition(n))) for n in (1, 7))
    assert one == many
    for name, values in metrics.per_user(codes, hidden).items():
        assert one[name] == pytest.approx(values.mean(), abs=1e-14)
    assert spark_metrics.coverage(lists, 80) == metrics.coverage(codes, 80)


def test_segments_are_measured_alike(asked):
    lists, truth, codes, hidden = asked
    ours = spark_metrics.segment_per_query(
        lists.withColumnRenamed("USER_ID", "QUERY"), truth.withColumnRenamed("USER_ID", "QUERY"), 700
    )
    theirs = metrics.segment_per_query(codes, hidden, 700)
    found = ours.orderBy("QUERY").toArrow()
    for name, values in theirs.items():
        np.testing.assert_array_equal(found.column(name).to_numpy(), values, err_msg=name)
    assert spark_metrics.segment_coverage(lists, 700) == metrics.segment_coverage(codes, 700)


def test_quantiles_of_counted_values_are_those_of_the_values():
    draw = np.random.default_rng(3)
    for _ in range(50):
        values, weights = np.unique(draw.integers(0, 99, 9)), draw.integers(0, 5, 9)
        weights = weights[: len(values)]
        low, high = sorted(draw.random(2))
        assert weighted_band(values, weights, low, high) == band(np.repeat(values, weights), low, high)
    assert weighted_band(np.array([3]), np.array([0]), 0, 1) == (0, 0)
