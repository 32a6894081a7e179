"""User-Personalization: the recurrent network joined with everything else that tells what a user takes next.

Evidence, part by part (what each adds is measured in notebook 16):

* the hierarchical recurrent network, with metadata and context where there are any (:mod:`helpers.recipes.hrnn`);
* the user's own history: rebuying, recency, rhythm, the running visit (:mod:`helpers.recipes.own_history`);
* companions: what occurs in sessions together with the history's items (:mod:`helpers.recipes.sims`), newest first and all alike;
* a linear model over the whole history (:mod:`helpers.recipes.linear`);
* popularity, and its trend over 7, 30 and 90 days at the moment of the request.

A linear softmax joins them (:mod:`helpers.recipes.blend`), with weights fitted on users and times that the parts have not seen
(:mod:`helpers.recipes.questions`); then the parts are trained again on everything. So a training costs two trainings of the
network.

A new event is part of the history of the next request, so it changes the answer at once. New items come in with
:meth:`UserPersonalizationModel.update`, without training; how they get shown is :mod:`helpers.recipes.exploration`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import UNKNOWN, Histories
from helpers.recipes import blend, exploration
from helpers.recipes.descriptions import Descriptions
from helpers.recipes.hrnn import Hrnn, creation_times, popularity_arrays
from helpers.recipes.hrnn_model import NET, HrnnModel
from helpers.recipes.hyperparameters import hyperparameter
from helpers.recipes.linear import linear_weights
from helpers.recipes.model_files import check_array
from helpers.recipes.own_history import OwnHistory, repeat_shares
from helpers.recipes.popularity_over_time import PopularityOverTime
from helpers.recipes.questions import HeldOut, hold_out
from helpers.recipes.sessions import is_running
from helpers.recipes.sims import Sims, add_neighbours
from helpers.recipes.top_k import top_k

_TRENDS = (7, 30, 90)
_COMPANION_DECAYS = (1.25, 0.3)
_COMPANION_FLOOR, _LINEAR_FLOOR = 1e-3, 3e-3
"""What an item without evidence has, before the logarithm is taken."""


class UserPersonalizationModel(HrnnModel):
    """Arrays: those of :class:`HrnnModel`; ``companions.ids`` int32 and ``.weights`` float32 ``(n_items, neighbours)``; the
    linear model as CSR ``linear.data``, ``.indices``, ``.offsets``; ``repeats`` float32 ``(n_items,)``; ``created``, when each
    item appeared, int64 ``(n_items,)``; ``until``, time of the newest interaction learned from, int64 ``(1,)``; ``blend``
    float32, a row a situation; optionally ``tilt``, what is added to each item's logit, float32 ``(n_items,)``."""

    def check(self) -> None:
        super().check()
        n = self.n_items
        ids = check_array(self.arrays, "companions.ids", np.int32, (n, None))
        check_array(self.arrays, "companions.weights", np.float32, ids.shape)
        data = check_array(self.arrays, "linear.data", np.float32, (None,))
        indices = check_array(self.arrays, "linear.indices", np.int32, data.shape)
        offsets = check_array(self.arrays, "linear.offsets", np.int64, (n + 1,))
        check_array(self.arrays, "repeats", np.float32, (n,))
        check_array(self.arrays, "created", np.int64, (n,))
        check_array(self.arrays, "until", np.int64, (1,))
        check_array(self.arrays, "blend", np.float32, (len(blend.SITUATIONS), blend.N_WEIGHTS))
        if "tilt" in self.arrays:
            check_array(self.arrays, "tilt", np.float32, (n,))
        if offsets[0] != 0 or offsets[-1] != len(data) or (np.diff(offsets) < 0).any():
            raise ValueError("the offsets of the linear model do not fit")
        for codes, lowest in ((ids, -1), (indices, 0)):
            if codes.size and not lowest <= codes.min() <= codes.max() < n:
                raise ValueError("an item lies outside the catalogue")

    def logits(self, histories: Histories, context: Mapping[str, Any] | None = None) -> np.ndarray:
        """Return the blended score of each item, float32 ``(n, n_items)``; popular items for new users."""
        known = histories.items != UNKNOWN
        if not known.all():
            histories = histories.keep(known).at(histories.now)
        histories = histories.at(np.where(histories.now > 0, histories.now, self._popularity.end))
        weights = self.arrays["blend"][self.situations(histories)]
        scores = np.zeros((len(histories), self.n_items), np.float32)
        for k, part in enumerate(self._evidence(histories, context)):
            part *= weights[:, k, None]
            scores += part
        own = self.own_history(histories)
        scores[own.rows, own.items] += (own.features * weights[own.rows, len(blend.EVIDENCE) :]).sum(axis=1)
        scores[histories.lengths == 0] = np.log(self.arrays["users"] + 0.5)
        return scores + self.arrays["tilt"] if "tilt" in self.arrays else scores

    def tilted(self, tilt: np.ndarray) -> "UserPersonalizationModel":
        """Return the model with ``tilt``, ``(n_items,)``, added to the logit of each item (:mod:`helpers.recipes.objective`)."""
        return type(self)(self.recipe, self.item_ids, {**self.arrays, "tilt": np.asarray(tilt, np.float32)})

    def situations(self, histories: Histories) -> np.ndarray:
        """Return the row of ``blend`` for each request, ``(n,)``; its name is in :data:`helpers.recipes.blend.SITUATIONS`."""
        live = histories.now > self.trained_until
        return blend.situation(is_running(histories, self.recipe.session_gap), live)

    @property
    def trained_until(self) -> int:
        """Time of the newest interaction in the training data, Unix seconds."""
        return int(self.arrays["until"][0])

    def own_history(self, histories: Histories) -> OwnHistory:
        """Return the features of the items in each history."""
        return OwnHistory(histories, self.recipe.session_gap, self.arrays["repeats"])

    def parts(self, histories: Histories, context: Mapping[str, Any] | None = None) -> list[np.ndarray]:
        """Return each part's score of every item, float32 ``(n, n_items)`` each, in the order of :data:`blend.EVIDENCE`."""
        return list(self._evidence(histories, context))

    def _evidence(self, histories: Histories, context: Mapping[str, Any] | None = None):
        yield super().logits(histories, context)
        moments, where = np.unique(self._popularity.moments(histories.now), return_inverse=True)
        yield np.tile(self._popularity.log_overall(), (len(histories), 1))
        for days in _TRENDS:
            yield self._popularity.log_trend(days, moments)[where]
        for decay in _COMPANION_DECAYS:
            found = np.zeros((len(histories), self.n_items), np.float32)
            companions = self.arrays["companions.ids"], self.arrays["companions.weights"]
            add_neighbours(histories.items, histories.offsets, decay, *companions, found)
            yield np.log(found + np.float32(_COMPANION_FLOOR))
        importance = (1.0 + histories.steps_back) ** -0.3
        votes = sp.csr_matrix(
            (importance, (histories.rows, histories.items)), shape=(len(histories), self.n_items), dtype=np.float32
        )
        votes.data = np.minimum(votes.data, 2)
        spoken = (votes @ self._linear).toarray() / np.sqrt(np.maximum(1, histories.lengths))[:, None].astype(np.float32)
        yield np.log(np.maximum(spoken, 0) + np.float32(_LINEAR_FLOOR))

    def explore(
        self,
        histories: Histories,
        k: int = 25,
        *,
        weight: float | None = None,
        age_cut_off: float | None = None,
        shown: np.ndarray | None = None,
        seed: int = 0,
        request: int = 0,
        allowed: np.ndarray | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rank the catalogue as :meth:`recommend`, with a chance for new items (:mod:`helpers.recipes.exploration`).

        Args:
            weight: 0 to 1; None = the recipe's ``exploration_weight``.
            age_cut_off: days; None = the recipe's ``exploration_item_age_cut_off``.
            shown: how often each item was shown since the training, ``(n_items,)``; None = never.
            seed, request: the same user, seed and request number get the same list.

        Returns:
            Item codes and scores ``(n, k)``, as :meth:`recommend`.
        """
        self._check_request(k, allowed, len(histories), histories.items)
        weight = self.recipe.exploration_weight if weight is None else weight
        age_cut_off = self.recipe.exploration_item_age_cut_off if age_cut_off is None else age_cut_off
        now = np.where(histories.now > 0, histories.now, self._popularity.end)
        met = self.arrays["users"] + (0 if shown is None else shown)
        new = exploration.eligible(self.arrays["created"], now, age_cut_off)
        luck = exploration.draw_luck(histories, self.n_items, seed, request)
        scores = exploration.with_bonus(self.score(histories, context), new, met, weight, k, luck, allowed)
        return top_k(scores, k, allowed)

    def update(self, dataset: Dataset) -> "UserPersonalizationModel":
        """Return a model that knows the dataset's new items and newest interactions, without training the network again.

        New items are known by their attributes, everything but the network and the blend's weights is learned anew. This is the
        service's automatic update (every two hours there) and its ``trainingMode=UPDATE``.

        Raises:
            InputError: the model knows attributes of users and the dataset has none, or the other way round.
        """
        described = self._descriptions.renew(dataset)
        if described.users_described != self._descriptions.users_described:
            had = "with" if self._descriptions.users_described else "without"
            raise InputError(
                f"{dataset.name}: the model was trained {had} attributes of users; update it with the same tables, or train anew"
            )
        item_ids = dataset.interactions.item_ids
        place = self.item_ids.codes(item_ids.ids)
        new = place == UNKNOWN
        arrays = {name: values for name, values in self.arrays.items() if name != "tilt"}  # new items have values of their own
        own, bias = arrays[f"{NET}items.own.weight"], arrays[f"{NET}items.own_bias"]
        arrays[f"{NET}items.own.weight"] = np.where(new[:, None], np.float32(0), own[place])
        arrays[f"{NET}items.own_bias"] = np.where(new, arrays[f"{NET}items.cold_bias"][0], bias[place])
        arrays |= described.arrays()
        arrays |= popularity_arrays(dataset.interactions, PopularityOverTime.of(dataset.interactions))
        arrays |= self.recipe.evidence_arrays(dataset)
        arrays["cold"] = new | self.arrays["cold"][place]
        return type(self)(self.recipe, item_ids, arrays)

    @cached_property
    def _linear(self) -> sp.csr_matrix:
        parts = (self.arrays[f"linear.{name}"] for name in ("data", "indices", "offsets"))
        return sp.csr_matrix(tuple(parts), shape=(self.n_items, self.n_items), copy=False)


@dataclass(frozen=True)
class Blended(Hrnn):
    """A recipe that joins the network with all other evidence; base of User-Personalization and Personalized-Ranking."""

    needs = "Interactions; Items, Users and context are used where there are any"
    model: ClassVar[type[UserPersonalizationModel]] = UserPersonalizationModel

    hidden_dimension: int = hyperparameter(149, 32, 256, tunable=True, doc="numbers in the state and in an item's vector")

    def fit(self, dataset: Dataset, seed: int = 0) -> UserPersonalizationModel:
        held = hold_out(dataset.interactions, self.session_gap, seed)
        inner = self.fit_parts(dataset.with_interactions(held.learn), seed)
        blended = {"blend": self.fit_blend(inner, held)}
        del inner
        whole = self.fit_parts(dataset, seed)
        return self.model(self, whole.item_ids, {**whole.arrays, **blended})

    def _describe(self, dataset: Dataset) -> Descriptions:
        return Descriptions.learn(dataset)

    def fit_parts(self, dataset: Dataset, seed: int = 0) -> UserPersonalizationModel:
        """Train every part and blend nothing yet: the network alone decides."""
        arrays = {**super().fit(dataset, seed).arrays, **self.evidence_arrays(dataset)}
        arrays["blend"] = np.tile(blend.prior(), (len(blend.SITUATIONS), 1))
        return self.model(self, dataset.interactions.item_ids, arrays)

    def evidence_arrays(self, dataset: Dataset) -> dict[str, np.ndarray]:
        """Learn all parts but the network; seconds, so they can be renewed whenever data arrive."""
        interactions = dataset.interactions
        companions = Sims(min_cointeraction_count=1, neighbours=200, session_gap_minutes=self.session_gap_minutes).fit(dataset)
        linear = linear_weights(interactions)
        return {
            "companions.ids": companions.arrays["ids"],
            "companions.weights": companions.arrays["weights"],
            "linear.data": linear.data,
            "linear.indices": linear.indices.astype(np.int32),
            "linear.offsets": linear.indptr.astype(np.int64),
            "repeats": repeat_shares(interactions.histories, interactions.n_items, self.session_gap),
            "created": creation_times(dataset),
            "until": np.array([interactions.timestamps.max(initial=0)]),
        }

    def fit_blend(self, parts: UserPersonalizationModel, held: HeldOut, without: Collection[str] = ()) -> np.ndarray:
        """Fit the weights of each situation, float32, a row for each of :data:`blend.SITUATIONS`; live situations start from what
        was found inside the time of the training data.

        Args:
            parts: trained on ``held.learn``.
            without: parts to leave out, by name (:func:`blend.used`): their weights are 0.
        """
        use = blend.used(without) if without else None
        weights = np.tile(blend.prior() if use is None else blend.prior() * use, (len(blend.SITUATIONS), 1))
        for live, questions in enumerate((held.inside, held.after)):
            running = is_running(questions.histories, self.session_gap)
            for inside in (0, 1):
                row = 2 * live + inside
                chosen = questions.take(np.flatnonzero(running == inside))
                start = weights[inside] if live else weights[row]
                weights[row] = blend.fit_weights(chosen, parts.parts, parts.own_history, start, parts.n_items, use)
        return weights


@dataclass(frozen=True)
class UserPersonalization(Blended):
    """The best recommender for known users, blended from all evidence (developer guide, "User-Personalization recipe")."""

    name = "aws-user-personalization"
    source = "Amazon Personalize developer guide, User-Personalization recipe; Ma et al. 2020; Steck 2019; see the module's text"

    exploration_weight: float = hyperparameter(0.3, 0, 1, doc="how much new items are shown beyond what is known; 0 = never")
    exploration_item_age_cut_off: float = hyperparameter(30.0, 0, doc="items are new for so many days")
