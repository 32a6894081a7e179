"""Evaluation of filters: which items, or which users, a request may be answered with.

A missing value satisfies no comparison; NOT IN is the opposite of IN, so there a missing value counts. A categorical cell
with several values (``Comedy|Drama``) is IN a list if one of them is. Values compare exactly; only event types ignore case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import InputError
from helpers.filters.grammar import Condition, Expression, Filter, Placeholder, number, parse_values
from helpers.schemas import Schema

NEWEST_EVENTS = 100
"""Filters see this many newest events of a user and event type (developer guide, "Quotas")."""

_ORDER = {"=": np.equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}


class Table:
    """Attributes of ``n`` items or users, indexed once a column so that a condition costs no pass over texts.

    Args:
        frame: one row a code; column names are matched in upper case.
        schema: tells which strings hold several values; without one, all are split at ``|``.
    """

    def __init__(self, frame: pd.DataFrame, schema: Schema | None = None):
        self.n = len(frame)
        self._split = {f.name.upper() for f in schema.fields if f.categorical} if schema is not None else None
        self._columns = {str(name).upper(): frame[name].to_numpy(object, na_value=None, copy=True) for name in frame.columns}
        numeric = [name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name].dtype)]
        self._numbers = {str(name).upper(): frame[name].to_numpy("float64", na_value=np.nan, copy=True) for name in numeric}
        self._codes: dict[str, dict[str, np.ndarray]] = {}

    def row(self, code: int) -> dict[str, Any]:
        """Return the values of one row by upper-case column name; a missing value is None."""
        return {name: None if pd.isna(values[code]) else values[code] for name, values in self._columns.items()}

    def set_row(self, code: int, values: Mapping[str, Any]) -> None:
        """Replace the values of one row; columns not given become missing. Masks made before stay as they are."""
        for name, cells in self._columns.items():
            new = values.get(name)
            if name in self._numbers:
                self._numbers[name][code] = np.nan if new is None else float(new)
            elif name in self._codes:
                self._reindex(name, code, cells[code], new)
            cells[code] = new

    def matches(self, condition: Condition, values: tuple[str, ...]) -> np.ndarray:
        """Return where the condition holds, bool ``(n,)``.

        Raises:
            InputError: no such column, or a comparison that its values do not allow.
        """
        field = condition.field
        if field.name not in self._columns:
            raise InputError(f"filter: there is no {field}; known: {', '.join(sorted(self._columns))}")
        if field.name in self._numbers:
            return compare_numbers(str(field), self._numbers[field.name], condition.operator, values)
        if condition.operator[0] in "<>":
            raise InputError(f"filter: {condition.operator} needs a number, {field} is a string")
        found = np.zeros(self.n, bool)
        index = self._index(field.name)
        for value in values:
            found[index.get(value, _NONE)] = True
        return ~found if condition.operator == "NOT IN" else found

    def _index(self, name: str) -> dict[str, np.ndarray]:
        if name not in self._codes:
            lists: dict[str, list[int]] = {}
            for code, cell in enumerate(self._columns[name]):
                for token in self._tokens(name, cell):
                    lists.setdefault(token, []).append(code)
            self._codes[name] = {token: np.array(codes, np.int64) for token, codes in lists.items()}
        return self._codes[name]

    def _reindex(self, name: str, code: int, old: Any, new: Any) -> None:
        index = self._codes[name]
        for token in self._tokens(name, old):
            index[token] = index[token][index[token] != code]
        for token in self._tokens(name, new):
            index[token] = np.append(index.get(token, _NONE), code)

    def _tokens(self, name: str, cell: Any) -> set[str]:
        if cell is None or pd.isna(cell):
            return set()
        return split_cell(cell, self._split is None or name in self._split)


_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Events:
    """Events that a filter looks at: for a list of items the current user's, each owned by its item; for a segment
    everybody's, each owned by its user.

    Attributes:
        owners: ``(m,)`` item or user code of each event, -1 for one outside the catalogue.
        columns: values by upper-case name, each ``(m,)``.
    """

    owners: np.ndarray
    columns: Mapping[str, np.ndarray]

    def newest(self, limit: int = NEWEST_EVENTS) -> "Events":
        """Return the newest ``limit`` events of each event type; events must be given oldest first."""
        kinds = self.columns.get("EVENT_TYPE")
        n = len(self.owners)
        if n <= limit:
            return self
        labels = np.zeros(n, np.int64) if kinds is None else pd.factorize(pd.Series(kinds).str.lower())[0]
        newest_first = pd.Series(labels[::-1]).groupby(labels[::-1]).cumcount().to_numpy()[::-1]
        keep = newest_first < limit
        return Events(self.owners[keep], {name: np.asarray(values)[keep] for name, values in self.columns.items()})

    def matches(self, condition: Condition, values: tuple[str, ...] | None) -> np.ndarray:
        """Return which events satisfy the condition, bool ``(m,)``; ``values`` None = any value."""
        name = condition.field.name
        if values is None:
            return np.ones(len(self.owners), bool)
        if name not in self.columns:
            return np.full(len(self.owners), condition.operator == "NOT IN")
        column = np.asarray(self.columns[name])
        if np.issubdtype(column.dtype, np.number):
            return compare_numbers(str(condition.field), column.astype("float64"), condition.operator, values)
        fold = name == "EVENT_TYPE"
        return np.fromiter((cell_matches(cell, condition, values, fold) for cell in column), bool, len(column))


def allowed(
    filter: Filter,
    n: int,
    *,
    table: Table | None = None,
    events: Events | None = None,
    user: Mapping[str, Any] | None = None,
    values: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Return which items (or, for a UserID filter, users) pass, bool ``(n,)``: (union of INCLUDEs) minus (union of EXCLUDEs).

    Args:
        table: the attributes behind ``Items`` (or ``Users``).
        events: the events behind ``Interactions``, oldest first.
        user: the current user's attributes by upper-case name.
        values: texts for the placeholders. An INCLUDE needs all of its own; an EXCLUDE without one has no effect.

    Raises:
        InputError: a missing value of an INCLUDE, or one that cannot be read or compared.
    """
    given = {name: parse_values(name, text) for name, text in (values or {}).items()}
    unknown = sorted(set(given) - filter.placeholders)
    if unknown:
        raise InputError(f"filter values {', '.join(unknown)} belong to no placeholder of the filter")
    seen = events.newest() if events is not None else Events(_NONE, {})
    included, excluded = None, np.zeros(n, bool)
    for expression in filter.expressions:
        missing = sorted(expression.placeholders - set(given))
        if missing and expression.include:
            raise InputError(f"the filter needs a value for {', '.join('$' + name for name in missing)}")
        if missing or not _applies(expression, user or {}, given):
            continue
        mask = _selected(expression, n, table, seen, given)
        if expression.include:
            included = mask if included is None else included | mask
        else:
            excluded |= mask
    return ~excluded if included is None else included & ~excluded


