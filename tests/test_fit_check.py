"""The fit check: a tiny data set for each finding, thresholds at their edge, hostile data, broken variants."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import datasets, fit_check
from helpers.datasets.dataset import Dataset
from helpers.datasets.load import build
from helpers.errors import InputError
from helpers.fit_check import audience, figures, finding, habits, trust
from helpers.fit_check.figures import DAY, Overlap
from helpers.fit_check.finding import BAD, GOOD, WATCH

COLUMNS = ["USER_ID", "ITEM_ID", "TIMESTAMP"]


def data(rows, **more) -> Dataset:
    """Rows of user, item and time in days."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["TIMESTAMP"] = (frame["TIMESTAMP"] * DAY).round().astype(np.int64)
    return Dataset.from_frames("tiny", frame, **more)


def found(dataset: Dataset) -> dict[str, finding.Finding]:
    return fit_check.by_name(fit_check.findings(dataset))


TEN_BUYERS = [(f"u{i}", f"i{i}", i) for i in range(10)]
"""Ten users buy one item each, on ten days."""


# ------------------------------------------------------------------ each finding by eye


def test_ten_users_with_one_item_each_are_too_few():
    told = found(data(TEN_BUYERS))
    assert (told["interactions"].value, told["interactions"].verdict) == (10, BAD)
    assert (told["users with two interactions"].value, told["users with two interactions"].verdict) == (0, BAD)
    assert (told["users seen once"].value, told["users seen once"].verdict) == (1, BAD)
    assert told["visits with several items"].verdict == BAD
    assert (told["items"].value, told["items"].verdict) == (10, BAD)
    assert fit_check.decide(list(told.values())).sentence.startswith("Not yet: too little to learn from")


def test_known_visits_count_only_the_newest_fifth():
    """Ten visits; the newest two are by a known and by a new user. The eight before are all first visits and do not count."""
    visits = [(f"u{i}", "tea", i) for i in range(8)] + [("u0", "tea", 8), ("new", "tea", 9)]
    assert found(data(visits))["visits by known users"].value == 1 / 2
    assert figures.known_visit_share(figures.visits(data(visits).interactions), newest=1) == 1 / 10


def test_a_visit_ends_with_a_pause_of_more_than_half_an_hour():
    minute = 1 / 1440
    interactions = data([("u", "tea", 0), ("u", "cup", 30 * minute), ("u", "jam", 61 * minute)]).interactions
    assert figures.visits(interactions).of_event.tolist() == [0, 0, 1]
    assert figures.many_item_visit_share(interactions, figures.visits(interactions)) == 1 / 2


def test_users_seen_once_are_counted_by_visits_not_by_events():
    """u looks at two items in one visit, v comes on two days."""
    interactions = data([("u", "tea", 0), ("u", "cup", 0), ("v", "tea", 0), ("v", "cup", 1)]).interactions
    assert figures.one_visit_share(figures.visits(interactions)) == 1 / 2


def test_rows_without_a_user_are_counted_at_the_import():
    frame = pd.DataFrame({"USER_ID": ["u", None, "u", None], "ITEM_ID": list("abcd"), "TIMESTAMP": [1, 2, 3, 4]})
    told = found(build("shop", {"Interactions": frame}))["events without a user"]
    assert (told.value, told.verdict) == (1 / 2, WATCH)
    assert "events without a user" not in found(data(TEN_BUYERS)), "nothing was imported, so nothing was counted"


def test_a_guest_account_is_found():
    """A hundred users with two events, and one with two hundred."""
    people = [(f"u{i:03}", f"i{k}", i + k) for i in range(100) for k in (0, 1)]
    told = found(data(people + [("guest", f"i{k % 7}", k) for k in range(200)]))["the busiest user"]
    assert (told.value, told.verdict) == (1 / 2, BAD)
    assert found(data(people))["the busiest user"].verdict == GOOD


def test_a_business_of_pure_repurchase():
    """Each user buys the same item day after day: all of a returning user's items were had before."""
    told = found(data([(f"u{i}", f"i{i}", day) for i in range(5) for day in range(4)]))["taken again"]
    assert (told.value, told.verdict) == (1, BAD)


