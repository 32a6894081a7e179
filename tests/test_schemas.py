"""Schemas of the three dataset types and the check of tables against them."""

import json
import string

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.schemas import DATASET_TYPES, Field, Schema, check, default_schema, infer

ITEMS = Schema(
    "Items",
    (
        Field("ITEM_ID", "string"),
        Field("GENRE", "string", True, categorical=True),
        Field("YEAR", "int"),
        Field("CREATION_TIMESTAMP", "long", True),
    ),
)


def interactions(**columns) -> pd.DataFrame:
    """Three good rows, with some columns replaced."""
    good = {"USER_ID": ["u1", "u2", "u3"], "ITEM_ID": ["a", "b", "c"], "TIMESTAMP": [100, 200, 300]}
    return pd.DataFrame(good | columns)


def document(name="Items", **changes) -> dict:
    """A valid schema document, with some parts replaced."""
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "PRICE", "type": "float"}]
    return {"type": "record", "name": name, "namespace": "x", "fields": fields, "version": "1.0"} | changes


# ------------------------------------------------------------------ schema documents


def test_parse_reads_the_guides_example():
    text = """{"type":"record","name":"Items","namespace":"com.amazonaws.personalize.schema","fields":[
        {"name":"ITEM_ID","type":"string"}, {"name":"GENRE","type":["null","string"],"categorical":true},
        {"name":"PLOT","type":["string","null"],"textual":true}, {"name":"YEAR","type":["int"]},
        {"name":"CREATION_TIMESTAMP","type":"long"}],"version":"1.0"}"""
    schema = Schema.parse(text)
    assert schema.dataset_type == "Items"
    assert schema["GENRE"] == Field("GENRE", "string", nullable=True, categorical=True)
    assert schema["PLOT"] == Field("PLOT", "string", nullable=True, textual=True)
    assert schema["YEAR"] == Field("YEAR", "int")
    assert [field.name for field in schema.attributes] == ["GENRE", "PLOT", "YEAR"]
    assert Schema.parse(json.loads(text)) == schema


@pytest.mark.parametrize("version", ["1.1", 1])
def test_parse_accepts_any_version_and_mixed_case_names(version):
    fields = [{"name": "USER_ID", "type": "string"}, {"name": "memberClass", "type": "string", "categorical": True}]
    assert Schema.parse(document("Users", fields=fields, version=version)).names == ["USER_ID", "memberClass"]


def with_field(*more: dict, name: str = "Items") -> dict:
    return document(name, fields=[{"name": "ITEM_ID", "type": "string"}, {"name": "PRICE", "type": "float"}, *more])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "expected a JSON object"),
        (" " * 20_001, "at most 20000"),
        (document(type="map"), '"type" must be "record"'),
        (document(name="Movies"), "one of Interactions, Items, Users"),
        (document(fields=[]), "at least one field"),
        (document(fields=["ITEM_ID"]), "field number 1"),
        (with_field({"name": "A", "type": "text"}), "field A: type 'text'"),
        (with_field({"name": "A", "type": {"type": "array"}}), "field A: type"),
        (with_field({"name": "A", "type": ["string", "int"]}), "field A: give one type"),
        (with_field({"name": "A", "type": "null"}), "field A: give one type"),
        (with_field({"name": "A", "type": "int", "categorical": True}), "field A: only a string can be categorical"),
        (with_field({"name": "A", "type": "string", "categorical": "yes"}), "true or false"),
        (with_field({"name": "A", "type": "string", "categorial": True}), 'Did you mean "categorical"'),
        (with_field({"name": "A", "type": "string", "categorical": True, "textual": True}), "not both"),
        (with_field({"name": "A_1", "type": "int"}, {"name": "A1", "type": "int"}), "A_1 and A1 are the same name"),
        (with_field({"name": "__", "type": "int"}), "no letter or digit"),
        (with_field({"name": "CREATION_TIMESTAMP", "type": "int"}), "reserved for type long"),
        (document(fields=[{"name": "PRICE", "type": "float"}]), "required field ITEM_ID is missing"),
        (document(fields=[{"name": "ITEM_ID", "type": ["null", "string"]}]), "cannot be null"),
        (document(fields=[{"name": "ITEM_ID", "type": "string", "categorical": True}]), "cannot be categorical"),
        (document(fields=[{"name": "ITEM_ID", "type": "string"}]), "needs a field to learn from"),
        (with_field(*({"name": f"F{n}", "type": "int"} for n in range(100))), "at most 100"),
        (
            document("Users", fields=[{"name": "USER_ID", "type": "string"}, {"name": "BIO", "type": "string", "textual": True}]),
            "field BIO: textual fields exist in Items only",
        ),
    ],
)
def test_parse_names_the_rule_that_is_broken(bad, message):
    with pytest.raises(InputError) as caught:
        Schema.parse(bad)
    assert message in str(caught.value)


