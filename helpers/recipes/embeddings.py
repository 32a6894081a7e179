"""Items as short vectors: a truncated SVD of a sparse table, and a ridge regression from one kind of vector to another.

The SVD is a subspace iteration (Halko, Martinsson & Tropp 2011): start from random directions, multiply them by the table and
back a few times, and they turn towards the directions in which the table varies most. Only products of the sparse table
with a thin block are needed, so no item x item matrix is ever built.
"""

import numpy as np
import scipy.sparse as sp

_SPARE = 16
"""Directions carried along beyond those asked for: the last ones wanted then settle as well as the first."""
_ROUNDS = 6


def column_vectors(table: sp.csr_matrix, dimensions: int, seed: int = 0) -> np.ndarray:
    """Return a vector for each column: their products are the best approximation, of this rank, of ``table.T @ table``.

    Args:
        table: ``(n_rows, n_columns)``.
        dimensions: length of the vectors; less where the table has fewer rows or columns, 0 where it is empty.
        seed: draws the directions to start from. The same seed gives the same numbers.

    Returns:
        float64 ``(n_columns, dimensions)``, the most important dimension first, each with its largest entry positive.
    """
    n_rows, n_columns = table.shape
    width = min(dimensions + _SPARE, n_rows, n_columns)
    if width == 0 or table.nnz == 0:
        return np.zeros((n_columns, 0))
    table, back = sp.csr_matrix(table, dtype=np.float64), sp.csr_matrix(table.T, dtype=np.float64)
    block, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((n_columns, width)))
    for _ in range(_ROUNDS):
        block, _ = np.linalg.qr(back @ (table @ block))
    seen = table @ block
    strength, turn = np.linalg.eigh(seen.T @ seen)
    best = np.argsort(-strength, kind="stable")[:dimensions]
    vectors = (block @ turn[:, best]) * np.sqrt(np.maximum(strength[best], 0))
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(best))]
    return vectors * np.where(largest < 0, -1, 1)


def ridge_map(features: np.ndarray, targets: np.ndarray, weights: np.ndarray, penalty: float) -> np.ndarray:
    """Return the matrix ``B (f, t)`` that makes ``features @ B`` close to ``targets`` (Hoerl & Kennard 1970).

    It minimises ``sum_i weights[i] * |targets[i] - features[i] @ B|^2 + penalty * |B|^2``.

    Args:
        features: ``(n, f)``. targets: ``(n, t)``. weights: ``(n,)``, 0 or more. penalty: above 0.
    """
    weighted = features * weights[:, None]
    return np.linalg.solve(features.T @ weighted + penalty * np.eye(features.shape[1]), weighted.T @ targets)
