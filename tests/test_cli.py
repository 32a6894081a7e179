"""The command line: its contract, one line and exit code 2 for a mistake, and files that are whole or not there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from own_shop import own_shop
from tiny_notebooks import tiny

from helpers import __main__ as cli
from helpers import console, course, datasets, evaluation, notebooks, recipes
from helpers.notebooks import NotebookFailed

CONTRACT = [
    *("dataset", "recipe", "split", "seed", "hyperparameters", "metrics", "test_users", "items"),
    *("train_seconds", "score_seconds", "peak_mb", "versions", "data_sha256"),
]
POPULAR, SIMS = "aws-popularity-count", "aws-sims"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder of the reader's own data: 60 users, 40 items, 1,500 interactions."""
    return str(own_shop(tmp_path_factory.mktemp("data")))


def evaluate(*arguments: str) -> int:
    return cli.main(["evaluate", *arguments])


# ---------------------------------------------------------------- evaluate


def test_evaluate_writes_the_records_of_the_contract_and_prints_a_table(shop, tmp_path, capsys):
    file = tmp_path / "out.json"
    assert evaluate("--dataset", shop, "--recipe", POPULAR, "--seed", "1", "--seed", "2", "--json", str(file)) == 0
    records = json.loads(file.read_text(encoding="utf-8"))
    assert [list(record) for record in records] == [CONTRACT, CONTRACT]
    assert [record["seed"] for record in records] == [1, 2]
    assert records[0]["dataset"] == "own-shop" and records[0]["split"] == "personalize" and records[0]["items"] == 40
    metrics = records[0]["metrics"]
    for key in ("precision_at_5", "mean_reciprocal_rank_at_25", "normalized_discounted_cumulative_gain_at_25", "coverage"):
        assert 0 <= metrics[key] <= 1
    assert "normalized_discounted_cumulative_gain_at_25_aws" in metrics
    out = capsys.readouterr().out
    assert out.count(POPULAR) == 2 and f"{metrics['precision_at_5']:.4f}" in out
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.json"]


def test_evaluate_measures_what_the_library_measures(shop, tmp_path):
    file = tmp_path / "out.json"
    options = ("--split", "temporal", "--exclude-seen", "--shuffle-ties", "--seed", "3")
    assert evaluate("--dataset", shop, "--recipe", SIMS, *options, "--json", str(file)) == 0
    (record,) = json.loads(file.read_text())
    own = evaluation.evaluate(datasets.load(shop), SIMS, "temporal", 3, exclude_seen=True, shuffle_ties=True)
    assert record["metrics"] == dict(own.metrics) and record["exclude_seen"] and record["shuffle_ties"]


def test_several_recipes_run_on_the_same_seeds(shop, tmp_path):
    file = tmp_path / "out.json"
    assert (
        evaluate("--dataset", shop, "--recipe", POPULAR, "--recipe", SIMS, "--seed", "0", "--seed", "1", "--json", str(file)) == 0
    )
    made = [(record["recipe"], record["seed"]) for record in json.loads(file.read_text())]
    assert made == [(POPULAR, 0), (POPULAR, 1), (SIMS, 0), (SIMS, 1)]


def test_hyperparameters_reach_only_the_recipes_that_have_them(shop, tmp_path):
    file = tmp_path / "out.json"
    given = ("-p", "popularity_discount_factor=0.25")
    assert evaluate("--dataset", shop, "--recipe", POPULAR, "--recipe", SIMS, *given, "--json", str(file)) == 0
    popular, sims = json.loads(file.read_text())
    assert popular["hyperparameters"] == {} and sims["hyperparameters"]["popularity_discount_factor"] == 0.25
    assert recipes.create(SIMS).hyperparameters["popularity_discount_factor"] != 0.25


