"""Plan a sweep: every combination of the values given for a notebook's parameters, checked before anything runs."""

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers import notebooks, provenance, report, sweep_checks
from helpers.errors import InputError

REPEATS = "SEED"
"""The parameter that only repeats: results are summed up over its values, with their mean and range."""


@dataclass(frozen=True)
class Task:
    """One run of a sweep.

    Attributes:
        path: the notebook.
        varied: the values that tell this run from the others, by parameter.
        given: names of the parameters to inject; ``values``: all parameters.
        data: name and hash of the data set named by DATASET; None without that parameter.
        identity: what makes a stored run the same as this one (:data:`helpers.provenance.IDENTITY`).
    """

    path: Path
    varied: dict[str, Any]
    given: tuple[str, ...]
    values: dict[str, Any]
    data: dict[str, str] | None
    identity: dict[str, Any] = field(repr=False)

    @property
    def label(self) -> str:
        """The varied values in words, e.g. ``RECIPE=aws-sims SEED=0``."""
        return " ".join(f"{name}={shown(name, value)}" for name, value in self.varied.items()) or "the only run"

    @property
    def folder_name(self) -> str:
        """A name for its folder: readable, and another one where anything that its numbers depend on differs."""
        words = re.sub(r"[^A-Za-z0-9._=-]+", "_", self.label)[:80]
        return f"{words}-{_digest(self.identity)}"


@dataclass(frozen=True)
class Plan:
    """All runs of a sweep; ``left_out`` says why a combination cannot run, by its label."""

    path: Path
    grid: dict[str, list[Any]]
    fixed: dict[str, Any]
    tasks: list[Task]
    left_out: dict[str, str]

    @property
    def folder(self) -> Path:
        """Where the same command finds its earlier runs again."""
        asked = [notebooks.relative(self.path), self.grid, self.fixed]
        return notebooks.RUNS / "sweeps" / f"{self.path.stem}-{_digest(asked)}"


def plan(notebook: str | Path, grid: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any] | None = None) -> Plan:
    """Return the product of the grid's values, every one of them checked.

    A combination that the data cannot feed, e.g. a recipe that needs item attributes on a data set without, is left out with its
    reason.

    Args:
        notebook: path or name.
        grid: parameter -> the values it takes, of the type of its default. Letters may be small: ``recipe`` is ``RECIPE``.
        fixed: parameter -> one value for all runs.

    Raises:
        InputError: unknown notebook, parameter, recipe, split or data set, a value of a wrong type or given twice, a parameter
            given twice, or no combination that can run.
    """
    path = notebooks.find(notebook)
    grid = {name: _typed_values(path, name, values) for name, values in _own_names(path, grid).items()}
    fixed = {name: _typed(path, name, value) for name, value in _own_names(path, fixed or {}).items()}
    if both := sorted(grid.keys() & fixed.keys()):
        raise InputError(f"{both[0]} is given twice: with one value and with several")
    defaults = notebooks.parameters_of(path)
    values = (
        defaults | fixed | {name: _typed(path, name, defaults[name]) for name in {"DATASET"} & defaults.keys() - fixed.keys()}
    )
    checks = sweep_checks.checks(defaults)
    for name, check in checks.items():
        for value in grid.get(name, [values[name]]):
            check(value)
    asked = grid.get("DATASET", [values["DATASET"]] if "DATASET" in values else [])
    facts = {name: sweep_checks.DataFacts(name) for name in asked}
    recipes = [name for name in sweep_checks.RECIPES if name in checks]
    about, tasks, left_out = report.about_run(path, {}, None), [], {}
    for varied in (dict(zip(grid, chosen, strict=True)) for chosen in itertools.product(*grid.values())):
        data = facts.get((values | varied).get("DATASET"))
        task = _task(path, varied, (*varied, *fixed), values | varied, data.about if data else None, about)
        if reason := data.cannot_feed([task.values[name] for name in recipes]) if data else "":
            left_out[task.label] = reason
        else:
            tasks.append(task)
    if not tasks:
        raise InputError(f"no combination can run. {next(iter(left_out))}: {next(iter(left_out.values()))}")
    return Plan(path, grid, fixed, tasks, left_out)


def own_name(path: Path, name: str) -> str:
    """Return the notebook's own spelling of a parameter typed in small letters; the name as it is if there is none."""
    known = notebooks.parameters_of(path)
    return name.upper() if name not in known and name.upper() in known else name


def shown(name: str, value: Any) -> str:
    """Return a parameter's value as people read it: a folder of data by its last part, text bare, the rest as JSON."""
    if name == "DATASET":
        return Path(value).name
    return value if isinstance(value, str) else json.dumps(value)


def in_words(varied: Mapping[str, Any]) -> str:
    """Return a setting as people call it: texts bare, other values with their names."""
    words = [shown(name, value) if isinstance(value, str) else f"{name} {shown(name, value)}" for name, value in varied.items()]
    return ", ".join(words) or "all runs"


def _own_names(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in given.items():
        if (own := own_name(path, name)) in named:
            raise InputError(f"{own} is given twice")
        named[own] = value
    return named


def _typed_values(path: Path, name: str, values: Sequence[Any]) -> list[Any]:
    typed: list[Any] = []
    for value in values:
        if (one := _typed(path, name, value)) in typed:
            raise InputError(f"{name}: {shown(name, one)} is given twice")
        typed.append(one)
    if not typed:
        raise InputError(f"{name}: name at least one value")
    return typed


def _typed(path: Path, name: str, value: Any) -> Any:
    """Return the value in the type of the default; a folder of data by its absolute path."""
    typed = notebooks.check_parameters(path, {name: value})[name]
    return report.absolute(typed) if name == "DATASET" else typed


def _task(path: Path, varied: dict, given: tuple, values: dict, data: dict[str, str] | None, about: dict) -> Task:
    identity = provenance.identity(about | (data or {}) | {"parameters": values})
    return Task(path, varied, given, values, data, identity)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
