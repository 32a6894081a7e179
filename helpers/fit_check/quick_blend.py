"""A personal recommender that trains in seconds, to find out whether personalisation pays at all.

Four of the parts of User-Personalization, without its network, in one weighted sum::

    score(item) = w1 ln(1 + own events) + w2 companions + w3 linear + w4 popular lately

* own events: how often the user had the item; w1 may be negative, "never again";
* companions: what occurs in visits together with the items of the history (:mod:`helpers.recipes.sims`);
* linear: what the whole history speaks for (:mod:`helpers.recipes.linear`);
* popular lately: the rule of :mod:`helpers.fit_check.simple_rules`.

The weights start as the rule "buy again" and are changed one by one where that finds more on questions cut out of the training
data, by the same split as the test. So the blend contains that rule as a special case: what it finds beyond it was learned from
*other* users. The full recipe has more evidence and fits its weights better, and takes minutes instead of seconds.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from helpers import metrics, splits
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.evaluation import NDCG
from helpers.fit_check.simple_rules import popular_lately
from helpers.interactions import Histories, Interactions
from helpers.recipes.linear import linear_weights
from helpers.recipes.sims import Sims, add_neighbours
from helpers.recipes.top_k import top_k

PARTS = ("own history", "companions", "linear", "popular lately")
AS_THE_RULE = np.array([1.0, 0.0, 0.0, 0.1], np.float32)
"""These weights give the lists of the rule "buy again": ln 2 for an item that was had once is more than 0.1 for any other."""
CHOICES = ((-3.0, 0.0, 0.1, 0.3, 1.0, 3.0), *[(0.0, 0.1, 0.3, 1.0, 3.0, 10.0)] * 3)
"""Weights tried for each part."""
_ROUNDS = 2
MIN_QUESTIONS = 25
"""With fewer questions to choose by, the weights stay as the rule has them."""
MOST_QUESTIONS = 500
_MOST_CELLS = 20_000_000


@dataclass(frozen=True, eq=False)
class QuickBlend:
    """The trained blend.

    Attributes:
        train: what it learned from.
        companions: neighbours of each item and their weights, as in :class:`helpers.recipes.sims.SimsModel`.
        linear: CSR ``(n_items, n_items)``. weights: of :data:`PARTS`, ``(4,)``.
    """

    train: Interactions
    companions: tuple[np.ndarray, np.ndarray]
    linear: sp.csr_matrix
    weights: np.ndarray

    def evidence(self, asked: Histories) -> np.ndarray:
        """Return each part's score of every item, float32 ``(4, n, n_items)``."""
        n_items = self.train.n_items
        found = np.zeros((len(PARTS), len(asked), n_items), np.float32)
        found[0] = np.log1p(asked.matrix(n_items).toarray())
        add_neighbours(asked.items, asked.offsets, 1.25, *self.companions, found[1])
        shape = (len(asked), n_items)
        votes = sp.csr_matrix(((1.0 + asked.steps_back) ** -0.3, (asked.rows, asked.items)), shape=shape, dtype=np.float32)
        found[2] = (votes @ self.linear).toarray() / np.sqrt(np.maximum(1, asked.lengths))[:, None]
        found[3] = popular_lately(self.train, asked)
        return found

    def score(self, asked: Histories) -> np.ndarray:
        """Return a score for every item, ``(n, n_items)``; somebody without a history gets what is popular lately."""
        return np.tensordot(self.weights, self.evidence(asked), axes=1)


def fit(dataset: Dataset, split: str = "temporal", seed: int = 0) -> QuickBlend:
    """Train the parts and choose their weights on questions cut out of ``dataset`` by the same split.

    Args:
        dataset: the training part of a test.
        split: the protocol of the test.
        seed: passed on to the split.
    """
    weights = AS_THE_RULE
    try:
        inner = splits.split(dataset.interactions, split, seed=seed)
    except InputError:  # nobody can be asked: the weights stay
        inner = None
    if inner and len(inner.truth) >= MIN_QUESTIONS:
        rehearsal = _train(dataset.with_interactions(inner.train), weights)
        rows = spread(len(inner.truth), dataset.interactions.n_items)
        weights = choose_weights(rehearsal.evidence(inner.inputs.take(rows)), inner.truth.take(rows))
    return _train(dataset, weights)


def choose_weights(evidence: np.ndarray, truth: Histories) -> np.ndarray:
    """Return the weights ``(4,)`` that find most: one part after the other, twice round, each with the best of its choices.

    Args:
        evidence: ``(4, n, n_items)``. truth: the hidden events of the same ``n`` users.
    """

    weights = AS_THE_RULE.copy()
    best = ndcg(np.tensordot(weights, evidence, axes=1), truth).mean()
    for part in [*range(len(PARTS))] * _ROUNDS:
        others = np.tensordot(weights, evidence, axes=1) - weights[part] * evidence[part]
        for choice in CHOICES[part]:
            found = ndcg(others + choice * evidence[part], truth).mean()
            if found > best:
                weights[part], best = choice, found
    return weights


def ndcg(scores: np.ndarray, truth: Histories) -> np.ndarray:
    """Return NDCG at 25 (textbook reading) of each user, ``(n,)``."""
    return metrics.per_user(top_k(scores, metrics.LIST_LENGTH)[0], truth)[NDCG]


def spread(n: int, n_items: int, most: int = MOST_QUESTIONS) -> np.ndarray:
    """Return up to ``most`` of ``n`` rows, evenly spread; fewer for a large catalogue, whose scores need the memory."""
    most = max(1, min(most, _MOST_CELLS // max(1, n_items)))
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)


def _train(dataset: Dataset, weights: np.ndarray) -> QuickBlend:
    sims = Sims(min_cointeraction_count=1, neighbours=200).fit(dataset)
    return QuickBlend(
        dataset.interactions, (sims.arrays["ids"], sims.arrays["weights"]), linear_weights(dataset.interactions), weights
    )
