"""Evaluating segments: the split, the questions, the metrics and the baselines, on tables one can check by eye."""

import numpy as np
import pandas as pd
import pytest
from recipe_contract import small_shop

from helpers import evaluation, metrics, recipes, segmentation, splits
from helpers.datasets.dataset import Dataset, toy_dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.segment_model import item_sets


@pytest.fixture(autouse=True)
def small_data_are_enough(monkeypatch):
    monkeypatch.setattr("helpers.datasets.dataset.MIN_INTERACTIONS", 10)


def test_the_newest_fifth_of_every_user_is_hidden():
    lists = {"one": ["a"], "two": ["a", "b"], "seven": list("abcdefg"), "ten": list("abcdefghij")}
    parts = splits.segmentation(toy_dataset("toy", lists).interactions)
    hidden = {user: parts.truth.take([row]).items.tolist() for row, user in enumerate(parts.truth.users)}
    users = toy_dataset("toy", lists).interactions.user_ids
    assert {users.ids[code]: items for code, items in hidden.items()} == {"two": [1], "seven": [6], "ten": [8, 9]}
    assert len(parts.train) == 1 + 1 + 6 + 8


def test_nothing_is_newer_in_training_than_in_the_truth_of_a_user():
    parts = splits.segmentation(small_shop().interactions)
    for row, user in enumerate(parts.truth.users):
        history = parts.train.of_users([user])
        assert history.timestamps.max() <= parts.truth.take([row]).timestamps.min()


def test_a_question_has_the_users_who_took_the_item():
    questions = segmentation.item_questions(small_shop())
    parts = splits.segmentation(small_shop().interactions)
    pairs = {(item, user) for item, user in zip(parts.truth.items, parts.truth.users[parts.truth.rows], strict=True)}
    for row, item in enumerate(questions.queries):
        right = questions.truth.take([row]).items
        assert len(right) and set(right) == {user for other, user in pairs if other == item} and len(set(right)) == len(right)
    trained = set(parts.train.items)
    assert set(questions.queries) == {item for item, _ in pairs} & trained


def test_an_attribute_question_has_the_users_of_all_its_items():
    questions = segmentation.attribute_questions(small_shop(), columns=["COLOUR"])
    parts = splits.segmentation(small_shop().interactions)
    row = questions.names.tolist().index('ITEMS.COLOUR = "red"')
    red = np.isin(parts.truth.items, np.arange(0, 31, 3))
    assert set(questions.truth.take([row]).items) == set(parts.truth.users[parts.truth.rows[red]])


def test_a_recipe_is_asked_what_it_answers():
    for name, first in (("aws-item-affinity", 0), ("aws-item-attribute-affinity", 'ITEMS.COLOUR = "blue"')):
        questions = segmentation.questions_for(recipes.create(name), small_shop())
        assert str(questions.queries[0]) == str(first)


def test_questions_of_ones_own():
    questions = segmentation.about(small_shop(), ["red"], items_of=lambda _: np.arange(0, 31, 3), names=["red things"])
    asked = segmentation.attribute_questions(small_shop(), columns=["COLOUR"])
    row = asked.names.tolist().index('ITEMS.COLOUR = "red"')
    assert questions.names.tolist() == ["red things"]
    assert questions.truth.items.tolist() == asked.truth.take([row]).items.tolist()


def test_seeds_draw_other_questions():
    drawn = [segmentation.item_questions(small_shop(), seed, at_most=5).queries for seed in (0, 0, 1)]
    assert len(drawn[0]) == 5 and drawn[0] == drawn[1] != drawn[2]


def test_metrics_by_hand():
    truth = Histories.of([[3, 5], [7]])
    ranked = np.array([[5, 3, 1], [0, 1, 7]])
    found = metrics.segment_per_query(ranked, truth, 200)  # 1 % of 200 users: the first two
    assert found["hits_at_1_percent"].tolist() == [2, 0] and found["recall_at_1_percent"].tolist() == [1, 0]
    assert metrics.segment_coverage(ranked, 200) == 4 / 200  # users 0, 1, 3 and 5
    assert [metrics.one_percent(n) for n in (1, 149, 151, 2500)] == [1, 1, 2, 25]


def test_baselines_by_hand():
    data = toy_dataset("toy", {"a": ["x", "x", "y"], "b": ["x", "y", "y", "y"], "c": ["z", "z", "z", "z", "z", "x"], "d": ["w"]})
    train, sets = data.interactions, item_sets([np.array([1])], 4)  # x
    order = {name: np.argsort(-score(train, sets)[0], kind="stable").tolist() for name, score in segmentation.BASELINES.items()}
    assert order == {
        "most active users": [2, 1, 0, 3],
        "most recent users": [2, 1, 0, 3],
        "most frequent buyers": [0, 2, 1, 3],  # a took x twice; c and b once each, c is more active
        "nearest-neighbour users": [0, 1, 2, 3],  # a and b have the same items as each other, c shares one, d none
    }


def checkerboard_with_repeats(n_users: int = 400) -> Dataset:
    """Even users come back for even items, odd users for odd ones; everybody is equally active."""
    rng = np.random.default_rng(0)
    rows = [
        (f"u{user:03}", f"i{2 * rng.integers(10) + user % 2:02}", 100 * step + user)
        for user in range(n_users)
        for step in range(15)
    ]
    items = pd.DataFrame({"ITEM_ID": [f"i{code:02}" for code in range(20)], "COLOUR": ["black", "white"] * 10})
    return Dataset.from_frames("again", pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]), items)


@pytest.mark.parametrize(
    ("recipe", "ask"),
    [("aws-item-affinity", segmentation.item_questions), ("aws-item-attribute-affinity", segmentation.attribute_questions)],
)
def test_a_recipe_that_listens_beats_one_that_does_not(recipe, ask):
    questions = ask(checkerboard_with_repeats())
    records = [segmentation.evaluate(questions, method) for method in (recipe, "most active users")]
    ours, deaf = (record.metrics[segmentation.HITS] for record in records)
    assert ours > 1.5 * deaf
    assert evaluation.compare(records, segmentation.HITS).index[0] == recipe


def test_a_record_says_what_was_asked():
    questions = segmentation.item_questions(small_shop(), seed=3, shuffle_ties=True)
    record = segmentation.evaluate(questions, "most frequent buyers")
    assert (record.split, record.seed, record.shuffle_ties, record.test_users) == ("segmentation", 3, True, 60)
    assert set(record.metrics) == {"hits_at_1_percent", "recall_at_1_percent", "coverage"}
    assert len(record.users) == len(record.per_user[segmentation.HITS]) == len(questions.queries)
    assert record.data_sha256 == small_shop().sha256


def test_recipes_of_items_are_refused():
    questions = segmentation.item_questions(small_shop())
    with pytest.raises(InputError, match="makes no segments; use aws-item-affinity or one of"):
        segmentation.evaluate(questions, "aws-sims")
    with pytest.raises(InputError, match="cannot recommend items"):
        evaluation.evaluate(small_shop(), "aws-item-affinity")


def test_too_little_data_and_nothing_to_ask(monkeypatch):
    with pytest.raises(InputError, match="nobody|no user took"):
        segmentation._questions(small_shop(), splits.segmentation(small_shop().interactions), [30], np.array(["i30"]),
                                item_sets([np.array([30])], 31), 0, False)  # fmt: skip
    monkeypatch.setattr("helpers.datasets.dataset.MIN_INTERACTIONS", 100_000)
    with pytest.raises(InputError, match="training needs at least"):
        segmentation.item_questions(small_shop())
