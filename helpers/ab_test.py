"""A/B tests: split the users, know beforehand how many are needed, and read the result without fooling oneself.

The statistics are those of the textbooks and come from SciPy; the sources are named where they are used. The unit is always the
*user*: one user sees one variant and counts once, however many visits there were.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from helpers.errors import InputError
from helpers.metrics import SIGNIFICANT, spoken_p

MISMATCH = 0.001
"""A sample ratio this unlikely is a broken experiment, not luck (Fabijan et al. 2019, "Diagnosing sample ratio mismatch")."""


@dataclass(frozen=True)
class Difference:
    """What variant B does beyond variant A.

    Attributes:
        a, b: the mean (a share, for rates) of each variant. difference: ``b - a``. low, high: its interval. p_value: two-sided.
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether a difference this large would appear by chance less than once in twenty tests of equal variants."""
        return self.p_value < SIGNIFICANT

    def __str__(self) -> str:
        return f"{self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}], {spoken_p(self.p_value)}"


def assign(users: Sequence[str], experiment: str, shares: Sequence[float] = (0.5, 0.5)) -> np.ndarray:
    """Return the variant of each user, ``(n,)`` whole numbers from 0: always the same one in the same experiment.

    The first eight bytes of SHA-256 of ``experiment:user`` are a number between 0 and 1 that is as good as drawn, needs no
    memory, and has nothing to do with that of another experiment (Kohavi et al. 2009, "Controlled experiments on the web", on
    hash and partition).

    Args:
        users: ids.
        experiment: its name, the *salt*; another name is another draw.
        shares: of the users for each variant; they sum to 1.

    Raises:
        InputError: shares that are negative or do not sum to 1.
    """
    shares = np.asarray(shares, float)
    if (shares < 0).any() or not np.isclose(shares.sum(), 1):
        raise InputError(f"shares = {shares.tolist()}: give a share of 0 or more for each variant, 1 in all")
    digests = [hashlib.sha256(f"{experiment}:{user}".encode()).digest() for user in users]
    drawn = np.array([int.from_bytes(digest[:8], "big") for digest in digests], float) / 2.0**64
    return np.searchsorted(np.cumsum(shares)[:-1], drawn, side="right")


def users_for_rates(rate: float, lift: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many users *each* variant needs to find a difference between two rates.

    ``n = (z(1 - alpha/2) sqrt(2 m (1 - m)) + z(power) sqrt(p (1 - p) + q (1 - q)))^2 / (q - p)^2`` with ``p = rate``,
    ``q = rate + lift`` and ``m`` their middle (Fleiss, Levin and Paik 2003, "Statistical methods for rates and proportions",
    chapter 4, without the continuity correction).

    Args:
        rate: of variant A, between 0 and 1. lift: the smallest difference worth finding, absolute (0.02 = two points).
        alpha: risk of finding what is not there. power: chance to find what is there.

    Raises:
        InputError: a rate that is none, no lift, or a risk outside 0 to 1.
    """
    other = rate + lift
    if not (0 < rate < 1 and 0 < other < 1 and lift):
        raise InputError(f"rate = {rate}, lift = {lift}: both rates lie between 0 and 1 and differ")
    sure, found = _quantiles(alpha, power)
    middle = (rate + other) / 2
    spread = sure * np.sqrt(2 * middle * (1 - middle)) + found * np.sqrt(rate * (1 - rate) + other * (1 - other))
    return int(np.ceil((spread / lift) ** 2))


