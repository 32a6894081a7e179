"""Where a search may look: ranges of hyperparameters, in the service's shape or in short, checked against the recipe's limits.

Which hyperparameters are tunable, and within what limits, is declared at the recipe's fields and nowhere else
(:func:`helpers.recipes.hyperparameters.hyperparameter`).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from helpers.errors import InputError, unknown_name
from helpers.recipes.base import Recipe
from helpers.recipes.hyperparameters import Range, convert

Space = dict[str, BaseDistribution]
"""Hyperparameter -> what may be drawn for it, in the order of the recipe's fields."""

INTEGER, CONTINUOUS, CATEGORICAL = (f"{kind}HyperParameterRanges" for kind in ("integer", "continuous", "categorical"))
_MEMBERS = {INTEGER: ("minValue", "maxValue"), CONTINUOUS: ("minValue", "maxValue"), CATEGORICAL: ("values",)}
_LISTS = {int: INTEGER, float: CONTINUOUS, bool: CATEGORICAL, str: CATEGORICAL}


def parse_ranges(recipe: type[Recipe], ranges: Mapping[str, Any] | None = None) -> Space:
    """Return what a search over ``recipe`` may draw.

    Args:
        ranges: one of three.

            * None: every tunable hyperparameter within the service's limits.
            * The service's ``algorithmHyperParameterRanges``: ``{"integerHyperParameterRanges": [{"name": "bptt", "minValue": 2,
              "maxValue": 32}], "continuousHyperParameterRanges": [...], "categoricalHyperParameterRanges": [{"name":
              "recency_mask", "values": ["true", "false"]}]}``. Only tunable hyperparameters are allowed, as in the service; if
              all lists are empty, it is as None.
            * In short, ``{"bptt": (2, 32), "recency_mask": [True, False]}``: any hyperparameter of the recipe, also those
              that the service does not tune or does not have.

            Hyperparameters without a range keep their values.

    Raises:
        InputError: an unknown hyperparameter, one that is not tunable, a range outside the recipe's limits, a low end above the
            high one, or nothing to tune.
    """
    fields = {field.name: field for field in dataclasses.fields(recipe)}
    tunable = [name for name, field in fields.items() if field.metadata["range"].tunable]
    service_shape = ranges is not None and bool(ranges.keys() & _MEMBERS.keys())
    given = _from_service(recipe, fields, ranges) if service_shape else dict(ranges or {})
    for name in given:
        if name not in fields:
            raise unknown_name(f"hyperparameter of {recipe.name}", name, fields)
        if service_shape and name not in tunable:
            raise InputError(f"{recipe.name}: {name} is not tunable; tunable are: {', '.join(tunable) or 'none'}")
    if not given:
        given = {name: _limits(recipe, fields[name]) for name in tunable}
    if not given:
        raise InputError(f"{recipe.name} has no tunable hyperparameter: there is nothing to search")
    return {name: _distribution(recipe, fields[name], given[name]) for name in fields if name in given}


def default_ranges(recipe: type[Recipe]) -> dict[str, list[dict[str, Any]]]:
    """Return the tunable ranges of a recipe in the service's shape; a recipe without any has three empty lists."""
    lists: dict[str, list[dict[str, Any]]] = {name: [] for name in _MEMBERS}
    for field in dataclasses.fields(recipe):
        if field.metadata["range"].tunable:
            limits = _limits(recipe, field)
            kind = _LISTS[type(field.default)]
            values = [as_text(value) for value in limits] if kind == CATEGORICAL else limits
            members = (values,) if kind == CATEGORICAL else values
            lists[kind].append({"name": field.name, **dict(zip(_MEMBERS[kind], members, strict=True))})
    return lists


def as_text(value: Any) -> str:
    """Return a hyperparameter as the service passes it: every value is a string, truth values are ``true`` and ``false``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def plain(space: Space, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Return drawn values as they are used and shown: numbers with 4 significant digits, within their range."""
    return {name: _shortened(space[name], drawn[name]) for name in space}


def holds(distribution: BaseDistribution, value: Any) -> bool:
    """Return whether a value could be drawn."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return distribution.low <= value <= distribution.high


def spoken_range(distribution: BaseDistribution) -> str:
    """Return what may be drawn in words, e.g. ``0.0 to 1.0``."""
    if isinstance(distribution, CategoricalDistribution):
        return " or ".join(map(as_text, distribution.choices))
    return f"{distribution.low} to {distribution.high}"


def _shortened(distribution: BaseDistribution, value: Any) -> Any:
    if not isinstance(distribution, FloatDistribution):
        return value
    return min(max(float(f"{value:.4g}"), distribution.low), distribution.high)


def _limits(recipe: type[Recipe], field: dataclasses.Field) -> tuple[Any, ...]:
    allowed: Range = field.metadata["range"]
    if isinstance(field.default, bool):
        return (True, False)
    if allowed.choices:
        return allowed.choices
    if allowed.low is None or allowed.high is None:
        raise InputError(f"{recipe.name}: {field.name} has no limit on one side; give a range for it")
    return allowed.low, allowed.high


def _distribution(recipe: type[Recipe], field: dataclasses.Field, given: Any) -> BaseDistribution:
    if isinstance(given, str) or not isinstance(given, Sequence) or not len(given):
        raise InputError(f"{recipe.name}: the range of {field.name} is {given!r}; give (low, high) or a list of values")
    values = [convert(recipe.name, field, value) for value in given]
    kind = type(field.default)
    if _LISTS[kind] == CATEGORICAL:
        return CategoricalDistribution(list(dict.fromkeys(values)))
    if len(values) != 2:
        raise InputError(f"{recipe.name}: the range of {field.name} has {len(values)} numbers; give (low, high)")
    low, high = values
    if low > high:
        raise InputError(f"{recipe.name}: the range of {field.name} is {low} to {high}; give the lower end first")
    return IntDistribution(low, high) if kind is int else FloatDistribution(low, high)


def _from_service(recipe: type[Recipe], fields: Mapping[str, dataclasses.Field], ranges: Mapping[str, Any]) -> dict[str, Any]:
    """Bring ``algorithmHyperParameterRanges`` into the short form."""
    found: dict[str, Any] = {}
    for kind, entries in ranges.items():
        if kind not in _MEMBERS:
            raise unknown_name("list of hyperparameter ranges", kind, _MEMBERS)
        for entry in entries:
            if entry.keys() != {"name", *_MEMBERS[kind]}:
                raise InputError(f"{kind}: an entry has the members name, {', '.join(_MEMBERS[kind])}, not {', '.join(entry)}")
            name = entry["name"]
            if name in found:
                raise InputError(f"{recipe.name}: {name} is given two ranges; give one")
            if name in fields and (right := _LISTS[type(fields[name].default)]) != kind:
                raise InputError(f"{recipe.name}: {name} belongs into {right}, not into {kind}")
            values = [entry[member] for member in _MEMBERS[kind]]
            found[name] = values[0] if kind == CATEGORICAL else values
    return found
