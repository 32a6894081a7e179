"""The co-occurrence kernel against plain counting."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_contract import rank

from helpers.recipes.cooccurrence import related_items


def plainly(groups, items, n_items, keep, discount, min_count):
    """The dense way: a group x item table of zeros and ones, multiplied with itself."""
    table = np.zeros((max(groups, default=0) + 1, n_items))
    table[groups, items] = 1
    together = table.T @ table
    counts = np.maximum(np.diag(together), 1)
    weights = (together / (counts[:, None] * counts) ** discount).astype(np.float32)
    weights[together < max(1, min_count)] = -np.inf
    np.fill_diagonal(weights, -np.inf)
    ids = np.array([rank(row, keep) for row in weights])
    return ids, np.where(ids >= 0, np.take_along_axis(weights, np.maximum(ids, 0), axis=1), 0)


def test_by_hand():
    groups = np.array([0, 0, 1, 1, 2, 2])
    items = np.array([0, 1, 0, 1, 0, 2], np.int32)  # baskets {0, 1}, {0, 1}, {0, 2}
    ids, weights = related_items(groups, items, 4, keep=2, discount=0.5)
    assert ids.tolist() == [[1, 2], [0, -1], [0, -1], [-1, -1]]
    np.testing.assert_allclose(weights[0], [2 / (3 * 2) ** 0.5, 1 / (3 * 1) ** 0.5], rtol=1e-6)
    assert weights[3].tolist() == [0, 0]


def test_repeats_in_a_group_count_once():
    once = related_items(np.array([0, 0]), np.array([0, 1], np.int32), 2, keep=1)
    often = related_items(np.array([0, 0, 0, 0]), np.array([1, 0, 1, 1], np.int32), 2, keep=1)
    assert once[0].tolist() == often[0].tolist() and once[1].tolist() == often[1].tolist()


def test_no_events():
    ids, weights = related_items(np.empty(0, np.int64), np.empty(0, np.int32), 3, keep=2)
    assert (ids == -1).all() and (weights == 0).all()


@settings(deadline=None, max_examples=60)
@given(
    events=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 11)), min_size=1, max_size=60),
    more_items=st.sampled_from([0, 500]),  # a large catalogue takes the way that notes what it touched
    keep=st.integers(1, 15),
    discount=st.sampled_from([0.0, 0.5, 1.0]),
    min_count=st.integers(1, 3),
)
def test_equals_plain_counting(events, more_items, keep, discount, min_count):
    groups, items = (np.array(column) for column in zip(*sorted(events), strict=True))
    n_items = 12 + more_items
    ids, weights = related_items(groups, items.astype(np.int32), n_items, keep=keep, discount=discount, min_count=min_count)
    plain_ids, plain_weights = plainly(groups, items, n_items, keep, discount, min_count)
    np.testing.assert_allclose(weights, plain_weights, rtol=1e-6)
    if discount != 0.5:  # square roots leave room for rounding: equal weights in another order of ids
        assert (ids == plain_ids).all()


def test_number_of_threads_changes_nothing():
    rng = np.random.default_rng(0)
    groups, items = np.sort(rng.integers(0, 300, 4000)), rng.integers(0, 150, 4000).astype(np.int32)
    results = [related_items(groups, items, 150, keep=20, threads=threads) for threads in (1, 2, 5)]
    for ids, weights in results[1:]:
        assert ids.tobytes() == results[0][0].tobytes() and weights.tobytes() == results[0][1].tobytes()
