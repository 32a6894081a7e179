"""Metrics: worked by hand as fractions, against scikit-learn, by properties, and against deliberately broken variants."""

from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from helpers import metrics
from helpers.interactions import Histories

NDCG_5 = "normalized_discounted_cumulative_gain_at_5"


def one_user(ranked: list[int], relevant: list[int]) -> dict[str, float]:
    table = metrics.per_user(np.array([ranked], np.int32), Histories.of([relevant]))
    return {key: values[0] for key, values in table.items()}


def test_the_worked_example_of_the_developer_guide():
    # five items shown, the 2nd and the 5th are relevant, and nothing else is
    found = one_user(ranked=[10, 11, 12, 13, 14], relevant=[11, 14])
    assert found["mean_reciprocal_rank_at_25"] == 1 / 2
    assert found["precision_at_5"] == 2 / 5
    assert found[NDCG_5] == pytest.approx((1 / log2(3) + 1 / log2(6)) / (1 / log2(2) + 1 / log2(3)), abs=1e-12)
    assert found[NDCG_5] == pytest.approx(0.62405, abs=1e-5)


def test_the_two_readings_of_ndcg_differ_by_what_was_missed():
    # one hit at rank 1, three relevant items: the service's reading sees a perfect list, the textbook two misses
    found = one_user(ranked=[7, 8, 9], relevant=[7, 1, 2])
    assert found[f"{NDCG_5}_aws"] == 1.0
    assert found[NDCG_5] == pytest.approx(1 / (1 + 1 / log2(3) + 1 / 2))


def test_the_services_ideal_counts_hits_beyond_the_cutoff():
    # hits at ranks 1 and 6: at cutoff 5 the ideal list would have held both in the first two places
    found = one_user(ranked=[1, 20, 21, 22, 23, 2], relevant=[1, 2])
    assert found[f"{NDCG_5}_aws"] == pytest.approx(1 / (1 + 1 / log2(3)))


def test_no_hit_is_zero_everywhere():
    assert set(one_user(ranked=[1, 2, 3], relevant=[4]).values()) == {0.0}


def test_a_short_list_is_divided_by_k_and_padding_never_hits():
    assert one_user(ranked=[3, -1, -1, -1, -1], relevant=[3])["precision_at_5"] == 1 / 5


def test_an_item_listed_twice_is_paid_once():
    assert one_user(ranked=[3, 3, 3, 3, 3], relevant=[3])["precision_at_5"] == 1 / 5


def test_an_item_hidden_twice_is_one_relevant_item():
    assert one_user(ranked=[3, 4], relevant=[3, 3])[NDCG_5] == 1.0


def test_lists_without_a_place_are_refused():
    with pytest.raises(ValueError, match="k = 0"):
        one_user(ranked=[], relevant=[3])


def test_a_user_without_hidden_items_is_refused():
    with pytest.raises(ValueError, match="at least one hidden item"):
        one_user(ranked=[1, 2], relevant=[])


def test_lists_and_truth_must_match():
    with pytest.raises(ValueError, match="one list for each of 2 users"):
        metrics.hits(np.zeros((3, 5), np.int32), Histories.of([[1], [2]]))


def test_coverage_counts_different_items_shown():
    ranked = np.array([[0, 1, -1], [1, 2, 9]], np.int32)
    assert metrics.coverage(ranked, n_items=10) == 4 / 10


def test_segment_metrics_count_and_divide():
    # 300 users: the top 1 % is 3; users 5 and 6 are found, users 8 and 9 are not
    found = metrics.segment_per_query(np.array([[5, 1, 6, 8]]), Histories.of([[5, 6, 8, 9]]), n_users=300)
    assert found["hits_at_1_percent"] == [2.0]
    assert found["recall_at_1_percent"] == [2 / 4]


@st.composite
def batches(draw) -> tuple[np.ndarray, Histories]:
    n_items, n = draw(st.integers(2, 40)), draw(st.integers(1, 6))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = draw(st.integers(1, 30))
    ranked = np.array([np.r_[generator.permutation(n_items)[:k], np.full(max(0, k - n_items), -1)] for _ in range(n)], np.int32)
    truth = Histories.of([generator.integers(0, n_items, generator.integers(1, 12)).tolist() for _ in range(n)])
    return ranked, truth


