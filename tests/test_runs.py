"""Runs of the past: found, compared, shown, repeated; a corrupt file is named and skipped; the same command, the same bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_notebooks import tiny, write_notebook

from helpers import __main__ as cli
from helpers import notebooks, report, run_files, runs, runs_compare
from helpers.errors import InputError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


def stored(folder: Path, name: str, records: dict, notebook: str = "notebooks/reports/recipe_report.ipynb", **about) -> Path:
    """Write the two files of a run that never was; further names in capitals are parameters."""
    parameters = {key: value for key, value in about.items() if key.isupper()}
    more = {key: value for key, value in about.items() if not key.isupper()}
    whole = {
        **{"notebook": notebook, "notebook_sha256": "n", "parameters": parameters, "dataset": parameters.get("DATASET")},
        **{"data_sha256": "d", "versions": {"numpy": "2.0"}, "code_sha256": "c", "commit": "abc", "machine": "m"},
        **{"seconds": 1.0, "finished": "2026-01-01 00:00:00+0000"},
    }
    (folder / name).mkdir(parents=True)
    run_files.write(folder / name, whole | more, records)
    return folder / name / "records.json"


def three_seeds(folder: Path, recipe: str, scores: list[float], **more) -> None:
    for seed, score in enumerate(scores):
        stored(
            folder,
            f"{recipe}-{seed}-{len(more)}",
            {"recipe": recipe, "score": score, "users": 10},
            RECIPE=recipe,
            SEED=seed,
            **more,
        )


# ---------------------------------------------------------------- list, find, show


def test_runs_are_listed_newest_first_whatever_their_time_zone(folder):
    stored(folder, "a", {"x": 1}, finished="2026-01-02 08:00:00+0900", DATASET="shop", RECIPE="aws-sims", SEED=4)  # 23:00 UTC
    stored(folder, "b", {"x": 2}, finished="2026-01-01 23:30:00+0000", DATASET="shop")
    stored(folder, "sweeps/s/c", {"x": 3}, finished="2026-01-01 23:10:00+0000", notebook="elsewhere/other.ipynb")
    listed = runs.load().listed()
    assert [Path(place).name for place in listed["folder"]] == ["b", "c", "a"]
    assert listed.iloc[2][["notebook", "dataset", "recipe", "seed"]].tolist() == ["recipe_report", "shop", "aws-sims", 4]


def test_filters_narrow_the_list(folder):
    stored(folder, "a", {"x": 1}, DATASET="shop", RECIPE="aws-sims")
    stored(folder, "b", {"x": 2}, DATASET="retail", RECIPE="aws-sims")
    stored(folder, "c", {"x": 3}, notebook="notebooks/other.ipynb", DATASET="shop")
    history = runs.load()
    names = lambda **wanted: {Path(place).name for place in history.listed(**wanted)["folder"]}  # noqa: E731
    assert names(notebook="recipe_report") == {"a", "b"} == names(notebook="notebooks/reports/recipe_report.ipynb")
    assert names(dataset="shop") == {"a", "c"} and names(recipe="aws-sims", dataset="retail") == {"b"}
    assert names(recipe="' OR true --") == set()


def test_half_done_and_failed_runs_are_not_listed(folder):
    stored(folder, ".a-123", {"x": 1})
    (folder / "failed" / "b").mkdir(parents=True)
    (folder / "failed" / "b" / "99.ipynb").write_text("{}")
    assert len(runs.load().listed()) == 0


CORRUPT = [
    ("records.json", "", "is no JSON"),
    ("records.json", '{"notebook": "a.ipynb", "reco', "is no JSON"),
    ("records.json", "[]", "holds no JSON object"),
    ("records.json", "{}", "notebook is missing"),
    (
        "records.json",
        '{"notebook": "a", "parameters": {}, "records": {"x": [1]}}',
        "the record 'x' is no number, text or boolean",
    ),
    ("records.json", '{"notebook": "a", "parameters": 3, "records": {}}', "parameters is missing or not what a run writes"),
    ("provenance.json", "\x00", "is no JSON"),
    ("provenance.json", None, "is missing"),
    ("provenance.json", '{"versions": {}}', "finished is missing"),
]


@pytest.mark.parametrize(("name", "content", "reason"), CORRUPT)
def test_a_corrupt_file_is_reported_with_its_path_and_skipped(folder, capsys, name, content, reason):
    stored(folder, "good", {"x": 1})
    damaged = stored(folder, "bad", {"x": 2}).with_name(name)
    damaged.unlink() if content is None else damaged.write_text(content)
    history = runs.load()
    assert len(history.runs) == 1 and len(history.faults) == 1
    assert str(damaged.parent) in history.faults[0] and reason in history.faults[0]
    assert cli.main(["runs", "list"]) == 0
    out, err = capsys.readouterr()
    assert "1 runs" in out and err.startswith("ignored: ") and err.count("\n") == 1


def test_a_file_of_records_that_cannot_be_read_is_reported_too(folder):
    path = stored(folder, "bad", {"x": 2})
    path.unlink()
    path.mkdir()
    assert "cannot be read" in runs.load().faults[0]


def test_records_of_an_earlier_release_are_read(folder):
    about = {"notebook": "notebooks/11_sims.ipynb", "parameters": {"SEED": 1, "DATASET": "gift-shop"}, "data_sha256": "d"}
    about |= {"versions": {"numpy": "2.0"}, "commit": "a", "seconds": 2.0, "finished": "2026-01-01 00:00:00+0000"}
    (folder / "old").mkdir(parents=True)
    (folder / "old" / "records.json").write_text(json.dumps(about | {"records": {"x": 0.5}}))
    (row,) = runs.load().listed().itertuples()
    assert (row.notebook, row.dataset, row.seed) == ("11_sims", "gift-shop", 1)


def test_a_run_is_found_by_the_beginning_of_its_id(folder):
    stored(folder, "a", {"x": 1}, SEED=0)
    stored(folder, "b", {"x": 1}, SEED=1)
    history = runs.load()
    run_id = next(iter(history.runs))
    assert history.find(run_id[:8].upper()).id == run_id
    for beginning, words in ((run_id[:3], "at least four digits"), ("zzzz", "no run 'zzzz' among 2")):
        with pytest.raises(InputError, match=words):
            history.find(beginning)
    history.runs = {"abcd1": history.find(run_id), "abcd2": history.find(run_id)}
    with pytest.raises(InputError, match="several runs begin with 'abcd'"):
        history.find("abcd")


def test_show_tells_parameters_records_provenance_and_files(folder, capsys):
    stored(folder, "a", {"score": 0.125}, RECIPE="aws-sims", commit="f00d")
    (run_id,) = runs.load().runs
    assert cli.main(["runs", "show", run_id[:8]]) == 0
    out = capsys.readouterr().out
    assert all(piece in out for piece in ("aws-sims", "0.125", "f00d", "numpy 2.0", "records.json", "provenance.json"))


# ---------------------------------------------------------------- compare


def test_means_ranges_and_differences_by_hand(folder):
    three_seeds(folder, "aws-sims", [0.30, 0.40, 0.20])
    three_seeds(folder, "aws-popularity-count", [0.10, 0.25, 0.10])
    history = runs.load()
    (made,) = runs_compare.compare(history, list(history.runs.values())).comparisons
    assert made.record == "score" and list(made.table.index) == ["aws-sims", "aws-popularity-count"]
    first, second = (made.table.loc[name] for name in made.table.index)
    np.testing.assert_allclose(first[["mean", "lowest", "highest", "runs"]].astype(float), [0.3, 0.2, 0.4, 3])
    np.testing.assert_allclose(second[["mean", "lowest", "highest", "runs"]].astype(float), [0.15, 0.1, 0.25, 3])
    np.testing.assert_allclose(second[["difference", "from", "to", "pairs"]].astype(float), [-0.15, -0.2, -0.1, 3])
    assert made.means.loc["aws-sims", "users"] == 10
    assert made.verdict == "aws-sims is ahead of aws-popularity-count on each of the 3 seeds they share"


def test_only_runs_of_the_same_seed_make_pairs(folder):
    three_seeds(folder, "a", [0.5, 0.6, 0.7])
    stored(folder, "b", {"score": 0.65}, RECIPE="b", SEED=2)
    stored(folder, "c", {"score": 0.1}, RECIPE="c", SEED=9)
    history = runs.load()
    (made,) = runs_compare.compare(history, list(history.runs.values()), by="recipe").comparisons
    assert made.table["pairs"].to_dict() == {"b": 1, "a": 1, "c": 0}
    assert made.table.loc["a", "difference"] == pytest.approx(0.05) and np.isnan(made.table.loc["c", "difference"])
    assert made.verdict == "b is ahead of a, but they share one seed only: it may be luck"


def test_a_lead_that_some_seed_contradicts_is_called_luck(folder):
    three_seeds(folder, "a", [0.5, 0.6, 0.7])
    three_seeds(folder, "b", [0.1, 0.61, 0.2])
    history = runs.load()
    (made,) = runs_compare.compare(history, list(history.runs.values())).comparisons
    assert "not on each of the 3 seeds" in made.verdict


def test_other_data_and_other_parameters_are_other_questions(folder):
    three_seeds(folder, "a", [0.5, 0.6, 0.7], DATASET="shop")
    three_seeds(folder, "b", [0.1, 0.2, 0.3], DATASET="shop")
    three_seeds(folder, "a", [0.9, 0.9, 0.9], DATASET="retail", data_sha256="other")
    history = runs.load()
    made = runs_compare.compare(history, list(history.runs.values()), by="RECIPE").comparisons
    assert {one.question: len(one.table) for one in made} == {"shop": 2, "retail": 1}


def test_of_runs_that_are_alike_the_newest_counts_and_changed_code_is_told(folder):
    stored(folder, "old", {"score": 0.1}, RECIPE="a", SEED=0)
    stored(folder, "new", {"score": 0.2}, RECIPE="a", SEED=0, finished="2026-02-01 00:00:00+0000")
    stored(folder, "b", {"score": 0.3}, RECIPE="b", SEED=0, code_sha256="changed", versions={"numpy": "3.0"})
    history = runs.load()
    answer = runs_compare.compare(history, list(history.runs.values()))
    assert answer.comparisons[0].table["mean"].to_dict() == {"b": 0.3, "a": 0.2}
    assert [note.split(";")[0] for note in answer.notes] == [
        "1 older run of the same parameters and data left out",
        "these runs come from 2 different states of the code",
        "these runs come from 2 different sets of library versions",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the runs to compare by their ids, or a notebook"),
        (["abcd", "--notebook", "recipe_report"], "name the runs to compare by their ids, or a notebook"),
        (["--notebook", "recipe_reprt"], "Did you mean 'recipe_report'"),
        (["--notebook", "recipe_report", "--dataset", "moon"], "no run of recipe_report on moon"),
        (["--notebook", "recipe_report", "--by", "recipee"], "unknown parameter 'recipee'"),
        (["--notebook", "recipe_report", "--record", "scor"], "unknown record 'scor'. Did you mean 'score'"),
        (["zzzz"], "no run 'zzzz'"),
    ],
)
def test_mistakes_are_one_line(folder, capsys, arguments, message):
    three_seeds(folder, "a", [0.5, 0.6, 0.7])
    assert cli.main(["runs", "compare", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_runs_of_different_notebooks_are_not_compared(folder):
    stored(folder, "a", {"score": 0.1})
    stored(folder, "b", {"score": 0.1}, notebook="notebooks/other.ipynb")
    history = runs.load()
    with pytest.raises(InputError, match="different notebooks record different things"):
        runs_compare.compare(history, list(history.runs.values()))


def test_compare_prints_the_leaderboard(folder, capsys):
    three_seeds(folder, "aws-sims", [0.30, 0.40, 0.20])
    three_seeds(folder, "aws-popularity-count", [0.10, 0.25, 0.10])
    assert cli.main(["runs", "compare", "--notebook", "recipe_report", "--by", "recipe"]) == 0
    out = capsys.readouterr().out
    assert out.index("aws-sims") < out.index("aws-popularity-count") and "-0.15" in out and "on each of the 3 seeds" in out


# ---------------------------------------------------------------- repeat, and the same bytes

MEASURE = """
from helpers import datasets, evaluation
score = evaluation.evaluate(datasets.load(DATASET), RECIPE, "temporal", SEED).metrics[evaluation.NDCG]
print(list(set("the quick brown fox jumps over the lazy dog".split())))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder of the reader's own data: 60 users, 40 items, 1,500 interactions."""
    folder = tmp_path_factory.mktemp("data") / "own-shop"
    folder.mkdir()
    rng = np.random.default_rng(0)
    columns = {"USER_ID": rng.integers(60, size=1500), "ITEM_ID": rng.integers(40, size=1500)}
    pd.DataFrame(columns | {"TIMESTAMP": np.arange(1500) * 3600 + 1_600_000_000}).to_csv(folder / "interactions.csv", index=False)
    return folder


