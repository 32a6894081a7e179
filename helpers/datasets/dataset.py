"""A dataset as the recipes see it: interactions, item and user attributes, and their schemas."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from helpers.datasets.steps import Steps
from helpers.errors import InputError
from helpers.interactions import ITEM_ID, USER_ID, Interactions, Vocabulary
from helpers.schemas import ImportReport, Schema

MIN_INTERACTIONS = 1000
MIN_USERS = 25
"""The service trains on at least 1,000 interactions and 25 users with two or more (developer guide, "Quotas")."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """One dataset group's data.

    Attributes:
        name: the name it was loaded by.
        interactions: who did what and when, over the vocabularies of all known users and the whole catalogue.
        items: one row an item code (index ITEM_ID), a column an attribute; None without item data. Items seen in
            interactions only have missing values.
        users: one row a user code (index USER_ID), likewise.
        schemas: dataset type (``Interactions``, ``Items``, ``Users``) -> schema.
        reports: what each import kept and dropped (without the rows).
        steps: what the preparation before the imports did; None where there was none.
        oracle: what only a generated data set knows: the truth behind it; None for real data.
    """

    name: str
    interactions: Interactions
    items: pd.DataFrame | None = None
    users: pd.DataFrame | None = None
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    reports: tuple[ImportReport, ...] = ()
    steps: Steps | None = None
    oracle: Any = None

    @classmethod
    def from_frames(
        cls, name: str, interactions: pd.DataFrame, items: pd.DataFrame | None = None, users: pd.DataFrame | None = None, **more
    ) -> "Dataset":
        """Join the three tables over common vocabularies: catalogue = items of interactions and of the item table.

        Args:
            interactions: columns USER_ID, ITEM_ID, TIMESTAMP and any further event columns.
            items, users: a column ITEM_ID / USER_ID (the last row of a repeated id counts) and attributes.
            more: further fields of :class:`Dataset`.
        """
        catalogue = Vocabulary(pd.concat([frame[ITEM_ID] for frame in (interactions, items) if frame is not None]))
        everyone = Vocabulary(pd.concat([frame[USER_ID] for frame in (interactions, users) if frame is not None]))
        return cls(
            name,
            Interactions.from_frame(interactions, everyone, catalogue),
            _align(items, ITEM_ID, catalogue),
            _align(users, USER_ID, everyone),
            **more,
        )

    def with_interactions(self, interactions: Interactions) -> "Dataset":
        """Return the same dataset with other interactions over the same vocabularies, e.g. the training part of a split."""
        return replace(self, interactions=interactions)

    @cached_property
    def sha256(self) -> str:
        """Hash of all ids, events and attributes: two datasets with equal hashes give equal results."""
        digest = hashlib.sha256()
        parts = [self.interactions.frame(), *(table.reset_index() for table in (self.items, self.users) if table is not None)]
        for frame in parts:
            digest.update(",".join(frame.columns).encode())
            digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def titles(self) -> np.ndarray:
        """What people call each item, ``(n_items,)`` str: the first column of ``items`` named like a title, else the id."""
        ids = self.interactions.item_ids.ids
        columns = [name for name in self.items.columns if "TITLE" in name] if self.items is not None else []
        return self.items[columns[0]].fillna(pd.Series(ids, ids)).to_numpy(object) if columns else ids

    def check_minimum(self) -> None:
        """Refuse what the service would not train on.

        Raises:
            InputError: fewer than 1,000 interactions, or fewer than 25 users with at least two.
        """
        n, users = len(self.interactions), int((self.interactions.histories.lengths >= 2).sum())
        if n < MIN_INTERACTIONS:
            raise InputError(f"{self.name}: {n} interactions, but training needs at least {MIN_INTERACTIONS}. Add interactions.")
        if users < MIN_USERS:
            raise InputError(
                f"{self.name}: {users} users with at least 2 interactions, but training needs at least {MIN_USERS}. Add users."
            )


def _align(table: pd.DataFrame | None, key: str, vocabulary: Vocabulary) -> pd.DataFrame | None:
    """Return the table with exactly one row for each id of the vocabulary, in code order."""
    if table is None:
        return None
    unique = table.drop_duplicates(key, keep="last").set_index(key)
    return unique.reindex(pd.Index(vocabulary.ids, name=key))


def toy_dataset(name: str, lists: Mapping[str, list[str]]) -> Dataset:
    """Build a small dataset for lessons and tests from user id -> item ids in order; times are 0, 1, 2, ... seconds."""
    rows = [(user, item, t) for user, items in lists.items() for t, item in enumerate(items)]
    return Dataset.from_frames(name, pd.DataFrame(rows, columns=[USER_ID, ITEM_ID, "TIMESTAMP"]).astype({"TIMESTAMP": np.int64}))
