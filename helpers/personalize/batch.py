"""Batch jobs: JSON lines in, JSON lines out. A line that cannot be answered carries its error; the others are not touched."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from helpers.segment_lines import answer_lines

MAX_LINE = 100_000

AnswerLines = Callable[[Iterable[str]], Iterator[str]]
"""The lines of an input file -> those of the output file."""


def run(source: Path, target: Path, answer: AnswerLines, going: Callable[[], None]) -> int:
    """Answer every line of a file; blank lines do not count. Returns the number of lines.

    Args:
        going: called before each line is written; it raises where the job should stop.
    """
    lines = 0
    with source.open(encoding="utf-8", errors="strict") as file, target.open("w", encoding="utf-8") as out:
        for line in answer(_lines(file, source.name)):
            going()
            out.write(line + "\n")
            lines += 1
    return lines


def _lines(file, name: str) -> Iterator[str]:
    try:
        for line in file:
            if line.strip():
                yield line.lstrip("\ufeff").strip()
    except UnicodeDecodeError as fault:
        raise InputError(f"{name}: not in UTF-8 ({fault.reason} at byte {fault.start})") from fault


def _answered(line: str, answer: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
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


def recommending(answerer: Answerer, deployment: Deployment, job: Mapping[str, Any]) -> AnswerLines:
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

    return lambda lines: (json.dumps(_answered(line, answer), ensure_ascii=False) for line in lines)


def segmenting(deployment: Deployment, group: Group, job: Mapping[str, Any], found: Filter | None) -> AnswerLines:
    """Return what answers the lines of a batch segment job: the users most inclined to an item, or to items with attributes.

    Args:
        found: which users may be in a segment; its placeholders take their values from each line. None = all.
    """
    model, deleted = deployment.model, deployment.deleted

    def passing(line: Mapping[str, Any]) -> np.ndarray:
        filtered = _users_passing(found, deployment, group, _texts(line, "filterValues")) if found else None
        mask = np.ones(len(model.user_ids), bool) if filtered is None else filtered.copy()
        mask[deleted] = False
        return mask

    return lambda lines: answer_lines(model, lines, job["numResults"], passing if found or len(deleted) else None)


def _users_passing(found: Filter, deployment: Deployment, group: Group, values: Mapping[str, str]) -> np.ndarray:
    ids, events = deployment.model.user_ids, deployment.events
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