@settings(deadline=None, max_examples=60)
@given(batches())
def test_textbook_ndcg_equals_scikit_learn(batch):
    ranked, truth = batch
    ours = metrics.per_user(ranked, truth)
    for row, shown in enumerate(ranked):
        relevant = np.unique(truth.items[truth.offsets[row] : truth.offsets[row + 1]])
        shown = shown[shown >= 0][: metrics.LIST_LENGTH]
        everything = np.union1d(np.arange(40), relevant)
        gain = np.isin(everything, relevant).astype(float)
        score = np.zeros(len(everything))
        score[shown] = np.arange(len(shown), 0, -1)  # items not shown share the score 0
        for k in metrics.CUTOFFS:
            if len(shown) >= k:  # scikit-learn would spread the gain of items not shown over the places left
                oracle = ndcg_score([gain], [score], k=k, ignore_ties=False)
                assert ours[f"normalized_discounted_cumulative_gain_at_{k}"][row] == pytest.approx(oracle, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(batches())
def test_every_metric_equals_the_plain_definition(batch):
    ranked, truth = batch
    ours = metrics.per_user(ranked, truth)
    for row in range(len(ranked)):
        relevant = set(truth.items[truth.offsets[row] : truth.offsets[row + 1]].tolist())
        hit_ranks = [rank for rank, item in enumerate(ranked[row, :25].tolist(), 1) if item in relevant]
        assert ours["mean_reciprocal_rank_at_25"][row] == (1 / hit_ranks[0] if hit_ranks else 0)
        for k in metrics.CUTOFFS:
            gain = sum(1 / log2(1 + rank) for rank in hit_ranks if rank <= k)
            for key, count in (("", len(relevant)), ("_aws", len(hit_ranks))):
                ideal = sum(1 / log2(1 + rank) for rank in range(1, min(k, count) + 1))
                expected = gain / ideal if ideal else 0
                assert ours[f"normalized_discounted_cumulative_gain_at_{k}{key}"][row] == pytest.approx(expected, abs=1e-12)
            assert ours[f"precision_at_{k}"][row] == sum(rank <= k for rank in hit_ranks) / k


@settings(deadline=None, max_examples=40)
@given(batches())
def test_bounds_and_order(batch):
    ours = metrics.per_user(*batch)
    for key, values in ours.items():
        assert ((values >= 0) & (values <= 1 + 1e-12)).all(), key
    for k in metrics.CUTOFFS:
        textbook = ours[f"normalized_discounted_cumulative_gain_at_{k}"]
        assert (ours[f"normalized_discounted_cumulative_gain_at_{k}_aws"] >= textbook - 1e-12).all()


@settings(deadline=None, max_examples=40)
@given(batches(), st.integers(0, 2**32 - 1))
def test_users_are_independent_and_truth_is_a_set(batch, seed):
    ranked, truth = batch
    together = metrics.per_user(ranked, truth)
    order = np.random.default_rng(seed).permutation(len(ranked))
    shuffled = metrics.per_user(ranked[order], truth.take(order))
    for key in together:
        np.testing.assert_array_equal(together[key][order], shuffled[key])
    doubled = Histories.of([truth.items[a:b].tolist() * 2 for a, b in zip(truth.offsets[:-1], truth.offsets[1:], strict=True)])
    np.testing.assert_array_equal(metrics.per_user(ranked, doubled)[NDCG_5], together[NDCG_5])


# --- uncertainty ---------------------------------------------------------------------------------------------------


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        interval = metrics.bootstrap_interval(generator.binomial(1, 0.3, 200).astype(float), resamples=300, seed=trial)
        covered += interval.low <= 0.3 <= interval.high
    assert 0.89 * 200 <= covered <= 0.99 * 200


def test_the_interval_is_a_point_where_all_users_agree():
    interval = metrics.bootstrap_interval(np.full(50, 0.25))
    assert (interval.low, interval.mean, interval.high) == (0.25, 0.25, 0.25)


def test_paired_test_finds_a_small_but_steady_difference():
    generator = np.random.default_rng(1)
    b = generator.random(400)
    assert metrics.paired_test(b + 0.01, b).significant
    assert metrics.paired_test(b + 0.01, b).difference.mean == pytest.approx(0.01)


def test_paired_test_rarely_cries_wolf():
    generator = np.random.default_rng(2)
    pairs = [(generator.normal(size=100), generator.normal(size=100)) for _ in range(200)]
    alarms = sum(metrics.paired_test(a, b, resamples=300, seed=trial).significant for trial, (a, b) in enumerate(pairs))
    assert alarms <= 0.10 * 200  # 5 % expected


def test_paired_test_of_equal_recipes_has_p_one():
    values = np.random.default_rng(3).random(30)
    assert metrics.paired_test(values, values).p_value == 1.0


def test_paired_test_wants_the_same_users():
    with pytest.raises(ValueError, match="same users"):
        metrics.paired_test(np.ones(3), np.ones(4))


# --- broken on purpose: the checks above must notice ----------------------------------------------------------------


def _discount_shifted(k: int) -> np.ndarray:
    return 1.0 / np.log2(np.maximum(2, np.arange(1, k + 1)))  # ranks 1 and 2 weigh the same


def _precision_by_found(hit: np.ndarray, k: int) -> np.ndarray:
    return hit[:, :k].sum(axis=1) / np.maximum(1, hit.sum(axis=1))


def _rank_from_zero(hit: np.ndarray) -> np.ndarray:
    return hit.any(axis=1) / np.maximum(1.0, hit.argmax(axis=1))


def _truth_as_list(truth: Histories) -> np.ndarray:
    return truth.lengths


BROKEN = {
    "_discounts": _discount_shifted,
    "precision": _precision_by_found,
    "reciprocal_rank": _rank_from_zero,
    "relevant_counts": _truth_as_list,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_metric_is_caught(name, monkeypatch):
    monkeypatch.setattr(metrics, name, BROKEN[name])
    checks = [
        test_the_worked_example_of_the_developer_guide,
        test_an_item_hidden_twice_is_one_relevant_item,
        test_every_metric_equals_the_plain_definition,
    ]
    caught = 0
    for check in checks:
        try:
            check()
        except AssertionError:
            caught += 1
    assert caught >= 1
