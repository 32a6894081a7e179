"""Evaluation: the record's contract, honesty of exclude_seen, paired comparison."""

import json

import numpy as np
import pytest

from helpers import evaluation
from helpers.datasets.dataset import Dataset, toy_dataset
from helpers.errors import InputError
from helpers.recipes import PopularityCount
from helpers.recipes.popularity_count import PopularityModel

CONTRACT = {
    "dataset", "recipe", "split", "seed", "hyperparameters", "metrics", "test_users", "items",
    "train_seconds", "score_seconds", "peak_mb", "versions", "data_sha256",
}  # fmt: skip
METRICS = {
    "coverage", "mean_reciprocal_rank_at_25",
    *(f"precision_at_{k}" for k in (5, 10, 25)),
    *(f"normalized_discounted_cumulative_gain_at_{k}{reading}" for k in (5, 10, 25) for reading in ("", "_aws")),
}  # fmt: skip


class OwnHistoryModel(PopularityModel):
    """Repeats what the user had most often: a second recipe that is easy to reason about."""

    def score(self, histories, context=None):
        return histories.matrix(self.n_items).toarray().astype(float)


class OwnHistory(PopularityCount):
    name = "test-own-history"

    def fit(self, dataset, seed=0):
        return OwnHistoryModel(self, dataset.interactions.item_ids, {})


@pytest.fixture(scope="module")
def loyal() -> Dataset:
    """120 users who each take the same five of 60 items over and over."""
    generator = np.random.default_rng(0)
    favourites = {f"u{u}": [f"i{i}" for i in generator.permutation(60)[:5]] for u in range(120)}
    return toy_dataset("loyal", {user: items * 4 for user, items in favourites.items()})


@pytest.mark.parametrize("split", ["personalize", "temporal", "last-basket", "leave-last"])
def test_the_record_keeps_its_contract(loyal, split):
    record = evaluation.evaluate(loyal, "aws-popularity-count", split, seed=3)
    plain = json.loads(json.dumps(record.to_json()))
    assert plain.keys() == CONTRACT
    assert plain["metrics"].keys() == METRICS
    assert (plain["dataset"], plain["recipe"], plain["split"], plain["seed"]) == ("loyal", "aws-popularity-count", split, 3)
    assert plain["items"] == 60 and plain["peak_mb"] > 0 and plain["data_sha256"] == loyal.sha256


def test_the_same_seed_gives_the_same_numbers(loyal):
    first, second = (evaluation.evaluate(loyal, "aws-popularity-count", seed=1) for _ in range(2))
    assert first.metrics == second.metrics
    assert evaluation.evaluate(loyal, "aws-popularity-count", seed=2).users.tolist() != first.users.tolist()


def test_own_history_is_perfect_for_loyal_users_and_blind_once_seen_items_are_removed(loyal):
    assert evaluation.evaluate(loyal, OwnHistory()).metrics["precision_at_5"] == pytest.approx(2 / 5)  # two hidden, both found
    removed = evaluation.evaluate(loyal, OwnHistory(), exclude_seen=True)
    assert removed.metrics["precision_at_25"] == 0.0
    assert removed.to_json()["exclude_seen"] is True


def test_compare_ranks_and_tests_in_pairs(loyal):
    records = [evaluation.evaluate(loyal, recipe, seed=seed) for recipe in (PopularityCount(), OwnHistory()) for seed in (0, 1)]
    table = evaluation.compare(records)
    assert table.index.tolist() == ["test-own-history", "aws-popularity-count"]
    assert table["difference to best"].tolist()[0] == 0 and table["difference to best"].tolist()[1] < 0
    assert table["p-value"].tolist()[1] < 0.01


def test_compare_refuses_different_questions(loyal):
    records = [evaluation.evaluate(loyal, PopularityCount(), "temporal"), evaluation.evaluate(loyal, OwnHistory(), "personalize")]
    with pytest.raises(InputError, match="cannot be compared"):
        evaluation.compare(records)


def test_too_little_data_is_refused_with_the_services_minimum():
    with pytest.raises(InputError, match="at least 1000"):
        evaluation.evaluate(toy_dataset("tiny", {"a": ["x", "y"]}), "aws-popularity-count")
    few = toy_dataset("few", {f"u{u}": [f"i{i}" for i in range(100)] for u in range(12)})
    with pytest.raises(InputError, match="12 users with at least 2 interactions"):
        evaluation.evaluate(few, "aws-popularity-count")


def test_unknown_names_suggest_the_nearest(loyal):
    with pytest.raises(InputError, match="Did you mean 'aws-popularity-count'"):
        evaluation.evaluate(loyal, "popularity-count")
    with pytest.raises(InputError, match="Did you mean 'personalize'"):
        evaluation.evaluate(loyal, "aws-popularity-count", "personalise")


def test_unseen_marks_the_rest_of_the_catalogue(loyal):
    first_two = loyal.interactions.of_users([0, 1])
    mask = evaluation.unseen(first_two, 60)
    assert (~mask).sum(axis=1).tolist() == [5, 5]
    assert not mask[0, first_two.items[:5]].any()
