"""Ranking metrics under the service's names, and how sure we can be of them.

Everything starts from one table, :func:`hits`: for each test user and each rank, was the item shown there among the
hidden ones? Every metric is then a line of arithmetic on that table. All functions take whole batches: ``n`` users,
lists of length ``k``.

Sources: Amazon Personalize developer guide, "Evaluating a solution version with metrics"; Järvelin and Kekäläinen
2002 (NDCG); Efron and Tibshirani 1993 (bootstrap).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from helpers.interactions import Histories

CUTOFFS = (5, 10, 25)
LIST_LENGTH = 25
"""The service evaluates the first 25 items of each list."""
PER_USER = (
    f"mean_reciprocal_rank_at_{LIST_LENGTH}",
    *(f"normalized_discounted_cumulative_gain_at_{k}{reading}" for k in CUTOFFS for reading in ("", "_aws")),
    *(f"precision_at_{k}" for k in CUTOFFS),
)
"""The keys of :func:`per_user`."""


def hits(ranked: np.ndarray, truth: Histories) -> np.ndarray:
    """Mark where each list hits: bool ``(n, k)``, True at rank ``j`` if that item is among the user's hidden items.

    Args:
        ranked: item codes ``(n, k)``, best first; -1 pads. An item listed twice is paid once, at its first rank.
        truth: the hidden events of the same ``n`` users; a repeated item counts as one relevant item.
    """
    _check(ranked, truth)
    n_items = 1 + max(int(ranked.max(initial=0)), int(truth.items.max(initial=0)))
    return _hits(np.ascontiguousarray(ranked, np.int32), truth.items, truth.offsets, n_items)


@njit(cache=True, nogil=True)
def _hits(ranked, items, offsets, n_items):
    wanted_by = np.full(n_items, -1, np.int64)  # item -> the last user who wants it: no clearing between users
    found = np.zeros(ranked.shape, np.bool_)
    for user in range(len(ranked)):
        for event in range(offsets[user], offsets[user + 1]):
            wanted_by[items[event]] = user
        for rank in range(ranked.shape[1]):
            item = ranked[user, rank]
            if item >= 0 and wanted_by[item] == user:
                found[user, rank] = True
                wanted_by[item] = -1
    return found


def relevant_counts(truth: Histories) -> np.ndarray:
    """Return how many different items each user's truth holds, int64 ``(n,)``."""
    if not len(truth.items):
        return np.zeros(len(truth), np.int64)
    return _count_distinct(truth.items, truth.offsets, 1 + int(truth.items.max()))


@njit(cache=True, nogil=True)
def _count_distinct(items, offsets, n_items):
    seen_by = np.full(n_items, -1, np.int64)
    counts = np.zeros(len(offsets) - 1, np.int64)
    for user in range(len(counts)):
        for event in range(offsets[user], offsets[user + 1]):
            counts[user] += seen_by[items[event]] != user
            seen_by[items[event]] = user
    return counts


def precision(hit: np.ndarray, k: int) -> np.ndarray:
    """Return hits in the first ``k`` divided by ``k``, ``(n,)``. A short list is still divided by ``k``."""
    return hit[:, :k].sum(axis=1) / k


def reciprocal_rank(hit: np.ndarray) -> np.ndarray:
    """Return 1 / rank of the first hit, 0 without a hit, ``(n,)``."""
    first = hit.argmax(axis=1)
    return hit.any(axis=1) / (first + 1.0)


def dcg(hit: np.ndarray, k: int) -> np.ndarray:
    """Return the sum over hits in the first ``k`` of ``1 / log2(1 + rank)``, ``(n,)``."""
    total = np.zeros(len(hit))
    for rank, discount in enumerate(_discounts(min(k, hit.shape[1]))):
        total += discount * hit[:, rank]  # no matrix product: BLAS may sum two equal rows in different orders
    return total


def ideal_dcg(n_relevant: np.ndarray, k: int) -> np.ndarray:
    """Return the DCG of a list that starts with ``min(k, n_relevant)`` hits, ``(n,)``; 0 where nothing is relevant."""
    best = np.concatenate([[0.0], np.cumsum(_discounts(k))])
    return best[np.minimum(n_relevant, k)]


def ndcg(hit: np.ndarray, n_relevant: np.ndarray, k: int) -> np.ndarray:
    """Return DCG over the best DCG possible, ``(n,)``; 0 where ``n_relevant`` is 0.

    Two readings differ only in ``n_relevant``. The textbook counts *all* hidden items of the user
    (:func:`relevant_counts`). The service's published figures fit a count of the hits *found in the first 25* only,
    which is never lower: a single hit at rank 1 earns 1.0 even when nine other hidden items were missed.
    """
    ideal = ideal_dcg(n_relevant, k)
    return np.divide(dcg(hit, k), ideal, out=np.zeros(len(hit)), where=ideal > 0)


def _discounts(k: int) -> np.ndarray:
    return 1.0 / np.log2(np.arange(2, k + 2))


