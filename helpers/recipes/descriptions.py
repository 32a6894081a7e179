"""What a model with metadata knows about items, users and events: one vocabulary of tokens, and who has which."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from helpers.datasets.dataset import Dataset
from helpers.recipes import tokens
from helpers.recipes.model_files import check_array

_EDGES = "edges."


@dataclass(frozen=True, eq=False)
class Descriptions:
    """Tokens by code, ``0 .. t-1``.

    Attributes:
        keys: key of each token, sorted, int64 ``(t,)``.
        items: tokens of each item, float32 CSR ``(n_items, t)``.
        users: codes of each user's tokens, int64 ``(n_users, c)``, padded with -1; no rows where users are not described.
        edges: column -> inner bin edges, for numeric event columns.
    """

    keys: np.ndarray
    items: sp.csr_matrix
    users: np.ndarray
    edges: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def none(cls, n_items: int) -> "Descriptions":
        """Nothing is known but ids."""
        return cls(np.zeros(0, np.int64), sp.csr_matrix((n_items, 0), dtype=np.float32), np.zeros((0, 0), np.int64))

    @classmethod
    def learn(cls, dataset: Dataset) -> "Descriptions":
        """Collect the tokens of all attributes and event columns of a dataset."""
        items, users = tokens.Bag(dataset.items, "item", dataset), tokens.Bag(dataset.users, "user", dataset)
        columns = event_columns(dataset.interactions.columns)
        edges = {name: tokens.bin_edges(values) for name, values in columns.items() if tokens.is_number(values)}
        events = np.unique(tokens.event_keys(columns, edges, len(dataset.interactions)))
        keys = np.unique(np.concatenate([items.vocabulary(), users.vocabulary(), events[events != 0]]))
        return cls._of(items, users, keys, edges, dataset.interactions.n_items)

    def renew(self, dataset: Dataset) -> "Descriptions":
        """Describe the items and users of a dataset by the tokens already known, e.g. items that are new."""
        items, users = tokens.Bag(dataset.items, "item", dataset), tokens.Bag(dataset.users, "user", dataset)
        return self._of(items, users, self.keys, self.edges, dataset.interactions.n_items)

    @classmethod
    def _of(cls, items, users, keys, edges, n_items) -> "Descriptions":
        described = items.matrix(keys) if items.n else sp.csr_matrix((n_items, len(keys)), dtype=np.float32)
        return cls(keys, described, _padded(users.matrix(keys)) if users.n else np.zeros((0, 0), np.int64), edges)

    @property
    def users_described(self) -> bool:
        return self.users.size > 0

    def of_events(self, columns: Mapping[str, Any], n: int) -> np.ndarray:
        """Return the token of each event and column, int64 ``(n, c)``, columns by name; -1 = unknown or missing.

        Args:
            columns: name -> values ``(n,)``, or one value for all.
        """
        return tokens.look_up(self.keys, tokens.event_keys(columns, self.edges, n))

    def of_users(self, users: np.ndarray) -> np.ndarray:
        """Return the tokens of user codes ``(n,)``, int64 ``(n, c)``; none for an unknown user."""
        known = (users >= 0) & (users < len(self.users))
        return np.where(known[:, None], self.users[np.where(known, users, 0)], -1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything as named arrays for a model file."""
        plain = {
            "token_keys": self.keys,
            "attributes.data": self.items.data.astype(np.float32),
            "attributes.indices": self.items.indices.astype(np.int64),
            "attributes.offsets": self.items.indptr.astype(np.int64),
            "user_tokens": self.users,
        }
        return plain | {_EDGES + name: edges for name, edges in self.edges.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], n_items: int) -> "Descriptions":
        """Read what :meth:`arrays` returned.

        Raises:
            ValueError: arrays that are missing, of a wrong form, or do not fit each other.
        """
        keys = check_array(arrays, "token_keys", np.int64, (None,))
        data = check_array(arrays, "attributes.data", np.float32, (None,))
        indices = check_array(arrays, "attributes.indices", np.int64, data.shape)
        offsets = check_array(arrays, "attributes.offsets", np.int64, (n_items + 1,))
        users = check_array(arrays, "user_tokens", np.int64, (None, None))
        edges = {name.removeprefix(_EDGES): values for name, values in arrays.items() if name.startswith(_EDGES)}
        if offsets[0] != 0 or offsets[-1] != len(data) or (np.diff(offsets) < 0).any() or (np.diff(keys) <= 0).any():
            raise ValueError("the offsets of the attributes do not fit, or the token keys are not in order")
        for codes, lowest in ((indices, 0), (users, -1)):
            if codes.size and not lowest <= codes.min() <= codes.max() < len(keys):
                raise ValueError("a token lies outside the vocabulary")
        for name in edges:
            check_array(arrays, _EDGES + name, np.float64, (None,))
        return cls(keys, sp.csr_matrix((data, indices, offsets), shape=(n_items, len(keys))), users, edges)


def event_columns(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event columns a network reads, by name: context and EVENT_TYPE."""
    return {name: columns[name] for name in sorted(columns) if name == tokens.EVENT_TYPE or is_context(name)}


def is_context(name: str) -> bool:
    """Return whether an event column is context, i.e. known at the time of a request."""
    return name not in tokens.NOT_CONTEXT


def _padded(matrix: sp.csr_matrix) -> np.ndarray:
    """Return the column numbers of each row, int64 ``(n, longest row)``, padded with -1."""
    lengths = np.diff(matrix.indptr)
    padded = np.full((matrix.shape[0], int(lengths.max(initial=0))), -1, np.int64)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = matrix.indices
    return padded
