"""Batch jobs: JSON lines in, JSON lines out. A line that cannot be answered carries its error; the others are not touched."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from helpers import filters
from helpers.errors import InputError
from helpers.filters import Events, Filter
from helpers.personalize.deployment import Deployment
from helpers.personalize.errors import ServiceError
from helpers.personalize.groups import Group
from helpers.personalize.runtime import Answerer
from helpers.recipes.base import PERSONALIZED_RANKING, RELATED_ITEMS

MAX_LINE = 100_000

Answer = Callable[[Mapping[str, Any]], dict[str, Any]]
"""The ``input`` of a line -> its ``output``."""


def run(source: Path, target: Path, answer: Answer, going: Callable[[], None]) -> int:
    """Answer every line of a file; blank lines do not count. Returns the number of lines.

    Args:
        going: called before each line; it raises where the job should stop.
    """
    lines = 0
    with source.open(encoding="utf-8", errors="strict") as file, target.open("w", encoding="utf-8") as out:
        for line in _lines(file, source.name):
            going()
            out.write(json.dumps(_answered(line, answer), ensure_ascii=False) + "\n")
            lines += 1
    return lines


def _lines(file, name: str) -> Iterator[str]:
    try:
        for line in file:
            if line.strip():
                yield line.lstrip("\ufeff").strip()
    except UnicodeDecodeError as fault:
        raise InputError(f"{name}: not in UTF-8 ({fault.reason} at byte {fault.start})") from fault


def _answered(line: str, answer: Answer) -> dict[str, Any]:
    try:
        given = json.loads(line) if len(line) <= MAX_LINE else None
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        return {"input": line[:1000], "output": None, "error": "the line is not a JSON object"}
    try:
        return {"input": given, "output": answer(given), "error": None}
    except (InputError, ServiceError) as fault:
        return {"input": given, "output": None, "error": str(fault)}


def recommending(answerer: Answerer, deployment: Deployment, job: Mapping[str, Any]) -> Answer:
    """Return what answers the lines of a batch inference job."""
    kind = deployment.model.recipe.type
    fixed = {"numResults": job["numResults"]} | ({"filterArn": job["filterArn"]} if job.get("filterArn") else {})

    def answer(line: Mapping[str, Any]) -> dict[str, Any]:
        request = dict(fixed)
        for name in ("userId", "itemId"):
            if name in line:
                request[name] = _text(line, name)
        if line.get("filterValues"):
            request["filterValues"] = _texts(line, "filterValues")
        if line.get("context"):
            request["context"] = _texts(line, "context")
        if kind == PERSONALIZED_RANKING:
            request |= {"userId": _text(line, "userId"), "inputList": _list(line, "itemList")}
            rows = answerer.ranking(request)["personalizedRanking"]
        else:
            _text(line, "itemId" if kind == RELATED_ITEMS else "userId")
            rows = answerer.recommendations(request)["itemList"]
        output = {"recommendedItems": [row["itemId"] for row in rows]}
        return output | ({"scores": [row["score"] for row in rows if "score" in row]} if any("score" in r for r in rows) else {})

    return answer


def segmenting(deployment: Deployment, group: Group, job: Mapping[str, Any], found: Filter | None) -> Answer:
    """Return what answers the lines of a batch segment job: the users most inclined to an item, or to items with attributes."""
    model, ids = deployment.model, deployment.events.user_ids

    def answer(line: Mapping[str, Any]) -> dict[str, Any]:
        if "itemAttributes" in line:
            table = deployment.items(group)
            if table is None:
                raise InputError("itemAttributes need an Items dataset")
            query = filters.attribute_mask(filters.parse_attributes(_text(line, "itemAttributes")), table)[None, :]
        else:
            query = model.item_ids.codes([_text(line, "itemId")])
            if query[0] < 0:
                raise InputError(f"the item {line['itemId']!r} was not in the training data")
        keep = None if found is None else _users_passing(found, deployment, group, _texts(line, "filterValues"))
        k = min(job["numResults"], len(ids)) if keep is None else len(ids)
        users, _ = model.segment(query, k)
        chosen = [int(code) for code in users[0] if code >= 0 and (keep is None or keep[code])]
        return {"usersList": ids.ids[chosen[: job["numResults"]]].tolist()}

    return answer


def _users_passing(found: Filter, deployment: Deployment, group: Group, values: Mapping[str, str]) -> np.ndarray:
    ids, events = deployment.events.user_ids, deployment.events
    known = group.users
    table = None if known is None else filters.Table(known[1].reindex(ids.ids), group.schemas["Users"])
    columns = {name.upper(): column for name, column in events.columns.items()}
    return filters.allowed(found, len(ids), table=table, events=Events(events.users, columns), values=values)


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if not isinstance(value, str) or not value or len(value) > 2500:
        raise InputError(f"{name} is missing or is no text")
    return value


def _list(line: Mapping[str, Any], name: str) -> list[str]:
    value = line.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise InputError(f"{name} is missing or is no list of item ids")
    return value


def _texts(line: Mapping[str, Any], name: str) -> dict[str, str]:
    value = line.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise InputError(f"{name} must be an object of texts")
    return value
