"""The filter language, and the query language of item attributes: parsed to a typed tree, evaluated to boolean masks."""

from helpers.filters.evaluate import Events, Table, allowed, attribute_mask
from helpers.filters.grammar import AttributeQuery, Filter, parse, parse_attributes, parse_values

__all__ = [
    "AttributeQuery",
    "Events",
    "Filter",
    "Table",
    "allowed",
    "attribute_mask",
    "parse",
    "parse_attributes",
    "parse_values",
]
