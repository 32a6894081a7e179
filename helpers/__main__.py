"""The command line: ``python -m helpers data | evaluate | tune | report | runs | course | outputs | serve``; see ``--help``.

A user's mistake is one line on the error stream and exit code 2; a notebook that fails is exit code 1.
"""

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from helpers.commands import report, runs, tune
from helpers.commands.options import Pairs, check_writable, pairs
from helpers.console import Busy, print_rows, spoken, write_json
from helpers.errors import UNWRITABLE, InputError, unknown_name

# Commands import what they need themselves: `--help` and a mistyped option answer at once.

PLAIN = {"rich_markup_mode": None, "pretty_exceptions_enable": False, "invoke_without_command": True}
app = typer.Typer(add_completion=False, help="Recommendations, measured and explained.", **PLAIN)
data_app = typer.Typer(help="List, describe and fetch data sets.", **PLAIN)
app.add_typer(data_app, name="data")
report.register(app)
runs.register(app, PLAIN)
tune.register(app)
UsageMistake = typer.BadParameter.__mro__[2]
"""Base of all errors about the command line itself; typer shows it only through its subclasses."""
INTERRUPTED = 130
"""The exit code by which typer itself reports an interrupt, without a word."""


@app.callback()
@data_app.callback()
def show_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@data_app.command("list")
def data_list() -> None:
    """List the named data sets and whether their files are on this machine."""
    from helpers.datasets import manifest

    rows = [
        [entry.name, entry.title, "yes" if entry.find() else "no", entry.licence, entry.source]
        for entry in manifest.entries().values()
    ]
    print_rows("Data sets", ["name", "title", "here", "licence", "source"], rows)


@data_app.command("describe")
def data_describe(
    dataset: Annotated[str, typer.Argument(help="A name or a folder.")],
    measure: Annotated[bool, typer.Option("--measure", help="Find out whether personal lists beat a rule (seconds).")] = False,
    recipe: Annotated[str | None, typer.Option(help="With --measure: test this recipe instead of a quick one.")] = None,
) -> None:
    """Diagnose a data set: size, time, habits, gaps, what the service would say, and whether a recommender fits."""
    from helpers import datasets
    from helpers.datasets.describe import describe
    from helpers.fit_check.shown import print_check

    if recipe and not measure:
        raise InputError("--recipe says what to measure; add --measure")
    if recipe:
        _recipes([recipe], {})
    data = datasets.load(dataset)
    frame = describe(data)
    print_rows(dataset, list(frame.columns), [[spoken(value) for value in row] for row in frame.itertuples(index=False)])
    print_check(data, measured=measure, recipe=recipe)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="A name from `data list`.")],
    into: Annotated[Path | None, typer.Option(help="Folder to download into; by default data/raw.")] = None,
) -> None:
    """Download a data set's files and check their hashes. The only command that uses the network."""
    from helpers.datasets import download

    typer.echo(f"{name} is in {download.fetch(name, into)}")


@app.command("evaluate")
def evaluate_command(
    dataset: Annotated[str, typer.Option(help="A name or a folder.")],
    recipe: Annotated[list[str], typer.Option(help="A recipe's name; may be given several times.")],
    split: Annotated[str, typer.Option(help="personalize, temporal, last-basket or leave-last.")] = "personalize",
    exclude_seen: Annotated[bool, typer.Option("--exclude-seen", help="Never recommend what the user has had.")] = False,
    shuffle_ties: Annotated[bool, typer.Option("--shuffle-ties", help="Put events of one second in random order first.")] = False,
    seed: Annotated[list[int] | None, typer.Option(help="Draws test users and training; may be given several times.")] = None,
    p: Pairs = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the records there.")] = None,
) -> None:
    """Measure recipes on a data set: print a table, and write the records as JSON."""
    from helpers import datasets, splits
    from helpers.evaluation import evaluate

    chosen = _recipes(recipe, pairs(p))
    if split not in splits.SPLITS:
        raise unknown_name("split", split, splits.SPLITS)
    seeds = seed or [0]
    if min(seeds) < 0:
        raise InputError(f"seed {min(seeds)}: use 0 or a greater whole number")
    check_writable(json_file)
    data = datasets.load(dataset)
    for note in (note for summary in data.reports for note in summary.notes()):
        typer.echo(f"note: {note}", err=True)
    options = {"exclude_seen": exclude_seen, "shuffle_ties": shuffle_ties}
    records = []
    with Busy("Evaluating") as say:
        for one in chosen:
            for number in seeds:
                say(f"{one.name}, seed {number}")
                records.append(evaluate(data, one, split, number, **options))
    if json_file is not None:
        write_json(json_file, [record.to_json() for record in records])
    _print_records(records)


