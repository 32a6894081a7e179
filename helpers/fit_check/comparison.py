"""Does personalisation beat a rule? Asked of a reader's own data, about what comes next, in seconds.

The question is put to the temporal split ("what will they take from now on?"). Where too few users were there both before and
after the cut, the last-basket split asks instead ("what was in the newest basket?"), and the answer says so. The best of four
rules is chosen on the very users it is tested on, which favours the rules; the contender is named beforehand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from helpers import evaluation, metrics, recipes, splits
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.fit_check import quick_blend
from helpers.fit_check.audience import GOOD_TEST_USERS, MIN_TEST_USERS
from helpers.fit_check.simple_rules import RULES
from helpers.metrics import Interval
from helpers.recipes.base import USER_SEGMENTATION

PAYS, PAYS_LITTLE, RULE, UNSURE = OUTCOMES = (
    "personalisation pays",
    "personalisation pays a little",
    "a rule would do",
    "cannot tell",
)
LITTLE = 0.05
"""Our choice: a gain of less than 5 % over a rule is easily lost again in the running of it."""
OVERLOOKED = 0.1
"""Our choice: "a rule would do" is only said where a gain of 10 % or more can be excluded."""
CONTENDER = "quick blend"
COMPANIONS = "aws-sims"
"""Shown beside the contender: a plain related-items recipe, asked with the whole history."""
MOST_USERS = 1000


@dataclass(frozen=True, eq=False)
class Comparison:
    """NDCG at 25 (textbook reading) of rules and personal recipes on the same questions.

    Attributes:
        split: the protocol that asked. users: how many were asked. contender: the personal recipe that has to beat the best rule.
        rules, personal: name -> NDCG of each user ``(n,)``.
    """

    split: str
    users: int
    rules: Mapping[str, np.ndarray]
    personal: Mapping[str, np.ndarray]
    contender: str

    @cached_property
    def best_rule(self) -> str:
        """The rule with the highest mean."""
        return max(self.rules, key=lambda name: self.rules[name].mean())

    @cached_property
    def test(self) -> metrics.PairedTest:
        """The contender minus the best rule, user by user."""
        return metrics.paired_test(self.personal[self.contender], self.rules[self.best_rule])

    @cached_property
    def gain(self) -> Interval:
        """How much more the contender finds than the best rule: 0.1 = 10 % more, with its interval over users."""
        return relative_gain(self.personal[self.contender], self.rules[self.best_rule])

    @property
    def outcome(self) -> str:
        """One of :data:`OUTCOMES`."""
        return judge(self.users, self.test, self.gain)

    def table(self) -> pd.DataFrame:
        """Return a row a contestant, best first: index ``contestant``; ``kind``, ``NDCG at 25``, ``low``, ``high``."""
        rows = []
        for kind, group in (("rule", self.rules), ("personal", self.personal)):
            for name, values in group.items():
                found = metrics.bootstrap_interval(values)
                rows.append((name, kind, found.mean, found.low, found.high))
        table = pd.DataFrame(rows, columns=["contestant", "kind", "NDCG at 25", "low", "high"])
        return table.sort_values("NDCG at 25", ascending=False, kind="stable").set_index("contestant")


def measure(dataset: Dataset, seed: int = 0, recipe: str | None = None) -> Comparison:
    """Compare rules with personal recipes on a reader's own data.

    Args:
        seed: passed on to split and training.
        recipe: a recipe that shall stand in for the quick blend, e.g. ``aws-user-personalization``: stronger, and minutes slower.

    Raises:
        InputError: too little data to train on, too few users to ask, or a recipe that does not exist or ranks no items.
    """
    dataset.check_minimum()
    if recipe and recipes.get(recipe).type == USER_SEGMENTATION:
        raise InputError(f"{recipe} finds users, it cannot recommend items; choose another recipe")
    parts = _question(dataset, seed)
    rows = quick_blend.spread(len(parts.truth), dataset.interactions.n_items, MOST_USERS)
    asked, truth = parts.inputs.take(rows), parts.truth.take(rows)
    train = dataset.with_interactions(parts.train)
    rules = {name: quick_blend.ndcg(rule(parts.train, asked), truth) for name, rule in RULES.items()}
    personal = {CONTENDER: quick_blend.ndcg(quick_blend.fit(train, parts.name, seed).score(asked), truth)}
    for name in dict.fromkeys([COMPANIONS, *([recipe] if recipe else [])]):
        ranked = evaluation.rank_catalogue(recipes.create(name).fit(train, seed=seed), asked)
        personal[name] = metrics.per_user(ranked, truth)[evaluation.NDCG]
    return Comparison(parts.name, len(rows), rules, personal, recipe or CONTENDER)


def relative_gain(a: np.ndarray, b: np.ndarray, *, resamples: int = 1000, seed: int = 0) -> Interval:
    """Return ``mean(a) / mean(b) - 1`` with its 95 % bootstrap interval over users, drawn in pairs.

    Args:
        a, b: values of the same users ``(n,)``. Where ``b`` finds nothing, the gain is infinite, or 0 if ``a`` finds nothing.
    """
    drawn = np.random.default_rng(seed).integers(0, len(a), (resamples, len(a)))
    gains = _ratio(a[drawn].mean(axis=1), b[drawn].mean(axis=1))
    low, high = np.quantile(gains, [0.025, 0.975], method="nearest")  # never between a number and infinity
    return Interval(float(_ratio(a.mean(), b.mean())), float(low), float(high))


def judge(users: int, test: metrics.PairedTest, gain: Interval) -> str:
    """Return the outcome of a comparison; a pure function of the test.

    Fewer than 25 users tell nothing. A significant difference speaks for itself; without one, "a rule would do" needs an interval
    whose upper end is below :data:`OVERLOOKED`.
    """
    if users < MIN_TEST_USERS:
        return UNSURE
    if test.significant and test.difference.mean > 0:
        return PAYS if gain.mean >= LITTLE else PAYS_LITTLE
    return RULE if gain.high < OVERLOOKED else UNSURE


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b > 0, a / b - 1, np.where(a > 0, np.inf, 0.0))


def _question(dataset: Dataset, seed: int) -> splits.Split:
    """Return the temporal split, or the last-basket split where that leaves too few users."""
    found = []
    for name in ("temporal", "last-basket"):
        try:
            parts = splits.split(dataset.interactions, name, seed=seed)
        except InputError:  # nobody can be asked this question; the next one is tried
            continue
        if len(parts.truth) >= GOOD_TEST_USERS:
            return parts
        found.append(parts)
    if not found or max(len(parts.truth) for parts in found) < MIN_TEST_USERS:
        raise InputError(
            f"{dataset.name}: fewer than {MIN_TEST_USERS} users can be asked what they took next; collect more first"
        )
    return max(found, key=lambda parts: len(parts.truth))
