"""Exploration: who gets a bonus, how large it is, by hand and for any numbers; and broken variants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.interactions import Histories
from helpers.recipes.exploration import DAY, draw_luck, eligible, with_bonus
from helpers.recipes.top_k import top_k


def users(codes):
    n = len(codes)
    return Histories(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(n + 1, np.int64), np.array(codes, np.int32))


def check_by_hand(bonus):
    """The list holds two items, so its last has 0.3; the third item is new, met once: 0.5 * luck 2 * 0.3 / 2 = 0.15."""
    likely = np.array([[0.5, 0.3, 0.2]])
    new, met, luck = np.array([[False, False, True]]), np.array([7, 0, 1]), np.full((1, 3), 2.0)
    explored = bonus(likely, new, met, 0.5, 2, luck, None)
    np.testing.assert_allclose(explored, [[0.5 / 1.15, 0.3 / 1.15, 0.35 / 1.15]])
    assert (likely == [[0.5, 0.3, 0.2]]).all()


def check_allowed(bonus):
    """The first item must not be listed, so the list's last is the third one: 0.5 * 1 * 0.2 / 1 = 0.1 for the new item."""
    explored = bonus(
        np.array([[0.5, 0.3, 0.2, 0.0]]), np.array([[False] * 3 + [True]]), np.zeros(4), 0.5, 2, np.ones((1, 4)),
        np.array([False, True, True, True]),
    )  # fmt: skip
    np.testing.assert_allclose(explored, [[0.5 / 1.1, 0.3 / 1.1, 0.2 / 1.1, 0.1 / 1.1]])


def check_properties(bonus):
    rng = np.random.default_rng(0)
    likely = rng.dirichlet(np.ones(20), 30)
    new = rng.random((30, 20)) < 0.3
    luck, met = rng.exponential(size=(30, 20)), rng.integers(0, 5, 20)
    for weight in (0.1, 1.0):
        explored = bonus(likely, new, met, weight, 5, luck, None)
        np.testing.assert_allclose(explored.sum(axis=1), 1)
        share = explored / likely
        for row in range(30):
            old = share[row, ~new[row]]
            np.testing.assert_allclose(old, old[0])  # all others give way alike
            assert old[0] <= 1 and (share[row, new[row]] > old[0]).all()


CHECKS = {check.__name__: check for check in (check_by_hand, check_allowed, check_properties)}


@pytest.mark.parametrize("check", CHECKS)
def test_bonus(check):
    CHECKS[check](with_bonus)


def _for_all(likely, new, *rest):
    return with_bonus(likely, np.ones_like(new), *rest)


def _however_often_met(likely, new, met, *rest):
    return with_bonus(likely, new, 0 * met, *rest)


def _unscaled(likely, new, met, weight, k, luck, allowed):
    explored = with_bonus(likely, new, met, weight, k, luck, allowed)
    return explored * likely[:, :1] / explored[:, :1]


def _beyond_the_filter(likely, new, met, weight, k, luck, allowed):
    return with_bonus(likely, new, met, weight, k, luck, None)


BROKEN = {
    _for_all: "check_properties",
    _however_often_met: "check_by_hand",
    _unscaled: "check_properties",
    _beyond_the_filter: "check_allowed",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_bonus_is_noticed(broken):
    with pytest.raises(AssertionError):
        CHECKS[BROKEN[broken]](broken)


SCORES = hnp.arrays(np.float64, (3, 6), elements=st.floats(0.01, 1))


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES, hnp.arrays(bool, (3, 6)), st.floats(0, 1), st.integers(1, 9))
def test_any_numbers(raw, luck, new, weight, k):
    likely = raw / raw.sum(axis=1, keepdims=True)
    explored = with_bonus(likely, new, np.arange(6), weight, k, luck, None)
    np.testing.assert_allclose(explored.sum(axis=1), 1)
    if weight == 0 or not new.any():
        assert explored is likely
    assert (np.argsort(np.where(new, 0, explored), axis=1) == np.argsort(np.where(new, 0, likely), axis=1)).all()


def test_the_more_often_met_the_smaller_the_bonus():
    likely = np.array([[0.4, 0.3, 0.1, 0.1, 0.1]])
    new = np.array([[False, False, True, True, True]])
    explored = with_bonus(likely, new, np.array([0, 0, 0, 1, 9]), 1.0, 2, np.ones((1, 5)), None)[0]
    gained = explored[2:] * (1 + 0.3 + 0.15 + 0.03) - 0.1
    np.testing.assert_allclose(gained, [0.3, 0.15, 0.03])


def test_new_means_younger_than_the_cut_off():
    now = np.array([100 * DAY, 130 * DAY])
    created = np.array([0, 70 * DAY, 71 * DAY, 100 * DAY])
    assert eligible(created, now, 30).tolist() == [[False, False, True, True], [False, False, False, False]]
    assert eligible(created, now, 0).sum() == 0


def test_luck_belongs_to_user_seed_and_request():
    batch = draw_luck(users([4, 7, -1]), 5, seed=1, request=2)
    assert batch.shape == (3, 5) and (batch > 0).all()
    for row, code in enumerate((4, 7, -1)):
        assert (draw_luck(users([code]), 5, seed=1, request=2)[0] == batch[row]).all()
    others = [draw_luck(users([4]), 5, seed=s, request=r)[0].tolist() for s, r in ((1, 2), (2, 2), (1, 3), (2, 1))]
    assert len({tuple(draw) for draw in others}) == 4
    assert draw_luck(users([]), 5, 0, 0).shape == (0, 5)
    assert draw_luck(users(range(300)), 20, 0, 0).mean() == pytest.approx(1, abs=0.05)


def _share_of_lists(weight, met, requests=20_000):
    """How often an item makes the list that recommending alone would never show."""
    likely = np.tile(np.array([0.4, 0.35, 0.25 - 1e-9, 1e-9]), (requests, 1))
    new = np.tile([False, False, False, True], (requests, 1))
    luck = np.random.default_rng(0).exponential(size=(requests, 4))
    explored = with_bonus(likely, new, np.array([0, 0, 0, met]), weight, 2, luck, None)
    return (top_k(explored, 2)[0] == 3).any(axis=1).mean()


def test_the_share_of_requests_rises_with_the_weight_and_is_what_the_text_says():
    shares = [_share_of_lists(weight, met=0) for weight in (0, 0.1, 0.3, 0.6, 1)]
    assert shares[0] == 0 and all(np.diff(shares) >= 0) and shares[-1] > shares[2] > 0
    # the bonus must exceed the list's last: luck > (1 + met) / weight, and luck is exponential
    expected = [np.exp(-(1 + met) / 0.3) for met in (0, 1)]
    assert [_share_of_lists(0.3, met) for met in (0, 1)] == pytest.approx(expected, abs=0.005)
    assert 1 / 35 < expected[0] < 1 / 25 and 1e-6 < np.exp(-4 / 0.3) < 2e-6
