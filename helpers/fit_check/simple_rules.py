"""What a shop can do without any training: four rules, each a line of SQL. A recommender has to beat the best of them.

Each rule takes the interactions known so far and the histories of those who ask, and returns a score for every item, float32
``(n, n_items)``. Only what happened before the moment of the question counts (to the day).
"""

from collections.abc import Callable

import numpy as np

from helpers.interactions import Histories, Interactions
from helpers.recipes.popularity_count import count_unique_users
from helpers.recipes.popularity_over_time import PopularityOverTime

RECENT_DAYS = 30
"""What "lately" means: long enough to count in a small shop, short enough to follow a season."""


def most_popular(train: Interactions, asked: Histories) -> np.ndarray:
    """The same list for everybody: items by the number of different users."""
    users = count_unique_users(train)
    return np.tile((users / (users.max(initial=0) + 1)).astype(np.float32), (len(asked), 1))


def popular_lately(train: Interactions, asked: Histories) -> np.ndarray:
    """The same list for all who ask on the same day: items by their events in the 30 days before; then by all time, 0 to 1."""
    counted = PopularityOverTime.of(train)
    moments, which = np.unique(counted.moments(asked.now), return_inverse=True)
    window = max(1, round(RECENT_DAYS * 86_400 / counted.width[0]))
    recent = counted.before[moments] - counted.before[np.maximum(0, moments - window)]
    # events are whole numbers and the second part stays below 1: it settles equal counts only
    scores = recent + (count_unique_users(train) / (train.n_users + 1)).astype(np.float32)
    return (scores / (scores.max(axis=1, initial=0, keepdims=True) + 1))[which]


def popular_and_new(train: Interactions, asked: Histories) -> np.ndarray:
    """Popular lately, without what the user has had."""
    scores = popular_lately(train, asked)
    scores[asked.rows, asked.items] = -np.inf
    return scores


def buy_again(train: Interactions, asked: Histories) -> np.ndarray:
    """What the user had, most often first; then what is popular lately."""
    return asked.matrix(train.n_items).toarray() + popular_lately(train, asked)


RULES: dict[str, Callable[[Interactions, Histories], np.ndarray]] = {
    "most popular": most_popular,
    "popular lately": popular_lately,
    "popular lately, not yet had": popular_and_new,
    "buy again": buy_again,
}
