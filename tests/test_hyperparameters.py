"""Hyperparameters: the service passes strings, we want numbers in range, and clear words where they are not."""

from dataclasses import dataclass

import pytest

from helpers.errors import InputError
from helpers.recipes.hyperparameters import Range, hyperparameter, read_settings
from helpers.recipes.popularity_count import PopularityCount


@dataclass(frozen=True)
class Example(PopularityCount):
    name = "example"
    size: int = hyperparameter(43, 32, 256, tunable=True, doc="size")
    share: float = hyperparameter(0.5, 0, 1, doc="share")
    days: float = hyperparameter(5.0, 0, doc="days")
    mask: bool = hyperparameter(True, doc="mask")
    start: str = hyperparameter("latest", choices=("latest", "now"), doc="start")


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("size", "64", 64), ("size", 64.0, 64), ("size", 32, 32), ("size", "256", 256),
        ("share", "0", 0.0), ("share", 1, 1.0), ("share", "2.5e-1", 0.25), ("days", "1e6", 1e6),
        ("mask", "False", False), ("mask", "true", True), ("mask", False, False), ("start", "now", "now"),
    ],
)  # fmt: skip
def test_accepted(name, given, value):
    converted = getattr(Example.create({name: given}), name)
    assert converted == value and type(converted) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("size", "31", r"example: size = '31' is not allowed; use \[32, 256\]"),
        ("size", 257, r"use \[32, 256\]"),
        ("size", "64.5", "not a whole number"), ("size", 64.5, "not a whole number"), ("size", "many", "not a whole number"),
        ("size", None, "not a whole number"), ("size", float("inf"), "not a whole number"),
        ("size", 10**400, "not a whole number"),
        ("share", "nan", r"use \[0, 1\]"), ("share", "1.0001", r"use \[0, 1\]"), ("share", [1], "not a number"),
        ("days", -1, r"use \[0, inf\]"),
        ("mask", "yes", "not a true or false"), ("mask", 1, "not a true or false"),
        ("start", "Now", r"use latest \| now"),
        ("sise", 64, "unknown hyperparameter of example 'sise'. Did you mean 'size'"),
    ],
)  # fmt: skip
def test_refused(name, given, words):
    with pytest.raises(InputError, match=words):
        Example.create({name: given})


def test_defaults_are_checked_like_any_value():
    assert Example().hyperparameters == {"size": 43, "share": 0.5, "days": 5.0, "mask": True, "start": "latest"}
    with pytest.raises(InputError):
        Example(size=5)


@pytest.mark.parametrize(
    ("allowed", "text"),
    [
        (Range(0, 1), "[0, 1]"), (Range(32, 256), "[32, 256]"), (Range(0), "[0, inf]"), (Range(None, 5), "[-inf, 5]"),
        (Range(choices=("a", "b")), "a | b"), (Range(), ""),
    ],
)  # fmt: skip
def test_range_as_text(allowed, text):
    assert str(allowed) == text


def test_settings_in_one_line():
    assert read_settings("") == {} == read_settings(" , ")
    assert read_settings("history_decay=1, cointeraction = user") == {"history_decay": "1", "cointeraction": "user"}
    for wrong, about in (("history_decay", "is no setting"), ("=1", "is no setting"), ("a=1,a=2", "given twice")):
        with pytest.raises(InputError, match=about):
            read_settings(wrong)