@pytest.mark.parametrize("dataset_type", DATASET_TYPES)
def test_default_schema_round_trips(dataset_type):
    schema = default_schema(dataset_type)
    assert Schema.parse(schema.to_json()) == schema


def test_unknown_names_are_refused_with_a_hint():
    with pytest.raises(InputError, match="Did you mean 'Items'"):
        default_schema("Item")
    with pytest.raises(InputError, match="Did you mean 'GENRE'"):
        ITEMS["GENRES"]


@st.composite
def schemas(draw) -> Schema:
    names = draw(st.lists(st.text(string.ascii_uppercase, min_size=1, max_size=8), unique=True, min_size=1, max_size=5))
    fields = [Field("ITEM_ID", "string"), Field("A_NUMBER_0", "double")]
    for name in names:
        type_ = draw(st.sampled_from(["string", "int", "long", "float", "double", "boolean"]))
        flag = draw(st.sampled_from([{}, {"categorical": True}, {"textual": True}])) if type_ == "string" else {}
        fields.append(Field(name, type_, draw(st.booleans()), **flag))
    return Schema("Items", tuple(fields))


@given(schemas())
@settings(deadline=None, max_examples=50)
def test_any_schema_round_trips(schema):
    assert Schema.parse(schema.to_json()) == schema
    assert Schema.parse(schema.to_json(indent=2)) == schema


# ------------------------------------------------------------------ inference


def test_infer_guesses_as_a_crawler():
    n = 40
    frame = pd.DataFrame(
        {
            "ITEM_ID": [str(i) for i in range(n)],
            "TITLE": [f"a rather long title number {i}" for i in range(n)],
            "CODE": [f"c{i}" for i in range(n)],
            "GENRE": ["comedy|drama", "drama", "action", None] * 10,
            "PRICE": ["1.5", "2"] * 20,
            "PAGES": ["10", "20"] * 20,
            "SALE": ["true", "false"] * 20,
            "CREATION_TIMESTAMP": ["5"] * n,
        }
    )
    assert infer(frame, "Items").fields == (
        Field("ITEM_ID", "string"),
        Field("TITLE", "string", textual=True),
        Field("CODE", "string"),
        Field("GENRE", "string", True, categorical=True),
        Field("PRICE", "double"),
        Field("PAGES", "long"),
        Field("SALE", "boolean"),
        Field("CREATION_TIMESTAMP", "long"),
    )


def test_infer_refuses_missing_and_too_many_columns():
    with pytest.raises(InputError, match=r"missing the following columns: \[TIMESTAMP\]"):
        infer(interactions().drop(columns="TIMESTAMP"), "Interactions")
    wide = interactions(**{f"C{n}": [1, 2, 3] for n in range(6)})
    with pytest.raises(InputError, match="at most 5"):
        infer(wide, "Interactions")


# ------------------------------------------------------------------ check


def test_clean_rows_pass_untouched():
    report = check(interactions(), default_schema("Interactions"))
    assert (report.rows_read, report.rows_kept, dict(report.dropped), report.warnings) == (3, 3, {}, ())
    assert report.frame["TIMESTAMP"].dtype == np.int64
    assert report.frame["USER_ID"].tolist() == ["u1", "u2", "u3"]


def test_lenient_accepts_what_the_service_accepts_and_strict_refuses_it():
    frame = interactions(extra=1)[["TIMESTAMP", "ITEM_ID", "USER_ID", "extra"]]
    frame.columns = ["\ufefftimestamp", "item_id", "User_Id", "extra"]
    report = check(frame, default_schema("Interactions"))
    assert list(report.frame) == ["USER_ID", "ITEM_ID", "TIMESTAMP"]
    assert report.warnings == ("columns that the schema does not name are ignored: extra",)
    with pytest.raises(InputError, match="ignored: extra"):
        check(frame, default_schema("Interactions"), strict=True)
    with pytest.raises(InputError, match="in this order and spelling"):
        check(frame.drop(columns="extra"), default_schema("Interactions"), strict=True)


def test_missing_columns_are_named_in_the_services_words():
    with pytest.raises(InputError) as caught:
        check(interactions().rename(columns={"ITEM_ID": "PRODUCT"}), default_schema("Interactions"), source="shop.csv")
    assert str(caught.value).startswith(
        "shop.csv: Input CSV is missing the following columns: [ITEM_ID]; found [USER_ID, PRODUCT,"
    )


