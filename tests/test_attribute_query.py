"""The attribute query language: what it reads, what it refuses and where it points, and a round trip through its own text."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.attribute_query import MAX_LENGTH, AttributeQuery, Condition, parse
from helpers.errors import InputError

QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no fault of the language."""

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
CONDITIONS = st.builds(Condition, NAMES, st.text(max_size=40))
QUERIES = st.builds(AttributeQuery, st.lists(CONDITIONS, min_size=1, max_size=5).map(tuple))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ITEMS.genres = "Comedy"', [("genres", "Comedy")]),
        ('ITEMS.genres = "Comedy" AND ITEMS.genres = "Action"', [("genres", "Comedy"), ("genres", "Action")]),
        ("items.YEAR=1995 and Items.PRICE = -.5e3", [("YEAR", "1995"), ("PRICE", "-.5e3")]),
        ("  ITEMS . BRAND\n=\t'Candy & Chocolate'  ", [("BRAND", "Candy & Chocolate")]),
        (r'ITEMS.A = "say \"hi\" \\ \n"', [("A", r'say "hi" \ n')]),
        ('ITEMS.A = "it\'s AND ITEMS.B = 1"', [("A", "it's AND ITEMS.B = 1")]),
        ("ITEMS.A = ''", [("A", "")]),
        ('ITEMS.AND = "AND" AND ITEMS.ITEMS = "상품"', [("AND", "AND"), ("ITEMS", "상품")]),
    ],
)
def test_reads(text, expected):
    assert [(condition.name, condition.value) for condition in parse(text).conditions] == expected


def test_conditions_know_their_place():
    assert [condition.column for condition in parse('ITEMS.A = "x" AND ITEMS.B = 2').conditions] == [7, 25]


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("", 1, "expected ITEMS, found the end"),
        ("ITEMS", 6, "expected a dot"),
        ("USERS.A = 1", 1, "expected ITEMS, found 'USERS.A = 1'"),
        ("ITEMS.1 = 1", 7, "expected the name of a column"),
        ("ITEMS.A != 1", 9, "expected ="),
        ("ITEMS.A = Comedy", 11, "expected a value in double quotes or a number, found 'Comedy'"),
        ('ITEMS.A = "Comedy', 11, "expected a value in double quotes"),
        ("ITEMS.A = 3x", 11, "expected a value in double quotes or a number"),
        ("ITEMS.A = 1 OR ITEMS.B = 2", 13, "expected AND or the end, found 'OR ITEMS.B ="),
        ("ITEMS.A = 1 AND", 16, "expected ITEMS, found the end"),
        ("(ITEMS.A = 1)", 1, "expected ITEMS"),
        ("ITEMS.A = 1 ANDITEMS.B = 2", 13, "expected AND or the end"),
    ],
)
def test_refuses_and_points_at_the_column(text, column, expected):
    with pytest.raises(InputError) as told:
        parse(text)
    assert f"column {column}: " in str(told.value) and expected in str(told.value)


def test_refuses_what_is_no_text_or_too_long():
    with pytest.raises(InputError, match="not int"):
        parse(5)
    with pytest.raises(InputError, match=f"at most {MAX_LENGTH}"):
        parse('ITEMS.A = "' + "x" * MAX_LENGTH + '"')


@QUIET
@given(QUERIES)
def test_what_a_query_says_reads_as_the_query(query):
    assert parse(str(query)) == query


@QUIET
@given(QUERIES, st.data())
def test_case_of_keywords_and_blanks_do_not_matter(query, data):
    blank = st.text(" \t\n", max_size=3)
    text = ""
    for number, condition in enumerate(query.conditions):
        value = str(condition).partition(" = ")[2]
        joint = data.draw(st.sampled_from(["AND", "and", "And"]))
        text += f" {joint} " if number else ""
        text += f"{data.draw(st.sampled_from(['ITEMS', 'items']))}.{condition.name}{data.draw(blank)}={data.draw(blank)}{value}"
    assert parse(text) == query


@QUIET
@given(st.text(max_size=60) | st.text('ITEMS.a="\\ AND1', max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        assert parse(str(parse(text))) == parse(text)
    except InputError as told:
        assert "column" in str(told)


@QUIET
@given(QUERIES, st.integers(0, 200), st.characters())
def test_one_changed_character_is_read_or_refused(query, place, character):
    text = str(query)
    changed = text[: place % len(text)] + character + text[place % len(text) + 1 :]
    try:
        parse(changed)
    except InputError as told:
        assert "column" in str(told)
