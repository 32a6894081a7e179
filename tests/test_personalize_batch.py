"""Batch jobs through boto3: lines in, lines out, errors that stay on their line; and waiting for a resource."""

import json
import logging

import pytest
from botocore.exceptions import ClientError
from personalize_lab import FAKES, ROLE, interactions, open_lab

from helpers import personalize, recipes
from helpers.errors import InputError


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    recipes.REGISTRY.update(FAKES)
    lab = open_lab(tmp_path_factory.mktemp("batch") / "home").shop()
    lab.versions = {
        name: lab.version(recipe, name)
        for name, recipe in (
            ("newest", "local-newest-first"),
            ("sims", "aws-sims"),
            ("ranking", "local-newest-ranking"),
            ("segments", "aws-item-affinity"),
            ("attributes", "aws-item-attribute-affinity"),
        )
    }
    yield lab
    lab.service.close()
    for name in FAKES:
        del recipes.REGISTRY[name]


@pytest.fixture(autouse=True)
def no_fault_of_the_program(caplog):
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR], "the service logged a traceback"


def run(lab, name, lines, version, kind="inference", **more):
    """Run a job and return its lines by input."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    where = {
        "jobInput": {"s3DataSource": {"path": lab.write(f"{name}/in.json", text)}},
        "jobOutput": {"s3DataDestination": {"path": f"s3://bucket/{name}/out/"}},
    }
    create = getattr(lab.control, f"create_batch_{kind}_job")
    answer = create(jobName=name, solutionVersionArn=lab.versions[version], roleArn=ROLE, **where, **more)
    job = lab.done(f"batch_{kind}_job", answer[f"batch{kind.title()}JobArn"])
    assert job["status"] == "ACTIVE", job
    return [json.loads(line) for line in (lab.bucket / name / "out" / "in.json.out").read_text().splitlines()]


def test_recommendations_for_users_know_the_training_and_not_what_was_streamed_since(lab):
    lab.send(lab.tracker(), "u1", "i39")
    lines = run(lab, "users", [{"userId": "u1"}, {"userId": "nobody"}], "newest", numResults=4)
    newest = interactions().query("USER_ID == 'u1'")["ITEM_ID"].iloc[-1]
    first, second = lines
    assert set(first) == {"input", "output", "error"} and first["error"] is None and first["input"] == {"userId": "u1"}
    assert first["output"]["recommendedItems"][0] == newest != "i39"
    assert len(first["output"]["scores"]) == len(second["output"]["recommendedItems"]) == 4


def test_related_items_have_no_scores(lab):
    (line,) = run(lab, "related", [{"itemId": "i00"}], "sims")
    assert set(line["output"]) == {"recommendedItems"} and len(line["output"]["recommendedItems"]) == 25


def test_rankings(lab):
    (line,) = run(lab, "ranked", [{"userId": "nobody", "itemList": ["x", "i05", "i00"]}], "ranking")
    assert line["output"]["recommendedItems"] == ["i00", "i05", "x"] and len(line["output"]["scores"]) == 2


def test_a_faulty_line_carries_its_error_and_harms_no_other(lab):
    lines = run(lab, "faults", ["{", "[]", {"user": "u1"}, "", {"userId": 3}, {"userId": "u1"}], "newest")
    assert [line["error"] is None for line in lines] == [False, False, False, False, True]
    assert lines[0] == {"input": "{", "output": None, "error": "the line is not a JSON object"}
    assert "userId is missing" in lines[2]["error"]


def test_filters_take_their_values_from_the_line(lab):
    tea = lab.filter("batch-tea", "INCLUDE ItemID WHERE Items.GENRE IN ($G)")
    lines = run(lab, "filtered", [{"userId": "u1", "filterValues": {"G": '"cup"'}}, {"userId": "u1"}], "newest", filterArn=tea)
    assert all(int(i[1:]) % 2 or int(i[1:]) % 5 == 0 for i in lines[0]["output"]["recommendedItems"])
    assert lines[1]["output"] is None and "needs a value for $G" in lines[1]["error"]


def trained(lab, name):
    """Return the model of a solution version, read from its folder."""
    version = lab.service.resources.get(lab.versions[name])
    return recipes.load(lab.service.trainings.folder(version) / "trained" / "model")


def best_users(model, query, k):
    return model.user_ids.names(model.segment([query], k)[0][0]).tolist()


def test_a_segment_of_an_item_is_what_the_model_says(lab):
    lines = run(
        lab, "segments", [{"itemId": "i00"}, {"itemId": "x"}, {"itemId": "i07"}, "{"], "segments", "segment", numResults=3
    )
    model = trained(lab, "segments")
    for line, item in ((lines[0], "i00"), (lines[2], "i07")):
        assert line == {
            "input": {"itemId": item},
            "output": {"usersList": best_users(model, model.item_ids.codes([item])[0], 3)},
            "error": None,
        }
    assert lines[0]["output"] != lines[2]["output"]
    assert lines[1]["output"] is None and "not in the data" in lines[1]["error"]
    assert lines[3]["input"] == "{" and "not JSON" in lines[3]["error"]


def test_a_segment_of_attributes_is_what_the_model_says(lab):
    query = 'ITEMS.GENRE = "tea" AND ITEMS.PRICE = 2'
    queries = [{"itemAttributes": query}, {"itemAttributes": 'ITEMS.GENRE = "wine"'}, {"itemId": "i00"}]
    lines = run(lab, "attributes", queries, "attributes", "segment", numResults=4)
    assert lines[0]["output"] == {"usersList": best_users(trained(lab, "attributes"), query, 4)}
    assert [line["error"] is None for line in lines] == [True, False, False]
    assert "wine" in lines[1]["error"] and "itemAttributes" in lines[2]["error"]


def test_a_filter_narrows_segments_by_the_values_of_each_line(lab):
    land = lab.filter("batch-land", "INCLUDE UserID WHERE Users.LAND IN ($LAND)")
    queries = [{"itemId": "i00", "filterValues": {"LAND": name}} for name in ('"KR"', '"DE"')] + [{"itemId": "i00"}]
    lines = run(lab, "lands", queries, "segments", "segment", numResults=30, filterArn=land)
    model = trained(lab, "segments")
    everybody = best_users(model, model.item_ids.codes(["i00"])[0], 60)
    for rest, line in enumerate(lines[:2]):
        assert line["output"]["usersList"] == [user for user in everybody if int(user[1:]) % 3 == rest], "the order stays"
    assert lines[2]["output"] is None and "needs a value for $LAND" in lines[2]["error"]


def test_more_queries_than_the_service_takes_fail_the_job(lab):
    text = "\n".join([json.dumps({"itemAttributes": 'ITEMS.GENRE = "tea"'})] * 11)
    where = {
        "jobInput": {"s3DataSource": {"path": lab.write("many/in.json", text)}},
        "jobOutput": {"s3DataDestination": {"path": "s3://bucket/many/out/"}},
    }
    job = lab.control.create_batch_segment_job(
        jobName="many", solutionVersionArn=lab.versions["attributes"], roleArn=ROLE, **where
    )
    failed = lab.done("batch_segment_job", job["batchSegmentJobArn"])
    assert failed["status"] == "CREATE FAILED" and "at most 10" in failed["failureReason"]


def test_jobs_that_cannot_be(lab):
    for version, kind, source, target, words in (
        ("segments", "inference", "s3://bucket/a", "s3://bucket/b/", "needs a batch segment job"),
        ("sims", "segment", "s3://bucket/a", "s3://bucket/b/", "needs a version of a USER_SEGMENTATION recipe"),
        ("sims", "inference", "https://x/a", "s3://bucket/b/", "Invalid S3 input path"),
        ("sims", "inference", "s3://bucket/a", "s3://bucket/b", "Invalid S3 output path"),
    ):
        create = getattr(lab.control, f"create_batch_{kind}_job")
        where = {
            "jobInput": {"s3DataSource": {"path": source}},
            "jobOutput": {"s3DataDestination": {"path": target}},
        }
        with pytest.raises(ClientError, match=words):
            create(jobName="never", solutionVersionArn=lab.versions[version], roleArn=ROLE, **where)
    with pytest.raises(ClientError, match="cannot be deployed"):
        lab.control.create_campaign(name="never", solutionVersionArn=lab.versions["segments"])


def test_wait_returns_what_is_ready_and_raises_what_failed(lab):
    version = lab.versions["sims"]
    assert personalize.wait(version, lab.control, show=False)["status"] == "ACTIVE"
    where = {"dataSource": {"dataLocation": "s3://bucket/absent"}, "roleArn": ROLE}
    arn = lab.control.create_dataset_import_job(jobName="absent", datasetArn=lab.dataset("Items"), **where)["datasetImportJobArn"]
    with pytest.raises(InputError, match="is CREATE FAILED: Insufficient privileges"):
        personalize.wait(arn, lab.control, show=False)