def report_under(hash_seed: str, cwd: Path, path: Path, out: Path, dataset: str) -> tuple[bytes, str]:
    """Make a report from a working directory; return the bytes of its records, and what the notebook printed."""
    environment = os.environ | {"PYTHONPATH": str(notebooks.PROJECT), "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "helpers", "report", str(path), "--out", str(out), "-p", f"DATASET={dataset}"]
    subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True)
    cells = json.loads((out / path.name).read_text())["cells"]
    return (out / "records.json").read_bytes(), str([cell["outputs"] for cell in cells if "print" in "".join(cell["source"])])


def test_the_same_command_gives_the_same_bytes_from_anywhere_and_under_another_hash_seed(tmp_path, shop):
    """The notebook prints a set as well: its order shows that the hash seed has reached the kernel."""
    parameters = "SEED = 0  # draws\nDATASET = 'gift-shop'  # data\nRECIPE = 'aws-similar-items'  # recipe"
    cells = ["# 99 Measure", "from helpers.report import record", (parameters, ["parameters"]), MEASURE, "record(score=score)"]
    path = write_notebook(tmp_path / "99_measure.ipynb", cells)
    first, order = report_under("1", shop.parent, path, tmp_path / "a", "own-shop")
    again, other_order = report_under("2", shop, path, tmp_path / "b", ".")
    assert 0 < json.loads(first)["records"]["score"] < 1 and order != other_order
    assert again == first


