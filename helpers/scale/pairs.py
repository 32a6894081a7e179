"""Counts which items lie together in a group, where the groups lie: only sums leave a worker.

A pair of item codes ``i <= j`` is the number ``i * n_items + j``; the pair ``(i, i)`` counts the groups that hold the item.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

ENOUGH = 4_000_000
"""So many pairs are collected before they are added up; with more different ones than this, sums are handed on and begun anew."""
FORM = pa.schema([("pair", pa.int64()), ("count", pa.int64())])


def count(n_items: int, group: list[str], item: str) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function for one partition: record batches of events, sorted by group and item, -> sums of pairs.

    Args:
        group: columns that together name the group.
        item: column of item codes, int32.
    """

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums = Sums()
        for items, starts in _whole_groups(batches, group, item):
            sums.add(_pairs(items, starts, n_items))
            if sums.many:
                yield from sums.hand_on()
        yield from sums.hand_on()

    return work


class Sums:
    """How often each number has come up to now."""

    def __init__(self):
        self._keys, self._counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._new: list[np.ndarray] = []

    @property
    def many(self) -> bool:
        """Whether there are more different numbers than should be held."""
        return len(self._keys) > ENOUGH

    def add(self, keys: np.ndarray) -> None:
        """Count these numbers, ``(n,)`` int64."""
        self._new.append(keys)
        if sum(map(len, self._new)) > ENOUGH:
            self._add_up()

    def hand_on(self) -> Iterator[pa.RecordBatch]:
        """Yield the sums as columns ``pair`` and ``count``, and begin anew."""
        self._add_up()
        if len(self._keys):
            yield pa.RecordBatch.from_arrays([pa.array(self._keys), pa.array(self._counts)], schema=FORM)
        self.__init__()

    def _add_up(self) -> None:
        new = np.concatenate([np.zeros(0, np.int64), *self._new])
        keys = np.concatenate([self._keys, new])
        counts = np.concatenate([self._counts, np.ones(len(new), np.int64)])
        order = np.argsort(keys)
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        self._keys, self._counts, self._new = keys[first], np.add.reduceat(counts, first) if len(first) else counts, []


def _whole_groups(batches: Iterable[pa.RecordBatch], group: list[str], item: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield item codes and where groups start; a group that may go on in the next batch waits for it."""
    waiting, last = np.zeros(0, np.int32), None
    for batch in batches:
        if batch.num_rows == 0:
            continue
        items = batch.column(item).to_numpy()
        opens = np.ones(len(items), bool)
        opens[1:] = np.logical_or.reduce([_differs(batch.column(name)) for name in group])
        key = [batch.column(name)[0].as_py() for name in group]
        opens[0] = key != last
        last = [batch.column(name)[len(items) - 1].as_py() for name in group]
        items, opens = np.concatenate([waiting, items]), np.concatenate([np.arange(len(waiting)) == 0, opens])
        starts = np.flatnonzero(opens)
        waiting = items[starts[-1] :]
        yield items[: starts[-1]], starts
    yield waiting, np.array([0, len(waiting)])


def _differs(column: pa.Array) -> np.ndarray:
    return pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy(zero_copy_only=False)


@njit(cache=True, nogil=True)
def _pairs(items, starts, n_items):
    """Return the number of each pair in each group; items are sorted within a group, a repeat counts once."""
    total = 0
    for group in range(len(starts) - 1):
        n = _distinct(items, starts[group], starts[group + 1])
        total += n * (n + 1) // 2
    keys = np.empty(total, np.int64)
    held = np.empty(len(items), np.int64)
    place = 0
    for group in range(len(starts) - 1):
        n = 0
        for event in range(starts[group], starts[group + 1]):
            if event == starts[group] or items[event] != items[event - 1]:
                held[n] = items[event]
                n += 1
        for first in range(n):
            for second in range(first, n):
                keys[place] = held[first] * n_items + held[second]
                place += 1
    return keys


@njit(cache=True, nogil=True)
def _distinct(items, start, stop):
    n = 0
    for event in range(start, stop):
        n += event == start or items[event] != items[event - 1]
    return n
