"""``python -m helpers tune``: what it prints, the file it writes, and mistakes in one line."""

import json

import pytest
from own_shop import own_shop

from helpers import __main__ as cli
from helpers import datasets, tuning


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder of the reader's own data: 80 users, 40 items, 2,000 interactions."""
    return str(own_shop(tmp_path_factory.mktemp("data"), users=80, events=2000, pause=60))


def tune(*arguments: str) -> int:
    return cli.main(["tune", *arguments])


def test_it_prints_the_trials_the_values_and_the_comparison_and_writes_all_of_it(shop, tmp_path, capsys):
    file = tmp_path / "out.json"
    given = ("--trials", "8", "--seed", "3", "-p", "min_cointeraction_count=2", "--study", str(tmp_path / "study"))
    assert tune("--dataset", shop, "--recipe", "aws-sims", *given, "--json", str(file)) == 0
    own = tuning.search(
        datasets.load(shop), "aws-sims", trials=8, seed=3, fixed={"min_cointeraction_count": 2}, storage=tmp_path / "study"
    )
    out, made = capsys.readouterr().out, json.loads(file.read_text(encoding="utf-8"))
    assert made["algorithmHyperParameters"] == own.algorithm_hyperparameters
    assert made["fixed"] == {"min_cointeraction_count": 2} and made["seed"] == 3 and made["folds"] == 3
    assert [trial["trial"] for trial in made["trials"]] == list(range(1, 9))
    assert made["test"]["tuned"]["metrics"] == dict(own.improvement().tuned.metrics)
    assert made["test"]["difference"].keys() == {"mean", "low", "high"} and 0 < made["test"]["p_value"] <= 1
    best = own.algorithm_hyperparameters["popularity_discount_factor"]
    for words in ("8 trials", f"-p popularity_discount_factor={best}", "what mattered", "untouched test users", "by default"):
        assert words in out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--recipe", "aws-popularity-count"), "aws-popularity-count has no tunable hyperparameter"),
        (("--recipe", "sims"), "unknown recipe 'sims'. Did you mean 'aws-sims'"),
        (("--recipe", "aws-sims", "--trials", "0"), "trials = 0"),
        (("--recipe", "aws-sims", "--trials", "many"), "Invalid value for '--trials'"),
        (("--recipe", "aws-sims", "--metric", "ndcg"), "unknown metric 'ndcg'"),
        (("--recipe", "aws-sims", "-p", "epochs=3"), "unknown hyperparameter of aws-sims 'epochs'"),
        (("--recipe", "aws-sims", "--json", "nowhere/out.json"), "--json nowhere/out.json: name a file in an existing folder"),
    ],
)
def test_mistakes_are_one_line_before_the_data_are_read(given, words, capsys, monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda *_: pytest.fail("data were read"))
    assert tune("--dataset", "no-such-data", *given) == 2
    fault = capsys.readouterr().err
    assert words in fault and fault.count("\n") == 1 and fault.startswith("error: ")


def test_an_unfit_study_file_is_one_line_too(shop, tmp_path, capsys):
    for path, words in ((tmp_path / "nowhere" / "study", "existing folder"), (tmp_path, "existing folder")):
        assert tune("--dataset", shop, "--recipe", "aws-sims", "--study", str(path)) == 2
        fault = capsys.readouterr().err
        assert words in fault and fault.count("\n") == 1