def test_taken_again_counts_earlier_visits_only():
    """Looked at and bought in one visit is not a repurchase; next day's tea is one of two items."""
    rows = [("u", "tea", 0), ("u", "tea", 0.001), ("u", "tea", 1), ("u", "cup", 1), ("v", "jam", 0)]
    interactions = data(rows).interactions
    assert figures.buy_again_share(interactions, figures.visits(interactions)) == 1 / 2


def test_cold_and_new_items():
    """Ten events, one on the last day on an item without any before; a fifth item of the catalogue was never touched."""
    rows = [(f"u{k}", "abc"[k % 3], k) for k in range(9)] + [("u9", "d", 9)]
    told = found(data(rows, items=pd.DataFrame({"ITEM_ID": list("abcde")})))
    assert (told["cold items"].value, told["cold items"].verdict) == (1 / 5, WATCH)
    assert (told["new items"].value, told["new items"].verdict) == (1, BAD)


def test_one_item_that_everybody_takes():
    """99 of 100 events are on one item: concentrated, and one list for all meets what comes."""
    rows = [(f"u{k}", "hit", k) for k in range(99)] + [("u99", "rare", 0)]
    told = found(data(rows))
    assert told["one list for all"].value == 1 and told["one list for all"].verdict == BAD
    assert told["concentration (Gini)"].value == pytest.approx(2 * (1 * 1 + 2 * 99) / (2 * 100) - 3 / 2)


def seasons(change: bool) -> Dataset:
    """A hundred days, ten visits a day on fifty items; with ``change`` the newest ten days have items of their own."""
    rng = np.random.default_rng(0)
    rows = []
    for day in range(100):
        for k in range(10):
            item = int(rng.zipf(1.6)) % 50
            rows.append((f"u{k}", f"{'new' if change and day >= 90 else 'old'}{item}", day + k / 24))
    return data(rows)


def test_drift_is_judged_against_chance():
    calm, changed = found(seasons(False))["drift"], found(seasons(True))["drift"]
    assert calm.verdict == GOOD and calm.value > 0.6
    assert (changed.value, changed.verdict) == (0, BAD)


def test_without_events_enough_no_drift_is_claimed():
    assert found(data(TEN_BUYERS))["drift"].verdict == WATCH
    assert found(data(TEN_BUYERS))["drift"].figure == "cannot be told"


def test_click_and_watch_twins_are_a_leak():
    """Every act is written down twice, as click and as watch of the same second: half of the events are doubled, and whenever the
    service's split cuts between twins, the hidden event stands in the question."""
    rows = [(f"u{i:02}", f"i{(i + day) % 7}", day) for i in range(40) for day in range(5)]
    twice = data([row for row in rows for _ in ("click", "watch")])
    told = found(twice)
    assert (told["doubled events"].value, told["doubled events"].verdict) == (1 / 2, BAD)
    assert (told["answers in the question"].value, told["answers in the question"].verdict) == (1, BAD)
    assert fit_check.decide(list(told.values())).sentence.startswith("Not yet")  # 400 events are too few in the first place
    once = found(data(rows))
    assert once["doubled events"].verdict == once["answers in the question"].verdict == GOOD


def test_baskets_hide_the_order():
    """Two users with a basket of three: two of three events follow one of the same second."""
    told = found(data([(u, item, 0.5) for u in "uv" for item in "abc"]))
    assert (told["events in a basket"].value, told["events in a basket"].verdict) == (2 / 3, WATCH)


def test_timestamps_that_are_equal_or_only_days():
    assert found(data([("u", "a", 3.3), ("v", "b", 3.3)]))["timestamps"].verdict == BAD
    assert found(data([("u", "a", 3), ("v", "b", 4)]))["timestamps"].verdict == WATCH
    assert found(data([("u", "a", 3.3), ("v", "b", 4)]))["timestamps"].verdict == GOOD


def test_users_to_test_were_there_before_and_after():
    """Ten events; the newest tenth is one event, by a user who was there before: one user to test."""
    rows = [(f"u{k}", "tea", k) for k in range(9)]
    assert found(data([*rows, ("u0", "tea", 9)]))["users to test on"].value == 1
    assert found(data([*rows, ("new", "tea", 9)]))["users to test on"].value == 0


