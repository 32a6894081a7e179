"""Item-Affinity: for an item, the users most likely to take it next, with likelihoods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.recipes.segment_model import SegmentModel, SegmentRecipe, item_sets


class ItemAffinityModel(SegmentModel):
    """Queries are item codes; an item without interactions is answered by what is known of the users alone."""

    def items_of(self, query: Any) -> np.ndarray:
        if not isinstance(query, (int, np.integer)) or not 0 <= query < self.n_items:
            raise InputError(f"{query!r} is no item of the training data; take codes 0 .. {self.n_items - 1} from item_ids")
        return np.array([query], np.int32)

    def read(self, line: Mapping[str, Any]) -> int:
        item = line.get("itemId")
        if not isinstance(item, str):
            raise InputError('the line needs a field "itemId" with the id as text, e.g. {"itemId": "105"}')
        code = int(self.item_ids.codes([item])[0])
        if code < 0:
            raise InputError(f"the item {item!r} is not in the data that the solution version was trained on")
        return code


@dataclass(frozen=True)
class ItemAffinity(SegmentRecipe):
    """Users by likelihood to take an item, from own history, related items, latent factors, activity and recency."""

    name = "aws-item-affinity"
    source = "Amazon Personalize developer guide, Item-Affinity recipe; its model is not published, this one is our own"
    model_class = ItemAffinityModel

    def practice(self, dataset: Dataset, generator: np.random.Generator, n: int) -> sp.csr_matrix:
        known = np.unique(dataset.interactions.items)
        drawn = np.sort(generator.permutation(known)[:n])
        return item_sets(drawn[:, None], dataset.interactions.n_items)
