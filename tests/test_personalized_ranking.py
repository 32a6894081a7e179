"""Personalized-Ranking: the order of User-Personalization restricted to a list; ties, unknown items, empty lists, wrong forms."""

import numpy as np
import pytest
import recipe_contract as contract

from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.personalized_ranking import PersonalizedRanking, PersonalizedRankingModel
from helpers.recipes.user_personalization import UserPersonalization


@pytest.fixture(scope="module")
def shop():
    return contract.small_shop()


@pytest.fixture(scope="module")
def model(shop):
    return contract.fit(PersonalizedRanking, shop)


def lists(n, c, seed=0, n_items=31, low=0):
    """Draw ``n`` lists of ``c`` different items."""
    rng = np.random.default_rng(seed)
    return np.array([rng.permutation(np.arange(low, n_items))[:c] for _ in range(n)]).reshape(n, c)


def with_logits(model, row):
    """The same model, but every history gets these scores."""

    class Fixed(PersonalizedRankingModel):
        def logits(self, histories, context=None):
            return np.tile(np.asarray(row, np.float32), (len(histories), 1))

    return Fixed(model.recipe, model.item_ids, model.arrays)


def test_the_same_order_as_recommending_from_the_list_only(model, shop):
    batch = contract.queries(shop)
    candidates = lists(len(batch), 9)
    allowed = np.zeros((len(batch), model.n_items), bool)
    np.put_along_axis(allowed, candidates, True, axis=1)
    recommended = model.recommend(batch, 9, allowed)[0]
    order, scores = model.rank(batch, candidates)
    assert (np.take_along_axis(candidates, order, axis=1) == recommended).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    whole = np.take_along_axis(model.score(batch), recommended.astype(int), axis=1)
    np.testing.assert_allclose(scores, whole / whole.sum(axis=1, keepdims=True), rtol=1e-4)


def test_it_is_the_scorer_of_user_personalization(model, shop):
    batch = contract.queries(shop)
    twin = contract.fit(UserPersonalization, shop)
    np.testing.assert_array_equal(model.score(batch), twin.score(batch))


def test_scores_by_hand(model):
    fixed = with_logits(model, np.log(np.arange(1, 32)))  # item 0 counts 1, item 1 counts 2, ...
    order, scores = fixed.rank(Histories.of([[5]]), np.array([[0, 4, 2]]))
    assert order.tolist() == [[1, 2, 0]]
    np.testing.assert_allclose(scores, [[5 / 9, 3 / 9, 1 / 9]], rtol=1e-6)


def test_unknown_items_come_last_in_the_order_given(model):
    fixed = with_logits(model, np.arange(31.0))
    order, scores = fixed.rank(Histories.of([[5]] * 2), np.array([[-1, 3, -1, 8], [-1, -1, -1, -1]]))
    assert order.tolist() == [[3, 1, 0, 2], [0, 1, 2, 3]]
    assert np.isnan(scores).tolist() == [[False, False, True, True], [True] * 4]
    assert np.nansum(scores[0]) == pytest.approx(1)


def test_ties_go_by_item_id(model):
    fixed = with_logits(model, np.zeros(31))
    order, scores = fixed.rank(Histories.of([[5]]), np.array([[9, 2, 30, -1, 2]]))
    assert order.tolist() == [[1, 4, 0, 2, 3]]  # item 2 twice, in the order given, then 9, 30 and the unknown one
    assert scores[0, :4].tolist() == [0.25] * 4


def test_very_unlikely_items_still_have_an_order(model):
    fixed = with_logits(model, -1000.0 * np.arange(31))
    order, scores = fixed.rank(Histories.of([[5]]), np.array([[30, 29, 28]]))
    assert order.tolist() == [[2, 1, 0]] and scores[0].tolist() == [1, 0, 0]


def test_empty_lists_and_empty_batches(model):
    order, scores = model.rank(Histories.of([[1], []]), np.empty((2, 0), int))
    assert order.shape == scores.shape == (2, 0) and order.dtype == np.int64
    order, scores = model.rank(Histories.of([]), np.empty((0, 4), int))
    assert order.shape == scores.shape == (0, 4)


def test_a_new_user_gets_the_popular_items_of_the_list_first(model):
    candidates = lists(1, 12)
    order, _ = model.rank(Histories.of([[]]), candidates)
    ranked = candidates[0][order[0]]
    assert ranked.tolist() == sorted(candidates[0], key=lambda item: (-model.arrays["users"][item], item))


def test_a_list_is_ranked_alike_in_any_batch(model, shop, monkeypatch):
    batch = contract.queries(shop)
    candidates = lists(len(batch), 6)
    order, scores = model.rank(batch, candidates)
    monkeypatch.setattr("helpers.recipes.base._BLOCK_CELLS", 2 * model.n_items)
    in_blocks = model.rank(batch, candidates)
    assert (in_blocks[0] == order).all()
    np.testing.assert_allclose(in_blocks[1], scores, rtol=1e-4)


@pytest.mark.parametrize("candidates", [[1, 2], [[1, 2]], [[1], [2], [3]], [[[1]], [[2]]], 3])
def test_a_wrong_form_is_refused(model, candidates):
    with pytest.raises(InputError, match="one list for each of 2 histories"):
        model.rank(Histories.of([[0], [1]]), np.array(candidates))


@pytest.mark.parametrize("code", [31, -2])
def test_foreign_codes_are_refused(model, code):
    with pytest.raises(InputError, match="item code"):
        model.rank(Histories.of([[0]]), np.array([[1, code]]))
    with pytest.raises(InputError, match="item code"):
        model.rank(Histories.of([[code]]), np.array([[1, 2]]))


@pytest.mark.parametrize("candidates", [[[0.5, 1.0]], [["i01", "i02"]], [[True, False]]])
def test_anything_but_codes_is_refused(model, candidates):
    with pytest.raises(InputError, match="item codes"):
        model.rank(Histories.of([[0]]), np.array(candidates))
