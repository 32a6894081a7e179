"""SIMS: items that occur together, with a discount for popularity. Asked with an item it answers with related items.

Similarity of two items, from the number of groups (sessions, say) that hold them::

    weight(i, j) = together(i, j) / (groups(i) * groups(j)) ** popularity_discount_factor

With factor 0 the most frequent companion wins (popularity dominates), with 1 the most surprising one (correlation only: the
lift), with 0.5 the weight is the cosine. Only the nearest neighbours of each item are kept.

What the service does not publish, and what we chose:

* **Percentiles.** ``min_`` and ``max_user_history_length_percentile`` leave out users whose number of interactions lies
  outside these quantiles over users. The item percentiles cannot be quantiles over items with everything outside left out:
  that would bar the top tenth of the catalogue at the default of 0.9, yet the service's published answers are full of
  best sellers. So ours are quantiles over *interactions* (each votes with its item's count). Items below the lower one are
  left out; items above the upper one are **capped**: only their newest interactions count, as many as the quantile. Best
  sellers stay in the answers and stop drowning the rest.
* **Together.** ``cointeraction`` says within what: one ``session`` (events of a user without a longer gap than
  ``session_gap_minutes``), one ``basket`` (one second) or everything of a ``user``.
* **Asked with a history** (evaluation does): the neighbours of all its items together; the event ``s`` steps before the newest
  weighs ``(1 + s) ** -history_decay``.

How far the defaults carry: on MovieLens small without doubled rows (split personalize, seen items removed, seeds 0 to 9, NDCG in
the service's reading) they reach .269; with everything of a user as together .242. Chosen on users that none of these seeds
tests, a session gap of one minute (raters go through a page of films), 300 neighbours and decay 1 looked better (.279 against
.254 there) and were not (.262); pairs counted at four ranges (second, minute, session, user), each divided by the root of the
group's size, came to .273. Over the 610 questions the interval is .023 either way: these are ties, and the defaults stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from helpers.datasets.dataset import Dataset
from helpers.interactions import Histories, Interactions
from helpers.recipes.base import RELATED_ITEMS, Model, Recipe, popularity_scores
from helpers.recipes.cooccurrence import related_items
from helpers.recipes.hyperparameters import hyperparameter
from helpers.recipes.model_files import check_array
from helpers.recipes.percentiles import typical_users, weighted_band
from helpers.recipes.popularity_count import count_unique_users


def check_neighbours(arrays: Mapping[str, np.ndarray], n_items: int) -> None:
    """Look at the arrays of a neighbour table that comes from a file.

    Raises:
        ValueError: they are not of the form that :class:`SimsModel` describes.
    """
    ids = check_array(arrays, "ids", np.int32, (n_items, None))
    check_array(arrays, "weights", np.float32, ids.shape)
    check_array(arrays, "users", np.int64, (n_items,))
    if ids.size and not -1 <= ids.min() <= ids.max() < n_items:
        raise ValueError("a neighbour lies outside the catalogue")


class SimsModel(Model):
    """Arrays: ``ids`` int32 and ``weights`` float32 ``(n_items, neighbours)``, nearest first, padded with -1 and 0; ``users``,
    the number of unique users of each item, int64 ``(n_items,)``."""

    def check(self) -> None:
        super().check()
        check_neighbours(self.arrays, self.n_items)

    def score(self, histories: Histories, context: Mapping[str, Any] | None = None) -> np.ndarray:
        """Sum the neighbours of each history's items; items without evidence follow by popularity (negative scores)."""
        scores = np.tile(popularity_scores(self.arrays["users"]), (len(histories), 1))
        decay = self.recipe.history_decay
        add_neighbours(histories.items, histories.offsets, decay, self.arrays["ids"], self.arrays["weights"], scores)
        return scores

    def score_similar(self, items: np.ndarray) -> np.ndarray:
        """Return the weights of each item's neighbours; an unknown or too thin item gets the popular items."""
        return self.score(Histories.of([[item] for item in items]))


