"""The HRNN recipes: a hierarchical recurrent network over time-ordered histories; without and with metadata, and for cold items.

The network itself is in :mod:`helpers.recipes.network`, how it learns in :mod:`helpers.recipes.training`.

* ``aws-hrnn`` knows ids and times only.
* ``aws-hrnn-metadata`` also reads item and user attributes, the event type of past events, and context columns; context can be
  given with a request.
* ``aws-hrnn-coldstart`` is trained with a share of the items shown by their attributes only, and scores *cold* items (few
  interactions, recently created) by their attributes: what little was learned about them of their own is left aside.

A history without any known event is a new user and gets the popular items, as the service answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import UNKNOWN, Histories, Interactions
from helpers.recipes import descriptions, training
from helpers.recipes.base import USER_PERSONALIZATION, Model, Recipe
from helpers.recipes.descriptions import Descriptions
from helpers.recipes.features import CREATION_TIMESTAMP, described_fields, has_item_attributes
from helpers.recipes.hyperparameters import hyperparameter
from helpers.recipes.model_files import check_array
from helpers.recipes.network import HierarchicalGru, Sizes, gap_class
from helpers.recipes.popularity_count import count_unique_users
from helpers.recipes.popularity_over_time import DAY, PopularityOverTime
from helpers.recipes.sessions import FIRST, Pieces, cut_into_pieces, is_running, order_carries_meaning

NET = "net."
"""Prefix of the network's weights among a model's arrays."""
_TREND_DAYS = 30


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
        expected = _network(self.recipe, self.n_items, Descriptions.of_arrays(self.arrays, self.n_items), self._has("request"))
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
        return self._popularity.log_trend(_TREND_DAYS)

    @cached_property
    def _descriptions(self) -> Descriptions:
        return Descriptions.of_arrays(self.arrays, self.n_items)

    @cached_property
    def network(self) -> HierarchicalGru:
        """The trained network, ready to answer."""
        network = _network(self.recipe, self.n_items, self._descriptions, self._has("request"))
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


@dataclass(frozen=True)
class Hrnn(Recipe):
    """A hierarchical recurrent network over ids and times (developer guide, "HRNN recipe (legacy)")."""

    name = "aws-hrnn"
    type = USER_PERSONALIZATION
    source = "Amazon Personalize developer guide, HRNN recipe; Hidasi et al. 2016; Quadrana et al. 2017; Ma et al. 2020"
    returns_scores = True

    hidden_dimension: int = hyperparameter(43, 32, 256, tunable=True, doc="numbers in the state and in an item's vector")
    bptt: int = hyperparameter(
        32, 2, 32, tunable=True, doc="back-propagation through time: events of a session that gradients run through"
    )
    recency_mask: bool = hyperparameter(True, tunable=True, doc="let the popularity trend of the last 30 days weigh in")
    min_user_history_length_percentile: float = hyperparameter(0.0, 0, 1, doc="leave out users with shorter histories")
    max_user_history_length_percentile: float = hyperparameter(0.99, 0, 1, doc="leave out users with longer histories")
    epochs: int = hyperparameter(6, 1, 1000, doc="not the service's: passes over the training data")
    dropout: float = hyperparameter(0.25, 0, 0.9, doc="not the service's: share of numbers hidden at random while training")
    look_ahead: float = hyperparameter(
        0.4, 0, 1, doc="not the service's: how much later items of a session count as an answer too; 0 = the next item only"
    )
    session_gap_minutes: float = hyperparameter(30.0, 0, doc="not the service's: a longer pause ends the session")
    sessions: int = hyperparameter(24, 1, 200, doc="not the service's: sessions that a user's memory reaches back")
    order_within_second: str = hyperparameter(
        "auto", choices=("auto", "given", "none"), doc="not the service's: the order of events of one second; auto asks the data"
    )

    @property
    def session_gap(self) -> float:
        """Seconds without an event that end a session."""
        return 60 * self.session_gap_minutes

    def fit(self, dataset: Dataset, seed: int = 0) -> HrnnModel:
        described = self._describe(dataset)
        interactions = dataset.interactions
        popularity = PopularityOverTime.of(interactions)
        columns = descriptions.event_columns(interactions.columns) if len(described.keys) else {}
        context = np.array([descriptions.is_context(name) for name in columns], bool)
        learned = self._typical_users(interactions)
        network = fit_network(self, learned, described, context, popularity, seed)
        arrays = {
            **{NET + name: tensor.detach().numpy().copy() for name, tensor in network.state_dict().items()},
            **described.arrays(),
            **popularity_arrays(interactions),
            "cold": self._cold_items(dataset),
        }
        return HrnnModel(self, interactions.item_ids, arrays)

    def _describe(self, dataset: Dataset) -> Descriptions:
        return Descriptions.none(dataset.interactions.n_items)

    def _cold_items(self, dataset: Dataset) -> np.ndarray:
        return np.zeros(dataset.interactions.n_items, bool)

    def _hidden_items(self) -> float:
        return 0.0

    def _typical_users(self, interactions: Interactions) -> Interactions:
        lengths = interactions.histories.lengths
        filled = lengths[lengths > 0]
        if not len(filled):
            return interactions
        low = np.quantile(filled, self.min_user_history_length_percentile, method="lower")
        high = np.quantile(filled, self.max_user_history_length_percentile, method="higher")
        return interactions.keep(((lengths >= low) & (lengths <= high))[interactions.users])


@dataclass(frozen=True)
class HrnnMetadata(Hrnn):
    """HRNN that also reads attributes of items and users, and context (developer guide, "HRNN-Metadata recipe (legacy)")."""

    name = "aws-hrnn-metadata"
    needs = "Interactions, and Items, Users or context columns"
    source = "Amazon Personalize developer guide, HRNN-Metadata recipe; Ma et al. 2020"

    def _describe(self, dataset: Dataset) -> Descriptions:
        columns = descriptions.event_columns(dataset.interactions.columns)
        tables = (dataset.items, "item"), (dataset.users, "user")
        if not columns and not any(table is not None and described_fields(dataset, kind) for table, kind in tables):
            raise InputError(
                f"{dataset.name}: nothing describes items, users or events; {self.name} needs items.csv, users.csv or a context "
                "column. Use aws-hrnn for ids and times alone."
            )
        return Descriptions.learn(dataset)


@dataclass(frozen=True)
class HrnnColdstart(HrnnMetadata):
    """HRNN-Metadata that recommends cold items by their attributes (developer guide, "HRNN-Coldstart recipe (legacy)").

    An item is cold if it has fewer than ``cold_start_max_interactions`` interactions and is younger than
    ``cold_start_max_duration`` days; its age counts from CREATION_TIMESTAMP, else from its first interaction, and an item
    without either is new. The service refuses to train unless 100 to 80,000 items are cold; here any number will do.
    """

    name = "aws-hrnn-coldstart"
    needs = "Interactions, Items with at least one attribute"
    source = "Amazon Personalize developer guide, HRNN-Coldstart recipe; Volkovs et al. 2017 (DropoutNet)"

    hidden_dimension: int = hyperparameter(149, 32, 256, tunable=True, doc="numbers in the state and in an item's vector")
    cold_start_max_interactions: int = hyperparameter(15, 1, doc="a cold item has fewer interactions")
    cold_start_max_duration: float = hyperparameter(5.0, 0, doc="a cold item is younger, in days")
    cold_start_relative_from: str = hyperparameter(
        "latestItem", choices=("currentTime", "latestItem"), doc="age counts back from the newest item or from the newest event"
    )

    def _describe(self, dataset: Dataset) -> Descriptions:
        if not has_item_attributes(dataset):
            raise InputError(f"{dataset.name}: {self.name} needs items.csv with at least one attribute to know cold items by")
        return super()._describe(dataset)

    def _cold_items(self, dataset: Dataset) -> np.ndarray:
        created = creation_times(dataset)
        newest = dataset.interactions.timestamps.max(initial=0)
        now = created.max(initial=0) if self.cold_start_relative_from == "latestItem" else newest
        counts = np.bincount(dataset.interactions.items, minlength=dataset.interactions.n_items)
        return (counts < self.cold_start_max_interactions) & (now - created < self.cold_start_max_duration * DAY)

    def _hidden_items(self) -> float:
        return 0.2


def fit_network(
    recipe: Hrnn,
    interactions: Interactions,
    described: Descriptions,
    context: np.ndarray,
    popularity: PopularityOverTime,
    seed: int,
) -> HierarchicalGru:
    """Train a network on the interactions; ``context`` says which event columns a request may bring, bool ``(c,)``."""
    histories = interactions.histories
    columns = descriptions.event_columns(histories.columns) if len(described.keys) else {}
    meaningless = recipe.order_within_second == "none" or (
        recipe.order_within_second == "auto" and not order_carries_meaning(histories, seed)
    )
    plan = training.Plan(
        epochs=recipe.epochs,
        session_gap=recipe.session_gap,
        bptt=recipe.bptt,
        sessions=recipe.sessions,
        look_ahead=0.95 if meaningless else recipe.look_ahead,
        shuffle_ties=meaningless,
        hide_items=recipe._hidden_items(),
    )
    inputs = training.Inputs(
        histories,
        described.of_events(columns, len(histories.items)),
        context,
        described.of_users(histories.users) if described.users_described else None,
        popularity.log_trend(_TREND_DAYS) if recipe.recency_mask else None,
        popularity.moments(histories.timestamps) if recipe.recency_mask else None,
    )
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers are none of our business
        torch.manual_seed(seed)
        network = _network(recipe, interactions.n_items, described, bool(context.any()))
        with torch.no_grad():
            network.items.own_bias.copy_(torch.from_numpy(popularity.log_overall()))
            network.items.cold_bias.fill_(float(np.median(popularity.log_overall())))
        training.train(network, inputs, plan, seed, title=recipe.name)
    return network


def popularity_arrays(interactions: Interactions) -> dict[str, np.ndarray]:
    """Return what a model keeps of the items' popularity, over time and in unique users."""
    popularity = PopularityOverTime.of(interactions)
    named = {f"popularity.{name}": getattr(popularity, name) for name in ("before", "start", "width")}
    return {**named, "users": count_unique_users(interactions)}


