"""Questions cut out of the training data: nothing asked was learned from, and the choice among settings is cautious."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_contract import small_shop

from helpers.datasets import toy_dataset
from helpers.recipes.held_out import LEFT, MOST, draw_questions, first_as_good
from helpers.recipes.sims import Sims


def drawn(dataset, seed=0):
    return draw_questions(dataset.interactions, Sims().groups(dataset.interactions), seed)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_hidden_users_and_cold_items_are_not_learned_from(seed):
    interactions = small_shop().interactions
    questions = drawn(small_shop(), seed)
    hidden = set(questions.inputs.users)
    assert hidden and hidden.isdisjoint(questions.train.users)
    counts = np.bincount(questions.train.items, minlength=interactions.n_items)
    assert (counts[questions.is_cold] <= max(LEFT)).all() and 0.2 < questions.is_cold.mean() < 0.3
    others = ~np.isin(interactions.users, list(hidden)) & ~questions.is_cold[interactions.items]
    assert counts[~questions.is_cold].sum() == others.sum()  # all that is neither hidden nor cold is learned from


def test_newest_tenth_is_the_truth():
    interactions = small_shop().interactions
    questions = drawn(small_shop())
    for row, user in enumerate(questions.inputs.users):
        whole = interactions.of_users([user])
        n = max(1, round(0.1 * len(whole.items)))
        assert questions.inputs.take([row]).items.tolist() == whole.items[:-n].tolist()
        assert questions.truth.take([row]).items.tolist() == whole.items[-n:].tolist()


def test_companions_are_the_rest_of_the_session():
    dataset = toy_dataset("visits", {f"u{n:02}": ["a", "b", "c", "b"] for n in range(30)})
    questions = drawn(dataset)
    assert len(questions.asked) == len(questions.inputs) == 3  # a tenth of the users, a session each
    for row, item in enumerate(questions.asked):
        assert sorted([item, *questions.companions.take([row]).items]) == [0, 1, 2]
    assert not questions.is_cold[questions.asked].any()  # one of three items is cold, and there were others to ask with


def test_number_of_questions_is_limited():
    dataset = toy_dataset("many", {f"u{n:05}": ["a", "b"] for n in range(12_000)})
    questions = drawn(dataset)
    assert len(questions.asked) == len(questions.companions) == len(questions.inputs) == MOST


@pytest.mark.parametrize("lists", [{"u": ["a", "b", "c"]}, {"u": ["a"], "v": ["b"]}, {}])
def test_too_few_users_ask_nothing(lists):
    assert drawn(toy_dataset("few", lists)) is None


def test_sessions_of_one_item_ask_nothing_but_users_do():
    questions = drawn(small_shop())
    single = toy_dataset("single", {f"u{n}": ["a", "a"] for n in range(20)})
    assert len(questions.asked) and len(drawn(single).asked) == 0 and len(drawn(single).inputs) == 2


def test_first_as_good_by_hand():
    sure = [np.array([0.1, 0.2, 0.3, 0.2]), np.array([0.5, 0.6, 0.7, 0.6]), np.array([0.49, 0.61, 0.7, 0.61])]
    assert first_as_good([1, 2, 4], sure, 0) == 2  # 0.4 more on every question is no luck; a little here and there is
    assert first_as_good([1, 2, 4], [np.array([0.3, 0.3])] * 3, 0) == 1
    assert first_as_good([1, 2, 4], [np.array([])] * 3, 8) == 8
