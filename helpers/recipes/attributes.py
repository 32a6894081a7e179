"""Which items have which attribute: every value of every column, with the items that have it."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from helpers.attribute_query import AttributeQuery, Condition
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError, unknown_name
from helpers.interactions import ITEM_ID
from helpers.recipes.model_files import check_array
from helpers.recipes.text_arrays import pack, unpack
from helpers.schemas import infer

MAX_LISTED = 20
"""A message lists at most so many values, the nearest ones."""

_RESERVED = (ITEM_ID, "CREATION_TIMESTAMP")


@dataclass(frozen=True, eq=False)
class Attributes:
    """The attribute values of a catalogue.

    Attributes:
        columns: the columns that can be asked for: categories, numbers, true or false; neither texts nor reserved ones.
        numeric: whether each column holds numbers, bool ``(n_columns,)``.
        column_of: the column of each value, int64 ``(n_values,)``, never decreasing.
        values: each value as text, sorted within its column; numbers in their shortest form.
        items: bool ``(n_values, n_items)`` CSR: which items have the value. A cell ``a|b`` has both.
    """

    columns: list[str]
    numeric: np.ndarray
    column_of: np.ndarray
    values: list[str]
    items: sp.csr_matrix

    @classmethod
    def of(cls, dataset: Dataset) -> "Attributes":
        """Read the item table.

        Raises:
            InputError: there is none, or no column of it can be asked for.
        """
        if dataset.items is None:
            raise InputError(f"{dataset.name}: no item data; this recipe needs items.csv with at least one category or number")
        schema = dataset.schemas.get("Items") or infer(dataset.items.reset_index(), "Items")
        fields = [field for field in schema.fields if field.name in dataset.items and field.name not in _RESERVED]
        fields = [field for field in fields if not field.textual and (field.categorical or field.type != "string")]
        if not fields:
            found = ", ".join(dataset.items.columns)
            raise InputError(f"{dataset.name}: no column of the item data is a category or a number; found {found}")
        numeric = [field.type not in ("string", "boolean") for field in fields]
        cells = [_cells(dataset.items[field.name], number) for field, number in zip(fields, numeric, strict=True)]
        column_of = np.repeat(np.arange(len(fields)), [len(found) for found in cells])
        pairs = [(value, items) for found in cells for value, items in sorted(found.items())]
        offsets = np.cumsum([0, *(len(items) for _, items in pairs)])
        held = np.array([item for _, items in pairs for item in items], np.int32)
        shape = (len(pairs), len(dataset.items))
        table = sp.csr_matrix((np.ones(len(held), bool), held, offsets), shape=shape)
        return cls([field.name for field in fields], np.array(numeric), column_of, [value for value, _ in pairs], table)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], n_items: int) -> "Attributes":
        """Build from :meth:`to_arrays`.

        Raises:
            ValueError: an array is missing, of a wrong form, or holds a code out of range.
        """
        columns, values = unpack("attribute_columns", arrays), unpack("attribute_values", arrays)
        numeric = check_array(arrays, "attribute_numeric", np.bool_, (len(columns),))
        column_of = check_array(arrays, "attribute_column_of", np.int64, (len(values),))
        offsets = check_array(arrays, "attribute_offsets", np.int64, (len(values) + 1,))
        items = check_array(arrays, "attribute_items", np.int32, (None,))
        if offsets[0] != 0 or offsets[-1] != len(items) or (np.diff(offsets) < 0).any():
            raise ValueError("the offsets do not fit the attributes' items")
        for held, end in ((items, n_items), (column_of, len(columns))):
            if held.size and not 0 <= held.min() <= held.max() < end:
                raise ValueError("an attribute holds a code out of range")
        table = sp.csr_matrix((np.ones(len(items), bool), items, offsets), shape=(len(values), n_items))
        return cls(columns, numeric, column_of, values, table)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything as plain arrays, for a saved model."""
        numbers = {
            "attribute_numeric": self.numeric,
            "attribute_column_of": self.column_of.astype(np.int64),
            "attribute_offsets": self.items.indptr.astype(np.int64),
            "attribute_items": self.items.indices.astype(np.int32),
        }
        return numbers | pack("attribute_columns", self.columns) | pack("attribute_values", self.values)

    def items_of(self, query: AttributeQuery) -> np.ndarray:
        """Return the codes of the items that fulfil all conditions, rising, at least one.

        Raises:
            InputError: an unknown column or value, or no item has all of them; the message names the place.
        """
        found = [self.items[self._value(condition)].indices for condition in query.conditions]
        shared = found[0]
        for items in found[1:]:
            shared = np.intersect1d(shared, items)
        if not len(shared):
            raise InputError(f"attribute query: no item of the training data has all of {query}")
        return np.sort(shared)

    def only(self, columns: Sequence[str] | None) -> "Attributes":
        """Return the values of these columns alone; None = all.

        Raises:
            InputError: an unknown column.
        """
        if columns is None:
            return self
        wanted = sorted(self._column(Condition(name, "")) for name in columns)
        kept = np.flatnonzero(np.isin(self.column_of, wanted))
        names = [self.columns[column] for column in wanted]
        values = [self.values[value] for value in kept]
        return Attributes(names, self.numeric[wanted], np.searchsorted(wanted, self.column_of[kept]), values, self.items[kept])

    def query(self, *values: int) -> AttributeQuery:
        """Return the query for items that have all these values, given by their numbers."""
        return AttributeQuery(tuple(Condition(self.columns[self.column_of[value]], self.values[value]) for value in values))

    def single_and_paired(self, generator: np.random.Generator, at_most: int) -> list[tuple[int, ...]]:
        """Return value numbers of queries: every value by itself, and every two that some item has together.

        Each kind has half of ``at_most``, shared out evenly over the columns, or pairs of columns; where there are more, so many
        are drawn. A column with a thousand prices then does not push the few categories aside.
        """
        table = self.items.astype(np.int64)
        together = sp.triu(table @ table.T, k=1).tocoo()
        pairs = np.column_stack([together.row, together.col])
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        singles = np.arange(len(self.values))[:, None]
        drawn = [self._drawn(kind, generator, max(1, at_most // 2)) for kind in (singles, pairs)]
        return [tuple(row) for kind in drawn for row in kind.tolist()]

    def _drawn(self, queries: np.ndarray, generator: np.random.Generator, at_most: int) -> np.ndarray:
        """Draw rows of value numbers ``(n, w)``, equally many for each combination of columns, and keep their order."""
        kinds, group = np.unique(self.column_of[queries], axis=0, return_inverse=True)
        each = max(1, at_most // max(1, len(kinds)))
        rows = [generator.permutation(np.flatnonzero(group.ravel() == number))[:each] for number in range(len(kinds))]
        return queries[np.sort(np.concatenate([np.empty(0, int), *rows]))]

    def _value(self, condition: Condition) -> int:
        """Return the number of the value that a condition asks for."""
        column = self._column(condition)
        wanted = condition.value
        if self.numeric[column]:
            try:
                wanted = _number(float(wanted))
            except ValueError:
                where = f"attribute query, column {condition.column}"
                raise InputError(f"{where}: {self.columns[column]} holds numbers, not {wanted!r}") from None
        first, end = np.searchsorted(self.column_of, [column, column + 1])
        known = self.values[first:end]
        if wanted not in known:
            where = f"(attribute query, column {condition.column})"
            some = known if len(known) <= MAX_LISTED else difflib.get_close_matches(wanted, known, MAX_LISTED, cutoff=0)
            raise unknown_name(f"value of ITEMS.{self.columns[column]} {where}", wanted, some)
        return int(first) + known.index(wanted)

    def _column(self, condition: Condition) -> int:
        """Return the number of the column: written as it is, or else in any case."""
        if condition.name in self.columns:
            return self.columns.index(condition.name)
        alike = [i for i, name in enumerate(self.columns) if name.casefold() == condition.name.casefold()]
        if len(alike) != 1:
            raise unknown_name(f"item attribute (attribute query, column {condition.column})", condition.name, self.columns)
        return alike[0]


def _cells(column: pd.Series, numeric: bool) -> dict[str, list[int]]:
    """Return value -> codes of the items that have it."""
    found: dict[str, list[int]] = {}
    for item, (cell, known) in enumerate(zip(column, column.notna(), strict=True)):
        if known:
            values = [_number(float(cell))] if numeric else dict.fromkeys(filter(None, str(cell).split("|")))
            for value in values:
                found.setdefault(value, []).append(item)
    return found


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")
