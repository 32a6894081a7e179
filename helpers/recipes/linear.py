"""A linear model from a user's items to all items, in closed form (EASE), cut to the strongest weights.

Which items does a user's history speak for, if every item may vote for every other? With ``X`` the users x items matrix of zeros
and ones, the weights ``B`` that predict ``X`` from itself, nothing from itself alone, have a closed form::

    P = (X'X + r I)^-1        B = I - P / diag(P)  (column by column)        r = regularisation

With fewer users than items the same ``P`` comes from a matrix of the users' size (Woodbury)::

    P = (I - X' (X X' + r I)^-1 X) / r

Source: Steck, WWW 2019 (Embarrassingly Shallow Autoencoders). The inverse of a positive definite matrix is taken by Cholesky
factors in place, five times as fast as a general inverse.
"""

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from helpers.interactions import Interactions

MAX_SIDE = 12_000
"""The smaller of users and items may be so many: their square matrix takes about 0.6 GB."""
_BLOCK_CELLS = 8_000_000


def linear_weights(interactions: Interactions, regularisation: float = 200.0, keep: int = 200) -> sp.csr_matrix:
    """Return the ``keep`` strongest weights *towards* each item, float32 CSR ``(n_items, n_items)``: row votes for column.

    Data with more than :data:`MAX_SIDE` users and items get no weights at all (an empty matrix).
    """
    n_items = interactions.n_items
    taken = interactions.matrix()
    taken = taken[np.diff(taken.indptr) > 0]
    taken.data[:] = 1
    if min(taken.shape) > MAX_SIDE or taken.shape[0] == 0:
        return sp.csr_matrix((n_items, n_items), dtype=np.float32)
    of_columns = _by_users(taken, regularisation) if taken.shape[0] < n_items else _by_items(taken, regularisation)
    blocks = []
    step = max(1, _BLOCK_CELLS // n_items)
    for start in range(0, n_items, step):
        columns = np.arange(start, min(start + step, n_items))
        inverse = of_columns(columns)
        own = inverse[columns, np.arange(len(columns))]
        weights = -inverse / own
        weights[columns, np.arange(len(columns))] = 0
        blocks.append(sp.csc_matrix(_strongest(weights, keep)))
    return sp.csr_matrix(sp.hstack(blocks))


def _by_items(taken: sp.csr_matrix, regularisation: float):
    """Return a function from item codes to columns of ``P``, ``(n_items, k)``."""
    inverse = _inverse((taken.T @ taken).toarray(), regularisation)
    return lambda columns: inverse[:, columns]


def _by_users(taken: sp.csr_matrix, regularisation: float):
    inverse = _inverse((taken @ taken.T).toarray(), regularisation)
    back = sp.csr_matrix(taken.T)

    def columns_of(columns: np.ndarray) -> np.ndarray:
        found = -(back @ (inverse @ taken[:, columns].toarray()))
        found[columns, np.arange(len(columns))] += 1
        return found / np.float32(regularisation)

    return columns_of


def _inverse(gram: np.ndarray, regularisation: float) -> np.ndarray:
    """Return ``(gram + regularisation * I)^-1``; ``gram`` is overwritten."""
    gram[np.diag_indices(len(gram))] += np.float32(regularisation)
    factor, fault = scipy.linalg.lapack.spotrf(gram, lower=1, overwrite_a=1)
    half, second_fault = scipy.linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if fault or second_fault:
        raise ValueError("the matrix could not be inverted")
    lower = np.tril(half)
    return lower + np.tril(lower, -1).T


def _strongest(weights: np.ndarray, keep: int) -> np.ndarray:
    """Set all but the ``keep`` largest of each column, by size, to zero."""
    n = len(weights)
    if keep < n:
        strength = np.abs(weights)
        weights[strength < np.partition(strength, n - keep, axis=0)[n - keep]] = 0
    return weights
