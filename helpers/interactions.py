"""Interactions in memory: who did what and when, as sorted arrays that every recipe learns from.

Identifiers are strings outside and dense integer codes inside. A vocabulary is sorted by id, so
ordering by code *is* ordering by id, and "ties are broken by item id" costs nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import scipy.sparse as sp

from helpers.errors import InputError

USER_ID, ITEM_ID, TIMESTAMP = "USER_ID", "ITEM_ID", "TIMESTAMP"
EVENT_TYPE, EVENT_VALUE = "EVENT_TYPE", "EVENT_VALUE"
UNKNOWN = -1
"""The code of an id that a vocabulary does not hold, and the padding of short recommendation lists."""


class Vocabulary:
    """A sorted set of string ids and their codes ``0 .. len-1``; immutable.

    Raises:
        InputError: an id is missing or not text.
    """

    def __init__(self, ids: Iterable[str]):
        values = pd.unique(ids if isinstance(ids, pd.Series) else np.asarray(list(ids), dtype=object))
        values = np.asarray(values, dtype=object)
        if pd.api.types.infer_dtype(values, skipna=False) not in ("string", "empty"):
            raise InputError("ids hold a value that is missing or not text; read id columns as text and drop rows without an id")
        self._index = pd.Index(np.sort(values), dtype=object)

    def __len__(self) -> int:
        return len(self._index)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._index.equals(other._index)

    __hash__ = None

    @property
    def ids(self) -> np.ndarray:
        """All ids in code order, shape ``(len,)``, dtype object (str)."""
        return self._index.to_numpy()

    def codes(self, ids: Sequence[str] | np.ndarray | pd.Series) -> np.ndarray:
        """Return the int32 code of each id; :data:`UNKNOWN` (-1) where the id is not held."""
        return self._index.get_indexer(pd.Index(np.asarray(ids, dtype=object))).astype(np.int32)

    def names(self, codes: np.ndarray) -> np.ndarray:
        """Return the id of each code, any shape; ``None`` where the code is :data:`UNKNOWN`."""
        codes = np.asarray(codes)
        found = np.full(codes.shape, None, dtype=object)
        known = codes != UNKNOWN
        found[known] = self.ids[codes[known]]
        return found


@dataclass(frozen=True, eq=False)
class Histories:
    """A batch of ``n`` time-ordered event lists, stored end to end (``m`` events in all).

    Attributes:
        items: int32 ``(m,)`` item codes; row ``r`` owns ``items[offsets[r]:offsets[r + 1]]``, oldest first.
        timestamps: int64 ``(m,)`` Unix seconds, never decreasing within a row.
        offsets: int64 ``(n + 1,)``.
        users: int32 ``(n,)`` user code of each row, -1 for a user unknown to the training data.
        now: int64 ``(n,)`` time of the request in Unix seconds; by default the row's newest event,
            0 for an empty row (a model then takes the end of its training data).
        columns: further event columns by the service's name (EVENT_TYPE, EVENT_VALUE, context), each ``(m,)``.
    """

    items: np.ndarray
    timestamps: np.ndarray
    offsets: np.ndarray
    users: np.ndarray
    now: np.ndarray | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        if self.now is None:
            ends = np.append(self.timestamps, 0)[self.offsets[1:] - 1]
            object.__setattr__(self, "now", np.where(self.lengths > 0, ends, 0).astype(np.int64))
        for array in (self.items, self.timestamps, self.offsets, self.users, self.now, *self.columns.values()):
            array.flags.writeable = False

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]], timestamps: Sequence[Sequence[int]] | None = None) -> "Histories":
        """Build a batch from lists of item codes, e.g. ``Histories.of([[3, 1], []])``; times default to 0, 1, 2, ..."""
        lengths = [len(row) for row in lists]
        times = timestamps if timestamps is not None else [range(n) for n in lengths]
        flat = [np.fromiter((x for row in rows for x in row), dtype) for rows, dtype in ((lists, np.int32), (times, np.int64))]
        return cls(*flat, offsets=_offsets(lengths), users=np.full(len(lists), UNKNOWN, np.int32))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Number of events of each row, ``(n,)``."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> np.ndarray:
        """Row number of each event, ``(m,)``."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def steps_back(self) -> np.ndarray:
        """How far each event lies from the newest of its row: 0 for the newest, ``(m,)``."""
        return self.offsets[1:][self.rows] - 1 - np.arange(len(self.items))

    def take(self, rows: np.ndarray | slice) -> "Histories":
        """Return these rows, in this order, as a batch of their own."""
        rows = np.arange(len(self))[rows]
        lengths = self.lengths[rows]
        offsets = _offsets(lengths)
        events = np.repeat(self.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return self._select(events, offsets, rows)

    def keep(self, mask: np.ndarray) -> "Histories":
        """Return all rows, each with only those events where ``mask`` (bool, ``(m,)``) holds; ``now`` follows the events kept."""
        kept = np.bincount(self.rows[mask], minlength=len(self))
        chosen = self._select(np.flatnonzero(mask), _offsets(kept), np.arange(len(self)))
        return Histories(chosen.items, chosen.timestamps, chosen.offsets, chosen.users, columns=chosen.columns)

    def at(self, now: np.ndarray | int) -> "Histories":
        """Return the same histories asked at another time (Unix seconds, one for all or one a row)."""
        now = np.broadcast_to(np.asarray(now, np.int64), len(self)).copy()
        return Histories(self.items, self.timestamps, self.offsets, self.users, now, self.columns)

    def matrix(self, n_items: int) -> sp.csr_matrix:
        """Return the float32 CSR matrix ``(n, n_items)`` of event counts."""
        ones = np.ones(len(self.items), np.float32)
        counts = sp.csr_matrix((ones, self.items.copy(), self.offsets), shape=(len(self), n_items))
        counts.sum_duplicates()
        return counts

    def _select(self, events: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> "Histories":
        columns = {name: values[events] for name, values in self.columns.items()}
        return Histories(self.items[events], self.timestamps[events], offsets, self.users[rows], self.now[rows], columns)


@dataclass(frozen=True, eq=False)
class Interactions:
    """All interactions of a dataset: one history a user, with the vocabularies that give codes their meaning.

    Immutable: the arrays refuse writes, every method returns a new object. Events are sorted by user, then
    time; events of one user at the same second keep the order in which they were given (the tie rule).
    """

    histories: Histories
    user_ids: Vocabulary
    item_ids: Vocabulary

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, user_ids: Vocabulary | None = None, item_ids: Vocabulary | None = None
    ) -> "Interactions":
        """Build from a frame with columns USER_ID, ITEM_ID, TIMESTAMP (Unix seconds) and any further event columns.

        Args:
            user_ids, item_ids: wider vocabularies (users or catalogue items without interactions); by default the ids seen.

        Raises:
            InputError: a required column is missing, or an id is not in the vocabulary given.
        """
        missing = [name for name in (USER_ID, ITEM_ID, TIMESTAMP) if name not in frame]
        if missing:
            raise InputError(f"interactions lack the columns {missing}; found {list(frame.columns)}")
        user_ids = user_ids or Vocabulary(frame[USER_ID])
        item_ids = item_ids or Vocabulary(frame[ITEM_ID])
        users, items = user_ids.codes(frame[USER_ID]), item_ids.codes(frame[ITEM_ID])
        if min(users.min(initial=0), items.min(initial=0)) < 0:
            raise InputError("interactions hold an id that the given vocabulary does not know")
        timestamps = frame[TIMESTAMP].to_numpy(np.int64)
        order = np.lexsort((timestamps, users))  # stable: ties keep the order of the frame
        extra = [name for name in frame.columns if name not in (USER_ID, ITEM_ID, TIMESTAMP)]
        histories = Histories(
            items[order],
            timestamps[order],
            _offsets(np.bincount(users, minlength=len(user_ids))),
            np.arange(len(user_ids), dtype=np.int32),
            columns={name: frame[name].to_numpy()[order] for name in extra},
        )
        return cls(histories, user_ids, item_ids)

    def __len__(self) -> int:
        return len(self.histories.items)

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def users(self) -> np.ndarray:
        """User code of each event, ``(m,)``, non-decreasing."""
        return self.histories.rows

    @property
    def items(self) -> np.ndarray:
        """Item code of each event, ``(m,)``."""
        return self.histories.items

    @property
    def timestamps(self) -> np.ndarray:
        """Unix seconds of each event, ``(m,)``."""
        return self.histories.timestamps

    @property
    def offsets(self) -> np.ndarray:
        """``(n_users + 1,)``: user ``u`` owns events ``offsets[u]:offsets[u + 1]``."""
        return self.histories.offsets

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """Further event columns by the service's name."""
        return self.histories.columns

    def of_users(self, users: np.ndarray) -> Histories:
        """Return the histories of these user codes, in this order."""
        return self.histories.take(np.asarray(users))

    def keep(self, mask: np.ndarray) -> "Interactions":
        """Return the interactions where ``mask`` (bool, ``(m,)``) holds, over the same vocabularies."""
        return Interactions(self.histories.keep(mask), self.user_ids, self.item_ids)

    def before(self, timestamp: int) -> "Interactions":
        """Return the interactions strictly older than ``timestamp`` (Unix seconds)."""
        return self.keep(self.timestamps < timestamp)

    def shuffle_ties(self, seed: int) -> "Interactions":
        """Return the same interactions with those of one user and one second in random order."""
        noise = np.random.default_rng(seed).random(len(self))
        order = np.lexsort((noise, self.timestamps, self.users))
        shuffled = self.histories._select(order, self.offsets, np.arange(self.n_users))
        return Interactions(shuffled, self.user_ids, self.item_ids)

    def matrix(self) -> sp.csr_matrix:
        """Return the float32 CSR matrix ``(n_users, n_items)`` of event counts."""
        return self.histories.matrix(self.n_items)

    def frame(self) -> pd.DataFrame:
        """Return the interactions as a frame with ids, sorted by user, then time."""
        required = {USER_ID: self.user_ids.ids[self.users], ITEM_ID: self.item_ids.ids[self.items], TIMESTAMP: self.timestamps}
        return pd.DataFrame({**required, **self.columns})


def _offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
