"""The linear model is the textbook's: its closed form by NumPy's general inverse, and broken variants that differ."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.datasets import toy_dataset
from helpers.recipes import linear
from helpers.recipes.linear import linear_weights

BASKETS = {
    "u1": ["bread", "butter", "jam", "bread"],  # bread twice: it still counts once
    "u2": ["bread", "butter"],
    "u3": ["bread", "milk"],
    "u4": ["tea", "milk"],
    "u5": ["tea"],
}
TOY = toy_dataset("baskets", BASKETS).interactions


def textbook(taken, regularisation):
    """Steck 2019, equation 8: B = I - P / diag(P), column by column; the diagonal is zero."""
    inverse = np.linalg.inv(taken.T @ taken + regularisation * np.eye(taken.shape[1]))
    weights = np.eye(len(inverse)) - inverse / np.diag(inverse)[None, :]
    return weights


def zeros_and_ones(interactions):
    taken = np.zeros((interactions.n_users, interactions.n_items))
    taken[interactions.users, interactions.items] = 1
    return taken


def check_textbook(weigh):
    weights = weigh(TOY, regularisation=2.0, keep=10).toarray()
    np.testing.assert_allclose(weights, textbook(zeros_and_ones(TOY), 2.0), rtol=1e-4, atol=1e-6)
    assert (np.diag(weights) == 0).all()


def test_textbook_formula():
    check_textbook(linear_weights)


def test_bread_votes_for_butter_and_tea_for_milk():
    bread, butter, jam, milk, tea = range(5)
    weights = linear_weights(TOY, regularisation=2.0).toarray()
    assert weights[bread, butter] > weights[tea, butter] and weights[tea, milk] > weights[jam, milk]
    assert weights[tea, butter] == pytest.approx(0, abs=0.05)  # never together


BROKEN = {
    "the other diagonal": lambda *data, **how: sp.csr_matrix(linear_weights(*data, **how).T),
    "less regularisation": lambda data, regularisation, keep: linear_weights(data, regularisation / 2, keep),
    "half of the weights": lambda data, regularisation, keep: linear_weights(data, regularisation, keep=2),
    "an item votes for itself": lambda *data, **how: linear_weights(*data, **how) + sp.eye(5, format="csr"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_weights_are_noticed(broken):
    with pytest.raises(AssertionError):
        check_textbook(BROKEN[broken])


def test_repeated_events_count_once():
    once = toy_dataset("once", {user: list(dict.fromkeys(basket)) for user, basket in BASKETS.items()}).interactions
    assert (linear_weights(TOY) != linear_weights(once)).nnz == 0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=6), min_size=1, max_size=10), st.floats(0.5, 300), st.integers(1, 9)
)
def test_any_baskets(baskets, regularisation, keep):
    data = toy_dataset("any", {f"u{n}": [f"i{item}" for item in basket] for n, basket in enumerate(baskets)}).interactions
    full = textbook(zeros_and_ones(data), regularisation)
    weights = linear_weights(data, regularisation, keep).toarray()
    kept = weights != 0
    np.testing.assert_allclose(weights[kept], full[kept], rtol=1e-3, atol=1e-5)
    for column in range(data.n_items):  # nothing dropped is clearly stronger than anything kept
        dropped = np.abs(full[~kept[:, column], column])
        if kept[:, column].any():
            assert dropped.max(initial=0) <= np.abs(full[kept[:, column], column]).min() + 1e-5
        assert kept[:, column].sum() >= min(keep, (np.abs(full[:, column]) > 1e-5).sum())


def test_keeps_the_strongest_towards_each_item():
    weights = linear_weights(TOY, regularisation=2.0, keep=1).toarray()
    full = textbook(zeros_and_ones(TOY), 2.0)
    bread, butter = 0, 1
    assert weights[bread, butter] == pytest.approx(full[bread, butter], rel=1e-4) and np.count_nonzero(weights[:, butter]) == 1


def test_nothing_to_learn_from_or_too_many_items_gives_no_weights(monkeypatch):
    assert linear_weights(TOY.before(0)).nnz == 0
    monkeypatch.setattr(linear, "MAX_SIDE", 1)
    weights = linear_weights(TOY)
    assert weights.nnz == 0 and weights.shape == (5, 5)
