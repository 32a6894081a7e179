"""Questions cut from the training data: nothing shown is newer than its answer, nothing asked was learned; broken variants."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.datasets import Dataset
from helpers.interactions import Histories, Interactions
from helpers.recipes.questions import HeldOut, Questions, hold_out
from helpers.recipes.sessions import is_running

GAP, DAY = 1800, 86_400


def random_shop(seed, n_users=60, n_items=15, visits=8, steps=4) -> Interactions:
    """Users with visits on random days of a hundred; the events of a visit are minutes apart, some share a second."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        for day in rng.choice(100, rng.integers(1, visits + 1), replace=False):
            times = day * DAY + np.sort(rng.integers(0, 3, rng.integers(1, steps + 1))) * 60
            rows += [(f"u{user:03}", f"i{rng.integers(n_items):02}", time) for time in times]
    return Dataset.from_frames("random", pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])).interactions


def cut_of(interactions):
    return int(np.quantile(interactions.timestamps, 0.9, method="higher"))


def events_of(interactions, user):
    own = slice(interactions.offsets[user], interactions.offsets[user + 1])
    return interactions.items[own], interactions.timestamps[own]


# Checks of a way to hold out, so that broken ones can be held to them


def check_nothing_shown_is_newer_than_its_answer(held_out):
    """What is shown is the beginning of a user's history; the answer comes from what follows, and the question in between."""
    data = random_shop(1)
    held = held_out(data, GAP, seed=0)
    for questions in (held.inside, held.after):
        shown = questions.histories
        for row in range(len(questions)):
            items, times = events_of(data, shown.users[row])
            part = slice(shown.offsets[row], shown.offsets[row + 1])
            n = part.stop - part.start
            assert 0 < n < len(items)
            assert shown.items[part].tolist() == items[:n].tolist() and shown.timestamps[part].tolist() == times[:n].tolist()
            answer = questions.items[questions.rows == row]
            assert len(answer) and len(set(answer)) == len(answer) and set(answer) <= set(items[n:])
            assert items[n] in answer and times[n - 1] <= shown.now[row] <= times[n]


def check_nothing_asked_was_learned(held_out):
    data = random_shop(2)
    held = held_out(data, GAP, seed=0)
    hidden = set(held.inside.histories.users)
    assert 5 <= len(hidden) <= data.n_users // 4
    assert not hidden & set(held.learn.users)
    assert held.learn.timestamps.max() < cut_of(data)
    learned = ~np.isin(data.users, list(hidden)) & (data.timestamps < cut_of(data))
    assert learned.sum() >= len(held.learn) > 0.5 * len(data)
    assert held.learn.item_ids == data.item_ids and held.learn.user_ids == data.user_ids


def check_both_kinds_and_both_situations(held_out):
    data = random_shop(3)
    held = held_out(data, GAP, seed=0)
    cut = cut_of(data)
    for questions, late in ((held.inside, False), (held.after, True)):
        running = is_running(questions.histories, GAP)
        assert 0 < running.sum() < len(questions)  # at the start of visits, and inside them
        assert ((questions.histories.now >= cut) == late).all()
    at_the_cut = held.after.histories.now == cut
    assert at_the_cut.any() and not at_the_cut.all()


CHECKS = {name: check for name, check in globals().items() if name.startswith("check_")}


@pytest.mark.parametrize("check", CHECKS)
def test_hold_out(check):
    CHECKS[check](hold_out)


def _learns_from_everybody(data, gap, seed):
    return replace(hold_out(data, gap, seed), learn=data.before(cut_of(data)))


def _learns_from_the_future(data, gap, seed):
    held = hold_out(data, gap, seed)
    return replace(held, learn=data.keep(~np.isin(data.users, held.inside.histories.users)))


def _asks_too_late(data, gap, seed):
    held = hold_out(data, gap, seed)
    late = held.inside.histories.at(held.inside.histories.now + 1)
    return replace(held, inside=Questions(late, held.inside.rows, held.inside.items))


def _shows_the_newest(data, gap, seed):
    held = hold_out(data, gap, seed)
    whole = data.of_users(held.inside.histories.users).at(held.inside.histories.now)
    return replace(held, inside=Questions(whole, held.inside.rows, held.inside.items))


def _asks_about_the_past_only(data, gap, seed):
    held = hold_out(data, gap, seed)
    return HeldOut(held.learn, held.inside, held.inside)


BROKEN = {
    _learns_from_everybody: "check_nothing_asked_was_learned",
    _learns_from_the_future: "check_nothing_asked_was_learned",
    _asks_too_late: "check_nothing_shown_is_newer_than_its_answer",
    _shows_the_newest: "check_nothing_shown_is_newer_than_its_answer",
    _asks_about_the_past_only: "check_both_kinds_and_both_situations",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_way_is_noticed(broken):
    with pytest.raises(AssertionError):
        CHECKS[BROKEN[broken]](broken)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 5), st.integers(1, 4))
def test_any_data(seed, n_users, visits, steps):
    data = random_shop(seed, n_users, visits=visits, steps=steps)
    held = hold_out(data, GAP, seed)
    for questions in (held.inside, held.after):
        histories = questions.histories
        assert (histories.lengths > 0).all() and set(questions.rows) == set(range(len(questions)))
        assert (histories.timestamps <= histories.now[histories.rows]).all()
    assert not set(held.inside.histories.users) & set(held.learn.users)
    assert held.learn.timestamps.max(initial=-1) < cut_of(data)


def test_the_same_seed_asks_the_same():
    data = random_shop(4)
    one, two, other = (hold_out(data, GAP, seed) for seed in (0, 0, 1))
    assert (one.inside.items.tolist(), one.after.histories.now.tolist()) == (
        two.inside.items.tolist(),
        two.after.histories.now.tolist(),
    )
    assert set(one.inside.histories.users) != set(other.inside.histories.users)


def test_an_answer_at_a_visits_start_is_the_whole_visit():
    """Three visits of two items each, in a crowd of others: asked at the second visit, its two items are the answer."""
    rows = [(f"u{user:03}", f"i{visit}{step}", (10 * visit + user % 5) * DAY + step) for user in range(80)
            for visit in range(3) for step in range(2)]  # fmt: skip
    data = Dataset.from_frames("visits", pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])).interactions
    inside = hold_out(data, GAP, seed=0).inside
    begins = np.flatnonzero(~is_running(inside.histories, GAP) & (inside.histories.lengths == 2))
    assert len(begins) > 10
    for row in begins:
        assert data.item_ids.names(inside.items[inside.rows == row]).tolist() == ["i10", "i11"]


def test_taking_some_questions_keeps_their_answers():
    questions = Questions(Histories.of([[1], [2], [3, 4]]), np.array([0, 1, 1, 2]), np.array([5, 6, 7, 8]))
    taken = questions.take(np.array([2, 1]))
    assert len(taken) == 2 and taken.histories.items.tolist() == [3, 4, 2]
    assert sorted(zip(taken.rows.tolist(), taken.items.tolist(), strict=True)) == [(0, 8), (1, 6), (1, 7)]
    assert len(questions.take(np.array([], int))) == 0


def test_too_little_data_asks_nothing():
    for rows in ([("a", "x", 1)], [("a", "x", 1), ("a", "y", 2), ("b", "x", 3)]):
        frame = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
        held = hold_out(Dataset.from_frames("tiny", frame).interactions, GAP, 0)
        assert len(held.inside) == 0
    nothing = Dataset.from_frames("tiny", frame).interactions.before(0)
    held = hold_out(nothing, GAP, 0)
    assert len(held.learn) == len(held.inside) == len(held.after) == 0
