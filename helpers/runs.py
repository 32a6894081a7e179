"""The runs of the past: find them under ``runs/``, ask DuckDB about them, repeat one.

    history = runs.load()
    history.listed(notebook="recipe_report", dataset="online-retail")
    runs.repeat(history.find("3f2a91c0"))

The files of the runs are the truth; the database is made from them in memory each time and kept nowhere.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from helpers import notebooks, report, run_files
from helpers.errors import InputError

SHORT = 8
"""Digits of an id that are shown; any beginning of four or more that fits one run only is understood."""

_TABLE = """
CREATE TABLE run AS
SELECT about ->> 'id' AS id,
       about ->> 'notebook' AS path,
       regexp_extract(about ->> 'notebook', '([^/]+)[.]ipynb$', 1) AS notebook,
       coalesce(about ->> 'dataset', about -> 'parameters' ->> 'DATASET') AS dataset,
       about -> 'parameters' ->> 'RECIPE' AS recipe,
       TRY_CAST(about -> 'parameters' ->> 'SEED' AS BIGINT) AS seed,
       about ->> 'finished' AS finished,
       epoch(try_strptime(about ->> 'finished', '%Y-%m-%d %H:%M:%S%z')) AS moment,
       TRY_CAST(about ->> 'seconds' AS DOUBLE) AS seconds,
       folder,
       about
FROM (SELECT folder, CAST(content AS JSON) AS about FROM stored)
"""

_RECORD = """
CREATE TABLE record AS
SELECT id, entry.key AS name, entry.value ->> '$' AS word,
       CASE WHEN json_type(entry.value) NOT IN ('VARCHAR', 'BOOLEAN') THEN TRY_CAST(entry.value ->> '$' AS DOUBLE) END AS number
FROM (SELECT id, unnest(map_entries(from_json(about -> 'records', '"MAP(VARCHAR, JSON)"'))) AS entry FROM run)
"""


@dataclass(frozen=True)
class Run:
    """One run of the past: its file of records, and everything it stored (see :mod:`helpers.run_files`)."""

    path: Path
    about: dict[str, Any]

    @property
    def id(self) -> str:
        return self.about["id"]

    @property
    def short(self) -> str:
        return self.id[:SHORT]

    @property
    def files(self) -> list[Path]:
        """Its files: all of the folder, or those that bear its name where one folder holds several runs."""
        prefix = self.path.name.removesuffix(run_files.RECORDS)
        return sorted(file for file in self.path.parent.iterdir() if file.is_file() and file.name.startswith(prefix))


class History:
    """All runs below a folder, as tables ``run`` (a row each) and ``record`` (a row a recorded value) of an in-memory DuckDB.

    Attributes:
        runs: by id.
        faults: a line for each file of records that cannot be read: its path and the reason.
    """

    def __init__(self, root: Path):
        self.runs: dict[str, Run] = {}
        self.faults: list[str] = []
        for path in run_files.find(root) if root.is_dir() else []:
            try:
                run = Run(path, run_files.read(path))
            except InputError as fault:
                self.faults.append(str(fault))
                continue
            self.runs.setdefault(run.id, run)  # a copied folder is the same run
        self._database = duckdb.connect(":memory:")
        rows = [(str(run.path.parent), json.dumps(run.about)) for run in self.runs.values()]
        self._database.execute("CREATE TABLE stored (folder VARCHAR, content VARCHAR)")
        if rows:
            self._database.executemany("INSERT INTO stored VALUES (?, ?)", rows)
        self._database.execute(_TABLE)
        self._database.execute(_RECORD)

    def ask(self, sql: str, values: Sequence[Any] = ()) -> pd.DataFrame:
        """Return the answer to a question in SQL."""
        answer = self._database.execute(sql, list(values))
        return pd.DataFrame(answer.fetchall(), columns=[column[0] for column in answer.description])

    def listed(self, notebook: str | None = None, dataset: str | None = None, recipe: str | None = None) -> pd.DataFrame:
        """Return the runs that fit, newest first: id, finished, notebook, dataset, recipe, seed, seconds, folder.

        Args:
            notebook, dataset, recipe: names, or None for any; of a folder of data its last part.
        """
        wanted = {"notebook": Path(notebook).stem if notebook else None, "dataset": dataset, "recipe": recipe}
        given = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in given) or "true"
        columns = "id, finished, notebook, dataset, recipe, seed, seconds, folder"
        return self.ask(f"SELECT {columns} FROM run WHERE {where} ORDER BY moment DESC NULLS LAST, id", list(given.values()))

    def find(self, beginning: str) -> Run:
        """Return the run whose id begins so.

        Raises:
            InputError: fewer than four digits, or no such run, or several.
        """
        found = [run for run_id, run in self.runs.items() if run_id.startswith(beginning.strip().lower())]
        if len(beginning.strip()) < 4:
            raise InputError(f"run {beginning!r}: give at least four digits of its id")
        if not found:
            raise InputError(f"no run {beginning!r} among {len(self.runs)}; see: python -m helpers runs list")
        if len(found) > 1:
            raise InputError(f"several runs begin with {beginning!r}: {', '.join(sorted(run.id[:16] for run in found))}")
        return found[0]


def load(root: Path | None = None) -> History:
    """Read all runs below a folder, by default the project's ``runs/``."""
    return History(notebooks.RUNS if root is None else root)


@dataclass(frozen=True)
class Repeat:
    """A run done again.

    Attributes:
        old, new: what both stored; ``folder``: where the new one is.
    """

    old: dict[str, Any]
    new: dict[str, Any]
    folder: Path

    @property
    def different(self) -> dict[str, tuple[Any, Any]]:
        """Name -> (old, new) of each record that is not equal; None where one of them lacks it."""
        return _differences(self.old["records"], self.new["records"])

    @property
    def causes(self) -> dict[str, tuple[Any, Any]]:
        """Name -> (old, new) of everything in their provenance that differs and could be why; None where it was not stored."""
        names = ("notebook_sha256", "data_sha256", "code_sha256", "commit", "machine")
        found = _differences({name: self.old.get(name) for name in names}, {name: self.new.get(name) for name in names})
        return found | _differences(self.old["versions"], self.new["versions"])


def repeat(run: Run, out: Path | None = None) -> Repeat:
    """Run the same notebook with the same parameters again, into a new folder.

    Raises:
        InputError: notebook or data set are gone, or the notebook has no longer those parameters. Nothing has run.
        helpers.notebooks.NotebookFailed: a cell raised an error.
    """
    made = report.run(run.about["notebook"], out, **run.about["parameters"])
    return Repeat(run.about, run_files.read(made.folder / run_files.RECORDS), made.folder)


def _differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = dict.fromkeys([*old, *new])
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
