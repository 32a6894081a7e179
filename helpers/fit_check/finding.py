"""One finding about a data set: a figure, a verdict, what it means, what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

GOOD, WATCH, BAD = VERDICTS = ("good", "watch out", "bad")
"""From best to worst. *Bad* = this speaks against personalisation, or the test cannot be trusted, until it is changed."""


@dataclass(frozen=True)
class Finding:
    """What one rule says about a data set.

    Attributes:
        name: what was looked at, a few words.
        verdict: one of :data:`VERDICTS`.
        figure: the number, with its unit, as a reader wants it.
        meaning: what it means, a sentence in plain words.
        next_step: what to do; empty where nothing needs to be done.
        value: the number itself; NaN where the data cannot tell.
    """

    name: str
    verdict: str
    figure: str
    meaning: str
    next_step: str
    value: float


def at_least(value: float, good: float, bearable: float) -> str:
    """Return the verdict on a figure that should be large: ``good`` or more is good, below ``bearable`` is bad."""
    return GOOD if value >= good else WATCH if value >= bearable else BAD


def at_most(value: float, good: float, bearable: float) -> str:
    """Return the verdict on a figure that should be small: up to ``good`` is good, above ``bearable`` is bad."""
    return GOOD if value <= good else WATCH if value <= bearable else BAD


def worst(findings: Sequence[Finding]) -> str:
    """Return the worst verdict among findings; good where there are none."""
    return max((finding.verdict for finding in findings), key=VERDICTS.index, default=GOOD)


def table(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return a row a finding: ``finding``, ``verdict``, ``figure``, ``meaning``, ``next step``; the order is kept."""
    rows = [(f.name, f.verdict, f.figure, f.meaning, f.next_step) for f in findings]
    return pd.DataFrame(rows, columns=["finding", "verdict", "figure", "meaning", "next step"])
