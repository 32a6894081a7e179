"""Exploration: now and then show items of which little is known yet, or nobody will ever learn whether they are any good.

A list that shows only what already sells never lets a new item sell. So every new item gets a random bonus, the smaller the more
often it was met::

    P'(item) ~ P(item) + weight * luck * P(last item of the list) / (1 + times met)      for items not older than the cut-off
    P'(item) ~ P(item)                                                                   for all others

``luck`` is drawn for each request and item from an exponential distribution of mean 1, so with weight 0.3 an item that nobody has
met makes the list in about one request of thirty, and after three encounters in one of a million. With weight 0 nothing changes.
This is optimism in the face of uncertainty with randomised bonuses, as bandit algorithms have it (Auer et al. 2002; Thompson
1933). The service publishes no formula, only that new items and items little shown gain, by a weight and an age cut-off
(developer guide, "User-Personalization recipe").
"""

import numpy as np

from helpers.interactions import Histories
from helpers.recipes.popularity_over_time import DAY


def eligible(created: np.ndarray, now: np.ndarray, age_cut_off: float) -> np.ndarray:
    """Return which items are new at each request, bool ``(n, n_items)``.

    Args:
        created: Unix seconds, ``(n_items,)``. now: Unix seconds, ``(n,)``. age_cut_off: days.
    """
    return now[:, None] - created[None, :] < age_cut_off * DAY


def with_bonus(
    probabilities: np.ndarray,
    new: np.ndarray,
    met: np.ndarray,
    weight: float,
    k: int,
    luck: np.ndarray,
    allowed: np.ndarray | None,
) -> np.ndarray:
    """Return the probabilities with the bonus of new items, ``(n, n_items)``, rows sum to 1.

    Args:
        probabilities: ``(n, n_items)``. new: bool ``(n, n_items)``. met: how often each item was met or shown, ``(n_items,)``.
        weight: 0 to 1. k: length of the list. luck: ``(n, n_items)``.
        allowed: bool ``(n_items,)`` or ``(n, n_items)``, items that may be in the list; None = all.
    """
    if weight == 0 or not new.any():
        return probabilities
    ranked = probabilities if allowed is None else np.where(allowed, probabilities, 0)
    k = min(k, probabilities.shape[1])
    last = np.partition(ranked, -k, axis=1)[:, -k]
    explored = probabilities + new * (weight * last[:, None] * luck / (1 + met))
    return (explored / explored.sum(axis=1, keepdims=True)).astype(probabilities.dtype)


def draw_luck(histories: Histories, n_items: int, seed: int, request: int) -> np.ndarray:
    """Return a draw for each request and item, ``(n, n_items)``: the same for the same user, request and seed in any batch."""
    rows = [np.random.default_rng([seed, request, int(user) + 1]).exponential(size=n_items) for user in histories.users]
    return np.array(rows).reshape(len(histories), n_items)
