"""Personalized-Ranking: the scorer of User-Personalization, asked to order a list that somebody else has chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.errors import InputError
from helpers.interactions import UNKNOWN, Histories
from helpers.recipes.base import PERSONALIZED_RANKING
from helpers.recipes.user_personalization import Blended, UserPersonalizationModel


class PersonalizedRankingModel(UserPersonalizationModel):
    """Arrays: as :class:`UserPersonalizationModel`."""

    def rank(
        self, histories: Histories, candidates: np.ndarray, context: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Order each row of ``candidates``, most likely first.

        Args:
            candidates: item codes, ``(n, c)``, one list for each history; -1 is an unknown item.

        Returns:
            Positions into each row ``(n, c)`` int64, and the scores in that order: a softmax over the known items of the list, so
            they sum to 1. Unknown items come last, in the order given, with score NaN. Ties go by item id.

        Raises:
            InputError: not one list for each history, or anything but codes of the catalogue and -1.
        """
        candidates = np.asarray(candidates)
        if candidates.ndim != 2 or len(candidates) != len(histories):
            raise InputError(f"candidates has shape {candidates.shape}; give one list for each of {len(histories)} histories")
        if candidates.size and not np.issubdtype(candidates.dtype, np.integer):
            raise InputError(f"candidates holds {candidates.dtype}; give item codes, from the model's own item_ids")
        candidates = candidates.astype(np.int64)
        self._check_request(1, None, len(histories), histories.items)
        self._check_request(1, None, len(histories), candidates.ravel())
        known = candidates != UNKNOWN
        scores = np.empty(candidates.shape)
        for block in self._blocks(len(histories)):
            logits = self.logits(histories.take(block), context)
            scores[block] = np.take_along_axis(logits, np.where(known[block], candidates[block], 0), axis=1)
        scores = np.where(known, scores, -np.inf)
        order = np.lexsort((np.where(known, candidates, 0), -scores), axis=1)
        scores -= scores.max(axis=1, keepdims=True, initial=-np.finfo(float).max)
        shares = np.exp(scores)
        totals = shares.sum(axis=1, keepdims=True)
        shares = np.where(known, shares / np.where(totals > 0, totals, 1), np.nan)
        return order, np.take_along_axis(shares, order, axis=1)


@dataclass(frozen=True)
class PersonalizedRanking(Blended):
    """Order a given list for a user (developer guide, "Personalized-Ranking recipe")."""

    name = "aws-personalized-ranking"
    type = PERSONALIZED_RANKING
    source = "Amazon Personalize developer guide, Personalized-Ranking recipe; the scorer of aws-user-personalization"
    model = PersonalizedRankingModel
