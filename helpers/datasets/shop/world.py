"""The whole truth behind the shop: items, users and how they fit, drawn again from the seed whenever it is needed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from helpers.datasets.shop.catalogue import draw_items
from helpers.datasets.shop.customers import draw_users
from helpers.datasets.shop.model import SEED, Items, Parameters, Users


@dataclass(frozen=True, eq=False)
class World:
    """Items, users, and how they fit."""

    items: Items
    users: Users
    parameters: Parameters

    @cached_property
    def affinity(self) -> np.ndarray:
        """How well each item suits each user, whoever else likes it: log units, ``(n_users, n_items)``."""
        items, users = self.items, self.users
        fit = users.theme[:, items.theme] + users.colour[:, items.colour]
        fit += np.einsum("uc,ic->ui", users.category, items.categories) + np.einsum("ud,id->ui", users.style, items.style)
        fit -= self.parameters.price_weight * np.abs(np.log(items.price)[None, :] - users.price_ease[:, None])
        return fit

    @cached_property
    def attraction(self) -> np.ndarray:
        """``exp(affinity + base)``: the weight of each item when a user picks by taste alone, ``(n_users, n_items)``."""
        return np.exp(self.affinity + self.items.base)

    @cached_property
    def fit(self) -> np.ndarray:
        """Affinity centred and scaled over everybody and everything, ``(n_users, n_items)``."""
        return (self.affinity - self.affinity.mean()) / self.affinity.std()

    def satisfaction(self, users: np.ndarray | int, items: np.ndarray | int) -> np.ndarray:
        """Return the EVENT_VALUE to be expected before noise and rounding, for codes of any shapes that broadcast::

        3.0 + 0.45 * bias_u + 0.35 * bias_i + 0.65 * fit(u, i)
        """
        return 3.0 + 0.45 * self.users.bias[users] + 0.35 * self.items.bias[items] + 0.65 * self.fit[users, items]


def draw_world(seed: int = SEED, parameters: Parameters | None = None) -> World:
    """Draw the shop's items and users; the same seed gives the same world."""
    parameters = parameters or Parameters()
    items = draw_items(np.random.default_rng([seed, 1]), parameters)
    users = draw_users(np.random.default_rng([seed, 2]), parameters)
    return World(items, users, parameters)
