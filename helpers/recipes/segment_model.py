"""What the two segmentation recipes share: learn evidence and weights, then find the users most inclined to each query.

The answer is a likelihood: the estimated probability that the user takes at least one of the query's items within the next
part of their history, a quarter as long as what is known of it (the recipe learns on the oldest 80 % of every user's events
and the newest 20 %). All weight lies on the order of users; the level is calibrated on the training data.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from helpers import splits
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import UNKNOWN, Histories, Vocabulary
from helpers.recipes import segment_weights
from helpers.recipes.base import USER_SEGMENTATION, Model, Recipe
from helpers.recipes.hyperparameters import hyperparameter
from helpers.recipes.segment_evidence import Evidence, check_evidence, gather
from helpers.recipes.text_arrays import pack, unpack

BLOCK_CELLS = 2_000_000
"""Pairs of query and user worked on at once: memory stays below 200 MB whatever is asked."""

MAX_USERS = 5_000_000
"""The longest segment that the service makes."""

PRACTICE_PAIRS, PRACTICE_QUERIES = 30_000_000, 1000
"""How much the weights are learned from at most."""


class SegmentModel(Model):
    """A trained segmentation: arrays of :mod:`segment_evidence` and :mod:`segment_weights`, and the users' ids as texts.

    It holds the users of the training data (their histories and factors): a user who came later needs a retraining.
    """

    @cached_property
    def user_ids(self) -> Vocabulary:
        """All users of the training data; segments are codes of this vocabulary."""
        return Vocabulary(unpack("user_ids", self.arrays))

    @cached_property
    def evidence(self) -> Evidence:
        return Evidence(self.arrays)

    @property
    def n_users(self) -> int:
        return self.evidence.n_users

    def check(self) -> None:
        super().check()
        check_evidence(self.arrays, self.n_items)
        segment_weights.check_weights(self.arrays)
        names = unpack("user_ids", self.arrays)
        if len(names) != self.n_users or sorted(set(names)) != names:
            raise ValueError("the users' ids are not as many as the users, out of order or twice")

    def score(self, histories: Histories, context: Mapping[str, Any] | None = None) -> np.ndarray:
        raise self._unsupported("recommend items", "aws-sims")

    def recommend(self, *_, **__) -> tuple[np.ndarray, np.ndarray | None]:
        raise self._unsupported("recommend items", "aws-sims")

    def similar(self, *_, **__) -> tuple[np.ndarray, np.ndarray | None]:
        raise self._unsupported("find similar items", "aws-sims")

    @abstractmethod
    def items_of(self, query: Any) -> np.ndarray:
        """Return the item codes that a query asks for.

        Raises:
            InputError: the query names an item or a value that the training data do not hold.
        """

    @abstractmethod
    def read(self, line: Mapping[str, Any]) -> Any:
        """Return the query in one line of a batch segment job's input, already parsed from JSON.

        Raises:
            InputError: the line lacks the field, or asks for what is not known.
        """

    def segment(
        self, queries: Sequence[Any] | np.ndarray, k: int = 25, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the users most inclined to each query.

        Args:
            queries: ``n`` item codes (``aws-item-affinity``) or attribute queries (``aws-item-attribute-affinity``).
            k: users wanted for each, 1 to 5,000,000.
            allowed: bool ``(n_users,)`` or ``(n, n_users)``: users who may be returned; None = all.

        Returns:
            User codes int32 ``(n, w)``, most inclined first, ties by code, and likelihoods ``(n, w)`` from 0 to 1, where
            ``w = min(k, n_users)``; rows are padded with -1 and 0. Users without any interaction are never returned.

        Raises:
            InputError: an unknown item or value (the message names the query's number), ``k`` out of range, or
                ``allowed`` of a wrong shape or type.
        """
        blocks = list(self.segments(queries, k, allowed))
        width = min(k, self.n_users)
        empty = (np.empty((0, width), np.int32), np.empty((0, width)))
        users, likelihoods = (np.concatenate(parts) for parts in zip(empty, *blocks, strict=True))
        return users, likelihoods

    def segments(
        self, queries: Sequence[Any] | np.ndarray, k: int = 25, allowed: np.ndarray | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield what :meth:`segment` returns block by block, so that large answers never lie in memory at once."""
        if not isinstance(k, (int, np.integer)) or not 1 <= k <= MAX_USERS:
            raise InputError(f"k = {k!r}: ask for a whole number of users, 1 to {MAX_USERS:,}")
        allowed = self._check_allowed(allowed, len(queries))
        sets = self._sets(queries)
        blocks = [slice(start, start + self.rows_at_once) for start in range(0, len(queries), self.rows_at_once)]
        return (self._answer_block(sets[block], k, allowed[block] if allowed.ndim == 2 else allowed) for block in blocks)

    def likelihoods(self, queries: Sequence[Any] | np.ndarray) -> np.ndarray:
        """Return the likelihood of every user for each query, float64 ``(n, n_users)``; 0 for users without interactions."""
        sets = self._sets(queries)
        blocks = [self._likely(sets[start : start + self.rows_at_once]) for start in range(0, len(queries), self.rows_at_once)]
        return np.concatenate([np.empty((0, self.n_users)), *blocks])

    @property
    def rows_at_once(self) -> int:
        """Queries of a block. Always the same for one model, and short blocks are filled up: the digits of a row then
        never depend on what else is asked."""
        return rows_at_once(self.n_users)

    def _sets(self, queries: Sequence[Any] | np.ndarray) -> sp.csr_matrix:
        codes = []
        for number, query in enumerate(queries):
            try:
                codes.append(self.items_of(query))
            except InputError as fault:
                raise InputError(f"query {number + 1}: {fault}") from fault
        return item_sets(codes, self.n_items)

    def _likely(self, sets: sp.csr_matrix) -> np.ndarray:
        n = sets.shape[0]
        filled = sp.vstack([sets, sp.csr_matrix((self.rows_at_once - n, self.n_items), dtype=np.float32)], format="csr")
        odds = segment_weights.log_odds(self.arrays, self.evidence, filled)[:n].astype(np.float64)
        return np.where(self.arrays["activity"] > 0, 1 / (1 + np.exp(-odds)), 0.0)

    def _answer_block(self, sets: sp.csr_matrix, k: int, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        likely = self._likely(sets)
        usable = allowed & (self.arrays["activity"] > 0)
        width = min(k, self.n_users)
        users, best = np.full((len(likely), width), UNKNOWN, np.int32), np.zeros((len(likely), width))
        for row, scores in enumerate(likely):
            first = first_users(np.where(usable[row] if usable.ndim == 2 else usable, scores, -np.inf), width)
            users[row, : len(first)], best[row, : len(first)] = first, scores[first]
        return users, best

    def _check_allowed(self, allowed: np.ndarray | None, n: int) -> np.ndarray:
        if allowed is None:
            return np.ones(self.n_users, bool)
        shapes = ((self.n_users,), (n, self.n_users))
        if np.shape(allowed) not in shapes or np.asarray(allowed).dtype != bool:
            found = f"shape {np.shape(allowed)} and type {np.asarray(allowed).dtype}"
            raise InputError(f"allowed has {found}; use True and False for each user, in the shape {shapes[0]} or {shapes[1]}")
        return np.asarray(allowed)


@dataclass(frozen=True)
class SegmentRecipe(Recipe):
    """What both recipes do to learn; a subclass names its model and the queries to practise on."""

    model_class: ClassVar[type[Model]]
    type = USER_SEGMENTATION

    hidden_dimension: int = hyperparameter(149, 32, 256, doc="latent factors; fewer where there are not so many users or items")

    @abstractmethod
    def practice(self, dataset: Dataset, generator: np.random.Generator, n: int) -> sp.csr_matrix:
        """Return at most ``n`` queries to learn the weights on, float32 ``(n, n_items)``, 1 at the items of each."""

    def more_arrays(self, dataset: Dataset) -> dict[str, np.ndarray]:
        """Return what the model needs besides users, evidence and weights."""
        return {}

    def fit(self, dataset: Dataset, seed: int = 0) -> SegmentModel:
        interactions = dataset.interactions
        arrays = self.more_arrays(dataset) | pack("user_ids", interactions.user_ids.ids)
        arrays |= gather(dataset, self.hidden_dimension, seed) | self._weights(dataset, seed)
        return self.model_class(self, interactions.item_ids, arrays)

    def _weights(self, dataset: Dataset, seed: int) -> dict[str, np.ndarray]:
        if not (dataset.interactions.histories.lengths >= 2).any():
            return segment_weights.prior()
        parts = splits.segmentation(dataset.interactions)
        past = dataset.with_interactions(parts.train)
        n_users = dataset.interactions.n_users
        n = min(PRACTICE_QUERIES, max(50, PRACTICE_PAIRS // n_users))
        queries = self.practice(past, np.random.default_rng(seed), n)
        evidence = Evidence(gather(past, self.hidden_dimension, seed))
        return segment_weights.learn(evidence, queries, parts.truth, rows_at_once(n_users), seed)


def rows_at_once(n_users: int) -> int:
    """Return how many queries make a block over so many users."""
    return max(1, min(64, BLOCK_CELLS // max(1, n_users)))


def item_sets(codes: Sequence[np.ndarray], n_items: int) -> sp.csr_matrix:
    """Return a row for each set of item codes, float32 ``(n, n_items)``, 1 at the items of the set."""
    offsets = np.cumsum([0, *map(len, codes)])
    held = np.concatenate([np.empty(0, np.int32), *codes]).astype(np.int32)
    return sp.csr_matrix((np.ones(len(held), np.float32), held, offsets), shape=(len(codes), n_items))


def first_users(scores: np.ndarray, k: int) -> np.ndarray:
    """Return the codes of the ``k`` highest of ``(n_users,)`` scores, ties by smaller code; ``-inf`` is never returned."""
    possible = np.flatnonzero(scores > -np.inf)
    if k < len(possible):
        least = np.partition(scores[possible], len(possible) - k)[len(possible) - k]
        possible = possible[scores[possible] >= least]
    return possible[np.argsort(-scores[possible], kind="stable")][:k]