def users_for_means(deviation: float, lift: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many users *each* variant needs to find a difference between two means: ``2 (z + z)^2 (deviation / lift)^2``.

    With the usual risks that is van Belle's rule of thumb, ``16 (deviation / lift)^2`` (van Belle 2008, "Statistical rules of
    thumb", chapter 2).

    Args:
        deviation: standard deviation between users, above 0. lift, alpha, power: as in :func:`users_for_rates`.

    Raises:
        InputError: no deviation or no lift, or a risk outside 0 to 1.
    """
    if deviation <= 0 or not lift:
        raise InputError(f"deviation = {deviation}, lift = {lift}: a deviation above 0 and a lift other than 0")
    return int(np.ceil(2 * (sum(_quantiles(alpha, power)) * deviation / lift) ** 2))


def compare_rates(taken: Sequence[int], users: Sequence[int], *, level: float = 0.95) -> Difference:
    """Compare the shares of users who did it: a pooled two-proportion z-test, with Newcombe's interval of the difference.

    The interval joins the two Wilson intervals (Newcombe 1998, "Interval estimation for the difference between independent
    proportions", method 10); unlike the plain one it holds what it promises for few users and rates near 0, too.

    Args:
        taken: how many users did it, for A and B. users: how many there are.

    Raises:
        InputError: a variant without users, or more takers than users.
    """
    taken, users = np.asarray(taken, float), np.asarray(users, float)
    if (users < 1).any() or (taken < 0).any() or (taken > users).any():
        raise InputError(f"taken = {taken.tolist()} of {users.tolist()}: each variant needs users, and as many or fewer takers")
    (a, b), wilson = taken / users, [_wilson(int(t), int(n), level) for t, n in zip(taken, users, strict=True)]
    (low_a, high_a), (low_b, high_b) = wilson
    low, high = b - a - np.hypot(b - low_b, high_a - a), b - a + np.hypot(high_b - b, a - low_a)
    return Difference(a, b, b - a, low, high, float(p_values(taken, users)))


def compare_means(a: np.ndarray, b: np.ndarray, *, level: float = 0.95) -> Difference:
    """Compare the means of per-user values by Welch's t-test, which lets the variants spread differently (Welch 1947).

    Args:
        a, b: one value a user, ``(n_a,)`` and ``(n_b,)``, at least two each.

    Raises:
        InputError: fewer than two users in a variant.
    """
    if min(len(a), len(b)) < 2:
        raise InputError(f"a mean needs at least two users a variant, not {len(a)} and {len(b)}")
    test = stats.ttest_ind(b, a, equal_var=False)
    bounds = test.confidence_interval(level)
    return Difference(np.mean(a), np.mean(b), np.mean(b) - np.mean(a), bounds.low, bounds.high, float(test.pvalue))


def p_values(taken: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Return p-values of the pooled two-proportion z-test, ``(...)``, for counts of A and B, ``(2, ...)``; 1 if all did alike."""
    taken, users = np.asarray(taken, float), np.asarray(users, float)
    pooled = taken.sum(axis=0) / users.sum(axis=0)
    error = np.sqrt(pooled * (1 - pooled) * (1 / users).sum(axis=0))
    difference = np.abs(np.diff(taken / users, axis=0)[0])
    return 2 * stats.norm.sf(np.divide(difference, error, out=np.zeros_like(difference), where=error > 0))


def always_valid_p_values(taken: np.ndarray, users: np.ndarray, lift: float) -> np.ndarray:
    """Return p-values that stay honest however often one looks, ``(looks, ...)``, for counts of A and B ``(2, looks, ...)``.

    The mixture sequential ratio test: with ``V`` the variance of the difference ``d`` and a normal mixture of effects of
    deviation ``lift``, the evidence is ``sqrt(V / (V + lift^2)) exp(d^2 lift^2 / (2 V (V + lift^2)))`` and the p-value the
    smallest ``1 / evidence`` seen so far (Johari, Koomen, Pekelis and Walsh 2017, "Peeking at A/B tests"; Robbins 1970).

    Args:
        taken, users: counts after each look, growing along the axis of looks.
        lift: the size of a difference that is thought of, above 0; it decides the power, not the honesty.
    """
    taken, users = np.asarray(taken, float), np.asarray(users, float)
    pooled = taken.sum(axis=0) / users.sum(axis=0)
    variance = np.maximum(pooled * (1 - pooled) * (1 / users).sum(axis=0), np.finfo(float).tiny)
    squared = np.diff(taken / users, axis=0)[0] ** 2
    evidence = 0.5 * np.log(variance / (variance + lift**2)) + squared * lift**2 / (2 * variance * (variance + lift**2))
    return np.minimum.accumulate(np.minimum(1, np.exp(-evidence)), axis=0)


def sample_ratio(counts: Sequence[int], shares: Sequence[float] = (0.5, 0.5)) -> float:
    """Return the p-value of the users counted in each variant if they were split as planned (chi-square test).

    Below :data:`MISMATCH` something loses or doubles users of one variant, and no other number of the test can be believed.
    """
    counts = np.asarray(counts, float)
    return float(stats.chisquare(counts, counts.sum() * np.asarray(shares, float)).pvalue)


def _quantiles(alpha: float, power: float) -> tuple[float, float]:
    if not (0 < alpha < 1 and 0 < power < 1):
        raise InputError(f"alpha = {alpha}, power = {power}: both lie between 0 and 1")
    return stats.norm.ppf(1 - alpha / 2), stats.norm.ppf(power)


def _wilson(taken: int, users: int, level: float) -> tuple[float, float]:
    bounds = stats.binomtest(taken, users).proportion_ci(level, method="wilson")
    return bounds.low, bounds.high