# ------------------------------------------------------------------ thresholds at their edge

EDGES = [
    (audience.enough_interactions, {999: BAD, 1_000: WATCH, 49_999: WATCH, 50_000: GOOD}),
    (audience.enough_users, {24: BAD, 25: WATCH, 999: WATCH, 1_000: GOOD}),
    (audience.catalogue_size, {49: BAD, 50: WATCH, 249: WATCH, 250: GOOD}),
    (audience.users_to_test, {24: BAD, 25: WATCH, 99: WATCH, 100: GOOD}),
    (audience.seen_once, {0.5: GOOD, 0.51: WATCH, 0.9: WATCH, 0.91: BAD}),
    (audience.known_visits, {0.19: BAD, 0.2: WATCH, 0.49: WATCH, 0.5: GOOD}),
    (audience.several_items, {0.019: BAD, 0.02: WATCH, 0.19: WATCH, 0.2: GOOD}),
    (lambda share: audience.nameless_rows(round(100 * share), 100), {0.1: GOOD, 0.11: WATCH, 0.5: WATCH, 0.51: BAD}),
    (lambda share: audience.one_id_for_many(share, 1_000), {0.05: GOOD, 0.051: WATCH, 0.2: WATCH, 0.21: BAD}),
    (lambda share: audience.one_id_for_many(share, 10), {1.0: GOOD}),
    (habits.cold_items, {0.1: GOOD, 0.11: WATCH, 0.5: WATCH, 0.51: BAD}),
    (habits.turnover, {0.1: GOOD, 0.11: WATCH, 0.5: WATCH, 0.51: BAD, np.nan: WATCH}),
    (habits.buy_again, {0.2: GOOD, 0.21: WATCH, 0.8: WATCH, 0.81: BAD, np.nan: WATCH}),
    (habits.concentration, {0.8: GOOD, 0.81: WATCH, 0.95: WATCH, 0.96: BAD}),
    (habits.one_list_for_all, {0.25: GOOD, 0.26: WATCH, 0.5: WATCH, 0.51: BAD, np.nan: WATCH}),
    (lambda seen: habits.drift(Overlap(25, seen, 20)), {25: GOOD, 12: GOOD, 11: WATCH, 4: WATCH, 3: BAD}),
    (lambda chance: habits.drift(Overlap(25, 0, chance)), {4.9: WATCH, 5: BAD}),
    (trust.doubled_events, {0.01: GOOD, 0.011: WATCH, 0.1: WATCH, 0.11: BAD}),
    (trust.answers_shown, {0.01: GOOD, 0.011: WATCH, 0.1: WATCH, 0.11: BAD, np.nan: WATCH}),
    (trust.order_in_a_second, {0.1: GOOD, 0.11: WATCH, 1.0: WATCH}),
]


@pytest.mark.parametrize(("rule", "expected"), EDGES)
def test_a_figure_on_the_threshold_gets_the_better_verdict(rule, expected):
    assert {value: rule(value).verdict for value in expected} == expected


def test_every_verdict_but_good_says_what_to_do():
    for rule, expected in EDGES:
        for value, verdict in expected.items():
            told = rule(value)
            assert told.meaning and told.figure and bool(told.next_step) == (verdict != GOOD), (told.name, value)


# ------------------------------------------------------------------ hostile data

HOSTILE = {
    "one event": [("u", "a", 1)],
    "one user": [("u", f"i{k % 3}", k) for k in range(30)],
    "one item": [(f"u{k % 5}", "a", k) for k in range(30)],
    "all timestamps equal": [(f"u{k % 5}", f"i{k % 3}", 2.5) for k in range(30)],
    "two moments": [(f"u{k % 5}", f"i{k % 3}", k % 2) for k in range(30)],
    "before 1970": [("u", "a", -400), ("u", "b", -300.5), ("v", "a", -200)],
}


@pytest.mark.parametrize("rows", HOSTILE.values(), ids=HOSTILE)
def test_hostile_data_get_a_page_and_no_error(rows):
    told = fit_check.findings(data(rows))
    assert len(told) >= 18 and len({f.name for f in told}) == len(told)
    assert fit_check.worst(told) == BAD
    decision = fit_check.decide(told)
    assert decision.sentence and decision.table().shape == (5, 3)
    assert not fit_check.table(told)["figure"].str.contains("nan").any()


