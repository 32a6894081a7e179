"""The search as it is called: arguments checked, questions carved, a study opened, workers set to it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from helpers import metrics, recipes, splits
from helpers.console import Bar
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError, unknown_name
from helpers.evaluation import NDCG
from helpers.recipes.base import USER_SEGMENTATION, Recipe
from helpers.tuning.ranges import Space, parse_ranges, spoken_range
from helpers.tuning.result import Search
from helpers.tuning.run import MEDIAN_RULE, Run, Tell
from helpers.tuning.study_file import open_study
from helpers.tuning.validation import Questions, training_part
from helpers.tuning.workers import workers

FOLDS = 3
"""Validation folds of a full trial."""


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
    protocol = {"split": split, "seed": seed, "metric": metric, "folds": folds}
    recipe, space = check_request(recipe, ranges=ranges, trials=trials, jobs=jobs, fixed=fixed, **protocol)
    fixed = dict(fixed or {})
    dataset.check_minimum()
    about = _about(dataset, recipe, space, fixed, prune=prune, **protocol)
    with open_study(storage, about) as study:
        questions = Questions.of(training_part(dataset, split, seed), split, seed, metric, folds)
        study.pruner = MEDIAN_RULE if prune else optuna.pruners.NopPruner()
        run = Run(study, recipe, fixed, space, len(questions.folds), seed)
        with workers(questions, jobs) as team, Bar(f"Searching {recipe.name}", trials) as step:
            run.until(trials, jobs, team, _both(step, say, trials))
        return Search(dataset, recipe, fixed, space, split, seed, metric, len(questions.folds), tuple(run.finished()))


def check_request(
    recipe: str | type[Recipe],
    *,
    ranges: Mapping[str, Any] | None = None,
    trials: int = 20,
    jobs: int = 1,
    split: str = "personalize",
    seed: int = 0,
    metric: str = NDCG,
    fixed: Mapping[str, Any] | None = None,
    folds: int = FOLDS,
) -> tuple[type[Recipe], Space]:
    """Check the arguments of :func:`search` without any data; return the recipe's class and what is drawn for it.

    Raises:
        InputError: an unknown name, a number out of range, a range outside the recipe's limits, or nothing to search.
    """
    recipe = recipes.get(recipe) if isinstance(recipe, str) else recipe
    for name, value, least in (("trials", trials, 1), ("jobs", jobs, 1), ("folds", folds, 1), ("seed", seed, 0)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise InputError(f"{name} = {value!r}: use a whole number, at least {least}")
    if recipe.type == USER_SEGMENTATION:
        raise InputError(f"{recipe.name} finds users; the service does not tune it, and neither does the search")
    if split not in splits.SPLITS:
        raise unknown_name("split", split, splits.SPLITS)
    if metric not in metrics.PER_USER:
        raise unknown_name("metric", metric, metrics.PER_USER)
    fixed = fixed or {}
    recipe.create(fixed)
    space = parse_ranges(recipe, ranges)
    held = [name for name in space if name in fixed]
    if held and ranges:
        raise InputError(f"{recipe.name}: {held[0]} is both held and given a range; choose one")
    if len(held) == len(space):
        raise InputError(f"{recipe.name}: every tunable hyperparameter is held ({', '.join(held)}); there is nothing to search")
    return recipe, {name: distribution for name, distribution in space.items() if name not in fixed}


def _about(dataset: Dataset, recipe: type[Recipe], space: Space, fixed: dict[str, Any], **protocol: Any) -> dict[str, Any]:
    """Return all that decides what a trial is and what its value means, as JSON values."""
    about = {"recipe": recipe.name, "data": dataset.sha256[:16], **protocol}
    values = recipe.create(fixed).hyperparameters
    return about | {name: spoken_range(space[name]) if name in space else value for name, value in values.items()}


def _both(step: Callable[[int, str], None], say: Callable[[str], None] | None, trials: int) -> Tell:
    """Return what a finished trial is told to: the progress bar, and whoever wants to hear a line."""

    def tell(done: int, trial: FrozenTrial, best: float) -> None:
        step(done, f"(best {best:.4f})")
        if say is not None:
            outcome = {TrialState.COMPLETE: "", TrialState.PRUNED: ", given up"}.get(trial.state, ", refused")
            value = "no value" if trial.value is None else f"{trial.value:.4f}"
            say(f"trial {done} of {trials}: {value}{outcome} (best {best:.4f})")

    return tell
