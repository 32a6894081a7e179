"""The own history in numbers: every feature of a tiny history worked out by hand, and broken variants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.interactions import Histories
from helpers.recipes.own_history import DAY, NAMES, OwnHistory, repeat_shares

GAP = 1800
TEA, CUP, JAM = 0, 1, 2
REPEATS = np.log(np.array([0.5, 0.25, 0.125], np.float32))


def visits(now=20 * DAY):
    """Tea and a cup on day 0, tea on day 10, tea and jam on day 20; asked on day 20 unless told otherwise."""
    return Histories.of([[TEA, CUP, TEA, TEA, JAM]], [[0, 0, 10 * DAY, 20 * DAY, 20 * DAY]]).at(now)


def features(made=OwnHistory, histories=None):
    """Return item -> feature -> value of the first history."""
    own = made(visits() if histories is None else histories, GAP, REPEATS)
    rows = [dict(zip(NAMES, values, strict=True)) for values in own.features.tolist()]
    return {int(item): row for item, row in zip(own.items, rows, strict=True)}


BY_HAND = {
    TEA: {
        "it is there": 1,
        "log events with it": np.log(1 + 3),
        "log sessions with it": np.log(1 + 3),
        "share of sessions with it": 3 / 3,
        "log sessions with it, relative": 1,
        "newest within 3 days": 1,  # taken today
        "newest within 14 days": 1,
        "newest within 60 days": 1,
        "newest within 180 days": 1,
        "newest within 1 session": 1,
        "newest within 3 sessions": 1,
        "newest within 8 sessions": 1,
        "newest within 1 event": np.exp(-1 / 1),  # jam came after it
        "newest within 5 events": np.exp(-1 / 5),
        "newest within 20 events": np.exp(-1 / 20),
        "in the running session": 1,
        "in its last 3 events": np.exp(-1 / 3),
        "due by its own rhythm": 1 / 11,  # every 10 days, and it is 0 days ago: (0 + 1) / (10 + 1)
        "log events, fading in 30 days": np.log(1 + np.exp(-20 / 30) + np.exp(-10 / 30) + 1),
        "log events, fading in 120 days": np.log(1 + np.exp(-20 / 120) + np.exp(-10 / 120) + 1),
        "log events, fading by session": np.log(1 + 0.64 + 0.8 + 1),
        "a short history": 1 / (1 + 3),
        "item is often taken again": np.log(0.5),
        "... and was by this user": np.log(0.5) * np.log(1 + 3),
    },
    CUP: {
        "it is there": 1,
        "log events with it": np.log(1 + 1),
        "log sessions with it": np.log(1 + 1),
        "share of sessions with it": 1 / 3,
        "log sessions with it, relative": np.log(2) / np.log(4),
        "newest within 3 days": np.exp(-20 / 3),
        "newest within 14 days": np.exp(-20 / 14),
        "newest within 60 days": np.exp(-20 / 60),
        "newest within 180 days": np.exp(-20 / 180),
        "newest within 1 session": np.exp(-2 / 1),
        "newest within 3 sessions": np.exp(-2 / 3),
        "newest within 8 sessions": np.exp(-2 / 8),
        "newest within 1 event": np.exp(-3 / 1),
        "newest within 5 events": np.exp(-3 / 5),
        "newest within 20 events": np.exp(-3 / 20),
        "in the running session": 0,
        "in its last 3 events": 0,
        "due by its own rhythm": 0,  # taken once: no rhythm
        "log events, fading in 30 days": np.log(1 + np.exp(-20 / 30)),
        "log events, fading in 120 days": np.log(1 + np.exp(-20 / 120)),
        "log events, fading by session": np.log(1 + 0.64),
        "a short history": 1 / (1 + 3),
        "item is often taken again": np.log(0.25),
        "... and was by this user": np.log(0.25) * np.log(1 + 1),
    },
}


def check_by_hand(made):
    found = features(made)
    assert list(found) == [TEA, CUP, JAM]
    for item, expected in BY_HAND.items():
        assert list(expected) == list(NAMES)
        for name, value in expected.items():
            assert found[item][name] == pytest.approx(value, rel=1e-5), (item, name)


def test_every_feature_by_hand():
    check_by_hand(OwnHistory)


BROKEN = {
    "every event is a session": lambda histories, gap, repeats: OwnHistory(histories, -1, repeats),
    "all is one session": lambda histories, gap, repeats: OwnHistory(histories, 1e9, repeats),
    "asked a day later": lambda histories, gap, repeats: OwnHistory(histories.at(histories.now + DAY), gap, repeats),
    "newest first": lambda histories, gap, repeats: OwnHistory(
        Histories.of([histories.items[::-1].tolist()], [histories.timestamps.tolist()]).at(histories.now), gap, repeats
    ),
    "items are never taken again": lambda histories, gap, repeats: OwnHistory(histories, gap, 0 * repeats),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_features_are_noticed(broken):
    with pytest.raises(AssertionError):
        check_by_hand(BROKEN[broken])


def test_at_the_start_of_a_visit_nothing_is_running():
    later = features(histories=visits(now=30 * DAY))
    assert all(later[item]["in the running session"] == later[item]["in its last 3 events"] == 0 for item in later)
    assert later[TEA]["newest within 3 days"] == pytest.approx(np.exp(-10 / 3))


def test_an_item_is_due_when_its_own_rhythm_says_so():
    due = {day: features(histories=visits(now=day * DAY))[TEA]["due by its own rhythm"] for day in (25, 30, 41)}
    assert due == {
        25: pytest.approx(6 / 11),
        30: pytest.approx(1),
        41: pytest.approx(11 / 22),
    }  # every ten days, last on day 20


def test_sessions_are_counted_once_an_item():
    own = OwnHistory(visits(), GAP, REPEATS)
    assert own.sessions.tolist() == [3, 1, 1]


def test_unknown_items_and_empty_histories_have_no_rows():
    batch = Histories.of([[], [TEA, -1, TEA], [-1], [JAM]])
    own = OwnHistory(batch, GAP, REPEATS)
    assert list(zip(own.rows.tolist(), own.items.tolist(), strict=True)) == [(1, TEA), (3, JAM)]
    for nothing in (Histories.of([]), Histories.of([[], []])):
        assert OwnHistory(nothing, GAP, REPEATS).features.shape == (0, len(NAMES))


def test_repeat_shares_by_hand():
    # tea in 3 sessions, 2 of them repeats; cup and jam in one each: overall (2 + 1) / (5 + 2)
    overall = 3 / 7
    expected = [(2 + 10 * overall) / (3 + 10), 10 * overall / (1 + 10), 10 * overall / (1 + 10), overall]
    np.testing.assert_allclose(repeat_shares(visits(), 4, GAP), np.log(expected), rtol=1e-6)


def test_what_is_bought_again_and_again_has_the_larger_share():
    days = [[day * DAY for day in range(10)]] * 20
    staple = Histories.of([[0] * 10 if user < 10 else range(1, 11) for user in range(20)], days)
    shares = repeat_shares(staple, 11, GAP)
    assert np.exp(shares[0]) > 0.85 and (np.exp(shares[1:]) < 0.3).all()


TIMES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40 * DAY)), max_size=8)


@settings(max_examples=50, deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=4), st.integers(0, 60 * DAY))
def test_a_history_has_the_same_features_in_any_batch(events, wait):
    lists = [sorted(row, key=lambda event: event[1]) for row in events]
    batch = Histories.of([[item for item, _ in row] for row in lists], [[time for _, time in row] for row in lists])
    batch = batch.at(batch.now + wait)
    repeats = np.linspace(-2, 0, 6, dtype=np.float32)
    own = OwnHistory(batch, GAP, repeats)
    assert np.isfinite(own.features).all()
    for row in range(len(batch)):
        alone = OwnHistory(batch.take(slice(row, row + 1)), GAP, repeats)
        here = own.rows == row
        assert own.items[here].tolist() == alone.items.tolist() == sorted({item for item, _ in lists[row]})
        np.testing.assert_array_equal(own.features[here], alone.features)
