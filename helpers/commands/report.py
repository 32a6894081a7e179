"""``python -m helpers report``: run a notebook with other parameters, once or over a grid of values."""

import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from helpers.commands.options import Pairs, pairs
from helpers.console import Bar, Busy
from helpers.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report_command)


def report_command(
    notebook: Annotated[str, typer.Argument(help="A path, or a name such as recipe_report.")],
    p: Pairs = None,
    grid: Annotated[
        list[str] | None, typer.Option(metavar="KEY=A,B", help="Run for each of these values; several grids are multiplied.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(metavar="0,1,2", help="The same as --grid seed=0,1,2.")] = None,
    jobs: Annotated[int, typer.Option(help="Runs of a grid at a time, each one thread.")] = 1,
    out: Annotated[Path | None, typer.Option(help="The new folder; by default one under runs/.")] = None,
) -> int:
    """Run a notebook with other parameters: an executed copy, a page that opens offline, and its recorded numbers.

    With --grid or --seeds, run it for every combination. The same command again goes on where it was stopped.
    """
    from helpers import notebooks
    from helpers.sweep_plan import own_name

    if not notebook:
        raise InputError("which notebook? Name one, for example: make report NOTEBOOK=recipe_report")
    path = notebooks.find(notebook)
    given = {own_name(path, name): text for name, text in pairs(p).items()}
    if grid or seeds is not None:
        return _sweep(path, _values(grid or [], seeds), given, jobs, out)
    if jobs != 1:
        raise InputError("--jobs is for several runs; add --grid or --seeds")
    return _once(path, notebooks.from_text(path, given), out)


def _once(path: Path, given: dict[str, Any], out: Path | None) -> int:
    from helpers import notebooks, report

    notebooks.check_parameters(path, given)
    with Busy(f"Running {path.stem}"):
        made = report.run(path, out, **given)
    for name, value in made.records.items():
        typer.echo(f"{name} = {value}")
    typer.echo(f"Open {made.html}")
    return 0


def _sweep(path: Path, grid: dict[str, list[str]], fixed: dict[str, str], jobs: int, out: Path | None) -> int:
    os.environ.setdefault("MPLBACKEND", "Agg")  # the index has a chart; no window is wanted
    from helpers import notebooks, sweep
    from helpers.sweep_plan import own_name

    typed = {}
    for name, texts in grid.items():
        own = own_name(path, name)
        typed[name] = [notebooks.from_text(path, {own: text})[own] for text in texts]
    plan = sweep.plan(path, typed, notebooks.from_text(path, fixed))
    for label, reason in plan.left_out.items():
        typer.echo(f"left out: {label}: {reason}", err=True)
    done = itertools.count(1)
    with Bar(f"Running {path.stem}", len(plan.tasks)) as move:
        made = sweep.run(plan, jobs, out, say=_say, step=lambda: move(next(done), ""))
    for outcome in made.failed:
        where = f"; as far as it came: {outcome.page}" if outcome.page else ""
        typer.echo(f"failed: {outcome.task.label}: {outcome.error}{where}", err=True)
    typer.echo(f"{len(made.outcomes) - len(made.failed)} of {len(made.outcomes)} runs finished")
    typer.echo(f"Open {made.folder / 'index.html'}")
    return 1 if made.failed else 0


def _say(line: str) -> None:
    print(line, flush=True)


def _values(grid: Sequence[str], seeds: str | None) -> dict[str, list[str]]:
    """Split ``KEY=A,B`` texts; values that hold a comma are written as a JSON list.

    Raises:
        InputError: no ``=``, no key, no value between commas, or a key twice.
    """
    found: dict[str, list[str]] = {}
    for text in [*grid, *([f"seed={seeds}"] if seeds is not None else [])]:
        key, equals, values = text.partition("=")
        if not equals or not key:
            raise InputError(f"--grid {text!r}: write it as --grid key=value,value")
        if key.upper() in map(str.upper, found):
            raise InputError(f"{key} is given twice; name all its values in one --grid")
        found[key] = _json_values(key, values) if values.startswith("[") else [value.strip() for value in values.split(",")]
        if "" in found[key]:
            raise InputError(f"--grid {text!r}: a value between two commas is missing")
    return found


def _json_values(key: str, text: str) -> list[str]:
    try:
        values = json.loads(text)
    except ValueError as fault:
        raise InputError(f'--grid {key}={text}: after [ a list in JSON is expected, e.g. ["a, b", "c"]: {fault}') from fault
    return [value if isinstance(value, str) else json.dumps(value) for value in values]
