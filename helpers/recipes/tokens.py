"""Attributes of items, users and events as tokens that a network can learn a vector for.

A token is a column and a value (``COLOUR=red``, a word of ``TITLE``, a decile of ``PRICE``). It is known by a 64-bit hash, so
that a saved model holds its vocabulary as plain numbers; at that width two tokens of one data set practically never meet.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from helpers.datasets.dataset import Dataset
from helpers.interactions import EVENT_TYPE, EVENT_VALUE
from helpers.recipes.features import described_fields, tokens_of

NOT_CONTEXT = (EVENT_TYPE, EVENT_VALUE, "IMPRESSION", "RECOMMENDATION_ID", "EVENT_ATTRIBUTION_SOURCE")
"""Reserved event columns: what happened, not the circumstances of a request."""
MIN_ROWS = 2
"""A token of a single item or user tells nothing about others."""
BINS = 10


def token_key(kind: str, column: str, value: str) -> int:
    """Return the 64-bit key of a token; ``kind`` is ``item``, ``user`` or ``event``."""
    digest = blake2b("\x1f".join((kind, column, value)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class Bag:
    """Tokens of the rows of a table: ``rows`` and ``keys`` ``(m,)`` with ``weights`` that sum to at most 1 a column and row."""

    def __init__(self, table: pd.DataFrame | None, kind: str, dataset: Dataset):
        self.n = 0 if table is None else len(table)
        rows, keys, weights = [], [], []
        for field in described_fields(dataset, kind) if table is not None else []:
            for row, values in enumerate(tokens_of(table[field.name], field)):
                rows += [row] * len(values)
                keys += [token_key(kind, field.name, value) for value in values]
                weights += [max(1, len(values)) ** -0.5] * len(values)
        self.rows, self.keys = np.array(rows, np.int64), np.array(keys, np.int64)
        self.weights = np.array(weights, np.float32)

    def vocabulary(self) -> np.ndarray:
        """Return the keys that occur in at least :data:`MIN_ROWS` rows, sorted, int64 ``(t,)``."""
        pairs = np.unique(np.stack([self.keys, self.rows]), axis=1)
        keys, counts = np.unique(pairs[0], return_counts=True)
        return keys[counts >= MIN_ROWS]

    def matrix(self, vocabulary: np.ndarray) -> sp.csr_matrix:
        """Return the rows as float32 CSR ``(n, len(vocabulary))``; tokens that the vocabulary lacks are left out."""
        codes = look_up(vocabulary, self.keys)
        known = codes >= 0
        matrix = sp.csr_matrix((self.weights[known], (self.rows[known], codes[known])), shape=(self.n, len(vocabulary)))
        matrix.sort_indices()
        return matrix


def look_up(vocabulary: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the place of each key in the sorted ``vocabulary``, -1 where it is not held; any shape, int64."""
    if len(vocabulary) == 0:
        return np.full(np.shape(keys), -1)
    places = np.minimum(np.searchsorted(vocabulary, keys), len(vocabulary) - 1)
    return np.where(vocabulary[places] == keys, places, -1)


def is_number(values: np.ndarray) -> bool:
    """Return whether a column holds numbers (to be binned) rather than categories."""
    return np.asarray(values).dtype.kind in "iuf"


def bin_edges(values: np.ndarray) -> np.ndarray:
    """Return the inner deciles of the numbers of a column, float64 ``(at most 9,)``."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.zeros(0)


def event_keys(columns: Mapping[str, Any], edges: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    """Return a token key for each event and column, int64 ``(n, len(columns))``, columns by name; 0 = no value.

    Args:
        columns: column name -> ``(n,)`` values, or one value for all (the context of a request).
        edges: column name -> bin edges of the numeric columns.
    """
    keys = np.zeros((n, len(columns)), np.int64)
    for place, name in enumerate(sorted(columns)):
        values = np.asarray(columns[name])
        values = np.broadcast_to(values, n) if values.ndim == 0 else values
        names = _binned(values, edges[name]) if name in edges else values.astype(object)
        codes, unique = pd.factorize(pd.Series(names, dtype=object))
        table = np.array([*(token_key("event", name, str(value)) for value in unique), 0], np.int64)
        keys[:, place] = table[codes]  # a missing value has code -1, the last entry
    return keys


def _binned(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(float)
    names = np.searchsorted(edges, numbers).astype(object)
    names[~np.isfinite(numbers)] = None
    return names
