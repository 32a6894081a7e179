"""What a search is judged by: questions carved out of the training part of the outer split, never the test users.

How, exactly. The outer split is the one under which the tuned recipe will be measured (:mod:`helpers.splits`, same protocol, same
seed). Its *training part* is all that a search ever sees: :func:`training_part` drops the inputs and truths of the test users at
once. That part is split again by the same protocol, several times (*folds*), so that a setting is judged by more than one draw:

* ``personalize``: each fold draws another tenth of the training users, with a seed of its own derived from the search's. (With
  the search's own seed it would draw the very users whom the outer split took away.)
* ``temporal``, ``last-basket``, ``leave-last``: these draw nothing, so the folds walk back in time. The first asks for the newest
  events of the training part; the next one splits what the first one trains on, and so on.

A recipe is trained on each fold's own training part and asked for the fold's truth; what counts is the mean over the folds.
"""

from dataclasses import dataclass

import numpy as np

from helpers import metrics, splits
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.evaluation import rank_catalogue
from helpers.recipes.base import Recipe
from helpers.splits import Split


@dataclass(frozen=True, eq=False)
class Questions:
    """The folds of a search.

    Attributes:
        dataset: the training part of the outer split.
        folds: splits of that part, at least one.
        metric: key of the per-user metric to maximise. seed: of the trainings.
    """

    dataset: Dataset
    folds: tuple[Split, ...]
    metric: str
    seed: int

    @classmethod
    def of(cls, training: Dataset, split: str, seed: int, metric: str, folds: int) -> "Questions":
        """Carve at most ``folds`` folds out of the training part; fewer where the data are used up before.

        Raises:
            InputError: not even one fold has a user who can be tested.
        """
        found: list[Split] = []
        part = training.interactions
        for number in range(folds):
            try:
                fold = splits.split(part, split, seed=_fold_seed(seed, number))
            except InputError as reason:
                if not found:
                    raise InputError(f"{training.name}: the training users leave nothing to validate on: {reason}") from reason
                break
            found.append(fold)
            part = training.interactions if split == "personalize" else fold.train
        return cls(training, tuple(found), metric, seed)

    def measure(self, recipe: Recipe, fold: int) -> float:
        """Train on one fold and return the mean of the metric over its users."""
        parts = self.folds[fold]
        model = recipe.fit(self.dataset.with_interactions(parts.train), seed=self.seed)
        return float(metrics.per_user(rank_catalogue(model, parts.inputs), parts.truth)[self.metric].mean())


def training_part(dataset: Dataset, split: str, seed: int) -> Dataset:
    """Return the data without the inputs and truths of the outer split's test users: all that a search may see."""
    return dataset.with_interactions(splits.split(dataset.interactions, split, seed=seed).train)


def _fold_seed(seed: int, number: int) -> int:
    """Return a seed that is the same in every run and has nothing in common with the small numbers that people choose."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
