"""Every registered recipe keeps every promise of the contract, and the contract notices recipes that do not."""

from dataclasses import dataclass

import numpy as np
import pytest
import recipe_contract as contract
import segment_contract

from helpers import recipes
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.base import USER_SEGMENTATION
from helpers.recipes.item_affinity import ItemAffinity, ItemAffinityModel
from helpers.recipes.item_attribute_affinity import ItemAttributeAffinity, ItemAttributeAffinityModel
from helpers.recipes.personalized_ranking import PersonalizedRanking, PersonalizedRankingModel
from helpers.recipes.popularity_count import PopularityCount, PopularityModel, count_unique_users
from helpers.recipes.sims import Sims, SimsModel


def promises(recipe):
    """Return the checks that a recipe has to pass, by name."""
    if recipes.get(recipe).type != USER_SEGMENTATION:
        return contract.CHECKS
    return {name: contract.CHECKS[name] for name in contract.FOR_ALL_TYPES} | segment_contract.CHECKS


@pytest.mark.parametrize(("recipe", "promise"), [(recipe, promise) for recipe in recipes.names() for promise in promises(recipe)])
def test_contract(recipe, promise, tmp_path):
    promises(recipe)[promise](recipes.get(recipe), tmp_path)


def test_registry_names_are_the_recipes_own():
    assert all(name == recipe.name == recipes.get(name).name for name, (recipe, _) in recipes.REGISTRY.items())
    assert recipes.get("arn:aws:personalize:::recipe/aws-sims") is Sims


def test_unknown_recipe_names_the_nearest():
    with pytest.raises(InputError, match="unknown recipe 'aws-sim'. Did you mean 'aws-sims'"):
        recipes.get("aws-sim")


def test_describe_has_a_row_a_hyperparameter():
    table = recipes.describe()
    assert set(table.recipe) == set(recipes.names())
    assert list(table[table.recipe == "aws-popularity-count"].meaning) == ["no hyperparameters"]
    row = table[table.hyperparameter == "popularity_discount_factor"].iloc[0]
    assert (row.default, row.range, bool(row.tunable)) == (0.5, "[0, 1]", True)


def test_large_batches_are_worked_through_in_blocks(monkeypatch):
    dataset = contract.small_shop()
    model, batch = contract.fit(Sims, dataset), contract.queries(dataset)
    allowed = contract.unseen(batch, model.n_items)
    whole = model.recommend(batch, 5, allowed)[0]
    monkeypatch.setattr("helpers.recipes.base._BLOCK_CELLS", 3 * model.n_items)
    assert (model.recommend(batch, 5, allowed)[0] == whole).all()


def test_interrupted_save_leaves_nothing(monkeypatch, tmp_path):
    def fails(*_):
        raise KeyboardInterrupt

    model = contract.fit(Sims, contract.small_shop())
    monkeypatch.setattr("helpers.recipes.model_files.save_file", fails)
    with pytest.raises(KeyboardInterrupt):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


# Deliberately broken recipes: each breaks one promise, and the check of that promise must notice.


class LeakyModel(SimsModel):
    """Ignores what is allowed."""

    def recommend(self, histories, k=25, allowed=None, context=None):
        return super().recommend(histories, k, None, context)


class BackwardsModel(SimsModel):
    """Lists the worst of its best items first."""

    def recommend(self, histories, k=25, allowed=None, context=None):
        items, scores = super().recommend(histories, k, allowed, context)
        return items[:, ::-1], scores


class TiesLastModel(PopularityModel):
    """Breaks ties by the larger id."""

    def recommend(self, histories, k=25, allowed=None, context=None):
        n = self.n_items
        return np.array([np.lexsort((-np.arange(n), -row))[:k] for row in self.score(histories)], np.int32), None


class BatchModel(SimsModel):
    """Scores a user by the whole batch."""

    def score(self, histories, context=None):
        return super().score(histories, context) + super().score(histories, context).sum(axis=0)


class SilentModel(SimsModel):
    """Has nothing to say to a new user."""

    def score(self, histories, context=None):
        scores = super().score(histories, context)
        scores[histories.lengths == 0] = 0
        return scores


class ForgetfulModel(SimsModel):
    """Answers every query item with the popular list."""

    def score(self, histories, context=None):
        return super().score(Histories.of([[] for _ in range(len(histories))]), context)


class UnknownFirstModel(PersonalizedRankingModel):
    """Lists unknown items first."""

    def rank(self, histories, candidates, context=None):
        order, scores = super().rank(histories, candidates, context)
        return order[:, ::-1], scores[:, ::-1]


