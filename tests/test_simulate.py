"""The simulated users: they come as in the data, look as the behaviour says, take what the oracle says, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import datasets
from helpers.datasets.shop.model import END
from helpers.datasets.shop.simulate import WEEK, Behaviour, simulate, visit_rates
from helpers.errors import InputError

START_4 = END - 4 * WEEK


@pytest.fixture(scope="module")
def shop():
    return datasets.load("gift-shop")


@pytest.fixture(scope="module")
def best_sellers(shop):
    before = shop.interactions.before(START_4)
    popular = np.argsort(-np.bincount(before.items, minlength=before.n_items), kind="stable")[:10]
    return lambda histories: np.tile(popular, (len(histories), 1))


@pytest.fixture(scope="module")
def wished(shop):
    """A policy that knows the truth: the ten likeliest items."""
    return lambda histories: np.argsort(-shop.oracle.scores(histories), axis=1, kind="stable")[:, :10]


def rows_of(log, users):
    """The fields of the log for some users, in its own order."""
    chosen = np.isin(log.users, users)
    names = ("users", "weeks", "times", "items", "taken", "bought", "values", "devices")
    return {name: getattr(log, name)[chosen] for name in names}


def same(a, b):
    return all(np.array_equal(a[name], b[name], equal_nan=name == "values") for name in a)


def test_a_user_is_the_same_alone_and_in_company(shop, wished):
    everybody = simulate(wished, None, 2, 7, shop=shop)
    some = np.unique(everybody.users)[::10]
    shuffled = np.random.default_rng(0).permutation(some)
    alone = simulate(wished, shuffled, 2, 7, shop=shop)
    named = simulate(wished, shop.interactions.user_ids.ids[shuffled], 2, 7, shop=shop)
    assert (
        len(alone) > 20
        and same(rows_of(everybody, some), rows_of(alone, some))
        and same(rows_of(alone, some), rows_of(named, some))
    )
    assert not same(rows_of(everybody, some), rows_of(simulate(wished, some, 2, 8, shop=shop), some))


def test_week_by_week_is_all_at_once(shop, wished):
    some = np.arange(0, 2500, 3)
    whole = simulate(wished, some, 2, 7, shop=shop)
    first = simulate(wished, some, 1, 7, shop=shop, start=END - 2 * WEEK)
    grown = shop.with_interactions(first.added_to(shop.interactions.before(END - 2 * WEEK)))
    second = simulate(wished, some, 1, 7, shop=grown)
    assert len(whole) == len(first) + len(second)
    np.testing.assert_array_equal(whole.taken, np.concatenate([first.taken, second.taken]))
    np.testing.assert_array_equal(whole.items, np.concatenate([first.items, second.items]))


def test_users_come_as_often_as_in_the_data(shop):
    log, oracle = shop.interactions, shop.oracle
    came, expected = [], []
    for begin in END - WEEK * np.arange(1, 53):
        inside = (log.timestamps >= begin) & (log.timestamps < begin + WEEK)
        came.append(len(np.unique(log.users[inside])))
        expected.append((1 - np.exp(-visit_rates(oracle, begin))).sum())
    assert sum(came) == pytest.approx(sum(expected), rel=0.05)
    assert np.corrcoef(came, expected)[0, 1] > 0.95


def test_visits_lie_within_the_week_and_the_stay(shop, best_sellers):
    log = simulate(best_sellers, None, 4, 0, shop=shop)
    people = shop.oracle.world.users
    begin = START_4 + log.weeks * WEEK
    assert ((log.times >= begin) & (log.times < begin + WEEK)).all()
    a_day = 86_400
    assert (log.times > people.joined[log.users] - a_day).all() and (log.times < people.left[log.users] + a_day).all()
    assert len(np.unique(log.users * 10 + log.weeks)) == len(log), "one list a user and week"


def takes_fit(shop, policy, behaviour, examined) -> bool:
    """Whether takes at each position lie within 5 standard errors of ``examined[j] * p(item at j)``, over many repeated weeks."""
    chances, takes = 0.0, 0.0
    for seed in range(6):
        log = simulate(policy, None, 1, seed, shop=shop, start=END - 6 * WEEK, behaviour=behaviour)
        known = shop.interactions.before(END - 6 * WEEK).of_users(log.users).at(log.times)
        likely = np.take_along_axis(shop.oracle.scores(known), log.items, axis=1) * examined
        chances = chances + np.stack([likely.sum(axis=0), (likely * (1 - likely)).sum(axis=0)])
        takes = takes + np.bincount(log.taken[log.took], minlength=log.items.shape[1])
    return bool((np.abs(takes - chances[0]) <= 5 * np.sqrt(chances[1]) + 1e-9).all())


def test_what_is_taken_is_examination_times_true_preference(shop, wished):
    busy = Behaviour(visit_rate=5.0)
    assert takes_fit(shop, wished, busy, 1 / np.arange(1, 11))
    assert takes_fit(shop, wished, Behaviour(eta=0.0, visit_rate=5.0), np.ones(10))
    assert not takes_fit(shop, wished, busy, np.ones(10)), "the check would not notice users without a position bias"
    assert not takes_fit(shop, wished, busy, 1 / np.arange(1, 11)[::-1])


def test_a_better_policy_is_worth_more_and_regret_is_never_negative(shop, best_sellers, wished):
    logs = {name: simulate(policy, None, 4, 0, shop=shop) for name, policy in (("popular", best_sellers), ("best", wished))}
    assert logs["best"].took.mean() > 4 * logs["popular"].took.mean()
    for log in logs.values():
        assert (log.best - log.chance > -1e-9).all()
        sum_of = log.chance.sum()
        assert abs(log.took.sum() - sum_of) < 5 * np.sqrt(sum_of)
    np.testing.assert_allclose(logs["best"].chance, logs["best"].best)


def test_nothing_shown_nothing_taken(shop):
    nothing = simulate(lambda histories: np.full((len(histories), 3), -1), None, 1, 0, shop=shop)
    assert len(nothing) and not nothing.took.any() and not nothing.bought.any() and len(nothing.events()) == 0
    assert nothing.impressions().sum() == 0 and (nothing.best > 0).all() and len(nothing.frame()) == 0


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 3), st.floats(0, 1), st.floats(0.1, 5), st.integers(1, 25), st.floats(0, 20))
def test_examination_is_a_probability_that_falls_with_the_position_and_with_age(eta, novelty, fade, k, age):
    behaviour = Behaviour(eta=eta, novelty=novelty, novelty_weeks=fade)
    usual, fresh, later = behaviour.examination(k), behaviour.examination(k, age), behaviour.examination(k, age + 1)
    assert usual[0] == 1 and (usual >= 0).all() and (fresh <= 1 + 1e-12).all()
    assert (np.diff(usual) <= 1e-12).all() and (fresh >= later - 1e-12).all() and (later >= usual - 1e-12).all()


def test_novelty_lifts_the_first_weeks_only(shop, wished):
    plain, new = (simulate(wished, None, 8, 0, shop=shop, behaviour=Behaviour(novelty=n, novelty_weeks=0.7)) for n in (0, 1))
    first, last = plain.weeks == 0, plain.weeks == 7
    assert new.chance[first].mean() > 1.3 * plain.chance[first].mean()
    assert new.chance[last].mean() == pytest.approx(plain.chance[last].mean(), rel=0.05)
    old = simulate(wished, None, 8, 0, shop=shop, behaviour=Behaviour(novelty=1, novelty_weeks=0.7), list_age=100)
    np.testing.assert_array_equal(old.taken, plain.taken)


def test_the_log_can_be_fed_back(shop, wished):
    log = simulate(wished, None, 1, 0, shop=shop, start=START_4)
    events, places = log.events(), log.frame()
    assert list(events.columns) == ["USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE", "EVENT_VALUE", "DEVICE"]
    assert len(events) == log.took.sum() and len(places) == log.items.size
    assert set(events.EVENT_TYPE) == {"purchase", "view"} and set(events.DEVICE) == {"desktop", "mobile", "tablet"}
    bought = events.EVENT_TYPE == "purchase"
    assert events[bought].EVENT_VALUE.between(1, 5).all() and events[~bought].EVENT_VALUE.isna().all()
    clicked = places[places.CLICKED]
    assert clicked.ITEM_ID.tolist() == events.ITEM_ID.tolist() and clicked.BOUGHT.tolist() == bought.tolist()
    assert (np.bincount(shop.interactions.item_ids.codes(places.ITEM_ID), minlength=len(log.item_ids)) == log.impressions()).all()
    grown = log.added_to(shop.interactions.before(START_4))
    assert len(grown) == len(shop.interactions.before(START_4)) + len(events) and grown.user_ids == shop.interactions.user_ids


def test_events_after_the_start_are_not_known(shop, wished):
    past = shop.with_interactions(shop.interactions.before(START_4))
    np.testing.assert_array_equal(
        simulate(wished, None, 1, 0, shop=shop, start=START_4).taken, simulate(wished, None, 1, 0, shop=past, start=START_4).taken
    )


def test_wrong_requests_are_refused(shop, best_sellers):
    def refused(match, policy=best_sellers, users=None, weeks=1, shop=shop, **more):
        with pytest.raises(InputError, match=match):
            simulate(policy, users, weeks, 0, shop=shop, **more)

    refused("gift-shop", shop=datasets.toy_dataset("toy", {"u": ["a", "b"]}))
    refused("Unix seconds", weeks=0)
    refused("Unix seconds", weeks=53)
    refused("Unix seconds", start=END)
    refused("no customers", users=["nobody"])
    refused("twice", users=[1, 1])
    refused("twice in one list", policy=lambda h: np.zeros((len(h), 2), int))
    refused("outside", policy=lambda h: np.full((len(h), 2), 10**6))
    refused("whole numbers", policy=lambda h: np.zeros((len(h), 2)))
    refused("shape", policy=lambda h: np.zeros((1, 2), int))
    for wrong in ({"eta": -1}, {"visit_rate": 0}, {"novelty": 2}, {"novelty_weeks": 0}):
        with pytest.raises(InputError, match="novelty"):
            Behaviour(**wrong)
