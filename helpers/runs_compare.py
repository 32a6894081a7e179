"""Compare runs of the past: means over seeds, their range, and differences seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from helpers.errors import InputError, unknown_name
from helpers.run_files import main_record
from helpers.runs import History, Run
from helpers.sweep_plan import REPEATS, in_words

_SUMMARY = """
SELECT setting, avg(number) AS mean, min(number) AS lowest, max(number) AS highest, count(*) AS runs
FROM chosen JOIN record USING (id) WHERE block = ? AND name = ? AND number IS NOT NULL
GROUP BY setting ORDER BY mean DESC, setting
"""
_PAIRED = """
WITH told AS (SELECT setting, seed, number FROM chosen JOIN record USING (id) WHERE block = ? AND name = ? AND number IS NOT NULL)
SELECT a.setting, avg(a.number - b.number) AS difference, min(a.number - b.number) AS "from", max(a.number - b.number) AS "to",
       count(*) AS pairs
FROM told a JOIN told b ON b.setting = ? AND a.seed IS NOT DISTINCT FROM b.seed GROUP BY a.setting
"""
_MEANS = """
SELECT setting, name, avg(number) AS mean
FROM chosen JOIN record USING (id) WHERE block = ? AND number IS NOT NULL GROUP BY setting, name
"""


@dataclass(frozen=True)
class Comparison:
    """Runs on the same question: the same data and the same parameters but those compared and the seed.

    Attributes:
        question: what all of them share and other comparisons of the same call do not, in words.
        record: the record compared.
        table: a row a setting, highest mean first: ``mean``, ``lowest`` and ``highest`` over its seeds, ``runs``; then its
            difference to the first row, seed by seed: the mean ``difference``, ``from`` the lowest ``to`` the highest, and how
            many ``pairs`` had the same seed (NaN and 0 without any).
        means: the mean of every recorded number, a row a setting, a column a record.
    """

    question: str
    record: str
    table: pd.DataFrame
    means: pd.DataFrame

    @property
    def verdict(self) -> str:
        """Say in one sentence what the order of the first two is worth."""
        if len(self.table) < 2:
            return "one setting only: nothing to compare it with"
        first, second = self.table.index[:2]
        pairs, nearest = self.table["pairs"].iloc[1], self.table["to"].iloc[1]
        if pairs < 2:
            return f"{first} is ahead of {second}, but they share {'one seed' if pairs else 'no seed'} only: it may be luck"
        if nearest < 0:
            return f"{first} is ahead of {second} on each of the {pairs} seeds they share"
        return f"{first} is ahead of {second} on average, but not on each of the {pairs} seeds they share: the order may be luck"


@dataclass(frozen=True)
class Answer:
    """All comparisons, and what a reader has to know before believing them."""

    comparisons: list[Comparison]
    notes: list[str] = field(default_factory=list)


def compare(history: History, chosen: Sequence[Run], by: str | None = None, record: str | None = None) -> Answer:
    """Compare runs of one notebook.

    Of runs that are alike in notebook, parameters and data the newest counts.

    Args:
        by: the parameter compared, e.g. ``RECIPE``; other parameters that differ, and the data, make separate comparisons. None
            compares every combination of all that differ.
        record: the record compared; by default the notebook's first fraction.

    Raises:
        InputError: no runs, or of several notebooks, or no such parameter or record.
    """
    if not chosen:
        raise InputError("there are no runs to compare; see: python -m helpers runs list")
    if len(names := sorted({run.about["notebook"] for run in chosen})) > 1:
        raise InputError(f"runs of different notebooks record different things: {', '.join(names)}")
    newest, older = _newest(history, chosen)
    differing = _differing(newest)
    compared = [_parameter(by, newest)] if by else differing
    record = _record(record, newest)
    rows = [(run, {name: run.about["parameters"].get(name) for name in differing}) for run in newest]
    blocks: dict[str, str] = {}
    table = []
    for run, values in rows:
        rest = {name: value for name, value in values.items() if name not in compared}
        block = f"{rest} {run.about.get('data_sha256')}"
        blocks.setdefault(block, in_words(rest) if rest else str(run.about.get("dataset") or "all runs"))
        settings = {name: run.about["parameters"].get(name) for name in compared}
        seed = None if REPEATS in compared else run.about["parameters"].get(REPEATS)
        table.append((run.id, block, in_words(settings), seed))
    history.ask("CREATE OR REPLACE TABLE chosen (id VARCHAR, block VARCHAR, setting VARCHAR, seed VARCHAR)")
    for row in table:
        history.ask("INSERT INTO chosen VALUES (?, ?, ?, ?)", row)
    return Answer([_comparison(history, *block, record) for block in blocks.items()], _notes(newest, older))


def of_notebook(history: History, notebook: str, dataset: str | None = None) -> list[Run]:
    """Return the runs of a notebook by name or path, on one data set or on all.

    Raises:
        InputError: there is none.
    """
    found = [history.runs[run_id] for run_id in history.listed(notebook=notebook, dataset=dataset)["id"]]
    if not found:
        known = history.ask("SELECT DISTINCT notebook FROM run")["notebook"].tolist()
        name = Path(notebook).stem
        raise (
            InputError(f"no run of {name} on {dataset}")
            if name in known
            else unknown_name("notebook among the runs", name, known)
        )
    return found


def _comparison(history: History, block: str, question: str, record: str) -> Comparison:
    summary = history.ask(_SUMMARY, (block, record)).set_index("setting")
    if len(summary):
        paired = history.ask(_PAIRED, (block, record, summary.index[0])).set_index("setting")
        summary = summary.join(paired)
        summary["pairs"] = summary["pairs"].fillna(0).astype(int)
    means = history.ask(_MEANS, (block,)).pivot(index="setting", columns="name", values="mean").reindex(summary.index)
    return Comparison(question, record, summary, means.rename_axis(columns=None))


def _newest(history: History, chosen: Sequence[Run]) -> tuple[list[Run], int]:
    """Return the newest of each set of runs that are alike, and how many older ones were left out."""
    wanted, newest = {run.id: run for run in chosen}, {}
    for run_id in history.listed()["id"]:  # newest first
        if run := wanted.get(run_id):
            newest.setdefault(repr((sorted(run.about["parameters"].items()), run.about.get("data_sha256"))), run)
    return list(newest.values()), len(wanted) - len(newest)


def _differing(runs: Sequence[Run]) -> list[str]:
    """Return the parameters, but the seed, that have not the same value in all runs."""
    names = dict.fromkeys(name for run in runs for name in run.about["parameters"] if name != REPEATS)
    return [name for name in names if len({repr(run.about["parameters"].get(name)) for run in runs}) > 1]


def _parameter(name: str, runs: Sequence[Run]) -> str:
    known = dict.fromkeys(name for run in runs for name in run.about["parameters"])
    if name.upper() not in known and name not in known:
        raise unknown_name("parameter", name, known)
    return name if name in known else name.upper()


def _record(name: str | None, runs: Sequence[Run]) -> str:
    if name is None:
        name = main_record(runs[0].about["records"])
        if name is None:
            raise InputError(f"{runs[0].about['notebook']} records no number to compare")
    elif not any(name in run.about["records"] for run in runs):
        raise unknown_name("record", name, {name for run in runs for name in run.about["records"]})
    return name


def _notes(runs: Sequence[Run], older: int) -> list[str]:
    notes = [f"{older} older run{'s' * (older > 1)} of the same parameters and data left out"] if older else []
    for name, words in (
        ("notebook_sha256", "versions of the notebook"),
        ("code_sha256", "states of the code"),
        ("machine", "machines"),
    ):
        if (n := len({run.about.get(name) for run in runs})) > 1:
            notes.append(f"these runs come from {n} different {words}; a difference may be due to that")
    if (n := len({repr(run.about["versions"]) for run in runs})) > 1:
        notes.append(f"these runs come from {n} different sets of library versions; a difference may be due to that")
    return notes
