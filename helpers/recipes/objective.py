"""An additional objective: lists that favour items with a high value of one attribute, such as the price.

The service does not publish how it weighs the objective against relevance. Here the probability of each item is tilted,
``p'(i) proportional to p(i) exp(strength r(i))``, where ``r(i)``, 0 to 1, is the share of the catalogue's items that have a lower
value (half of the equal ones included). It depends on the order of the values, not on their unit, and stays a distribution:
between equally likely items the dearest gains ``exp(strength)`` over the cheapest.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from helpers.datasets.dataset import Dataset
from helpers.errors import InputError, unknown_name
from helpers.recipes.user_personalization import Blended, UserPersonalizationModel

STRENGTHS = {"OFF": 0.0, "LOW": 1.0, "MEDIUM": 2.0, "HIGH": 4.0}
"""The service's sensitivities; how strong each is, is our choice."""


@dataclass(frozen=True)
class Favouring:
    """A blended recipe whose models favour items by an attribute; it fits like the recipe itself.

    Args:
        recipe: aws-user-personalization or aws-personalized-ranking.
        attribute: a numeric column of the items.
        sensitivity: ``OFF``, ``LOW``, ``MEDIUM`` or ``HIGH``.

    Raises:
        InputError: an unknown sensitivity.
    """

    recipe: Blended
    attribute: str
    sensitivity: str
    name: str = field(init=False)
    type: str = field(init=False)

    def __post_init__(self):
        if self.sensitivity not in STRENGTHS:
            raise unknown_name("objectiveSensitivity", self.sensitivity, STRENGTHS)
        object.__setattr__(self, "name", self.recipe.name)
        object.__setattr__(self, "type", self.recipe.type)

    @property
    def hyperparameters(self) -> dict:
        return self.recipe.hyperparameters

    def fit(self, dataset: Dataset, seed: int = 0) -> UserPersonalizationModel:
        """Fit the recipe and tilt its model.

        Raises:
            InputError: the dataset has no such attribute.
        """
        return self.tilt(self.recipe.fit(dataset, seed), dataset)

    def tilt(self, model: UserPersonalizationModel, dataset: Dataset) -> UserPersonalizationModel:
        """Return a model of the recipe with the objective, by the items' values in ``dataset``."""
        return model.tilted(STRENGTHS[self.sensitivity] * ranks(values(dataset, self.attribute)))


def values(dataset: Dataset, attribute: str) -> np.ndarray:
    """Return a numeric attribute of every item, float ``(n_items,)``; NaN where it is missing.

    Raises:
        InputError: there is no such attribute, or it holds no numbers.
    """
    if dataset.items is None or attribute not in dataset.items.columns:
        raise InputError(f"{dataset.name}: the items have no attribute {attribute} to favour")
    numbers = pd.to_numeric(dataset.items[attribute], errors="coerce").to_numpy(float)
    if np.isnan(numbers).all():
        raise InputError(f"{dataset.name}: the attribute {attribute} holds no numbers")
    return numbers


def ranks(numbers: np.ndarray) -> np.ndarray:
    """Return the share of the items with a lower value, half of the equal ones included, 0 to 1; 0 for a missing value."""
    known = ~np.isnan(numbers)
    ordered = np.sort(numbers[known])
    below, upto = (np.searchsorted(ordered, numbers, side) for side in ("left", "right"))
    return np.where(known, (below + upto) / (2 * max(1, len(ordered))), 0.0)