class ScribblingModel(SimsModel):
    """Writes into the caller's mask."""

    def recommend(self, histories, k=25, allowed=None, context=None):
        if allowed is not None:
            allowed[:] = False
        return super().recommend(histories, k, allowed, context)


def _with_model(model, base=Sims):
    @dataclass(frozen=True)
    class Broken(base):
        def fit(self, dataset, seed=0):
            sound = super().fit(dataset, seed)
            return model(self, sound.item_ids, sound.arrays)

    return Broken


class UnseededSims(Sims):
    """Adds noise that no seed governs."""

    def fit(self, dataset, seed=0):
        sound = super().fit(dataset, seed)
        noise = np.random.default_rng().random(sound.arrays["weights"].shape, np.float32)
        return SimsModel(self, sound.item_ids, dict(sound.arrays) | {"weights": sound.arrays["weights"] * (1 + noise)})


class CodeLovingCount(PopularityCount):
    """Prefers items by their code: renaming items changes the answer."""

    def fit(self, dataset, seed=0):
        users = count_unique_users(dataset.interactions) + np.arange(dataset.interactions.n_items) ** 2
        return PopularityModel(self, dataset.interactions.item_ids, {"users": users})


BROKEN = {
    "stays_within_allowed": _with_model(LeakyModel),
    "descending_ties_by_id": _with_model(BackwardsModel),
    "single_is_batch_row": _with_model(BatchModel),
    "unknown_gets_popular": _with_model(SilentModel),
    "checkerboard": _with_model(ForgetfulModel),
    "changes_nothing": _with_model(ScribblingModel),
    "rank": _with_model(UnknownFirstModel, PersonalizedRanking),
    "same_seed_same_bytes": UnseededSims,
    "names_are_free": CodeLovingCount,
}


@pytest.mark.parametrize("promise", BROKEN)
def test_contract_notices(promise, tmp_path):
    with pytest.raises(AssertionError):
        contract.CHECKS[promise](BROKEN[promise], tmp_path)


def test_contract_notices_wrong_ties(tmp_path):
    with pytest.raises(AssertionError):
        contract.check_descending_ties_by_id(_with_model(TiesLastModel, PopularityCount), tmp_path)


# The same for segments.


class DeafItemModel(ItemAffinityModel):
    """Ignores the query: the most active users for everything."""

    def items_of(self, query):
        super().items_of(query)
        return np.empty(0, np.int32)


class DeafAttributeModel(ItemAttributeAffinityModel):
    """Ignores what the query says and looks at the whole catalogue."""

    def items_of(self, query):
        super().items_of(query)
        return np.arange(self.n_items, dtype=np.int32)


class OpenModel(ItemAffinityModel):
    """Ignores who is allowed."""

    def segments(self, queries, k=25, allowed=None):
        return super().segments(queries, k)


class GuessingModel(ItemAffinityModel):
    """Answers an unknown item with anything."""

    def items_of(self, query):
        return np.array([0], np.int32)


class RoundedModel(ItemAffinityModel):
    """Breaks ties by the larger code."""

    def _answer_block(self, sets, k, allowed):
        users, likelihoods = super()._answer_block(sets, self.n_users, allowed)
        order = np.lexsort((-users, -likelihoods.round(1)))[:, :k]
        return np.take_along_axis(users, order, axis=1), np.take_along_axis(likelihoods, order, axis=1)


class CompanyModel(ItemAffinityModel):
    """Judges a query by what else is asked."""

    def _likely(self, sets):
        likely = super()._likely(sets)
        return likely / (1 + likely.mean(axis=0))


BROKEN_SEGMENTS = [
    ("checkerboard", _with_model(DeafItemModel, ItemAffinity)),
    ("checkerboard", _with_model(DeafAttributeModel, ItemAttributeAffinity)),
    ("stays_within_allowed", _with_model(OpenModel, ItemAffinity)),
    ("unknown_is_refused", _with_model(GuessingModel, ItemAffinity)),
    ("descending_ties_by_code", _with_model(RoundedModel, ItemAffinity)),
    ("single_is_batch_row", _with_model(CompanyModel, ItemAffinity)),
]


@pytest.mark.parametrize(
    ("promise", "recipe"), BROKEN_SEGMENTS, ids=[f"{promise}-{n}" for n, (promise, _) in enumerate(BROKEN_SEGMENTS)]
)
def test_contract_notices_in_segments(promise, recipe, tmp_path):
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        segment_contract.CHECKS[promise](recipe, tmp_path)
