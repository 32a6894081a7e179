"""Are these data a good fit for a recommender?

::

    found = fit_check.findings(dataset)                 # a second
    measured = fit_check.measure(dataset)               # seconds: does personalisation beat a rule?
    fit_check.decide(found, measured).sentence
"""

from helpers.fit_check.check import by_name, findings
from helpers.fit_check.comparison import Comparison, measure
from helpers.fit_check.decision import Decision, decide
from helpers.fit_check.finding import BAD, GOOD, WATCH, Finding, table, worst

__all__ = [
    "BAD",
    "GOOD",
    "WATCH",
    "Comparison",
    "Decision",
    "Finding",
    "by_name",
    "decide",
    "findings",
    "measure",
    "table",
    "worst",
]
