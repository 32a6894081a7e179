"""The search: Optuna proposes values, workers measure them fold by fold, what is clearly behind is given up early.

* **Proposals** come from a tree-structured Parzen estimator; the recipe's defaults are the first trial, so the best value is
  never worse than theirs on the validation. The draws of each trial depend on the seed and on how many trials came before, not on
  what the process did earlier: with one job, an interrupted search that goes on gives the same trials as one that was never
  interrupted. With several jobs, what a proposal knows depends on who is faster.
* **Pruning** compares alike with alike: every trial answers the same folds in the same order, and after each but the last a trial
  whose mean lies below the median of the complete trials at that fold is given up (from the sixth complete trial on). It saves
  trainings and never wins.
* **Repeated** proposals (a small space has few) are not trained again.

Sources: Akiba et al., KDD 2019 (Optuna); Bergstra et al., NeurIPS 2011 (the estimator); Golovin et al., KDD 2017 (median rule).
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from helpers.errors import InputError
from helpers.recipes.base import Recipe
from helpers.tuning.ranges import Space, holds, plain
from helpers.tuning.result import FAULT, default_values
from helpers.tuning.workers import Team

MEDIAN_RULE = optuna.pruners.MedianPruner(n_startup_trials=5)
"""Five trials are complete before it may give one up."""

Tell = Callable[[int, FrozenTrial, float], None]
"""Hears of each finished trial: how many are finished, the trial, the best value so far."""


@dataclass(frozen=True)
class Run:
    """One sitting at a study.

    Attributes:
        recipe, fixed, space: what is tuned, with which values held, and what is drawn.
        folds: of a full trial. seed: of the draws.
    """

    study: optuna.Study
    recipe: type[Recipe]
    fixed: Mapping[str, Any]
    space: Space
    folds: int
    seed: int

    def finished(self) -> list[FrozenTrial]:
        """Return the trials that count: complete, pruned, or refused by the recipe; not those that a kill interrupted."""
        states = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
        found = self.study.get_trials(deepcopy=False, states=states)
        return [trial for trial in found if trial.state != TrialState.FAIL or FAULT in trial.user_attrs]

    def until(self, trials: int, jobs: int, team: Team, tell: Tell) -> None:
        """Measure until so many trials are finished."""
        self._take_up()
        running: dict[Future, tuple[optuna.Trial, Recipe, list[float]]] = {}
        while True:
            while len(running) < jobs and len(self.finished()) + len(running) < trials:
                trial = self._ask(len(self.finished()) + len(running))
                if not self._answer_known(trial, tell):
                    recipe = self._create(trial)
                    running[team.measure(recipe, 0)] = (trial, recipe, [])
            if not running:
                return
            for future in sorted(wait(running, return_when=FIRST_COMPLETED).done, key=lambda one: running[one][0].number):
                trial, recipe, values = running.pop(future)
                if self._goes_on(trial, future, values):
                    running[team.measure(recipe, len(values))] = (trial, recipe, values)
                else:
                    self._report(trial, tell)

    def _take_up(self) -> None:
        """Put aside what a kill interrupted, and make the defaults the first trial."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
            self.study.tell(trial.number, state=TrialState.FAIL)
        own = default_values(self.recipe, self.fixed, self.space)
        if not self.finished() and all(holds(self.space[name], value) for name, value in own.items()):
            self.study.enqueue_trial(own)

    def _ask(self, before: int) -> optuna.Trial:
        number = int(np.random.SeedSequence([self.seed, before]).generate_state(1)[0])
        self.study.sampler = optuna.samplers.TPESampler(seed=number)
        return self.study.ask(self.space)

    def _create(self, trial: optuna.Trial) -> Recipe:
        return self.recipe.create({**self.fixed, **plain(self.space, trial.params)})

    def _answer_known(self, trial: optuna.Trial, tell: Tell) -> bool:
        """Finish a trial whose values have been tried before as it was finished then."""
        values = plain(self.space, trial.params)
        for earlier in self.finished():
            if earlier.state == TrialState.COMPLETE and plain(self.space, earlier.params) == values:
                for fold, mean in earlier.intermediate_values.items():
                    trial.report(mean, fold)
                self.study.tell(trial, earlier.value)
                self._report(trial, tell)
                return True
        return False

    def _goes_on(self, trial: optuna.Trial, future: Future, values: list[float]) -> bool:
        """Note a fold's value; finish the trial if it was the last, if it is behind, or if the recipe refused."""
        try:
            values.append(future.result())
        except InputError as reason:
            if not any(one.state == TrialState.COMPLETE for one in self.finished()):
                raise
            trial.set_user_attr(FAULT, str(reason))
            self.study.tell(trial, state=TrialState.FAIL)
            return False
        mean = float(np.mean(values))
        trial.report(mean, len(values) - 1)
        if len(values) == self.folds:
            self.study.tell(trial, mean)
            return False
        if trial.should_prune():
            self.study.tell(trial, state=TrialState.PRUNED)
            return False
        return True

    def _report(self, trial: optuna.Trial, tell: Tell) -> None:
        done = self.finished()
        best = max((one.value for one in done if one.state == TrialState.COMPLETE), default=float("nan"))
        tell(len(done), next(one for one in done if one.number == trial.number), best)
