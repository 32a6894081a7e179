"""What every segmentation recipe owes its users, beside the promises of ``recipe_contract`` that do not rank items."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recipe_contract import _backwards, assert_same_arrays, checkerboard, fast, fit, rank, small_shop

from helpers import recipes
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.recipes.base import Recipe

USES_ATTRIBUTES = "aws-item-attribute-affinity"


def queries(recipe: type[Recipe]) -> list:
    """Return what one may ask of the small shop: popular and rare things, one that nobody took, one with a single item."""
    if recipe.name == USES_ATTRIBUTES:
        return ['ITEMS.COLOUR = "red"', 'ITEMS.COLOUR = "blue" AND items.colour="gold"', "ITEMS.PRICE = 3", "ITEMS.price = 45.0"]
    return [0, 4, 29, 30]


def unknown(recipe: type[Recipe]) -> list:
    if recipe.name == USES_ATTRIBUTES:
        return [
            'ITEMS.COLOUR = "pink"',
            'ITEMS.SHAPE = "round"',
            "ITEMS.PRICE = 1.75",
            'ITEMS.COLOUR = "red" AND ITEMS.PRICE = 1.5',
        ]
    return [-1, 31, 2.5, "i04"]


def check_single_is_batch_row(recipe: type[Recipe], tmp_path: Path) -> None:
    model, asked = fit(recipe, small_shop()), queries(recipe)
    users, likelihoods = model.segment(asked, 7)
    assert users.shape == likelihoods.shape == (len(asked), 7) and users.dtype == np.int32
    for row, query in enumerate(asked):
        one, one_likelihoods = model.segment([query], 7)
        assert (one[0] == users[row]).all() and (one_likelihoods[0] == likelihoods[row]).all()
    assert model.segment([], 7)[0].shape == (0, 7)


def check_unknown_is_refused(recipe: type[Recipe], tmp_path: Path) -> None:
    model, known = fit(recipe, small_shop()), queries(recipe)[0]
    for query in unknown(recipe):
        with pytest.raises(InputError, match="query 2: "):
            model.segment([known, query], 3)


def check_stays_within_allowed(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset = small_shop()
    model, asked = fit(recipe, dataset), queries(recipe)
    n = model.n_users
    present = dataset.interactions.histories.lengths > 0
    masks = [np.arange(n) % 3 == 0, np.zeros(n, bool), np.random.default_rng(0).random((len(asked), n)) < 0.3]
    for allowed in masks:
        users, likelihoods = model.segment(asked, 15, allowed)
        full = np.broadcast_to(allowed, (len(asked), n)) & present
        for row, answer in enumerate(users):
            found = answer[answer >= 0]
            assert full[row, found].all() and len(set(found)) == len(found)
            assert len(found) == min(15, full[row].sum())  # and nobody who is allowed is held back
            assert (likelihoods[row, len(found) :] == 0).all()
    for wrong in (np.ones(n + 1, bool), np.ones(n), np.ones((2, n), bool)):
        with pytest.raises(InputError, match="allowed"):
            model.segment(asked, 3, wrong)


def check_descending_ties_by_code(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset = small_shop()
    model, asked = fit(recipe, dataset), queries(recipe)
    absent = dataset.interactions.histories.lengths == 0
    likely = model.likelihoods(asked)
    assert likely.shape == (len(asked), model.n_users) and (0 <= likely).all() and (likely <= 1).all()
    assert (likely[:, absent] == 0).all()
    users, likelihoods = model.segment(asked, 20)
    for row, scores in enumerate(likely):
        assert (users[row] == rank(np.where(absent, -np.inf, scores), 20)).all()
        assert (likelihoods[row] == scores[users[row]]).all()


def check_list_length(recipe: type[Recipe], tmp_path: Path) -> None:
    model, query = fit(recipe, small_shop()), queries(recipe)[0]
    users, _ = model.segment([query], 5_000_000)
    assert users.shape == (1, 61) and sorted(users[0, :60]) == [code for code in range(61) if code != absent_user()]
    assert users[0, 60] == -1  # one user of the shop never came
    for k in (0, -1, 2.5, "3", 5_000_001):
        with pytest.raises(InputError, match="k = "):
            model.segment([query], k)


def check_tiny_data(recipe: type[Recipe], tmp_path: Path) -> None:
    for events in ([("a", "x", 1)], [("a", "x", 1), ("a", "y", 2)], [("a", "x", 1), ("b", "x", 2)]):
        frame = pd.DataFrame(events, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
        items = pd.DataFrame({"ITEM_ID": ["x", "y"], "COLOUR": ["red", "blue"]})
        model = fit(recipe, Dataset.from_frames("tiny", frame, items))
        asked = ['ITEMS.COLOUR = "red"', 'ITEMS.COLOUR = "blue"'] if recipe.name == USES_ATTRIBUTES else [0, 1]
        users, likelihoods = model.segment(asked, 5)
        assert (np.sort(users) == np.arange(len(set(frame.USER_ID)))).all() and (likelihoods > 0).all()


def check_saved_is_same(recipe: type[Recipe], tmp_path: Path) -> None:
    model, asked = fit(recipe, small_shop()), queries(recipe)
    model.save(tmp_path / "model")
    loaded = recipes.load(tmp_path / "model")
    assert type(loaded) is type(model) and loaded.recipe == model.recipe
    assert loaded.item_ids == model.item_ids and loaded.user_ids == model.user_ids
    assert_same_arrays(model, loaded)
    assert (loaded.likelihoods(asked) == model.likelihoods(asked)).all()
    assert all(array.dtype.kind in "iufb" for array in loaded.arrays.values())
    with pytest.raises(InputError, match="exists already"):
        model.save(tmp_path / "model")


def check_changes_nothing(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset, untouched, asked = small_shop(), small_shop(), queries(recipe)
    model = fit(recipe, dataset)
    before = {name: array.copy() for name, array in model.arrays.items()}
    allowed = np.arange(model.n_users) % 2 == 0
    model.segment(asked, 5, allowed)
    assert asked == queries(recipe) and (allowed == (np.arange(model.n_users) % 2 == 0)).all()
    assert dataset.sha256 == untouched.sha256
    pd.testing.assert_frame_equal(dataset.items, untouched.items)
    for name, array in model.arrays.items():
        assert (array == before[name]).all() and not array.flags.writeable


def check_checkerboard(recipe: type[Recipe], tmp_path: Path) -> None:
    """Even users take even items, each once, and nobody takes an item again. So for an item the two users from whom it was
    withheld come first; for a colour, all users of that colour."""
    dataset, withheld = checkerboard()
    model = fit(recipe, dataset)
    if recipe.name == USES_ATTRIBUTES:
        users, likelihoods = model.segment(['ITEMS.COLOUR = "black"', 'ITEMS.COLOUR = "white"'], 40)
        assert (users[:, :20] % 2 == [[0], [1]]).all() and (likelihoods[:, 19] > likelihoods[:, 20]).all()
    else:
        users, _ = model.segment(range(20), 2)
        assert all(set(users[item]) == set(np.flatnonzero(withheld == item)) for item in range(20))


def check_names_are_free(recipe: type[Recipe], tmp_path: Path) -> None:
    dataset = small_shop()
    plain, renamed = fit(recipe, dataset), fit(recipe, small_shop(lambda name: f"Ω-{name}"))
    for name, array in plain.arrays.items():  # names of the same order: the same codes, the same model
        assert name.startswith("user_ids") or (array == renamed.arrays[name]).all()
    backwards = fit(recipe, small_shop(_backwards))
    asked = queries(recipe)
    turned = asked if recipe.name == USES_ATTRIBUTES else backwards.item_ids.codes(
        [_backwards(name) for name in plain.item_ids.names(np.array(asked))]
    )  # fmt: skip
    place = backwards.user_ids.codes([_backwards(name) for name in plain.user_ids.ids])
    straight, other = plain.likelihoods(asked), backwards.likelihoods(turned)[:, place]
    for one, two in zip(straight, other, strict=True):  # other pairs are drawn to learn from: alike, not equal
        assert np.corrcoef(one, two)[0, 1] > 0.8


def check_hostile_ids(recipe: type[Recipe], tmp_path: Path) -> None:
    hostile = [
        "../../etc/passwd",
        'say "hi"',
        "007",
        "7",
        "NaN",
        "",
        " ",
        "\n\t",
        "상품",
        "🎁",
        "a,b|c",
        "x" * 5000,
        "None",
        "\x00",
    ]
    names = {f"u{user}": name for user, name in enumerate(hostile)} | {f"i{item:02}": name for item, name in enumerate(hostile)}
    model = fit(recipe, small_shop(lambda name: names.get(name, name)))
    model.save(tmp_path / "hostile")
    loaded = recipes.load(tmp_path / "hostile")
    assert set(hostile) <= set(loaded.user_ids.names(loaded.segment(queries(recipe)[:1], 60)[0][0]))


def check_needs_no_more_than_it_says(recipe: type[Recipe], tmp_path: Path) -> None:
    bare = Dataset.from_frames("bare", small_shop().interactions.frame())
    if "Items" in recipe.needs:
        with pytest.raises(InputError, match="item data"):
            fast(recipe).fit(bare)
    else:
        assert fast(recipe).fit(bare).segment([0], 3)[0].shape == (1, 3)


def absent_user() -> int:
    return int(np.flatnonzero(small_shop().interactions.histories.lengths == 0)[0])


CHECKS = {name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")}
