"""Guessing the schema of a table from its cells, as a crawler does."""

from collections.abc import Mapping

import pandas as pd

from helpers.errors import InputError, unknown_name
from helpers.schemas.schema import DATASET_TYPES, MAX_ATTRIBUTES, REQUIRED, RESERVED, Field, Schema
from helpers.schemas.values import as_boolean, as_number, as_text

MAX_CATEGORIES = 1000
"""A string column with more different values than this, or different in most rows, is no category."""

TEXT_WORDS = ("TITLE", "DESCRIPTION")
"""A string of Items with such a name is text, even where its values recur."""


def infer(frame: pd.DataFrame, dataset_type: str) -> Schema:
    """Guess the schema of a table with upper-case column names.

    Required and reserved columns have the types that the service fixes. Of the others, whole numbers are ``long``,
    other numbers ``double``, ``true``/``false`` is ``boolean``; a string is categorical when its values (parts between
    ``|``) recur. Of the other strings of Items, and those called a title or description, the longest on average is
    textual. Empty cells make a column nullable.

    Raises:
        InputError: unknown dataset type, a required column is missing, or the guess breaks a rule of the service.
    """
    if dataset_type not in DATASET_TYPES:
        raise unknown_name("dataset type", str(dataset_type), DATASET_TYPES)
    required, reserved = REQUIRED[dataset_type], RESERVED[dataset_type]
    missing = [name for name in required if name not in frame]
    if missing:
        text = f"{dataset_type}: Input CSV is missing the following columns: [{', '.join(missing)}]"  # the service's words
        raise InputError(f"{text}; found [{', '.join(map(str, frame.columns))}]. Rename or add columns in the file")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(f"{dataset_type}: column {twice[0]} comes twice; keep one")
    own = [name for name in frame.columns if name not in required and name not in reserved]
    if len(own) > MAX_ATTRIBUTES[dataset_type]:
        limit = MAX_ATTRIBUTES[dataset_type]
        raise InputError(
            f"{dataset_type}: {len(own)} columns of your own, at most {limit} are allowed; name those to use in a schema"
        )
    fields = [_field(frame[name], str(name), required, reserved) for name in frame.columns]
    if dataset_type == "Items":
        fields = _mark_text(frame, fields)
    return Schema(dataset_type, tuple(fields))


def _field(column: pd.Series, name: str, required: Mapping[str, str], reserved: Mapping[str, str]) -> Field:
    if name in required:
        return Field(name, required[name])
    return Field(name, reserved[name], bool(column.isna().any())) if name in reserved else _guess(column, name)


def _guess(column: pd.Series, name: str) -> Field:
    text = as_text(column)
    nullable, given = bool(text.isna().any()), text.dropna()
    if len(given) == 0:
        return Field(name, "string", True)
    if not as_boolean(given)[1].any():
        return Field(name, "boolean", nullable)
    for type_ in ("long", "double"):
        if not as_number(given, type_)[1].any():
            return Field(name, type_, nullable)
    parts = given.str.split("|").explode()
    recur = parts.nunique() <= min(MAX_CATEGORIES, max(2, len(given) // 2))
    return Field(name, "string", nullable, categorical=bool(recur and given.str.len().max() <= MAX_CATEGORIES))


def _mark_text(frame: pd.DataFrame, fields: list[Field]) -> list[Field]:
    required, reserved = REQUIRED["Items"], RESERVED["Items"]
    own = [field for field in fields if field.type == "string" and field.name not in required and field.name not in reserved]
    plain = [field for field in own if not field.categorical or any(word in field.name for word in TEXT_WORDS)]
    if not plain:
        return fields
    longest = max(plain, key=lambda field: as_text(frame[field.name]).str.len().mean())
    text = Field(longest.name, "string", longest.nullable, textual=True)
    return [text if field is longest else field for field in fields]