MISTAKES = [
    (["evaluate", "--dataset", "SHOP", "--recipe", "aws-simms"], "unknown recipe 'aws-simms'. Did you mean 'aws-sims'"),
    (["evaluate", "--dataset", "gift-shopp", "--recipe", POPULAR], "unknown data set 'gift-shopp'. Did you mean 'gift-shop'"),
    (["evaluate", "--dataset", "SHOP", "--recipe", POPULAR, "--split", "temporary"], "Did you mean 'temporal'"),
    (["evaluate", "--dataset", "SHOP", "--recipe", POPULAR, "-p", "popularity"], "write it as -p key=value"),
    (["evaluate", "--dataset", "SHOP", "--recipe", POPULAR, "-p", "=1"], "write it as -p key=value"),
    (["evaluate", "--dataset", "SHOP", "--recipe", SIMS, "-p", "a=1", "-p", "a=2"], "-p a is given twice"),
    (
        ["evaluate", "--dataset", "SHOP", "--recipe", SIMS, "-p", "popularity_discount=1"],
        "Did you mean 'popularity_discount_factor'",
    ),
    (["evaluate", "--dataset", "SHOP", "--recipe", POPULAR, "-p", "popularity_discount_factor=1"], "unknown hyperparameter"),
    (["evaluate", "--dataset", "SHOP", "--recipe", SIMS, "-p", "popularity_discount_factor=2"], "not allowed"),
    (["evaluate", "--dataset", "SHOP", "--recipe", SIMS, "-p", "popularity_discount_factor=x"], "is not a number"),
    (["evaluate", "--dataset", "SHOP", "--recipe", SIMS, "--recipe", SIMS], "names a recipe twice"),
    (["evaluate", "--dataset", "SHOP", "--recipe", SIMS, "--seed", "-1"], "seed -1"),
    (["evaluate", "--dataset", "SHOP", "--recipe", SIMS, "--seed", "x"], "--seed"),
    (["evaluate", "--dataset", "SHOP", "--recipe", SIMS, "--json", "no/such/folder.json"], "existing folder"),
    (["evaluate", "--dataset", "SHOP"], "--recipe"),
    (["evaluate", "--dateset", "SHOP"], "--dateset"),
    (["data", "describe", "nothing-here"], "unknown data set"),
    (["data", "describe", "gift-shop", "--recipe", "aws-sims"], "add --measure"),
    (["data", "describe", "gift-shop", "--measure", "--recipe", "aws-sim"], "unknown recipe"),
    (["data", "fetch", "nothing-here"], "unknown data set"),
    (["data", "lst"], "lst"),
    (["report", "recipe_reprt"], "unknown notebook"),
    (["report", ""], "which notebook"),
    (["outputs", "no_such_notebook"], "unknown notebook"),
    (["course", "--dataset", "nothing-here"], "unknown data set"),
    (["corse"], "corse"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(arguments)[-48:] for arguments, _ in MISTAKES])
def test_a_mistake_is_one_line_on_the_error_stream_and_exit_code_2(shop, capsys, arguments, message):
    assert cli.main([shop if argument == "SHOP" else argument for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err
    assert err.startswith("error: ") and err.count("\n") == 1 and "Traceback" not in err


def test_a_data_set_below_the_minimum_is_a_mistake_too(tmp_path, capsys):
    pd.DataFrame({"USER_ID": ["a", "a"], "ITEM_ID": ["x", "y"], "TIMESTAMP": [1_600_000_000] * 2}).to_csv(
        tmp_path / "interactions.csv", index=False
    )
    assert evaluate("--dataset", str(tmp_path), "--recipe", POPULAR) == 2
    assert "at least 1000" in capsys.readouterr().err


def test_rows_that_were_not_used_are_told(shop, tmp_path, capsys):
    lines = (Path(shop) / "interactions.csv").read_text().splitlines()
    lines[4] = "u1,i1,yesterday"
    (tmp_path / "interactions.csv").write_text("\n".join([*lines, lines[1], lines[2]]))
    assert evaluate("--dataset", str(tmp_path), "--recipe", POPULAR) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"note: {tmp_path}/interactions.csv: 1 of 1,502 rows dropped: TIMESTAMP is no long (first: 'yesterday'), line 5",
        f"note: {tmp_path}/interactions.csv: 2 of 1,502 rows dropped: exact repeat of an earlier interaction, lines 1502, 1503",
    ]


def test_a_failed_evaluation_leaves_the_old_file_alone(shop, tmp_path, monkeypatch, capsys):
    file = tmp_path / "out.json"
    file.write_text("old")
    monkeypatch.setattr(evaluation, "evaluate", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    assert evaluate("--dataset", shop, "--recipe", POPULAR, "--json", str(file)) == 130
    assert capsys.readouterr().err.startswith("error: interrupted; ")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("out.json", "old")]


def test_json_is_written_aside_then_renamed(tmp_path, monkeypatch):
    file = tmp_path / "out.json"
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        console.write_json(file, [])
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- the other commands


def test_no_command_and_help_list_the_commands(capsys):
    for arguments in ([], ["--help"]):
        assert cli.main(arguments) == 0
        out = capsys.readouterr().out
        assert all(name in out for name in ("evaluate", "report", "course", "outputs", "data"))


def test_data_list_names_every_data_set(capsys):
    assert cli.main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("gift-shop", "glue-sample", "online-retail", "movielens-small"))


