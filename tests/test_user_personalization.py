"""User-Personalization: the own history decides where it should, new events and new items count at once, the blend is never worse
than its parts; and a broken blend that is."""

import numpy as np
import pandas as pd
import pytest
import recipe_contract as contract
from safetensors.numpy import load_file

from helpers import datasets, evaluation, metrics, recipes, splits
from helpers.datasets import Dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes import blend
from helpers.recipes.model_files import write_model_files
from helpers.recipes.questions import hold_out
from helpers.recipes.top_k import top_k
from helpers.recipes.user_personalization import UserPersonalization

DAY = 86_400
SMALL = UserPersonalization(hidden_dimension=32, epochs=1)


def rebuyers(n_users=60, n_items=40) -> Dataset:
    """Each user takes the same two items on every one of ten visits, and two others at random: only the own history can tell."""
    rng = np.random.default_rng(5)
    rows = []
    for user in range(n_users):
        own = [user % n_items, (user * 7 + 3) % n_items]
        for visit in range(10):
            taken = [*own, *rng.choice(n_items, 2, replace=False)]
            rows += [(f"u{user:02}", f"i{item:02}", visit * 7 * DAY + user * 600 + step) for step, item in enumerate(taken)]
    items = pd.DataFrame({"ITEM_ID": [f"i{item:02}" for item in range(n_items)], "COLOUR": ["red", "blue"] * (n_items // 2)})
    return Dataset.from_frames("rebuyers", pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]), items)


@pytest.fixture(scope="module")
def again():
    return rebuyers()


@pytest.fixture(scope="module")
def model(again):
    return SMALL.fit(again)


@pytest.fixture(scope="module")
def shop():
    """The gift shop, half of its users: training part, questions, and a model fitted on the first."""
    whole = datasets.load("gift-shop")
    half = whole.with_interactions(whole.interactions.keep(whole.interactions.users % 2 == 0))
    parts = splits.split(half.interactions, "personalize", seed=0)
    train = half.with_interactions(parts.train)
    return train, parts, UserPersonalization(hidden_dimension=32, epochs=2).fit(train)


def next_week(histories):
    return histories.at(10 * 7 * DAY)


# The own history


def check_own_history_decides(model, data):
    """At the start of a next visit the two items of all visits stand first."""
    histories = next_week(data.interactions.histories)
    first = model.recommend(histories, 2)[0]
    expected = [{user % 40, (user * 7 + 3) % 40} for user in range(60)]
    assert np.mean([set(row) == own for row, own in zip(first.tolist(), expected, strict=True)]) >= 0.9


def test_own_history_decides(model, again):
    check_own_history_decides(model, again)


def test_a_blend_without_own_history_is_noticed(model, again):
    weights = model.arrays["blend"].copy()
    weights[:, len(blend.EVIDENCE) :] = 0
    with pytest.raises(AssertionError):
        check_own_history_decides(with_blend(model, weights), again)


def with_blend(model, weights):
    return type(model)(model.recipe, model.item_ids, model.arrays | {"blend": weights.astype(np.float32)})


def test_scores_are_the_weighted_evidence(model, again):
    batch = next_week(contract.queries(again))
    rows = [0, 5, 11]
    histories = batch.take(np.array(rows))
    weights = model.arrays["blend"][model.situations(histories)]
    by_hand = np.einsum("kni,nk->ni", np.stack(model.parts(histories)), weights[:, : len(blend.EVIDENCE)])
    own = model.own_history(histories)
    for row, item, features in zip(own.rows, own.items, own.features, strict=True):
        by_hand[row, item] += features @ weights[row, len(blend.EVIDENCE) :]
    np.testing.assert_allclose(model.logits(histories), by_hand, rtol=1e-3, atol=1e-3)


def test_training_by_hand(model, again):
    """Hold out, train the parts on the rest, blend on what was held out, train the parts on everything."""
    held = hold_out(again.interactions, SMALL.session_gap, seed=0)
    weights = SMALL.fit_blend(SMALL.fit_parts(again.with_interactions(held.learn)), held)
    np.testing.assert_array_equal(weights, model.arrays["blend"])
    parts = SMALL.fit_parts(again)
    for name in ("net.answer.bias", "companions.ids", "linear.data", "repeats"):
        np.testing.assert_array_equal(parts.arrays[name], model.arrays[name])


def test_scores_sum_to_one(model, again):
    scores = model.score(contract.queries(again))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    assert (scores > 0).all()


# What is new counts at once


def test_a_new_event_changes_the_next_list(model):
    ago, now = 9 * 7 * DAY, 10 * 7 * DAY
    before = Histories.of([[4, 9]], [[ago, ago]]).at(now)
    after = Histories.of([[4, 9, 17]], [[ago, ago, now]]).at(now)
    one, two = model.score(before)[0], model.score(after)[0]
    assert (model.recommend(before, 10)[0] != model.recommend(after, 10)[0]).any()
    assert two[17] < one[17]  # nobody takes the same item twice within a visit ...
    next_visit = now + 7 * DAY
    assert model.score(after.at(next_visit))[0, 17] > 1.2 * model.score(before.at(next_visit))[0, 17]  # ... but on the next one


def test_the_situation_follows_the_clock(model):
    last = model.trained_until
    history = Histories.of([[1, 2]], [[last - 40, last - 20]])
    names = [blend.SITUATIONS[model.situations(history.at(last + wait))[0]] for wait in (-20, 0, 60, 7 * DAY)]
    assert names == ["inside a visit", "inside a visit", "inside a visit, live", "a visit begins, live"]
    early = Histories.of([[1, 2]], [[0, 20]]).at(last - DAY)
    assert blend.SITUATIONS[model.situations(early)[0]] == "a visit begins"


# New items


def with_new_items(data: Dataset, *more: tuple[str, str]) -> Dataset:
    items = pd.concat([data.items.reset_index(), pd.DataFrame(more, columns=["ITEM_ID", "COLOUR"])])
    return Dataset.from_frames(data.name, data.interactions.frame(), items)


@pytest.fixture(scope="module")
def colours():
    """Users who take red items or blue items only, and a model of it."""
    data, _ = contract.checkerboard()
    return data, UserPersonalization(hidden_dimension=32, epochs=8).fit(data)


def test_update_makes_new_items_recommendable_by_their_attributes(colours):
    data, model = colours
    newer = with_new_items(data, ("i20", "black"), ("i21", "white"))
    updated = model.update(newer)
    assert updated.item_ids == newer.interactions.item_ids and updated.arrays["cold"].tolist() == [False] * 20 + [True] * 2
    scores = updated.score(newer.interactions.histories)
    even = np.arange(40) % 2 == 0
    assert (scores[even, 20] > scores[even, 21]).mean() >= 0.9 and (scores[~even, 21] > scores[~even, 20]).mean() >= 0.9
    answer, _ = updated.explore(newer.interactions.histories, 8, weight=1.0)
    assert np.isin([20, 21], answer).all()


def test_update_keeps_what_was_known(colours):
    data, model = colours
    histories = data.interactions.histories
    updated = model.update(with_new_items(data, ("h99", "black")))  # the new item comes first: all codes move
    assert updated.item_ids.ids[0] == "h99"
    moved = Histories(histories.items + 1, histories.timestamps, histories.offsets, histories.users)
    before, after = model.score(histories), updated.score(moved)[:, 1:]
    np.testing.assert_allclose(after / after.sum(axis=1, keepdims=True), before, rtol=0.05, atol=1e-3)
    assert updated.recipe == model.recipe
    for name in ("blend", "net.user_gru.weight_ih_l0", "net.items.tokens.weight"):
        np.testing.assert_array_equal(updated.arrays[name], model.arrays[name])


def test_update_with_the_same_data_changes_nothing(colours):
    data, model = colours
    updated = model.update(data)
    contract.assert_same_arrays(updated, model)
    assert (updated.score(data.interactions.histories) == model.score(data.interactions.histories)).all()


def test_update_learns_the_newest_events_without_training(model, again):
    frame = again.interactions.frame()
    late = pd.DataFrame({"USER_ID": [f"u{n:02}" for n in range(50)], "ITEM_ID": "i33", "TIMESTAMP": 10 * 7 * DAY})
    more = Dataset.from_frames("more", pd.concat([frame, late]), again.items.reset_index())
    updated = model.update(more)
    asked = Histories.of([[1, 2]], [[0, 0]]).at(10 * 7 * DAY + 1)
    assert updated.trained_until == 10 * 7 * DAY
    assert updated.recommend(Histories.of([[]]), 1)[0][0, 0] == 33  # the popular list of new users
    trend = blend.EVIDENCE.index("7-day trend")
    asked = asked.at(11 * 7 * DAY)
    assert updated.parts(asked)[trend][0, 33] > model.parts(asked)[trend][0, 33]


def test_an_updated_model_can_be_saved(colours, tmp_path):
    data, model = colours
    updated = model.update(with_new_items(data, ("i20", "black")))
    updated.save(tmp_path / "model")
    contract.assert_same_arrays(recipes.load(tmp_path / "model"), updated)


def test_update_without_the_table_of_users_is_refused(shop):
    train, _, model = shop
    bare = Dataset(train.name, train.interactions, train.items, schemas=train.schemas)
    with pytest.raises(InputError, match="trained with attributes of users"):
        model.update(bare)


# Exploration


def test_exploration_shows_new_items_the_more_the_larger_the_weight(model, again):
    updated = model.update(with_new_items(again, ("i40", "red"), ("i41", "blue")))
    histories = next_week(again.interactions.histories)

    def shown(weight):
        lists = [updated.explore(histories, 5, weight=weight, age_cut_off=8, request=request)[0] for request in range(5)]
        return np.isin(lists, [40, 41]).sum()

    counts = [shown(weight) for weight in (0, 0.3, 1.0)]
    assert counts[0] < counts[1] < counts[2]
    plain, _ = updated.recommend(histories, 5)
    assert (updated.explore(histories, 5, weight=0)[0] == plain).all()
    assert (updated.explore(histories, 5, weight=1.0, age_cut_off=0)[0] == plain).all()
    default, scores = updated.explore(histories, 5, age_cut_off=8)
    assert (default == updated.explore(histories, 5, weight=0.3, age_cut_off=8)[0]).all()  # the recipe's own weight
    assert (np.diff(scores, axis=1) <= 0).all()


def test_exploration_is_the_same_for_the_same_user_seed_and_request_in_any_batch(colours):
    data, model = colours
    histories = data.interactions.histories
    ask = {"weight": 1.0, "age_cut_off": 365, "seed": 3, "request": 4}
    together = model.explore(histories, 5, **ask)[0]
    for row in (0, 7, 39):
        assert (model.explore(histories.take([row]), 5, **ask)[0][0] == together[row]).all()
    other = model.explore(histories, 5, **ask | {"request": 5})[0]
    assert (other != together).any()
    often = model.explore(histories, 5, **ask, shown=np.full(20, 10**9))[0]
    assert (often == model.recommend(histories, 5)[0]).all()  # everything was shown so often that nothing is left to learn
    allowed = np.arange(20) < 7
    assert model.explore(histories, 5, **ask, allowed=allowed)[0].max() < 7


# Never worse than its parts


def ndcg(lists, parts):
    return metrics.per_user(lists, parts.truth)[evaluation.NDCG]


def check_not_worse_than_its_parts(model, parts):
    whole = ndcg(evaluation.rank_catalogue(model, parts.inputs), parts)
    for name, scores in zip(blend.EVIDENCE, model.parts(parts.inputs), strict=True):
        test = metrics.paired_test(whole, ndcg(top_k(scores, 25)[0], parts), resamples=500)
        assert test.difference.mean > 0 or not test.significant, f"worse than {name}: {test}"


def test_not_worse_than_its_parts(shop):
    _, parts, model = shop
    check_not_worse_than_its_parts(model, parts)
    assert ndcg(evaluation.rank_catalogue(model, parts.inputs), parts).mean() > 0.25


def test_a_blend_worse_than_its_parts_is_noticed(shop):
    _, parts, model = shop
    with pytest.raises(AssertionError, match="worse than"):
        check_not_worse_than_its_parts(with_blend(model, -model.arrays["blend"]), parts)


# Context


def test_context_changes_the_answer_in_the_direction_of_the_data(shop):
    train, parts, model = shop
    asked = parts.inputs.take(slice(0, 40))
    plain, mobile, desktop = (model.score(asked, context) for context in (None, {"DEVICE": "mobile"}, {"DEVICE": "desktop"}))
    assert np.abs(mobile - desktop).sum(axis=1).min() > 1e-4
    devices, items = train.interactions.columns["DEVICE"], train.interactions.items
    counts = [np.bincount(items[devices == device], minlength=model.n_items) for device in ("mobile", "desktop")]
    often = counts[0] + counts[1] >= 30
    in_data = np.log((counts[0] + 1) / (counts[1] + 1))[often]
    in_scores = np.log(mobile / desktop).mean(axis=0)[often]
    assert np.corrcoef(in_data, in_scores)[0, 1] > 0.2
    for unknown in ({"DEVICE": "fridge"}, {"MOOD": "good"}):
        np.testing.assert_allclose(model.score(asked, unknown), plain, rtol=1e-4)


# Files


def damage(name, change):
    return lambda arrays: arrays | {name: change(arrays[name].copy())}


def _set(place, value):
    def change(array):
        array[place] = value
        return array

    return change


TAMPERED = {
    "a part is missing": lambda arrays: {name: array for name, array in arrays.items() if name != "repeats"},
    "the blend has a row too few": damage("blend", lambda a: a[:-1]),
    "a weight is no number": damage("blend", _set((0, 0), np.nan)),
    "a companion lies outside": damage("companions.ids", _set((0, 0), 40)),
    "companions without weights": damage("companions.weights", lambda a: a[:, :-1]),
    "the linear model points outside": damage("linear.indices", _set(0, 40)),
    "the linear model's offsets go back": damage("linear.offsets", _set(3, 10**6)),
    "the linear model ends elsewhere": damage("linear.offsets", _set(-1, 0)),
    "times of another type": damage("created", lambda a: a.astype(np.int32)),
    "two ends": damage("until", lambda a: np.append(a, 1)),
    "a smaller network": damage("net.answer.bias", lambda a: a[:-1]),
}


@pytest.mark.parametrize("tampering", TAMPERED)
def test_tampered_files_are_refused(model, tmp_path, tampering):
    model.save(tmp_path / "sound")
    arrays = load_file(tmp_path / "sound" / "arrays.safetensors")
    about = {
        "recipe": model.recipe.name,
        "hyperparameters": model.recipe.hyperparameters,
        "item_ids": model.item_ids.ids.tolist(),
    }
    write_model_files(tmp_path / "rewritten", about, arrays)
    recipes.load(tmp_path / "rewritten")  # writing it anew is no fault by itself
    write_model_files(tmp_path / "tampered", about, TAMPERED[tampering](arrays))
    with pytest.raises(InputError, match="does not hold a sound aws-user-personalization model"):
        recipes.load(tmp_path / "tampered")
