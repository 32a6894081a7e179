"""Popularity over time by hand, and nothing from the future."""

import numpy as np
import pandas as pd
import pytest

from helpers.interactions import Interactions, Vocabulary
from helpers.recipes.popularity_over_time import DAY, PopularityOverTime


def events(rows, items=("a", "b")):
    frame = pd.DataFrame([("u", item, int(day * DAY) + 1000) for item, day in rows], columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    return Interactions.from_frame(frame, item_ids=Vocabulary(items))


FOUR = events([("a", 0), ("a", 0.5), ("b", 1.25), ("a", 3)])


def test_counts_before_each_day():
    popularity = PopularityOverTime.of(FOUR)
    assert popularity.before.tolist() == [[0, 0], [2, 0], [2, 1], [2, 1], [3, 1]]
    assert popularity.total.tolist() == [3, 1]
    assert popularity.end == 4 * DAY + 1000
    assert popularity.moments(np.array([0, 1000, DAY + 999, DAY + 1000, 99 * DAY])).tolist() == [0, 0, 0, 1, 4]


def test_a_window_by_hand():
    """The two days before day 3 hold one b. Overall three a, one b: shares 3.5 / 5 and 1.5 / 5; two days hold 2 on average."""
    share, pull = np.array([0.7, 0.3]), 1 + 0.1 * 4 * 2 / 4
    expected = np.log((np.array([0, 1]) + pull * share) / (1 + pull) / share)
    np.testing.assert_allclose(PopularityOverTime.of(FOUR).log_trend(2, np.array([3]))[0], expected, rtol=1e-5)


def test_where_nothing_happened_nothing_is_trending():
    popularity = PopularityOverTime.of(FOUR)
    np.testing.assert_allclose(popularity.log_trend(1, np.array([0, 3])), 0, atol=1e-6)
    np.testing.assert_allclose(popularity.log_overall(), np.log([0.7, 0.3]), rtol=1e-5)


def check_future_is_not_seen(trend_of):
    """The same events, those from day 5 on at other times and in other order: what is known up to day 5 stays."""
    past = [("a", 0), ("b", 2), ("b", 4)]
    worlds = [past + [("a", 5), ("a", 6), ("b", 9)], past + [("b", 5), ("a", 8), ("a", 9)]]
    one, other = (trend_of(PopularityOverTime.of(events(world)))[:6] for world in worlds)
    np.testing.assert_array_equal(one, other)


def test_future_is_not_seen():
    check_future_is_not_seen(lambda popularity: popularity.log_trend(3))


def test_a_window_that_holds_its_own_day_is_noticed():
    def peeks(popularity):
        return popularity.log_trend(3, np.minimum(np.arange(len(popularity.before)) + 1, len(popularity.before) - 1))

    with pytest.raises(AssertionError):
        check_future_is_not_seen(peeks)


def test_a_large_catalogue_gets_wider_buckets(monkeypatch):
    monkeypatch.setattr("helpers.recipes.popularity_over_time._MOST_CELLS", 4)
    popularity = PopularityOverTime.of(FOUR)
    assert popularity.width.tolist() == [2 * DAY] and popularity.before.tolist() == [[0, 0], [2, 1], [3, 1]]


def test_no_events():
    popularity = PopularityOverTime.of(events([]))
    assert popularity.before.shape == (2, 2) and np.isfinite(popularity.log_trend(30)).all()
