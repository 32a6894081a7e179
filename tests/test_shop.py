"""The generated gift shop: same bytes from the same seed, the promised faults and facts, and an oracle that tells the truth."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from helpers import metrics
from helpers.datasets.dataset import Dataset
from helpers.datasets.shop import Oracle, calibration, write
from helpers.datasets.shop.choice import FIRST, LATER, Choice, interest, rebuy_share
from helpers.datasets.shop.model import DAY, END, START, Parameters, day_of_year
from helpers.datasets.shop.oracle import _current_visit
from helpers.datasets.shop.play import Memory, Play
from helpers.datasets.shop.visits import LOOK, ORDER, Visit
from helpers.datasets.shop.words import CATEGORIES, DEVICE_TASTE, RANGES, SEASONAL_CATEGORIES
from helpers.interactions import Histories
from helpers.recipes.top_k import top_k
from helpers.splits import split

ROOT = Path(__file__).resolve().parents[1]
SHOP = ROOT / "data" / "gift-shop"
RAW = ("item.csv", "user.csv", "user-item-interaction.json")


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    events = pd.DataFrame(json.loads((SHOP / "user-item-interaction.json").read_text(encoding="utf-8")))
    return events.rename(columns=str.upper).astype({"USER_ID": str, "ITEM_ID": str})


@pytest.fixture(scope="module")
def items() -> pd.DataFrame:
    return pd.read_csv(SHOP / "item.csv", encoding="utf-8-sig", dtype={"ITEM_ID": str})


@pytest.fixture(scope="module")
def dataset(log, items) -> Dataset:
    users = pd.read_csv(SHOP / "user.csv", dtype={"user_id": str}).rename(columns=str.upper)
    return Dataset.from_frames("gift-shop", log, items, users)


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture(scope="module")
def card() -> str:
    return (SHOP / "README.md").read_text(encoding="utf-8")


# --- the files ---------------------------------------------------------------------------------------------------------


def test_generated_again_byte_for_byte(tmp_path):
    command = [sys.executable, "-m", "helpers.datasets.shop", "--out", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "7"}, capture_output=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(RAW)
    for name in RAW:
        assert (tmp_path / name).read_bytes() == (SHOP / name).read_bytes(), name


def test_another_seed_is_another_shop(tmp_path):
    small = Parameters(n_users=30, n_sets=40, second_editions=2)
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        write(tmp_path / folder, seed, small)
    for name in RAW:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "c" / name).read_bytes()


def test_item_file_has_the_faults_of_a_real_export(items):
    raw = (SHOP / "item.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfITEM_ID,ITEM_TITLE,CATEGORY,THEME,PRICE,CREATION_TIMESTAMP\n")
    titles = items.ITEM_TITLE.dropna()
    assert items.ITEM_TITLE.isna().sum() == 1
    assert titles.str.strip().duplicated().sum() >= 20
    assert titles.str.endswith(" ").sum() >= 50
    assert items.ITEM_ID.is_unique and items.CATEGORY.str.contains("|", regex=False).mean() > 0.2
    assert (items.PRICE > 0).all() and items.CREATION_TIMESTAMP.between(START - 900 * DAY, END).all()


def test_log_is_an_array_with_one_object_a_line(log):
    lines = (SHOP / "user-item-interaction.json").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "[" and lines[-1] == "]" and len(lines) == len(log) + 2
    assert list(json.loads(lines[1].rstrip(","))) == ["user_id", "item_id", "timestamp", "event_type", "event_value", "device"]
    assert log.TIMESTAMP.is_monotonic_increasing and log.TIMESTAMP.between(START, END - 1).all()
    assert not log.duplicated(["USER_ID", "ITEM_ID", "TIMESTAMP"]).any()
    assert log[log.EVENT_TYPE == "view"].EVENT_VALUE.isna().all()
    assert set(log[log.EVENT_TYPE == "purchase"].EVENT_VALUE) == {1, 2, 3, 4, 5}


def test_size_stays_small():
    sizes = {path.name: path.stat().st_size for path in SHOP.iterdir()}
    assert sizes["user-item-interaction.json"] <= 8_000_000 and sum(sizes.values()) <= 9_000_000


def test_views_have_their_own_second_and_orders_share_one(log):
    shared = log.duplicated(["USER_ID", "TIMESTAMP"], keep=False)
    assert (log[shared].EVENT_TYPE == "purchase").all()
    assert 0.3 < shared[log.EVENT_TYPE == "purchase"].mean() < 0.9


def test_nothing_is_met_before_its_launch(log, items):
    launch = items.set_index("ITEM_ID").CREATION_TIMESTAMP
    assert (log.TIMESTAMP.to_numpy() >= launch[log.ITEM_ID].to_numpy()).all()


def test_shares_of_the_motives_leave_some_to_taste():
    for shares in (FIRST, LATER):
        assert 0 < shares.sequel + shares.rebuy + shares.comeback < 1


def test_word_tables_name_known_categories():
    used = {c for kinds in RANGES for kind in kinds for c in kind.categories}
    assert used == set(CATEGORIES) and {*DEVICE_TASTE, *SEASONAL_CATEGORIES} <= used


# --- calibration -------------------------------------------------------------------------------------------------------


def test_gini_by_hand():
    assert calibration.gini([5, 5, 5, 5]) == 0
    assert calibration.gini([0, 0, 0, 8]) == pytest.approx(3 / 4)


def test_statistics_by_hand():
    rows = [("u", "a", 0), ("u", "b", 60), ("u", "a", 10 * DAY), ("v", "a", 5 * DAY)]
    lines = calibration.Lines.of(pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]))
    value = {s.name: s.compute(lines) for s in calibration.STATISTICS}
    assert value["baskets per user, mean"] == 3 / 2
    assert value["users with a single basket, share"] == 1 / 2
    assert value["days between a user's baskets, mean"] == pytest.approx(10, abs=0.01)
    assert value["lines that repeat an earlier user-item pair, share"] == 1 / 4
    assert value["lines on the most popular 1 % of items, share"] == 3 / 4


def test_shop_is_calibrated_and_the_card_shows_it(log, card):
    table = calibration.table(log)
    assert len(table) >= 12 and table.within.all(), table[~table.within].to_string()
    assert calibration.markdown(table) in card


def test_calibration_notices_another_world(log):
    views_as_purchases = log.assign(EVENT_TYPE="purchase")
    assert not calibration.table(views_as_purchases).within.all()


def test_targets_are_those_of_online_retail(data_dir):
    files = sorted((data_dir / "online-retail" / "by-day").glob("*.csv"))
    raw = pd.concat([pd.read_csv(path, dtype={"InvoiceNo": str, "StockCode": str}) for path in files])
    raw = raw[raw.CustomerID.notna() & (raw.Quantity > 0) & ~raw.InvoiceNo.str.startswith("C")]
    seconds = pd.to_datetime(raw.InvoiceDate).astype("datetime64[s]").astype("int64")
    lines = pd.DataFrame({"USER_ID": raw.CustomerID.astype(int).astype(str), "ITEM_ID": raw.StockCode, "TIMESTAMP": seconds})
    table = calibration.table(lines.drop_duplicates())
    np.testing.assert_allclose(table.generated, table.online_retail, rtol=0.003)


# --- the oracle --------------------------------------------------------------------------------------------------------


def test_oracle_speaks_the_codes_of_the_dataset(oracle, dataset):
    assert oracle.item_ids == dataset.interactions.item_ids and oracle.user_ids == dataset.interactions.user_ids


def test_preferences_are_probabilities_of_launched_items(oracle):
    at = START + 100 * DAY
    chances = oracle.preference(["10001", "10002", "nobody"], at)
    assert chances.shape == (3, oracle.n_items) and (chances >= 0).all()
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    late = oracle.world.items.created > at
    assert late.any() and (chances[:, late] == 0).all()
    np.testing.assert_array_equal(oracle.preference([0, 1, -1], at), chances)


def test_preference_changes_with_season_device_and_newest_item(oracle):
    christmas = oracle.world.items.categories[:, CATEGORIES.index("Christmas")] > 0
    users = np.arange(200)
    june, december = (oracle.preference(users, START + day * DAY)[:, christmas].sum() for day in (160, 338))
    assert december > 3 * june
    garden = oracle.world.items.main == CATEGORIES.index("Garden")
    desktop, mobile = (oracle.preference(users, START, device=d)[:, garden].sum() for d in ("desktop", "mobile"))
    assert desktop > 2 * mobile
    item = np.flatnonzero((oracle.world.items.created < START) & (oracle.world.items.position == 0))[0]
    following = oracle.preference(users, START, last_items=np.full(200, item))
    sequel = oracle.world.items.sequel[item]
    assert (following[:, item] == 0).all() and following[:, sequel[sequel >= 0]].sum(axis=1).mean() > 0.4


def test_oracle_of_one_is_oracle_of_many(oracle, dataset):
    histories = dataset.interactions.of_users(np.arange(20))
    together = oracle.scores(histories)
    np.testing.assert_allclose(together.sum(axis=1), 1)
    for row in (0, 7, 19):
        np.testing.assert_allclose(oracle.scores(histories.take([row]))[0], together[row])


def test_empty_history_is_answered_by_taste_alone(oracle):
    empty = Histories(np.empty(0, np.int32), np.empty(0, np.int64), np.zeros(2, np.int64), np.array([5], np.int32))
    np.testing.assert_allclose(oracle.scores(empty), oracle.preference([5], END))
    assert oracle.scores(empty.take([])).shape == (0, oracle.n_items)


def test_current_visit_by_hand():
    histories = Histories.of([[1, 2, 3, 4], [], [5, 6]], [[0, 1000, 1100, 1100], [], [0, 500]])
    assert _current_visit(histories).tolist() == [False, True, True, True, False, True]


def _frequencies_fit(draws: np.ndarray, chances: np.ndarray) -> bool:
    """Whether counts lie within 5 standard errors of those expected (all items with less than 10 expected count as one)."""
    expected = chances * len(draws)
    seen = np.bincount(draws, minlength=len(chances))
    large = expected >= 10
    seen, expected = (np.append(x[large], x[~large].sum()) for x in (seen, expected))
    error = np.sqrt(expected * (1 - expected / len(draws))) + 1e-9
    return bool((np.abs(seen - expected) <= 5 * error).all())


@pytest.mark.parametrize("running", [False, True])
def test_generator_draws_what_the_oracle_foretells(oracle, dataset, running):
    user = int(np.argsort(dataset.interactions.histories.lengths)[-300])
    history = dataset.interactions.of_users([user])
    now = int(history.now[0]) + 3 * DAY
    play, memory = Play(oracle.world, seed=99), Memory()
    for item, at, kind in zip(history.items.tolist(), history.timestamps.tolist(), history.columns["EVENT_TYPE"], strict=True):
        memory.note(item, at, kind == "purchase")
    offer, habit = play.choice.offer[day_of_year(now)], oracle.world.users.device[user]
    asked = history.at(now)
    inside = []
    if running:  # one more stop was just made, on a mobile phone: everything but the next stop is known
        stop = int(play.next_stop(user, now, offer, 1, memory, []))
        memory.note(stop, now, True)
        inside = [stop]
        asked = _appended(history, stop, now)
    devices = np.full(4000, 1) if running else play.rng.choice(3, 4000, p=habit)
    draws = np.array([play.next_stop(user, now, offer, int(device), memory, inside) for device in devices])
    if running:
        state = oracle._state(asked, np.array([now]))
        assert state.running[0] == pytest.approx(1 - 1 / oracle.world.users.path[user])
        state.running[:] = 1.0
        chances = oracle._mix(asked.users, np.array([now]), state, True)[0]
    else:
        chances = oracle.scores(asked)[0]
    assert _frequencies_fit(draws, chances)
    assert not _frequencies_fit(draws, oracle.preference([user], now)[0])  # the check can fail: a history matters


def _appended(history: Histories, item: int, at: int) -> Histories:
    kinds = np.append(history.columns["EVENT_TYPE"], "purchase")
    columns = {"EVENT_TYPE": kinds, "DEVICE": np.append(history.columns["DEVICE"], "mobile")}
    items = np.append(history.items, np.int32(item))
    return Histories(items, np.append(history.timestamps, at), history.offsets + [0, 1], history.users.copy(), columns=columns)


def test_ways_through_the_shop(oracle):
    play = Play(oracle.world, seed=5)
    order = [e for _ in range(50) for e in play.walk(3, Visit(START + 40 * DAY, ORDER, 0), Memory())]
    assert all(e.buys and e.at == START + 40 * DAY and 1 <= e.value <= 5 for e in order)
    look = play.walk(3, Visit(START + 40 * DAY, LOOK, 1), Memory())
    assert all(not e.buys and e.value is None for e in look)
    assert len({e.item for e in look}) == len({e.at for e in look}) == len(look)


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 400), st.integers(1, 30), st.integers(0, 1100))
def test_need_rises_to_its_period_then_falls(days, times, item):
    choice = _CHOICE
    period = choice.period[item]
    need = choice.need(np.array([item, item]), np.array([days, period]), np.array([times, times]))
    assert 0 <= need[0] <= need[1] + 1e-12
    assert 0 <= rebuy_share(FIRST.rebuy, need.sum()) <= FIRST.rebuy
    assert interest(np.array([days]))[0] <= 1


_CHOICE = Choice(Oracle().world)


# --- what the data teach -----------------------------------------------------------------------------------------------


def _ndcg(scores: np.ndarray, truth: Histories, k: int = 25) -> np.ndarray:
    ranked, _ = top_k(np.asarray(scores, np.float64), k)
    return metrics.ndcg(metrics.hits(ranked, truth), metrics.relevant_counts(truth), k)


def _ladder(dataset: Dataset, oracle: Oracle, protocol: str) -> dict[str, float]:
    """Return mean NDCG@25 of simple predictors, written out plainly, and of the oracle."""
    cut = split(dataset.interactions, protocol)
    n, inputs, history = cut.train.n_items, cut.inputs, cut.train.histories
    met = (cut.train.matrix() > 0).astype(float)
    popular = np.asarray(met.sum(axis=0)).ravel()
    together = (met.T @ met).toarray()
    np.fill_diagonal(together, 0)
    together /= np.sqrt(np.outer(popular, popular) + 1e-9)
    soon = np.flatnonzero((np.diff(history.rows) == 0) & (np.diff(history.timestamps) < 1800))
    steps = sp.csr_matrix((np.ones(len(soon)), (history.items[soon], history.items[soon + 1])), shape=(n, n)).toarray()
    newest = inputs.items[inputs.offsets[1:] - 1]
    own = inputs.matrix(n)
    scores = {
        "popularity": np.tile(popular, (len(inputs), 1)),
        "co-occurrence of users' histories, order ignored": (own > 0) @ together,
        "what followed the newest item, counted": steps[newest] + 1e-6 * popular,
        "own history by frequency, then popularity": own.toarray() + 1e-6 * popular,
        "oracle": oracle.scores(inputs, days=14 if protocol == "temporal" else 0),
    }
    return {name: float(_ndcg(score, cut.truth).mean()) for name, score in scores.items()}


@pytest.fixture(scope="module")
def ladders(dataset, oracle) -> dict[str, dict[str, float]]:
    return {protocol: _ladder(dataset, oracle, protocol) for protocol in ("temporal", "personalize", "leave-last")}


@pytest.mark.parametrize("protocol", ["temporal", "personalize", "leave-last"])
def test_popularity_is_far_below_personal_predictors_and_these_below_the_oracle(ladders, protocol):
    popular, together, _, own, best = ladders[protocol].values()
    assert popular <= best / 3
    assert together >= 2 * popular and own >= 2 * popular
    assert best >= 1.3 * max(together, own)


@pytest.mark.parametrize("protocol", ["personalize", "leave-last"])
def test_order_matters(ladders, protocol):
    _, together, follows, _, best = ladders[protocol].values()
    assert together * 1.25 <= follows <= best / 1.2


def test_card_shows_the_measured_ladder(ladders, card, log, items):
    for name, *shown in re.findall(r"^\| ([^|]+?) \| (0\.\d{3}) \| (0\.\d{3}) \| (0\.\d{3}) \|$", card, flags=re.M):
        measured = [ladders[protocol].pop(name) for protocol in ("temporal", "personalize", "leave-last")]
        np.testing.assert_allclose([float(x) for x in shown], measured, atol=0.0015)
    assert not any(ladders.values()), "the card leaves out a predictor"
    assert f"{len(log):,} interactions" in card and f"{len(items):,} items" in card


def test_attributes_tell_who_wants_a_new_item(dataset):
    """Items of the last six weeks: similarity of their attributes to the user's history against popularity so far."""
    cut = split(dataset.interactions, "temporal")
    table = dataset.items
    is_new = (table.CREATION_TIMESTAMP > END - 42 * DAY).to_numpy()
    words = table.THEME.str.replace(" ", "_") + " " + table.CATEGORY.str.replace(" ", "_").str.replace("|", " ")
    vectors = TfidfVectorizer().fit_transform(table.ITEM_TITLE.fillna("") + " " + words)
    wanted = cut.truth.keep(is_new[cut.truth.items])
    rows = np.flatnonzero(wanted.lengths > 0)
    content = (sp.csr_matrix(cut.inputs.take(rows).matrix(len(table))) @ vectors @ vectors.T).toarray()
    popular = np.tile(np.asarray((cut.train.matrix() > 0).sum(axis=0)).ravel(), (len(rows), 1))
    content, popular = (_ndcg(np.where(is_new, s, -np.inf), wanted.take(rows), 10).mean() for s in (content, popular))
    assert len(rows) >= 100 and content >= 1.5 * popular


