"""Hyperparameters as dataclass fields with the service's names, ranges and defaults."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helpers.errors import InputError


@dataclass(frozen=True)
class Range:
    """What a hyperparameter may be.

    Attributes:
        low, high: inclusive bounds of a number; None = unbounded.
        choices: the allowed values of a category.
        tunable: whether hyperparameter optimisation may search it.
        doc: meaning in one sentence.
    """

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    tunable: bool = False
    doc: str = ""

    def __str__(self) -> str:
        if self.choices:
            return " | ".join(self.choices)
        if self.low is None and self.high is None:
            return ""
        low, high = ("-inf" if self.low is None else f"{self.low:g}"), ("inf" if self.high is None else f"{self.high:g}")
        return f"[{low}, {high}]"


def hyperparameter(
    default: Any,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    tunable: bool = False,
    doc: str = "",
) -> Any:
    """Declare a recipe's hyperparameter: a dataclass field with a default and a :class:`Range`."""
    return dataclasses.field(default=default, metadata={"range": Range(low, high, tuple(choices), tunable, doc)})


def read_settings(text: str) -> dict[str, str]:
    """Return hyperparameters written in one line, ``history_decay=1, neighbours=100``; none for an empty one.

    Raises:
        InputError: a part without ``=``, without a name, or a name twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not name:
            raise InputError(f"settings: {part!r} is no setting; write name=value, with commas between several")
        if name in found:
            raise InputError(f"settings: {name} is given twice")
        found[name] = value
    return found


def convert(recipe: str, field: dataclasses.Field, value: Any) -> Any:
    """Return ``value`` in the type of the field's default and within its range; the service passes all values as strings.

    Raises:
        InputError: naming recipe, hyperparameter, value and what is allowed.
    """
    allowed: Range = field.metadata["range"]
    kind = type(field.default)
    try:
        converted = _boolean(value) if kind is bool else kind(value)
        exact = kind is not int or float(value) == converted
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact:
        raise InputError(f"{recipe}: {field.name} = {value!r} is not a {_KIND_NAMES[kind]}")
    below = allowed.low is not None and not converted >= allowed.low  # "not >=" also refuses NaN
    above = allowed.high is not None and not converted <= allowed.high
    if below or above or (allowed.choices and converted not in allowed.choices):
        raise InputError(f"{recipe}: {field.name} = {value!r} is not allowed; use {allowed}")
    return converted


_KIND_NAMES = {int: "whole number", float: "number", bool: "true or false", str: "text"}


def _boolean(value: Any) -> bool:
    text = str(value).lower()
    if text not in ("true", "false"):
        raise ValueError(value)
    return text == "true"
