"""``python -m helpers runs``: list, compare, show and repeat the runs of the past."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from helpers.console import Busy, print_rows, spoken
from helpers.errors import InputError

if TYPE_CHECKING:
    from helpers.runs import History

Notebook = Annotated[str | None, typer.Option(help="Only runs of this notebook.")]
Data = Annotated[str | None, typer.Option(help="Only runs on this data set.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The beginning of an id from `runs list`.")]


def register(app: typer.Typer, settings: dict[str, Any]) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="List, compare, show and repeat the runs of the past.", **settings)
    app.add_typer(group, name="runs")
    group.callback()(_help)
    for name, command in {"list": list_runs, "compare": compare_runs, "show": show_run, "repeat": repeat_run}.items():
        group.command(name)(command)


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def list_runs(
    notebook: Notebook = None,
    dataset: Data = None,
    recipe: Annotated[str | None, typer.Option(help="Only runs with this recipe.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 30,
) -> None:
    """List runs, newest first, each with the first number it recorded."""
    from helpers.run_files import main_record

    history = _history()
    found = history.listed(notebook, dataset, recipe)
    rows = []
    for row in found.head(limit).itertuples():
        records = history.runs[row.id].about["records"]
        name = main_record(records)
        told = f"{name} = {spoken(records[name])}" if name else ""
        rows.append(
            [
                history.runs[row.id].short,
                row.finished[:16],
                row.notebook,
                row.dataset or "",
                row.recipe or "",
                _whole(row.seed),
                told,
            ]
        )
    head = ["id", "finished", "notebook", "data set", "recipe", "seed", "first number recorded"]
    print_rows(f"{len(found)} runs" + (f", the newest {limit}" if len(found) > limit else ""), head, rows)


def compare_runs(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Runs to compare; or name a notebook.")] = None,
    notebook: Notebook = None,
    by: Annotated[str | None, typer.Option(help="The parameter to compare, e.g. RECIPE; by default all that differ.")] = None,
    dataset: Data = None,
    record: Annotated[str | None, typer.Option(help="The recorded number to compare; by default the first fraction.")] = None,
) -> None:
    """Compare runs: mean and range over seeds, number of runs, and the difference to the best, seed by seed."""
    from helpers import runs_compare

    if bool(ids) == bool(notebook):
        raise InputError("name the runs to compare by their ids, or a notebook with --notebook")
    history = _history()
    chosen = [history.find(one) for one in ids] if ids else runs_compare.of_notebook(history, notebook, dataset)
    answer = runs_compare.compare(history, chosen, by, record)
    for made in answer.comparisons:
        rows = [[setting, *map(spoken, row)] for setting, row in zip(made.table.index, _plain(made.table), strict=True)]
        head = ["", "mean", "lowest", "highest", "runs", "difference to first", "lowest", "highest", "pairs of a seed"]
        typer.echo(f"{made.record}, {made.question}; highest mean first, lowest and highest over seeds")
        print_rows("", head, rows, numbers_from=1)
        typer.echo(f"{made.verdict}\n\nMean of every recorded number")
        rows = [[setting, *map(spoken, row)] for setting, row in zip(made.means.index, _plain(made.means), strict=True)]
        print_rows("", ["", *made.means.columns], rows, numbers_from=1)
    for note in answer.notes:
        typer.echo(f"note: {note}", err=True)


def show_run(run_id: Id) -> None:
    """Show one run: its parameters, what it recorded, where the numbers come from, its files."""
    from helpers.run_files import REPRODUCIBLE

    run = _history().find(run_id)
    about = run.about
    typer.echo(f"Run {run.short} of {about['notebook']}, finished {about['finished']}")
    print_rows("Parameters", ["name", "value"], list(about["parameters"].items()))
    print_rows("Recorded", ["name", "value"], list(about["records"].items()))
    hidden = {"parameters", "records", "versions"}
    rows = [
        [name, about[name]] for name in (*REPRODUCIBLE, *sorted(about.keys() - {*REPRODUCIBLE})) if about.get(name) is not None
    ]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    print_rows("Where it comes from", ["", ""], [row for row in rows if row[0] not in hidden] + [["versions", versions]])
    for file in run.files:
        typer.echo(file)


def repeat_run(
    run_id: Id, out: Annotated[Path | None, typer.Option(help="The new folder; by default one under runs/.")] = None
) -> int:
    """Run again with the stored parameters, compare every record, and say what differs. Exit code 1 if a number does."""
    from helpers import runs

    run = _history().find(run_id)
    typer.echo(f"Repeating {run.short}: {run.about['notebook']} of {run.about['finished']}")
    with Busy("Running"):
        made = runs.repeat(run, out)
    for name, (old, new) in made.causes.items():
        typer.echo(f"note: {name} was {_stored(old)}, is {_stored(new)}")
    count = len(made.old["records"])
    if different := made.different:
        rows = [[name, _stored(old), _stored(new), _gap(old, new)] for name, (old, new) in different.items()]
        print_rows("Records that differ", ["name", "then", "now", "difference"], rows, numbers_from=1)
        typer.echo(f"The numbers do NOT agree: {len(different)} of {count} records differ")
    else:
        typer.echo(f"The numbers agree: all {count} records are the same")
    typer.echo(f"The new run is in {made.folder}")
    return 1 if different else 0


def _history() -> "History":
    from helpers import runs

    history = runs.load()
    for fault in history.faults:
        typer.echo(f"ignored: {fault}", err=True)
    return history


def _plain(table: Any) -> list[list[Any]]:
    return table.astype(object).to_numpy().tolist()


def _whole(value: Any) -> str:
    return "" if value is None or value != value else str(int(value))


def _stored(value: Any) -> str:
    return "not there" if value is None else str(value)


def _gap(old: Any, new: Any) -> str:
    from helpers.run_files import is_number

    return f"{new - old:+.6g}" if is_number(old) and is_number(new) else ""
