"""How the recurrent network learns: windows of sessions in batches, many small updates, a learning rate that rises and falls
once.

**What is asked.** At every position of a session (before its first item, after the first, ...) the items that follow in it are
the answer, the next one most: the item ``s`` steps ahead counts ``look_ahead ** s``. With 0 that is plain next-item prediction.

**Large catalogues.** Up to ``full_catalogue`` items the loss compares with every item. Beyond, with the batch's own items and a
random sample of the others, each of which stands for as many as it represents: the cost of an update then no longer grows
with the catalogue (importance sampling; Jean et al., ACL 2015).

**Events of one second.** An order of a shop writes all its lines at one second, and the file's order may or may not mean
something. :func:`helpers.recipes.sessions.order_carries_meaning` asks the data. Where the order is meaningless, events of one
second are shuffled anew in every epoch and all later items of the session count nearly alike: the network learns a set.

Sources: Loshchilov & Hutter, ICLR 2019 (AdamW); Smith & Topin 2018 (one-cycle learning rate); Press & Wolf, EACL 2017 (the same
vectors as input and output); Volkovs et al., NeurIPS 2017 (training with items' own vectors hidden, for cold items).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from helpers.console import Busy
from helpers.interactions import Histories
from helpers.recipes.network import HierarchicalGru, Mixture, gap_class, means_so_far, state_before
from helpers.recipes.sessions import Pieces, cut_into_pieces
from helpers.recipes.softmax_loss import mean_log_normaliser


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        epochs: passes over the data. batch_events: positions of an update, about.
        learning_rate: highest value of the cycle. weight_decay, dropout: against learning by heart.
        session_gap: seconds. bptt: events of a piece at most. sessions: pieces a user's memory reaches back.
        look_ahead: 0 to 1. shuffle_ties: see the module's text. hide_items: share of items shown by attributes only.
        full_catalogue: items. negatives: size of the sample.
    """

    epochs: int = 6
    batch_events: int = 768
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    session_gap: float = 1800.0
    bptt: int = 32
    sessions: int = 24
    look_ahead: float = 0.5
    shuffle_ties: bool = False
    hide_items: float = 0.0
    full_catalogue: int = 6000
    negatives: int = 2048


@dataclass(frozen=True)
class Inputs:
    """What the network learns from.

    Attributes:
        histories: all events. tokens: of each event (event type, context), int64 ``(m, c)``, -1 = none.
        request_tokens: the columns of ``tokens`` that are context, known when the next item is asked for.
        users: tokens of each history's user, int64 ``(n, c)``; None = none.
        trend: log popularity trend at each moment, ``(n_moments, n_items)``; None = not used.
        moments: moment of each event, int64 ``(m,)``.
    """

    histories: Histories
    tokens: np.ndarray
    request_tokens: np.ndarray
    users: np.ndarray | None
    trend: np.ndarray | None
    moments: np.ndarray | None


class Alone:
    """One process learns from everything. :mod:`helpers.scale.hrnn` has its counterpart for several, each with some users.

    Attributes:
        processes: how many learn together; each takes as small a part of a batch.
    """

    processes = 1

    def batches(self, batches: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield batches as long as every process has one."""
        return batches

    def average(self, network: nn.Module) -> None:
        """Replace the network's gradients by their means over all processes."""


def train(
    network: HierarchicalGru, inputs: Inputs, plan: Plan, seed: int, title: str = "training", together: Alone | None = None
) -> list[float]:
    """Fit the network in place; the same seed gives the same weights (at the same number of threads).

    Args:
        together: how this process learns with others; None = alone.

    Returns:
        Mean loss of each epoch, in nats.
    """
    draw, together = np.random.default_rng(seed), together or Alone()
    windows = _Windows(inputs.histories, plan, together.processes)
    steps = max(1, round(len(inputs.histories.items) / windows.batch_events)) * plan.epochs
    optimiser = torch.optim.AdamW(network.parameters(), plan.learning_rate, betas=(0.9, 0.98), weight_decay=plan.weight_decay)
    steps += 2 * plan.epochs  # batches are cut at whole windows: there may be a few more
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.learning_rate, total_steps=steps, pct_start=0.2)
    losses = []
    network.train()
    with Busy(title) as say:
        for epoch in range(plan.epochs):
            order = _tie_order(inputs.histories, draw) if plan.shuffle_ties else np.arange(len(inputs.histories.items))
            total = positions = 0.0
            for pieces in together.batches(windows.batches(draw)):
                loss, n = _loss(network, inputs, plan, windows, pieces, order, draw)
                optimiser.zero_grad()
                loss.backward()
                together.average(network)
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                total, positions = total + float(loss.detach()) * n, positions + n
            losses.append(total / max(1, positions))
            say(f"epoch {epoch + 1} of {plan.epochs}, loss {losses[-1]:.3f}")
    network.eval()
    return losses


