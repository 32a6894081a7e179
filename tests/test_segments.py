"""The two segmentation recipes: cases one can follow by eye, damaged models, and what the weights learn from."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_contract import small_shop
from sklearn.linear_model import LogisticRegression

from helpers import recipes, splits
from helpers.datasets.dataset import Dataset, toy_dataset
from helpers.errors import InputError
from helpers.recipes import segment_weights
from helpers.recipes.attributes import Attributes
from helpers.recipes.item_affinity import ItemAffinity
from helpers.recipes.item_attribute_affinity import ItemAttributeAffinity
from helpers.recipes.segment_evidence import NAMES, PAIR, Evidence, gather
from helpers.recipes.segment_model import first_users, item_sets
from helpers.recipes.text_arrays import pack, unpack

TOY = {"ann": ["tea", "mug", "tea"], "bob": ["mug", "pan"], "cid": ["pan"], "dee": ["tea", "mug"]}


@pytest.fixture(scope="module")
def toy() -> tuple[Dataset, Evidence]:
    dataset = toy_dataset("toy", TOY)
    return dataset, Evidence(gather(dataset, 32, 0))


def evidence_of(toy, items: list[str]) -> pd.DataFrame:
    """Return each user's evidence for a set of items, before the logarithm and without the factors."""
    dataset, evidence = toy
    sets = item_sets([dataset.interactions.item_ids.codes(items)], dataset.interactions.n_items)
    units = np.array([1, 0.01, 0.01, 0.05, 0.01, 0.01, 0.01, 1])
    values = np.expm1(evidence.of(sets)[0][:, 0].astype(float)) * units[:, None]
    return pd.DataFrame(values, index=PAIR, columns=dataset.interactions.user_ids.ids)


def test_own_history_by_hand(toy):
    found = evidence_of(toy, ["tea"])
    assert found.loc["own"].round(4).tolist() == [2, 0, 0, 1]
    assert found.loc["own recent"].round(4).tolist() == [1 + 0.3333, 0, 0, 0.5]  # ann: newest, and two steps before it
    assert found.loc["own fresh", "ann"] == pytest.approx(1 + 1 / (1 + 2 / 86_400), rel=1e-4)


def test_related_items_by_hand(toy):
    found = evidence_of(toy, ["tea"])
    # tea and mug share two users; tea has two, mug three: cosine 2 / sqrt(6). Tea and pan share nobody.
    assert found.loc["related"].round(3).tolist() == [0.816, 0.816, 0, 0.816]


def test_supply_counts_what_one_does_not_have(toy):
    assert evidence_of(toy, ["tea"]).loc["supply"].round(4).tolist() == [0, 2, 2, 0]
    assert evidence_of(toy, ["tea", "pan"]).loc["supply"].round(4).tolist() == [2, 2, 2, 2]


def test_a_full_decomposition_gives_the_table_back(toy):
    found = evidence_of(toy, ["tea"])
    assert found.loc["latent"].round(3).tolist() == [1.099, 0, 0, 0.693]  # log(1 + count)
    assert found.loc["latent new"].round(3).tolist() == [0, 0, 0, 0]


def test_a_set_is_the_sum_of_its_items(toy):
    both, tea, pan = (evidence_of(toy, items) for items in (["tea", "pan"], ["tea"], ["pan"]))
    for name in ("own", "own recent", "own fresh", "related", "latent"):
        np.testing.assert_allclose(both.loc[name], tea.loc[name] + pan.loc[name], atol=1e-3)


def test_truncated_factors_agree_with_the_dense_ones(monkeypatch):
    dataset = small_shop()
    exact = gather(dataset, 8, 0)
    monkeypatch.setattr("helpers.recipes.segment_evidence._DENSE_SIDE", 1)
    truncated = gather(dataset, 8, 5)
    one, two = (held["user_factors"] @ held["item_factors"].T for held in (exact, truncated))
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_log_odds_are_those_of_the_regression():
    dataset = small_shop()
    parts = splits.segmentation(dataset.interactions)
    evidence = Evidence(gather(dataset.with_interactions(parts.train), 32, 0))
    queries = item_sets(np.arange(30)[:, None], 31)
    learned = segment_weights.learn(evidence, queries, parts.truth, 7, 0)
    odds = segment_weights.log_odds(learned, evidence, queries)
    pair, popularity = evidence.of(queries)
    per_user = np.broadcast_to(evidence.per_user[:, None], (3, *odds.shape))
    values = np.stack([*pair, *per_user, np.broadcast_to(popularity[:, None], odds.shape)], axis=-1)
    z = np.clip((values - learned["centre"]) / learned["spread"], -5, 5)
    first, second = np.triu_indices(len(NAMES))
    terms = np.concatenate([z, z[..., first] * z[..., second]], axis=-1)
    np.testing.assert_allclose(odds, learned["weights"][0] + terms @ learned["weights"][1:], rtol=1e-3, atol=1e-3)