def test_empty_data():
    empty = data(TEN_BUYERS)
    empty = empty.with_interactions(empty.interactions.before(-1))
    told = fit_check.findings(empty)
    assert [f.verdict for f in told] == [BAD, BAD]
    assert fit_check.decide(told).sentence.startswith("Not yet")


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="TIMESTAMP"):
        Dataset.from_frames("tiny", pd.DataFrame({"USER_ID": ["u"], "ITEM_ID": ["a"]}))


rows_of_events = st.lists(
    st.tuples(st.sampled_from("uvwx"), st.sampled_from("abcdef"), st.integers(0, 50)), min_size=1, max_size=40
)


@settings(max_examples=40, deadline=None)
@given(rows_of_events, st.randoms(use_true_random=False))
def test_neither_the_order_of_lines_nor_the_names_matter(rows, random):
    """Figures that depend on no tie rule are the same for shuffled lines and renamed users; shares lie between 0 and 1."""
    shuffled = random.sample(rows, len(rows))
    renamed = [(f"customer {'xwvu'.index(user)}", item, time) for user, item, time in shuffled]
    first, second = found(data(rows)), found(data(renamed))
    open_to_chance = {"drift", "answers in the question", "one list for all"}  # ties among best sellers; which users are drawn
    for name in first.keys() - open_to_chance:
        assert first[name].figure == second[name].figure
    shares = [f.value for f in first.values() if "%" in f.figure]
    assert all(0 <= share <= 1 for share in shares)


# ------------------------------------------------------------------ broken variants


def known_visits_of_all_time(found):
    return float(1 - found.first.mean())


def buy_again_in_one_visit(interactions, found):
    taken = pd.DataFrame({"user": interactions.users, "item": interactions.items})
    return float(taken.duplicated().mean())


BROKEN = [
    (figures, "known_visit_share", known_visits_of_all_time, test_known_visits_count_only_the_newest_fifth),
    (figures, "buy_again_share", buy_again_in_one_visit, test_taken_again_counts_earlier_visits_only),
    (
        figures,
        "one_visit_share",
        lambda found: float((np.bincount(found.users) >= 1).mean()),
        test_users_seen_once_are_counted_by_visits_not_by_events,
    ),
    (audience, "at_least", lambda value, good, bearable: GOOD if value > good else WATCH if value > bearable else BAD, None),
    (trust, "at_most", lambda value, good, bearable: GOOD, test_click_and_watch_twins_are_a_leak),
]


@pytest.mark.parametrize(("module", "name", "broken", "test"), BROKEN, ids=[name for _, name, _, _ in BROKEN])
def test_broken_variants_are_caught(monkeypatch, module, name, broken, test):
    monkeypatch.setattr(module, name, broken)
    with pytest.raises(AssertionError):
        test() if test else test_a_figure_on_the_threshold_gets_the_better_verdict(*EDGES[0])


# ------------------------------------------------------------------ real data


HEADLINES = {
    "online-retail": {"events without a user": WATCH, "taken again": WATCH, "events in a basket": WATCH, "known": GOOD},
    "movielens-small": {"users seen once": WATCH, "users to test on": WATCH, "taken again": GOOD, "new items": WATCH},
    "movielens-small-as-aws": {"doubled events": BAD, "answers in the question": BAD},
    "movielens-small-clicks": {"doubled events": GOOD, "answers in the question": GOOD, "users to test on": WATCH},
}


@pytest.mark.parametrize("name", HEADLINES)
def test_headlines_of_real_data(data_dir, name):
    told = found(datasets.load(name))
    expected = {{"known": "visits by known users"}.get(key, key): verdict for key, verdict in HEADLINES[name].items()}
    assert {key: told[key].verdict for key in expected} == expected
    repair = name == "movielens-small-as-aws"
    assert fit_check.decide(list(told.values())).sentence.startswith("Repair" if repair else "Nothing speaks against it")
    assert (fit_check.worst(list(told.values())) == BAD) == repair
