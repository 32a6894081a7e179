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

import json
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from helpers import metrics, recipes, splits
from helpers.console import Bar
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError, unknown_name
from helpers.evaluation import NDCG
from helpers.recipes.base import USER_SEGMENTATION, Recipe
from helpers.tuning.ranges import Space, parse_ranges, plain
from helpers.tuning.result import FAULT, Search, default_values
from helpers.tuning.study_file import open_study
from helpers.tuning.validation import Questions, training_part
from helpers.tuning.workers import Team, workers

FOLDS = 3
_FIRST_COMPLETE = 5
"""So many trials are complete before the median rule may give one up."""
_VALUES = "folds"


def search(
    dataset: Dataset,
    recipe: str | type[Recipe],
    *,
    ranges: Mapping[str, Any] | None = None,
    trials: int = 20,
    jobs: int = 1,
    split: str = "personalize",
    seed: int = 0,
    metric: str = NDCG,
    fixed: Mapping[str, Any] | None = None,
    storage: str | Path | None = None,
    folds: int = FOLDS,
    prune: bool = True,
    say: Callable[[str], None] | None = None,
) -> Search:
    """Search for hyperparameters on validation folds inside the training part of a split (:mod:`helpers.tuning.validation`).

    Args:
        dataset: all data; the test users of the split are taken away before the search begins.
        recipe: its name, or the class.
        ranges: where to look; None = the tunable ranges of the recipe (:func:`helpers.tuning.ranges.parse_ranges`).
        trials: how many sets of values to try in all, those of a resumed ``storage`` included; the defaults are the first.
        jobs: worker processes, of one thread each; 1 = this process.
        split: the protocol, of the outer split and of the folds. seed: of the outer split, the folds, the draws, the trainings.
        metric: key of a per-user metric; the more, the better.
        fixed: hyperparameters that are held, as typed by a user.
        storage: a file to keep the search in and to resume it from; None = memory.
        folds: validation folds of a full trial, 1 or more.
        prune: give up trials that are behind after a fold.
        say: told a line for each finished trial.

    Raises:
        InputError: a mistake in the arguments, in the study file or in the data, before anything is trained where that can be
            known; or the recipe refuses the data.
    """
    recipe = recipes.get(recipe) if isinstance(recipe, str) else recipe
    _check(recipe, trials, jobs, split, seed, metric, folds)
    fixed = dict(fixed or {})
    space = _space(recipe, ranges, fixed)
    dataset.check_minimum()
    about = _about(dataset, recipe, space, fixed, split=split, seed=seed, metric=metric, folds=folds, prune=prune)
    with open_study(storage, about) as study:
        questions = Questions.of(training_part(dataset, split, seed), split, seed, metric, folds)
        run = _Run(study, recipe, fixed, space, questions, prune, seed)
        with workers(questions, jobs) as team, Bar(f"Searching {recipe.name}", trials) as step:
            run.until(trials, jobs, team, _both(step, say, trials))
        return Search(dataset, recipe, fixed, space, split, seed, metric, len(questions.folds), tuple(run.finished()))