class _Windows:
    """The pieces of all histories, in windows of at most ``plan.sessions`` consecutive ones of a user; a batch has many
    windows."""

    def __init__(self, histories: Histories, plan: Plan, processes: int = 1):
        self.pieces: Pieces = cut_into_pieces(histories, plan.session_gap, plan.bptt)
        self.gaps = gap_class(self.pieces.gaps)
        opens = self.pieces.places % plan.sessions == 0
        self.window = np.cumsum(opens) - 1
        self.starts = np.append(np.flatnonzero(opens), len(self.pieces))
        self.events = np.add.reduceat(self.pieces.lengths, self.starts[:-1]) if len(self.pieces) else np.zeros(0, np.int64)
        batch = int(np.clip(processes * self.events.sum() // 16, 32, plan.batch_events))  # small data: still many updates
        self.batch_events = max(1, batch // processes)

    def batches(self, draw: np.random.Generator):
        """Yield the piece numbers of each batch, all windows once, in random order."""
        order = draw.permutation(len(self.events))
        n_batches = max(1, round(self.events.sum() / self.batch_events))
        cuts = np.searchsorted(np.cumsum(self.events[order]), np.arange(1, n_batches) * self.batch_events)
        for windows in np.split(order, cuts):
            if len(windows):
                yield np.concatenate([np.arange(self.starts[w], self.starts[w + 1]) for w in np.sort(windows)])


def _tie_order(histories: Histories, draw: np.random.Generator) -> np.ndarray:
    return np.lexsort((draw.random(len(histories.items)), histories.timestamps, histories.rows))


def _loss(
    network: HierarchicalGru,
    inputs: Inputs,
    plan: Plan,
    windows: _Windows,
    chosen: np.ndarray,
    order: np.ndarray,
    draw: np.random.Generator,
) -> tuple[torch.Tensor, int]:
    """Return the mean loss over the positions of the chosen pieces, and their number."""
    pieces, lengths = windows.pieces, windows.pieces.lengths[chosen]
    starts = np.cumsum(lengths) - lengths
    first = np.zeros(lengths.sum(), bool)
    first[starts] = True
    places = np.arange(len(first)) - np.repeat(starts, lengths)
    events = order[np.repeat(pieces.starts[chosen], lengths) + places]
    items = inputs.histories.items[events]

    candidates, stands_for = _candidates(items, len(network.items.own_bias), plan, draw)
    known = torch.rand(len(stands_for)) >= plan.hide_items if plan.hide_items else None
    vectors, bias = network.items(candidates, known if known is None else known.float())
    places_of = torch.from_numpy(items.astype(np.int64) if candidates is None else np.searchsorted(candidates, items))
    met = vectors[places_of]
    seen = met
    if inputs.tokens.shape[1]:
        seen = seen + network.describe(torch.from_numpy(inputs.tokens[events]))
    seen = network.dropout(seen)
    means = means_so_far(seen, starts, lengths)

    in_window = np.unique(windows.window[chosen], return_counts=True)[1]
    opens = np.zeros(len(chosen), bool)
    opens[np.cumsum(in_window) - in_window] = True
    gaps = torch.from_numpy(windows.gaps[chosen])
    memory = state_before(network.remember(means[starts + lengths - 1], gaps, in_window), opens)
    person = None if inputs.users is None else network.describe(torch.from_numpy(inputs.users[pieces.rows[chosen]]))
    start = network.begin(memory, gaps, person)
    states = state_before(network.walk(start, seen, lengths), first, start)
    queries = network.ask(states, state_before(means, first), _request(network, inputs, events, starts, lengths))

    ahead = _look_ahead(places, np.repeat(lengths, lengths), plan.look_ahead)
    fit = (queries * ahead.of_rows(met)).sum(dim=1) + ahead.of_rows(bias[places_of][:, None])[:, 0]
    trend = moments = None
    if inputs.trend is not None:
        times, moment = np.unique(inputs.moments[events[starts]], return_inverse=True)
        trend = inputs.trend[times] if candidates is None else inputs.trend[np.ix_(times, candidates)]
        moment = np.repeat(moment, lengths)
        fit = fit + network.trend_weight * _trend_ahead(ahead, trend, moment, places_of.numpy())
        trend, moments = torch.from_numpy(trend), torch.from_numpy(moment)
    bias = bias + torch.from_numpy(np.log(stands_for))
    return mean_log_normaliser(queries, vectors, bias, network.trend_weight, trend, moments) - fit.mean(), len(queries)


def _candidates(items: np.ndarray, n_items: int, plan: Plan, draw: np.random.Generator) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the items that the loss compares with, sorted, and how many items each stands for, float32; None = the catalogue."""
    if n_items <= plan.full_catalogue:
        return None, np.ones(n_items, np.float32)
    own = np.unique(items)
    others = np.setdiff1d(draw.integers(0, n_items, plan.negatives), own)
    candidates = np.sort(np.concatenate([own, others]))
    weight = (n_items - len(own)) / max(1, len(others))
    return candidates, np.where(np.isin(candidates, own), 1, weight).astype(np.float32)


def _request(network: HierarchicalGru, inputs: Inputs, events: np.ndarray, starts: np.ndarray, lengths: np.ndarray):
    """Return the context of each position's next event; of a few sessions it is withheld, since a request may come without."""
    if network.request is None:
        return None
    context = network.describe(torch.from_numpy(inputs.tokens[events][:, inputs.request_tokens]))
    told = torch.rand(len(starts)) < 0.7
    return context * told[torch.from_numpy(np.repeat(np.arange(len(starts)), lengths))][:, None]


def _look_ahead(places: np.ndarray, lengths: np.ndarray, decay: float) -> Mixture:
    """Return what each item counts as an answer at each position, ``m`` sums over ``m`` events; weights sum to 1.

    Args:
        places: place of each event in its piece. lengths: of its piece. Both ``(m,)``.
        decay: an item ``s`` steps ahead counts ``decay ** s``; what counts less than a hundredth is left out.
    """
    reach = 1 if decay == 0 else lengths.max() if decay >= 1 else int(np.log(0.01) / np.log(decay)) + 1
    counts = np.minimum(lengths - places, reach)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    ahead = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    weights = float(decay) ** ahead
    weights /= np.repeat(np.add.reduceat(weights, offsets[:-1]), counts)
    columns = np.repeat(np.arange(len(places)), counts) + ahead
    return Mixture(*(torch.from_numpy(part) for part in (offsets, columns, weights.astype(np.float32))))


def _trend_ahead(ahead: Mixture, trend: np.ndarray, moments: np.ndarray, items: np.ndarray) -> torch.Tensor:
    """Return the mean trend of each position's answers, ``(m,)``; ``moments`` and ``items`` are places in ``trend``."""
    offsets, columns = ahead.offsets.numpy(), ahead.columns.numpy()
    rows = np.repeat(np.arange(len(moments)), np.diff(offsets))
    values = trend[moments[rows], items[columns]] * ahead.weights.numpy()
    return torch.from_numpy(np.add.reduceat(values, offsets[:-1]))
