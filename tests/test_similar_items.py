"""Similar-Items: the formula by hand, cold items, the place of own evidence, and quality on the shop that knows the truth."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from helpers import evaluation, metrics, recipes, splits
from helpers.datasets import Dataset, load, toy_dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.similar_items import Evidence, SimilarItems, SimilarItemsModel
from helpers.recipes.sims import Sims
from helpers.recipes.top_k import top_k

COLD = 5
"""The service calls an item with fewer interactions cold."""


def gardens_and_kitchens(n_users=60, items=True):
    """Each user takes four of six garden or six kitchen items; of each kind one more item that nobody took."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(n_users):
        kind = ("garden", "kitchen")[user % 2]
        rows += [(f"u{user:02}", f"{kind}{number}", 60 * step) for step, number in enumerate(rng.permutation(6)[:4])]
    names = [f"{kind}{number}" for kind in ("garden", "kitchen") for number in range(7)]
    table = pd.DataFrame({"ITEM_ID": names, "KIND": [name[:-1] for name in names]})
    events = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    return Dataset.from_frames("gardens", events, table if items else None)


def names_of(model, codes):
    return model.item_ids.names(codes).tolist()


# The formula


def test_share_of_own_evidence():
    evidence = Evidence({}, own=np.array([[1.0], [1.0]]), guessed=np.array([[0.0], [0.5]]), sessions=np.array([0.0, 6.0]))
    arrays = evidence.arrays(half=2, strengths=(1, 1))
    np.testing.assert_allclose(arrays["own_share"], [0, 6 / (6 + 2)])
    np.testing.assert_allclose(arrays["vectors"], [[0, 3 / 4 * 1 + 1 / 4 * 0.5]])


def test_score_by_hand():
    dataset = toy_dataset("three", {"u": ["a", "b"], "v": ["b", "c"]})
    arrays = {
        "ids": np.array([[1], [-1], [-1]], np.int32),
        "weights": np.array([[0.25], [0], [0]], np.float32),
        "users": np.array([1, 2, 1]),
        "vectors": np.array([[1, 0.5, 0], [0, 1, -1]], np.float32),
        "own_share": np.ones(3, np.float32),
        "strengths": np.array([2, 4], np.float32),
    }
    model = SimilarItemsModel(SimilarItems(history_decay=1.0), dataset.interactions.item_ids, arrays)
    model.check()
    a, b, c = 0, 1, 2
    np.testing.assert_allclose(model.score_similar(np.array([a]))[0], [2 * 1, 0.25 + 2 * 0.5, 1 / 3 - 1])  # c: popularity
    both = model.score(Histories.of([[b, a]]))[0]  # a is the newest; b lies one step back and counts a half
    np.testing.assert_allclose(both, [4 * (1 + 0.5 / 2), 0.25 + 4 * (0.5 + (0.25 + 1) / 2), 1 / 3 - 1], rtol=1e-6)
    assert names_of(model, model.similar(np.array([c]), 2)[0][0]) == ["b", "a"]  # c resembles nothing: by popularity
    unknown = model.score(Histories.of([[-1, a, -1]]))
    np.testing.assert_allclose(unknown, model.score(Histories.of([[a]])))  # unknown items are passed over


def test_vectors_approximate_the_cosine():
    dataset = gardens_and_kitchens()
    arrays = SimilarItems().fit(dataset).arrays
    table = (dataset.interactions.matrix() > 0).astype(float).toarray()[:, :7]
    counts = np.maximum(table.sum(axis=0), 1)
    cosine = table.T @ table / np.sqrt(np.outer(counts, counts))
    evidence = SimilarItems()._learn(dataset, np.zeros((14, 0)), 0)
    np.testing.assert_allclose((evidence.own @ evidence.own.T)[:7, :7], cosine, atol=1e-9)  # full rank: exact
    assert (arrays["own_share"] == 0).sum() == 2


# Cold items


def check_cold_items_are_found(recipe):
    model = recipe().fit(gardens_and_kitchens())
    names = model.item_ids.ids
    cold = np.flatnonzero([name.endswith("6") for name in names])
    for code, answer in zip(cold, model.similar(cold, 6)[0], strict=True):
        assert {name[:-1] for name in names[answer]} == {names[code][:-1]}  # asked with a cold item: its own kind
    warm = np.array([0, 7])
    only_cold = np.isin(np.arange(14), cold)
    assert names_of(model, model.similar(warm, 1, only_cold)[0][:, 0]) == ["garden6", "kitchen6"]
    taste = model.recommend(Histories.of([[0, 2], [8, 9]]), 1, only_cold)[0]
    assert names_of(model, taste[:, 0]) == ["garden6", "kitchen6"]


def test_cold_items_are_found():
    check_cold_items_are_found(SimilarItems)


@dataclass(frozen=True)
class IgnoresMetadata(SimilarItems):
    def _metadata(self, dataset, seed):
        return np.zeros((dataset.interactions.n_items, 0))


