"""The contract: a recipe with hyperparameters fits a dataset and gives an immutable model that ranks items."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from helpers.datasets.dataset import Dataset
from helpers.errors import InputError, unknown_name
from helpers.interactions import UNKNOWN, Histories, Vocabulary
from helpers.recipes.hyperparameters import convert
from helpers.recipes.model_files import write_model_files
from helpers.recipes.top_k import top_k

USER_PERSONALIZATION = "USER_PERSONALIZATION"
POPULAR_ITEMS = "POPULAR_ITEMS"
PERSONALIZED_RANKING = "PERSONALIZED_RANKING"
RELATED_ITEMS = "RELATED_ITEMS"
USER_SEGMENTATION = "USER_SEGMENTATION"

_BLOCK_CELLS = 4_000_000
"""Scores held at once: large batches are worked through in blocks of rows, so memory stays at tens of megabytes."""


class Recipe(ABC):
    """An algorithm and its hyperparameters. Subclasses are frozen dataclasses whose fields are ``hyperparameter(...)``.

    Class attributes:
        name: the service's recipe name, e.g. ``aws-sims``.
        type: the service's recipe type.
        needs: what data it learns from, in words.
        source: paper or documentation section.
        returns_scores: whether the service shows this recipe's scores.
    """

    name: ClassVar[str]
    type: ClassVar[str]
    needs: ClassVar[str] = "Interactions"
    source: ClassVar[str]
    returns_scores: ClassVar[bool] = False

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, convert(self.name, field, getattr(self, field.name)))

    @classmethod
    def create(cls, hyperparameters: Mapping[str, Any]) -> "Recipe":
        """Build from names and values as a user typed them.

        Raises:
            InputError: an unknown hyperparameter, or a value out of its type or range.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in hyperparameters:
            if name not in known:
                raise unknown_name(f"hyperparameter of {cls.name}", name, known)
        return cls(**hyperparameters)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Name -> value of every hyperparameter."""
        return dataclasses.asdict(self)

    @abstractmethod
    def fit(self, dataset: Dataset, seed: int = 0) -> "Model":
        """Train on all interactions of ``dataset``; the same seed gives the same bytes. The dataset is not changed."""


class Model(ABC):
    """What a recipe learned: named arrays over a vocabulary of items. Immutable.

    A subclass computes :meth:`score` (history -> a score for each item) and, where its type offers it, overrides
    :meth:`score_similar`. Ranking, blocks, ties, filters, saving and loading live here, once.
    """

    def __init__(self, recipe: Recipe, item_ids: Vocabulary, arrays: Mapping[str, np.ndarray]):
        self.recipe = recipe
        self.item_ids = item_ids
        self.arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        for array in self.arrays.values():
            array.flags.writeable = False

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @abstractmethod
    def score(self, histories: Histories, context: Mapping[str, Any] | None = None) -> np.ndarray:
        """Return a score for every item, ``(n, n_items)`` float; higher is better, ``-inf`` = not recommendable."""

    def check(self) -> None:
        """Look at arrays that come from a file before anything computes with them; a subclass adds its own tests.

        Raises:
            ValueError: an array is missing, of a wrong shape or type, or holds codes or numbers out of range.
        """
        for name, array in self.arrays.items():
            if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                raise ValueError(f"the array {name!r} holds a value that is not a finite number")

    def score_similar(self, items: np.ndarray) -> np.ndarray:
        """Return the similarity of every item to each query item, a new array ``(n, n_items)``; code -1 is an unknown item."""
        raise self._unsupported("find similar items", "aws-sims")

    def recommend(
        self, histories: Histories, k: int = 25, allowed: np.ndarray | None = None, context: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Rank the catalogue for each history.

        Args:
            histories: batch of ``n``; an empty history is a new user.
            k: list length, 1 or more.
            allowed: bool ``(n_items,)`` or ``(n, n_items)``: items that may be returned; None = all.
            context: the request's context by column name, for recipes that learned one.

        Returns:
            Item codes ``(n, k)`` int32, best first, padded with -1; scores ``(n, k)`` where the service returns
            scores for this recipe, else None (:meth:`score` gives them always).

        Raises:
            InputError: ``k`` below 1, ``allowed`` of a wrong shape or type, or histories over another catalogue.
        """
        self._check_request(k, allowed, len(histories), histories.items)
        blocks = self._blocks(len(histories))
        ranked = [top_k(self.score(histories.take(b), context), k, _rows_of(allowed, b)) for b in blocks]
        return self._answer(ranked, k)

    def similar(self, items: np.ndarray, k: int = 25, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Rank the catalogue by similarity to each item code ``(n,)``; -1 is an unknown item, answered with popular items.

        Returns and raises as :meth:`recommend`; a query item is never similar to itself.
        """
        items = np.asarray(items, np.int64)
        self._check_request(k, allowed, len(items), items)
        ranked = [top_k(self._score_others(items[b]), k, _rows_of(allowed, b)) for b in self._blocks(len(items))]
        return self._answer(ranked, k)

    def rank(
        self, histories: Histories, candidates: np.ndarray, context: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Order a given list for each history: positions into each row of ``candidates`` ``(n, c)`` and their scores.

        Unknown items (code -1) come last, in the order given, with score NaN.
        """
        raise self._unsupported("order a given list", "aws-personalized-ranking")

    def segment(self, queries: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the ``k`` users most inclined to each query: user codes and likelihoods, ``(n, k)`` each."""
        raise self._unsupported("build user segments", "aws-item-affinity")

    def save(self, folder: str | Path) -> None:
        """Write ``model.json`` and ``arrays.safetensors`` into a new ``folder``; it appears whole or not at all.

        Raises:
            InputError: the folder exists already.
        """
        about = {
            "recipe": self.recipe.name,
            "hyperparameters": self.recipe.hyperparameters,
            "item_ids": self.item_ids.ids.tolist(),
        }
        write_model_files(folder, about, self.arrays)

    def _blocks(self, n: int) -> list[slice]:
        step = max(1, _BLOCK_CELLS // max(1, self.n_items))
        return [slice(start, min(start + step, n)) for start in range(0, n, step)]

    def _score_others(self, items: np.ndarray) -> np.ndarray:
        scores = self.score_similar(items)
        known = np.flatnonzero(items != UNKNOWN)
        scores[known, items[known]] = -np.inf
        return scores

    def _check_request(self, k: int, allowed: np.ndarray | None, n: int, items: np.ndarray) -> None:
        if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or k < 1:
            raise InputError(f"k = {k!r}: ask for a whole number of items, at least 1")
        if allowed is not None and np.shape(allowed) not in ((self.n_items,), (n, self.n_items)):
            raise InputError(f"allowed has shape {np.shape(allowed)}; use ({self.n_items},) or ({n}, {self.n_items})")
        if allowed is not None and np.asarray(allowed).dtype != bool:
            raise InputError(f"allowed holds {np.asarray(allowed).dtype}; use True and False, one for each item of the catalogue")
        if len(items) and not UNKNOWN <= items.min() <= items.max() < self.n_items:
            raise InputError(f"an item code lies outside -1 .. {self.n_items - 1}; take codes from the model's own item_ids")

    def _answer(self, ranked: list[tuple[np.ndarray, np.ndarray]], k: int) -> tuple[np.ndarray, np.ndarray | None]:
        if not ranked:
            ranked = [(np.empty((0, k), np.int32), np.empty((0, k)))]
        items, scores = (np.concatenate(parts) for parts in zip(*ranked, strict=True))
        return items, scores if self.recipe.returns_scores else None

    def _unsupported(self, what: str, instead: str) -> InputError:
        return InputError(f"{self.recipe.name} ({self.recipe.type}) cannot {what}; use for example {instead}")


def popularity_scores(users: np.ndarray) -> np.ndarray:
    """Return negative scores -1 .. 0 that rise with popularity, float32 ``(n_items,)``.

    They stand behind every positive score: an item without evidence ranks by popularity, below all items with evidence,
    and a row without any evidence (unknown user, unknown item) becomes the popular list, as the service answers it.

    Args:
        users: number of unique users of each item, ``(n_items,)``.
    """
    return (users / (users.max(initial=0) + 1) - 1).astype(np.float32)


def _rows_of(allowed: np.ndarray | None, block: slice) -> np.ndarray | None:
    return allowed[block] if allowed is not None and np.ndim(allowed) == 2 else allowed
