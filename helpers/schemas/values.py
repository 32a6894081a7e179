"""Turning the cells of a column into values of a schema type; a cell that cannot be read becomes missing and is marked."""

import numpy as np
import pandas as pd

from helpers.errors import InputError

INTEGERS = ("int", "long")
_LIMITS = {"int": 2.0**31, "long": 2.0**63, "float": np.inf, "double": np.inf}


def as_text(column: pd.Series) -> pd.Series:
    """Return the column as strings; an empty cell is missing. Whole numbers have no decimal point (``17850.0`` -> ``17850``).

    Raises:
        InputError: a cell holds half a surrogate pair, which no file can store.
    """
    if isinstance(column.dtype, pd.StringDtype):
        text = column.astype("str")
    elif pd.api.types.is_integer_dtype(column.dtype) and not column.hasnans:
        return column.astype("str")
    else:
        cells = column.astype(object)
        missing = cells.isna()
        try:
            texts = [None if gone else _cell(cell) for cell, gone in zip(cells, missing, strict=True)]
            text = pd.Series(texts, column.index, "str")
        except UnicodeEncodeError as fault:
            raise InputError(f"column {column.name}: a cell is not valid Unicode text ({fault.reason})") from fault
    empty = text == ""
    return text.mask(empty) if empty.any() else text


def as_number(column: pd.Series, type_: str) -> tuple[pd.Series, np.ndarray]:
    """Return the column as float64 (int64 where it already is) and a mask ``(n,)`` of the cells that are no such number."""
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_complex_dtype(column.dtype):
        column = as_text(column)
    if column.dtype == np.int64 and type_ == "long":
        return column, np.zeros(len(column), bool)
    text = column if pd.api.types.is_numeric_dtype(column.dtype) else as_text(column)
    number = pd.to_numeric(text, errors="coerce").astype("float64")
    values = number.to_numpy()
    given = text.notna().to_numpy()
    bad = given & ~(np.abs(values) < _LIMITS[type_])
    if type_ in INTEGERS:
        bad |= given & (values != np.floor(values))
    return (number.mask(bad) if bad.any() else number), bad


def as_boolean(column: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Return the column as pandas "boolean" and a mask ``(n,)`` of the cells that are neither ``true`` nor ``false``."""
    text = as_text(column)
    value = text.map({"true": True, "false": False}).astype("boolean")
    return value, (value.isna() & text.notna()).to_numpy(bool)


def _cell(cell: object) -> str:
    if isinstance(cell, bool | np.bool_):
        return str(cell).lower()
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)