def test_likelihoods_are_calibrated_on_what_was_learned_from():
    dataset = small_shop()
    parts = splits.segmentation(dataset.interactions)
    evidence = Evidence(gather(dataset.with_interactions(parts.train), 32, 0))
    queries = item_sets(np.arange(30)[:, None], 31)
    odds = segment_weights.log_odds(segment_weights.learn(evidence, queries, parts.truth, 64, 0), evidence, queries)
    present = parts.train.histories.lengths > 0
    expected = (1 / (1 + np.exp(-odds[:, present]))).sum()
    happened = len({*zip(parts.truth.items, parts.truth.users[parts.truth.rows], strict=True)})
    assert expected == pytest.approx(happened, rel=0.15)


def test_sampling_does_not_move_the_level():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60_000, len(NAMES)))
    happens = rng.random(60_000) < 1 / (1 + np.exp(4 - x[:, 0]))
    kept = happens | (rng.random(60_000) < 0.1)
    learned = segment_weights._regress(x[kept], happens[kept], np.log(0.1))
    z = (0 - learned["centre"]) / learned["spread"]
    first, second = np.triu_indices(len(NAMES))
    at_zero = learned["weights"][0] + np.concatenate([z, z[first] * z[second]]) @ learned["weights"][1:]
    assert at_zero == pytest.approx(-4, abs=0.4)
    assert LogisticRegression().fit(x[kept], happens[kept]).intercept_[0] > -3  # what it would be without the correction


def test_hidden_events_are_not_seen_when_the_weights_are_learned(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "helpers.recipes.segment_model.gather", lambda data, *_: seen.append(data.interactions) or gather(data, 32, 0)
    )
    dataset = small_shop()
    ItemAffinity().fit(dataset)
    whole, past = seen
    assert len(whole) == len(dataset.interactions)
    assert len(past) == len(splits.segmentation(dataset.interactions).train) < len(whole)


def test_new_user_rare_item_and_item_without_events():
    rows = [(f"u{user:02}", f"i{item}", 100 * user + item) for user in range(40) for item in range(user % 4, 8, 2)]
    rows += [("newcomer", "i1", 9_000), ("u03", "rare", 9_001)]
    events = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    items = pd.DataFrame({"ITEM_ID": [*sorted(set(events.ITEM_ID)), "cold"], "KIND": "a"})
    model = ItemAffinity().fit(Dataset.from_frames("corner cases", events, items))
    newcomer = model.user_ids.codes(["newcomer"])[0]
    likely = model.likelihoods(model.item_ids.codes(["i3", "i2", "rare", "cold"]))
    assert (likely > 0).all() and np.isfinite(likely).all()
    assert likely[0, newcomer] > likely[1, newcomer]  # one event with an odd item speaks for odd items
    assert (np.diff(np.sort(likely[3])) >= 0).all() and len(set(likely[3].round(9))) > 1  # users still differ by what they are


@pytest.fixture(scope="module")
def model():
    return ItemAttributeAffinity().fit(small_shop())


def test_an_item_with_all_attributes_is_asked_for(model):
    codes = model.items_of('ITEMS.COLOUR = "blue" AND ITEMS.COLOUR = "gold"')
    assert codes.tolist() == list(range(2, 31, 3))
    assert model.items_of("ITEMS.PRICE = 4.5").tolist() == model.items_of('items.price = "4.50"').tolist() == [3]


def test_a_conjunction_is_not_an_intersection():
    """Half of the users like red, half like mugs, nobody has a red mug but two: those who like both still come first."""
    taste = {"red": ["r0", "r1", "r2"], "mugs": ["m0", "m1", "m2"], "both": ["r0", "m1", "r2", "m0"], "none": ["x0", "x1", "x2"]}
    rows = [(f"{kind}{n}", item, 10 * n + step) for kind in taste for n in range(30) for step, item in enumerate(taste[kind])]
    rows += [("both28", "rm", 5_000), ("both29", "rm", 5_000)]
    events = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    names = sorted(set(events.ITEM_ID))
    colour = ["red" if "r" in name else "grey" for name in names]
    kind = ["mug" if "m" in name else "pot" for name in names]
    dataset = Dataset.from_frames("mugs", events, pd.DataFrame({"ITEM_ID": names, "COLOUR": colour, "KIND": kind}))
    trained = ItemAttributeAffinity().fit(dataset)
    users, _ = trained.segment(['ITEMS.COLOUR = "red" AND ITEMS.KIND = "mug"'], 30)
    assert (pd.Series(trained.user_ids.names(users[0])).str.startswith("both")).mean() > 0.9


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('ITEMS.COLOR = "red"', r"unknown item attribute \(attribute query, column 7\) 'COLOR'. Did you mean 'COLOUR'"),
        ('ITEMS.COLOUR = "Red"', r"unknown value of ITEMS.COLOUR \(attribute query, column 7\) 'Red'. Did you mean 'red'"),
        ('ITEMS.PRICE = "cheap"', "column 7: PRICE holds numbers, not 'cheap'"),
        ('ITEMS.TITLE = "red box 0"', "unknown item attribute"),
        ('ITEMS.COLOUR = "red" AND ITEMS.COLOUR = "green"', "no item of the training data has all of"),
        ("ITEMS.COLOUR ~ 1", "column 14: expected ="),
    ],
)
def test_queries_that_cannot_be_answered_say_why(model, query, message):
    with pytest.raises(InputError, match=message):
        model.items_of(query)


