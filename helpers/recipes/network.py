"""The hierarchical recurrent network behind the HRNN recipes, in PyTorch.

Two recurrent networks (GRUs), one above the other::

    user level      session 1 ──> session 2 ──> session 3 ──>  what this person is about, and how long ago
                                                    │
    session level                        start ──> item ──> item ──> item        what they are doing right now
                                           │        │        │        │
                                          next?    next?    next?    next?       a score for every item

* **User level.** Every finished session is summed up by the mean of its item vectors, a set without order, together with how
  long after the session before it came. A GRU reads these summaries.
* **Session level.** A session starts from the user's state and the length of the pause before it; a GRU then reads its items.
  Before the first item the network answers "what does a visit begin with", afterwards "what comes next in this visit".
* **Answer.** The query is the GRU's state plus a mapped mean of the items of the session so far: the state knows the order, the
  mean is the basket as a set. An item's score is the product of query and item vector, plus the item's bias, plus a learned share
  of the item's popularity trend at that moment (``recency_mask``).
* **Items** have a vector of their own and, with metadata, the sum of their attributes' vectors. The same vectors serve as input
  and output.

Sources: Hidasi et al., ICLR 2016 (GRU4Rec: a GRU over a session's items); Quadrana et al., RecSys 2017 (a GRU over sessions that
starts the GRU over items); Ma et al., KDD 2020 (time gaps; recent trends); Cho et al., EMNLP 2014 (the GRU).
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn
from torch.nn.utils import rnn

from helpers.recipes.sessions import FIRST

HOUR, DAY = 3_600, 86_400
GAP_EDGES = np.array([0, HOUR / 60, HOUR / 2, 6 * HOUR, 1.5 * DAY, 4 * DAY, 10 * DAY, 21 * DAY, 45 * DAY, 90 * DAY])
"""Upper ends, in seconds, of the classes of pauses; one class more for longer ones, one for a history's beginning."""
N_GAPS = len(GAP_EDGES) + 2


def gap_class(seconds: np.ndarray) -> np.ndarray:
    """Return the class of each pause, 0 (none) to ``N_GAPS - 1`` (a history's first event), int64, same shape."""
    return np.where(seconds == FIRST, N_GAPS - 1, np.searchsorted(GAP_EDGES, seconds))


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network: items, tokens of attributes, hidden dimension, and which optional inputs it has."""

    n_items: int
    n_tokens: int
    hidden: int
    users_described: bool = False
    has_context: bool = False


@dataclass(frozen=True)
class Mixture:
    """Weighted sums of rows: sum ``r`` adds ``weights[k] * row[columns[k]]`` for ``k`` from ``offsets[r]`` to ``offsets[r +
    1]``."""

    offsets: torch.Tensor
    columns: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def of(cls, matrix: sp.csr_matrix) -> "Mixture":
        """Take the sums from a sparse matrix."""
        parts = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data.astype(np.float32)
        return cls(*(torch.from_numpy(part) for part in parts))

    def of_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the sums over ``rows`` ``(n, d)``, one for each row of the matrix."""
        return nn.functional.embedding_bag(
            self.columns, rows, self.offsets, mode="sum", per_sample_weights=self.weights, include_last_offset=True
        )


