"""What the findings and the measurement add up to: one sentence, and what each use of a recommender would be worth."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from helpers.fit_check.comparison import PAYS, PAYS_LITTLE, RULE, Comparison
from helpers.fit_check.finding import BAD, GOOD, Finding

YES, CARE, NO, NOT_YET, ASK = "yes", "with care", "no", "not yet", "measure first"
FULL = "aws-user-personalization"
AMOUNT = ("interactions", "users with two interactions", "items")
"""Findings that, if bad, stop everything."""
WHO = ("users seen once", "visits by known users", "events without a user")
"""Findings that, if bad, mean that nobody is known when they come in."""
TRUST = ("doubled events", "answers in the question", "the busiest user", "timestamps")
"""Findings that, if bad, mean that no measurement can be believed."""
SEVERAL = "visits with several items"
"""If bad, nothing shows what goes together."""
ONE_FOR_ALL = ("concentration (Gini)", "one list for all")


@dataclass(frozen=True)
class Use:
    """One use of a recommender: whether it fits, with what, and why."""

    name: str
    fits: str
    why: str
    with_: str


@dataclass(frozen=True)
class Decision:
    """The answer in one sentence, and the uses behind it."""

    sentence: str
    uses: tuple[Use, ...]

    @property
    def headline(self) -> str:
        """The first words of the sentence, without figures: the same words for the same answer."""
        return re.split(r"[:(;]", self.sentence)[0].strip()

    def table(self) -> pd.DataFrame:
        """Return a row a use: index ``use``; ``fits``, ``with``, ``why``."""
        rows = [(use.name, use.fits, use.with_, use.why) for use in self.uses]
        return pd.DataFrame(rows, columns=["use", "fits", "with", "why"]).set_index("use")


def decide(found: Sequence[Finding], comparison: Comparison | None = None, attributes: bool = False) -> Decision:
    """Add up findings and, where it was made, the measurement.

    Args:
        attributes: whether there are item attributes, which related items and segments can use.
    """
    bad = {finding.name for finding in found if finding.verdict == BAD}
    return Decision(sentence(found, comparison), tuple(_uses(found, bad, comparison, attributes)))


def sentence(found: Sequence[Finding], comparison: Comparison | None = None) -> str:
    """Return the decision in one sentence; the first of these that holds.

    Too little data; a test that cannot be believed; nobody is known; what the measurement said; nothing speaks against it.
    """
    bad = [finding for finding in found if finding.verdict == BAD]

    def named(names: Sequence[str]) -> str:
        return "; ".join(f"{finding.name}: {finding.figure}" for finding in bad if finding.name in names)

    if short := named(AMOUNT):
        return f"Not yet: too little to learn from ({short}). Show best sellers or hand-made lists, and collect."
    if faults := named(TRUST):
        return f"Repair the data first ({faults}): until then no test result can be believed."
    if unknown := named(WHO):
        return f"Not for personal lists: hardly anybody is known ({unknown}). Related items and lists that follow the visit fit."
    if comparison is not None:
        return _measured(comparison)
    if alike := named(ONE_FOR_ALL):
        return f"Probably the popular list is enough ({alike}). Measure before you build more."
    return "Nothing speaks against it; whether it beats a simple rule has to be measured."


def _measured(comparison: Comparison) -> str:
    rule, gain = f'the best rule ("{comparison.best_rule}")', comparison.gain
    size = f"{gain.mean:+.1%}, 95 % interval {gain.low:+.1%} to {gain.high:+.1%}"
    where = "what people take next" if comparison.split == "temporal" else "people's newest basket"
    asked = f"asked for {where}, {comparison.users:,} users"
    more = f" {FULL} has more evidence: measure it before you decide." if comparison.contender != FULL else ""
    personal = f"the personal list ({comparison.contender})"
    if comparison.outcome == PAYS:
        return f"Yes, personalisation pays: {personal} finds more than {rule}: {size} ({asked})."
    if comparison.outcome == PAYS_LITTLE:
        return f"Start with a rule: personalisation is ahead of {rule} for certain, but by little: {size} ({asked}).{more}"
    if comparison.outcome == RULE:
        return f"A rule would do: {rule} is as good as {personal}: {size} ({asked}).{more}"
    return f"Cannot tell yet: against {rule} {personal} stands at {size} ({asked}). More users are needed."


def _uses(found: Sequence[Finding], bad: set[str], comparison: Comparison | None, attributes: bool):
    verdict = {finding.name: finding.verdict for finding in found if not math.isnan(finding.value)}

    def unless(stops: Sequence[tuple[Sequence[str], str, str]], otherwise: tuple[str, str]) -> tuple[str, str]:
        """Return the answer of the first group of findings that holds a bad one, naming it; else the other answer."""
        hits = ((fits, f"{why} ({name})") for names, fits, why in stops for name in names if name in bad)
        return next(hits, otherwise)

    little, faults = (AMOUNT, NOT_YET, "too little data"), (TRUST, NOT_YET, "repair the data first")
    nobody = (WHO, NO, "hardly anybody is known")
    apart = ((SEVERAL,), NO, "no visit shows what goes together")
    few = verdict.get(SEVERAL, GOOD) != GOOD
    related = (CARE, "few visits show what goes together") if few else (YES, "works for visitors without a name, too")
    trend = verdict.get("drift", GOOD) != GOOD
    personal = unless([little, faults, nobody], _personal(comparison))
    yield Use("recommendations for a user", *personal, with_=FULL)
    yield Use("a list in personal order", *personal, with_="aws-personalized-ranking")
    yield Use("related items", *unless([little, apart], related), with_="aws-similar-items" if attributes else "aws-sims")
    campaign = unless([little, faults, nobody], (YES, "users are known and can be written to"))
    yield Use("segments for a campaign", *campaign, with_="aws-item-attribute-affinity" if attributes else "aws-item-affinity")
    yield Use(
        "a shelf of best sellers",
        YES,
        "always; it is the yardstick",
        with_="aws-trending-now" if trend else "aws-popularity-count",
    )


def _personal(comparison: Comparison | None) -> tuple[str, str]:
    if comparison is None:
        return ASK, "nothing speaks against it"
    fits = {PAYS: YES, PAYS_LITTLE: CARE, RULE: NO}.get(comparison.outcome, CARE)
    return fits, f'{comparison.outcome} ({comparison.gain.mean:+.1%} over "{comparison.best_rule}")'
