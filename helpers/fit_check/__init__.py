"""Are these data a good fit for a recommender? ``fit_check.findings(dataset)``, then ``fit_check.table(...)`` to look at them."""

from helpers.fit_check.check import by_name, findings
from helpers.fit_check.finding import BAD, GOOD, WATCH, Finding, table, worst

__all__ = ["BAD", "GOOD", "WATCH", "Finding", "by_name", "findings", "table", "worst"]