@dataclass(frozen=True)
class Sims(Recipe):
    """Item-to-item collaborative filtering on co-occurrence (developer guide, "SIMS recipe"); formula in the module's text."""

    name = "aws-sims"
    type = RELATED_ITEMS
    source = "Amazon Personalize developer guide, SIMS recipe; Sarwar et al., WWW 2001 (item-based collaborative filtering)"

    popularity_discount_factor: float = hyperparameter(
        0.5, 0, 1, tunable=True, doc="0 = popularity dominates, 1 = correlation only, 0.5 = cosine"
    )
    min_cointeraction_count: int = hyperparameter(
        3, 0, 10, tunable=True, doc="pairs that share fewer groups are not related (0 acts as 1)"
    )
    min_user_history_length_percentile: float = hyperparameter(0.005, 0, 1, doc="leave out users with shorter histories")
    max_user_history_length_percentile: float = hyperparameter(0.995, 0, 1, doc="leave out users with longer histories")
    min_item_interaction_count_percentile: float = hyperparameter(
        0.01, 0, 1, doc="leave out items with fewer interactions (quantile over interactions)"
    )
    max_item_interaction_count_percentile: float = hyperparameter(
        0.9, 0, 1, doc="count only so many interactions of an item, the newest (quantile over interactions)"
    )
    cointeraction: str = hyperparameter(
        "session", choices=("session", "basket", "user"), doc="not the service's: what two items must share to occur together"
    )
    session_gap_minutes: float = hyperparameter(30.0, 0, doc="not the service's: a longer gap ends the session")
    neighbours: int = hyperparameter(100, 1, 1000, doc="not the service's: related items kept for each item")
    history_decay: float = hyperparameter(
        1.25, 0, 10, doc="not the service's: how fast older events of a history fade; 0 = all count the same"
    )

    def fit(self, dataset: Dataset, seed: int = 0) -> SimsModel:
        interactions = dataset.interactions
        use = self.typical_users(interactions) & self._typical_items(interactions)
        ids, weights = related_items(
            self.groups(interactions)[use],
            interactions.items[use],
            interactions.n_items,
            keep=self.neighbours,
            discount=self.popularity_discount_factor,
            min_count=max(1, self.min_cointeraction_count),
        )
        return SimsModel(self, interactions.item_ids, {"ids": ids, "weights": weights, "users": count_unique_users(interactions)})

    def groups(self, interactions: Interactions) -> np.ndarray:
        """Return the group number of each event, never decreasing, ``(m,)``."""
        users = interactions.users
        gaps = {"user": np.inf, "session": 60 * self.session_gap_minutes, "basket": 0}
        starts = (np.diff(users) > 0) | (np.diff(interactions.timestamps) > gaps[self.cointeraction])
        return np.concatenate([[0], np.cumsum(starts)])[: len(users)]

    def typical_users(self, interactions: Interactions) -> np.ndarray:
        """Return which events belong to users with histories neither too short nor too long, bool ``(m,)``."""
        return typical_users(interactions, self.min_user_history_length_percentile, self.max_user_history_length_percentile)

    def _typical_items(self, interactions: Interactions) -> np.ndarray:
        """Return which events count once rare items are left out and best sellers capped, bool ``(m,)``."""
        counts = np.bincount(interactions.items, minlength=interactions.n_items)
        ranked = np.sort(counts)
        # each interaction votes with the count of its item
        low, high = weighted_band(
            ranked, ranked, self.min_item_interaction_count_percentile, self.max_item_interaction_count_percentile
        )
        use = (counts >= low)[interactions.items]
        capped = np.flatnonzero((counts > high)[interactions.items])
        items, times = interactions.items[capped], interactions.timestamps[capped]
        newest_first = np.lexsort((interactions.users[capped], -times, items))
        sizes = counts[(counts > high)]
        place = np.arange(len(capped)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # within the item, 0 = newest
        use[capped[newest_first[place >= high]]] = False
        return use


@njit(cache=True, nogil=True)
def add_neighbours(items, offsets, decay, ids, weights, scores):
    """Add to ``scores`` (negative where nothing was added yet) the neighbours of each history's items, newest first."""
    for row in range(len(offsets) - 1):
        steps_back = 0
        for event in range(offsets[row + 1] - 1, offsets[row] - 1, -1):
            item = items[event]
            if item < 0:  # an item that the model does not know
                continue
            importance = (1.0 + steps_back) ** -decay
            steps_back += 1
            for place in range(ids.shape[1]):
                other = ids[item, place]
                if other < 0:
                    break
                scores[row, other] = max(scores[row, other], 0.0) + importance * weights[item, place]