def test_repeat_says_that_the_numbers_agree_or_which_do_not(tmp_path, folder, capsys, monkeypatch):
    path = tiny(tmp_path / "99_tiny.ipynb")
    made = report.run(path, SEED=3)
    (run_id,) = runs.load().runs
    assert cli.main(["runs", "repeat", run_id[:8], "--out", str(folder / "again")]) == 0
    assert "The numbers agree: all 2 records are the same" in capsys.readouterr().out
    assert (made.folder / "records.json").read_bytes() == (folder / "again" / "records.json").read_bytes()
    tiny(path, "total = SEED + 2 * RATE")
    monkeypatch.setattr("helpers.provenance.commit", lambda: "later")
    assert cli.main(["runs", "repeat", run_id[:8]]) == 1
    out = capsys.readouterr().out
    assert "total" in out and "+0.5" in out and "1 of 2 records differ" in out
    assert "note: notebook_sha256 was" in out and ", is later" in out


def test_repeat_refuses_what_cannot_be_repeated(folder, capsys):
    stored(folder, "a", {"x": 1}, notebook="notebooks/gone.ipynb")
    stored(folder, "b", {"x": 1}, RECIPES=3)
    for run_id in runs.load().runs:
        assert cli.main(["runs", "repeat", run_id]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_differences_name_what_is_missing_on_either_side():
    old = {"records": {"a": 1, "b": 0.5, "c": "x"}, "versions": {"numpy": "2.0"}, "commit": "a"}
    new = {"records": {"a": 1, "b": 0.25, "d": True}, "versions": {"numpy": "2.1"}, "commit": "a"}
    again = runs.Repeat(old, new, Path())
    assert again.different == {"b": (0.5, 0.25), "c": ("x", None), "d": (None, True)}
    assert again.causes == {"numpy": ("2.0", "2.1")}


def test_listing_nothing_is_no_fault(folder, capsys):
    assert cli.main(["runs", "list"]) == 0 and "0 runs" in capsys.readouterr().out
    assert cli.main(["runs"]) == 0 and "repeat" in capsys.readouterr().out
