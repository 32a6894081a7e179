"""Popularity-Count: the same list for everybody, by number of unique users. The baseline to beat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.datasets.dataset import Dataset
from helpers.interactions import Histories, Interactions
from helpers.recipes.base import POPULAR_ITEMS, Model, Recipe
from helpers.recipes.model_files import check_array


def count_unique_users(interactions: Interactions) -> np.ndarray:
    """Return how many different users interacted with each item, ``(n_items,)`` int64."""
    pairs = interactions.matrix()  # holds each user-item pair once, however many events it had
    return np.bincount(pairs.indices, minlength=interactions.n_items)


class PopularityModel(Model):
    """Arrays: ``users``, the number of unique users of each item, ``(n_items,)``."""

    def check(self) -> None:
        super().check()
        check_array(self.arrays, "users", np.int64, (self.n_items,))

    def score(self, histories: Histories, context: Mapping[str, Any] | None = None) -> np.ndarray:
        return np.broadcast_to(self.arrays["users"].astype(np.float64), (len(histories), self.n_items))


@dataclass(frozen=True)
class PopularityCount(Recipe):
    """Rank items by the number of unique users who interacted with them (developer guide, "Popularity-Count recipe")."""

    name = "aws-popularity-count"
    type = POPULAR_ITEMS
    source = "Amazon Personalize developer guide, Popularity-Count recipe"

    def fit(self, dataset: Dataset, seed: int = 0) -> PopularityModel:
        users = count_unique_users(dataset.interactions)
        return PopularityModel(self, dataset.interactions.item_ids, {"users": users})
