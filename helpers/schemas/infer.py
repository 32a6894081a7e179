"""Guessing the schema of a table from its cells, as a crawler does."""

from collections.abc import Mapping
from functools import cached_property
from typing import Protocol

import pandas as pd

from helpers.errors import InputError, unknown_name
from helpers.schemas.schema import DATASET_TYPES, MAX_ATTRIBUTES, REQUIRED, RESERVED, Field, Schema
from helpers.schemas.values import as_boolean, as_number, as_text

MAX_CATEGORIES = 1000
"""A string column with more different values than this, or different in most rows, is no category."""

TEXT_WORDS = ("TITLE", "DESCRIPTION")
"""A string of Items with such a name is text, even where its values recur."""


class Cells(Protocol):
    """What a guess needs to know of a column; wherever the cells lie, these few numbers decide.

    Attributes:
        given, missing: number of cells with and without content.
        boolean, long, double: whether every given cell reads as such.
        parts: number of different values, each part between ``|`` counting for itself.
        longest, mean_length: characters of the given cells.
    """

    given: int
    missing: int
    boolean: bool
    long: bool
    double: bool
    parts: int
    longest: float
    mean_length: float


class ColumnCells:
    """:class:`Cells` of a column in memory, looked at only as far as asked."""

    def __init__(self, column: pd.Series):
        self._column = column

    @cached_property
    def _texts(self) -> pd.Series:
        return as_text(self._column).dropna()

    @cached_property
    def _different(self) -> pd.Series:
        return self._texts.drop_duplicates()

    given = property(lambda self: len(self._texts))
    missing = property(lambda self: len(self._column) - len(self._texts))
    boolean = property(lambda self: not as_boolean(self._different)[1].any())
    long = property(lambda self: not as_number(self._different, "long")[1].any())
    double = property(lambda self: not as_number(self._different, "double")[1].any())
    parts = property(lambda self: self._different.str.split("|").explode().nunique())
    longest = property(lambda self: self._texts.str.len().max())
    mean_length = property(lambda self: self._texts.str.len().mean())


def infer(frame: pd.DataFrame, dataset_type: str) -> Schema:
    """Guess the schema of a table with upper-case column names.

    Required and reserved columns have the types that the service fixes. Of the others, whole numbers are ``long``,
    other numbers ``double``, ``true``/``false`` is ``boolean``; a string is categorical when its values (parts between
    ``|``) recur. Of the other strings of Items, and those called a title or description, the longest on average is
    textual. Empty cells make a column nullable.

    Raises:
        InputError: unknown dataset type, a required column is missing, or the guess breaks a rule of the service.
    """
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(f"{dataset_type}: column {twice[0]} comes twice; keep one")
    return infer_from({str(name): ColumnCells(frame[name]) for name in frame.columns}, dataset_type)


def infer_from(columns: Mapping[str, Cells], dataset_type: str) -> Schema:
    """Guess the schema as :func:`infer` does, from what is known of the cells of each column, in order.

    Raises:
        InputError: as :func:`infer`.
    """
    if dataset_type not in DATASET_TYPES:
        raise unknown_name("dataset type", str(dataset_type), DATASET_TYPES)
    required, reserved = REQUIRED[dataset_type], RESERVED[dataset_type]
    missing = [name for name in required if name not in columns]
    if missing:
        text = f"{dataset_type}: Input CSV is missing the following columns: [{', '.join(missing)}]"  # the service's words
        raise InputError(f"{text}; found [{', '.join(columns)}]. Rename or add columns in the file")
    own = [name for name in columns if name not in required and name not in reserved]
    if len(own) > MAX_ATTRIBUTES[dataset_type]:
        limit = MAX_ATTRIBUTES[dataset_type]
        raise InputError(
            f"{dataset_type}: {len(own)} columns of your own, at most {limit} are allowed; name those to use in a schema"
        )
    fields = [_field(cells, name, required, reserved) for name, cells in columns.items()]
    if dataset_type == "Items":
        fields = _mark_text(columns, fields)
    return Schema(dataset_type, tuple(fields))


def _field(cells: Cells, name: str, required: Mapping[str, str], reserved: Mapping[str, str]) -> Field:
    if name in required:
        return Field(name, required[name])
    return Field(name, reserved[name], cells.missing > 0) if name in reserved else _guess(cells, name)


def _guess(cells: Cells, name: str) -> Field:
    nullable = cells.missing > 0
    if cells.given == 0:
        return Field(name, "string", True)
    if cells.boolean:
        return Field(name, "boolean", nullable)
    for type_ in ("long", "double"):
        if getattr(cells, type_):
            return Field(name, type_, nullable)
    recur = cells.parts <= min(MAX_CATEGORIES, max(2, cells.given // 2))
    return Field(name, "string", nullable, categorical=bool(recur and cells.longest <= MAX_CATEGORIES))


def _mark_text(columns: Mapping[str, Cells], fields: list[Field]) -> list[Field]:
    required, reserved = REQUIRED["Items"], RESERVED["Items"]
    own = [field for field in fields if field.type == "string" and field.name not in required and field.name not in reserved]
    plain = [field for field in own if not field.categorical or any(word in field.name for word in TEXT_WORDS)]
    if not plain:
        return fields
    longest = max(plain, key=lambda field: columns[field.name].mean_length)
    text = Field(longest.name, "string", longest.nullable, textual=True)
    return [text if field is longest else field for field in fields]