def test_event_values_can_be_learned(log, oracle):
    from surprise import SVD, Reader, accuracy
    from surprise import Dataset as Ratings
    from surprise.model_selection import train_test_split

    rated = log[log.EVENT_TYPE == "purchase"].groupby(["USER_ID", "ITEM_ID"], as_index=False).EVENT_VALUE.mean()
    train, test = train_test_split(Ratings.load_from_df(rated, Reader(rating_scale=(1, 5))), test_size=0.2, random_state=0)
    users, items, given = (np.array(column) for column in zip(*test, strict=True))
    mean = np.sqrt(np.mean((given - train.global_mean) ** 2))
    svd = accuracy.rmse(SVD(n_factors=20, random_state=0).fit(train).test(test), verbose=False)
    best = np.sqrt(np.mean((given - oracle.rating(users, items)) ** 2))
    assert best < 0.75 * svd and svd < 0.87 * mean


def test_device_is_context_that_matters(log, items):
    views = (log.EVENT_TYPE == "view").groupby(log.DEVICE).mean()
    assert views["mobile"] > views["desktop"] + 0.1
    garden = log.ITEM_ID.isin(items[items.CATEGORY.str.startswith("Garden")].ITEM_ID).groupby(log.DEVICE).mean()
    assert garden["desktop"] > 2 * garden["mobile"]


def test_taste_leans_with_age_and_gender(dataset):
    users, events = dataset.users, dataset.interactions
    theme = dataset.items.THEME.to_numpy()[events.items]
    age, gender = (users[column].to_numpy()[events.users] for column in ("AGE", "GENDER"))
    assert age[theme == "Vintage Railway"].mean() > age[theme == "Candy Shop"].mean() + 5
    share = [(theme[gender == g] == "Spring Meadow").mean() for g in "FM"]
    assert share[0] > 1.5 * share[1]
