"""The blockwise loss against the plain way, which keeps every score: same value, same gradients."""

import numpy as np
import pytest
import torch

from helpers.recipes import softmax_loss
from helpers.recipes.softmax_loss import mean_log_normaliser


def parts(n=70, n_items=11, d=3, n_moments=4, seed=0, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    learned = [
        torch.randn(size, generator=draw, dtype=dtype, requires_grad=True) for size in ((n, d), (n_items, d), (n_items,), (1,))
    ]
    trend = torch.randn((n_moments, n_items), generator=draw, dtype=dtype)
    return learned, trend, torch.arange(n) % n_moments


def plain(queries, vectors, bias, trend_weight, trend=None, moments=None):
    scores = queries @ vectors.T + bias
    if trend is not None:
        scores = scores + trend_weight * trend[moments]
    return torch.logsumexp(scores, dim=1).mean()


def gradients(function, learned, *fixed):
    value = function(*learned, *fixed)
    found = torch.autograd.grad(3 * value, learned, allow_unused=True)  # 3: the gradient from above is passed on
    return value.detach(), [torch.zeros_like(t) if g is None else g for t, g in zip(learned, found, strict=True)]


def check_like_the_plain_way(function, with_trend):
    learned, trend, moments = parts()
    fixed = (trend, moments) if with_trend else ()
    (value, found), (expected, wanted) = gradients(function, learned, *fixed), gradients(plain, learned, *fixed)
    torch.testing.assert_close(value, expected)
    for have, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(have, want)


@pytest.mark.parametrize("with_trend", [False, True])
@pytest.mark.parametrize("cells", [1, 40 * 11, 10**6])
def test_like_the_plain_way_in_blocks_of_any_size(monkeypatch, with_trend, cells):
    monkeypatch.setattr(softmax_loss, "_BLOCK_CELLS", cells)  # blocks of 32, 40 and all 70 positions
    check_like_the_plain_way(mean_log_normaliser, with_trend)


def test_numerical_gradients():
    learned, trend, moments = parts(n=5, n_items=4)
    assert torch.autograd.gradcheck(lambda *tensors: mean_log_normaliser(*tensors, trend, moments), learned)


def test_it_is_cross_entropy_once_the_right_answer_is_taken_off():
    (queries, vectors, bias, weight), _, _ = parts()
    answers = torch.arange(70) % 11
    fit = (queries * vectors[answers]).sum(dim=1) + bias[answers]
    expected = torch.nn.functional.cross_entropy(queries @ vectors.T + bias, answers)
    torch.testing.assert_close(mean_log_normaliser(queries, vectors, bias, weight) - fit.mean(), expected)


def test_large_scores_do_not_overflow():
    (queries, vectors, bias, weight), _, _ = parts(dtype=torch.float32)
    value = mean_log_normaliser(1000 * queries, vectors, bias, weight)
    assert np.isfinite(value.item()) and torch.isclose(value, plain(1000 * queries, vectors, bias, weight))


def without_trend(queries, vectors, bias, trend_weight, trend=None, moments=None):
    return plain(queries, vectors, bias, trend_weight)


def with_one_moment_for_all(queries, vectors, bias, trend_weight, trend=None, moments=None):
    return mean_log_normaliser(queries, vectors, bias, trend_weight, trend, None if moments is None else 0 * moments)


def without_gradient_of_the_vectors(queries, vectors, bias, trend_weight, trend=None, moments=None):
    return mean_log_normaliser(queries, vectors.detach(), bias, trend_weight, trend, moments)


def summed(*tensors):
    return mean_log_normaliser(*tensors) * len(tensors[0])


@pytest.mark.parametrize("broken", [without_trend, with_one_moment_for_all, without_gradient_of_the_vectors, summed])
def test_broken_losses_are_noticed(broken):
    with pytest.raises(AssertionError):
        check_like_the_plain_way(broken, with_trend=True)
