"""The truncated SVD and the ridge regression against the plain ways of NumPy."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.recipes.embeddings import column_vectors, ridge_map


def table(seed, rows=60, columns=25, density=0.3):
    return sp.random(rows, columns, density, format="csr", random_state=np.random.default_rng(seed))


def test_by_hand():
    # two items always together, one alone twice: the first direction is the pair (strength 2), the second the loner
    baskets = sp.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1.0]]))
    np.testing.assert_allclose(column_vectors(baskets, 2), [[np.sqrt(2), 0], [np.sqrt(2), 0], [0, 1]], atol=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_products_are_the_best_approximation_of_their_rank(seed, dimensions):
    found = table(seed)
    vectors = column_vectors(found, dimensions, seed)
    left, strength, right = np.linalg.svd(found.toarray(), full_matrices=False)
    exact = (right[:dimensions].T * strength[:dimensions] ** 2) @ right[:dimensions]
    assert vectors.shape == (25, min(dimensions, 25))
    np.testing.assert_allclose(vectors @ vectors.T, exact, atol=1e-2 * strength[0] ** 2)
    np.testing.assert_allclose(vectors.T @ vectors, np.diag(np.diag(vectors.T @ vectors)), atol=1e-9)


def test_same_seed_same_bytes_and_fixed_signs():
    found = table(1)
    one, two, other = (column_vectors(found, 8, seed) for seed in (3, 3, 4))
    assert one.tobytes() == two.tobytes()
    np.testing.assert_allclose(one, other, atol=1e-4)  # another start, the same place
    assert (one[np.abs(one).argmax(axis=0), np.arange(8)] > 0).all()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (4, 3)])
def test_empty_tables_have_no_directions(shape):
    assert column_vectors(sp.csr_matrix(shape), 5).shape == (shape[1], 0)


def test_ridge_by_hand():
    # one feature, targets 2 and 4, weights 1 and 3, penalty 1: B = (1*2 + 3*4) / (1 + 3 + 1)
    found = ridge_map(np.array([[1.0], [1.0]]), np.array([[2.0], [4.0]]), np.array([1.0, 3.0]), 1.0)
    np.testing.assert_allclose(found, [[14 / 5]])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_ridge_is_where_the_gradient_vanishes(seed):
    rng = np.random.default_rng(seed)
    features, targets, weights = rng.normal(size=(20, 4)), rng.normal(size=(20, 3)), rng.random(20)
    found = ridge_map(features, targets, weights, 0.5)
    gradient = features.T @ (weights[:, None] * (features @ found - targets)) + 0.5 * found
    np.testing.assert_allclose(gradient, 0, atol=1e-9)


def test_ridge_without_features_says_nothing():
    assert ridge_map(np.zeros((5, 0)), np.ones((5, 2)), np.ones(5), 1.0).shape == (0, 2)
