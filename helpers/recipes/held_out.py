"""Questions cut out of the training data: hide some users, make some items cold, and ask what a recipe finds again.

For recipes that have to choose a setting of their own. The test users of an evaluation are not in here: a recipe only ever
sees its training part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers import metrics
from helpers.interactions import UNKNOWN, Histories, Interactions
from helpers.recipes.base import Model

SHARE = 10
"""One user of so many is hidden ..."""
MOST = 1000
"""... but no more than this, and no more sessions of theirs: a mean over a thousand questions is exact enough to choose by."""
COLD_SHARE = 4
"""One item of so many is made cold: only a few of its events are left to learn from."""
LEFT = (0, 1, 2, 4, 8)
"""How many: each cold item gets one of these."""
LIST_LENGTH = 25


@dataclass(frozen=True)
class Questions:
    """What to learn from and what to ask.

    Attributes:
        train: the interactions of all but the hidden users, without the events taken from cold items.
        asked: one item of each hidden session of two items or more, not a cold one where there is another, ``(n,)``.
        companions: the other items of that session, a row a question.
        inputs: the oldest nine tenths of each hidden user's events.
        truth: the newest tenth, at least one event, row by row.
        is_cold: which items were made cold, bool ``(n_items,)``.
    """

    train: Interactions
    asked: np.ndarray
    companions: Histories
    inputs: Histories
    truth: Histories
    is_cold: np.ndarray

    def companions_found(self, model: Model, cold: bool) -> np.ndarray:
        """Return how well related items find the companions of each asked item: NDCG at 25 of each question.

        Args:
            cold: rank, and look for, only the items that were made cold; questions without such a companion are left out.
        """
        asked, truth = self.asked, self.companions
        if cold:
            truth = truth.keep(self.is_cold[truth.items])
            rows = np.flatnonzero(truth.lengths)
            asked, truth = asked[rows], truth.take(rows)
        ranked, _ = model.similar(asked, LIST_LENGTH, self.is_cold if cold else None)
        return _ndcg(ranked, truth)

    def newest_found(self, model: Model) -> np.ndarray:
        """Return how well each hidden user's newest events are found from the older ones: NDCG at 25 of each user."""
        return _ndcg(model.recommend(self.inputs, LIST_LENGTH)[0], self.truth)


def draw_questions(interactions: Interactions, groups: np.ndarray, seed: int) -> Questions | None:
    """Draw questions; None where fewer than two users have two events, so that nothing could be learned or asked.

    Args:
        groups: session number of each event, never decreasing, ``(m,)``.
    """
    rng = np.random.default_rng(seed)
    histories, items = interactions.histories, interactions.items
    able = np.flatnonzero(histories.lengths >= 2)
    if len(able) < 2:
        return None
    users = np.sort(rng.permutation(able)[: min(MOST, -(-len(able) // SHARE))])
    is_hidden = np.isin(histories.rows, users)
    hidden = histories.take(users)
    is_truth = hidden.steps_back < np.maximum(1, np.rint(0.1 * hidden.lengths))[hidden.rows]
    left = np.full(interactions.n_items, len(items) + 1)
    cold = rng.permutation(interactions.n_items)[::COLD_SHARE]
    left[cold] = np.resize(LEFT, len(cold))
    is_cold = left <= len(items)
    noise = rng.random(len(items))
    train = ~is_hidden & (_place_within(np.where(is_hidden, -1, items), noise) < left[items])
    asked, companions = _ask(groups[is_hidden], items[is_hidden], (noise + is_cold[items])[is_hidden])
    return Questions(interactions.keep(train), asked, companions, hidden.keep(~is_truth), hidden.keep(is_truth), is_cold)


def _place_within(groups: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return for each event how many events of its group come before it by ``order``, ``(m,)``."""
    ranked = np.lexsort((order, groups))
    starts = np.searchsorted(groups[ranked], groups[ranked])
    place = np.empty(len(groups), np.int64)
    place[ranked] = np.arange(len(groups)) - starts
    return place


def _ask(groups: np.ndarray, items: np.ndarray, preference: np.ndarray) -> tuple[np.ndarray, Histories]:
    """Return of each group with two items or more the one of smallest ``preference``, and the others."""
    order = np.lexsort((preference, groups))
    groups, items = groups[order], items[order]
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    asked = np.repeat(items[starts], np.diff(np.append(starts, len(groups))))  # of each event's group
    pairs = np.unique(np.stack([groups, asked, items])[:, items != asked], axis=1)
    starts = np.flatnonzero(np.diff(pairs[0], prepend=-1))
    found = pairs[2].astype(np.int32)
    offsets = np.append(starts, pairs.shape[1]).astype(np.int64)
    nobody = np.full(len(starts), UNKNOWN, np.int32)
    companions = Histories(found, np.zeros(len(found), np.int64), offsets, nobody)
    return pairs[1][starts][:MOST], companions.take(slice(0, MOST))


def _ndcg(ranked: np.ndarray, truth: Histories) -> np.ndarray:
    return metrics.ndcg(metrics.hits(ranked, truth), metrics.relevant_counts(truth), LIST_LENGTH)


def first_as_good(tried: Sequence[float], found: Sequence[np.ndarray], otherwise: float) -> float:
    """Return the first setting that falls behind the best by no more than two standard errors of the difference.

    A smaller difference may be luck of the questions: the more cautious setting, named first, is then the better bet (the rule
    of Breiman et al. 1984, CART, section 3.4.3, who allow one standard error).

    Args:
        tried: the settings, most cautious first.
        found: the quality of each question ``(n,)`` under each setting.
        otherwise: the answer where there is no question.
    """
    if len(found[0]) == 0:
        return otherwise
    best = max(found, key=np.mean)
    behind = [best - values for values in found]
    luck = [2 * values.std() / np.sqrt(len(values)) for values in behind]
    return next(setting for setting, values, most in zip(tried, behind, luck, strict=True) if values.mean() <= most)
