"""SIMS by hand: the formula, the thresholds, what counts as together, the answer to a history; and broken variants."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from helpers import evaluation, recipes
from helpers.datasets import Dataset, load, toy_dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.sims import Sims, SimsModel

EVERYTHING = {
    "min_cointeraction_count": 1,
    "min_user_history_length_percentile": 0,
    "max_user_history_length_percentile": 1,
    "min_item_interaction_count_percentile": 0,
    "max_item_interaction_count_percentile": 1,
}


def sims(recipe=Sims, **changes):
    return recipe(**EVERYTHING | changes)


def related(model, item):
    """Return the ids of the items that share something with ``item``, nearest first."""
    row = model.arrays["ids"][model.item_ids.codes([item])[0]]
    return [name for name in model.item_ids.names(row) if name is not None]


def events(rows):
    return Dataset.from_frames("events", pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]))


def together(*visits):
    """A dataset of one user a visit."""
    return toy_dataset("visits", {f"u{n:03}": items for n, items in enumerate(visits)})


BREAKFAST = together(["bread", "butter"], ["bread", "butter"], ["bread", "milk"])


# Checks of a recipe class, so that broken variants can be held to them


def check_formula(recipe):
    model = sims(recipe).fit(BREAKFAST)
    bread, butter, milk = 0, 1, 2
    scores = model.score_similar(np.array([bread, butter]))
    np.testing.assert_allclose(scores[0, [butter, milk]], [2 / np.sqrt(3 * 2), 1 / np.sqrt(3 * 1)], rtol=1e-6)
    assert scores[1, bread] == scores[0, butter] and scores[1, milk] < 0  # butter and milk never met: only popularity is left


def check_query_matters(recipe):
    model = sims(recipe).fit(together(["a", "b"], ["a", "b"], ["c", "d"], ["c", "d"]))
    assert model.item_ids.names(model.similar(np.arange(4), 1)[0][:, 0]).tolist() == ["b", "a", "d", "c"]


def check_discount(recipe):
    """``seller`` is in every basket, ``niche`` only beside ``query``."""
    visits = [["query", "niche", "seller"]] * 2 + [["query", "seller"]] * 2 + [["seller", "other"]] * 16
    first = {d: related(sims(recipe, popularity_discount_factor=d).fit(together(*visits)), "query")[0] for d in (0, 0.5, 1)}
    assert first == {0: "seller", 0.5: "niche", 1: "niche"}  # 4 > 2; 4/sqrt(4*20) < 2/sqrt(4*2); 4/(4*20) < 2/(4*2)


def check_min_count(recipe):
    visits = together(*[["a", "b"]] * 3, *[["a", "c"]] * 2, ["a", "d"])
    found = {n: related(sims(recipe, min_cointeraction_count=n).fit(visits), "a") for n in (0, 1, 2, 3, 4)}
    assert [len(found[n]) for n in (0, 1, 2, 3, 4)] == [3, 3, 2, 1, 0]
    assert found[3] == ["b"]


CHECKS = {check.__name__: check for check in (check_formula, check_query_matters, check_discount, check_min_count)}


@pytest.mark.parametrize("check", CHECKS)
def test_sims(check):
    CHECKS[check](Sims)


class _NoQueryModel(SimsModel):
    def score_similar(self, items):
        return self.score(Histories.of([[] for _ in items]))


@dataclass(frozen=True)
class IgnoresQuery(Sims):
    def fit(self, dataset, seed=0):
        return _NoQueryModel(self, dataset.interactions.item_ids, super().fit(dataset).arrays)


@dataclass(frozen=True)
class InvertedDiscount(Sims):
    def fit(self, dataset, seed=0):
        return Sims(**self.hyperparameters | {"popularity_discount_factor": 1 - self.popularity_discount_factor}).fit(dataset)


@dataclass(frozen=True)
class ForgetsMinCount(Sims):
    def fit(self, dataset, seed=0):
        return Sims(**self.hyperparameters | {"min_cointeraction_count": 1}).fit(dataset)


@dataclass(frozen=True)
class ForgetsRoot(Sims):
    def fit(self, dataset, seed=0):
        return Sims(**self.hyperparameters | {"popularity_discount_factor": 2 * self.popularity_discount_factor / 3}).fit(dataset)


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        ("check_query_matters", IgnoresQuery),
        ("check_discount", InvertedDiscount),
        ("check_min_count", ForgetsMinCount),
        ("check_formula", ForgetsRoot),
    ],
)
def test_broken_sims_are_noticed(check, broken):
    with pytest.raises(AssertionError):
        CHECKS[check](broken)


# What counts as together

HALF_HOUR = 30 * 60


@pytest.mark.parametrize(
    ("cointeraction", "companions"),
    [
        ("basket", ["same second"]),
        ("session", ["half an hour", "same second"]),
        ("user", ["half an hour", "next day", "same second"]),
    ],
)
def test_cointeraction(cointeraction, companions):
    rows = [
        ("u", "a", 0),
        ("u", "same second", 0),
        ("u", "half an hour", HALF_HOUR),
        ("u", "next day", 86_400),
        ("v", "stranger", 0),
    ]
    model = sims(cointeraction=cointeraction).fit(events(rows))
    assert related(model, "a") == companions


def test_session_ends_after_the_gap():
    rows = [("u", "a", 0), ("u", "b", HALF_HOUR + 1)]
    assert related(sims().fit(events(rows)), "a") == []
    assert related(sims(session_gap_minutes=31).fit(events(rows)), "a") == ["b"]


def test_one_users_end_is_not_the_next_users_beginning():
    model = sims().fit(events([("u", "a", 5), ("v", "b", 6)]))
    assert related(model, "a") == []


def test_user_percentiles_leave_out_robots():
    visits = [["a", "b", "c"]] * 200 + [["a", "robot"] + [f"x{n}" for n in range(50)]]
    assert "robot" not in related(sims(max_user_history_length_percentile=0.995).fit(together(*visits)), "a")
    assert "robot" in related(sims().fit(together(*visits)), "a")


def test_user_percentiles_leave_out_passers_by():
    visits = [["a", "b"]] + [["a", "c", "d"]] * 9
    assert related(sims(min_user_history_length_percentile=0.2).fit(together(*visits)), "a") == ["c", "d"]


def test_best_sellers_count_by_their_newest_interactions():
    rows = [("old", 0)] * 20 + [("new", 1_000_000)] * 20
    rows = [(f"u{n:02}", item, time + step) for n, (other, time) in enumerate(rows) for step, item in enumerate((other, "hit"))]
    assert related(sims().fit(events(rows)), "hit") == ["new", "old"]
    capped = sims(max_item_interaction_count_percentile=0.4).fit(events(rows))  # 0.4 of 80 votes: an item of 20 interactions
    assert related(capped, "hit") == ["new"] and related(capped, "new") == ["hit"]
    np.testing.assert_allclose(capped.arrays["weights"][0, 0], 20 / np.sqrt(20 * 20))


def test_cap_does_not_depend_on_row_order():
    rng = np.random.default_rng(5)
    rows = [(f"u{user:02}", f"i{item}", 9) for user in range(40) for item in range(rng.integers(1, 6))]  # all in one second
    frame = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    models = [
        sims(max_item_interaction_count_percentile=0.5).fit(Dataset.from_frames("x", frame.sample(frac=1, random_state=n)))
        for n in range(3)
    ]
    assert len({model.arrays["weights"].tobytes() for model in models}) == 1


def test_rare_items_are_left_out():
    visits = together(*[["a", "b"]] * 20, ["a", "rare"])
    assert related(sims(min_item_interaction_count_percentile=0.05).fit(visits), "a") == ["b"]
    assert related(sims().fit(visits), "a") == ["b", "rare"]


def test_neighbours_are_cut():
    model = sims(neighbours=2).fit(together(["a", "b", "c", "d", "e"]))
    assert model.arrays["ids"].shape == (5, 2) and related(model, "e") == ["a", "b"]


# Answers


def test_history_weighs_newest_most():
    model = sims(history_decay=1.25).fit(BREAKFAST)
    bread, butter, milk = 0, 1, 2
    score = model.score(Histories.of([[butter, milk]]))[0, bread]
    np.testing.assert_allclose(score, 1 / np.sqrt(3) + 2 / np.sqrt(6) * 2**-1.25, rtol=1e-6)
    flat = replace(sims(), history_decay=0.0).fit(BREAKFAST).score(Histories.of([[butter, milk]]))[0, bread]
    np.testing.assert_allclose(flat, 1 / np.sqrt(3) + 2 / np.sqrt(6), rtol=1e-6)


def test_unknown_events_of_a_history_are_passed_over():
    model = sims().fit(BREAKFAST)
    assert (model.score(Histories.of([[1, -1, 2, -1]])) == model.score(Histories.of([[1, 2]]))).all()


def test_thin_item_is_answered_with_popular_items():
    visits = together(*[["a", "b"]] * 3, *[["c", "b"]] * 4, ["thin", "a"])
    model = sims(min_cointeraction_count=3).fit(visits)
    names = model.item_ids.names(model.similar(model.item_ids.codes(["thin", "nobody"]), 4)[0])
    assert names.tolist() == [["b", "a", "c", None], ["b", "a", "c", "thin"]]  # 7, 4, 4 and 1 users


def test_items_without_evidence_follow_by_popularity():
    visits = together(["a", "z"], *[["p", "q"]] * 3, ["q", "r"])
    model = sims().fit(visits)
    assert model.item_ids.names(model.similar(model.item_ids.codes(["a"]), 4)[0])[0].tolist() == ["z", "q", "p", "r"]


@pytest.mark.parametrize("fault", ["range", "shape", "type", "missing", "nan"])
def test_forged_arrays_are_refused(fault):
    model = sims().fit(BREAKFAST)
    arrays = {name: array.copy() for name, array in model.arrays.items()}
    if fault == "range":
        arrays["ids"][0, 0] = 3
    elif fault == "shape":
        arrays["weights"] = arrays["weights"][:, :1]
    elif fault == "type":
        arrays["ids"] = arrays["ids"].astype(np.float32)
    elif fault == "missing":
        del arrays["users"]
    else:
        arrays["weights"][0, 0] = np.nan
    with pytest.raises(ValueError):
        SimsModel(model.recipe, model.item_ids, arrays).check()


def test_forged_file_is_refused(tmp_path):
    model = sims().fit(BREAKFAST)
    ids = model.arrays["ids"].copy()
    ids[0, 0] = 1_000_000
    SimsModel(model.recipe, model.item_ids, dict(model.arrays) | {"ids": ids}).save(tmp_path / "forged")
    with pytest.raises(InputError, match="not hold a sound aws-sims model: a neighbour lies outside the catalogue"):
        recipes.load(tmp_path / "forged")


def test_service_defaults():
    defaults = Sims().hyperparameters
    assert defaults["popularity_discount_factor"] == 0.5 and defaults["min_cointeraction_count"] == 3
    assert [value for name, value in defaults.items() if name.endswith("percentile")] == [0.005, 0.995, 0.01, 0.9]


def test_quality_on_real_data(data_dir):
    record = evaluation.evaluate(load("online-retail"), "aws-sims", seed=0)
    assert record.metrics["normalized_discounted_cumulative_gain_at_25"] >= 0.16