@dataclass(frozen=True)
class TrustsOwnOnly(SimilarItems):
    def _choose(self, questions, evidence, dataset):
        return 0, (0.5, 0.5)

    def _model(self, dataset, evidence, half, strengths):
        return super()._model(dataset, evidence, 1e-9, strengths) if evidence.sessions.all() else self._own(dataset, evidence)

    def _own(self, dataset, evidence):
        own = Evidence(evidence.neighbours, evidence.own, np.zeros_like(evidence.own), evidence.sessions)
        return super()._model(dataset, own, 1, (0.5, 0.5))


@pytest.mark.parametrize("broken", [IgnoresMetadata, TrustsOwnOnly])
def test_broken_variants_are_noticed(broken):
    with pytest.raises(AssertionError):
        check_cold_items_are_found(broken)


def test_works_without_item_data():
    dataset = gardens_and_kitchens(items=False)
    model = SimilarItems().fit(dataset)
    assert model.n_items == 12 and (model.arrays["own_share"] > 0).all()
    nearest = model.similar(np.arange(12), 5)[0]
    assert (nearest // 6 == np.arange(12)[:, None] // 6).all()


@pytest.mark.parametrize("columns", [{}, {"KIND": None}])
def test_item_data_that_says_nothing_is_no_error(columns):
    rows = [(f"u{n}", item, step) for n in range(30) for step, item in enumerate("ab")]
    events = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    dataset = Dataset.from_frames("bare", events, pd.DataFrame({"ITEM_ID": ["a", "b", "c"]} | columns).astype(object))
    model = SimilarItems().fit(dataset)
    popular = model.similar(np.array([2]), 2)[0][0]  # c: neither sessions nor attributes
    assert names_of(model, popular) == ["a", "b"]


def test_service_defaults():
    defaults = recipes.get("aws-similar-items")().hyperparameters
    assert defaults["item_id_hidden_dim"] == defaults["item_metadata_hidden_dim"] == 100
    with pytest.raises(InputError, match=r"item_id_hidden_dim = 20 is not allowed; use \[30, 200\]"):
        SimilarItems(item_id_hidden_dim=20)


@pytest.mark.parametrize("fault", ["vectors", "own_share", "strengths", "ids"])
def test_forged_arrays_are_refused(fault):
    model = SimilarItems().fit(gardens_and_kitchens())
    arrays = {name: array.copy() for name, array in model.arrays.items()}
    if fault == "vectors":
        arrays["vectors"] = arrays["vectors"][:, :-1]
    elif fault == "own_share":
        arrays["own_share"][0] = 1.5
    elif fault == "strengths":
        arrays["strengths"][1] = 0
    else:
        arrays["ids"][0, 0] = 14
    with pytest.raises(ValueError):
        SimilarItemsModel(model.recipe, model.item_ids, arrays).check()


# Quality


def cold_ndcg(scores, cold, truth):
    """NDCG at 25 among cold items only, of the users who took one."""
    wanted = truth.keep(cold[truth.items])
    rows = np.flatnonzero(wanted.lengths)
    ranked, _ = top_k(np.where(cold, scores[rows], -np.inf), 25)
    return metrics.ndcg(metrics.hits(ranked, wanted.take(rows)), metrics.relevant_counts(wanted.take(rows)), 25)


def test_cold_items_of_the_shop():
    shop = load("gift-shop")
    parts = splits.split(shop.interactions, "temporal")
    cold = np.bincount(parts.train.items, minlength=shop.interactions.n_items) < COLD
    training = shop.with_interactions(parts.train)
    names = ("aws-popularity-count", "aws-sims", "local-content-based", "aws-similar-items")
    scores = {name: recipes.get(name)().fit(training).score(parts.inputs) for name in names}
    scores["oracle"] = shop.oracle.scores(parts.inputs, days=14)
    found = {name: cold_ndcg(values, cold, parts.truth) for name, values in scores.items()}
    popular, sims, content, ours, best = (values.mean() for values in found.values())
    assert ours >= 1.5 * content and ours >= 10 * max(popular, sims)
    assert 0.3 * best <= ours <= best
    for weaker in names[:3]:
        assert metrics.paired_test(found["aws-similar-items"], found[weaker]).p_value < 0.01


@pytest.mark.parametrize("split", ["personalize", "temporal"])
def test_no_worse_than_sims_on_the_shop(split):
    shop = load("gift-shop")
    ours, sims = (evaluation.evaluate(shop, name, split, seed=0) for name in ("aws-similar-items", "aws-sims"))
    assert metrics.paired_test(ours.per_user[evaluation.NDCG], sims.per_user[evaluation.NDCG]).difference.high > 0
    assert ours.metrics["coverage"] >= sims.metrics["coverage"]


def test_no_worse_than_sims_on_real_data(data_dir):
    data = load("online-retail")
    ours, sims = (evaluation.evaluate(data, recipe(), seed=0) for recipe in (SimilarItems, Sims))
    assert metrics.paired_test(ours.per_user[evaluation.NDCG], sims.per_user[evaluation.NDCG]).difference.high > 0
    assert ours.metrics[evaluation.NDCG] >= 0.16
