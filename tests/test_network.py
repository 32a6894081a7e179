"""The parts of the network by hand: a step of a GRU, groups without padding, what stands before, means, sums of tokens."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import nn

from helpers.recipes import network
from helpers.recipes.network import DAY, HOUR, N_GAPS, HierarchicalGru, ItemTable, Mixture, Sizes, gap_class
from helpers.recipes.sessions import FIRST


def gru(d=3, seed=0):
    torch.manual_seed(seed)
    return nn.GRU(d, d)


def step_by_hand(made, x, h):
    """Cho et al. 2014, in the order in which PyTorch keeps the weights: reset, update, new."""
    w, u, b, c = (getattr(made, name).detach().numpy() for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"))
    from_x, from_h = (w @ x + b).reshape(3, -1), (u @ h + c).reshape(3, -1)
    reset, update = (1 / (1 + np.exp(-(from_x[gate] + from_h[gate]))) for gate in (0, 1))
    new = np.tanh(from_x[2] + reset * from_h[2])
    return (1 - update) * new + update * h


def test_a_step_by_hand():
    made, draw = gru(), np.random.default_rng(0)
    x, h = draw.normal(size=3).astype(np.float32), draw.normal(size=3).astype(np.float32)
    states = network._run(made, torch.from_numpy(x)[None], np.array([1]), torch.from_numpy(h)[None])
    np.testing.assert_allclose(states[0].detach(), step_by_hand(made, x, h), rtol=1e-5)


def check_like_one_by_one(run):
    made, lengths = gru(), np.array([2, 0, 5, 1, 5])
    torch.manual_seed(1)
    vectors, start = torch.randn(13, 3), torch.randn(5, 3)
    found = run(made, vectors, lengths, start)
    cuts = np.cumsum(lengths)
    for group in (0, 2, 3, 4):
        own = slice(cuts[group] - lengths[group], cuts[group])
        alone = made(vectors[own][:, None], start[group][None, None])[0][:, 0]
        torch.testing.assert_close(found[own], alone)


def test_groups_are_run_as_if_one_by_one():
    check_like_one_by_one(network._run)
    made = gru()
    assert network._run(made, torch.zeros(0, 3), np.array([0, 0])).shape == (0, 3)


def test_without_a_start_state_it_is_zero():
    made = gru()
    vectors = torch.randn(4, 3)
    lengths = np.array([1, 3])
    torch.testing.assert_close(network._run(made, vectors, lengths), network._run(made, vectors, lengths, torch.zeros(2, 3)))


def run_on(made, vectors, lengths, start):
    """Runs on from one group into the next."""
    return made(vectors[:, None], start[:1][None])[0][:, 0]


def mixed_starts(made, vectors, lengths, start):
    """Gives the start states to the wrong groups."""
    return network._run(made, vectors, lengths, start.flip(0))


@pytest.mark.parametrize("broken", [run_on, mixed_starts])
def test_broken_runs_are_noticed(broken):
    with pytest.raises(AssertionError):
        check_like_one_by_one(broken)


def test_what_stands_before():
    states = torch.tensor([[1.0], [2.0], [3.0]])
    first = np.array([True, False, True])
    assert network.state_before(states, first).ravel().tolist() == [0, 1, 0]
    assert network.state_before(states, first, torch.tensor([[7.0], [8.0]])).ravel().tolist() == [7, 1, 8]


def test_means_of_a_basket_so_far():
    vectors = torch.tensor([[1.0], [3.0], [5.0], [10.0], [20.0]])
    means = network.means_so_far(vectors, np.array([0, 3]), np.array([3, 2]))
    assert means.ravel().tolist() == [1, 2, 3, 10, 15]


def test_classes_of_pauses():
    seconds = np.array([0, 1, 60, HOUR, DAY, 5 * DAY, 400 * DAY, FIRST])
    classes = gap_class(seconds)
    assert classes.tolist() == [0, 1, 1, 3, 4, 6, N_GAPS - 2, N_GAPS - 1]


def test_sums_of_tokens_are_a_matrix_product():
    matrix = sp.random(6, 4, density=0.4, format="csr", dtype=np.float32, random_state=0)
    rows = torch.randn(4, 3)
    np.testing.assert_allclose(Mixture.of(matrix).of_rows(rows), matrix @ rows.numpy(), rtol=1e-5, atol=1e-6)


def test_a_hidden_item_is_its_attributes():
    attributes = sp.csr_matrix(np.array([[1, 0], [0, 1], [1, 0]], np.float32))
    table = ItemTable(Sizes(3, 2, hidden=4), attributes)
    with torch.no_grad():
        table.cold_bias.fill_(-5.0)
        vectors, bias = table()
        hidden, hidden_bias = table(known=torch.tensor([1.0, 1.0, 0.0]))
    torch.testing.assert_close(hidden[:2], vectors[:2])
    torch.testing.assert_close(hidden[2], table.tokens.weight[0])
    torch.testing.assert_close(vectors[0], table.own.weight[0] + table.tokens.weight[0])
    assert hidden_bias.tolist() == [bias[0], bias[1], -5.0]


def test_missing_tokens_add_nothing():
    made = HierarchicalGru(Sizes(3, 2, hidden=4))
    described = made.describe(torch.tensor([[0, 1], [1, -1], [-1, -1]]))
    torch.testing.assert_close(described[0], made.items.tokens.weight.sum(dim=0))
    torch.testing.assert_close(described[1], made.items.tokens.weight[1])
    assert (described[2] == 0).all()