def creation_times(dataset: Dataset) -> np.ndarray:
    """Return when each item appeared, Unix seconds int64 ``(n_items,)``: CREATION_TIMESTAMP, else its first interaction, else the
    newest interaction of all (developer guide, "Items dataset")."""
    interactions = dataset.interactions
    newest = interactions.timestamps.max(initial=0)
    first = np.full(interactions.n_items, newest, np.int64)
    np.minimum.at(first, interactions.items, interactions.timestamps)
    if dataset.items is None or CREATION_TIMESTAMP not in dataset.items:
        return first
    stated = dataset.items[CREATION_TIMESTAMP].to_numpy(float, na_value=np.nan)
    return np.where(np.isfinite(stated), stated, first).astype(np.int64)


def _network(recipe: Hrnn, n_items: int, described: Descriptions, has_context: bool) -> HierarchicalGru:
    sizes = Sizes(n_items, max(1, len(described.keys)), recipe.hidden_dimension, described.users_described, has_context)
    return HierarchicalGru(sizes, described.items if described.items.nnz else None, recipe.dropout)


def _newest(histories: Histories, events: int) -> Histories:
    """Return the histories with their newest ``events`` events only."""
    if histories.lengths.max(initial=0) <= events:
        return histories
    return histories.keep(histories.steps_back < events).at(histories.now)
