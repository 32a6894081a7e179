"""Interactions in a JSON file, in whichever of several layouts somebody wrote them.

1. array of objects        ``[{"user_id": 1, "item_id": 7, "timestamp": 99}, ...]``
2. JSON lines              one such object a line
3. users with purchases    ``[{"user_id": 1, "purchases": [{"item_id": 7, "timestamp": 99}]}, ...]``, also one a line
4. purchases by user       ``{"1": [{"item_id": 7, "timestamp": 99}, ...], "2": [...]}``
5. columns                 ``{"user_id": [1, ...], "item_id": [7, ...], "timestamp": [99, ...]}``

1, 3 and 4 may stand inside a named wrapper: ``{"interactions": [...], "version": 1}``.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.datasets.csv_files import decode, read_bytes
from helpers.errors import InputError
from helpers.schemas.check import RECORD

SPELLINGS = {
    "USER_ID": ("userid", "user", "uid", "customerid", "customer", "visitorid", "memberid"),
    "ITEM_ID": ("itemid", "item", "productid", "product", "stockcode", "sku", "movieid"),
    "TIMESTAMP": ("timestamp", "time", "ts", "eventtime", "datetime", "date", "purchasedate", "purchasetime", "invoicedate"),
    "EVENT_TYPE": ("eventtype", "event", "action"),
    "EVENT_VALUE": ("eventvalue", "value", "rating", "quantity"),
}
"""Service name -> the usual spellings, in small letters without punctuation, best first."""

LAYOUTS = ("array of objects", "JSON lines", "users with purchases", "purchases by user", "columns")
_NESTED = {list, dict}
_NEEDED = ("USER_ID", "ITEM_ID", "TIMESTAMP")


def read_events(path: str | Path) -> tuple[pd.DataFrame, str]:
    """Read interactions from a JSON file and name its layout.

    Returns:
        A frame with the fields as they are called in the file, one row an interaction, index ``record`` (1, 2, ...);
        and one of :data:`LAYOUTS`.

    Raises:
        InputError: the file is absent, empty, not JSON, or in none of the layouts; the message shows what was found.
    """
    records, layout = parse_events(read_bytes(path), str(path))
    try:
        frame = pd.DataFrame.from_records(records)
    except UnicodeEncodeError as fault:
        raise InputError(f"{path}: a text holds half a surrogate pair ({fault.reason}); write the file as UTF-8") from fault
    frame.index = pd.RangeIndex(1, len(frame) + 1, name=RECORD)
    return frame, layout


def parse_events(content: bytes, source: str) -> tuple[list[dict[str, Any]], str]:
    """Parse the bytes of a JSON file as :func:`read_events` does, into flat records; ``source`` names it in messages."""
    text = decode(content, source)
    if not text.strip():
        raise InputError(f"{source}: the file is empty; expected JSON interactions")
    document, by_line = _parse(text, source)
    found = _layout(document)
    if found is None:
        raise InputError(
            f"{source}: none of the known layouts ({'; '.join(LAYOUTS)}) with a user, an item and a time in each record; found "
            f"{_describe(document)}; the file begins {content[:60]!r}. Rename the fields to user_id, item_id, timestamp"
        )
    records, layout = found
    return records, LAYOUTS[1] if by_line and layout == LAYOUTS[0] else layout


def are_rows(documents: list[Any]) -> bool:
    """Return whether lines that were parsed one by one are interactions, or users with purchases, a line each."""
    return _listed(documents) is not None


def records_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the flat records of one object: itself, or one for each object in its lists (a user with purchases)."""
    return [row] if _NESTED.isdisjoint(map(type, row.values())) else list(_nested(row))


def spelled_as(names: list[str]) -> dict[str, str]:
    """Return field name -> service name for the fields whose spelling is known; the best spelling wins, each name once."""
    folded = {}
    for name in names:
        folded.setdefault(re.sub(r"[\W_]", "", name).lower(), name)
    found = {}
    for service, spellings in SPELLINGS.items():
        best = next((spelling for spelling in spellings if spelling in folded), None)
        if best:
            found[folded[best]] = service
    return found


def _parse(text: str, source: str) -> tuple[Any, bool]:
    """Return the document, and whether it is a list that came as JSON lines."""
    try:
        return json.loads(text), False
    except (ValueError, RecursionError) as fault:
        if not (isinstance(fault, json.JSONDecodeError) and fault.msg == "Extra data"):
            reason = "nested too deeply" if isinstance(fault, RecursionError) else str(fault)
            raise InputError(f"{source}: not valid JSON ({reason}); is the file complete?") from fault
    documents = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                documents.append(json.loads(line))
            except (ValueError, RecursionError) as fault:
                raise InputError(f"{source}, line {number}: not valid JSON ({fault}); is the file complete?") from fault
    return documents, True


def _layout(document: Any) -> tuple[list[dict[str, Any]], str] | None:
    """Return the flat records and the layout's name, or None."""
    if isinstance(document, list):
        return _listed(document)
    if not isinstance(document, dict) or not document:
        return None
    values = list(document.values())
    if _complete(document) and all(isinstance(value, list) for value in values) and len({len(value) for value in values}) == 1:
        rows = [dict(zip(document, cells, strict=True)) for cells in zip(*values, strict=True)]
        return (rows, LAYOUTS[4]) if rows and _flat(rows) else None
    if _complete(document):
        return _listed([document])
    parts = [value for value in values if isinstance(value, list | dict)]
    if len(parts) == 1 and (inner := _layout(parts[0])):
        return inner
    rows = list(_by_user(document))
    return (rows, LAYOUTS[3]) if _recognised(rows) else None


def _listed(rows: list[Any]) -> tuple[list[dict[str, Any]], str] | None:
    if not rows or not all(isinstance(row, dict) for row in rows):
        return None
    if _flat(rows):
        return (rows, LAYOUTS[0]) if _recognised(rows) else None
    opened = [record for row in rows for record in _nested(row)]
    return (opened, LAYOUTS[2]) if _recognised(opened) else None


def _nested(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one record for each object in the row's lists, with the row's own fields."""
    own = {key: value for key, value in row.items() if not isinstance(value, list | dict)}
    for part in row.values():
        for record in part if isinstance(part, list) else []:
            if isinstance(record, dict):
                yield {**own, **record}


def _by_user(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one record for each object under each user: ``{user: [record, ...]}`` or ``{user: {"purchases": [record, ...]}}``."""
    for user, part in document.items():
        if isinstance(part, list):
            yield from ({"user_id": user, **record} for record in part if isinstance(record, dict))
        elif isinstance(part, dict):
            yield from ({"user_id": user, **record} for record in _nested(part))


def _flat(rows: list[dict[str, Any]]) -> bool:
    return not any(isinstance(value, list | dict) for row in rows for value in row.values())


def _recognised(rows: list[dict[str, Any]]) -> bool:
    """Return whether the rows are flat and one of the first names a user, an item and a time."""
    return _flat(rows) and any(_complete(row) for row in rows[:100])


def _complete(record: dict[str, Any]) -> bool:
    return set(_NEEDED) <= set(spelled_as(list(record)).values())


def _describe(document: Any) -> str:
    if isinstance(document, list):
        inner = f" of {_describe(document[0])}" if document else ""
        return f"a list of {len(document)}{inner}" if document else "an empty list"
    if isinstance(document, dict):
        keys = ", ".join(repr(key) for key in list(document)[:8])
        return f"an object with the keys {keys}{', ...' if len(document) > 8 else ''}" if document else "an empty object"
    return f"the {type(document).__name__} {str(document)[:30]!r}"
