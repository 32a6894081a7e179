"""The k best, against a plain sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_contract import rank

from helpers.recipes.top_k import top_k


def test_by_hand():
    codes, scores = top_k(np.array([[0.1, 0.5, 0.5, 0.9], [0.0, 0.0, 0.0, 0.0]]), 3)
    assert codes.tolist() == [[3, 1, 2], [0, 1, 2]] and codes.dtype == np.int32
    assert scores.tolist() == [[0.9, 0.5, 0.5], [0.0, 0.0, 0.0]]


def test_impossible_items_never_appear():
    codes, scores = top_k(np.array([[np.nan, -np.inf, -3.0, np.inf]]), 4)
    assert codes.tolist() == [[3, 2, -1, -1]]
    assert scores.tolist() == [[np.inf, -3.0, -np.inf, -np.inf]]


def test_whole_numbers_rank_like_numbers():
    assert top_k(np.array([[1, 3, 2]]), 2)[0].tolist() == [[1, 2]]


def test_empty_shapes():
    assert top_k(np.zeros((0, 4)), 2)[0].shape == (0, 2)
    assert top_k(np.zeros((1, 0)), 2)[0].tolist() == [[-1, -1]]


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(k):
    with pytest.raises(ValueError, match="at least 1"):
        top_k(np.zeros((1, 3)), k)


@settings(deadline=None, max_examples=100)
@given(
    scores=st.integers(1, 12).flatmap(
        lambda n: st.lists(
            st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0, 2.0]), min_size=n, max_size=n), min_size=1, max_size=4
        )
    ),
    k=st.integers(1, 15),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 99),
    one_mask=st.booleans(),
)
def test_equals_a_plain_sort(scores, k, dtype, seed, one_mask):
    scores = np.array(scores, dtype)
    allowed = np.random.default_rng(seed).random(scores.shape[1:] if one_mask else scores.shape) < 0.7
    before = scores.copy()
    codes, best = top_k(scores, k, allowed)
    masked = np.where(allowed, scores, -np.inf)
    assert (codes == [rank(row, k) for row in masked]).all()
    expected = np.where(codes >= 0, np.take_along_axis(masked, np.maximum(codes, 0), axis=1), -np.inf)
    assert (best == expected).all() and (scores == before).all()
