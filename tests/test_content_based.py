"""Content-based filtering: likeness of titles and attributes, with and without a schema."""

import numpy as np
import pandas as pd
import pytest

from helpers import recipes
from helpers.datasets import Dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.content_based import ContentBased, ContentModel
from helpers.recipes.features import item_vectors
from helpers.schemas import Field, Schema

ITEMS = pd.DataFrame(
    {
        "ITEM_ID": ["a", "b", "c", "d", "e"],
        "TITLE": ["Red tea pot", "red TEA cup", "Garden spade", "garden rake", None],
        "KIND": ["kitchen|gift", "kitchen", "garden", "garden|gift", None],
        "PRICE": [10.0, 5.0, 20.0, 15.0, np.nan],
    }
)
EVENTS = pd.DataFrame([("u", "a", 1), ("u", "c", 2), ("v", "c", 3)], columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])


def dataset(items=ITEMS, **schemas):
    return Dataset.from_frames("kitchen", EVENTS, items, **schemas)


def cosines(data):
    vectors = item_vectors(data)
    return (vectors @ vectors.T).toarray()


def test_words_ignore_case_and_share_weight():
    text = {"Items": Schema("Items", (Field("ITEM_ID", "string"), Field("TITLE", "string", nullable=True, textual=True)))}
    likeness = cosines(dataset(ITEMS[["ITEM_ID", "TITLE"]], schemas=text))
    assert likeness[0, 1] > 0 and likeness[2, 3] > 0 and likeness[0, 2] == 0
    np.testing.assert_allclose(np.diag(likeness), [1, 1, 1, 1, 0], rtol=1e-6)  # the item without a title has no vector


def test_categories_by_hand():
    kinds = {"Items": Schema("Items", (Field("ITEM_ID", "string"), Field("KIND", "string", nullable=True, categorical=True)))}
    likeness = cosines(dataset(ITEMS[["ITEM_ID", "KIND"]], schemas=kinds))
    # gift and kitchen stand on two items each: equal weights, so "kitchen|gift" against "kitchen" is 1 / sqrt(2)
    assert likeness[0, 1] == pytest.approx(1 / np.sqrt(2)) and likeness[0, 3] == pytest.approx(0.5) and likeness[1, 2] == 0


def test_numbers_fall_into_bins():
    items = pd.DataFrame({"ITEM_ID": [f"i{n:02}" for n in range(20)], "PRICE": np.arange(20.0)})
    events = pd.DataFrame([("u", "i00", 1)], columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    likeness = cosines(Dataset.from_frames("prices", events, items))
    assert (likeness > 0.99).sum(axis=1).tolist() == [2] * 20  # deciles of twenty prices: pairs
    assert likeness[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("constant", [3.0, np.nan])
def test_a_number_that_is_the_same_everywhere_is_no_error(constant):
    items = ITEMS[["ITEM_ID", "KIND"]].assign(PRICE=constant)
    assert item_vectors(dataset(items)).shape[0] == 5


def test_plain_strings_are_not_trained_on():
    fields = (
        Field("ITEM_ID", "string"),
        Field("TITLE", "string", nullable=True),
        Field("KIND", "string", nullable=True, categorical=True),
    )
    with_title = item_vectors(dataset(ITEMS[["ITEM_ID", "TITLE", "KIND"]], schemas={"Items": Schema("Items", fields)}))
    assert with_title.shape[1] == 3  # kitchen, gift, garden


def test_without_a_schema_columns_are_inferred():
    assert item_vectors(dataset()).shape[1] > 3


def test_recommends_what_resembles_the_history():
    model = ContentBased().fit(dataset())
    tea_drinker, gardener, new = model.recommend(Histories.of([[0], [2], []]), 2, np.array([False, True, False, True, True]))[0]
    assert tea_drinker[0] == 1 and gardener[0] == 3
    assert new.tolist() == [1, 3]  # nobody took b, d or e: equally popular, so by id


def test_cold_items_are_found():
    answer = ContentBased().fit(dataset()).similar(np.array([2]), 1)[0]
    assert answer.tolist() == [[3]]  # nobody ever took the rake


def test_newest_event_weighs_most():
    model = ContentBased(history_decay=2.0).fit(dataset())
    scores = model.score(Histories.of([[0, 2], [2, 0]]))
    assert scores[0, 3] > scores[0, 1] and scores[1, 1] > scores[1, 3]
    np.testing.assert_allclose(
        scores[0, 3], (item_likeness(model, 2, 3) + item_likeness(model, 0, 3) / 4) / (1 + 1 / 4), rtol=1e-5
    )


def item_likeness(model, one, other):
    return (model.vectors[one] @ model.vectors[other].T).toarray()[0, 0]


def test_item_without_attributes_is_answered_with_popular_items():
    model = ContentBased().fit(dataset())
    assert model.similar(np.array([4]), 2)[0].tolist() == [[2, 0]]  # c has two users, a one


def test_no_item_data_is_refused():
    with pytest.raises(InputError, match="kitchen: no item data"):
        ContentBased().fit(dataset(items=None))


def test_item_data_that_says_nothing_is_refused():
    with pytest.raises(InputError, match="no usable text, category or number"):
        ContentBased().fit(dataset(pd.DataFrame({"ITEM_ID": ["a"], "KIND": [None]}).astype({"KIND": "object"})))


@pytest.mark.parametrize("fault", ["indices", "offsets", "rising", "n_tokens"])
def test_forged_arrays_are_refused(fault):
    model = ContentBased().fit(dataset())
    arrays = {name: array.copy() for name, array in model.arrays.items()}
    if fault == "indices":
        arrays["indices"][0] = 10_000
    elif fault == "offsets":
        arrays["offsets"][-1] += 1
    elif fault == "rising":
        arrays["offsets"][1] = arrays["offsets"][-1] + 5
    else:
        arrays["n_tokens"][0] = 1
    with pytest.raises(ValueError):
        ContentModel(model.recipe, model.item_ids, arrays).check()


def test_name_cannot_be_taken_for_a_recipe_of_the_service():
    assert all(name.startswith("aws-") or name.startswith("local-") for name in recipes.names())
    assert ContentBased.name == "local-content-based"
