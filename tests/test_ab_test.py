"""A/B machinery: known answers, the promised rates of error, and broken ways to test that must be noticed."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers import ab_test
from helpers.ab_test import (
    always_valid_p_values,
    assign,
    compare_means,
    compare_rates,
    p_values,
    users_for_means,
    users_for_rates,
)
from helpers.errors import InputError

USERS = [str(10_001 + u) for u in range(4000)]

# ---------------------------------------------------------------- who sees what


def test_assignment_never_changes():
    assert assign(USERS[:12], "new list").tolist() == assign(USERS[:12], "new list").tolist() == [*assign(USERS, "new list")[:12]]
    assert assign(["ann", "eve", "finn", "hal"], "checkout").tolist() == [1, 1, 0, 0], (
        "an experiment that runs would be reshuffled"
    )


def assigned_elsewhere(hash_seed: str, body: str) -> str:
    """Run ``body`` in another process, as another server would."""
    code = f"from helpers.ab_test import assign\nusers = [str(u) for u in range(200)]\nprint({body})"
    env = os.environ | {"PYTHONHASHSEED": hash_seed}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout


def test_assignment_is_the_same_on_another_server():
    ours, pythons = "assign(users, 'x').tolist()", "[hash('x' + user) % 2 for user in users]"
    assert assigned_elsewhere("1", ours) == assigned_elsewhere("2", ours)
    assert assigned_elsewhere("1", pythons) != assigned_elsewhere("2", pythons), "the check would not notice Python's own hash"


def is_balanced(variant: np.ndarray, shares) -> bool:
    return ab_test.sample_ratio(np.bincount(variant, minlength=len(shares)), shares) > 1e-6


def are_independent(one: np.ndarray, other: np.ndarray) -> bool:
    table = np.histogram2d(one, other, bins=2)[0] + 0.5
    return stats.chi2_contingency(table).pvalue > 1e-6


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from([(0.5, 0.5), (0.9, 0.1), (0.2, 0.3, 0.5)]))
def test_assignment_is_balanced_and_knows_nothing_of_other_experiments(name, other, shares):
    variant = assign(USERS, name, shares)
    assert is_balanced(variant, shares)
    if name != other:
        assert are_independent(assign(USERS, name), assign(USERS, other))


def test_lazy_assignments_would_be_noticed():
    by_parity = np.array([int(user) % 2 for user in USERS])
    assert is_balanced(by_parity, (0.5, 0.5)) and not are_independent(by_parity, by_parity), "the salt is ignored"
    assert not is_balanced(np.array([int(user[0]) % 2 for user in USERS]), (0.5, 0.5))


def test_wrong_shares_are_refused():
    for shares in ((0.5, 0.4), (1.5, -0.5)):
        with pytest.raises(InputError, match="shares"):
            assign(USERS, "x", shares)


# ---------------------------------------------------------------- how many


def test_sample_sizes_of_textbooks():
    assert users_for_rates(0.50, 0.25, power=0.9) == 77, "R's documentation of power.prop.test: 76.7"
    assert users_for_rates(0.05, 0.01, power=0.8) == users_for_rates(0.06, -0.01, power=0.8) == 8158
    assert users_for_means(1.0, 0.5) == 63, "Cohen 1988, table 2.4.1: 64 with the t distribution"
    assert users_for_means(10, 1) == pytest.approx(16 * 100, rel=0.02), "the rule of thumb"


@settings(deadline=None, max_examples=60)
@given(st.floats(0.05, 0.8), st.floats(0.01, 0.1), st.floats(0.5, 0.95))
def test_smaller_effects_and_more_certainty_need_more_users(rate, lift, power):
    needed = users_for_rates(rate, lift, power=power)
    assert users_for_rates(rate, lift / 2, power=power) > needed
    assert users_for_rates(rate, lift, power=power, alpha=0.01) > needed
    assert users_for_rates(rate, lift, power=power + 0.04) >= needed


def test_impossible_plans_are_refused():
    for wrong in ((0.0, 0.1), (0.95, 0.1), (0.5, 0.0)):
        with pytest.raises(InputError, match="rate"):
            users_for_rates(*wrong)
    with pytest.raises(InputError, match="power"):
        users_for_rates(0.5, 0.1, power=1.0)
    with pytest.raises(InputError, match="deviation"):
        users_for_means(0, 1)


# ---------------------------------------------------------------- the result


def test_difference_of_rates_by_hand():
    found = compare_rates([48, 56], [80, 70])
    assert (found.a, found.b, found.difference) == pytest.approx((48 / 80, 56 / 70, 56 / 70 - 48 / 80))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5), "Newcombe 1998, table II, example a, method 10"
    chi_square = stats.chi2_contingency([[48, 32], [56, 14]], correction=False).pvalue
    assert found.p_value == pytest.approx(chi_square) and found.significant
    assert str(found) == "+0.200 [+0.052, +0.334], p = 0.008"


def test_nothing_taken_and_everything_taken():
    assert compare_rates([0, 0], [50, 60]).p_value == compare_rates([50, 60], [50, 60]).p_value == 1
    none = compare_rates([0, 0], [50, 60])
    assert none.low < 0 < none.high and not none.significant


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 500), st.integers(1, 500), st.floats(0, 1), st.floats(0, 1))
def test_a_and_b_can_be_swapped(n_a, n_b, share_a, share_b):
    taken, users = [round(share_a * n_a), round(share_b * n_b)], [n_a, n_b]
    one, other = compare_rates(taken, users), compare_rates(taken[::-1], users[::-1])
    assert one.difference == pytest.approx(-other.difference) and one.p_value == pytest.approx(other.p_value)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low)) and one.low <= one.difference <= one.high


def test_difference_of_means_by_hand():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0, 8.0])
    found = compare_means(a, b)
    error = np.sqrt(1 / 3 + (20 / 3) / 4)
    freedom = error**4 / ((1 / 3) ** 2 / 2 + ((20 / 3) / 4) ** 2 / 3)
    assert found.difference == 3 and found.p_value == pytest.approx(2 * stats.t.sf(3 / error, freedom))
    assert found.high - found.difference == pytest.approx(stats.t.ppf(0.975, freedom) * error)


def test_wrong_counts_are_refused():
    for taken, users in (([1, 1], [0, 5]), ([6, 1], [5, 5]), ([-1, 1], [5, 5])):
        with pytest.raises(InputError, match="taken"):
            compare_rates(taken, users)
    with pytest.raises(InputError, match="two users"):
        compare_means(np.ones(1), np.ones(5))


# ---------------------------------------------------------------- the promised rates of error, in many simulated tests

REPEATS = 4000


def near(share: float, promised: float) -> bool:
    """Whether a share of REPEATS lies within five standard errors of what was promised."""
    return abs(share - promised) <= 5 * np.sqrt(promised * (1 - promised) / REPEATS)


def rejections(rate_a: float, rate_b: float, n: int) -> float:
    drawn = np.random.default_rng(0).binomial(n, [[rate_a], [rate_b]], (2, REPEATS))
    return float((p_values(drawn, np.full((2, REPEATS), n)) < 0.05).mean())


def test_equal_variants_are_told_apart_once_in_twenty_tests():
    assert near(rejections(0.2, 0.2, 2000), 0.05)


def test_a_lift_of_ten_percent_is_found_with_the_stated_power():
    n = users_for_rates(0.20, 0.02)
    assert near(rejections(0.20, 0.22, n), 0.8)
    assert not near(rejections(0.20, 0.22, n // 2), 0.8), "half of the users would pass for enough"


def test_means_keep_their_promises_too():
    generator, n = np.random.default_rng(1), users_for_means(2.0, 0.5)
    a, same, more = (generator.normal(mean, 2.0, (1000, n)) for mean in (1.0, 1.0, 1.5))
    rejected = [np.mean([compare_means(x, y).significant for x, y in zip(a, other, strict=True)]) for other in (same, more)]
    assert abs(rejected[0] - 0.05) < 0.035 and abs(rejected[1] - 0.8) < 0.065


def test_the_interval_covers_the_true_difference():
    drawn = np.random.default_rng(2).binomial(60, [[0.05], [0.15]], (2, 1000))
    found = [compare_rates(taken, (60, 60)) for taken in drawn.T]
    assert 0.93 < np.mean([one.low <= 0.10 <= one.high for one in found]) < 0.98


def false_alarms(unit: str) -> float:
    """Share of tests of equal variants that find something, when users differ and come several times."""
    generator, alarms = np.random.default_rng(3), []
    for _ in range(600):
        visits, liking = generator.geometric(0.2, (2, 400)), generator.beta(0.5, 2.0, (2, 400))
        taken = generator.binomial(visits, liking)
        counts = (taken.sum(axis=1), visits.sum(axis=1)) if unit == "list" else ((taken > 0).sum(axis=1), np.full(2, 400))
        alarms.append(p_values(*counts) < 0.05)
    return float(np.mean(alarms))


def test_counting_lists_instead_of_users_raises_false_alarms():
    assert 0.02 < false_alarms("user") < 0.09
    assert false_alarms("list") > 0.15


def peeked(rate_a: float, rate_b: float, test) -> float:
    """Share of tests that look significant at one of twenty looks."""
    generator = np.random.default_rng(4)
    daily = generator.binomial(100, np.array([rate_a, rate_b])[:, None, None], (2, 20, 2000))
    users = np.broadcast_to(100 * np.arange(1, 21)[None, :, None], daily.shape)
    return float((test(daily.cumsum(axis=1), users) < 0.05).any(axis=0).mean())


def test_peeking_breaks_the_plain_test_and_not_the_always_valid_one():
    assert peeked(0.2, 0.2, p_values) > 0.2
    assert peeked(0.2, 0.2, lambda taken, users: always_valid_p_values(taken, users, lift=0.05)) <= 0.05
    assert peeked(0.2, 0.25, lambda taken, users: always_valid_p_values(taken, users, lift=0.05)) > 0.7, "it must still find"


def test_always_valid_p_values_never_rise():
    generator = np.random.default_rng(5)
    taken = generator.binomial(50, 0.3, (2, 30)).cumsum(axis=1)
    found = always_valid_p_values(taken, np.tile(50 * np.arange(1, 31), (2, 1)), lift=0.1)
    assert (np.diff(found) <= 0).all() and (found <= 1).all()


def test_sample_ratio_notices_lost_users():
    assert ab_test.sample_ratio([5000, 5050]) > 0.5
    assert ab_test.sample_ratio([5000, 5400]) < ab_test.MISMATCH
    assert ab_test.sample_ratio([900, 100], (0.9, 0.1)) == 1
