"""Splits: nothing hidden is older than what is shown, nothing is lost, nothing is seen twice."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.datasets import toy_dataset
from helpers.errors import InputError
from helpers.interactions import Interactions
from helpers.splits import SPLITS, Split, last_basket, leave_last, personalize, split, temporal


def interactions(rows):
    columns = ["USER_ID", "ITEM_ID", "TIMESTAMP"]
    return Interactions.from_frame(pd.DataFrame(rows, columns=columns).astype({"TIMESTAMP": np.int64}))


def events(histories, whole):
    """Return (user, item, time) of each event of a batch."""
    users = whole.user_ids.names(histories.users)[histories.rows]
    return list(zip(users, whole.item_ids.names(histories.items), histories.timestamps.tolist(), strict=True))


TEN_BY_TEN = interactions([(f"u{u}", f"i{n}", 100 * n + u) for u in range(10) for n in range(10)])
SHOP = interactions(
    [("ann", "a", 1), ("ann", "b", 1), ("ann", "c", 9), ("ann", "d", 9), ("bob", "a", 5), ("cy", "a", 3), ("cy", "b", 4)]
)

many_rows = st.lists(
    st.tuples(st.sampled_from(list("ABCDEFGH")), st.sampled_from(list("xyz")), st.integers(0, 12)), min_size=4, max_size=60
)


# Known answers


def test_personalize_as_the_guide_draws_it():
    """10 users of 10 events: nine train, the tenth shows nine events and hides one."""
    done = personalize(TEN_BY_TEN, seed=0)
    assert len(done.train) == 90 and len(done.truth) == 1
    assert done.inputs.lengths.tolist() == [9] and done.truth.lengths.tolist() == [1]
    assert TEN_BY_TEN.item_ids.names(done.truth.items).tolist() == ["i9"]
    assert not set(done.inputs.users) & set(done.train.users)
    assert done.train.user_ids == TEN_BY_TEN.user_ids and done.train.item_ids == TEN_BY_TEN.item_ids


@pytest.mark.parametrize(("n", "hidden"), [(2, 1), (4, 1), (14, 1), (16, 2), (26, 3), (100, 10)])
def test_personalize_hides_a_tenth_but_at_least_one(n, hidden):
    done = personalize(interactions([("u", f"i{k}", k) for k in range(n)]), test_users=1.0)
    assert done.truth.lengths.tolist() == [hidden] and done.inputs.lengths.tolist() == [n - hidden]


def test_personalize_single_events_train():
    done = personalize(SHOP, test_users=1.0)
    assert events(done.train.histories, SHOP) == [("bob", "a", 5)]


def test_personalize_draws_users_by_seed():
    tested = [tuple(personalize(TEN_BY_TEN, seed=seed, test_users=0.3).inputs.users) for seed in (1, 1, 2, 3, 4)]
    assert tested[0] == tested[1] and len(set(tested)) > 1 and all(len(users) == 3 for users in tested)


def test_temporal_cuts_everybody_at_once():
    done = temporal(SHOP, share=0.5)  # times 1 1 3 4 5 9 9: the cut is 4
    assert events(done.train.histories, SHOP) == [("ann", "a", 1), ("ann", "b", 1), ("cy", "a", 3)]
    assert events(done.truth, SHOP) == [("ann", "c", 9), ("ann", "d", 9), ("cy", "b", 4)]
    assert done.inputs.now.tolist() == [4, 4]


def test_last_basket_hides_all_of_the_newest_second():
    done = last_basket(SHOP)
    assert events(done.truth, SHOP) == [("ann", "c", 9), ("ann", "d", 9), ("cy", "b", 4)]
    assert events(done.inputs, SHOP) == [("ann", "a", 1), ("ann", "b", 1), ("cy", "a", 3)]
    assert events(done.train.histories, SHOP) == [("ann", "a", 1), ("ann", "b", 1), ("bob", "a", 5), ("cy", "a", 3)]


def test_leave_last_hides_one_event_and_may_cut_a_basket():
    done = leave_last(SHOP)
    assert events(done.truth, SHOP) == [("ann", "d", 9), ("cy", "b", 4)]
    assert events(done.inputs, SHOP) == [("ann", "a", 1), ("ann", "b", 1), ("ann", "c", 9), ("cy", "a", 3)]


@pytest.mark.parametrize("name", ["personalize", "last-basket", "leave-last"])
def test_asked_when_the_answer_begins(name):
    done = split(TEN_BY_TEN, name)
    assert (done.inputs.now == done.truth.timestamps[done.truth.offsets[:-1]]).all()


def test_users_without_events_are_nobodys_test_user():
    whole = toy_dataset("x", {"a": ["p", "q"], "b": ["p", "q", "r"]}).interactions.keep(
        np.array([True, True, False, False, False])
    )
    for name in SPLITS:
        if name == "personalize":
            done = personalize(whole, test_users=1.0)
        else:
            done = split(whole, name)
        assert whole.user_ids.names(done.inputs.users).tolist() == ["a"]


def test_ties_shuffled_ask_another_question():
    basket = interactions([(f"u{u}", f"i{n:02}", 1) for u in range(3) for n in range(30)])
    plain, shuffled = (split(basket, "leave-last", seed=0, shuffle_ties=ties) for ties in (False, True))
    assert basket.item_ids.names(plain.truth.items).tolist() == ["i29"] * 3
    assert (shuffled.truth.items != plain.truth.items).any()


# Refusals


def test_unknown_split():
    with pytest.raises(InputError, match="unknown split 'last basket'. Did you mean 'last-basket'"):
        split(SHOP, "last basket")


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize("rows", [[("a", "x", 1), ("b", "y", 1)], []])
def test_nobody_to_test(name, rows):
    with pytest.raises(InputError, match="leaves no test user"):
        split(interactions(rows), name)


def test_a_split_that_looks_into_the_future_cannot_exist():
    done = last_basket(SHOP)
    with pytest.raises(ValueError, match="older than the input"):
        Split("broken", done.train, done.inputs.at(100), done.truth)
    swapped = SHOP.of_users([0, 2]).keep(np.array([False, False, True, True, False, True]))
    earlier = SHOP.of_users([0, 2]).keep(np.array([True, True, False, False, True, False]))
    with pytest.raises(ValueError, match="older than the input"):
        Split("broken", done.train, swapped.at(0), earlier)
    with pytest.raises(ValueError, match="row by row"):
        Split("broken", done.train, done.inputs.take([1, 0]), done.truth)


# Properties


@settings(deadline=None, max_examples=60)
@given(rows=many_rows, name=st.sampled_from(list(SPLITS)), seed=st.integers(0, 3), shuffle=st.booleans())
def test_every_split_is_fair(rows, name, seed, shuffle):
    whole = interactions(rows)
    try:
        done = split(whole, name, seed=seed, shuffle_ties=shuffle)
    except InputError:
        assume(False)
    inputs, truth = done.inputs, done.truth
    assert (inputs.users == truth.users).all() and (truth.lengths >= 1).all() and (inputs.lengths >= 1).all()
    for row in range(len(truth)):
        shown, hidden = (h.timestamps[h.offsets[row] : h.offsets[row + 1]] for h in (inputs, truth))
        assert shown.max() <= inputs.now[row] <= hidden.min()
    train = Counter(events(done.train.histories, whole))
    shown, hidden, everything = (Counter(events(h, whole)) for h in (inputs, truth, whole.histories))
    assert train + hidden <= everything and not (train + hidden) - everything  # no hidden event is trained on
    if name == "personalize":
        assert train + shown + hidden == everything  # test users do not train at all
    else:
        assert train + hidden <= everything and shown <= train
    assert done.train.n_users == whole.n_users and done.train.n_items == whole.n_items
