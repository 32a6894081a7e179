"""Searches inside the service: hyperparameters of a recipe (HPO), a recipe among several (AutoML)."""

import pytest
from botocore.exceptions import ClientError
from personalize_lab import RECIPE, open_lab

from helpers.personalize.jobs import train_in_process

RANGES = {
    "integerHyperParameterRanges": [{"name": "min_cointeraction_count", "minValue": 1, "maxValue": 4}],
    "continuousHyperParameterRanges": [{"name": "popularity_discount_factor", "minValue": 0.0, "maxValue": 0.3}],
    "categoricalHyperParameterRanges": [],
}


@pytest.fixture
def lab(tmp_path):
    lab = open_lab(tmp_path / "home")
    yield lab.shop(["Interactions"])
    lab.service.close()


def search(lab, name="s", recipe="aws-sims", resources=None, ranges=RANGES, **config):
    hpo = {"hpoResourceConfig": resources or {"maxNumberOfTrainingJobs": "3", "maxParallelTrainingJobs": "1"}}
    hpo |= {"algorithmHyperParameterRanges": ranges} if ranges else {}
    return lab.version(recipe, name, performHPO=True, solutionConfig={"hpoConfig": hpo} | config)


def described(lab, version):
    return lab.control.describe_solution_version(solutionVersionArn=version)["solutionVersion"]


def test_a_search_shows_what_it_found_and_trains_with_it(lab):
    version = search(lab, algorithmHyperParameters={"popularity_discount_factor": "0.9", "session_gap_minutes": "5"})
    found = described(lab, version)
    tuned = found["tunedHPOParams"]["algorithmHyperParameters"]
    assert tuned.keys() == {"min_cointeraction_count", "popularity_discount_factor"}
    assert 1 <= int(tuned["min_cointeraction_count"]) <= 4 and 0 <= float(tuned["popularity_discount_factor"]) <= 0.3
    assert found["performHPO"] is True
    model = lab.service.answering.deploy(lab.service.resources.get(version)).model
    trained = model.recipe.hyperparameters
    assert trained["min_cointeraction_count"] == int(tuned["min_cointeraction_count"])
    assert trained["session_gap_minutes"] == 5  # held, since it has no range
    again = search(lab, "again", algorithmHyperParameters={"session_gap_minutes": "5"})
    assert described(lab, again)["tunedHPOParams"] == found["tunedHPOParams"]  # the same seed, the same search


def test_several_workers_in_a_training_process(lab, monkeypatch):
    monkeypatch.setattr(lab.service.trainings, "_train", train_in_process)
    version = search(lab, resources={"maxNumberOfTrainingJobs": "4", "maxParallelTrainingJobs": "2"})
    assert described(lab, version)["tunedHPOParams"]["algorithmHyperParameters"]


@pytest.mark.parametrize(
    ("config", "about"),
    [
        ({"hpoResourceConfig": {"maxNumberOfTrainingJobs": "41"}}, "1 to 40"),
        ({"hpoResourceConfig": {"maxParallelTrainingJobs": "many"}}, "1 to 10"),
        ({"hpoObjective": {"metricName": "precision_at_5"}}, "cannot be configured"),
        ({"algorithmHyperParameterRanges": {**RANGES, "integerHyperParameterRanges": [
            {"name": "min_cointeraction_count", "minValue": 1, "maxValue": 40}]}}, "not allowed"),
        ({"algorithmHyperParameterRanges": {**RANGES, "integerHyperParameterRanges": [
            {"name": "bptt", "minValue": 1, "maxValue": 4}]}}, "bptt"),
    ],
)  # fmt: skip
def test_a_wrong_search_is_refused_before_anything_is_trained(lab, config, about):
    with pytest.raises(ClientError, match=about):
        lab.control.create_solution(name="s", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-sims", performHPO=True,
                                    solutionConfig={"hpoConfig": config})  # fmt: skip


def test_a_recipe_with_nothing_to_search(lab):
    with pytest.raises(ClientError, match="nothing to search"):
        lab.control.create_solution(
            name="s", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-popularity-count", performHPO=True
        )


def test_auto_ml_chooses_a_recipe_and_says_which(lab):
    c = lab.control
    names = ["aws-hrnn", "local-content-based"]
    config = {"autoMLConfig": {"metricName": "precision_at_5", "recipeList": [RECIPE + name for name in names]}}
    arn = c.create_solution(name="auto", datasetGroupArn=lab.group, performAutoML=True, solutionConfig=config)["solutionArn"]
    version = lab.done("solution_version", c.create_solution_version(solutionArn=arn)["solutionVersionArn"])
    assert version["status"] == "ACTIVE", version.get("failureReason")
    best = c.describe_solution(solutionArn=arn)["solution"]["autoMLResult"]["bestRecipeArn"]
    assert best == version["recipeArn"] == RECIPE + "aws-hrnn"  # the other needs item data, which are not there
    campaign = c.create_campaign(name="c", solutionVersionArn=version["solutionVersionArn"])["campaignArn"]
    assert lab.done("campaign", campaign)["status"] == "ACTIVE"
    with pytest.raises(ClientError, match="exclude each other"):
        c.create_solution(name="b", datasetGroupArn=lab.group, performAutoML=True, performHPO=True)
    with pytest.raises(ClientError, match="metricName"):
        wrong = {"autoMLConfig": {"metricName": "precision"}}
        c.create_solution(name="b", datasetGroupArn=lab.group, performAutoML=True, solutionConfig=wrong)
