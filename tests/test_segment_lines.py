"""The lines of a batch segment job, exactly as the service writes them, and the lines that cannot be answered."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_contract import small_shop

from helpers.errors import InputError
from helpers.recipes.item_affinity import ItemAffinity
from helpers.recipes.item_attribute_affinity import ItemAttributeAffinity
from helpers.segment_lines import answer_lines


@pytest.fixture(scope="module")
def by_item():
    return ItemAffinity().fit(small_shop())


@pytest.fixture(scope="module")
def by_attribute():
    return ItemAttributeAffinity().fit(small_shop())


def test_an_item_line(by_item):
    (line,) = answer_lines(by_item, ['{"itemId": "i04"}\n'], 3)
    users = by_item.user_ids.names(by_item.segment([4], 3)[0][0]).tolist()
    assert json.loads(line) == {"input": {"itemId": "i04"}, "output": {"usersList": users}, "error": None}
    assert list(json.loads(line)) == ["input", "output", "error"] and "\n" not in line


def test_an_attribute_line(by_attribute):
    asked = {"itemAttributes": 'ITEMS.COLOUR = "blue" AND ITEMS.COLOUR = "gold"'}
    (line,) = answer_lines(by_attribute, [json.dumps(asked)], 4)
    users = by_attribute.user_ids.names(by_attribute.segment([asked["itemAttributes"]], 4)[0][0]).tolist()
    assert json.loads(line) == {"input": asked, "output": {"usersList": users}, "error": None}


def test_faulty_lines_have_an_error_and_the_others_an_answer(by_item):
    lines = [
        '{"itemId": "i04"}',
        '{"itemId": "nothing"}',
        "",
        "{oops",
        '{"item": "i04"}',
        '{"itemId": 4}',
        "[1]",
        "NaN",
        '{"itemId": "i05"}',
    ]
    answers = [json.loads(line) for line in answer_lines(by_item, lines, 2)]
    assert [answer["error"] is None for answer in answers] == [True, False, False, False, False, False, False, True]
    assert all((answer["output"] is None) == (answer["error"] is not None) for answer in answers)
    told = [answer["error"] for answer in answers]
    assert "'nothing' is not in the data" in told[1] and "not JSON" in told[2] and '"itemId"' in told[3] and '"itemId"' in told[4]
    assert answers[1]["input"] == {"itemId": "nothing"} and answers[2]["input"] == "{oops"
    assert answers[-1]["output"] == json.loads(next(answer_lines(by_item, ['{"itemId": "i05"}'], 2)))["output"]


def test_faulty_queries_point_at_the_column(by_attribute):
    lines = [json.dumps({"itemAttributes": text}) for text in ("ITEMS.COLOUR : 1", 'ITEMS.COLOUR = "pink"')] + [
        '{"itemId": "i04"}'
    ]
    told = [json.loads(line)["error"] for line in answer_lines(by_attribute, lines, 2)]
    assert "column 14" in told[0] and "unknown value" in told[1] and '"itemAttributes"' in told[2]


def test_a_filter_for_all_lines_and_one_by_line(by_item):
    allowed = np.arange(by_item.n_users) % 2 == 0
    (line,) = answer_lines(by_item, ['{"itemId": "i04"}'], 100, allowed)
    assert set(json.loads(line)["output"]["usersList"]) <= set(by_item.user_ids.ids[::2])

    def one_user(line):
        if "filterValues" not in line:
            raise InputError("the filter needs a value for $USER")
        return by_item.user_ids.ids == line["filterValues"]["USER"]

    lines = [
        '{"itemId": "i04", "filterValues": {"USER": "u3"}}',
        '{"itemId": "i04"}',
        '{"itemId": "i07", "filterValues": {"USER": "u9"}}',
    ]
    answers = [json.loads(line) for line in answer_lines(by_item, lines, 5, one_user)]
    assert [answer["output"] and answer["output"]["usersList"] for answer in answers] == [["u3"], None, ["u9"]]
    assert answers[1]["error"] == "the filter needs a value for $USER"
    assert answers[0]["input"] == json.loads(lines[0])


def test_limits(by_item, by_attribute):
    assert len(list(answer_lines(by_item, ['{"itemId": "i04"}'] * 500, 1))) == 500
    with pytest.raises(InputError, match="501 queries; aws-item-affinity takes at most 500"):
        answer_lines(by_item, ['{"itemId": "i04"}'] * 501, 1)
    with pytest.raises(InputError, match="at most 10"):
        answer_lines(by_attribute, ["{}"] * 11, 1)
    for k in (0, 5_000_001, 2.5):
        with pytest.raises(InputError, match="numResults"):
            answer_lines(by_item, [], k)
    (line,) = answer_lines(by_item, ['{"itemId": "i04"}'], 5_000_000)
    assert len(json.loads(line)["output"]["usersList"]) == 60  # all who ever came


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3), max_leaves=4
)


@settings(deadline=None)
@given(
    st.lists(
        st.text(max_size=20) | st.dictionaries(st.sampled_from(["itemId", "x"]), JSON, max_size=2).map(json.dumps), max_size=5
    )
)
def test_any_lines_are_answered(by_item, lines):
    answers = [json.loads(line) for line in answer_lines(by_item, lines, 2)]
    assert len(answers) == sum(bool(line.strip()) for line in lines)
    assert all((answer["output"] is None) != (answer["error"] is None) for answer in answers)