def per_user(ranked: np.ndarray, truth: Histories) -> dict[str, np.ndarray]:
    """Return every per-user metric as an array ``(n,)``, by the service's key; the mean of each is the metric.

    ``normalized_discounted_cumulative_gain_at_K`` is the textbook reading, with the suffix ``_aws`` the service's.

    Raises:
        ValueError: lists and truth are of different length, the lists have no place, or a user has no hidden item (drop
            such users first).
    """
    if ranked.shape[1] == 0:
        raise ValueError("k = 0: a list holds at least 1 item")
    hit = hits(ranked, truth)
    n_relevant = relevant_counts(truth)
    if (n_relevant == 0).any():
        raise ValueError("every test user needs at least one hidden item")
    top = hit[:, :LIST_LENGTH]
    n_found = top.sum(axis=1)
    table = {f"mean_reciprocal_rank_at_{LIST_LENGTH}": reciprocal_rank(top)}
    for k in CUTOFFS:
        table[f"normalized_discounted_cumulative_gain_at_{k}"] = ndcg(top, n_relevant, k)
        table[f"normalized_discounted_cumulative_gain_at_{k}_aws"] = ndcg(top, n_found, k)
        table[f"precision_at_{k}"] = precision(top, k)
    return table


def coverage(ranked: np.ndarray, n_items: int) -> float:
    """Return the share of the catalogue (``n_items``: items of Interactions and Items together) in at least one first-25 list."""
    shown = np.zeros(n_items + 1, bool)  # one place more: the padding code -1 marks the last
    shown[ranked[:, :LIST_LENGTH]] = True
    return int(shown[:n_items].sum()) / n_items


def segment_per_query(ranked_users: np.ndarray, truth: Histories, n_users: int) -> dict[str, np.ndarray]:
    """Return the segmentation metrics of each query, arrays ``(n,)``.

    ``hits_at_1_percent`` is a *count*: true users among the first K, K = 1 % of all users (at least 1);
    ``recall_at_1_percent`` is that count divided by the number of true users.

    Args:
        ranked_users: user codes ``(n, >= K)``, most inclined first.
        truth: for each query the users who did interact, as codes in ``items``.
        n_users: all users the segment could be drawn from.
    """
    k = one_percent(n_users)
    found = hits(ranked_users[:, :k], truth).sum(axis=1)
    return {"hits_at_1_percent": found.astype(float), "recall_at_1_percent": found / relevant_counts(truth)}


def one_percent(n_users: int) -> int:
    """Return how many users are 1 % of all, at least one."""
    return max(1, round(n_users / 100))


def segment_coverage(ranked_users: np.ndarray, n_users: int) -> float:
    """Return the share of all users who are in the first 1 % of at least one segment, ``ranked_users`` ``(n, >= K)``.

    The service defines coverage for items only; for segments this is our reading of it.
    """
    chosen = np.unique(ranked_users[:, : one_percent(n_users)])
    return int((chosen >= 0).sum()) / n_users


@dataclass(frozen=True)
class Interval:
    """A mean and the bounds between which it would likely fall for other users of the same kind."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def bootstrap_interval(values: np.ndarray, *, level: float = 0.95, resamples: int = 1000, seed: int = 0) -> Interval:
    """Return the mean of per-user values with its percentile bootstrap interval over users.

    Args:
        values: ``(n,)``.
        level: probability that the interval shall cover, 0 to 1.
        resamples: how many times ``n`` users are drawn with replacement.
    """
    means = _resampled_means(np.asarray(values, float), resamples, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.mean(values)), float(low), float(high))


SIGNIFICANT = 0.05
"""Below this p-value a difference counts as more than luck: one in twenty tests of equals falls below it, too."""


def spoken_p(p_value: float) -> str:
    """Return a p-value as readers write it: three decimals, ``p < 0.001`` for the smallest."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


@dataclass(frozen=True)
class PairedTest:
    """Is A better than B on the same users? ``difference`` is A - B with its interval; ``p_value`` is two-sided."""

    difference: Interval
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether a difference this large would appear by chance less than once in twenty times."""
        return self.p_value < SIGNIFICANT

    def __str__(self) -> str:
        return f"difference {self.difference}, {spoken_p(self.p_value)}"


def paired_test(a: np.ndarray, b: np.ndarray, *, resamples: int = 2000, seed: int = 0) -> PairedTest:
    """Compare two recipes user by user with a sign-flip permutation test.

    If the recipes were equally good, swapping A and B for any user would change nothing: the p-value is the share of
    random swaps that give a mean difference at least as large as the one seen (the observed one counted in).

    Args:
        a, b: per-user values ``(n,)`` of the same users in the same order.

    Raises:
        ValueError: the arrays differ in length.
    """
    if len(a) != len(b):
        raise ValueError(f"a paired test needs the same users on both sides, not {len(a)} and {len(b)}")
    difference = np.asarray(a, float) - np.asarray(b, float)
    generator = np.random.default_rng(seed)
    flipped = np.array([(difference * generator.choice([-1.0, 1.0], len(difference))).mean() for _ in range(resamples)])
    as_large = np.sum(np.abs(flipped) >= abs(difference.mean()) - 1e-12)
    return PairedTest(bootstrap_interval(difference, seed=seed), float((as_large + 1) / (resamples + 1)))


def _resampled_means(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    n = len(values)
    return np.array([values[generator.integers(0, n, n)].mean() for _ in range(resamples)])


def _check(ranked: np.ndarray, truth: Histories) -> None:
    if ranked.ndim != 2 or len(ranked) != len(truth):
        raise ValueError(f"expected one list for each of {len(truth)} users, got an array of shape {ranked.shape}")