def compare_numbers(what: str, column: np.ndarray, operator: str, values: tuple[str, ...]) -> np.ndarray:
    """Return where float values (NaN = missing) satisfy the comparison."""
    numbers = [number(what, value) for value in values]
    if operator in ("IN", "NOT IN"):
        found = np.isin(column, numbers)
        return ~found if operator == "NOT IN" else found
    if len(numbers) != 1:
        raise InputError(f"{what} {operator}: one value is needed, {len(numbers)} are given")
    return _ORDER[operator](column, numbers[0])


def split_cell(cell: Any, several: bool = True) -> set[str]:
    """Return the values in one cell."""
    return {part for part in str(cell).split("|") if part} if several else {str(cell)}


def cell_matches(cell: Any, condition: Condition, values: tuple[str, ...], fold: bool = False) -> bool:
    """Return whether one value satisfies a condition; ``fold`` ignores case."""
    if cell is None or pd.isna(cell):
        return condition.operator == "NOT IN"
    if isinstance(cell, int | float | np.number) and not isinstance(cell, bool):
        return bool(compare_numbers(str(condition.field), np.array([cell], float), condition.operator, values)[0])
    if condition.operator[0] in "<>":
        raise InputError(f"filter: {condition.operator} needs a number, {condition.field} is a string")
    tokens, wanted = split_cell(cell) | {str(cell)}, set(values)
    if fold:
        tokens, wanted = {text.lower() for text in tokens}, {text.lower() for text in wanted}
    return bool(tokens & wanted) != (condition.operator == "NOT IN")


def _applies(expression: Expression, user: Mapping[str, Any], given: Mapping[str, tuple[str, ...]]) -> bool:
    return all(cell_matches(user.get(c.field.name), c, _values(c, given)) for c in expression.only_if)


def _values(condition: Condition, given: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    values = condition.values
    values = given[values.name] if isinstance(values, Placeholder) else values
    return None if values == ("*",) and condition.field.name == "EVENT_TYPE" else values


def _selected(
    expression: Expression, n: int, table: Table | None, events: Events, given: Mapping[str, tuple[str, ...]]
) -> np.ndarray:
    """Return where an expression's conditions hold: of an item, or of one and the same event with it."""
    of_events = expression.any_of[0][0].field.dataset == "Interactions"
    source = events if of_events else table
    if source is None:
        raise InputError(f"the filter needs the {expression.any_of[0][0].field.dataset} dataset, which has no data yet")
    either = np.zeros(len(events.owners) if of_events else n, bool)
    for conjunction in expression.any_of:
        both = np.ones(len(either), bool)
        for condition in conjunction:
            both &= source.matches(condition, _values(condition, given))
        either |= both
    if not of_events:
        return either
    mask = np.zeros(n, bool)
    owners = events.owners[either]
    mask[owners[owners >= 0]] = True
    return mask
