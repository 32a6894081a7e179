"""Interactions, histories and vocabularies: order, codes, views, immutability."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.interactions import Histories, Interactions, Vocabulary

ROWS = [("bob", "tea", 5), ("ann", "cup", 3), ("bob", "pot", 5), ("ann", "tea", 1), ("bob", "cup", 2)]


def frame(rows=ROWS):
    return pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]).astype({"TIMESTAMP": np.int64})


def as_rows(interactions):
    return list(interactions.frame()[["USER_ID", "ITEM_ID", "TIMESTAMP"]].itertuples(index=False, name=None))


event_rows = st.lists(
    st.tuples(st.sampled_from(["u1", "u2", "", "사용자"]), st.sampled_from(["a", "b", "c"]), st.integers(-5, 20)),
    min_size=1,
    max_size=30,
)


# Vocabulary


def test_vocabulary_sorts_and_forgets_repeats():
    words = Vocabulary(["b", "a", "b", "10", "9"])
    assert words.ids.tolist() == ["10", "9", "a", "b"] and len(words) == 4
    assert words.codes(["b", "z", "10"]).tolist() == [3, -1, 0]
    assert words.names(np.array([[3, -1], [0, 1]])).tolist() == [["b", None], ["10", "9"]]


def test_vocabulary_equality():
    assert Vocabulary(["a", "b"]) == Vocabulary(pd.Series(["b", "a"])) != Vocabulary(["a"])
    assert Vocabulary(["a"]) != ["a"]


def test_empty_vocabulary():
    nothing = Vocabulary([])
    assert len(nothing) == 0 and nothing.codes(["a"]).tolist() == [-1] and nothing.names(np.array([-1])).tolist() == [None]
    assert nothing.codes([]).tolist() == []


def test_vocabulary_is_immutable():
    words = Vocabulary(["a", "b"])
    try:
        words.ids[0] = "z"
    except ValueError:
        pass  # refused outright; a copy would do as well, as long as the vocabulary stays what it was
    assert words.ids.tolist() == ["a", "b"]


@pytest.mark.parametrize("ids", [["a", None], ["a", float("nan")], ["a", 7], pd.Series(["a", None])])
def test_ids_that_are_not_text_are_refused(ids):
    with pytest.raises(InputError, match="not text"):
        Vocabulary(ids)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=4)))
def test_codes_and_names_are_inverse(ids):
    words = Vocabulary(ids)
    assert words.ids.tolist() == sorted(set(ids))
    assert words.names(words.codes(ids)).tolist() == ids


# Interactions


def test_sorted_by_user_then_time_ties_in_file_order():
    interactions = Interactions.from_frame(frame())
    assert as_rows(interactions) == [
        ("ann", "tea", 1),
        ("ann", "cup", 3),
        ("bob", "cup", 2),
        ("bob", "tea", 5),
        ("bob", "pot", 5),
    ]
    assert interactions.offsets.tolist() == [0, 2, 5] and (interactions.n_users, interactions.n_items, len(interactions)) == (
        2,
        3,
        5,
    )
    assert interactions.users.tolist() == [0, 0, 1, 1, 1]


@settings(deadline=None, max_examples=100)
@given(event_rows)
def test_order_is_pythons_stable_sort(rows):
    assert as_rows(Interactions.from_frame(frame(rows))) == sorted(rows, key=lambda row: (row[0], row[2]))


@settings(deadline=None, max_examples=50)
@given(event_rows)
def test_frame_round_trip(rows):
    once = Interactions.from_frame(frame(rows))
    again = Interactions.from_frame(once.frame())
    pd.testing.assert_frame_equal(again.frame(), once.frame())


def test_further_columns_travel_with_their_events():
    interactions = Interactions.from_frame(frame().assign(EVENT_TYPE=list("abcde"), EVENT_VALUE=[1.0, 2, 3, 4, 5]))
    assert interactions.columns["EVENT_TYPE"].tolist() == list("dbeac")
    assert interactions.keep(interactions.items == 0).columns["EVENT_VALUE"].tolist() == [2.0, 5.0]
    assert interactions.frame()["EVENT_TYPE"].tolist() == list("dbeac")


def test_wider_vocabularies_make_room_for_the_unseen():
    interactions = Interactions.from_frame(frame(), Vocabulary(["ann", "bob", "cy"]), Vocabulary(["cup", "jug", "pot", "tea"]))
    assert interactions.histories.lengths.tolist() == [2, 3, 0] and interactions.matrix().shape == (3, 4)


def test_narrow_vocabulary_is_refused():
    with pytest.raises(InputError, match="an id that the given vocabulary does not know"):
        Interactions.from_frame(frame(), item_ids=Vocabulary(["tea"]))


@pytest.mark.parametrize("lost", ["USER_ID", "ITEM_ID", "TIMESTAMP"])
def test_missing_column_is_named(lost):
    with pytest.raises(InputError, match=lost):
        Interactions.from_frame(frame().drop(columns=lost))


def test_no_rows():
    nothing = Interactions.from_frame(frame([]))
    assert (len(nothing), nothing.n_users, nothing.n_items) == (0, 0, 0) and nothing.frame().empty


def test_source_frame_stays_writable_and_unchanged():
    source = frame(sorted(ROWS)).assign(EVENT_VALUE=1.0)
    before = source.copy()
    Interactions.from_frame(source)
    pd.testing.assert_frame_equal(source, before)
    source.loc[0, "EVENT_VALUE"] = 2.0
    source.loc[0, "TIMESTAMP"] = 9


def test_arrays_refuse_writes():
    interactions = Interactions.from_frame(frame().assign(EVENT_TYPE=list("abcde")))
    histories = interactions.histories
    arrays = [interactions.items, interactions.timestamps, interactions.offsets, histories.users, histories.now]
    for array in [*arrays, interactions.columns["EVENT_TYPE"]]:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]


def test_before_is_strict():
    assert as_rows(Interactions.from_frame(frame()).before(3)) == [("ann", "tea", 1), ("bob", "cup", 2)]


def test_matrix_counts_events():
    interactions = Interactions.from_frame(frame([("u", "a", 1), ("u", "a", 2), ("v", "b", 1)]))
    assert interactions.matrix().toarray().tolist() == [[2, 0], [0, 1]] and interactions.matrix().dtype == np.float32


@settings(deadline=None, max_examples=50)
@given(event_rows, st.integers(0, 5))
def test_shuffling_ties_moves_nothing_else(rows, seed):
    plain = Interactions.from_frame(frame(rows))
    mixed = plain.shuffle_ties(seed)
    assert (mixed.users == plain.users).all() and (mixed.timestamps == plain.timestamps).all()
    assert sorted(as_rows(mixed)) == sorted(as_rows(plain))
    assert as_rows(mixed) == as_rows(plain.shuffle_ties(seed))


def test_shuffling_ties_does_shuffle():
    rows = [("u", f"i{n}", 1) for n in range(20)]
    plain = Interactions.from_frame(frame(rows))
    assert as_rows(plain.shuffle_ties(0)) != as_rows(plain) and as_rows(plain.shuffle_ties(0)) != as_rows(plain.shuffle_ties(1))


# Histories


def test_histories_of_lists():
    histories = Histories.of([[3, 1], [], [2]])
    assert (len(histories), histories.lengths.tolist(), histories.rows.tolist()) == (3, [2, 0, 1], [0, 0, 2])
    assert histories.steps_back.tolist() == [1, 0, 0] and histories.now.tolist() == [1, 0, 0]
    assert histories.users.tolist() == [-1, -1, -1]
    assert histories.matrix(4).toarray().tolist() == [[0, 1, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0]]


def test_now_is_the_newest_event_unless_told():
    histories = Histories.of([[1], [], [1, 2]], [[7], [], [3, 9]])
    assert histories.now.tolist() == [7, 0, 9] and histories.at(50).now.tolist() == [50] * 3
    assert histories.at(np.array([8, 1, 9])).take([2, 0]).now.tolist() == [9, 8]


def test_empty_batches():
    for nothing in (Histories.of([]), Histories.of([[1]]).take(slice(0, 0))):
        assert len(nothing) == 0 and nothing.lengths.tolist() == [] and nothing.matrix(3).shape == (0, 3)
    silent = Histories.of([[], []])
    assert silent.now.tolist() == [0, 0] and silent.take([1]).lengths.tolist() == [0]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.integers(0, 5), max_size=5), max_size=6), st.data())
def test_take_and_keep_are_what_lists_do(lists, data):
    histories = Histories.of(lists)
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=8)) if lists else []
    assert as_lists(histories.take(np.array(rows, int))) == [lists[row] for row in rows]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(histories.items), max_size=len(histories.items))), bool)
    kept = iter(mask)
    assert as_lists(histories.keep(mask)) == [[item for item in row if next(kept)] for row in lists]


def as_lists(histories):
    return [histories.items[a:b].tolist() for a, b in zip(histories.offsets[:-1], histories.offsets[1:], strict=True)]
