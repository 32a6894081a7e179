"""User-Personalization in the service: exploration in campaigns and batch jobs, impressions, trainingMode UPDATE, metrics."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from botocore.exceptions import ClientError
from personalize_lab import ROLE, SCHEMAS, interactions, items, open_lab, schema

from helpers import recipes

SMALL = {"hidden_dimension": "32", "epochs": "1"}
NEWEST = int(interactions()["TIMESTAMP"].max())


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A shop in which i38 and i39 have just appeared: nobody has taken i39, and all other items are old."""
    lab = open_lab(tmp_path_factory.mktemp("exploration") / "home").shop(kinds=("Interactions",))
    fields = [*SCHEMAS["Items"], {"name": "CREATION_TIMESTAMP", "type": "long"}]
    arn = lab.control.create_schema(name="Items", schema=schema("Items", fields))["schemaArn"]
    lab.control.create_dataset(name="Items", schemaArn=arn, datasetGroupArn=lab.group, datasetType="Items")
    born = [NEWEST - 3600 if item >= "i38" else NEWEST - 400 * 86400 for item in items()["ITEM_ID"]]
    assert lab.load("Items", items().assign(CREATION_TIMESTAMP=born))["status"] == "ACTIVE"
    config = {"algorithmHyperParameters": SMALL}
    lab.plain = lab.campaign("aws-user-personalization", "plain", explore(0), solutionConfig=config)
    version = lab.control.describe_campaign(campaignArn=lab.plain)["campaign"]["solutionVersionArn"]
    lab.full, lab.bold = version, deploy(lab, "bold", version, explore(1))
    lab.old = deploy(lab, "old", version, explore(1, 0.0001))
    lab.tracking = lab.tracker()
    yield lab
    lab.service.close()


def explore(weight, days=None):
    cut_off = {} if days is None else {"explorationItemAgeCutOff": str(days)}
    return {"itemExplorationConfig": {"explorationWeight": str(weight)} | cut_off}


def deploy(lab, name, version, config):
    arn = lab.control.create_campaign(name=name, solutionVersionArn=version, campaignConfig=config)["campaignArn"]
    assert lab.done("campaign", arn)["status"] == "ACTIVE"
    return arn


def times_shown(lab, campaign, item, n=60):
    lists = [lab.recommend(campaign, userId="u1", numResults=5) for _ in range(n)]
    return Counter(name for names in lists for name in names)[item]


def test_without_exploration_the_answer_is_what_the_model_recommends(lab):
    model, deployment = lab.service.answering._deployments[lab.plain].model, lab.service.answering._deployments[lab.plain]
    codes, scores = model.recommend(deployment.histories(["u1"], None), 5)
    for _ in range(2):
        answer = lab.runtime.get_recommendations(campaignArn=lab.plain, userId="u1", numResults=5)["itemList"]
        assert [row["itemId"] for row in answer] == model.item_ids.names(codes[0]).tolist()
        assert [row["score"] for row in answer] == [round(float(score), 7) for score in scores[0]]


def test_exploration_shows_new_items_now_and_then_and_old_ones_never_more(lab):
    assert times_shown(lab, lab.plain, "i39") == 0
    assert 0 < times_shown(lab, lab.bold, "i39") < 60
    assert times_shown(lab, lab.old, "i39") == 0, "i39 is older than the cut-off of nine seconds"


def test_a_user_gets_another_list_with_each_request_and_a_restart_begins_anew(lab):
    deployment = lab.service.answering._deployments[lab.bold]
    first = [lab.recommend(lab.bold, userId="u7", numResults=5) for _ in range(20)]
    assert len(set(map(tuple, first))) > 1
    assert deployment.next_request("u7") == 20 and deployment.next_request("u8") == 0
    del lab.service.answering._deployments[lab.bold]
    assert [lab.recommend(lab.bold, userId="u7", numResults=5) for _ in range(20)] == first


