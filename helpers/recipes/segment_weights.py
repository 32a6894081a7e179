"""How much each kind of evidence counts: a logistic regression, learned from a part of the training data that is hidden first.

The evidence is gathered from the oldest 80 % of every user's events and asked about the newest 20 %: did this user take one
of the query's items? The regression sees each kind of evidence, its square and the product of every two (heavy users follow
other rules than new ones). Nothing that an evaluation hides is ever seen: the cut lies inside the training data.

There are far more pairs without an event than with one, so only some of either are drawn, and the intercept is corrected for
it (King & Zeng 2001, prior correction): what comes out is a probability.
"""

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
from numba import njit
from sklearn.linear_model import LogisticRegression

from helpers.interactions import Histories
from helpers.recipes.model_files import check_array
from helpers.recipes.segment_evidence import NAMES, Evidence

N = len(NAMES)
N_TERMS = N + N * (N + 1) // 2

CLIP = 5.0
"""Evidence further from its mean than so many standard deviations counts as if it were there: squares do not run away."""

POSITIVES, NEGATIVES_EACH = 20_000, 12
"""At most so many pairs with an event are learned from, and so many times as many without."""
LEAST_POSITIVES = 50
"""With fewer, nothing is learned and all evidence counts alike."""
PENALTY = 0.1

_PRIOR = {"own": 1.0, "own recent": 0.5, "related": 0.5, "related recent": 0.5, "latent": 0.5, "activity": 0.5}
_PRIOR_INTERCEPT = -3.0


def prior() -> dict[str, np.ndarray]:
    """Return weights for data too small to learn from: any evidence speaks for a user."""
    weights = np.zeros(1 + N_TERMS)
    weights[0] = _PRIOR_INTERCEPT
    weights[1 : 1 + N] = [_PRIOR.get(name, 0.0) for name in NAMES]
    return {"weights": weights, "centre": np.zeros(N), "spread": np.ones(N)}


def learn(evidence: Evidence, queries: sp.csr_matrix, truth: Histories, rows_at_once: int, seed: int) -> dict[str, np.ndarray]:
    """Return the arrays ``weights`` ``(1 + N_TERMS,)``, ``centre`` and ``spread`` ``(N,)``, all float64.

    Args:
        evidence: gathered from the past.
        queries: float32 ``(n, n_items)``, 1 at the items of each query.
        truth: what users did next, with their codes.
        rows_at_once: queries of a block.
        seed: draws the pairs to learn from.
    """
    ones = np.ones(len(truth.items), np.float32)
    shape = (evidence.n_items, evidence.n_users)
    happened = (queries @ sp.csr_matrix((ones, (truth.items, truth.users[truth.rows])), shape=shape)).tocsr()
    present = np.flatnonzero(evidence.arrays["activity"] > 0)
    n_positives = happened.nnz
    if n_positives < LEAST_POSITIVES or n_positives == len(present) * queries.shape[0]:
        return prior()
    of_positives = min(1.0, POSITIVES / n_positives)
    pairs = queries.shape[0] * len(present) - n_positives
    of_negatives = min(1.0, NEGATIVES_EACH * of_positives * n_positives / pairs)
    generator = np.random.default_rng(seed)
    features, labels = [], []
    for start in range(0, queries.shape[0], rows_at_once):
        block = slice(start, start + rows_at_once)
        is_true = happened[block].toarray()[:, present] > 0
        drawn = generator.random(is_true.shape) < np.where(is_true, of_positives, of_negatives)
        features.append(_features(evidence, queries[block], present, drawn))
        labels.append(is_true[drawn])
    features, labels = np.concatenate(features), np.concatenate(labels)
    if labels.all() or not labels.any():
        return prior()
    return _regress(features, labels, np.log(of_negatives / of_positives))


def _features(evidence: Evidence, queries: sp.csr_matrix, present: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return the evidence of the pairs drawn, ``(m, N)``."""
    pair, popularity = evidence.of(queries)
    rows, places = np.nonzero(drawn)
    users = present[places]
    return np.column_stack([*pair[:, rows, users], *evidence.per_user[:, users], popularity[rows]]).astype(np.float64)


def _regress(features: np.ndarray, labels: np.ndarray, correction: float) -> dict[str, np.ndarray]:
    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    standard = np.clip((features - centre) / spread, -CLIP, CLIP)
    first, second = np.triu_indices(N)
    terms = np.concatenate([standard, standard[:, first] * standard[:, second]], axis=1)
    scale = terms.std(axis=0)
    scale = np.where(scale > 1e-6, scale, 1.0)
    fitted = LogisticRegression(C=PENALTY, solver="newton-cholesky", max_iter=100).fit(terms / scale, labels)
    weights = np.concatenate([fitted.intercept_ + correction, fitted.coef_[0] / scale])
    return {"weights": weights, "centre": centre, "spread": spread}


def check_weights(arrays: Mapping[str, np.ndarray]) -> None:
    """Look at arrays that come from a file.

    Raises:
        ValueError: one is missing, of a wrong type or shape, or a spread is not positive.
    """
    check_array(arrays, "weights", np.float64, (1 + N_TERMS,))
    check_array(arrays, "centre", np.float64, (N,))
    if (check_array(arrays, "spread", np.float64, (N,)) <= 0).any():
        raise ValueError("a spread is not positive")


def log_odds(arrays: Mapping[str, np.ndarray], evidence: Evidence, queries: sp.csr_matrix) -> np.ndarray:
    """Return the log odds that each user takes one of each query's items, float32 ``(n, n_users)``."""
    pair, popularity = evidence.of(queries)
    numbers = (arrays[name].astype(np.float32) for name in ("weights", "centre", "spread"))
    return _log_odds(pair, evidence.per_user, popularity, *numbers)


@njit(cache=True, nogil=True)
def _log_odds(pair, per_user, popularity, weights, centre, spread):
    n_pair, n, n_users = pair.shape
    n_kinds = len(centre)
    odds = np.empty((n, n_users), np.float32)
    z = np.empty(n_kinds, np.float32)
    for row in range(n):
        for user in range(n_users):
            for kind in range(n_kinds):
                if kind < n_pair:
                    value = pair[kind, row, user]
                elif kind < n_kinds - 1:
                    value = per_user[kind - n_pair, user]
                else:
                    value = popularity[row]
                z[kind] = min(max((value - centre[kind]) / spread[kind], -CLIP), CLIP)
            total = weights[0]
            place = 1 + n_kinds
            for first in range(n_kinds):
                inner = weights[1 + first]
                for second in range(first, n_kinds):  # the order of numpy.triu_indices
                    inner += weights[place] * z[second]
                    place += 1
                total += inner * z[first]
            odds[row, user] = total
    return odds