def test_attributes_survive_their_arrays(model):
    attributes = Attributes.of(small_shop())
    again = Attributes.from_arrays(attributes.to_arrays(), 31)
    assert again.columns == attributes.columns == ["COLOUR", "PRICE"] and again.values == attributes.values
    assert (again.items != attributes.items).nnz == 0 and again.numeric.tolist() == [False, True]
    assert attributes.only(["colour"]).values == ["blue", "gold", "green", "red"]


def test_practice_queries_are_single_values_and_pairs_that_occur():
    attributes = Attributes.of(small_shop()).only(["COLOUR"])
    found = attributes.single_and_paired(np.random.default_rng(0), 100)
    assert [str(attributes.query(*values)) for values in found] == [
        'ITEMS.COLOUR = "blue"', 'ITEMS.COLOUR = "gold"', 'ITEMS.COLOUR = "green"', 'ITEMS.COLOUR = "red"',
        'ITEMS.COLOUR = "blue" AND ITEMS.COLOUR = "gold"',
    ]  # fmt: skip


def test_only_texts_cannot_be_asked_for():
    frame = pd.DataFrame({"ITEM_ID": ["a", "b"], "TITLE": ["one long title", "another long title"]})
    events = pd.DataFrame({"USER_ID": ["u", "u"], "ITEM_ID": ["a", "b"], "TIMESTAMP": [1, 2]})
    with pytest.raises(InputError, match="category or a number; found TITLE"):
        ItemAttributeAffinity().fit(Dataset.from_frames("titles", events, frame))


DAMAGES = {
    "pair_users": lambda a: a + 100,
    "pair_offsets": lambda a: a[::-1].copy(),
    "user_ids": lambda a: a + 40,
    "session_ids": lambda a: a + 31,
    "user_factors": lambda a: a[:-1],
    "weights": lambda a: a[:-1],
    "spread": lambda a: a * 0,
    "centre": lambda a: a * np.nan,
    "activity": lambda a: a.astype(np.int32),
    "user_ids_offsets": lambda a: a[:-1],
    "user_ids_bytes": lambda a: a | 128,
    "attribute_items": lambda a: a + 31,
    "attribute_column_of": lambda a: a + 2,
    "attribute_offsets": lambda a: a * 0,
    "attribute_values_bytes": lambda a: a | 128,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_unsound_arrays_are_refused(model, name):
    damaged = dict(model.arrays) | {name: DAMAGES[name](model.arrays[name])}
    with pytest.raises(ValueError):
        type(model)(model.recipe, model.item_ids, damaged).check()


def test_a_missing_array_is_refused(model):
    for name in model.arrays:
        with pytest.raises(ValueError):
            type(model)(model.recipe, model.item_ids, {k: v for k, v in model.arrays.items() if k != name}).check()


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_survive_their_arrays(texts):
    assert unpack("names", pack("names", texts)) == texts


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, -np.inf]), min_size=1, max_size=30), st.integers(1, 40))
def test_first_users_is_a_stable_sort(scores, k):
    scores = np.array(scores)
    plain = [user for user in np.lexsort((np.arange(len(scores)), -scores)) if scores[user] > -np.inf][:k]
    assert first_users(scores, k).tolist() == plain


def test_blocks_do_not_change_the_answer(monkeypatch):
    trained = ItemAffinity().fit(small_shop())
    whole = trained.segment(range(31), 10)
    monkeypatch.setattr("helpers.recipes.segment_model.BLOCK_CELLS", 61 * 3)
    assert trained.rows_at_once == 3
    parts = trained.segment(range(31), 10)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-4)


def test_the_recipes_are_the_services():
    for name in ("aws-item-affinity", "aws-item-attribute-affinity"):
        recipe = recipes.get(f"arn:aws:personalize:::recipe/{name}")
        assert recipe.type == "USER_SEGMENTATION" and recipe().hyperparameters == {"hidden_dimension": 149}
        for wrong in (31, 257):
            with pytest.raises(InputError, match=r"hidden_dimension = .*\[32, 256\]"):
                recipe(hidden_dimension=wrong)


def test_item_sets_are_rows():
    expected = [[0, 1, 1], [0, 0, 0]]
    assert (item_sets([np.array([1, 2]), np.array([], int)], 3) != sp.csr_matrix(expected)).nnz == 0
