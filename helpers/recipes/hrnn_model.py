"""A trained HRNN: from histories to the probability of every item (the network is in :mod:`helpers.recipes.network`)."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch

from helpers.interactions import UNKNOWN, Histories
from helpers.recipes import descriptions
from helpers.recipes.base import Model, Recipe
from helpers.recipes.descriptions import Descriptions
from helpers.recipes.model_files import check_array
from helpers.recipes.network import HierarchicalGru, Sizes, gap_class
from helpers.recipes.popularity_over_time import PopularityOverTime
from helpers.recipes.sessions import FIRST, Pieces, cut_into_pieces, is_running

NET = "net."
"""Prefix of the network's weights among a model's arrays."""
TREND_DAYS = 30


class HrnnModel(Model):
    """Arrays: the network's weights as ``net.*``; the tokens of :class:`Descriptions`; ``popularity.before``, ``.start`` and
    ``.width``; ``users``, the number of unique users of each item, int64 ``(n_items,)``; ``cold``, which items are scored by
    their attributes only, bool ``(n_items,)``."""

    def check(self) -> None:
        super().check()
        check_array(self.arrays, "users", np.int64, (self.n_items,))
        check_array(self.arrays, "cold", np.bool_, (self.n_items,))
        if not len(check_array(self.arrays, "popularity.before", np.float32, (None, self.n_items))):
            raise ValueError("the popularity has no buckets")
        if check_array(self.arrays, "popularity.width", np.int64, (1,))[0] < 1:
            raise ValueError("the popularity buckets have no width")
        check_array(self.arrays, "popularity.start", np.int64, (1,))
        expected = build_network(
            self.recipe, self.n_items, Descriptions.of_arrays(self.arrays, self.n_items), self._has("request")
        )
        for name, tensor in expected.state_dict().items():
            check_array(self.arrays, NET + name, np.float32, tuple(tensor.shape))

    def score(self, histories: Histories, context: Mapping[str, Any] | None = None) -> np.ndarray:
        """Return the probability of each item to come next, ``(n, n_items)``, rows sum to 1; popular items for new users."""
        logits = self.logits(histories, context)
        logits -= logits.max(axis=1, keepdims=True)
        scores = np.exp(logits, out=logits)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def logits(self, histories: Histories, context: Mapping[str, Any] | None = None) -> np.ndarray:
        """Return the unnormalised log-probability of each item, float32 ``(n, n_items)``."""
        known = histories.items != UNKNOWN
        if not known.all():
            histories = histories.keep(known).at(histories.now)
        now = np.where(histories.now > 0, histories.now, self._popularity.end)
        moments = self._popularity.moments(now)
        with torch.inference_mode():
            queries = self._queries(histories.at(now), context)
            vectors, bias = self._item_table
            logits = torch.addmm(bias, queries, vectors.T).numpy()
        if self.recipe.recency_mask:
            weight = np.float32(self.arrays[NET + "trend_weight"][0])
            logits += (weight * self._trend)[moments]
        new = histories.lengths == 0
        logits[new] = np.log(self.arrays["users"] + 0.5)
        return logits

    @cached_property
    def _popularity(self) -> PopularityOverTime:
        return PopularityOverTime(*(self.arrays[f"popularity.{name}"] for name in ("before", "start", "width")))

    @cached_property
    def _trend(self) -> np.ndarray:
        return self._popularity.log_trend(TREND_DAYS)

    @cached_property
    def _descriptions(self) -> Descriptions:
        return Descriptions.of_arrays(self.arrays, self.n_items)

    @cached_property
    def network(self) -> HierarchicalGru:
        """The trained network, ready to answer."""
        network = build_network(self.recipe, self.n_items, self._descriptions, self._has("request"))
        weights = {name.removeprefix(NET): torch.from_numpy(a.copy()) for name, a in self.arrays.items() if name.startswith(NET)}
        network.load_state_dict(weights)
        return network.eval()

    @cached_property
    def _item_table(self) -> tuple[torch.Tensor, torch.Tensor]:
        cold = self.arrays["cold"]
        with torch.inference_mode():
            return self.network.items(known=torch.from_numpy((~cold).astype(np.float32)) if cold.any() else None)

    def _has(self, part: str) -> bool:
        return f"{NET}{part}.weight" in self.arrays

    def _queries(self, histories: Histories, context: Mapping[str, Any] | None) -> torch.Tensor:
        """Return the query of each history at the time of its request, ``(n, d)``."""
        recipe, n, network = self.recipe, len(histories), self.network
        histories = _newest(histories, recipe.bptt * recipe.sessions)
        pieces = cut_into_pieces(histories, recipe.session_gap, recipe.bptt)
        seen = self._seen(histories)
        running = is_running(histories, recipe.session_gap)
        # a running session's last piece is still open; all others are finished and remembered
        last = np.full(n, -1)
        last[pieces.rows] = np.arange(len(pieces))
        is_open = running.copy()
        is_open[running] = pieces.lengths[last[running]] < recipe.bptt
        finished = np.ones(len(pieces), bool)
        finished[last[is_open]] = False
        memory = self._memory(seen, pieces, finished, n)
        since = histories.now - np.append(histories.timestamps, 0)[histories.offsets[1:] - 1]
        gaps = np.where(histories.lengths == 0, FIRST, np.where(running, 0, since))
        gaps[is_open] = pieces.gaps[last[is_open]]
        person = None
        if network.person is not None:
            person = network.describe(torch.from_numpy(self._descriptions.of_users(histories.users)))
        states = network.begin(memory, torch.from_numpy(gap_class(gaps)), person)
        means = torch.zeros_like(states)
        if is_open.any():
            open_ = np.flatnonzero(is_open)
            lengths, starts = pieces.lengths[last[open_]], pieces.starts[last[open_]]
            events = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
            walked = network.walk(states[open_], seen[events], lengths)
            states[open_] = walked[np.cumsum(lengths) - 1]
            means[open_] = _means(seen, pieces)[last[open_]]
        request = None
        if network.request is not None and context:
            asked = descriptions.event_columns({k: v for k, v in context.items() if descriptions.is_context(k)})
            request = network.describe(torch.from_numpy(self._descriptions.of_events(asked, n)))
        return network.ask(states, means, request)

    def _seen(self, histories: Histories) -> torch.Tensor:
        """Return the vector of each event, ``(m, d)``."""
        seen = self._item_table[0][torch.tensor(histories.items).long()]
        columns = descriptions.event_columns(histories.columns) if len(self._descriptions.keys) else {}
        if columns:
            found = self._descriptions.of_events(columns, len(histories.items))
            seen = seen + self.network.describe(torch.from_numpy(found))
        return seen

    def _memory(self, seen: torch.Tensor, pieces: Pieces, finished: np.ndarray, n: int) -> torch.Tensor:
        """Return each user's state after all finished pieces, ``(n, d)``."""
        memory = torch.zeros(n, self.network.hidden)
        if finished.any():
            counts = np.bincount(pieces.rows[finished], minlength=n)
            gaps = torch.from_numpy(gap_class(pieces.gaps[finished]))
            states = self.network.remember(_means(seen, pieces)[finished], gaps, counts)
            memory[counts > 0] = states[np.cumsum(counts)[counts > 0] - 1]
        return memory


def _means(seen: torch.Tensor, pieces: Pieces) -> torch.Tensor:
    """Return the mean vector of each piece, ``(p, d)``."""
    return torch.segment_reduce(seen, "mean", lengths=torch.from_numpy(pieces.lengths))


def build_network(recipe: Recipe, n_items: int, described: Descriptions, has_context: bool) -> HierarchicalGru:
    """Return an untrained network of the recipe's size for so many items, described so, with or without context."""
    sizes = Sizes(n_items, max(1, len(described.keys)), recipe.hidden_dimension, described.users_described, has_context)
    return HierarchicalGru(sizes, described.items if described.items.nnz else None, recipe.dropout)


def _newest(histories: Histories, events: int) -> Histories:
    """Return the histories with their newest ``events`` events only."""
    if histories.lengths.max(initial=0) <= events:
        return histories
    return histories.keep(histories.steps_back < events).at(histories.now)
