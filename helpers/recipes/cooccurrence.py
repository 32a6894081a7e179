"""Which items occur together? For every item the N others it shares most groups with, without an item x item matrix.

A group is whatever "together" means: all items of one user, of one session, of one basket. The idea is two indexes and
one counter::

    group -> its items          basket 7: bread, butter
    item  -> its groups         bread:    baskets 2, 7, 9

    for each item:                             # one row of the matrix nobody ever builds
        for each group the item is in:
            for each other item of the group:
                counter[other] += 1
        keep the N best of the counter, then set to zero only what was touched

Time grows with the number of pairs inside groups, memory with the number of events plus N per item.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numba import njit

from helpers.pair_weights import discounts
from helpers.pair_weights import weight as weight_of

_BLOCKS_PER_THREAD = 16
"""Popular items cost more than others: many small blocks keep all threads busy until the end."""
_DENSE = 8
"""An item with more pairs than an eighth of the catalogue is counted without noting what was touched."""


def related_items(
    groups: np.ndarray,
    items: np.ndarray,
    n_items: int,
    *,
    keep: int = 100,
    discount: float = 0.5,
    min_count: int = 1,
    threads: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each item's nearest others by discounted co-occurrence, ``count(i, j) / (count(i) * count(j)) ** discount``.

    Args:
        groups: int ``(m,)`` group number of each event, never decreasing.
        items: int ``(m,)`` item code of each event; an item counts once a group.
        keep: neighbours to keep for each item.
        discount: 0 ranks by shared groups, 0.5 is the cosine, 1 is the lift (up to the constant number of groups).
        min_count: pairs that share fewer groups are no neighbours.
        threads: 0 = one a core. The result does not depend on it.

    Returns:
        ids int32 ``(n_items, keep)``, nearest first, ties by smaller code, padded with -1;
        weights float32 ``(n_items, keep)``, padded with 0.
    """
    index = _index(groups, items, n_items)
    counts = np.diff(index[2])  # groups of each item
    scale = discounts(counts, discount)
    ids = np.full((n_items, keep), -1, np.int32)
    weights = np.zeros((n_items, keep), np.float32)
    threads = threads or os.cpu_count() or 1
    edges = np.linspace(0, n_items, threads * _BLOCKS_PER_THREAD + 1).astype(np.int64)
    with ThreadPoolExecutor(threads) as pool:  # the kernel lets go of Python's lock, so plain threads run side by side
        blocks = [pool.submit(_rank_rows, *edge, *index, scale, min_count, ids, weights) for edge in pairwise(edges)]
        for block in blocks:
            block.result()
    return ids, weights


@njit(cache=True, nogil=True)
def _index(groups, items, n_items):
    """Return group offsets, items by group, item offsets, groups by item: two compressed indexes without repeats."""
    n_groups = groups[-1] + 1 if len(groups) else 0
    group_offsets, item_offsets = np.zeros(n_groups + 1, np.int64), np.zeros(n_items + 1, np.int64)
    group_items = np.empty(len(items), np.int32)
    last_group = np.full(n_items, -1, np.int64)
    n = 0
    for event in range(len(items)):
        group, item = groups[event], items[event]
        if last_group[item] != group:  # groups come in order, so one look back finds every repeat
            last_group[item] = group
            group_items[n] = item
            group_offsets[group + 1] += 1
            item_offsets[item + 1] += 1
            n += 1
    group_offsets, item_offsets = np.cumsum(group_offsets), np.cumsum(item_offsets)
    item_groups = np.empty(n, np.int32)
    free = item_offsets[:-1].copy()  # the next free place of each item
    for group in range(n_groups):
        for place in range(group_offsets[group], group_offsets[group + 1]):
            item = group_items[place]
            item_groups[free[item]] = group
            free[item] += 1
    return group_offsets, group_items[:n], item_offsets, item_groups


@njit(cache=True, nogil=True)
def _rank_rows(start, stop, group_offsets, group_items, item_offsets, item_groups, scale, min_count, ids, weights):
    """Fill rows ``start:stop`` of ``ids`` and ``weights``."""
    n_items = len(scale)
    counter = np.zeros(n_items, np.int32)
    touched = np.empty(n_items, np.int32)
    for item in range(start, stop):
        groups = item_groups[item_offsets[item] : item_offsets[item + 1]]
        pairs = 0
        for group in groups:
            pairs += group_offsets[group + 1] - group_offsets[group]
        if pairs * _DENSE < n_items:
            n = _count_few(groups, group_offsets, group_items, counter, touched)
        else:
            n = _count_many(groups, group_offsets, group_items, counter, touched)
        best_ids, best_weights = ids[item], weights[item]
        for other in touched[:n]:
            count = counter[other]
            counter[other] = 0
            weight = weight_of(count, scale[item], scale[other])
            if count >= min_count and other != item and _worse(best_weights[0], best_ids[0], weight, other):
                _sift(best_ids, best_weights, len(best_ids), other, weight)
        _sort(best_ids, best_weights)


@njit(cache=True, nogil=True)
def _count_few(groups, group_offsets, group_items, counter, touched):
    """Count an item with few pairs: note which counters were touched on the way. Returns how many."""
    n = 0
    for group in groups:
        for other in group_items[group_offsets[group] : group_offsets[group + 1]]:
            if counter[other] == 0:
                touched[n] = other
                n += 1
            counter[other] += 1
    return n


@njit(cache=True, nogil=True)
def _count_many(groups, group_offsets, group_items, counter, touched):
    """The same for many pairs: a look at every counter afterwards is cheaper than a question at every step (3 times)."""
    for group in groups:
        for other in group_items[group_offsets[group] : group_offsets[group + 1]]:
            counter[other] += 1
    n = 0
    for other in range(len(counter)):
        touched[n] = other
        n += counter[other] > 0
    return n


@njit(cache=True, nogil=True)
def _worse(weight, item, than_weight, than_item):
    return weight < than_weight or (weight == than_weight and item > than_item)


@njit(cache=True, nogil=True)
def _sift(ids, weights, size, new, weight):
    """Replace the top of a binary heap, its worst entry, by a new one: worse children move up until it fits."""
    place, child = 0, 1
    while child < size:
        if child + 1 < size and _worse(weights[child + 1], ids[child + 1], weights[child], ids[child]):
            child += 1
        if not _worse(weights[child], ids[child], weight, new):
            break
        ids[place], weights[place] = ids[child], weights[child]
        place, child = child, 2 * child + 1
    ids[place], weights[place] = new, weight


@njit(cache=True, nogil=True)
def _sort(ids, weights):
    """Turn the heap into a list, best first: the worst moves to the end, again and again (heap sort)."""
    for end in range(len(ids) - 1, 0, -1):
        last, last_weight = ids[end], weights[end]
        ids[end], weights[end] = ids[0], weights[0]
        _sift(ids, weights, end, last, last_weight)
