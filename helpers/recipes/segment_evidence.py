"""What a user's past says about a set of items: eight kinds of evidence for every pair of query and user, in blocks.

A query is a row of a sparse matrix over the catalogue: one item, or all items with certain attributes. For each user::

    own            how often they took these items
    own recent     the same, the event s steps before the user's newest counting 1 / (1 + s)
    own fresh      the same, the event d days before the user's newest counting 1 / (1 + d)
    related        likeness (cosine over users' whole histories) of these items to all that the user has
    related recent likeness (cosine over visits) of these items to the user's events, recent ones counting more
    latent         what a truncated singular value decomposition of the user-item table expects of the pair
    latent new     the same, of those of the items only that the user does not have yet
    supply         how many users have those of the items that this user does not have yet (each item counted by itself)

and, the same for all queries or all users: the user's activity (number of events and of visits), the days since the user was
last here, and how many users the query's items have. The evidence of a pair is a sum over the query's items, so a set of
items is treated as one thing and not as an intersection of lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from helpers.datasets.dataset import Dataset
from helpers.interactions import Interactions
from helpers.recipes.model_files import check_array
from helpers.recipes.sims import Sims

PAIR = ("own", "own recent", "own fresh", "related", "related recent", "latent", "latent new", "supply")
PER_USER = ("activity", "visits", "days away")
NAMES = (*PAIR, *PER_USER, "popularity")
"""The evidence by name, in the order in which the weights use it."""

_UNITS = np.array([1.0, 0.01, 0.01, 0.05, 0.01, 0.01, 0.01, 1.0], np.float32)
"""Evidence enters as ``log(1 + x / unit)``: nothing stays 0, and differences count relative to its usual size."""

_DENSE_SIDE = 400
"""A table with a side this short is decomposed exactly."""

_PAIRS_AT_ONCE = 100_000

DAY, PAUSE = 86_400, 1_800
"""Seconds of a day, and of the pause that ends a visit."""


def gather(dataset: Dataset, dimension: int, seed: int) -> dict[str, np.ndarray]:
    """Return the arrays of :class:`Evidence` for all interactions of a dataset.

    Args:
        dimension: the number of latent factors; less where the table is smaller.
        seed: of the decomposition's starting vector.
    """
    interactions = dataset.interactions
    counts = interactions.matrix()
    by_item = counts.T.tocsr()
    arrays = {
        "pair_offsets": by_item.indptr.astype(np.int64),
        "pair_users": by_item.indices.astype(np.int32),
        "pair_counts": by_item.data.astype(np.float32),
        "activity": interactions.histories.lengths.astype(np.int64),
        "visits": _visits(interactions),
        "newest": interactions.histories.now.astype(np.int64),
    }
    ages = {"recent": interactions.histories.steps_back, "fresh": _days_back(interactions)}
    arrays |= {f"pair_{name}": _by_pair(interactions, 1.0 / (1.0 + age)) for name, age in ages.items()}
    everything = {"min_user_history_length_percentile": 0, "max_user_history_length_percentile": 1}
    everything |= {"min_item_interaction_count_percentile": 0, "max_item_interaction_count_percentile": 1}
    for meaning, keep in (("user", 200), ("session", 100)):
        model = Sims(cointeraction=meaning, neighbours=keep, min_cointeraction_count=2, **everything).fit(dataset)
        arrays |= {f"{meaning}_ids": model.arrays["ids"], f"{meaning}_weights": model.arrays["weights"]}
    users, items = _factors(counts, dimension, seed)
    rows = np.repeat(np.arange(by_item.shape[0]), np.diff(by_item.indptr))
    had = _products(items, users, rows, by_item.indices)
    return arrays | {"user_factors": users, "item_factors": items, "pair_latent": had}


def _products(items: np.ndarray, users: np.ndarray, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the product of the factors of the item ``rows[j]`` and the user ``places[j]`` for each pair, ``(m,)`` float32."""
    found = [np.empty(0, np.float32)]
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        block = slice(start, start + _PAIRS_AT_ONCE)
        found.append(np.einsum("pd,pd->p", items[rows[block]], users[places[block]]))
    return np.concatenate(found)


def _by_pair(interactions: Interactions, values: np.ndarray) -> np.ndarray:
    """Return the sum of the events' ``values`` ``(m,)`` for each user-item pair, ordered by item, then user; float32."""
    cells = sp.csr_matrix((values, (interactions.items, interactions.users)), shape=(interactions.n_items, interactions.n_users))
    return cells.data.astype(np.float32)


def _days_back(interactions: Interactions) -> np.ndarray:
    """Return how many days before the newest event of its user each event was, ``(m,)``."""
    return (interactions.histories.now[interactions.users] - interactions.timestamps) / DAY


def _visits(interactions: Interactions) -> np.ndarray:
    """Return how many visits each user made: events without a longer pause than half an hour, int64 ``(n_users,)``."""
    later = (np.diff(interactions.users) == 0) & (np.diff(interactions.timestamps) <= PAUSE)
    begins = np.append(True, ~later)[: len(interactions)]
    return np.bincount(interactions.users[begins], minlength=interactions.n_users)