def test_rows_without_id_or_time_are_dropped_and_counted_with_their_lines():
    frame = pd.DataFrame(
        {
            "USER_ID": ["u1", None, "u3", "", "u5", "u6", "x" * 257],
            "ITEM_ID": ["a", "b", None, "d", "e", "f", "g"],
            "TIMESTAMP": ["1", "2", "3", "4", "", "six", "7"],
        }
    )
    report = check(frame, default_schema("Interactions"))
    assert report.frame["USER_ID"].tolist() == ["u1"]
    assert {reason: (d.count, d.lines) for reason, d in report.dropped.items()} == {
        "USER_ID is longer than 256 characters": (1, (8,)),
        "USER_ID is empty": (2, (3, 5)),
        "ITEM_ID is empty": (1, (4,)),
        "TIMESTAMP is no long (first: 'six')": (1, (7,)),
        "TIMESTAMP is empty": (1, (6,)),
    }
    table = report.table()
    assert table["what"].tolist()[:2] == ["read", "kept"] and table["rows"].tolist()[:2] == [7, 1]
    with pytest.raises(InputError, match="Interactions, line 8: USER_ID is longer"):
        check(frame, default_schema("Interactions"), strict=True)


def test_lines_come_from_the_index_when_it_knows_them():
    frame = interactions(USER_ID=["u1", None, "u3"]).set_index(pd.Index([2, 17, 18], name="line"))
    assert check(frame, default_schema("Interactions")).dropped["USER_ID is empty"].lines == (17,)


def test_exact_repeats_collapse_but_other_events_of_the_same_second_stay():
    frame = pd.DataFrame(
        {
            "USER_ID": ["u", "u", "u", "u"],
            "ITEM_ID": ["a", "a", "a", "b"],
            "TIMESTAMP": [5, 5, 6, 5],
        }
    )
    report = check(frame, default_schema("Interactions"), strict=True)
    assert report.frame["ITEM_ID"].tolist() == ["a", "a", "b"]
    assert report.dropped["exact repeat of an earlier interaction"].lines == (3,)


def test_the_last_row_of_a_repeated_item_counts():
    frame = pd.DataFrame(
        {"ITEM_ID": ["a", "b", "a"], "GENRE": ["x", "y", "z"], "YEAR": [1, 2, 3], "CREATION_TIMESTAMP": [1, 2, 3]}
    )
    report = check(frame, ITEMS)
    assert report.frame.set_index("ITEM_ID")["GENRE"].to_dict() == {"a": "z", "b": "y"}


def test_unreadable_attributes_become_missing_and_are_reported():
    frame = pd.DataFrame(
        {
            "ITEM_ID": ["a", "b", "c"],
            "GENRE": ["x", "", "z"],
            "YEAR": ["1999", "2006–2007", ""],
            "CREATION_TIMESTAMP": ["5", "", "7"],
        }
    )
    report = check(frame, ITEMS)
    assert report.rows_kept == 3
    np.testing.assert_array_equal(report.frame["YEAR"], [1999, np.nan, np.nan])
    assert report.warnings == (
        "YEAR is no int (first: '2006–2007'), taken as empty: 1 row, line 3",
        "YEAR is empty although the schema does not allow null: 2 rows, lines 3, 4",
    )
    with pytest.raises(InputError, match="Items, line 3: YEAR is no int"):
        check(frame, ITEMS, strict=True)


@pytest.mark.parametrize(
    ("factor", "unit"), [(1_000, "milliseconds"), (1_000_000, "microseconds"), (1_000_000_000, "nanoseconds")]
)
def test_finer_time_units_are_named_with_the_division_to_do(factor, unit):
    frame = interactions(TIMESTAMP=[1_300_000_000 * factor + n for n in range(3)])
    with pytest.raises(InputError) as caught:
        check(frame, default_schema("Interactions"), source="i.csv")
    assert f"i.csv, line 2: TIMESTAMP {1_300_000_000 * factor} is in {unit}" in str(caught.value)
    assert f"divide by {factor:,}" in str(caught.value)


def test_mixed_time_units_are_named():
    with pytest.raises(InputError, match=r"line 3: .* milliseconds.*mixed: too fine: 1, in seconds: 2 \(first: line 2\)"):
        check(interactions(TIMESTAMP=[1_300_000_000, 1_300_000_000_000, 1_300_000_000]), default_schema("Interactions"))


def test_negative_and_zero_times_are_seconds():
    assert check(interactions(TIMESTAMP=[-5, 0, 5]), default_schema("Interactions")).rows_kept == 3


def test_dates_as_times_are_refused():
    with pytest.raises(InputError, match="line 2: TIMESTAMP '2011-12-09 12:50:00' is not a whole number"):
        check(interactions(TIMESTAMP=["2011-12-09 12:50:00"] * 3), default_schema("Interactions"))


