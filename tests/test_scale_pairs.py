"""Sums of pairs on one worker, against counting by hand; batches may end anywhere."""

from collections import Counter
from itertools import combinations_with_replacement

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.scale import pairs


def counted(groups: list[list[int]], sizes: list[int], n_items: int = 50) -> Counter:
    rows = [(f"u{number // 2:03}", number % 2, item) for number, items in enumerate(groups) for item in sorted(items)]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    kinds = (pa.string(), pa.int64(), pa.int32())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    table = pa.RecordBatch.from_arrays(arrays, ["user", "part", "item"])
    batches, start = [], 0
    for size in [*sizes, len(rows)]:
        batches.append(table.slice(start, size))
        start += size
    found: Counter = Counter()
    for batch in pairs.count(n_items, ["user", "part"], "item")(batches):
        for pair, count in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            found[divmod(pair, n_items)] += count
    return found


GROUPS = st.lists(st.lists(st.integers(0, 49), min_size=1, max_size=6), max_size=12)


@settings(deadline=None)  # the first example compiles
@given(GROUPS, st.lists(st.integers(0, 7), max_size=8))
def test_pairs_are_counted_once_a_group_wherever_batches_end(groups, sizes):
    expected = Counter(pair for items in groups for pair in combinations_with_replacement(sorted(set(items)), 2))
    assert counted(groups, sizes) == expected


def test_sums_that_grow_too_many_are_handed_on(monkeypatch):
    monkeypatch.setattr(pairs, "ENOUGH", 3)
    groups = [[1, 2, 3], [2, 3], [3, 1], [9, 8]] * 3
    assert counted(groups, [4, 4])[1, 3] == 6 and counted(groups, [1] * 9)[2, 3] == 6
