"""Sessions: found in the timestamps, cut into pieces; whether the order within a second means anything is asked of the data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.interactions import Histories
from helpers.recipes.sessions import FIRST, cut_into_pieces, is_running, order_carries_meaning, session_starts

TWO = Histories.of([[7, 8, 9], [], [5, 6]], [[0, 30, 100], [], [90, 91]])


def check_sessions_start(function):
    """A pause of 70 s ends a session of gap 60, a pause of exactly the gap does not, and the next user begins anew."""
    assert function(TWO, 60).tolist() == [True, False, True, True, False]
    assert function(TWO, 70).tolist() == [True, False, False, True, False]


def test_sessions_start():
    check_sessions_start(session_starts)
    assert len(session_starts(Histories.of([[], []]), 60)) == 0


def without_users(histories, gap):
    pauses = np.diff(histories.timestamps, prepend=-gap - 1) > gap
    pauses[0] = True
    return pauses


def from_the_gap_on(histories, gap):
    return session_starts(histories, gap - 1)


@pytest.mark.parametrize("broken", [without_users, from_the_gap_on])
def test_broken_session_starts_are_noticed(broken):
    with pytest.raises(AssertionError):
        check_sessions_start(broken)


def test_pieces_of_a_long_session():
    one = Histories.of([[1, 2, 3, 4, 5, 6], [7]], [[0, 1, 2, 3, 4, 500], [0]])
    pieces = cut_into_pieces(one, gap=60, longest=2)
    assert pieces.starts.tolist() == [0, 2, 4, 5, 6]
    assert pieces.lengths.tolist() == [2, 2, 1, 1, 1]
    assert pieces.rows.tolist() == [0, 0, 0, 0, 1]
    assert pieces.gaps.tolist() == [FIRST, 0, 0, 496, FIRST]  # 0: the session goes on
    assert pieces.places.tolist() == [0, 1, 2, 3, 0]
    assert len(cut_into_pieces(Histories.of([[]]), 60, 2)) == 0


times = st.lists(st.lists(st.integers(0, 400), max_size=12).map(sorted), min_size=1, max_size=4)


@given(times, st.integers(0, 100), st.integers(1, 5))
def test_pieces_hold_every_event_once(times, gap, longest):
    histories = Histories.of([[0] * len(row) for row in times], times)
    pieces = cut_into_pieces(histories, gap, longest)
    covered = [event for start, n in zip(pieces.starts, pieces.lengths, strict=True) for event in range(start, start + n)]
    assert covered == list(range(len(histories.items)))
    for start, n, row in zip(pieces.starts, pieces.lengths, pieces.rows, strict=True):
        inside = slice(start, start + n)
        assert 1 <= n <= longest and (histories.rows[inside] == row).all()
        assert (np.diff(histories.timestamps[inside]) <= gap).all()


def test_a_session_runs_until_the_gap_has_passed():
    asked = TWO.at(np.array([160, 160, 152]))
    assert is_running(asked, 60).tolist() == [True, False, False]  # 60 s ago; no event; 61 s ago


def chains(n_users=40, seed=0):
    """Baskets of one second each, written in a fixed order: item 3 always after 2, item 4 always after 3, and so on."""
    draw = np.random.default_rng(seed)
    starts = draw.integers(0, 30, n_users)
    return Histories.of([list(range(start, start + 6)) for start in starts], [[9] * 6] * n_users)


def shuffled(histories, seed):
    order = np.lexsort((np.random.default_rng(seed).random(len(histories.items)), histories.rows))
    return Histories(histories.items[order], histories.timestamps, histories.offsets, histories.users)


def test_planted_order_is_found_and_a_shuffled_one_is_not():
    assert order_carries_meaning(chains())
    found = [order_carries_meaning(shuffled(chains(seed=seed), seed), seed=seed + 1) for seed in range(10)]
    assert sum(found) <= 1


def test_planted_order_is_found_where_every_pair_of_items_meets_often():
    """Five items in 60 baskets: each of the 20 neighbours recurs by chance as well, but not as often."""
    always = Histories.of([[0, 1, 2, 3, 4]] * 60, [[9] * 5] * 60)
    assert order_carries_meaning(always) and not order_carries_meaning(shuffled(always, 1))


def test_without_ties_there_is_no_order_to_ask_about():
    assert not order_carries_meaning(Histories.of([[1, 2, 3], [1, 2, 3]]))
