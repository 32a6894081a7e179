"""The HRNN recipes on planted data: context, cold items, order and baskets, trend, long histories, tampered files."""

import numpy as np
import pandas as pd
import pytest
import torch

from helpers import recipes
from helpers.datasets import Dataset
from helpers.errors import InputError
from helpers.interactions import Histories
from helpers.recipes import training
from helpers.recipes.hrnn import Hrnn, HrnnColdstart, HrnnMetadata, creation_times
from helpers.recipes.model_files import read_model_files, write_model_files
from helpers.recipes.popularity_over_time import DAY

SMALL = {"hidden_dimension": 32, "epochs": 10}


def events(rows, *more):
    return pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP", *more])


# Order


def pairs(n=240, step=60):
    """Two of six openers in random order, then what follows: ``answer x`` after the *newest* opener ``opener x``."""
    draw, rows = np.random.default_rng(5), []
    for user in range(n):
        first, second = draw.permutation(6)[:2]
        path = [f"a-opener {first}", f"a-opener {second}", f"b-answer {second}"]
        rows += [(f"u{user:03}", item, user * DAY // 8 + step * place) for place, item in enumerate(path)]
    return Dataset.from_frames("pairs", events(rows))


def check_order_counts(model):
    asked = [[x, y] for x in range(6) for y in range(6) if x != y]
    found = model.recommend(Histories.of(asked, [[0, 60]] * len(asked)), 1)[0][:, 0]
    assert (found == [6 + y for _, y in asked]).mean() >= 0.9


def test_what_follows_depends_on_the_order():
    check_order_counts(Hrnn(**SMALL).fit(pairs()))


def test_a_network_that_sees_only_a_set_is_noticed():
    """Ordered data, but all at one second and learned as a set: half of the answers belong to the older opener."""
    with pytest.raises(AssertionError):
        check_order_counts(Hrnn(**SMALL, order_within_second="none").fit(pairs(step=0)))


# Baskets


def baskets(n=150, size=4, ordered=False):
    """One basket a user, all lines at one second: four of the six items of one group, in any order or always in the same."""
    draw, rows = np.random.default_rng(3), []
    for user in range(n):
        items = 6 * (user % 5) + (np.arange(size) if ordered else draw.permutation(6)[:size])
        rows += [(f"u{user:03}", f"i{item:02}", user * DAY // 4) for item in items]
    return Dataset.from_frames("baskets", events(rows))


@pytest.fixture
def plans(monkeypatch):
    """The plans of all trainings, none of which takes place."""
    seen = []
    monkeypatch.setattr(training, "train", lambda network, inputs, plan, seed, **more: seen.append(plan))
    return seen


@pytest.mark.parametrize(
    ("data", "choice", "is_set"),
    [(baskets(), "auto", True), (baskets(ordered=True), "auto", False), (baskets(), "given", False), (pairs(), "none", True)],
)
def test_events_of_one_second_are_a_set_where_their_order_means_nothing(plans, data, choice, is_set):
    Hrnn(**SMALL, order_within_second=choice).fit(data)
    assert plans[0].shuffle_ties == is_set and (plans[0].look_ahead > 0.9) == is_set


def test_a_basket_is_finished_with_its_own_group_in_whatever_order_it_is_written():
    model = Hrnn(**SMALL).fit(baskets())
    asked = Histories.of([[6, 9, 11], [11, 6, 9], [9, 11, 6]], [[1000] * 3] * 3)  # asked in the same second
    unseen = np.ones((3, 30), bool)
    unseen[:, [6, 9, 11]] = False
    found = model.recommend(asked, 3, unseen)[0]
    assert (np.sort(found) == [7, 8, 10]).all()


def test_ties_are_shuffled_anew_in_each_epoch_and_only_among_themselves():
    histories = Histories.of([[0, 1, 2, 3, 4]], [[5, 5, 5, 9, 9]])
    draw = np.random.default_rng(0)
    orders = [training._tie_order(histories, draw) for _ in range(20)]
    assert all(sorted(order[:3]) == [0, 1, 2] and sorted(order[3:]) == [3, 4] for order in orders)
    assert len({tuple(order) for order in orders}) > 3


def test_what_counts_as_an_answer():
    """A piece of three items and one of one: with 0.5, the next item counts twice as much as the one after."""
    ahead = training._look_ahead(np.array([0, 1, 2, 0]), np.array([3, 3, 3, 1]), 0.5)
    table = ahead.of_rows(torch.eye(4)).numpy()
    expected = [[4 / 7, 2 / 7, 1 / 7, 0], [0, 2 / 3, 1 / 3, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(table, expected, rtol=1e-6)
    assert training._look_ahead(np.array([0, 1]), np.array([2, 2]), 0.0).columns.tolist() == [0, 1]  # the next item only


# Context


def devices(n_users=70):
    """Every visit is on a desktop, where the items 0 to 4 are taken, or on a phone, where the items 5 to 9 are."""
    draw, rows = np.random.default_rng(2), []
    for user in range(n_users):
        for visit in range(3):
            phone = draw.integers(2)
            for place, item in enumerate(5 * phone + draw.permutation(5)[:3]):
                rows.append((f"u{user:02}", f"i{item}", visit * 5 * DAY + 60 * place, ("desktop", "phone")[phone]))
    return Dataset.from_frames("devices", events(rows, "DEVICE"))


@pytest.fixture(scope="module")
def on_devices():
    data = devices()
    return data, HrnnMetadata(**SMALL).fit(data)


def asked_later(data):
    histories = data.interactions.of_users(np.arange(20))
    return histories.at(histories.now + 5 * DAY)


def check_context_counts(model, data):
    desktop, phone = (model.recommend(asked_later(data), 3, context={"DEVICE": d})[0] for d in ("desktop", "phone"))
    assert (desktop < 5).mean() > 0.9 and (phone >= 5).mean() > 0.9


def test_context_changes_the_answer(on_devices):
    check_context_counts(on_devices[1], on_devices[0])


def test_a_recipe_without_context_is_noticed():
    data = devices()
    with pytest.raises(AssertionError):
        check_context_counts(Hrnn(**SMALL).fit(data), data)


def test_unknown_context_is_as_none(on_devices):
    data, model = on_devices
    asked = asked_later(data)
    plain = model.score(asked)
    for context in ({}, {"DEVICE": "watch"}, {"WEATHER": "rain"}, {"DEVICE": None}, {"EVENT_TYPE": "view"}):
        np.testing.assert_allclose(model.score(asked, context), plain, rtol=1e-4)


def test_context_is_one_value_a_request_or_one_for_all(on_devices):
    data, model = on_devices
    asked = asked_later(data).take(slice(0, 2))
    both = model.score(asked, {"DEVICE": np.array(["desktop", "phone"], object)})
    np.testing.assert_allclose(both[0], model.score(asked, {"DEVICE": "desktop"})[0], rtol=1e-4)
    np.testing.assert_allclose(both[1], model.score(asked, {"DEVICE": "phone"})[1], rtol=1e-4)


def test_metadata_are_asked_for():
    with pytest.raises(InputError, match="pairs.*aws-hrnn-metadata needs items.csv, users.csv or a context"):
        HrnnMetadata().fit(pairs())
    with pytest.raises(InputError, match="devices.*aws-hrnn-coldstart needs items.csv"):
        HrnnColdstart().fit(devices())


# Cold items


def colours():
    """Users stay with one of two colours. Items 20 to 29 appear on the last day, and nobody has met them yet."""
    draw, rows = np.random.default_rng(4), []
    for user in range(60):
        for visit in range(2):
            taken = 2 * draw.permutation(10)[:4] + user % 2
            rows += [(f"u{user:02}", f"i{item:02}", visit * 9 * DAY + 60 * place) for place, item in enumerate(taken)]
    names = [f"i{item:02}" for item in range(30)]
    items = pd.DataFrame({"ITEM_ID": names, "COLOUR": [("red", "blue")[item % 2] for item in range(30)]})
    items["CREATION_TIMESTAMP"] = [0] * 20 + [10 * DAY] * 10
    return Dataset.from_frames("colours", events(rows), items)


def check_cold_items_by_colour(model, data):
    histories, cold = data.interactions.histories, np.arange(30) >= 20
    found = model.recommend(histories, 5, cold)[0]
    assert (found % 2 == np.arange(60)[:, None] % 2).mean() >= 0.95


def test_cold_items_are_found_by_their_attributes():
    data = colours()
    model = HrnnColdstart(**SMALL).fit(data)
    assert np.flatnonzero(model.arrays["cold"]).tolist() == list(range(20, 30))
    check_cold_items_by_colour(model, data)


def test_a_recipe_without_attributes_is_noticed():
    with pytest.raises(AssertionError):
        check_cold_items_by_colour(Hrnn(**SMALL).fit(colours()), colours())


@pytest.mark.parametrize(
    ("changed", "cold"),
    [
        ({}, ["new", "stated"]),
        ({"cold_start_max_interactions": 1}, ["new"]),  # "stated" has one interaction
        ({"cold_start_max_duration": 15.0}, ["late", "new", "stated"]),
        ({"cold_start_max_interactions": 99, "cold_start_max_duration": 99.0}, ["early", "late", "new", "stated"]),
    ],
)
def test_what_is_cold(changed, cold):
    rows = [("u", "early", 0), ("u", "early", DAY), ("v", "late", 10 * DAY), ("v", "stated", 20 * DAY), ("v", "early", 20 * DAY)]
    stated = [np.nan, np.nan, np.nan, 18.0 * DAY]
    items = pd.DataFrame({"ITEM_ID": ["early", "late", "new", "stated"], "CREATION_TIMESTAMP": stated})
    data = Dataset.from_frames("ages", events(rows), items)
    assert creation_times(data).tolist() == [0, 10 * DAY, 20 * DAY, 18 * DAY]  # first met; first met; never met; stated
    is_cold = HrnnColdstart(**changed)._cold_items(data)
    assert data.interactions.item_ids.ids[is_cold].tolist() == cold


def test_age_counts_from_the_newest_item_or_the_newest_event():
    rows = [("u", "a", 0), ("v", "b", 30 * DAY)]
    items = pd.DataFrame({"ITEM_ID": ["a", "b"], "CREATION_TIMESTAMP": [0, 2 * DAY]})
    data = Dataset.from_frames("ages", events(rows), items)
    assert HrnnColdstart()._cold_items(data).tolist() == [True, True]  # 2 and 0 days before the newest item
    assert HrnnColdstart(cold_start_relative_from="currentTime")._cold_items(data).tolist() == [False, False]


# Time, length, batches


@pytest.mark.parametrize("mask", [True, False])
def test_the_time_of_the_request_brings_the_trend_of_its_month_if_wanted(mask):
    """Items 0 to 4 are taken in the first half of the year, 5 to 9 in the second; the pause before both requests is long."""
    draw, rows = np.random.default_rng(6), []
    for user in range(150):
        day = 360 * user // 150
        taken = 5 * (day >= 180) + draw.permutation(5)[:3]
        rows += [(f"u{user:03}", f"i{item}", day * DAY + 60 * place) for place, item in enumerate(taken)]
    model = Hrnn(**SMALL, recency_mask=mask).fit(Dataset.from_frames("halves", events(rows)))
    asked = Histories.of([[0, 5]] * 2, [[0, 60]] * 2).at(np.array([150 * DAY, 330 * DAY]))
    spring, autumn = model.score(asked)
    if mask:
        assert spring[:5].sum() > autumn[:5].sum() + 0.05
    else:
        np.testing.assert_allclose(spring, autumn, rtol=1e-4)


def test_one_history_is_its_row_of_the_batch_at_any_length(on_devices):
    data, model = on_devices
    draw = np.random.default_rng(0)
    lists = [draw.integers(-1, 10, n).tolist() for n in (1, 40, 0, 3000, 2)]
    batch = Histories.of(lists, [np.sort(draw.integers(0, 30 * DAY, len(row))).tolist() for row in lists])
    together = model.score(batch)
    for row in range(len(lists)):
        np.testing.assert_allclose(model.score(batch.take(slice(row, row + 1)))[0], together[row], rtol=1e-3)
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-4)


# Tampered files


TAMPERED = {
    "a weight of another shape": ("net.start.weight", lambda a: a[:, :-1].copy()),
    "a weight that is no number": ("net.start.bias", lambda a: np.full_like(a, np.nan)),
    "a weight of another type": ("net.items.own.weight", lambda a: a.astype(np.float64)),
    "too few items": ("users", lambda a: a[:-1].copy()),
    "no width": ("popularity.width", lambda a: 0 * a),
    "no popularity": ("popularity.before", lambda a: a[:0].copy()),
    "cold of another type": ("cold", lambda a: a.astype(np.int64)),
    "unsorted tokens": ("token_keys", lambda a: a[::-1].copy()),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_model_is_refused_even_where_its_hash_was_renewed(on_devices, tmp_path, what):
    on_devices[1].save(tmp_path / "model")
    about, arrays = read_model_files(tmp_path / "model")
    name, change = TAMPERED[what]
    write_model_files(tmp_path / "tampered", about, arrays | {name: change(arrays[name])})
    with pytest.raises(InputError, match="tampered does not hold a sound aws-hrnn-metadata model"):
        recipes.load(tmp_path / "tampered")


def test_hyperparameters_of_the_file_must_fit_its_weights(on_devices, tmp_path):
    on_devices[1].save(tmp_path / "model")
    about, arrays = read_model_files(tmp_path / "model")
    about["hyperparameters"]["hidden_dimension"] = 64
    write_model_files(tmp_path / "tampered", about, arrays)
    with pytest.raises(InputError, match="net.* has shape"):
        recipes.load(tmp_path / "tampered")


def test_the_callers_random_numbers_are_left_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    Hrnn(hidden_dimension=32, epochs=1).fit(baskets(n=10))
    assert (torch.rand(3) == expected).all()
