"""The numbers behind the fit check, each a count or a share that can be verified by hand on ten rows.

A *visit* is what a user does without a pause of more than half an hour. *The newest tenth* is cut as the temporal split cuts:
events from the 90 % quantile of all timestamps on.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import splits
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import Interactions
from helpers.recipes.sessions import session_starts

VISIT_GAP = 30 * 60
"""Seconds; the same pause that ends a session for the recipes."""
DAY = 86_400
LIST_LENGTH = 25
"""As many items as the service evaluates of a list."""
_DRAWS = 20


@dataclass(frozen=True, eq=False)
class Visits:
    """The visits of all users.

    Attributes:
        of_event: number of the visit of each event, ``(m,)``, never decreasing.
        users: whose visit it is, ``(v,)``.
        times: Unix seconds at which it begins, ``(v,)``.
        first: whether it is its user's first, bool ``(v,)``.
    """

    of_event: np.ndarray
    users: np.ndarray
    times: np.ndarray
    first: np.ndarray


def visits(interactions: Interactions) -> Visits:
    """Find the visits in the timestamps; all events of one day are one visit where only days are known."""
    starts = session_starts(interactions.histories, VISIT_GAP)
    users = interactions.users[starts]
    return Visits(np.cumsum(starts) - 1, users, interactions.timestamps[starts], np.diff(users, prepend=-1) > 0)


def one_visit_share(found: Visits) -> float:
    """Return the share of users with a single visit."""
    counts = np.unique(found.users, return_counts=True)[1]
    return float((counts == 1).mean())


def known_visit_share(found: Visits, newest: float = 0.2) -> float:
    """Return the share of the newest fifth of the visits whose user had been there before.

    Only the newest: at the beginning of any data everybody looks new.
    """
    order = np.argsort(found.times, kind="stable")
    late = order[len(order) - int(np.ceil(newest * len(order))) :]
    return float(1 - found.first[late].mean())


def busiest_user_share(interactions: Interactions) -> float:
    """Return the share of all events that belong to the user with most of them."""
    return float(interactions.histories.lengths.max(initial=0) / max(1, len(interactions)))


def buy_again_share(interactions: Interactions, found: Visits) -> float:
    """Return, of the different items of each visit but a user's first, the share that this user had in an earlier visit; NaN
    where nobody came twice."""
    taken = pd.DataFrame({"visit": found.of_event, "user": interactions.users, "item": interactions.items})
    taken = taken.drop_duplicates(["visit", "item"])
    had = taken.duplicated(["user", "item"]).to_numpy()
    returning = ~found.first[taken["visit"].to_numpy()]
    return float(had[returning].mean()) if returning.any() else float("nan")


def many_item_visit_share(interactions: Interactions, found: Visits) -> float:
    """Return the share of visits with two different items or more: what "goes together" is learned from these."""
    pairs = pd.DataFrame({"visit": found.of_event, "item": interactions.items}).drop_duplicates()
    return float((np.bincount(pairs["visit"]) >= 2).mean())


def newest_tenth(interactions: Interactions, share: float = 0.1) -> np.ndarray:
    """Return which events are in the newest part of all, bool ``(m,)``."""
    return interactions.timestamps >= np.quantile(interactions.timestamps, 1 - share, method="higher")


def cold_share(interactions: Interactions) -> float:
    """Return the share of the catalogue that nobody has touched."""
    return float((np.bincount(interactions.items, minlength=interactions.n_items) == 0).mean())


def new_item_share(interactions: Interactions) -> float:
    """Return the share of the newest tenth of the events that is on items without any event before; NaN without a before."""
    late = newest_tenth(interactions)
    return float((~np.isin(interactions.items[late], interactions.items[~late])).mean()) if not late.all() else float("nan")


def one_list_share(interactions: Interactions) -> float:
    """Return the share of the newest tenth of the events that is on the 25 best sellers of the time before; NaN without a before."""
    late = newest_tenth(interactions)
    if late.all():
        return float("nan")
    return float(np.isin(interactions.items[late], best_sellers(interactions.items[~late], interactions.n_items)).mean())


def best_sellers(items: np.ndarray, n_items: int) -> np.ndarray:
    """Return the codes of the (up to) 25 most frequent items, most frequent first, equal ones by id."""
    counts = np.bincount(items, minlength=n_items)
    order = np.argsort(-counts, kind="stable")[:LIST_LENGTH]
    return order[counts[order] > 0]


@dataclass(frozen=True)
class Overlap:
    """How many of the best sellers of one period are best sellers of the next, and how many chance alone leaves.

    Attributes:
        size: length of the shorter list. seen: items in both lists. by_chance: the same, on average, after the visits of both
            periods were dealt out at random: what two samples of one and the same popularity have in common.
    """

    size: int
    seen: int
    by_chance: float


def best_seller_overlap(interactions: Interactions, found: Visits, seed: int = 0) -> Overlap:
    """Compare the 25 best sellers of the newest tenth of the events with those of the tenth before."""
    start, cut = np.quantile(interactions.timestamps, [0.8, 0.9], method="higher")
    both = found.times >= start
    late = found.times[both] >= cut
    place = np.cumsum(both) - 1
    use = both[found.of_event]
    items, of_visit = interactions.items[use], place[found.of_event[use]]
    rng = np.random.default_rng(seed)

    def shared(mask: np.ndarray) -> tuple[int, int]:
        lists = [best_sellers(items[side[of_visit]], interactions.n_items) for side in (mask, ~mask)]
        return min(map(len, lists)), len(np.intersect1d(*lists))

    size, seen = shared(late)
    return Overlap(size, seen, float(np.mean([shared(rng.permutation(late))[1] for _ in range(_DRAWS)])))


def twin_share(interactions: Interactions, seed: int = 0) -> float:
    """Return the share of test users, under the service's split, who are shown a hidden event: same item, same second.

    NaN where nobody can be tested.
    """
    try:
        parts = splits.split(interactions, "personalize", seed=seed)
    except InputError:  # no user with two events was drawn: there is nothing to look at
        return float("nan")
    names = ["row", "item", "second"]
    shown, hidden = (pd.DataFrame(dict(zip(names, (p.rows, p.items, p.timestamps), strict=True))) for p in (parts.inputs, parts.truth))
    twins = hidden.merge(shown.drop_duplicates(), on=names)
    return twins["row"].nunique() / len(parts.truth)


def next_visit_users(interactions: Interactions) -> int:
    """Return how many users have events both before the newest tenth and in it: those the temporal split can ask about."""
    late = newest_tenth(interactions)
    return len(np.intersect1d(interactions.users[late], interactions.users[~late]))


def rows_without_user(dataset: Dataset) -> tuple[int, int] | None:
    """Return how many rows were left out because they name no user, and of how many; None where nothing was counted."""
    for step in dataset.steps or ():
        if "lines without customer" in step.found:
            return step.found["lines without customer"], step.before
    for report in dataset.reports:
        if report.dataset_type == "Interactions":
            gone = report.dropped.get("USER_ID is empty")
            return (gone.count if gone else 0), report.rows_read
    return None
