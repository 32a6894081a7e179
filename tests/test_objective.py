"""Lists that favour an attribute: by the order of its values, and as much as the sensitivity says."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from personalize_lab import open_lab

from helpers import recipes
from helpers.datasets import Dataset
from helpers.errors import InputError
from helpers.recipes.objective import Favouring, ranks, values
from helpers.recipes.user_personalization import UserPersonalization

TINY = UserPersonalization(hidden_dimension=32, epochs=1)


def shop(n_users=60, n_items=30) -> Dataset:
    """Tastes at random, prices rising with the item's number, the last one without a price."""
    rng = np.random.default_rng(3)
    rows = [(f"u{u:02}", f"i{i:02}", u * 100 + step) for u in range(n_users) for step, i in enumerate(rng.choice(n_items, 12))]
    items = pd.DataFrame({"ITEM_ID": [f"i{i:02}" for i in range(n_items)], "PRICE": [*map(float, range(n_items - 1)), np.nan]})
    return Dataset.from_frames("prices", pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]), items)


def test_ranks_by_hand():
    assert ranks(np.array([10.0, 30.0, 20.0, np.nan])).tolist() == [1 / 6, 5 / 6, 3 / 6, 0.0]
    assert ranks(np.array([5.0, 5.0])).tolist() == [0.5, 0.5]  # equal values favour nobody


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30))
def test_only_the_order_of_the_values_counts(numbers):
    numbers = np.array(numbers, float)
    np.testing.assert_array_equal(ranks(numbers), ranks(7 + 3 * numbers))
    np.testing.assert_allclose(ranks(numbers) + ranks(-numbers), 1)


def test_the_stronger_the_dearer_and_off_is_nothing():
    data = shop()
    histories = data.interactions.of_users(np.arange(20))
    plain = TINY.fit(data)
    price = values(data, "PRICE")
    means = []
    for sensitivity in ("OFF", "LOW", "MEDIUM", "HIGH"):
        codes, scores = Favouring(TINY, "PRICE", sensitivity).fit(data).recommend(histories, 5)
        means.append(np.nanmean(price[codes]))
        if sensitivity == "OFF":
            np.testing.assert_array_equal(codes, plain.recommend(histories, 5)[0])
        assert (np.diff(scores, axis=1) <= 0).all()
    assert means == sorted(means) and means[-1] > means[0] + 1


def test_a_tilted_model_is_saved_and_updated_without_losing_its_order(tmp_path):
    data = shop()
    favouring = Favouring(TINY, "PRICE", "HIGH")
    model = favouring.fit(data)
    histories = data.interactions.of_users(np.arange(5))
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(recipes.load(tmp_path / "m").recommend(histories, 5)[0], model.recommend(histories, 5)[0])
    renewed = favouring.tilt(model.update(data), data)
    assert "tilt" not in model.update(data).arrays
    np.testing.assert_array_equal(renewed.recommend(histories, 5)[0], model.recommend(histories, 5)[0])


def test_what_cannot_be_favoured():
    data = shop()
    with pytest.raises(InputError, match="no attribute WEIGHT"):
        Favouring(TINY, "WEIGHT", "LOW").fit(data)
    with pytest.raises(InputError, match="objectiveSensitivity"):
        Favouring(TINY, "PRICE", "EXTREME")


def test_the_service_trains_with_an_objective(tmp_path):
    lab = open_lab(tmp_path / "home").shop(["Interactions", "Items"])
    small = {"hidden_dimension": "32", "epochs": "1"}
    lists = {}
    for sensitivity in ("OFF", "HIGH"):
        config = {
            "algorithmHyperParameters": small,
            "optimizationObjective": {"itemAttribute": "PRICE", "objectiveSensitivity": sensitivity},
        }
        campaign = lab.campaign("aws-user-personalization", sensitivity.lower(), solutionConfig=config)
        answer = lab.runtime.get_recommendations(campaignArn=campaign, userId="u1", numResults=10)["itemList"]
        lists[sensitivity] = np.mean([int(row["itemId"][1:]) for row in answer])  # item i07 costs 7
        assert [row["score"] for row in answer] == sorted((row["score"] for row in answer), reverse=True)
    assert lists["HIGH"] > lists["OFF"] + 3
    lab.service.close()
