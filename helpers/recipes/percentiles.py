"""The service's percentile hyperparameters: which users (or items) are typical enough to learn from."""

import numpy as np

from helpers.interactions import Interactions


def typical_users(interactions: Interactions, low: float, high: float) -> np.ndarray:
    """Return which events belong to users with histories neither too short nor too long, bool ``(m,)``.

    Args:
        low, high: quantiles over the users with events, 0 to 1.
    """
    lengths = interactions.histories.lengths
    shortest, longest = band(np.sort(lengths[lengths > 0]), low, high)
    return ((lengths >= shortest) & (lengths <= longest))[interactions.users]


def band(ranked: np.ndarray, low: float, high: float) -> tuple[int, int]:
    """Return two quantiles of rising values, rounded outwards to values that occur: a small data set loses nothing."""
    return weighted_band(ranked, np.ones(len(ranked), np.int64), low, high)


def weighted_band(values: np.ndarray, weights: np.ndarray, low: float, high: float) -> tuple[int, int]:
    """Return :func:`band` of rising values that occur so many times each; a weight may be 0."""
    if weights.sum() == 0:
        return 0, 0
    up_to = np.cumsum(weights)
    last = up_to[-1] - 1
    places = int(np.floor(low * last)), int(np.ceil(high * last))
    return tuple(values[np.searchsorted(up_to, places, side="right")])
