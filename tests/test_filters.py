"""The filter language: what passes, what is refused and where, and that no text can do harm."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import filters
from helpers.errors import InputError
from helpers.filters import Events, Table
from helpers.schemas import Schema

ITEMS = pd.DataFrame(
    {
        "GENRE": ["Comedy|Drama", "Western", None, "drama", "Comedy"],
        "YEAR": [1990.0, 1999.0, 2005.0, np.nan, 1985.0],
        "BRAND": ["a", "b", "a", "b", None],
    }
)
EVENTS = Events(
    np.array([0, 1, 1, 3, -1]),
    {"EVENT_TYPE": np.array(["Purchase", "view", "purchase", "view", "purchase"], object), "PRICE": np.array([5.0, 1, 2, 9, 4])},
)
SCHEMAS = {
    "Items": Schema.parse(
        {
            "type": "record",
            "name": "Items",
            "fields": [
                {"name": "ITEM_ID", "type": "string"},
                {"name": "Genre", "type": ["null", "string"], "categorical": True},
                {"name": "YEAR", "type": "int"},
                {"name": "PLOT", "type": "string", "textual": True},
                {"name": "NEW", "type": "boolean"},
            ],
        }
    )
}


def passing(text: str, user=None, values=None, table=None) -> list[int]:
    mask = filters.allowed(filters.parse(text), 5, table=table or Table(ITEMS), events=EVENTS, user=user, values=values)
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('INCLUDE ItemID WHERE Items.GENRE IN ("Comedy")', [0, 4]),
        ('INCLUDE ItemID WHERE Items.GENRE IN ("Comedy", "Western")', [0, 1, 4]),
        ("include itemid where items.genre in ('Drama')", [0]),
        ('INCLUDE ItemID WHERE Items.GENRE NOT IN ("Comedy")', [1, 2, 3]),
        ('EXCLUDE ItemID WHERE Items.GENRE IN ("Comedy")', [1, 2, 3]),
        ("INCLUDE ItemID WHERE Items.YEAR >= 1990 AND Items.YEAR < 2000", [0, 1]),
        ("INCLUDE ItemID WHERE Items.YEAR > 1990", [1, 2]),
        ("INCLUDE ItemID WHERE Items.YEAR <= 1990", [0, 4]),
        ('INCLUDE ItemID WHERE Items.YEAR = "1990"', [0]),
        ("INCLUDE ItemID WHERE Items.YEAR IN (1990, 2005)", [0, 2]),
        ('INCLUDE ItemID WHERE Items.BRAND = "a" OR Items.YEAR = 1985', [0, 2, 4]),
        ('INCLUDE ItemID WHERE Items.BRAND = "b" OR Items.BRAND = "a" AND Items.YEAR = 1990', [0, 1, 3]),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")', [2, 3, 4]),
        ('EXCLUDE ItemID WHERE Interactions.event_type IN ("*")', [2, 4]),
        ("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (*)", [2, 4]),
        ('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase") AND Interactions.PRICE > 2', [0]),
        ('INCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN ("purchase")', [1, 3]),
        ('INCLUDE ItemID WHERE Items.BRAND = "a" | INCLUDE ItemID WHERE Items.BRAND = "b"', [0, 1, 2, 3]),
        ('EXCLUDE ItemID WHERE Items.BRAND = "a" | EXCLUDE ItemID WHERE Items.BRAND = "b"', [4]),
        ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*") | INCLUDE ItemID WHERE Items.BRAND = "a"', [2]),
        ('INCLUDE ItemID WHERE Items.BRAND = "a" | EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")', [2]),
    ],
)
def test_what_passes(text, items):
    assert passing(text) == items


def test_an_expression_counts_only_for_the_users_after_if():
    text = 'EXCLUDE ItemID WHERE Items.BRAND IN ("a") IF CurrentUser.AGE < 17 AND CurrentUser.LAND = "KR"'
    assert passing(text, {"AGE": 16, "LAND": "KR"}) == [1, 3, 4]
    for user in ({"AGE": 17, "LAND": "KR"}, {"AGE": 16, "LAND": "DE"}, {"AGE": None, "LAND": "KR"}, None):
        assert passing(text, user) == [0, 1, 2, 3, 4]


def test_placeholders_take_texts_numbers_and_lists():
    assert passing("INCLUDE ItemID WHERE Items.GENRE IN ($G)", values={"G": '"Comedy","Western"'}) == [0, 1, 4]
    for number in ("1990", '"1990"', "1.99e3"):
        assert passing("INCLUDE ItemID WHERE Items.YEAR <= $Y", values={"Y": number}) == [0, 4]
    user = {"LAND": "KR"}
    text = 'EXCLUDE ItemID WHERE Items.BRAND IN ("a") IF CurrentUser.LAND IN ($L)'
    assert passing(text, user, {"L": '"KR"'}) == [1, 3, 4]
    assert passing("EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ($E)", values={"E": '"*"'}) == [2, 4]


def test_an_include_needs_its_values_and_an_exclude_without_them_has_no_effect():
    with pytest.raises(InputError, match=r"needs a value for \$G"):
        passing("INCLUDE ItemID WHERE Items.GENRE IN ($G)", values={})
    assert passing("EXCLUDE ItemID WHERE Items.GENRE IN ($G)", values={}) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"G": "Comedy"}, 'filter value G, column 1: expected "a value", a number'),
        ({"G": '"Comedy",'}, "column 10: .*found the end"),
        ({"g": '"Comedy"'}, "filter values g belong to no placeholder"),
        ({"G": '"Comedy" OR "x"'}, "column 10: expected ,"),
    ],
)
def test_values_that_cannot_be_read(values, words):
    with pytest.raises(InputError, match=words):
        passing("INCLUDE ItemID WHERE Items.GENRE IN ($G)", values=values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "column 1: expected INCLUDE or EXCLUDE, found the end"),
        ("INCLUDE ItemID", "column 15: expected WHERE, found the end"),
        ("INCLUDE ItemID WHERE Items.A", "column 29: expected .*IN"),
        ('INCLUDE ItemID WHERE Items.A IN ("x" "y")', r"column 38: expected \), ,, found '\"y\"\)'"),
        ("INCLUDE ItemID WHERE Items.A ~ 3", "column 30"),
        ("INCLUDE ItemID WHERE Foo.A = 3", "column 22: expected Interactions.NAME"),
        ("INCLUDE ItemID WHERE Items.A = 3 AND Interactions.B = 2", "column 38: Items and Interactions cannot be mixed"),
        ("INCLUDE ItemID WHERE (Items.A = 3)", "column 22"),
        ('INCLUDE ItemID WHERE Items.GENRE IN ("*")', 'column 22: "\\*" is for Interactions.EVENT_TYPE only'),
        ("INCLUDE ItemID WHERE Users.AGE = 3", "column 22: Users cannot select a ItemID; .*after IF"),
        ('INCLUDE ItemID WHERE Items.A = 3 IF CurrentUser.B = 2 AND Items.C = "x"', "column 59"),
        ("INCLUDE ItemID WHERE Items.A = 3 | INCLUDE UserID WHERE Users.A = 3", "column 57: ItemID and UserID cannot be mixed"),
        ("INCLUDE ItemID WHERE " + " AND ".join(f"Items.A{i} = 1" for i in range(6)), "6 different fields"),
        ("INCLUDE ItemID WHERE Items.A = " + "1" * 2500, "2531 characters, at most 2500"),
    ],
)
def test_what_is_refused_and_where(text, words):
    with pytest.raises(InputError, match=words):
        filters.parse(text)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ('Items.PLOT = "x"', "column 22: Invalid Expression: Items.PLOT is textual"),
        ('Items.NEW = "true"', "Invalid Expression: Items.NEW is boolean"),
        ('Items.COLOUR = "x"', "Items.COLOUR is no field of the Items schema"),
        ("Items.GENRE > 3", "> needs a number, Items.GENRE is a string"),
        ('Items.YEAR = "new"', "holds numbers, so it cannot be compared with 'new'"),
        ("Interactions.EVENT_VALUE > 3", "there is no Interactions dataset"),
    ],
)
def test_fields_are_checked_against_the_schemas(condition, words):
    filters.parse('INCLUDE ItemID WHERE Items.GENRE = "x" AND Items.year > 3').check(SCHEMAS)
    with pytest.raises(InputError, match=words):
        filters.parse(f"INCLUDE ItemID WHERE {condition}").check(SCHEMAS)


def test_a_plain_string_is_one_value_and_a_categorical_one_may_be_several():
    schema = Schema.parse(
        {
            "type": "record",
            "name": "Items",
            "fields": [
                {"name": "ITEM_ID", "type": "string"},
                {"name": "GENRE", "type": "string", "categorical": True},
                {"name": "BRAND", "type": "string"},
            ],
        }
    )
    table = Table(pd.DataFrame({"GENRE": ["a|b"] * 5, "BRAND": ["a|b"] * 5}), schema)
    assert len(passing('INCLUDE ItemID WHERE Items.GENRE = "a"', table=table)) == 5
    assert passing('INCLUDE ItemID WHERE Items.BRAND = "a"', table=table) == []
    assert len(passing('INCLUDE ItemID WHERE Items.BRAND = "a|b"', table=table)) == 5


def test_users_are_selected_by_attributes_or_by_what_they_did():
    table = Table(pd.DataFrame({"LAND": ["KR", "DE", "KR"]}))
    text = filters.parse('INCLUDE UserID WHERE Users.LAND IN ("KR") | EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("buy")')
    events = Events(np.array([2]), {"EVENT_TYPE": np.array(["buy"], object)})
    assert filters.allowed(text, 3, table=table, events=events).tolist() == [True, False, False]


def test_only_the_newest_hundred_events_of_each_type_are_seen():
    kinds = np.array(["view"] * 150 + ["buy"] * 3, object)
    kept = Events(np.arange(153), {"EVENT_TYPE": kinds}).newest()
    assert kept.owners.tolist() == list(range(50, 153))


def test_a_changed_row_passes_by_its_new_values():
    table = Table(ITEMS)
    text = 'INCLUDE ItemID WHERE Items.GENRE IN ("Western") AND Items.YEAR > 1990'
    assert passing(text, table=table) == [1]
    table.set_row(4, {"GENRE": "Western|New", "YEAR": 2020})
    table.set_row(1, {"GENRE": "Drama", "YEAR": 1999})
    assert passing(text, table=table) == [4]
    assert ITEMS["GENRE"][1] == "Western", "the caller's frame is not changed"


NAMES = st.sampled_from(["GENRE", "BRAND", "YEAR"])
VALUES = {"GENRE": ["Comedy", "Drama", "Western", "zz"], "BRAND": ["a", "b"], "YEAR": ["1985", "1990", "1999.0", "2005"]}


@st.composite
def conditions(draw):
    name = draw(NAMES)
    values = draw(st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=3))
    operators = ["IN", "NOT IN", "="] + ["<", "<=", ">", ">="] * (name == "YEAR")
    operator = draw(st.sampled_from(operators))
    return name, operator, values if "IN" in operator else values[:1]


EXPRESSIONS = st.lists(
    st.tuples(st.booleans(), st.lists(st.lists(conditions(), min_size=1, max_size=3), min_size=1, max_size=3)),
    min_size=1,
    max_size=3,
)


def written(expressions) -> str:
    def one(condition):
        name, operator, values = condition
        listed = ", ".join(f'"{value}"' for value in values)
        return f"Items.{name} {operator} {f'({listed})' if 'IN' in operator else listed}"

    return " | ".join(
        ("INCLUDE" if include else "EXCLUDE") + " ItemID WHERE " + " OR ".join(" AND ".join(map(one, both)) for both in either)
        for include, either in expressions
    )


def holds(row, condition) -> bool:
    """The definition, one cell at a time."""
    name, operator, values = condition
    cell = row[name]
    if name == "YEAR":
        numbers = [float(v) for v in values]
        compare = {"<": cell < numbers[0], "<=": cell <= numbers[0], ">": cell > numbers[0], ">=": cell >= numbers[0]}
        return compare.get(operator, (cell in numbers) != (operator == "NOT IN"))
    tokens = [] if pd.isna(cell) else cell.split("|")
    return any(token in values for token in tokens) != (operator == "NOT IN")


@given(EXPRESSIONS)
def test_masks_agree_with_the_definition_row_by_row(expressions):
    want = []
    for code, row in ITEMS.iterrows():
        found = [(include, any(all(holds(row, c) for c in both) for both in either)) for include, either in expressions]
        includes = [hit for include, hit in found if include]
        if (any(includes) or not includes) and not any(hit for include, hit in found if not include):
            want.append(code)
    assert passing(written(expressions)) == want


WORDS = st.sampled_from(
    ["INCLUDE", "EXCLUDE", "ItemID", "UserID", "WHERE", "Items.A", "Interactions.EVENT_TYPE", "CurrentUser.A", "IN", "NOT", "("]
    + [")", '"x"', '"*"', "*", "3", "$P", "AND", "OR", "IF", "|", ",", "=", "<", '"', "\\", "\u0000", "한국"]
)


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=14).map(" ".join)))
@settings(max_examples=300)
def test_any_text_is_parsed_or_refused_with_a_column_and_nothing_else(text):
    for parse in (filters.parse, lambda text: filters.parse_values("P", text)):
        try:
            parse(text)
        except InputError as refused:
            message = str(refused)
            assert re.search(r"column (\d+)", message) or "different fields" in message or "no current user" in message
            column = re.search(r"column (\d+)", message)
            assert column is None or 1 <= int(column[1]) <= len(text) + 1


@given(EXPRESSIONS, st.data())
def test_a_text_cut_short_is_refused_at_or_before_its_end(expressions, data):
    text = written(expressions)
    cut = data.draw(st.integers(1, text.index("WHERE") + 5))
    with pytest.raises(InputError):
        filters.parse(text[:cut])