def test_data_describe_prints_the_diagnosis(shop, capsys):
    assert cli.main(["data", "describe", shop]) == 0
    assert "1,500" in capsys.readouterr().out


def test_data_describe_ends_with_the_fit_check(shop, capsys):
    assert cli.main(["data", "describe", shop]) == 0
    out = capsys.readouterr().out
    assert "visits by known users" in out and "Measure it" in out and "Does it beat a rule?" not in out
    assert cli.main(["data", "describe", shop, "--measure", "--recipe", "aws-popularity-count"]) == 0
    out = capsys.readouterr().out
    assert "Does it beat a rule?" in out and "quick blend" in out and "Measure it" not in out


def test_data_describe_says_why_it_cannot_measure(tmp_path, capsys):
    (tmp_path / "interactions.csv").write_text("USER_ID,ITEM_ID,TIMESTAMP\nu,a,1\nu,b,2\n")
    assert cli.main(["data", "describe", str(tmp_path), "--measure"]) == 0
    out = capsys.readouterr().out
    assert "Not measured:" in out and "needs at least 1000" in out and "Not yet: too little to learn from" in out


def test_report_types_its_parameters_and_says_where_it_is(tmp_path, capsys, monkeypatch):
    path = tiny(tmp_path / "99_tiny.ipynb")
    assert cli.main(["report", str(path), "-p", "SEED=4", "-p", "NAME=7", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "total = 4.5" in out and "name = 7" in out and "99_tiny.html" in out
    assert json.loads((tmp_path / "out" / "records.json").read_text())["parameters"]["NAME"] == "7"


@pytest.mark.parametrize("wrong", ["SEDE=1", "SEED=x", "FLAG=maybe"])
def test_report_refuses_wrong_parameters(tmp_path, capsys, wrong):
    path = tiny(tmp_path / "99_tiny.ipynb")
    assert cli.main(["report", str(path), "-p", wrong, "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_notebook_that_fails_is_exit_code_1(tmp_path, capsys, monkeypatch):
    def fail(*_, **__):
        raise NotebookFailed("99_tiny.ipynb, cell 3: ZeroDivisionError: division by zero")

    from helpers import report

    monkeypatch.setattr(report, "run", fail)
    assert cli.main(["report", str(tiny(tmp_path / "99_tiny.ipynb"))]) == 1
    assert capsys.readouterr().err == "error: 99_tiny.ipynb, cell 3: ZeroDivisionError: division by zero\n"


@pytest.mark.parametrize(("error", "code"), [("", 0), ("leaderboard failed", 1)])
def test_course_and_outputs_turn_failures_into_exit_code_1(monkeypatch, error, code):
    monkeypatch.setattr(course, "run", lambda dataset, say: course.Course(Path(), [], error))
    monkeypatch.setattr(course, "refresh_outputs", lambda paths, say: [error] if error else [])
    assert cli.main(["course"]) == cli.main(["outputs"]) == code


def test_a_fault_of_the_program_is_not_hidden(monkeypatch, shop):
    monkeypatch.setattr(evaluation, "evaluate", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate("--dataset", shop, "--recipe", POPULAR)


def test_it_runs_as_a_module_from_any_folder(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(notebooks.PROJECT)}
    command = [sys.executable, "-m", "helpers", "evaluate", "--dataset", "nope", "--recipe", POPULAR]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
