"""Recommendations and rankings: model + history + filter + context + promotions."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from helpers.errors import InputError
from helpers.filters import Filter
from helpers.personalize.deployment import Deployment
from helpers.personalize.errors import invalid
from helpers.personalize.groups import Group
from helpers.recipes.base import PERSONALIZED_RANKING, POPULAR_ITEMS, RELATED_ITEMS, USER_SEGMENTATION
from helpers.recipes.user_personalization import UserPersonalization

DEFAULT_RESULTS, MAX_RESULTS, MAX_WITH_METADATA = 25, 500, 50
_PLACES = 7
"""Decimals of a score."""


class Answerer:
    """Answers requests to one campaign.

    Args:
        deployment: the trained version.
        group: the data of its dataset group as it is now.
        config: the campaign's configuration; ``itemExplorationConfig`` goes over the recipe's own exploration.
        find_filter: ARN -> parsed filter of this group.
        leaves_out: items with such an event (in any case of letters) of the asking user are never recommended to that user.
        live: whether histories go on with what was streamed since the training; a batch job knows the training only.
    """

    def __init__(
        self,
        deployment: Deployment,
        group: Group,
        config: Mapping[str, Any],
        find_filter: Callable[[str], Filter],
        *,
        leaves_out: str | None = None,
        live: bool = True,
    ):
        self._deployment, self._group, self._config, self._find_filter = deployment, group, config, find_filter
        self._model, self._leaves_out = deployment.model, leaves_out
        self._streamed = group if live else None

    def recommendations(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetRecommendations.

        Raises:
            ServiceError: the recipe answers other questions, an id is missing, or a limit is passed.
            InputError: a filter's values cannot be used.
        """
        k = self._count(request)
        user, item = request.get("userId"), request.get("itemId")
        self._check_ids(user, item)
        promotions = request.get("promotions", ())
        promoted = self._promoted(promotions[0], request, k) if promotions else []
        mask = self._mask(request, user)
        if promoted:
            mask = np.ones(self._model.n_items, bool) if mask is None else mask.copy()
            mask[[code for code, _ in promoted]] = False
        names = self._model.item_ids.ids
        rows = [self._entry(names[code], score) for code, score in self._ranked(request, k - len(promoted), mask)]
        if promoted:
            label = {"promotionName": promotions[0]["name"]} if promotions[0].get("name") else {}
            rows = _mixed(rows, [self._entry(names[code], score) | label for code, score in promoted])
        return {"itemList": self._described(rows, request), "recommendationId": recommendation_id()}

    def ranking(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetPersonalizedRanking: the items of ``inputList`` in the user's order; those the model does not know come last,
        without a score.

        Raises:
            ServiceError, InputError: as :meth:`recommendations`.
        """
        if self._model.recipe.type != PERSONALIZED_RANKING:
            raise self._wrong_operation("GetPersonalizedRanking")
        self._check_metadata(request, len(request["inputList"]))
        user, names = request["userId"], request["inputList"]
        if not names:
            raise invalid("inputList is empty; send at least one item")
        mask = self._mask(request, user)
        codes = self._model.item_ids.codes(names)
        if mask is not None:
            keep = np.where(codes >= 0, mask[codes], not self._includes(request))
            names, codes = [name for name, kept in zip(names, keep, strict=True) if kept], codes[keep]
        rows = []
        if len(codes):
            histories = self._deployment.histories([user], self._streamed)
            context = self._deployment.context(request.get("context", {}), self._group)
            places, scores = self._model.rank(histories, codes[None, :], context)
            rows = [self._entry(names[place], score) for place, score in zip(places[0], scores[0], strict=True)]
        return {"personalizedRanking": self._described(rows, request), "recommendationId": recommendation_id()}

    def _count(self, request: Mapping[str, Any]) -> int:
        k = request.get("numResults") or DEFAULT_RESULTS
        if k > MAX_RESULTS:
            raise invalid(f"numResults is {k}; at most {MAX_RESULTS} can be asked for")
        self._check_metadata(request, k)
        return k

    def _check_metadata(self, request: Mapping[str, Any], k: int) -> None:
        if not request.get("metadataColumns"):
            return
        if not self._config.get("enableMetadataWithRecommendations"):
            raise invalid("metadataColumns: the campaign was created without enableMetadataWithRecommendations")
        if k > MAX_WITH_METADATA:
            raise invalid(f"{k} items with metadata are asked for; at most {MAX_WITH_METADATA} are possible")

    def _check_ids(self, user: str | None, item: str | None) -> None:
        kind = self._model.recipe.type
        if kind in (PERSONALIZED_RANKING, USER_SEGMENTATION):
            raise self._wrong_operation("GetRecommendations")
        if kind == RELATED_ITEMS and not item:
            raise invalid(f"itemId is required: {self._model.recipe.name} answers which items are related to an item")
        if kind not in (RELATED_ITEMS, POPULAR_ITEMS) and not user:
            raise invalid(f"userId is required: {self._model.recipe.name} recommends to a user")

    def _wrong_operation(self, operation: str) -> Exception:
        recipe = self._model.recipe
        return invalid(f"{operation} cannot be used with a campaign of {recipe.name} ({recipe.type})")

    def _mask(self, request: Mapping[str, Any], user: str | None) -> np.ndarray | None:
        if not request.get("filterArn"):
            if request.get("filterValues"):
                raise invalid("filterValues are given without a filterArn")
            return None
        return self._passing(self._find_filter(request["filterArn"]), request.get("filterValues", {}), user)

    def _passing(self, found: Filter, values: Mapping[str, str], user: str | None) -> np.ndarray:
        if not user and {field.dataset for field in found.fields} & {"Interactions", "CurrentUser"}:
            raise invalid("userId is required: the filter looks at what the user did or is")
        return self._deployment.allowed(found, values, user, self._group)

    def _includes(self, request: Mapping[str, Any]) -> bool:
        return any(expression.include for expression in self._find_filter(request["filterArn"]).expressions)

    def _ranked(self, request: Mapping[str, Any], k: int, mask: np.ndarray | None) -> list[tuple[int, float | None]]:
        """Return codes and scores of the ``k`` best items that pass."""
        k = min(k, self._model.n_items)
        if k < 1:
            return []
        mask = self._without_had(request.get("userId"), mask)
        if self._model.recipe.type == RELATED_ITEMS:
            codes, scores = self._model.similar(self._model.item_ids.codes([request["itemId"]]), k, mask)
        else:
            codes, scores = self._recommended(request, k, mask)
        listed = [None] * k if scores is None else scores[0].tolist()
        return [(code, score) for code, score in zip(codes[0].tolist(), listed, strict=True) if code >= 0]

    def _without_had(self, user: str | None, mask: np.ndarray | None) -> np.ndarray | None:
        """Return the mask without what the use case leaves out for this user."""
        if not self._leaves_out or not user:
            return mask
        had = self._deployment.had(user, self._leaves_out, self._group)
        mask = np.ones(self._model.n_items, bool) if mask is None else mask.copy()
        mask[had] = False
        return mask

    def _recommended(self, request: Mapping[str, Any], k: int, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        histories = self._deployment.histories([request.get("userId")], self._streamed)
        context = self._deployment.context(request.get("context", {}), self._group)
        if not isinstance(self._model.recipe, UserPersonalization):
            return self._model.recommend(histories, k, mask, context)
        given = self._config.get("itemExplorationConfig", {})
        asked = {"weight": given.get("explorationWeight"), "age_cut_off": given.get("explorationItemAgeCutOff")}
        return self._model.explore(
            histories,
            k,
            **{name: None if text is None else float(text) for name, text in asked.items()},
            shown=self._deployment.shown(self._streamed) if self._streamed else None,
            request=self._deployment.next_request(request["userId"]),
            allowed=mask,
            context=context,
        )

    def _promoted(self, promotion: Mapping[str, Any], request: Mapping[str, Any], k: int) -> list[tuple[int, float | None]]:
        """Return the best items that pass the promotion's filter, at most its share of the list (rounded half up)."""
        share = promotion.get("percentPromotedItems")
        if not share or not promotion.get("filterArn"):
            raise invalid("a promotion needs percentPromotedItems and filterArn")
        mask = self._passing(self._find_filter(promotion["filterArn"]), promotion.get("filterValues", {}), request.get("userId"))
        return self._ranked(request, int(k * share / 100 + 0.5), mask)

    def _entry(self, name: str, score: float | None) -> dict[str, Any]:
        entry = {"itemId": name}
        if score is not None and np.isfinite(score) and self._model.recipe.returns_scores:
            entry["score"] = round(float(score), _PLACES)
        return entry

    def _described(self, rows: list[dict[str, Any]], request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Add the item columns that the request asks for, as texts."""
        columns = [name for names in request.get("metadataColumns", {}).values() for name in names]
        if not columns:
            return rows
        unknown = [kind for kind in request["metadataColumns"] if kind.upper() != "ITEMS"]
        table = self._deployment.items(self._group)
        if unknown or table is None:
            raise invalid("metadataColumns: only the columns of an ITEMS dataset can be asked for")
        known = {field.name.upper() for field in self._group.schemas["Items"].fields}
        missing = [name for name in columns if name.upper() not in known]
        if missing:
            raise InputError(f"metadataColumns: the Items schema has no {', '.join(missing)}")
        for row, code in zip(rows, self._model.item_ids.codes([row["itemId"] for row in rows]), strict=True):
            values = table.row(int(code)) if code >= 0 else {}
            found = {name: values.get(name.upper()) for name in columns}
            row["metadata"] = {name: _text(value) for name, value in found.items() if value is not None}
        return rows


def recommendation_id() -> str:
    """Return a new id of an answer: 40 characters, as many as PutEvents accepts."""
    return f"RID-{uuid.uuid4()}"


def _mixed(rows: list[dict[str, Any]], promoted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put promoted items at random places; both kinds keep their order."""
    n = len(rows) + len(promoted)
    places = set(np.random.default_rng().choice(n, len(promoted), replace=False).tolist())
    ordinary, special = iter(rows), iter(promoted)
    return [next(special) if place in places else next(ordinary) for place in range(n)]


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
