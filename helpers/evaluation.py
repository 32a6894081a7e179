"""Split, fit, rank, measure: one recipe on one dataset under one protocol gives one record."""

import contextlib
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers import metrics, provenance, recipes, splits
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.base import USER_SEGMENTATION, Model, Recipe

NDCG = "normalized_discounted_cumulative_gain_at_25"
MAIN_METRICS = (NDCG, f"{NDCG}_aws", "mean_reciprocal_rank_at_25", "precision_at_5", "precision_at_25", "coverage")
"""What a table shows where not all metrics fit."""

_USERS_AT_ONCE = 1024


@dataclass(frozen=True)
class Record:
    """The outcome of one evaluation, with all that is needed to repeat it.

    ``metrics`` maps the service's keys to means over test users; ``per_user`` holds the values behind them
    (coverage has none), in the order of ``users``, so that two records of the same questions can be compared in pairs.
    """

    dataset: str
    recipe: str
    split: str
    seed: int
    hyperparameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    test_users: int
    items: int
    train_seconds: float
    score_seconds: float
    peak_mb: float
    versions: Mapping[str, str]
    data_sha256: str
    exclude_seen: bool = False
    shuffle_ties: bool = False
    users: np.ndarray = field(default=None, repr=False, compare=False)
    per_user: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def interval(self, metric: str = NDCG) -> metrics.Interval:
        """Return the metric's mean with its 95 % bootstrap interval over test users."""
        return metrics.bootstrap_interval(self.per_user[metric])

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values; ``exclude_seen`` and ``shuffle_ties`` appear only when set."""
        names = (
            "dataset recipe split seed hyperparameters metrics test_users items "
            "train_seconds score_seconds peak_mb versions data_sha256"
        ).split()
        plain = {name: getattr(self, name) for name in names}
        options = {name: True for name in ("exclude_seen", "shuffle_ties") if getattr(self, name)}
        return plain | options


def evaluate(
    dataset: Dataset,
    recipe: Recipe | str,
    split: str = "personalize",
    seed: int = 0,
    *,
    exclude_seen: bool = False,
    shuffle_ties: bool = False,
) -> Record:
    """Measure a recipe: split the interactions, fit on the training part, rank the catalogue for each test user.

    Args:
        dataset: all data.
        recipe: a recipe, or the name of one with its defaults.
        split: ``personalize``, ``temporal``, ``last-basket`` or ``leave-last`` (:mod:`helpers.splits`).
        seed: draws the test users and seeds the training.
        exclude_seen: never recommend what is in the user's input. The truth stays as it is, so a repeat
            purchase then counts as missed and both figures are about the same users and the same hidden items.
        shuffle_ties: put events of one user and one second in random order before splitting.

    Raises:
        InputError: unknown recipe or split, a recipe that ranks no items for users, or too little data to train on.
    """
    recipe = recipes.create(recipe) if isinstance(recipe, str) else recipe
    if recipe.type == USER_SEGMENTATION:
        raise InputError(
            f"{recipe.name} finds users, it cannot recommend items; measure it with helpers.segmentation (notebook 40)"
        )
    dataset.check_minimum()
    parts = splits.split(dataset.interactions, split, seed=seed, shuffle_ties=shuffle_ties)
    with peak_memory() as peak:
        start = time.perf_counter()
        model = recipe.fit(dataset.with_interactions(parts.train), seed=seed)
        trained = time.perf_counter()
        ranked = rank_catalogue(model, parts.inputs, exclude_seen=exclude_seen)
        scored = time.perf_counter()
    per_user = metrics.per_user(ranked, parts.truth)
    means = {key: float(values.mean()) for key, values in per_user.items()}
    return Record(
        dataset=dataset.name,
        recipe=recipe.name,
        split=split,
        seed=seed,
        hyperparameters=recipe.hyperparameters,
        metrics=means | {"coverage": metrics.coverage(ranked, dataset.interactions.n_items)},
        test_users=len(parts.inputs),
        items=dataset.interactions.n_items,
        train_seconds=round(trained - start, 3),
        score_seconds=round(scored - trained, 3),
        peak_mb=peak(),
        versions=provenance.versions(),
        data_sha256=dataset.sha256,
        exclude_seen=exclude_seen,
        shuffle_ties=shuffle_ties,
        users=dataset.interactions.user_ids.ids[parts.inputs.users],
        per_user=per_user,
    )


def rank_catalogue(model: Model, histories: Histories, *, exclude_seen: bool = False) -> np.ndarray:
    """Return the first 25 items for each history, codes ``(n, 25)``; users are worked through in blocks."""
    ranked = []
    for start in range(0, len(histories), _USERS_AT_ONCE):
        block = histories.take(slice(start, start + _USERS_AT_ONCE))
        allowed = unseen(block, model.n_items) if exclude_seen else None
        ranked.append(model.recommend(block, metrics.LIST_LENGTH, allowed)[0])
    return np.concatenate(ranked)


def unseen(histories: Histories, n_items: int) -> np.ndarray:
    """Return a bool mask ``(n, n_items)``: True where the history does not hold the item."""
    allowed = np.ones((len(histories), n_items), bool)
    allowed[histories.rows, histories.items] = False
    return allowed


def compare(records: Sequence[Record], metric: str = NDCG) -> pd.DataFrame:
    """Rank recipes by a metric and say which differences are more than luck.

    Users of all seeds are pooled and compared in pairs: user by user, each recipe against the best one.

    Args:
        records: of one dataset, split and option set; each recipe and hyperparameter set with the same seeds.

    Returns:
        A row a recipe, best first: mean, 95 % interval over users, difference to the best, p-value of the paired
        test, coverage, seconds to train.

    Raises:
        InputError: the records answer different questions, so a comparison would mean nothing.
    """
    groups: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda r: r.seed):
        groups.setdefault(_label(record, records), []).append(record)
    questions = {
        tuple((r.data_sha256, r.split, r.exclude_seen, r.shuffle_ties, r.seed) for r in group) for group in groups.values()
    }
    if len(questions) > 1:
        raise InputError(
            "records of different data, splits, options or seeds cannot be compared; evaluate all recipes alike, each once a seed"
        )
    values = {name: np.concatenate([r.per_user[metric] for r in group]) for name, group in groups.items()}
    best = max(values, key=lambda name: values[name].mean())
    rows = []
    for name, group in groups.items():
        interval = metrics.bootstrap_interval(values[name])
        test = metrics.paired_test(values[name], values[best])
        rows.append(
            {
                "recipe": name,
                metric: interval.mean,
                "low": interval.low,
                "high": interval.high,
                "difference to best": test.difference.mean,
                "p-value": test.p_value,
                "coverage": float(np.mean([r.metrics["coverage"] for r in group])),
                "train_seconds": float(np.mean([r.train_seconds for r in group])),
            }
        )
    return pd.DataFrame(rows).sort_values([metric, "recipe"], ascending=[False, True]).set_index("recipe")


def _label(record: Record, records: Sequence[Record]) -> str:
    """Name a record by its recipe; by its hyperparameters too where the recipe occurs with several."""
    variants = {tuple(r.hyperparameters.items()) for r in records if r.recipe == record.recipe}
    if len(variants) == 1:
        return record.recipe
    return f"{record.recipe} {', '.join(f'{name}={value}' for name, value in record.hyperparameters.items())}"


@contextlib.contextmanager
def peak_memory():
    """Yield a function that gives the process's peak memory in MB since entry."""
    with contextlib.suppress(OSError):  # Linux only; elsewhere the peak counts from the start of the process
        Path("/proc/self/clear_refs").write_text("5")
    yield _peak_mb


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        kilobytes = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        kilobytes = peak / 1024 if sys.platform == "darwin" else peak
    return round(kilobytes / 1024, 1)
