"""The data of a dataset group: imported parts, records put one by one and streamed events, as tables and as a ``Dataset``."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import ITEM_ID, TIMESTAMP, USER_ID
from helpers.personalize.imports import arrow_schema
from helpers.schemas import Schema
from helpers.schemas.schema import column_key

KEYS = {"Items": ITEM_ID, "Users": USER_ID}
KINDS = {"INTERACTIONS": "Interactions", "ITEMS": "Items", "USERS": "Users"}
"""The service's name of a dataset type -> the name of its schema."""


def read_properties(text: str | None, schema: Schema | None) -> dict[str, Any]:
    """Return the values in a ``properties`` text by the schema's field names (``numRatings`` -> NUM_RATINGS), no others.

    Raises:
        InputError: not a JSON object, or a value that is not of its field's type.
    """
    try:
        given = json.loads(text) if text else {}
    except (ValueError, RecursionError) as fault:
        raise InputError(f"properties: not valid JSON ({fault}); send a JSON object as a string") from fault
    if not isinstance(given, dict):
        raise InputError("properties: send a JSON object as a string")
    fields = {column_key(field.name): field for field in schema.fields} if schema else {}
    known = {fields[column_key(name)]: value for name, value in given.items() if column_key(name) in fields}
    return {field.name: _value(field, value) for field, value in known.items() if value is not None}


def _value(field, value: Any) -> Any:
    fault = InputError(f"properties: {field.name} is {json.dumps(value)[:60]}, but the schema says {field.type}")
    if field.type == "string":
        if isinstance(value, dict):
            raise fault
        return "|".join(map(str, value)) if isinstance(value, list) else str(value)
    if field.type == "boolean":
        if not isinstance(value, bool):
            raise fault
        return value
    try:
        number = float(value)
    except (TypeError, ValueError) as wrong:
        raise fault from wrong
    if isinstance(value, bool) or number != number or abs(number) == float("inf"):
        raise fault
    return int(number) if field.name == TIMESTAMP else number


def records_frame(records: Mapping[str, Mapping[str, Any]], schema: Schema) -> pd.DataFrame:
    """Return records put one by one as a table with the schema's columns."""
    key = KEYS[schema.dataset_type]
    return _typed([{**values, key: name} for name, values in records.items()], schema)


def events_frame(events: Sequence[Mapping[str, Any]], schema: Schema) -> pd.DataFrame:
    """Return streamed events as a table with the schema's columns. Events without a user belong to the user whose id came
    with the same session, or to the session itself; an event without an item is left out."""
    users = {event["session"]: event["user"] for event in events if event.get("user")}
    owners = [event.get("user") or users.get(event["session"], event["session"]) for event in events]
    rows = [
        {**event["columns"], USER_ID: owner, ITEM_ID: event["item"], TIMESTAMP: event["time"]}
        for event, owner in zip(events, owners, strict=True)
        if event.get("item")
    ]
    return _typed(rows, schema)


def _typed(rows: list[dict[str, Any]], schema: Schema) -> pd.DataFrame:
    types = {"string": "str", "boolean": "boolean"}
    columns = {}
    for name, arrow in zip(arrow_schema(schema).names, schema.fields, strict=True):
        kind = "int64" if name == TIMESTAMP else types.get(arrow.type, "float64")
        columns[name] = pd.Series([row.get(name) for row in rows], dtype=kind)
    return pd.DataFrame(columns)


def join(schema: Schema, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return tables below one another with exactly the schema's columns: the last row of an item or user counts, equal events
    count once."""
    frames = [part.reindex(columns=schema.names) for part in parts if len(part)]
    if not frames:
        return _typed([], schema)
    frame = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    key = KEYS.get(schema.dataset_type)
    if len(frames) > 1 or key:
        frame = frame.drop_duplicates(key, keep="last", ignore_index=True)
    return frame


def dataset(name: str, tables: Mapping[str, pd.DataFrame], schemas: Mapping[str, Schema]) -> Dataset:
    """Return the tables (by schema name) as a dataset for training.

    Raises:
        InputError: there are no interactions.
    """
    if len(tables.get("Interactions", ())) == 0:
        raise InputError("there are no interactions: import some, or send events")
    items, users = (tables.get(kind) for kind in ("Items", "Users"))
    present = [table if table is not None and len(table) else None for table in (items, users)]
    return Dataset.from_frames(name, tables["Interactions"], *present, schemas=dict(schemas))