class _Run:
    """One sitting at a study."""

    def __init__(
        self,
        study: optuna.Study,
        recipe: type[Recipe],
        fixed: dict[str, Any],
        space: Space,
        questions: Questions,
        prune: bool,
        seed: int,
    ):
        self._study, self._recipe, self._fixed, self._space, self._seed = study, recipe, fixed, space, seed
        self._n_folds = len(questions.folds)
        self._pruner = optuna.pruners.MedianPruner(_FIRST_COMPLETE) if prune else optuna.pruners.NopPruner()
        study.pruner = self._pruner

    def finished(self) -> list[FrozenTrial]:
        """Return the trials that count: complete, pruned, or refused by the recipe; not those that a kill interrupted."""
        states = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
        found = self._study.get_trials(deepcopy=False, states=states)
        return [trial for trial in found if trial.state != TrialState.FAIL or FAULT in trial.user_attrs]

    def until(self, trials: int, jobs: int, team: Team, tell: Callable[[int, FrozenTrial, float], None]) -> None:
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
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
            self._study.tell(trial.number, state=TrialState.FAIL)
        own = default_values(self._recipe, self._fixed, self._space)
        if not self.finished() and all(_holds(self._space[name], value) for name, value in own.items()):
            self._study.enqueue_trial(own)

    def _ask(self, before: int) -> optuna.Trial:
        number = int(np.random.SeedSequence([self._seed, before]).generate_state(1)[0])
        self._study.sampler = optuna.samplers.TPESampler(seed=number)
        return self._study.ask(self._space)

    def _create(self, trial: optuna.Trial) -> Recipe:
        return self._recipe.create({**self._fixed, **plain(self._space, trial.params)})

    def _answer_known(self, trial: optuna.Trial, tell: Callable) -> bool:
        """Finish a trial whose values have been tried before as it was finished then."""
        values = plain(self._space, trial.params)
        for earlier in self.finished():
            if earlier.state == TrialState.COMPLETE and plain(self._space, earlier.params) == values:
                for fold, mean in earlier.intermediate_values.items():
                    trial.report(mean, fold)
                self._study.tell(trial, earlier.value)
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
            self._study.tell(trial, state=TrialState.FAIL)
            return False
        mean = float(np.mean(values))
        trial.report(mean, len(values) - 1)
        if len(values) == self._n_folds:
            self._study.tell(trial, mean)
            return False
        if trial.should_prune():
            self._study.tell(trial, state=TrialState.PRUNED)
            return False
        return True

    def _report(self, trial: optuna.Trial, tell: Callable) -> None:
        done = self.finished()
        best = max((one.value for one in done if one.state == TrialState.COMPLETE), default=float("nan"))
        tell(len(done), next(one for one in done if one.number == trial.number), best)


def _check(recipe: type[Recipe], trials: int, jobs: int, split: str, seed: int, metric: str, folds: int) -> None:
    for name, value, least in (("trials", trials, 1), ("jobs", jobs, 1), ("folds", folds, 1), ("seed", seed, 0)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise InputError(f"{name} = {value!r}: use a whole number, at least {least}")
    if recipe.type == USER_SEGMENTATION:
        raise InputError(f"{recipe.name} finds users; the service does not tune it, and neither does the search")
    if split not in splits.SPLITS:
        raise unknown_name("split", split, splits.SPLITS)
    if metric not in metrics.PER_USER:
        raise unknown_name("metric", metric, metrics.PER_USER)


def _space(recipe: type[Recipe], ranges: Mapping[str, Any] | None, fixed: dict[str, Any]) -> Space:
    recipe.create(fixed)
    space = parse_ranges(recipe, ranges)
    twice = [name for name in space if name in fixed]
    if twice and ranges:
        raise InputError(f"{recipe.name}: {twice[0]} is both held and given a range; choose one")
    left = {name: distribution for name, distribution in space.items() if name not in fixed}
    if not left:
        raise InputError(f"{recipe.name}: every tunable hyperparameter is held ({', '.join(twice)}); there is nothing to search")
    return left


def _about(dataset: Dataset, recipe: type[Recipe], space: Space, fixed: dict[str, Any], **protocol: Any) -> dict[str, Any]:
    """Return all that decides what a trial's value means, as JSON values."""
    ranges = {name: list(one.choices) if _is_list(one) else [one.low, one.high] for name, one in space.items()}
    held = {name: value for name, value in recipe.create(fixed).hyperparameters.items() if name not in space}
    about = {"recipe": recipe.name, "data": dataset.sha256[:16], **protocol, "held": held, "ranges": ranges}
    return json.loads(json.dumps(about))


def _is_list(distribution: Any) -> bool:
    return isinstance(distribution, CategoricalDistribution)


def _holds(distribution: Any, value: Any) -> bool:
    return value in distribution.choices if _is_list(distribution) else distribution.low <= value <= distribution.high


def _both(step: Callable[[int, str], None], say: Callable[[str], None] | None, trials: int) -> Callable:
    """Return what a finished trial is told to: the progress bar, and whoever wants to hear a line."""

    def tell(done: int, trial: FrozenTrial, best: float) -> None:
        step(done, f"(best {best:.4f})")
        if say is not None:
            outcome = {TrialState.COMPLETE: "", TrialState.PRUNED: ", given up"}.get(trial.state, ", refused")
            value = "no value" if trial.value is None else f"{trial.value:.4f}"
            say(f"trial {done} of {trials}: {value}{outcome} (best {best:.4f})")

    return tell
