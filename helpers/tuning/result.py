"""What a search found, and whether it was worth it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from helpers import metrics
from helpers.datasets.dataset import Dataset
from helpers.evaluation import Record, evaluate
from helpers.recipes.base import Recipe
from helpers.tuning.ranges import Space, as_text, plain
from helpers.tuning.study_file import quiet

FAULT = "fault"
"""Where a trial keeps the words with which its recipe refused the values."""

_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "refused"}


@dataclass(frozen=True)
class Improvement:
    """Tuned against default on the test users of the outer split, whom the search has never seen.

    Attributes:
        default, tuned: their records, of the same users. test: tuned - default, user by user.
    """

    default: Record
    tuned: Record
    metric: str

    @cached_property
    def test(self) -> metrics.PairedTest:
        return metrics.paired_test(self.tuned.per_user[self.metric], self.default.per_user[self.metric])

    def __str__(self) -> str:
        before, after = self.default.metrics[self.metric], self.tuned.metrics[self.metric]
        verdict = "more than luck" if self.test.significant else "no proof of a difference"
        return f"{before:.4f} by default, {after:.4f} tuned: {self.test} ({verdict})"


@dataclass(frozen=True, eq=False)
class Search:
    """The outcome of :func:`helpers.tuning.search`.

    Attributes:
        dataset: all data, test users included; the search itself saw their complement only.
        recipe, fixed: what was tuned, with which values held. space: what was drawn.
        split, seed, metric, folds: the protocol, and how many folds a full trial was judged by.
        finished: Optuna's trials, in the order in which they began.
    """

    dataset: Dataset = field(repr=False)
    recipe: type[Recipe]
    fixed: dict[str, Any]
    space: Space = field(repr=False)
    split: str
    seed: int
    metric: str
    folds: int
    finished: tuple[FrozenTrial, ...] = field(repr=False)

    @cached_property
    def _best(self) -> FrozenTrial:
        complete = [trial for trial in self.finished if trial.state == TrialState.COMPLETE]
        return max(complete, key=lambda trial: (trial.value, -trial.number))

    @property
    def best_hyperparameters(self) -> dict[str, Any]:
        """The values searched for that did best, as the recipe's fields take them."""
        return plain(self.space, self._best.params)

    @property
    def algorithm_hyperparameters(self) -> dict[str, str]:
        """The same as the service's ``algorithmHyperParameters`` and ``tunedHPOParams`` hold them: every value a string."""
        return {name: as_text(value) for name, value in self.best_hyperparameters.items()}

    @property
    def best_value(self) -> float:
        """The best trial's mean of the metric over the folds. Being the best of many it flatters: see :meth:`improvement`."""
        return self._best.value

    @property
    def default_value(self) -> float | None:
        """The same of the recipe's defaults; None if they lie outside the ranges searched."""
        own = default_values(self.recipe, self.fixed, self.space)
        values = [t.value for t in self.finished if t.state == TrialState.COMPLETE and plain(self.space, t.params) == own]
        return values[0] if values else None

    @property
    def tuned(self) -> Recipe:
        """The recipe with the best values."""
        return self.recipe.create({**self.fixed, **self.best_hyperparameters})

    @property
    def default(self) -> Recipe:
        """The recipe without the search: its defaults, and what was held."""
        return self.recipe.create(self.fixed)

    @property
    def trials(self) -> pd.DataFrame:
        """A row a trial, in the order of their beginning: hyperparameters; ``value``, the metric's mean over the folds measured;
        how many ``folds``; ``state`` (complete, pruned, refused); the best complete value so far; seconds."""
        rows = [
            {
                **plain(self.space, trial.params),
                "value": trial.value,
                "folds": len(trial.intermediate_values),
                "state": _STATES[trial.state],
                "seconds": trial.duration.total_seconds(),
            }
            for trial in self.finished
        ]
        table = pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="trial"))
        so_far = table["value"].where(table["state"] == "complete").cummax().ffill()
        table.insert(table.columns.get_loc("state") + 1, "best so far", so_far)
        return table

    @cached_property
    def importance(self) -> pd.Series:
        """How much of the metric's variation each hyperparameter explains, largest first, sum 1 (functional ANOVA on a random
        forest; Hutter et al., ICML 2014).

        Judged on the first fold, which every trial has answered, pruned or not. Zeros where all trials did alike, and for a
        hyperparameter that had no choice. With fewer than about 20 trials it is a hint, no more.
        """
        measured = [trial for trial in self.finished if trial.intermediate_values]
        free = [name for name, distribution in self.space.items() if not distribution.single()]
        values = {trial.intermediate_values[0] for trial in measured}
        if len(values) < 2 or not free:
            return pd.Series(0.0, list(self.space), name="importance")
        alike = [
            optuna.trial.create_trial(params=one.params, distributions=one.distributions, value=one.intermediate_values[0])
            for one in measured
        ]
        with quiet():
            study = optuna.create_study(direction="maximize", storage=optuna.storages.InMemoryStorage())
            study.add_trials(alike)
            evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.seed)
            shares = optuna.importance.get_param_importances(study, evaluator=evaluator, params=free)
        found = pd.Series(shares, name="importance")
        return found.reindex(list(self.space)).fillna(0.0).sort_values(ascending=False, kind="stable")

    def improvement(self) -> Improvement:
        """Measure the tuned and the default recipe on the untouched test users of the outer split.

        Another seed's test users would not do: the search has trained on them. Search once a seed instead.
        """
        default = evaluate(self.dataset, self.default, self.split, self.seed)
        same = self.tuned == self.default
        return Improvement(default, default if same else evaluate(self.dataset, self.tuned, self.split, self.seed), self.metric)


def default_values(recipe: type[Recipe], fixed: dict[str, Any], space: Space) -> dict[str, Any]:
    """Return what the hyperparameters searched for are without a search."""
    values = recipe.create(fixed).hyperparameters
    return {name: values[name] for name in space}
