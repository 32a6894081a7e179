"""Every registered recipe keeps every promise of the contract, and the contract notices recipes that do not."""

from dataclasses import dataclass

import numpy as np
import pytest
import recipe_contract as contract

from helpers import recipes
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.personalized_ranking import PersonalizedRanking, PersonalizedRankingModel
from helpers.recipes.popularity_count import PopularityCount, PopularityModel, count_unique_users
from helpers.recipes.sims import Sims, SimsModel


@pytest.mark.parametrize("promise", contract.CHECKS)
@pytest.mark.parametrize("recipe", recipes.names())
def test_contract(recipe, promise, tmp_path):
    contract.CHECKS[promise](recipes.get(recipe), tmp_path)


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
