"""``python -m helpers tune``: search for hyperparameters, and say on untouched test users whether it was worth it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from helpers.commands.options import Pairs, check_writable, pairs
from helpers.console import Busy, print_rows, spoken, write_json

if TYPE_CHECKING:  # the search imports Optuna: not for --help
    from helpers.tuning import Improvement, Search

SHOWN = 20
"""Trials in the printed table: the best ones; the JSON file has all."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tune")(tune_command)


def tune_command(
    dataset: Annotated[str, typer.Option(help="A name or a folder.")],
    recipe: Annotated[str, typer.Option(help="A recipe's name.")],
    trials: Annotated[int, typer.Option(help="Sets of values to try, those in the study file included.")] = 20,
    jobs: Annotated[int, typer.Option(help="Worker processes.")] = 1,
    split: Annotated[str, typer.Option(help="personalize, temporal, last-basket or leave-last.")] = "personalize",
    metric: Annotated[str | None, typer.Option(help="What to maximise; by default NDCG at 25.")] = None,
    seed: Annotated[int, typer.Option(help="Draws test users, validation users, values and training.")] = 0,
    study: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the search there; go on where it stopped.")] = None,
    p: Pairs = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything there.")] = None,
) -> None:
    """Search a recipe's tunable hyperparameters on training users; then compare with the defaults on test users."""
    from helpers import datasets, tuning
    from helpers.evaluation import NDCG

    held = pairs(p)
    check_writable(json_file)
    options = {"trials": trials, "jobs": jobs, "split": split, "seed": seed, "metric": metric or NDCG, "fixed": held}
    tuning.check_request(recipe, **options)
    found = tuning.search(datasets.load(dataset), recipe, storage=study, **options)
    with Busy("Measuring default and tuned on the test users"):
        improvement = found.improvement()
    if json_file is not None:
        write_json(json_file, to_json(found, improvement))
    _print(found, improvement)


def to_json(found: "Search", improvement: "Improvement") -> dict[str, Any]:
    """Return a search and its outcome as plain JSON values."""
    table = found.trials.astype(object).where(found.trials.notna(), None)
    return {
        "dataset": found.dataset.name,
        "recipe": found.recipe.name,
        "split": found.split,
        "seed": found.seed,
        "metric": found.metric,
        "folds": found.folds,
        "fixed": {name: found.default.hyperparameters[name] for name in found.fixed},
        "algorithmHyperParameters": found.algorithm_hyperparameters,
        "validation": {"default": found.default_value, "best": found.best_value},
        "importance": found.importance.to_dict(),
        "test": {
            "default": improvement.default.to_json(),
            "tuned": improvement.tuned.to_json(),
            "difference": vars(improvement.test.difference),
            "p_value": improvement.test.p_value,
        },
        "trials": [{"trial": number, **row} for number, row in zip(table.index, table.to_dict("records"), strict=True)],
    }


def _print(found: "Search", improvement: "Improvement") -> None:
    table = found.trials
    best = table.sort_values(["state", "value"], ascending=[True, False], kind="stable").head(SHOWN)
    given_up = (table["state"] == "pruned").sum()
    title = f"{found.recipe.name} on {found.dataset.name}: {len(table)} trials, {given_up} given up early; value: {found.metric}"
    rows = [[_cell(value) for value in row] for row in best.reset_index().to_numpy(object)]
    print_rows(title, ["trial", *best.columns], rows, numbers_from=0)
    typer.echo(f"best on {found.folds} validation folds: {found.best_value:.4f}" + _against(found.default_value))
    typer.echo("values: " + " ".join(f"-p {name}={value}" for name, value in found.algorithm_hyperparameters.items()))
    typer.echo("what mattered: " + ", ".join(f"{name} {share:.0%}" for name, share in found.importance.items()))
    typer.echo(f"on {improvement.default.test_users:,} untouched test users: {improvement}")


def _cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else spoken(value)


def _against(default: float | None) -> str:
    return "" if default is None else f" (defaults: {default:.4f})"