class ItemTable(nn.Module):
    """A vector and a bias for every item: its own plus those of its attributes.

    Args:
        attributes: tokens of each item, CSR ``(n_items, n_tokens)``; None = no metadata.
    """

    def __init__(self, sizes: Sizes, attributes: sp.csr_matrix | None):
        super().__init__()
        self.own = nn.Embedding(sizes.n_items, sizes.hidden)
        self.own_bias = nn.Parameter(torch.zeros(sizes.n_items))
        self.cold_bias = nn.Parameter(torch.zeros(1))
        self.tokens = nn.Embedding(sizes.n_tokens, sizes.hidden)
        self.token_bias = nn.Parameter(torch.zeros(sizes.n_tokens))
        self.attributes = attributes
        self._all_attributes = None if attributes is None else Mixture.of(attributes)
        nn.init.normal_(self.own.weight, std=sizes.hidden**-0.5)
        nn.init.normal_(self.tokens.weight, std=0.5 * sizes.hidden**-0.5)

    def forward(self, items: np.ndarray | None = None, known: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the vectors ``(k, d)`` and biases ``(k,)`` of the items.

        Args:
            items: codes, ``(k,)``; None = all.
            known: float ``(k,)``, 1 = use what the item learned of its own, 0 = only its attributes; None = all known.
        """
        vectors, bias, attributes = self.own.weight, self.own_bias, self._all_attributes
        if items is not None:
            vectors, bias = vectors[items], bias[items]
            attributes = None if self.attributes is None else Mixture.of(self.attributes[items])
        if known is not None:
            vectors, bias = vectors * known[:, None], bias * known + self.cold_bias * (1 - known)
        if attributes is not None:
            vectors = vectors + attributes.of_rows(self.tokens.weight)
            bias = bias + attributes.of_rows(self.token_bias[:, None])[:, 0]
        return vectors, bias


class HierarchicalGru(nn.Module):
    """See the module's text. Groups (events of a session, sessions of a user) stand end to end; ``d`` is the hidden dimension."""

    def __init__(self, sizes: Sizes, attributes: sp.csr_matrix | None = None, dropout: float = 0.25):
        super().__init__()
        d = sizes.hidden
        self.hidden = d
        self.items = ItemTable(sizes, attributes)
        self.gaps = nn.Embedding(N_GAPS, d)
        self.user_gru = nn.GRU(d, d)
        self.session_gru = nn.GRU(d, d)
        self.start = nn.Linear(d, d)
        self.answer = nn.Linear(d, d)
        self.basket = nn.Linear(d, d, bias=False)
        self.person = nn.Linear(d, d, bias=False) if sizes.users_described else None
        self.request = nn.Linear(d, d, bias=False) if sizes.has_context else None
        self.trend_weight = nn.Parameter(torch.zeros(1))
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.gaps.weight, std=0.1)

    def describe(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the sum of the vectors of each row's tokens, ``(n, d)``; ``tokens`` is int64 ``(n, c)``, -1 = none."""
        present = (tokens >= 0).unsqueeze(-1)
        return (self.items.tokens(tokens.clamp(min=0)) * present).sum(dim=1)

    def remember(self, sessions: torch.Tensor, gaps: torch.Tensor, lengths: np.ndarray) -> torch.Tensor:
        """Read each user's sessions in order and return the state after each, ``(p, d)``.

        Args:
            sessions: mean item vector of each session, ``(p, d)``. gaps: class of the pause before each, ``(p,)``.
            lengths: number of sessions of each user, ``(n,)``.
        """
        return _run(self.user_gru, sessions + self.gaps(gaps), lengths)

    def begin(self, memory: torch.Tensor, gaps: torch.Tensor, person: torch.Tensor | None = None) -> torch.Tensor:
        """Return the state in which each session begins, ``(p, d)``.

        Args:
            memory: the user's state before it, ``(p, d)``, zeros for a new user. gaps: class of the pause before it, ``(p,)``.
            person: vector of the user's attributes, ``(p, d)``.
        """
        start = self.start(self.dropout(memory)) + self.gaps(gaps)
        if self.person is not None and person is not None:
            start = start + self.person(person)
        return torch.tanh(start)

    def walk(self, start: torch.Tensor, events: torch.Tensor, lengths: np.ndarray) -> torch.Tensor:
        """Go through the events of each session and return the state after each, ``(m, d)``.

        Args:
            start: ``(p, d)``. events: vector of each event, ``(m, d)``. lengths: events of each session, ``(p,)``.
        """
        return _run(self.session_gru, events, lengths, start)

    def ask(self, states: torch.Tensor, means: torch.Tensor, request: torch.Tensor | None = None) -> torch.Tensor:
        """Return the query of each position, ``(n, d)``.

        Args:
            states: the session's state there. means: mean vector of the session's events so far, zeros before the first.
            request: vector of the context in which the next item is asked for.
        """
        queries = self.answer(self.dropout(states)) + self.basket(means)
        if self.request is not None and request is not None:
            queries = queries + self.request(request)
        return queries


def _run(gru: nn.GRU, vectors: torch.Tensor, lengths: np.ndarray, start: torch.Tensor | None = None) -> torch.Tensor:
    """Run a GRU over groups that stand end to end, without padding: step by step over all groups that are long enough.

    Args:
        vectors: ``(m, d)``. lengths: of each group, ``(g,)``, sum ``m``; 0 is allowed. start: first state of each, ``(g, d)``.

    Returns:
        The state after each vector, ``(m, d)``.
    """
    if len(vectors) == 0:
        return vectors
    longest_first = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    rank = np.empty(len(lengths), np.int64)
    rank[longest_first] = np.arange(len(longest_first))
    steps = np.arange(len(vectors)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    by_step = torch.from_numpy(np.lexsort((np.repeat(rank, lengths), steps)))
    packed = rnn.PackedSequence(vectors[by_step], torch.from_numpy(np.bincount(steps)))
    first = None if start is None else start[torch.from_numpy(longest_first)][None]
    states = torch.empty_like(vectors)
    return states.index_copy(0, by_step, gru(packed, first)[0].data)


def state_before(states: torch.Tensor, first: np.ndarray, start: torch.Tensor | None = None) -> torch.Tensor:
    """Shift the states after each element to the states before each.

    Args:
        states: ``(m, d)``. first: which elements begin a group, bool ``(m,)``.
        start: state in which each group begins, ``(g, d)``; None = zeros.
    """
    before = torch.cat([torch.zeros_like(states[:1]), states[:-1]]) * torch.from_numpy(~first)[:, None]
    return before if start is None else before.index_copy(0, torch.from_numpy(np.flatnonzero(first)), start)


def means_so_far(vectors: torch.Tensor, starts: np.ndarray, lengths: np.ndarray) -> torch.Tensor:
    """Return, at each element, the mean of its group's vectors up to and including it, ``(m, d)``; groups are not empty."""
    sums = torch.cat([torch.zeros_like(vectors[:1]), vectors.cumsum(dim=0)])
    begin = np.repeat(starts, lengths)
    n = torch.from_numpy(np.arange(1, len(vectors) + 1) - begin).to(vectors.dtype)
    return (sums[1:] - sums[torch.from_numpy(begin)]) / n[:, None]