@app.command("course")
def course_command(dataset: Annotated[str, typer.Option(help="A name or a folder.")] = "gift-shop") -> int:
    """Run every notebook in order on one data set; write pages, an index and the leaderboard."""
    from helpers import course

    return 0 if course.run(dataset, say=_say).ok else 1


@app.command("outputs")
def outputs_command(
    notebook: Annotated[list[str] | None, typer.Argument(help="Paths or names; by default all that are committed.")] = None,
) -> int:
    """Execute the committed notebooks again, in place. A notebook that fails stays as it was."""
    from helpers import course, notebooks

    paths = [notebooks.find(name) for name in notebook] if notebook else None
    return 1 if course.refresh_outputs(paths, say=_say) else 0


@app.command("serve")
def serve_command(
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8642,
    home: Annotated[Path | None, typer.Option(help="Folder for everything; by default runs/personalize.")] = None,
    with_moto: Annotated[bool, typer.Option("--with-moto", help="Let moto answer S3, IAM and the rest of AWS.")] = False,
) -> None:
    """Serve Amazon Personalize on this machine, for any program that speaks to AWS. Ctrl-C ends it; the home keeps everything."""
    from helpers import notebooks
    from helpers.personalize.serving import serve

    with serve(home or notebooks.PROJECT / "runs" / "personalize", port, with_moto=with_moto) as (address, folder, forever):
        _say(f"Amazon Personalize answers at {address} (home {folder})")
        _say("For boto3, the AWS CLI and other SDKs:")
        names = (
            ["AWS_ENDPOINT_URL"] if with_moto else [f"AWS_ENDPOINT_URL_PERSONALIZE{part}" for part in ("", "_RUNTIME", "_EVENTS")]
        )
        for line in [f"{name}={address}" for name in names] + ["AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local"]:
            _say(f"  export {line}")
        forever()


def _recipes(names: Sequence[str], hyperparameters: dict[str, str]) -> list[Any]:
    """Create the recipes, each with those hyperparameters that it has.

    Raises:
        InputError: unknown or repeated recipe, a hyperparameter that none of them has, or a value out of range.
    """
    import dataclasses

    from helpers import recipes

    known = {name: {field.name for field in dataclasses.fields(recipes.get(name))} for name in names}
    if len(known) < len(names):
        raise InputError("--recipe names a recipe twice; give each once, and several --seed to repeat it")
    for key in hyperparameters:
        if not any(key in fields for fields in known.values()):
            raise unknown_name(f"hyperparameter of {' and '.join(names)}", key, set().union(*known.values()))
    return [recipes.create(name, {k: v for k, v in hyperparameters.items() if k in known[name]}) for name in names]


def _print_records(records: Sequence[Any]) -> None:
    from helpers.evaluation import MAIN_METRICS

    first = records[0]
    options = [name.replace("_", " ") for name in ("exclude_seen", "shuffle_ties") if getattr(first, name)]
    title = ", ".join([f"{first.dataset}: {first.split} split", f"{first.items:,} items", *options])
    words = {"normalized_discounted_cumulative_gain": "ndcg", "mean_reciprocal_rank": "mrr"}
    short = [functools.reduce(lambda text, long: text.replace(long, words[long]), words, name) for name in MAIN_METRICS]
    head = ["recipe", "seed", *short, "test users", "train s", "score s", "peak MB"]
    rows = [
        [r.recipe, str(r.seed), *(f"{r.metrics[name]:.4f}" for name in MAIN_METRICS), f"{r.test_users:,}"]
        + [f"{r.train_seconds:.2f}", f"{r.score_seconds:.2f}", f"{r.peak_mb:.0f}"]
        for r in records
    ]
    print_rows(title, head, rows, numbers_from=1)


def _say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 (a notebook or the disk failed), 2 (the user's mistake), 130 (interrupted)."""
    try:
        code = app(arguments, prog_name="python -m helpers", standalone_mode=False) or 0
        return _interrupted() if code == INTERRUPTED else code
    except UsageMistake as mistake:
        return _fault(f"{mistake.format_message()} (see --help)", 2)
    except InputError as mistake:
        return _fault(str(mistake), 2)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except OSError as fault:
        if fault.errno not in UNWRITABLE:
            raise
        place = f"{fault.filename}: " if fault.filename else ""
        return _fault(f"{place}{fault.strerror}; no unfinished result was left as a finished one", 1)
    except RuntimeError as fault:
        if type(fault).__name__ != "NotebookFailed":
            raise
        return _fault(str(fault), 1)


def _interrupted() -> int:
    return _fault("interrupted; no unfinished result was left as a finished one", INTERRUPTED)


def _fault(message: str, code: int) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
