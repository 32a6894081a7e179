"""What a model with metadata knows: tokens of items, users and events, by hand; unknown values; new items; damaged arrays."""

import numpy as np
import pandas as pd
import pytest

from helpers.datasets import Dataset
from helpers.recipes import tokens
from helpers.recipes.descriptions import Descriptions, event_columns, is_context
from helpers.schemas import Field, Schema

ITEMS = pd.DataFrame(
    {
        "ITEM_ID": ["a", "b", "c", "d"],
        "COLOUR": ["red", "red|blue", "blue", "odd"],
        "TITLE": ["tea pot", "Tea cup", "cup", "spade"],
    }
)
USERS = pd.DataFrame({"USER_ID": ["u", "v", "w"], "GENDER": ["F", "F", "M"]})
EVENTS = pd.DataFrame(
    {
        "USER_ID": ["u", "u", "v", "w"],
        "ITEM_ID": ["a", "b", "c", "d"],
        "TIMESTAMP": [1, 2, 3, 4],
        "EVENT_TYPE": ["view", "purchase", "view", "view"],
        "EVENT_VALUE": [1.0, 2.0, 3.0, 4.0],
        "DEVICE": ["mobile", "mobile", None, "desktop"],
        "HOUR": [0.0, 10.0, 20.0, np.nan],
    }
)


COLUMNS = (Field("ITEM_ID", "string"), Field("COLOUR", "string", categorical=True), Field("TITLE", "string", textual=True))


def dataset(items=ITEMS):
    return Dataset.from_frames("kitchen", EVENTS, items, USERS, schemas={"Items": Schema("Items", COLUMNS)})


LEARNED = Descriptions.learn(dataset())


def names_of(codes):
    """Turn codes back into readable tokens."""
    known = [("item", "COLOUR", "red"), ("item", "COLOUR", "blue"), ("item", "TITLE", "tea"), ("item", "TITLE", "cup")]
    known += [("user", "GENDER", "F"), ("event", "EVENT_TYPE", "view"), ("event", "EVENT_TYPE", "purchase")]
    known += [("event", "DEVICE", "mobile"), ("event", "DEVICE", "desktop")]
    readable = {tokens.token_key(*token): f"{token[1]}={token[2]}" for token in known}
    return [readable.get(int(LEARNED.keys[code])) if code >= 0 else None for code in codes]


def test_items_share_the_tokens_of_their_attributes():
    rows = [set(names_of(LEARNED.items[item].indices)) for item in range(4)]
    assert rows[:3] == [
        {"COLOUR=red", "TITLE=tea"},
        {"COLOUR=red", "COLOUR=blue", "TITLE=tea", "TITLE=cup"},
        {"COLOUR=blue", "TITLE=cup"},
    ]
    assert rows[3] == set()  # its colour and its words are nobody else's: they tell nothing
    both = LEARNED.items[1].data[[name.startswith("COLOUR") for name in names_of(LEARNED.items[1].indices)]]
    np.testing.assert_allclose(both, 0.5**0.5)  # two values of one column share its length of 1


def test_users_and_the_unknown_user():
    assert [names_of(row) for row in LEARNED.of_users(np.array([0, 1, 2, -1, 99]))] == [["GENDER=F"]] * 2 + [[None]] * 3


def test_events_by_column_and_unknown_values():
    columns = {"EVENT_TYPE": np.array(["view", "sold", None], object), "DEVICE": np.array(["mobile", "watch", "desktop"], object)}
    device, kind = LEARNED.of_events(columns, 3).T  # columns by name
    assert names_of(device) == ["DEVICE=mobile", None, "DEVICE=desktop"]
    assert names_of(kind) == ["EVENT_TYPE=view", None, None]


def test_a_request_brings_one_value_for_all_and_may_bring_nonsense():
    found = LEARNED.of_events({"DEVICE": "mobile", "WEATHER": "rain"}, 2)
    assert [names_of(row) for row in found] == [["DEVICE=mobile", None]] * 2
    for value in (None, 3, 2.5, float("nan"), True, "", "모바일"):
        assert (LEARNED.of_events({"DEVICE": value}, 1) == -1).all()


def test_numbers_fall_into_bins():
    edges = LEARNED.edges["HOUR"]
    assert len(edges) == 9 and edges[4] == 10.0  # the inner deciles of 0, 10, 20
    low, lower, high, text, missing = (LEARNED.of_events({"HOUR": value}, 1)[0, 0] for value in (0.0, -50.0, 99.0, "x", np.nan))
    assert low == lower >= 0 and high >= 0 and high != low and text == missing == -1
    assert LEARNED.of_events({"HOUR": "0"}, 1)[0, 0] == low  # a request may bring the number as text


def test_what_is_context():
    assert list(event_columns(EVENTS.drop(columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]))) == ["DEVICE", "EVENT_TYPE", "HOUR"]
    assert [name for name in EVENTS.columns[3:] if is_context(name)] == ["DEVICE", "HOUR"]


def test_new_items_are_described_by_known_tokens():
    new = pd.DataFrame({"ITEM_ID": ["e"], "COLOUR": ["blue|green"], "TITLE": ["tea spoon"]})
    renewed = LEARNED.renew(dataset(pd.concat([ITEMS, new], ignore_index=True)))
    assert (renewed.keys == LEARNED.keys).all() and renewed.items.shape == (5, len(LEARNED.keys))
    assert set(names_of(renewed.items[4].indices)) == {"COLOUR=blue", "TITLE=tea"}
    assert (renewed.items[:4] != LEARNED.items).nnz == 0


def test_nothing_known():
    none = Descriptions.none(3)
    assert none.items.shape == (3, 0) and not none.users_described
    assert (none.of_events({"DEVICE": "mobile"}, 2) == -1).all()


def test_saved_and_read_again():
    arrays = LEARNED.arrays()
    read = Descriptions.of_arrays(arrays, 4)
    assert (read.keys == LEARNED.keys).all() and (read.items != LEARNED.items).nnz == 0
    assert (read.users == LEARNED.users).all() and read.edges.keys() == LEARNED.edges.keys()


DAMAGES = {
    "keys out of order": ("token_keys", lambda a: a[::-1].copy()),
    "a token outside": ("attributes.indices", lambda a: a + len(LEARNED.keys)),
    "a negative token": ("attributes.indices", lambda a: a - 99),
    "a user's token outside": ("user_tokens", lambda a: a + len(LEARNED.keys)),
    "offsets that fall": ("attributes.offsets", lambda a: a[::-1].copy()),
    "offsets beyond the data": ("attributes.offsets", lambda a: a + 1),
    "another type": ("attributes.data", lambda a: a.astype(np.float64)),
    "edges of another type": ("edges.HOUR", lambda a: a.astype(np.float32)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_arrays_are_refused(damage):
    name, change = DAMAGES[damage]
    arrays = LEARNED.arrays()
    with pytest.raises(ValueError):
        Descriptions.of_arrays(arrays | {name: change(arrays[name])}, 4)
    del arrays["token_keys"]
    with pytest.raises(ValueError, match="token_keys"):
        Descriptions.of_arrays(arrays, 4)