def test_long_categories_fail_the_import():
    frame = pd.DataFrame({"ITEM_ID": ["a"], "GENRE": ["x" * 1001], "YEAR": [1], "CREATION_TIMESTAMP": [1]})
    with pytest.raises(InputError, match="line 2: GENRE is categorical, but holds more than 1000"):
        check(frame, ITEMS)


def test_empty_tables_and_doubled_columns_are_refused():
    with pytest.raises(InputError, match="there are no rows"):
        check(interactions().iloc[:0], default_schema("Interactions"))
    with pytest.raises(InputError, match="none of the 3 rows"):
        check(interactions(USER_ID=None), default_schema("Interactions"))
    with pytest.raises(InputError, match="USER_ID comes twice"):
        infer(interactions()[["USER_ID", "USER_ID", "ITEM_ID", "TIMESTAMP"]], "Interactions")
    doubled = interactions(user_id="x")
    with pytest.raises(InputError, match="column USER_ID comes 2 times"):
        check(doubled, default_schema("Interactions"))


def test_more_than_ten_event_types_are_noted():
    frame = pd.DataFrame({"USER_ID": "u", "ITEM_ID": "i", "TIMESTAMP": range(11), "EVENT_TYPE": [f"e{n}" for n in range(11)]})
    report = check(frame, infer(frame, "Interactions"))
    assert report.warnings == ("11 event types, but training allows at most 10; merge or remove some",)


def test_booleans_are_lower_case_words():
    schema = Schema("Items", (Field("ITEM_ID", "string"), Field("ADULT", "boolean", True)))
    report = check(pd.DataFrame({"ITEM_ID": list("abcd"), "ADULT": ["true", "false", "", "True"]}), schema)
    assert report.frame["ADULT"].isna().tolist() == [False, False, True, True]
    assert report.frame["ADULT"].tolist()[:2] == [True, False]
    assert report.warnings == ("ADULT is no boolean (first: 'True'), taken as empty: 1 row, line 5",)


def test_long_texts_and_impressions_are_noted():
    items = Schema("Items", (Field("ITEM_ID", "string"), Field("PLOT", "string", textual=True)))
    report = check(pd.DataFrame({"ITEM_ID": ["a"], "PLOT": ["x" * 20_001]}), items, strict=True)
    assert report.warnings == ("PLOT is longer than 20000 characters; training reads only these: 1 row, line 2",)
    shown = infer(interactions(IMPRESSION="a|" * 501), "Interactions")
    assert "IMPRESSION is longer than 1000" in check(interactions(IMPRESSION="a|" * 501), shown).warnings[0]
    with pytest.raises(InputError, match="IMPRESSION is longer"):
        check(interactions(IMPRESSION="a|" * 501), shown, strict=True)


def test_numeric_ids_become_whole_texts():
    frame = interactions(USER_ID=[17850.0, 2.0, 3.0], ITEM_ID=[1, 2, 3])
    assert check(frame, default_schema("Interactions")).frame["USER_ID"].tolist() == ["17850", "2", "3"]


@pytest.mark.parametrize(
    "times",
    [
        pd.array([1, None, 3], "Int64"),
        pd.Categorical([1, 2, 3]),
        np.array([1, 2, 3], complex),
        pd.to_datetime(["2020-01-01"] * 3),
        [True, False, True],
        np.array([1, 2, 3], np.uint8),
        [10**400, 2, 3],
        pd.Series(["\ud800", "2", "3"], dtype=object),
    ],
    ids=str,
)
def test_any_dtype_is_read_or_refused(times):
    try:
        report = check(interactions(TIMESTAMP=times), default_schema("Interactions"))
    except InputError:
        return
    assert set(report.frame["TIMESTAMP"]) <= {1, 2, 3}


def test_an_index_of_texts_called_line_is_no_line_number():
    frame = interactions(USER_ID=["u1", None, "u3"]).set_index(pd.Index(["x", "y", "z"], name="line"))
    assert check(frame, default_schema("Interactions")).dropped["USER_ID is empty"].lines == (3,)


CELLS = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
    st.just(pd.NaT),
)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=6), st.booleans(), st.sampled_from(["EVENT_VALUE", "user_id", "X"])
)
@settings(deadline=None, max_examples=150)
def test_check_raises_nothing_but_input_errors(rows, strict, fourth):
    frame = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP", fourth])
    try:
        report = check(frame, infer(frame, "Interactions"), strict=strict)
    except InputError:
        return
    assert report.rows_read == len(frame) and report.rows_kept == len(report.frame) > 0
    assert report.frame[["USER_ID", "ITEM_ID", "TIMESTAMP"]].notna().all(axis=None)
    again = check(report.frame, infer(frame, "Interactions"))
    pd.testing.assert_frame_equal(again.frame, report.frame)
