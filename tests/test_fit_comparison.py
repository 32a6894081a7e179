"""Does personalisation beat a rule? Planted answers, the rules by hand, the outcome at its thresholds, the decision."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers import datasets, fit_check, metrics, splits
from helpers.datasets.dataset import Dataset, toy_dataset
from helpers.errors import InputError
from helpers.fit_check import cases, comparison, decision, quick_blend, simple_rules
from helpers.fit_check.comparison import PAYS, PAYS_LITTLE, RULE, UNSURE
from helpers.fit_check.finding import BAD, GOOD, WATCH, Finding
from helpers.interactions import Histories
from helpers.metrics import Interval, PairedTest
from helpers.recipes.top_k import top_k

DAY = 86_400
TEA, CUP, JAM = "tea", "cup", "jam"


def planted(kind: str, users: int = 150, items: int = 120, days: int = 60, seed: int = 0) -> Dataset:
    """A shop whose truth is known. ``taste``: everybody likes one of six kinds of items and takes something new of it each time.
    ``again``: everybody takes three items over and over, one of them mostly. ``alike``: everybody draws from one popularity."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        mine = rng.permutation(np.arange(user % 6, items, 6)) if kind == "taste" else rng.permutation(items)[:3]
        for visit in range(12):
            place = visit if kind == "taste" else rng.choice(3, p=[0.7, 0.2, 0.1])
            drawn = min(items - 1, rng.zipf(1.5)) if kind == "alike" else mine[place]
            rows.append((f"u{user:03}", f"i{drawn:03}", int((visit + rng.random()) * days / 12 * DAY)))
    return Dataset.from_frames(kind, pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"]))


# ------------------------------------------------------------------ the rules by hand


def small():
    """Two users, three items; tea was popular long ago, jam lately."""
    rows = [("u", TEA, 0), ("v", TEA, 0), ("u", TEA, 1), ("v", JAM, 70), ("u", CUP, 71), ("v", JAM, 72)]
    frame = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    return Dataset.from_frames("small", frame.assign(TIMESTAMP=frame["TIMESTAMP"] * DAY)).interactions


def lists(rule, day=80):
    interactions = small()
    asked = interactions.histories.at(day * DAY)
    return [[interactions.item_ids.ids[code] for code in row if code >= 0] for row in top_k(rule(interactions, asked), 3)[0]]


def test_each_rule_by_hand():
    assert lists(simple_rules.most_popular)[0] == [TEA, CUP, JAM]  # two users had tea; cup and jam tie, by id
    assert lists(simple_rules.popular_lately)[0] == [JAM, CUP, TEA]
    assert lists(simple_rules.popular_and_new) == [[JAM], [CUP]]
    assert lists(simple_rules.buy_again) == [[TEA, CUP, JAM], [JAM, TEA, CUP]]


def test_lately_means_before_the_question():
    """Asked on day 20, jam and cup lie in the future and only tea was popular lately."""
    scores = simple_rules.popular_lately(small(), small().histories.at(20 * DAY))
    assert scores[0].argmax() == small().item_ids.codes([TEA])[0]
    assert (scores[:, small().item_ids.codes([CUP, JAM])] < 0.5).all()


def test_the_blend_starts_as_the_rule_buy_again():
    interactions = planted("again").interactions
    parts = splits.split(interactions, "temporal")
    evidence = quick_blend._train(Dataset("again", parts.train), quick_blend.AS_THE_RULE)
    by_rule = top_k(simple_rules.buy_again(parts.train, parts.inputs), 25)[0]
    np.testing.assert_array_equal(top_k(evidence.score(parts.inputs), 25)[0], by_rule)


def test_weights_follow_the_evidence_that_finds():
    """Four parts, three users who each take another item: only the second part points at it."""
    truth = Histories.of([[0], [1], [2]])
    evidence = np.zeros((4, 3, 30), np.float32)
    evidence[0, :, 7] = evidence[3, :, 8] = 1
    evidence[1, np.arange(3), np.arange(3)] = 1
    evidence[2, :, 9:29] = 5
    weights = quick_blend.choose_weights(evidence, truth)
    assert quick_blend.ndcg(np.tensordot(weights, evidence, axes=1), truth).tolist() == [1, 1, 1]


def test_rows_are_spread_and_few_where_the_catalogue_is_large():
    assert quick_blend.spread(10, 5).tolist() == list(range(10))
    assert quick_blend.spread(1_000, 5, most=3).tolist() == [0, 499, 999]
    assert len(quick_blend.spread(1_000, 10_000_000)) == 2


# ------------------------------------------------------------------ planted answers


@pytest.fixture(scope="module")
def compared():
    return {kind: fit_check.measure(planted(kind)) for kind in ("taste", "again", "alike")}


def test_taste_pays(compared):
    told = compared["taste"]
    assert told.outcome == PAYS and told.gain.low > 0.5 and told.best_rule == "popular lately, not yet had"
    assert told.split == "temporal" and 100 <= told.users <= 150


def test_pure_repurchase_needs_no_more_than_a_rule(compared):
    assert compared["again"].outcome == RULE
    assert compared["again"].best_rule == "buy again" and compared["again"].rules["buy again"].mean() > 0.7


def test_where_everybody_is_alike_personal_lists_find_no_more(compared):
    told = compared["alike"]
    assert told.best_rule in ("most popular", "popular lately") and told.outcome in (RULE, UNSURE)
    assert told.gain.low <= 0


def test_the_table_and_the_same_figures_twice(compared):
    again = fit_check.measure(planted("taste"))
    pd.testing.assert_frame_equal(again.table(), compared["taste"].table())
    table = compared["taste"].table()
    assert table["NDCG at 25"].is_monotonic_decreasing and set(table["kind"]) == {"rule", "personal"}
    assert (table["low"] <= table["NDCG at 25"]).all() and (table["NDCG at 25"] <= table["high"]).all()


def test_another_recipe_can_be_the_contender():
    told = fit_check.measure(planted("taste"), recipe="aws-popularity-count")
    assert told.contender == "aws-popularity-count"
    np.testing.assert_array_equal(told.personal["aws-popularity-count"], told.rules["most popular"])
    assert told.outcome in (RULE, UNSURE)


def test_what_cannot_be_measured_says_so():
    with pytest.raises(InputError, match="needs at least 1000"):
        fit_check.measure(toy_dataset("tiny", {"u": ["a", "b"]}))
    one_visit = {f"u{k}": ["a", "b"] for k in range(600)}
    frame = toy_dataset("crowd", one_visit).interactions.frame().assign(TIMESTAMP=5)
    with pytest.raises(InputError, match="fewer than 25 users can be asked"):
        fit_check.measure(Dataset.from_frames("crowd", frame))
    with pytest.raises(InputError, match="unknown recipe"):
        fit_check.measure(planted("again"), recipe="aws-nonsense")
    with pytest.raises(InputError, match="finds users"):
        fit_check.measure(planted("again"), recipe="aws-item-affinity")


def test_few_returning_users_are_asked_for_their_newest_basket():
    """Every user comes in a month of their own: nobody is there before and after one moment, everybody has a newest basket."""
    frame = planted("taste").interactions.frame()
    frame["TIMESTAMP"] += frame["USER_ID"].str[1:].astype(int) * 90 * DAY
    told = fit_check.measure(Dataset.from_frames("one by one", frame))
    assert told.split == "last-basket" and told.users == 150


# ------------------------------------------------------------------ the outcome at its thresholds


def outcome_of(low, mean, high, p=0.01):
    return PairedTest(Interval(mean, low, high), p), Interval(mean, low, high)


@pytest.mark.parametrize(
    ("users", "test", "expected"),
    [
        (24, outcome_of(0.2, 0.3, 0.4), UNSURE),
        (25, outcome_of(0.2, 0.3, 0.4), PAYS),
        (100, outcome_of(0.01, 0.05, 0.09), PAYS),
        (100, outcome_of(0.01, 0.049, 0.09), PAYS_LITTLE),
        (100, outcome_of(-0.02, 0.03, 0.08, p=0.2), RULE),
        (100, outcome_of(-0.02, 0.04, 0.1, p=0.2), UNSURE),
        (100, outcome_of(-0.4, -0.3, -0.2), RULE),
    ],
)
def test_the_outcome(users, test, expected):
    assert comparison.judge(users, *test) == expected


def test_relative_gain_by_hand():
    a, b = np.array([0.2, 0.4, 0.6]), np.array([0.1, 0.2, 0.3])
    gain = comparison.relative_gain(a, b)
    assert (gain.mean, gain.low, gain.high) == pytest.approx((1, 1, 1))  # twice as much for every user: certain
    nothing = np.zeros(3)
    assert comparison.relative_gain(a, nothing).mean == np.inf and comparison.relative_gain(nothing, nothing).mean == 0


# ------------------------------------------------------------------ the decision


def finding(name, verdict):
    return Finding(name, verdict, "5", "", "", 5.0)


ALL_GOOD = [finding(name, GOOD) for name in (*decision.AMOUNT, *decision.TRUST, *decision.WHO, decision.SEVERAL)]


def with_bad(*names):
    return [replace(f, verdict=BAD) if f.name in names else f for f in ALL_GOOD]


def test_the_gravest_reason_decides(compared):
    pays = compared["taste"]
    assert decision.sentence(ALL_GOOD).startswith("Nothing speaks against it")
    assert decision.sentence(ALL_GOOD, pays).startswith("Yes, personalisation pays")
    assert decision.sentence(ALL_GOOD, compared["again"]).startswith("A rule would do")
    order = [
        ("visits by known users", "Not for personal lists"),
        ("doubled events", "Repair the data"),
        ("interactions", "Not yet"),
    ]
    bad = []
    for name, start in order:
        bad.append(name)
        assert decision.sentence(with_bad(*bad), pays).startswith(start)


def test_the_headline_is_the_same_for_the_same_answer(compared):
    headlines = [
        fit_check.decide(found, made).headline
        for found, made in (
            (ALL_GOOD, None),
            (ALL_GOOD, compared["taste"]),
            (ALL_GOOD, compared["again"]),
            (with_bad("interactions"), None),
            (with_bad("doubled events"), compared["taste"]),
            (with_bad("users seen once"), None),
        )
    ]
    assert headlines == [
        "Nothing speaks against it",
        "Yes, personalisation pays",
        "A rule would do",
        "Not yet",
        "Repair the data first",
        "Not for personal lists",
    ]


def fits(found, comparison=None):
    return fit_check.decide(found, comparison).table()["fits"].to_dict()


def test_each_use_stands_for_itself(compared):
    personal = ["recommendations for a user", "a list in personal order"]
    assert fits(ALL_GOOD)["recommendations for a user"] == "measure first"
    assert [fits(ALL_GOOD, compared["taste"])[use] for use in personal] == ["yes", "yes"]
    assert [fits(ALL_GOOD, compared["again"])[use] for use in personal] == ["no", "no"]
    nobody = fits(with_bad("visits by known users"), compared["taste"])
    assert (nobody["recommendations for a user"], nobody["related items"], nobody["segments for a campaign"]) == (
        "no",
        "yes",
        "no",
    )
    assert set(fits(with_bad("interactions")).values()) == {"not yet", "yes"}  # best sellers can always be shown
    assert fits(with_bad(decision.SEVERAL))["related items"] == "no"


def test_a_guest_account_must_go_first():
    assert decision.sentence(with_bad("the busiest user")).startswith("Repair the data first (the busiest user")


def test_best_sellers_follow_the_trend_only_where_there_is_one():
    def shelf(verdict, value):
        return fit_check.decide([*ALL_GOOD, Finding("drift", verdict, "", "", "", value)]).table()["with"][
            "a shelf of best sellers"
        ]

    assert shelf(WATCH, 0.3) == "aws-trending-now"
    assert shelf(WATCH, float("nan")) == shelf(GOOD, 0.9) == "aws-popularity-count"


def test_attributes_choose_the_recipe():
    with_ = fit_check.decide(ALL_GOOD, attributes=True).table()["with"]
    without = fit_check.decide(ALL_GOOD).table()["with"]
    assert (with_["related items"], without["related items"]) == ("aws-similar-items", "aws-sims")


def test_a_full_recipe_is_pointed_to_only_where_it_was_not_measured(compared):
    told = compared["again"]
    assert "measure it before you decide" in decision.sentence(ALL_GOOD, told)
    full = replace(told, contender=decision.FULL, personal={decision.FULL: told.personal[told.contender]})
    assert "measure it before you decide" not in decision.sentence(ALL_GOOD, full)


# ------------------------------------------------------------------ businesses where it does not pay


def tiny_shop():
    """Two users; u takes tea, cup, tea, jam on four days of one week, v takes jam in the next week, twice in one visit."""
    rows = [("u", TEA, 0), ("u", CUP, 1), ("u", TEA, 2), ("u", JAM, 3), ("v", JAM, 7), ("v", CUP, 7)]
    frame = pd.DataFrame(rows, columns=["USER_ID", "ITEM_ID", "TIMESTAMP"])
    return Dataset.from_frames("tiny", frame.assign(TIMESTAMP=(frame["TIMESTAMP"] + 4) * DAY))  # weeks begin on day 0 and 7


def lines(dataset):
    return [tuple(row) for row in dataset.interactions.frame()[["USER_ID", "ITEM_ID"]].to_numpy()]


def test_cases_take_one_thing_away():
    shop = tiny_shop()
    assert set(lines(cases.too_little(shop, users=1))) in ({("u", TEA), ("u", CUP), ("u", JAM)}, {("v", JAM), ("v", CUP)})
    assert [item for _, item in lines(cases.nameless(shop))] == [item for _, item in lines(shop)]
    assert cases.nameless(shop).interactions.n_users == 5
    assert lines(cases.only_again(shop, items=1)) == [("u", TEA), ("u", TEA), ("v", JAM)]
    assert lines(cases.only_again(shop, items=9)) == lines(shop)


def test_dealing_items_out_keeps_what_is_popular_in_each_week():
    shop = planted("taste")
    dealt = cases.all_alike(shop)
    by_week = [
        frame.assign(week=frame["TIMESTAMP"] // cases.WEEK).groupby("week")["ITEM_ID"].apply(sorted)
        for frame in (shop.interactions.frame(), dealt.interactions.frame())
    ]
    pd.testing.assert_series_equal(*by_week)
    assert (shop.interactions.timestamps == dealt.interactions.timestamps).all()
    assert (shop.interactions.items != dealt.interactions.items).mean() > 0.9


def test_each_case_gets_its_verdict():
    shop = planted("taste")
    told = {
        name: fit_check.by_name(fit_check.findings(make(shop)))
        for name, make in (("few", cases.too_little), ("none", cases.nameless))
    }
    assert told["few"]["interactions"].verdict == BAD and told["none"]["visits by known users"].verdict == BAD
    again, alike = (fit_check.measure(make(shop)) for make in (lambda d: cases.only_again(planted("again"), 3), cases.all_alike))
    assert again.outcome == RULE and again.best_rule == "buy again"
    assert alike.outcome in (RULE, UNSURE) and alike.gain.low <= 0


# ------------------------------------------------------------------ broken variants


def test_nothing_is_learned_from_after_the_cut(monkeypatch):
    dataset = planted("taste")
    parts = splits.split(dataset.interactions, "temporal")
    cut, learned_from = int(parts.inputs.now[0]), []
    fit = quick_blend.fit
    monkeypatch.setattr(quick_blend, "fit", lambda train, *more: learned_from.append(train.interactions) or fit(train, *more))
    fit_check.measure(dataset)
    assert [len(train) for train in learned_from] == [len(parts.train)]
    assert all(train.timestamps.max() < cut for train in learned_from)


def test_counting_the_future_as_lately_is_caught(monkeypatch):
    def anytime(train, asked):
        counts = np.bincount(train.items, minlength=train.n_items).astype(np.float32)
        return np.tile(counts / (counts.max() + 1), (len(asked), 1))

    monkeypatch.setattr(simple_rules, "popular_lately", anytime)
    with pytest.raises(AssertionError):
        test_lately_means_before_the_question()


def test_a_test_without_pairs_is_caught(compared):
    """Against itself, a contender's gain is exactly 0 only if users are compared in pairs."""
    values = compared["alike"].rules["popular lately"]
    assert comparison.relative_gain(values, values) == Interval(0, 0, 0)
    assert metrics.paired_test(values, values).p_value == 1


# ------------------------------------------------------------------ real data


@pytest.mark.parametrize(
    ("name", "split", "best_rule", "outcome"),
    [
        ("online-retail", "temporal", "buy again", PAYS_LITTLE),
        ("movielens-small-clicks", "last-basket", "popular lately, not yet had", PAYS),
    ],
)
def test_outcomes_on_real_data(data_dir, name, split, best_rule, outcome):
    told = fit_check.measure(datasets.load(name))
    assert (told.split, told.best_rule, told.outcome) == (split, best_rule, outcome)
    assert told.personal["quick blend"].mean() > told.personal["aws-sims"].mean()
