"""The HRNN recipes: a hierarchical recurrent network over time-ordered histories; without and with metadata, and for cold items.

The network itself is in :mod:`helpers.recipes.network`, how it learns in :mod:`helpers.recipes.training`.

* ``aws-hrnn`` knows ids and times only.
* ``aws-hrnn-metadata`` also reads item and user attributes, the event type of past events, and context columns; context can be
  given with a request.
* ``aws-hrnn-coldstart`` is trained with a share of the items shown by their attributes only, and scores *cold* items (few
  interactions, recently created) by their attributes: what little was learned about them of their own is left aside.

A history without any known event is a new user and gets the popular items, as the service answers.
"""

from dataclasses import dataclass

import numpy as np
import torch

from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import Histories, Interactions
from helpers.recipes import descriptions, training
from helpers.recipes.base import USER_PERSONALIZATION, Recipe
from helpers.recipes.descriptions import Descriptions
from helpers.recipes.features import CREATION_TIMESTAMP, described_fields, has_item_attributes
from helpers.recipes.hrnn_model import NET, TREND_DAYS, HrnnModel, build_network
from helpers.recipes.hyperparameters import hyperparameter
from helpers.recipes.network import HierarchicalGru
from helpers.recipes.percentiles import typical_users
from helpers.recipes.popularity_count import count_unique_users
from helpers.recipes.popularity_over_time import DAY, PopularityOverTime
from helpers.recipes.sessions import order_carries_meaning


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
        typical = typical_users(interactions, self.min_user_history_length_percentile, self.max_user_history_length_percentile)
        learned = interactions.keep(typical)
        network = fit_network(self, learned, described, context, popularity, seed)
        return self.model_of(network, dataset, described, popularity)

    def model_of(
        self, network: HierarchicalGru, dataset: Dataset, described: Descriptions, popularity: PopularityOverTime
    ) -> HrnnModel:
        """Return the model of a trained network, with what it needs to know of the data."""
        interactions = dataset.interactions
        arrays = {
            **{NET + name: tensor.detach().numpy().copy() for name, tensor in network.state_dict().items()},
            **described.arrays(),
            **popularity_arrays(interactions, popularity),
            "cold": self._cold_items(dataset),
        }
        return HrnnModel(self, interactions.item_ids, arrays)

    def _describe(self, dataset: Dataset) -> Descriptions:
        return Descriptions.none(dataset.interactions.n_items)

    def _cold_items(self, dataset: Dataset) -> np.ndarray:
        return np.zeros(dataset.interactions.n_items, bool)

    def _hidden_items(self) -> float:
        return 0.0


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
    together: training.Alone | None = None,
) -> HierarchicalGru:
    """Train a network on the interactions; ``context`` says which event columns a request may bring, bool ``(c,)``."""
    histories = interactions.histories
    columns = descriptions.event_columns(histories.columns) if len(described.keys) else {}
    meaningless = not takes_order(recipe, histories, seed)
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
        popularity.log_trend(TREND_DAYS) if recipe.recency_mask else None,
        popularity.moments(histories.timestamps) if recipe.recency_mask else None,
    )
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers are none of our business
        torch.manual_seed(seed)
        network = build_network(recipe, interactions.n_items, described, bool(context.any()))
        with torch.no_grad():
            network.items.own_bias.copy_(torch.from_numpy(popularity.log_overall()))
            network.items.cold_bias.fill_(float(np.median(popularity.log_overall())))
        training.train(network, inputs, plan, seed, title=recipe.name, together=together)
    return network


def takes_order(recipe: Hrnn, histories: Histories, seed: int) -> bool:
    """Return whether the order of events of one second is learned from."""
    return recipe.order_within_second == "given" or (
        recipe.order_within_second == "auto" and order_carries_meaning(histories, seed)
    )


def popularity_arrays(interactions: Interactions, popularity: PopularityOverTime) -> dict[str, np.ndarray]:
    """Return what a model keeps of the items' popularity, over time and in unique users."""
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
