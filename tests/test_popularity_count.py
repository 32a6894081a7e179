"""Popularity-Count counts people, not clicks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from helpers.datasets import Dataset, toy_dataset
from helpers.interactions import Histories
from helpers.recipes.popularity_count import PopularityCount, PopularityModel, count_unique_users

ONE_FAN = {"u1": ["hit"], "u2": ["hit"], "u3": ["hit", "niche", "niche", "niche", "niche"], "u4": ["pair"], "u5": ["pair"]}


def check_unique_users(recipe):
    model = recipe().fit(toy_dataset("fan", ONE_FAN))
    items, scores = model.recommend(Histories.of([[], [2]]), 3)
    assert model.item_ids.names(items).tolist() == [["hit", "pair", "niche"]] * 2  # 3, 2 and 1 users; niche has most events
    assert scores is None  # the service shows no scores for this recipe


def test_counts_unique_users():
    check_unique_users(PopularityCount)
    assert count_unique_users(toy_dataset("fan", ONE_FAN).interactions).tolist() == [3, 1, 2]


@dataclass(frozen=True)
class CountsEvents(PopularityCount):
    def fit(self, dataset, seed=0):
        events = np.bincount(dataset.interactions.items, minlength=dataset.interactions.n_items)
        return PopularityModel(self, dataset.interactions.item_ids, {"users": events})


def test_counting_events_is_noticed():
    with pytest.raises(AssertionError):
        check_unique_users(CountsEvents)


def test_ties_by_id_and_items_nobody_took_come_last():
    frame = pd.DataFrame([("u", "b", 1), ("u", "c", 1)], columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    model = PopularityCount().fit(Dataset.from_frames("x", frame, pd.DataFrame({"ITEM_ID": ["a", "b", "c", "d"]})))
    assert model.item_ids.names(model.recommend(Histories.of([[]]), 4)[0])[0].tolist() == ["b", "c", "a", "d"]


def test_agrees_with_pandas():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"USER_ID": rng.integers(0, 50, 500).astype(str), "ITEM_ID": rng.integers(0, 40, 500).astype(str)})
    frame["TIMESTAMP"] = rng.integers(0, 1000, 500)
    interactions = Dataset.from_frames("random", frame).interactions
    expected = frame.groupby("ITEM_ID").USER_ID.nunique().reindex(interactions.item_ids.ids)
    assert count_unique_users(interactions).tolist() == expected.tolist()
