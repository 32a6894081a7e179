"""The fit check on a terminal: a table of findings, the measured comparison if it was asked for, the decision."""

from helpers.console import Busy, print_rows
from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.fit_check import check, comparison, finding
from helpers.fit_check.decision import decide


def print_check(dataset: Dataset, *, measured: bool = False, recipe: str | None = None) -> None:
    """Print what :func:`helpers.fit_check.findings` found, and what it adds up to.

    Args:
        measured: compare rules with personal recipes, too; data that do not allow it get the reason instead.
        recipe: as in :func:`helpers.fit_check.measure`.
    """
    found = check.findings(dataset)
    shown = finding.table(found)
    print_rows(f"Fit check of {dataset.name}", list(shown.columns), shown.to_numpy().tolist())
    outcome = _measure(dataset, recipe) if measured else None
    decision = decide(found, outcome, attributes=dataset.items is not None)
    uses = decision.table().reset_index()
    print_rows("What it is good for", list(uses.columns), uses.to_numpy().tolist())
    print(decision.sentence)
    if not measured:
        print("Measure it: the same command with --measure.")


def _measure(dataset: Dataset, recipe: str | None) -> comparison.Comparison | None:
    try:
        with Busy("Comparing rules with personal lists"):
            outcome = comparison.measure(dataset, recipe=recipe)
    except InputError as reason:
        print(f"Not measured: {reason}")
        return None
    table = outcome.table()
    numbers = table.select_dtypes(float).map("{:.4f}".format)
    rows = table.assign(**numbers).reset_index().to_numpy().tolist()
    title = f"Does it beat a rule? {outcome.split} split, {outcome.users:,} users"
    print_rows(title, [table.index.name, *table.columns], rows, numbers_from=2)
    return outcome
