"""Recipes whose best hyperparameters are known, for the tests of the search; importable by worker processes."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers import tuning
from helpers.datasets.dataset import Dataset, toy_dataset
from helpers.errors import InputError
from helpers.recipes.hyperparameters import hyperparameter
from helpers.recipes.popularity_count import PopularityCount, PopularityModel

BEST = 0.3
LOG = "TUNING_TOYS_LOG"


def loyal() -> Dataset:
    """120 users who each take the same five of 60 items over and over: their own history is the perfect list."""
    generator = np.random.default_rng(0)
    favourites = {f"u{u}": [f"i{i:02}" for i in generator.permutation(60)[:5]] for u in range(120)}
    return toy_dataset("loyal", {user: items * 4 for user, items in favourites.items()})


class PeakModel(PopularityModel):
    """The user's own items, behind as many wrong ones as the hyperparameter is away from the best value."""

    def score(self, histories, context=None):
        scores = histories.matrix(self.n_items).toarray().astype(float)
        wrong = scores == 0
        ahead = wrong & (wrong.cumsum(axis=1) <= self.recipe.wrong_items)
        return scores + 100.0 * ahead


@dataclass(frozen=True)
class Peak(PopularityCount):
    """Best at place = 0.3; idle does nothing. Every fit leaves a line in the file that LOG names."""

    name = "toy-peak"

    place: float = hyperparameter(0.9, 0, 1, tunable=True, doc="0.3 is best")
    idle: int = hyperparameter(2, 0, 10, tunable=True, doc="does nothing")
    sleep: float = hyperparameter(0.0, 0, 10, doc="seconds that a fit takes")

    @property
    def wrong_items(self) -> int:
        return round(40 * abs(self.place - BEST))

    def fit(self, dataset, seed=0):
        if LOG in os.environ:
            with Path(os.environ[LOG]).open("a") as file:
                file.write(f"{os.getpid()} {self.place} {len(dataset.interactions)}\n")
        time.sleep(self.sleep)
        return PeakModel(self, dataset.interactions.item_ids, {})


@dataclass(frozen=True)
class Steps(Peak):
    """The same over eleven whole numbers; 3 is best."""

    name = "toy-steps"

    place: int = hyperparameter(9, 0, 10, tunable=True, doc="3 is best")
    idle: int = hyperparameter(2, 0, 10, doc="does nothing")

    @property
    def wrong_items(self) -> int:
        return 4 * abs(self.place - 3)


@dataclass(frozen=True)
class Fussy(Peak):
    """Refuses large values."""

    name = "toy-fussy"

    place: float = hyperparameter(0.5, 0, 1, tunable=True, doc="0.3 is best")

    def fit(self, dataset, seed=0):
        if self.place > 0.5:
            raise InputError(f"toy-fussy: place = {self.place} is too much for {dataset.name}")
        return super().fit(dataset, seed)


if __name__ == "__main__":  # a search to be killed: STUDY
    tuning.search(loyal(), Peak, trials=50, fixed={"sleep": "0.05"}, storage=sys.argv[1])
