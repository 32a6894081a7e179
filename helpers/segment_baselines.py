"""What a segmentation recipe has to beat: what a marketer could do without it.

Each baseline takes the training part and the item sets of queries, float32 ``(n, n_items)``, 1 at the items of each, and returns
a score for every user, float ``(n, n_users)``.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from helpers.interactions import Interactions


def most_active(train: Interactions, sets: sp.csr_matrix) -> np.ndarray:
    """The same users for every query: those with most events."""
    return np.broadcast_to(train.histories.lengths.astype(float), (sets.shape[0], train.n_users))


def most_recent(train: Interactions, sets: sp.csr_matrix) -> np.ndarray:
    """The same users for every query: those who were here last."""
    return np.broadcast_to(train.histories.now.astype(float), (sets.shape[0], train.n_users))


def most_frequent(train: Interactions, sets: sp.csr_matrix) -> np.ndarray:
    """Users by how often they took the query's items; equal ones, and all who never did, by their activity."""
    activity = train.histories.lengths
    return (sets @ train.matrix().T).toarray() + activity / (activity.max(initial=0) + 1.0)


def nearest_users(train: Interactions, sets: sp.csr_matrix) -> np.ndarray:
    """Users by their likeness (cosine of the items they have) to all users who took the query's items."""
    taken = train.matrix()
    taken.data[:] = 1
    lengths = np.sqrt(np.diff(taken.indptr))
    unit = sp.diags(np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)) @ taken
    holders = sets @ taken.T
    return ((holders @ unit) @ unit.T).toarray()


BASELINES: dict[str, Callable[[Interactions, sp.csr_matrix], np.ndarray]] = {
    "most active users": most_active,
    "most recent users": most_recent,
    "most frequent buyers": most_frequent,
    "nearest-neighbour users": nearest_users,
}
