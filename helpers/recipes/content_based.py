"""Content-based filtering: items like those you took, judged by title and attributes alone. For the comparison lesson.

Not a recipe of the service (hence ``local-``). Its strength is the item nobody has touched yet; its weakness is that it
never leaves the shelf: it knows what things are, not what people do with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from helpers.datasets.dataset import Dataset
from helpers.interactions import UNKNOWN, Histories
from helpers.recipes.base import USER_PERSONALIZATION, Model, Recipe, popularity_scores
from helpers.recipes.features import item_vectors
from helpers.recipes.hyperparameters import hyperparameter
from helpers.recipes.model_files import check_array
from helpers.recipes.popularity_count import count_unique_users


class ContentModel(Model):
    """Arrays: item vectors as CSR parts ``data`` float32, ``indices`` int32, ``offsets`` int64 ``(n_items + 1,)``, ``n_tokens``
    int64 ``(1,)``; ``users``, the number of unique users of each item, int64 ``(n_items,)``."""

    def check(self) -> None:
        super().check()
        data = check_array(self.arrays, "data", np.float32, (None,))
        indices = check_array(self.arrays, "indices", np.int32, data.shape)
        offsets = check_array(self.arrays, "offsets", np.int64, (self.n_items + 1,))
        n_tokens = check_array(self.arrays, "n_tokens", np.int64, (1,))[0]
        check_array(self.arrays, "users", np.int64, (self.n_items,))
        if offsets[0] != 0 or offsets[-1] != len(data) or (np.diff(offsets) < 0).any():
            raise ValueError("the offsets do not fit the vectors")
        if len(indices) and not 0 <= indices.min() <= indices.max() < n_tokens:
            raise ValueError("a token lies outside the vocabulary")

    @property
    def vectors(self) -> sp.csr_matrix:
        """Item vectors of length 1, ``(n_items, n_tokens)``."""
        parts = (self.arrays["data"], self.arrays["indices"], self.arrays["offsets"])
        return sp.csr_matrix(parts, shape=(self.n_items, int(self.arrays["n_tokens"][0])), copy=False)

    def score(self, histories: Histories, context: Mapping[str, Any] | None = None) -> np.ndarray:
        """Return the likeness of each item to the history's recency-weighted mean vector; the rest follows by popularity."""
        known = histories.items != UNKNOWN
        rows, items = histories.rows[known], histories.items[known]
        weights = ((1.0 + histories.steps_back[known]) ** -self.recipe.history_decay).astype(np.float32)
        attention = sp.csr_matrix((weights, (rows, items)), shape=(len(histories), self.n_items))
        totals = np.maximum(np.bincount(rows, weights, minlength=len(histories)), np.finfo(np.float32).tiny)
        likeness = ((attention @ self.vectors) @ self.vectors.T).toarray() / totals[:, None].astype(np.float32)
        return np.where(likeness > 0, likeness, popularity_scores(self.arrays["users"]))

    def score_similar(self, items: np.ndarray) -> np.ndarray:
        """Return the cosine of the item vectors; an unknown item, or one without attributes, gets the popular items."""
        return self.score(Histories.of([[item] for item in items]))


@dataclass(frozen=True)
class ContentBased(Recipe):
    """Cosine of TF-IDF vectors of titles and attributes; a user is the recency-weighted mean of their items."""

    name = "local-content-based"
    type = USER_PERSONALIZATION
    needs = "Interactions, Items with at least one title, category or number"
    source = "Pazzani & Billsus 2007, Content-based recommendation systems; not a recipe of the service"

    history_decay: float = hyperparameter(
        1.0,
        0,
        10,
        tunable=True,
        doc="how fast older events of a history fade: (1 + steps back) ** -decay; 0 = all count the same",
    )

    def fit(self, dataset: Dataset, seed: int = 0) -> ContentModel:
        vectors = item_vectors(dataset)
        arrays = {
            "data": vectors.data,
            "indices": vectors.indices.astype(np.int32),
            "offsets": vectors.indptr.astype(np.int64),
            "n_tokens": np.array([vectors.shape[1]]),
            "users": count_unique_users(dataset.interactions),
        }
        return ContentModel(self, dataset.interactions.item_ids, arrays)
