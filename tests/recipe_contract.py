"""What every recipe owes its users: one function a promise. ``test_recipes.py`` holds all recipes to them, and shows with
deliberately broken recipes that each promise is really checked."""

import dataclasses
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import recipes
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes.base import (
    PERSONALIZED_RANKING,
    POPULAR_ITEMS,
    RELATED_ITEMS,
    USER_PERSONALIZATION,
    USER_SEGMENTATION,
    Model,
    Recipe,
)
from helpers.recipes.popularity_count import count_unique_users

FAST: dict[str, dict] = {
    "aws-sims": {"min_cointeraction_count": 1},
    "aws-user-personalization": {"hidden_dimension": 32, "epochs": 1},
    "aws-personalized-ranking": {"hidden_dimension": 32, "epochs": 1},
    "aws-hrnn": {"hidden_dimension": 32, "epochs": 8},
    "aws-hrnn-metadata": {"hidden_dimension": 32, "epochs": 8},
    "aws-hrnn-coldstart": {"hidden_dimension": 32, "epochs": 8},
}
"""Hyperparameters that make a recipe learn the small data sets of the contract, quickly."""

VERBS = {
    USER_PERSONALIZATION: {"recommend"},
    POPULAR_ITEMS: {"recommend"},
    RELATED_ITEMS: {"recommend", "similar"},
    PERSONALIZED_RANKING: {"recommend", "rank"},
    USER_SEGMENTATION: {"segment"},
}
MORE_VERBS = {"local-content-based": {"similar"}}
SEGMENT_QUERIES = {"aws-item-attribute-affinity": ['ITEMS.COLOUR = "red"']}
CALLS = {
    "recommend": lambda model: model.recommend(Histories.of([[0]]), 2),
    "similar": lambda model: model.similar(np.array([0]), 2),
    "rank": lambda model: model.rank(Histories.of([[0]]), np.array([[0, 1]])),
    "segment": lambda model: model.segment(SEGMENT_QUERIES.get(model.recipe.name, np.array([0])), 2),
}


def verbs(recipe: type[Recipe]) -> set[str]:
    return VERBS[recipe.type] | MORE_VERBS.get(recipe.name, set())


def fast(recipe: type[Recipe]) -> Recipe:
    return recipe(**FAST.get(recipe.name, {}))


def fit(recipe: type[Recipe], dataset: Dataset, seed: int = 0) -> Model:
    return fast(recipe).fit(dataset, seed=seed)


# Data sets


def small_shop(rename: Callable[[str], str] = str, order: int | None = None) -> Dataset:
    """60 users, 30 items with colours and titles, visits on several days; one item nobody took, one user without events.

    Args:
        rename: gives every id its name.
        order: seed that shuffles the rows of all tables; no user has two events in one second.
    """
    rng = np.random.default_rng(7)
    rows = []
    for user in range(60):
        for visit in range(rng.integers(1, 5)):
            liked = rng.permutation(30)[: rng.integers(1, 6)] // (1 + user % 3)
            rows += [(f"u{user}", f"i{item:02}", visit * 86_400 + step * 60 + user) for step, item in enumerate(liked)]
    events = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    events["EVENT_TYPE"] = np.where(events.TIMESTAMP % 3 == 0, "purchase", "view")
    names = [f"i{item:02}" for item in range(31)]
    colours = [("red", "green", "blue|gold")[item % 3] for item in range(31)]
    titles = [f"{colour.replace('|', ' ')} box {item // 4}" for item, colour in enumerate(colours)]
    items = pd.DataFrame({"ITEM_ID": names, "COLOUR": colours, "TITLE": titles, "PRICE": np.arange(31) * 1.5})
    users = pd.DataFrame({"USER_ID": [f"u{user}" for user in range(61)], "AGE": np.arange(61) % 7 + 20})
    tables = [events, items, users]
    for table in tables:
        for key in ("USER_ID", "ITEM_ID"):
            if key in table:
                table[key] = table[key].map(rename)
    if order is not None:
        tables = [table.sample(frac=1, random_state=order) for table in tables]
    return Dataset.from_frames("small-shop", *tables)