def test_batch_jobs_explore_by_their_own_configuration(lab):
    found = {}
    for name, weight in (("careful", 0), ("curious", 1)):
        text = "\n".join(json.dumps({"userId": f"u{i}"}) for i in range(60))
        job = lab.control.create_batch_inference_job(
            jobName=name,
            solutionVersionArn=lab.full,
            roleArn=ROLE,
            numResults=5,
            jobInput={"s3DataSource": {"path": lab.write(f"{name}/in.json", text)}},
            jobOutput={"s3DataDestination": {"path": f"s3://bucket/{name}/out/"}},
            batchInferenceJobConfig=explore(weight),
        )
        assert lab.done("batch_inference_job", job["batchInferenceJobArn"])["status"] == "ACTIVE"
        lines = map(json.loads, (lab.bucket / name / "out" / "in.json.out").read_text().splitlines())
        found[name] = [line["output"]["recommendedItems"] for line in lines]
    assert sum("i39" in row for row in found["careful"]) == 0 < sum("i39" in row for row in found["curious"])


def test_what_was_shown_often_is_explored_less(lab):
    before = times_shown(lab, lab.bold, "i39")
    for _ in range(20):
        lab.send(lab.tracking, "u50", "i00", impression=["i39", "i00", "not-in-the-catalogue"], sentAt=NEWEST)
    shown = lab.service.answering._deployments[lab.bold].shown(lab.service.groups.get(lab.group))
    assert shown[39] == shown[0] == 20 and shown.sum() == 40
    assert times_shown(lab, lab.bold, "i39") == 0 < before


def test_an_update_knows_new_items_keeps_the_network_and_the_metrics(lab):
    fresh = items().iloc[:1].assign(ITEM_ID="i40", CREATION_TIMESTAMP=NEWEST)
    assert lab.load("Items", pd.concat([items().assign(CREATION_TIMESTAMP=0), fresh]))["status"] == "ACTIVE"
    solution = lab.full.rsplit("/", 1)[0]
    arn = lab.control.create_solution_version(solutionArn=solution, trainingMode="UPDATE")["solutionVersionArn"]
    assert lab.done("solution_version", arn)["status"] == "ACTIVE"
    old, new = (
        recipes.load(lab.service.trainings.folder(lab.service.resources.get(version)) / "trained" / "model")
        for version in (lab.full, arn)
    )
    assert set(new.item_ids.ids) - set(old.item_ids.ids) == {"i40"}
    assert np.array_equal(old.arrays["blend"], new.arrays["blend"])
    rows = new.item_ids.codes(old.item_ids.ids)
    own = "items.own.weight"
    name = next(name for name in old.arrays if name.endswith(own))
    assert np.array_equal(old.arrays[name], new.arrays[name][rows]), "the network is not trained again"
    measured = [lab.control.get_solution_metrics(solutionVersionArn=version)["metrics"] for version in (lab.full, arn)]
    assert measured[0] == measured[1] and measured[0]["coverage"] > 0
    assert "i40" in lab.recommend(deploy(lab, "updated", arn, explore(0)), userId="u1", numResults=500)


def test_only_user_personalization_can_be_updated(lab):
    solution = lab.version("aws-sims", "related").rsplit("/", 1)[0]
    with pytest.raises(ClientError, match="UPDATE needs aws-user-personalization"):
        lab.control.create_solution_version(solutionArn=solution, trainingMode="UPDATE")


def test_rankings_are_measured_as_lists_and_segments_as_segments(lab):
    config = {"algorithmHyperParameters": SMALL}
    for recipe, names, settings in (
        ("aws-personalized-ranking", {"precision_at_5", "normalized_discounted_cumulative_gain_at_25", "coverage"}, config),
        ("aws-item-affinity", {"hits_at_1_percent", "recall_at_1_percent", "coverage"}, {}),
        ("aws-item-attribute-affinity", {"hits_at_1_percent", "recall_at_1_percent", "coverage"}, {}),
    ):
        version = lab.version(recipe, recipe, solutionConfig=settings)
        measured = lab.control.get_solution_metrics(solutionVersionArn=version)["metrics"]
        assert names <= set(measured) and all(0 <= value <= 1 for value in measured.values())
