"""The filter language: parsed to a typed tree, evaluated to boolean masks."""

from helpers.filters.evaluate import Events, Table, allowed
from helpers.filters.grammar import Filter, parse, parse_values

__all__ = [
    "Events",
    "Filter",
    "Table",
    "allowed",
    "parse",
    "parse_values",
]