def checkerboard(n_users: int = 40, n_items: int = 20) -> tuple[Dataset, np.ndarray]:
    """Users take the items of their own parity, all but one: even users even items, odd users odd ones (implicit's idea).

    Returns:
        The dataset, and the withheld item of each user: the right answer, known beforehand.
    """
    rng = np.random.default_rng(1)
    rows, withheld = [], []
    for user in range(n_users):
        own = np.arange(user % 2, n_items, 2)
        withheld.append(own[(user // 2) % len(own)])
        taken = rng.permutation(own[own != withheld[-1]])
        rows += [(f"u{user:02}", f"i{item:02}", 1000 * user + step) for step, item in enumerate(taken)]
    events = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    colours = [("black", "white")[item % 2] for item in range(n_items)]
    items = pd.DataFrame({"ITEM_ID": [f"i{item:02}" for item in range(n_items)], "COLOUR": colours})
    return Dataset.from_frames("checkerboard", events, items), np.array(withheld)


def queries(dataset: Dataset) -> Histories:
    """Return a batch with what a model may meet: known users, a new user, an item it does not know."""
    known = dataset.interactions.of_users(np.arange(min(20, dataset.interactions.n_users)))
    lists = [known.items[a:b].tolist() for a, b in pairwise(known.offsets)]
    return Histories.of([*lists, [], [-1], [-1, 0]])


def unseen(histories: Histories, n_items: int) -> np.ndarray:
    mask = np.ones((len(histories), n_items), bool)
    mask[histories.rows, histories.items] = False  # an unknown item (-1) hides the last one as well: still a valid mask
    return mask


# Promises


def check_same_seed_same_bytes(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset, trained = small_shop(), fast(recipe)
    models = [trained.fit(dataset, seed=3), trained.fit(dataset, seed=3), fit(recipe, small_shop(), seed=3)]
    assert_same_arrays(models[0], models[1])
    assert_same_arrays(models[0], models[2])
    for number, model in enumerate(models):
        model.save(tmp_path / str(number))
    for name in ("model.json", "arrays.safetensors"):
        assert len({(tmp_path / str(number) / name).read_bytes() for number in range(3)}) == 1


def check_single_is_batch_row(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset = small_shop()
    model, batch = fit(recipe, dataset), queries(dataset)
    items, scores = model.recommend(batch, 7)
    assert items.shape == (len(batch), 7) and items.dtype == np.int32
    for row in range(len(batch)):
        one, one_scores = model.recommend(batch.take(slice(row, row + 1)), 7)
        assert (one[0] == items[row]).all()
        assert (scores is None) == (one_scores is None) == (not recipe.returns_scores)
    if "similar" in verbs(recipe):
        wanted = np.array([4, -1, 30, 0])
        together = model.similar(wanted, 7)[0]
        alone = [model.similar(wanted[row : row + 1], 7)[0][0] for row in range(4)]
        assert (together == alone).all()
    assert model.recommend(Histories.of([]), 7)[0].shape == (0, 7)


def check_unknown_gets_popular(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset = small_shop()
    model = fit(recipe, dataset)
    popular = rank(count_unique_users(dataset.interactions).astype(float), 10)
    if recipe.name == "aws-trending-now":  # it knows nobody: all get what rises, and popular items where nothing does
        everybody = dataset.interactions.histories.at(0)
        assert len(np.unique(model.recommend(everybody, 10)[0], axis=0)) == 1
        assert (model.recommend(Histories.of([[], [-1]]), 10)[0] == model.recommend(everybody, 10)[0][0]).all()
        batch = Histories.of([[], [-1]]).at(int(dataset.interactions.timestamps.max()) + 7 * 86_400)  # nothing rises any more
        assert (model.recommend(batch, 10)[0] == popular).all()
        return
    for row in model.recommend(Histories.of([[], [-1]]), 10)[0]:
        assert (row == popular).all()
    if "similar" in verbs(recipe):
        assert (model.similar(np.array([-1]), 10)[0][0] == popular).all()


def check_stays_within_allowed(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset = small_shop()
    model, batch = fit(recipe, dataset), queries(dataset)
    n = model.n_items
    masks = [np.arange(n) % 3 == 0, np.zeros(n, bool), np.random.default_rng(0).random((len(batch), n)) < 0.3, unseen(batch, n)]
    for allowed in masks:
        items, _ = model.recommend(batch, 9, allowed)
        full = np.broadcast_to(allowed, (len(batch), n))
        for row, answer in enumerate(items):
            found = answer[answer >= 0]
            assert full[row, found].all() and len(set(found)) == len(found)
            assert len(found) == min(9, full[row].sum())  # and nothing that is allowed is held back
    if "similar" in verbs(recipe):
        found = model.similar(np.arange(n), 9, masks[0])[0]
        assert masks[0][found[found >= 0]].all()
    for wrong in (np.ones(n + 1, bool), np.ones(n), np.ones((2, n), bool)):
        with pytest.raises(InputError, match="allowed"):
            model.recommend(batch, 3, wrong)


def check_descending_ties_by_id(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset = small_shop()
    model, batch = fit(recipe, dataset), queries(dataset)
    items, _ = model.recommend(batch, 12)
    for scores, answer in zip(model.score(batch), items, strict=True):
        assert (answer == rank(scores, 12)).all()
    if "similar" in verbs(recipe):
        items, _ = model.similar(np.arange(model.n_items), 12)
        for item, scores in enumerate(model.score_similar(np.arange(model.n_items))):
            scores = np.where(np.arange(model.n_items) == item, -np.inf, scores)
            assert (items[item] == rank(scores, 12)).all() and item not in items[item]


def check_list_length(recipe: type[Recipe], tmp_path: Path) -> None:
    model = fit(recipe, small_shop())
    n = model.n_items
    items, _ = model.recommend(Histories.of([[0, 1]]), n + 5)
    assert sorted(items[0, :n]) == list(range(n)) and (items[0, n:] == -1).all()
    calls = [lambda k: model.recommend(Histories.of([[0]]), k)]
    if "similar" in verbs(recipe):
        items, _ = model.similar(np.array([3]), n + 5)
        assert sorted(items[0, : n - 1]) == [i for i in range(n) if i != 3] and (items[0, n - 1 :] == -1).all()
        calls.append(lambda k: model.similar(np.array([0]), k))
    for call in calls:
        for k in (0, -1, 2.5, "3", True):
            with pytest.raises(InputError, match="k = "):
                call(k)


def check_rank(recipe: type[Recipe], tmp_path: Path) -> None:
    """A given list comes back in the order of the scores, unknown items last; whoever cannot order lists says so elsewhere."""
    if "rank" not in verbs(recipe):
        return
    dataset = small_shop()
    model, batch = fit(recipe, dataset), queries(dataset)
    candidates = np.random.default_rng(0).integers(-1, model.n_items, (len(batch), 8))
    candidates[0], candidates[1, :3] = -1, -1
    order, scores = model.rank(batch, candidates)
    assert order.shape == scores.shape == candidates.shape
    for row, likely in enumerate(model.score(batch)):
        ranked, n_known = candidates[row, order[row]], (candidates[row] >= 0).sum()
        assert sorted(order[row]) == list(range(8))
        known = ranked[:n_known]
        assert (known >= 0).all() and (np.diff(order[row, n_known:]) > 0).all()
        assert (np.isnan(scores[row]) == (ranked < 0)).all()
        assert (np.diff(likely[known]) <= 0).all() and (np.diff(scores[row, :n_known]) <= 0).all()
        assert n_known == 0 or np.isclose(scores[row, :n_known].sum(), 1)
        alone, alone_scores = model.rank(batch.take(slice(row, row + 1)), candidates[row : row + 1])
        assert (alone[0] == order[row]).all()
        np.testing.assert_allclose(alone_scores[0], scores[row], rtol=1e-4)
    for wrong in (candidates[1:], candidates[0], candidates + model.n_items):
        with pytest.raises(InputError):
            model.rank(batch, wrong)


def check_tiny_data(recipe: type[Recipe], tmp_path: Path) -> None:
    for events in ([("a", "x", 1)], [("a", "x", 1), ("a", "y", 2)], [("a", "x", 1), ("b", "x", 2)]):
        frame = pd.DataFrame(events, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
        items = pd.DataFrame({"ITEM_ID": ["x", "y"], "COLOUR": ["red", "blue"]})
        model = fit(recipe, Dataset.from_frames("tiny", frame, items))
        answer, _ = model.recommend(Histories.of([[0], []]), 3)
        assert sorted(answer[0]) == sorted(answer[1]) == [-1, 0, 1]


def check_saved_is_same(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset = small_shop()
    model, batch = fit(recipe, dataset), queries(dataset)
    model.save(tmp_path / "model")
    loaded = recipes.load(tmp_path / "model")
    assert type(loaded) is type(model) and loaded.recipe == model.recipe and loaded.item_ids == model.item_ids
    assert_same_arrays(model, loaded)
    assert (loaded.recommend(batch, 9)[0] == model.recommend(batch, 9)[0]).all()
    assert (loaded.score(batch) == model.score(batch)).all()
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["arrays.safetensors", "model.json"]
    assert all(array.dtype.kind in "iufb" for array in loaded.arrays.values())  # plain numbers: nothing to unpickle
    assert [path.name for path in tmp_path.iterdir()] == ["model"]  # nothing left beside it
    with pytest.raises(InputError, match="exists already"):
        model.save(tmp_path / "model")


def check_changes_nothing(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset, untouched = small_shop(), small_shop()
    model, batch = fit(recipe, dataset), queries(dataset)
    before = {name: array.copy() for name, array in model.arrays.items()}
    allowed = unseen(batch, model.n_items)
    model.recommend(batch, 5, allowed)
    assert dataset.sha256 == untouched.sha256
    for table in ("items", "users"):
        pd.testing.assert_frame_equal(getattr(dataset, table), getattr(untouched, table))
    assert (allowed == unseen(batch, model.n_items)).all()
    for name, array in model.arrays.items():
        assert (array == before[name]).all() and not array.flags.writeable
        if array.size:
            with pytest.raises(ValueError, match="read-only"):
                array[(0,) * array.ndim] = 1


def check_checkerboard(recipe: type[Recipe], tmp_path: Path) -> None:
    """The withheld item is the only one of the user's colour that is left: personal recipes must find it."""
    dataset, withheld = checkerboard()
    model, histories = fit(recipe, dataset), dataset.interactions.histories
    allowed = unseen(histories, model.n_items)
    assert (allowed.sum(axis=1) == 11).all()  # one right answer among eleven: guessing finds 1 / 11
    found = model.recommend(histories, 1, allowed)[0][:, 0]
    if recipe.type == POPULAR_ITEMS:
        assert len(set(model.recommend(histories.at(0), 5)[0].ravel())) == 5  # the same list for all who ask at one time
        return
    assert (found == withheld).mean() >= 0.9
    if "similar" in verbs(recipe):
        nearest = model.similar(np.arange(20), 9)[0]
        assert (nearest % 2 == np.arange(20)[:, None] % 2).all()


def check_row_order_is_free(recipe: type[Recipe], tmp_path: Path) -> None:
    models = [fit(recipe, small_shop(order=order)) for order in (None, 1, 2)]
    assert_same_arrays(models[0], models[1])
    assert_same_arrays(models[0], models[2])


def check_names_are_free(recipe: type[Recipe], tmp_path: Path) -> None:
    plain, renamed = fit(recipe, small_shop()), fit(recipe, small_shop(lambda name: f"Ω-{name}"))
    assert_same_arrays(plain, renamed)  # names of the same order: the same codes, the same model
    if any(a.tobytes() != b.tobytes() for a, b in zip(plain.arrays.values(), _seeded(recipe, 1), strict=True)):
        return  # a recipe that draws random numbers draws others for another order of codes
    backwards = fit(recipe, small_shop(_backwards))
    place = backwards.item_ids.codes([_backwards(name) for name in plain.item_ids.ids])
    lists = [[3, 5, 8], [0], [], [29, 3]]
    straight = plain.score(Histories.of(lists))
    turned = backwards.score(Histories.of([place[row].tolist() for row in lists]))
    np.testing.assert_allclose(turned[:, place], straight, rtol=1e-4, atol=1e-6)


def check_hostile_ids(recipe: type[Recipe], tmp_path: Path) -> None:
    hostile = ["../../etc/passwd", 'say "hi"', "it's", "007", "7", "1e3", "NaN", "", " ", "\n\t", "상품", "🎁", "\u202eabc",
               "a,b|c", "x" * 5000, "{{1}}", "None", "\x00"]  # fmt: skip
    names = dict(zip([f"i{item:02}" for item in range(31)], [*hostile, *map(str, range(100, 113))], strict=True))
    dataset = small_shop(lambda name: names.get(name, name))
    model = fit(recipe, dataset)
    model.save(tmp_path / "hostile")
    loaded = recipes.load(tmp_path / "hostile")
    assert set(loaded.item_ids.ids) == set(names.values())
    answer = loaded.item_ids.names(loaded.recommend(queries(dataset), 31)[0])
    assert set(answer[0]) == set(names.values())


def check_damaged_files_are_refused(recipe: type[Recipe], tmp_path: Path) -> None:
    fit(recipe, small_shop()).save(tmp_path / "model")
    for name in ("model.json", "arrays.safetensors"):
        path = tmp_path / "model" / name
        whole = path.read_bytes()
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 0x55
        damages = [b"", whole[: len(whole) // 2], whole[:-1], whole + b"\x00", b"\x80\x04]\x94.", b"[]", b"\xff" * 64]
        for damage in damages + ([bytes(changed)] if name != "model.json" else []):
            path.write_bytes(damage)
            with pytest.raises(InputError):
                recipes.load(tmp_path / "model")
        path.unlink()
        with pytest.raises(InputError, match="does not hold a saved model"):
            recipes.load(tmp_path / "model")
        path.write_bytes(whole)
    about = json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))
    ids = about["item_ids"]
    lies = [{"recipe": "aws-nothing"}, {"recipe": 3}, {"hyperparameters": {"no_such": 1}}, {"hyperparameters": []}]
    lies += [{"item_ids": ids[:-1]}, {"item_ids": ids[::-1]}, {"item_ids": [*ids[:-1], 5]}, {"item_ids": {}}]
    for lie in lies:
        (tmp_path / "model" / "model.json").write_text(json.dumps(about | lie), encoding="utf-8")
        with pytest.raises(InputError):
            recipes.load(tmp_path / "model")


def check_other_verbs_are_refused(recipe: type[Recipe], tmp_path: Path) -> None:
    model = fit(recipe, small_shop())
    for verb, call in CALLS.items():
        if verb in verbs(recipe):
            call(model)
        else:
            with pytest.raises(InputError, match=f"{recipe.name} .* cannot .* use for example"):
                call(model)


def check_foreign_codes_are_refused(recipe: type[Recipe], tmp_path: Path) -> None:
    model = fit(recipe, small_shop())
    for code in (model.n_items, -2):
        with pytest.raises(InputError, match="item code"):
            model.recommend(Histories.of([[code]]), 3)
        if "similar" in verbs(recipe):
            with pytest.raises(InputError, match="item code"):
                model.similar(np.array([code]), 3)


def check_hyperparameters(recipe: type[Recipe], tmp_path: Path) -> None:
    trained = fast(recipe)
    as_text = {name: str(value) for name, value in trained.hyperparameters.items()}  # as the service passes them
    assert recipes.create(recipe.name, as_text) == trained
    assert recipes.create(recipe.name, json.loads(json.dumps(trained.hyperparameters))) == trained
    with pytest.raises(InputError, match="unknown hyperparameter"):
        recipes.create(recipe.name, {"no_such_thing": 1})
    for field in dataclasses.fields(recipe):
        allowed = field.metadata["range"]
        assert allowed.doc, f"{field.name} has no explanation"
        wrong = [None if not isinstance(field.default, str) else "no such choice"]
        wrong += [allowed.low - 1] if allowed.low is not None else []
        wrong += [allowed.high + 1, "nan"] if allowed.high is not None else []
        for value in wrong:
            with pytest.raises(InputError, match=field.name):
                recipes.create(recipe.name, {field.name: value})
    with pytest.raises(dataclasses.FrozenInstanceError):
        trained.anything = 1


CHECKS = {name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")}
FOR_ALL_TYPES = (
    "same_seed_same_bytes",
    "row_order_is_free",
    "damaged_files_are_refused",
    "other_verbs_are_refused",
    "hyperparameters",
)
"""Promises that do not rank items: recipes of users keep these, and those of ``segment_contract``."""


# Small tools


def rank(scores: np.ndarray, k: int) -> np.ndarray:
    """The plain way: highest score first, ties by smaller code, impossible items dropped, padded with -1."""
    order = [item for item in np.lexsort((np.arange(len(scores)), -scores)) if scores[item] > -np.inf][:k]
    return np.array(order + [-1] * (k - len(order)))


def assert_same_arrays(one: Model, other: Model) -> None:
    assert one.arrays.keys() == other.arrays.keys() and one.arrays
    for name, array in one.arrays.items():
        assert array.dtype == other.arrays[name].dtype and array.shape == other.arrays[name].shape
        assert array.tobytes() == other.arrays[name].tobytes(), name


def _seeded(recipe: type[Recipe], seed: int) -> list[np.ndarray]:
    return list(fit(recipe, small_shop(), seed=seed).arrays.values())


def _backwards(name: str) -> str:
    return f"{name[0]}{99 - int(name[1:]):02}"