def _factors(counts: sp.csr_matrix, dimension: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Decompose the table of log counts; the product of the two results approximates it, float32 ``(n, d)`` each.

    Rows and columns are divided by the root of their lengths first (Golub & Van Loan for the decomposition; the scaling is
    that of spectral co-clustering, Dhillon 2001), so that heavy users and best sellers do not fill all factors; the result
    is scaled back, so that they keep their weight in the answer.
    """
    table = counts.astype(np.float64)
    table.data = np.log1p(table.data)
    squares = table.multiply(table)
    user_scale, item_scale = (np.asarray(squares.sum(axis=axis)).ravel() ** 0.25 for axis in (1, 0))
    inverse = [sp.diags(np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)) for scale in (user_scale, item_scale)]
    scaled = inverse[0] @ table @ inverse[1]
    side = min(scaled.shape)
    if side <= _DENSE_SIDE or dimension >= side:
        right = np.linalg.svd(scaled.toarray(), full_matrices=False)[2][:dimension]
    else:
        start = np.random.default_rng(seed).uniform(0.5, 1.5, side)
        right = svds(scaled, dimension, v0=start)[2][::-1]
    users = (scaled @ right.T) * user_scale[:, None]
    return users.astype(np.float32), (right.T * item_scale[:, None]).astype(np.float32)


def check_evidence(arrays: Mapping[str, np.ndarray], n_items: int) -> None:
    """Look at arrays that come from a file.

    Raises:
        ValueError: one is missing, of a wrong type or shape, or holds a code out of range.
    """
    activity = check_array(arrays, "activity", np.int64, (None,))
    n_users = len(activity)
    for name in ("newest", "visits"):
        check_array(arrays, name, np.int64, (n_users,))
    offsets = check_array(arrays, "pair_offsets", np.int64, (n_items + 1,))
    users = check_array(arrays, "pair_users", np.int32, (None,))
    for name in ("pair_counts", "pair_recent", "pair_fresh", "pair_latent"):
        check_array(arrays, name, np.float32, users.shape)
    if offsets[0] != 0 or offsets[-1] != len(users) or (np.diff(offsets) < 0).any():
        raise ValueError("the offsets do not fit the pairs")
    codes = [(users, 0, n_users)]
    for meaning in ("user", "session"):
        ids = check_array(arrays, f"{meaning}_ids", np.int32, (n_items, None))
        check_array(arrays, f"{meaning}_weights", np.float32, ids.shape)
        codes.append((ids, -1, n_items))
    factors = check_array(arrays, "user_factors", np.float32, (n_users, None))
    check_array(arrays, "item_factors", np.float32, (n_items, factors.shape[1]))
    if any(held.size and not low <= held.min() <= held.max() < end for held, low, end in codes):
        raise ValueError("a code lies outside the users or the catalogue")


def _beyond_rounding(products: np.ndarray) -> np.ndarray:
    """Return the products, 0 for negative ones and for what is left of 0 by rounding: scaled later, that would be noise."""
    return np.where(products > 1e-5, products, np.float32(0))


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence over ``n_users`` and ``n_items``, ready for queries; ``arrays`` as :func:`gather` returns them."""

    arrays: Mapping[str, np.ndarray]

    @property
    def n_users(self) -> int:
        return len(self.arrays["activity"])

    @property
    def n_items(self) -> int:
        return len(self.arrays["pair_offsets"]) - 1

    @cached_property
    def per_user(self) -> np.ndarray:
        """What :data:`PER_USER` names, as logarithms, float32 ``(3, n_users)``."""
        newest = self.arrays["newest"]
        days = (newest.max(initial=0) - newest) / DAY
        return np.log1p([self.arrays["activity"], self.arrays["visits"], days]).astype(np.float32)

    @cached_property
    def _pairs(self) -> dict[str, sp.csr_matrix]:
        """What is known of each pair of item and user that met, by name, ``(n_items, n_users)`` each."""
        places = (self.arrays["pair_users"], self.arrays["pair_offsets"])
        values = {name: self.arrays[f"pair_{name}"] for name in ("counts", "recent", "fresh", "latent")}
        values["taken"] = np.ones(len(places[0]), np.float32)
        shape = (self.n_items, self.n_users)
        return {name: sp.csr_matrix((known, *places), shape=shape, copy=False) for name, known in values.items()}

    @cached_property
    def _related(self) -> list[sp.csr_matrix]:
        """Likeness of items within users' histories and within visits, ``(n_items, n_items)`` each."""
        found = []
        for meaning in ("user", "session"):
            ids, weights = self.arrays[f"{meaning}_ids"], self.arrays[f"{meaning}_weights"]
            rows, places = np.nonzero(ids >= 0)
            cells = (weights[rows, places], (rows, ids[rows, places]))
            found.append(sp.csr_matrix(cells, shape=(self.n_items, self.n_items)))
        return found

    def of(self, queries: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
        """Return what each pair and what each query adds: float32 ``(8, n, n_users)`` and popularity ``(n,)``, as logarithms.

        Args:
            queries: float32 ``(n, n_items)``, 1 at the items of each query.
        """
        within_users, within_visits = self._related
        known = self._pairs
        latent = (queries @ self.arrays["item_factors"]) @ self.arrays["user_factors"].T
        holders = queries.multiply(np.diff(self.arrays["pair_offsets"])).tocsr().astype(np.float32)
        supply = np.asarray(holders.sum(axis=1)).reshape(-1, 1)
        found = np.stack(
            [
                (queries @ known["counts"]).toarray(),
                (queries @ known["recent"]).toarray(),
                (queries @ known["fresh"]).toarray(),
                ((queries @ within_users) @ known["taken"]).toarray(),
                ((queries @ within_visits) @ known["recent"]).toarray(),
                _beyond_rounding(latent),
                _beyond_rounding(latent - (queries @ known["latent"]).toarray()),
                np.maximum(supply - (holders @ known["taken"]).toarray(), 0),
            ]
        )
        found /= _UNITS[:, None, None]
        users = np.diff((queries @ known["taken"]).indptr)
        return np.log1p(found, out=found), np.log1p(users).astype(np.float32)
