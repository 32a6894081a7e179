"""Trending-Now by hand: growth between two intervals, the time of the request, quiet times; and broken variants."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from helpers import recipes
from helpers.datasets import Dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.trending_now import SECONDS, TrendingModel, TrendingNow

HOUR = 3600
NINE, NOON, THREE = 9 * HOUR, 12 * HOUR, 15 * HOUR


def shop(*runs):
    """Runs of (item, how often, second), each event by another user."""
    rows = [(item, second) for item, often, second in runs for _ in range(often)]
    frame = pd.DataFrame(rows, columns=["ITEM_ID", "TIMESTAMP"]).assign(USER_ID=[f"u{n:03}" for n in range(len(rows))])
    return Dataset.from_frames("day", frame)


DAY = shop(("tea", 4, NINE), ("tea", 9, NOON), ("jam", 8, NINE), ("jam", 9, NOON), ("cup", 7, NINE), ("cup", 2, THREE - 1))
"""The example of the module's text: between 9 and 12 o'clock, and between 12 and 15."""


def asked(model, now, k=3):
    return model.item_ids.names(model.recommend(Histories.of([[]]).at(now), k)[0][0]).tolist()


def check_example(recipe):
    model = recipe().fit(DAY)
    assert dict(zip(model.item_ids.ids, model.growth(THREE), strict=True)) == {"tea": 5, "jam": 1, "cup": -5}
    assert asked(model, THREE) == ["tea", "jam", "cup"]


def check_what_is_not_yet_does_not_count(recipe):
    model = recipe().fit(shop(("tea", 1, NINE), ("jam", 5, NOON)))
    assert asked(model, NOON, 1) == ["tea"] and asked(model, NOON + 1, 1) == ["jam"]


def check_falling_is_not_rising(recipe):
    model = recipe().fit(shop(("tea", 2, NOON), ("jam", 9, NINE), ("jam", 3, NOON)))  # jam 9 -> 3, tea 0 -> 2
    assert asked(model, THREE, 1) == ["tea"]


CHECKS = {check.__name__: check for check in (check_example, check_what_is_not_yet_does_not_count, check_falling_is_not_rising)}


@pytest.mark.parametrize("check", CHECKS)
def test_trending(check):
    CHECKS[check](TrendingNow)


def _broken(wrong_growth):
    class Model(TrendingModel):
        growth = wrong_growth

    @dataclass(frozen=True)
    class Broken(TrendingNow):
        def fit(self, dataset, seed=0):
            return Model(self, dataset.interactions.item_ids, super().fit(dataset).arrays)

    return Broken


def _turned(self, now=0):
    return -TrendingModel.growth(self, now)


def _future(self, now=0):
    return TrendingModel.growth(self, 0)


def _last_only(self, now=0):
    return np.bincount(self.arrays["items"][self.arrays["times"] >= now - 3 * HOUR], minlength=self.n_items)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        ("check_example", _turned),
        ("check_what_is_not_yet_does_not_count", _future),
        ("check_falling_is_not_rising", _last_only),
    ],
)
def test_broken_variants_are_noticed(check, wrong):
    with pytest.raises(AssertionError):
        CHECKS[check](_broken(wrong))


@pytest.mark.parametrize(("frequency", "first"), [("30 minutes", "jam"), ("1 hour", "cup"), ("3 hours", "tea"), ("1 day", "tea")])
def test_frequency_says_what_is_compared(frequency, first):
    day = shop(("tea", 5, THREE - 6000), ("jam", 2, THREE - 60), ("cup", 4, THREE - 2700), ("tea", 1, THREE - 1))
    assert asked(TrendingNow(trend_discovery_frequency=frequency).fit(day), THREE, 1) == [first]


def test_intervals_begin_where_they_say():
    model = TrendingNow(trend_discovery_frequency="1 hour").fit(shop(("tea", 1, NOON)))
    growth = [int(model.growth(now)[0]) for now in (NOON, NOON + 1, NOON + HOUR, NOON + HOUR + 1, NOON + 2 * HOUR + 1)]
    assert growth == [0, 1, 1, -1, 0]  # an event counts from the second after it, for one interval, then once against


def test_equal_growth_goes_by_popularity_and_so_does_all_that_does_not_rise():
    model = TrendingNow().fit(
        shop(("tea", 1, NOON), ("jam", 1, NOON), ("jam", 5, 0), ("cup", 3, 0), ("pot", 2, 0), ("pan", 3, NINE), ("pan", 3, NOON))
    )
    assert asked(model, THREE, 5) == ["jam", "tea", "pan", "cup", "pot"]  # +1 and 6 users, +1 and 1, then 6, 3 and 2 users


def test_a_quiet_time_gets_the_popular_list():
    model, popular = (recipes.get(name)().fit(DAY) for name in ("aws-trending-now", "aws-popularity-count"))
    midnight_a_week_later = 8 * 24 * HOUR
    assert asked(model, midnight_a_week_later) == asked(popular, midnight_a_week_later) == ["jam", "tea", "cup"]


def test_no_time_is_the_end_of_the_training_data():
    model = TrendingNow().fit(DAY)
    assert asked(model, 0) == asked(model, THREE) == ["tea", "jam", "cup"]


def test_everybody_is_asked_at_their_own_time():
    model = TrendingNow().fit(shop(("tea", 3, NINE), ("jam", 3, 5 * 24 * HOUR)))
    batch = Histories.of([[0], [1], []]).at(np.array([NINE + 1, 5 * 24 * HOUR + 1, NINE + 1]))
    assert model.item_ids.names(model.recommend(batch, 1)[0][:, 0]).tolist() == ["tea", "jam", "tea"]


def test_frequencies_are_the_services():
    assert list(SECONDS) == ["30 minutes", "1 hour", "3 hours", "1 day"]
    assert TrendingNow().trend_discovery_frequency == "3 hours"
    with pytest.raises(InputError, match="trend_discovery_frequency = '2 hours' is not allowed; use 30 minutes"):
        TrendingNow(trend_discovery_frequency="2 hours")


@pytest.mark.parametrize("fault", ["order", "range", "length"])
def test_forged_arrays_are_refused(fault):
    model = TrendingNow().fit(DAY)
    arrays = {name: array.copy() for name, array in model.arrays.items()}
    if fault == "order":
        arrays["times"] = arrays["times"][::-1]
    elif fault == "range":
        arrays["items"][0] = 3
    else:
        arrays["items"] = arrays["items"][:-1]
    with pytest.raises(ValueError):
        TrendingModel(model.recipe, model.item_ids, arrays).check()
