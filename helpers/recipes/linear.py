"""A linear model from a user's items to all items, in closed form (EASE), cut to the strongest weights.

Which items does a user's history speak for, if every item may vote for every other? With ``X`` the users x items matrix of zeros
and ones, the weights ``B`` that predict ``X`` from itself, nothing from itself alone, have a closed form::

    P = (X'X + regularisation * I)^-1        B = I - P / diag(P)  (column by column)

Source: Steck, WWW 2019 (Embarrassingly Shallow Autoencoders). The inverse of a positive definite matrix is taken by Cholesky
factors in place, five times as fast as a general inverse.
"""

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from helpers.interactions import Interactions

MAX_ITEMS = 12_000
"""Beyond that the items x items matrix does not fit a laptop: about 0.6 GB here."""


def linear_weights(interactions: Interactions, regularisation: float = 200.0, keep: int = 200) -> sp.csr_matrix:
    """Return the ``keep`` strongest weights *towards* each item, float32 CSR ``(n_items, n_items)``: row votes for column.

    A catalogue above :data:`MAX_ITEMS` gets no weights at all (an empty matrix).
    """
    n_items = interactions.n_items
    if n_items > MAX_ITEMS or len(interactions) == 0:
        return sp.csr_matrix((n_items, n_items), dtype=np.float32)
    taken = interactions.matrix()
    taken.data[:] = 1
    gram = (taken.T @ taken).toarray()
    gram[np.diag_indices(n_items)] += regularisation
    factor, fault = scipy.linalg.lapack.spotrf(gram, lower=1, overwrite_a=1)
    inverse, fault_2 = scipy.linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if fault or fault_2:
        raise ValueError("the items x items matrix could not be inverted")
    lower = np.tril(inverse)
    weights = -(lower + np.tril(lower, -1).T) / np.diag(lower)
    np.fill_diagonal(weights, 0)
    if keep < n_items:
        strength = np.abs(weights)
        weakest = np.partition(strength, n_items - keep, axis=0)[n_items - keep]
        weights[strength < weakest] = 0
    return sp.csr_matrix(weights)
