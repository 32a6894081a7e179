"""Item-Attribute-Affinity: for a kind of item, the users most likely to take one of that kind next, with likelihoods."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from helpers.attribute_query import AttributeQuery, parse
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.recipes.attributes import Attributes
from helpers.recipes.segment_model import SegmentModel, SegmentRecipe, item_sets


class ItemAttributeAffinityModel(SegmentModel):
    """Queries are texts of :mod:`helpers.attribute_query`, or parsed ones. The items that fulfil *all* conditions are looked at
    as one thing: who took such items, or things related to them, and how lately."""

    @cached_property
    def attributes(self) -> Attributes:
        """The attribute values of the training data."""
        return Attributes.from_arrays(self.arrays, self.n_items)

    def check(self) -> None:
        super().check()
        Attributes.from_arrays(self.arrays, self.n_items)

    def items_of(self, query: str | AttributeQuery) -> np.ndarray:
        return self.attributes.items_of(query if isinstance(query, AttributeQuery) else parse(query))

    def read(self, line: Mapping[str, Any]) -> AttributeQuery:
        if not isinstance(line.get("itemAttributes"), str):
            raise InputError('the line needs a field "itemAttributes" with a query, e.g. "ITEMS.GENRES = \\"Comedy\\""')
        query = parse(line["itemAttributes"])
        self.attributes.items_of(query)
        return query


@dataclass(frozen=True)
class ItemAttributeAffinity(SegmentRecipe):
    """Users by likelihood to take an item with given attributes: the evidence of Item-Affinity, summed over such items."""

    name = "aws-item-attribute-affinity"
    needs = "Interactions, Items with at least one category or number"
    source = "Amazon Personalize developer guide, Item-Attribute-Affinity recipe; its model is not published, this one is our own"
    model_class = ItemAttributeAffinityModel

    def practice(self, dataset: Dataset, generator: np.random.Generator, n: int) -> sp.csr_matrix:
        attributes = Attributes.of(dataset)
        queries = [attributes.query(*values) for values in attributes.single_and_paired(generator, n)]
        return item_sets([attributes.items_of(query) for query in queries], dataset.interactions.n_items)

    def more_arrays(self, dataset: Dataset) -> dict[str, np.ndarray]:
        return Attributes.of(dataset).to_arrays()
