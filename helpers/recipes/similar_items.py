"""Similar-Items: what goes together, and for items too new to know, what their title and attributes promise.

Three sources say how near two items are::

    score(i, j) = neighbour weight(i, j)  +  strength * (v_i . v_j)

    v_i = share_i * own_i  +  (1 - share_i) * guessed_i          share_i = sessions_i / (sessions_i + half)

* **neighbour weight**: the counted companions of SIMS (:mod:`helpers.recipes.sims`): exact, but blind for pairs never seen.
* **own**: a truncated SVD of the table *session x item*, each column divided by the root of its sum, so that the products of
  the vectors approximate the cosine of co-occurrence (Cremonesi et al., RecSys 2010): also for pairs that never met.
* **guessed**: the same vector predicted from title and attributes (TF-IDF, its SVD, a ridge regression learned on the items
  with evidence; Gantner et al., ICDM 2010): also for items nobody has touched. Without item data it is zero.

``half`` is the number of sessions at which own evidence weighs as much as the guess. It and ``strength`` are chosen inside the
training data (:mod:`helpers.recipes.held_out`), where some users are hidden and some items made cold. There are two strengths:
asked with one item, the vectors help most (they know pairs that nobody counted); asked with a whole history, many small
guesses add up to noise, and on some data the counts alone do best.

Asked with a history (evaluation does), the items count as in SIMS: the event ``s`` steps before the newest weighs
``(1 + s) ** -history_decay``. An item is not its own neighbour, but its vector is near itself: what was taken may come again.

The service calls its recipe a deep model and publishes no formula; this is a linear one that can be read and trains in seconds.
An item without any evidence (unknown, or neither sessions nor attributes) is answered with the popular items.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit

from helpers.datasets.dataset import Dataset
from helpers.interactions import Histories
from helpers.recipes.base import RELATED_ITEMS, Model, Recipe, popularity_scores
from helpers.recipes.embeddings import column_vectors, ridge_map
from helpers.recipes.features import has_item_attributes, item_vectors
from helpers.recipes.held_out import Questions, draw_questions, first_as_good
from helpers.recipes.hyperparameters import hyperparameter
from helpers.recipes.model_files import check_array
from helpers.recipes.sims import Sims, add_neighbours, check_neighbours

HALVES = (1, 2, 4, 8, 16, 32, 64)
STRENGTHS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2)
DEFAULT_HALF, DEFAULT_STRENGTHS = 8, (0.5, 0.5)
"""Used where the data are too few to choose by."""
_PENALTY = 10.0
"""Of the ridge regression, where an item weighs as much as it has sessions."""


class SimilarItemsModel(Model):
    """Arrays: ``ids``, ``weights``, ``users`` as in SIMS; ``vectors`` float32 ``(dimensions, n_items)``; ``own_share`` float32
    ``(n_items,)``, 0 = the vector is a guess from attributes, near 1 = observed; ``strengths`` float32 ``(2,)``, when asked
    with an item and with a history."""

    def check(self) -> None:
        super().check()
        check_neighbours(self.arrays, self.n_items)
        check_array(self.arrays, "vectors", np.float32, (None, self.n_items))
        own_share = check_array(self.arrays, "own_share", np.float32, (self.n_items,))
        if own_share.size and not 0 <= own_share.min() <= own_share.max() <= 1:
            raise ValueError("a share lies outside 0 .. 1")
        if not (check_array(self.arrays, "strengths", np.float32, (2,)) > 0).all():
            raise ValueError("a strength is not positive")

    def score(self, histories: Histories, context: Mapping[str, Any] | None = None) -> np.ndarray:
        """Add up what each item of the history says, newest first as in SIMS; what nothing speaks for follows by popularity."""
        return self._score(histories, self.arrays["strengths"][1])

    def score_similar(self, items: np.ndarray) -> np.ndarray:
        """Return the score of every item beside each query item; an item without evidence gets the popular items."""
        return self._score(Histories.of([[item] for item in items]), self.arrays["strengths"][0])

    def _score(self, histories: Histories, strength: np.float32) -> np.ndarray:
        scores = np.zeros((len(histories), self.n_items), np.float32)
        asked = (histories.items, histories.offsets, self.recipe.history_decay)
        add_neighbours(*asked, self.arrays["ids"], self.arrays["weights"], scores)
        _add_products(*asked, strength, self.arrays["vectors"], scores)
        return np.where(scores > 0, scores, popularity_scores(self.arrays["users"]))


@dataclass(frozen=True)
class Evidence:
    """What the data say about ``n`` items.

    Attributes:
        neighbours: the arrays of SIMS.
        own, guessed: vectors from sessions and from attributes, ``(n, d)``.
        sessions: number of sessions of each item, ``(n,)``.
    """

    neighbours: Mapping[str, np.ndarray]
    own: np.ndarray
    guessed: np.ndarray
    sessions: np.ndarray

    def arrays(self, half: float, strengths: tuple[float, float]) -> dict[str, np.ndarray]:
        """Return a model's arrays: formula in the module's text."""
        share = self.sessions / (self.sessions + half)
        vectors = share[:, None] * self.own + (1 - share)[:, None] * self.guessed
        return {
            **self.neighbours,
            "vectors": vectors.T.astype(np.float32),
            "own_share": share.astype(np.float32),
            "strengths": np.array(strengths, np.float32),
        }


@dataclass(frozen=True)
class SimilarItems(Recipe):
    """Related items by co-occurrence and by metadata (developer guide, "Similar-Items recipe"); formula in the module's text."""

    name = "aws-similar-items"
    type = RELATED_ITEMS
    needs = "Interactions; titles and attributes too, where there are any"
    source = (
        "Amazon Personalize developer guide, Similar-Items recipe; Cremonesi et al., RecSys 2010 (PureSVD); "
        "Gantner et al., ICDM 2010 (attribute-to-factor mapping)"
    )

    item_id_hidden_dim: int = hyperparameter(100, 30, 200, tunable=True, doc="length of the vectors learned from sessions")
    item_metadata_hidden_dim: int = hyperparameter(
        100, 30, 200, tunable=True, doc="to how many numbers titles and attributes are condensed"
    )
    session_gap_minutes: float = hyperparameter(30.0, 0, doc="not the service's: a longer gap ends the session")
    history_decay: float = hyperparameter(
        1.25, 0, 10, doc="not the service's: how fast older events of a history fade; 0 = all count the same"
    )

    def fit(self, dataset: Dataset, seed: int = 0) -> SimilarItemsModel:
        metadata = self._metadata(dataset, seed)
        groups = self._sims.groups(dataset.interactions)
        questions = draw_questions(dataset.interactions, groups, seed)
        half, strengths = DEFAULT_HALF, DEFAULT_STRENGTHS
        if questions:
            learned = self._learn(dataset.with_interactions(questions.train), metadata, seed)
            half, strengths = self._choose(questions, learned, dataset)
        return self._model(dataset, self._learn(dataset, metadata, seed), half, strengths)

    @property
    def _sims(self) -> Sims:
        return Sims(session_gap_minutes=self.session_gap_minutes, history_decay=self.history_decay)

    def _metadata(self, dataset: Dataset, seed: int) -> np.ndarray:
        """Return titles and attributes as short vectors ``(n_items, item_metadata_hidden_dim)``; without any, 0 columns."""
        if not has_item_attributes(dataset):
            return np.zeros((dataset.interactions.n_items, 0))
        return column_vectors(sp.csr_matrix(item_vectors(dataset).T), self.item_metadata_hidden_dim, seed)

    def _learn(self, dataset: Dataset, metadata: np.ndarray, seed: int) -> Evidence:
        interactions = dataset.interactions
        use = self._sims.typical_users(interactions)
        groups, items = self._sims.groups(interactions)[use], interactions.items[use]
        shape = (groups.max(initial=-1) + 1, interactions.n_items)
        table = sp.csr_matrix((np.ones(len(items)), (groups, items)), shape=shape)
        table.sum_duplicates()
        table.data[:] = 1
        sessions = np.asarray(table.sum(axis=0)).ravel()
        own = column_vectors(table @ sp.diags(np.maximum(sessions, 1) ** -0.5), self.item_id_hidden_dim, seed)
        guessed = metadata @ ridge_map(metadata, own, sessions, _PENALTY)
        return Evidence(self._sims.fit(dataset).arrays, own, guessed, sessions)

    def _choose(self, questions: Questions, evidence: Evidence, dataset: Dataset) -> tuple[float, tuple[float, float]]:
        """Return the half that serves cold and all items best, and with it both strengths."""

        def model(half: float, strength: float) -> SimilarItemsModel:
            return self._model(dataset, evidence, half, (strength, strength))

        def related(half: float, strength: float) -> np.ndarray:
            tried = model(half, strength)
            return np.concatenate([questions.companions_found(tried, cold) for cold in (True, False)])

        for_items, for_users = DEFAULT_STRENGTHS
        half = first_as_good(HALVES, [related(tried, for_items) for tried in HALVES], DEFAULT_HALF)
        for_items = first_as_good(STRENGTHS, [related(half, tried) for tried in STRENGTHS], for_items)
        for_users = first_as_good(STRENGTHS, [questions.newest_found(model(half, tried)) for tried in STRENGTHS], for_users)
        return half, (for_items, for_users)

    def _model(self, dataset: Dataset, evidence: Evidence, half: float, strengths: tuple[float, float]) -> SimilarItemsModel:
        return SimilarItemsModel(self, dataset.interactions.item_ids, evidence.arrays(half, strengths))


@njit(cache=True, nogil=True)
def _add_products(items, offsets, decay, strength, vectors, scores):
    """Add to each row of ``scores`` the products of the history's weighted sum of vectors with all vectors.

    Every item's sum runs in the same order whatever else is in the batch, so a single answer equals its row in a batch.
    """
    dimensions, n_items = vectors.shape
    for row in range(len(offsets) - 1):
        query = np.zeros(dimensions, np.float32)
        steps_back = 0
        for event in range(offsets[row + 1] - 1, offsets[row] - 1, -1):
            item = items[event]
            if item < 0:  # an item that the model does not know
                continue
            importance = strength * np.float32((1.0 + steps_back) ** -decay)
            steps_back += 1
            for dimension in range(dimensions):
                query[dimension] += importance * vectors[dimension, item]
        for dimension in range(dimensions):
            factor = query[dimension]
            for item in range(n_items):
                scores[row, item] += factor * vectors[dimension, item]
