"""Can a test on these data be believed? From a figure to a finding, one small function a rule.

See :mod:`helpers.fit_check.check` for where the thresholds come from.
"""

import numpy as np

from helpers.fit_check.finding import BAD, GOOD, WATCH, Finding, at_most, finding, unknown

MAX_DOUBLED, WORST_DOUBLED = 0.01, 0.1
"""The diagnose sample warns above 10 % of doubled events; 1 % is our choice, for stray ones do no harm."""


def doubled_events(share: float) -> Finding:
    """Judge the share of events that repeat user, item and second of an earlier one, such as a click and a watch of one act."""
    told = {
        GOOD: ("every event stands for something of its own", ""),
        WATCH: ("some acts are written down twice", "find out why; keep one event of each act"),
        BAD: ("acts are written down twice: a test hides one and shows its twin", "train and test on one event type only"),
    }
    return finding("doubled events", at_most(share, MAX_DOUBLED, WORST_DOUBLED), f"{share:.0%} of the events", share, told)


MAX_TWINS, WORST_TWINS = 0.01, 0.1
"""Our choice: of a hundred questions, one; of ten, one."""


def answers_shown(share: float) -> Finding:
    """Judge the share of test users who are shown a hidden event, same item and same second, under the service's split."""
    name = "answers in the question"
    if np.isnan(share):
        return unknown(name, "no user can be tested with the service's split", "more users with two events are needed")
    told = {
        GOOD: ("a test asks for what is not in its question", ""),
        WATCH: ("a few test questions hold their answer", "remove doubled events before believing a score"),
        BAD: ("many test questions hold their answer: a high score means nothing", "one event of each act; hide whole visits"),
    }
    return finding(name, at_most(share, MAX_TWINS, WORST_TWINS), f"{share:.0%} of the test users", share, told)


MAX_SAME_SECOND = 0.1
"""Our choice, for the order inside a second is the order of lines in a file. Never bad by itself: a shop that writes down baskets
is a good shop, only its tests must hide whole baskets."""


def order_in_a_second(share: float) -> Finding:
    """Judge the share of events that have user and second in common with the event before."""
    told = {
        GOOD: ("the order of events is real", ""),
        WATCH: (
            "baskets: the order inside them is the order of lines in a file",
            "test with the last-basket or temporal split; distrust recipes that read order",
        ),
    }
    return finding("events in a basket", at_most(share, MAX_SAME_SECOND, 1.0), f"{share:.0%} of the events", share, told)


def clock(distinct_times: int, whole_days: bool, days: float) -> Finding:
    """Judge the timestamps: all equal is useless (the service then fails to train segments), whole days hide the order of a day.

    Args:
        distinct_times: different seconds among all events. whole_days: whether all are midnights. days: from first to last.
    """
    verdict = BAD if distinct_times < 2 else WATCH if whole_days else GOOD
    told = {
        GOOD: ("times are precise enough to tell before from after", ""),
        WATCH: (
            "only the day is known: nothing tells what came first on it",
            "hide whole days in tests; send real times if you can",
        ),
        BAD: ("all events carry the same time: there is no before and after", "bring the real times"),
    }
    return finding("timestamps", verdict, f"{distinct_times:,} different ones in {days:,.0f} days", float(distinct_times), told)
