"""The life of resources through boto3: names, statuses, lists, pages, tags, what may be deleted when, what a kill leaves."""

import logging
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from botocore.exceptions import ClientError
from personalize_lab import FAKES, RECIPE, ROLE, interactions, open_lab, schema, users

from helpers import personalize, recipes
from helpers.errors import InputError
from helpers.personalize.domains import USE_CASES
from helpers.personalize.jobs import train_in_process


@pytest.fixture
def lab(tmp_path, monkeypatch):
    for name, entry in FAKES.items():
        monkeypatch.setitem(recipes.REGISTRY, name, entry)
    lab = open_lab(tmp_path / "home")
    yield lab
    lab.service.close()


@pytest.fixture(autouse=True)
def no_fault_of_the_program(caplog):
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR], "the service logged a traceback"


def code(call, **parameters) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return raised.value.response["Error"]["Code"]


def words(call, **parameters) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value)


def test_arns_and_first_statuses_are_the_services(lab):
    c = lab.control
    group = c.create_dataset_group(name="shop", domain="ECOMMERCE")
    assert group["datasetGroupArn"] == lab.group and group["domain"] == "ECOMMERCE"
    arn = c.create_schema(name="s", schema=schema("Items"))["schemaArn"]
    assert arn == "arn:aws:personalize:us-east-1:123456789012:schema/s"
    dataset = c.create_dataset(name="whatever", schemaArn=arn, datasetGroupArn=lab.group, datasetType="Items")["datasetArn"]
    assert dataset == "arn:aws:personalize:us-east-1:123456789012:dataset/shop/ITEMS"
    assert c.describe_dataset(datasetArn=dataset)["dataset"]["datasetType"] == "ITEMS"
    solution = c.create_solution(name="so", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-sims")["solutionArn"]
    assert c.describe_solution(solutionArn=solution)["solution"]["status"] == "ACTIVE"
    tracker = c.create_event_tracker(name="t", datasetGroupArn=lab.group)
    assert len(tracker["eventTrackerArn"].rsplit("/", 1)[1]) == 8 and len(tracker["trackingId"]) == 36
    assert code(c.create_event_tracker, name="t2", datasetGroupArn=lab.group) == "LimitExceededException"
    for call, parameters in (
        (c.create_dataset_group, {"name": "shop"}),
        (c.create_schema, {"name": "s", "schema": schema("Users")}),
    ):
        assert code(call, **parameters) == "ResourceAlreadyExistsException"


def test_lists_are_oldest_first_in_pages_and_narrowed(lab):
    c = lab.control
    for i in range(7):
        c.create_dataset_group(name=f"g{i}")
    names = [g["name"] for page in c.get_paginator("list_dataset_groups").paginate(PaginationConfig={"PageSize": 3})
             for g in page["datasetGroups"]]  # fmt: skip
    assert names == [f"g{i}" for i in range(7)]
    page = c.list_dataset_groups(maxResults=7)
    assert "nextToken" not in page and "domain" not in page["datasetGroups"][0]
    assert code(c.list_dataset_groups, nextToken="abc") == "InvalidNextTokenException"
    token = c.list_dataset_groups(maxResults=2)["nextToken"]
    assert code(c.list_schemas, nextToken=token) == "InvalidNextTokenException"
    c.create_dataset_group(name="shop")
    c.create_solution(name="so", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-sims")
    assert len(c.list_solutions(datasetGroupArn=lab.group)["solutions"]) == 1
    assert c.list_solutions(datasetGroupArn=lab.group + "0")["solutions"] == []
    assert (
        c.list_filters()["Filters"]
        == c.list_recommenders()["recommenders"]
        == c.list_data_deletion_jobs()["dataDeletionJobs"]
        == []
    )


def test_recipes_are_listed_and_described_from_the_registry(lab):
    c = lab.control
    names = [recipe["name"] for recipe in c.list_recipes()["recipes"]]
    assert names == sorted([*recipes.names(), *USE_CASES])
    shops = c.list_recipes(domain="ECOMMERCE")["recipes"]
    assert len(shops) == 5 and {recipe["domain"] for recipe in shops} == {"ECOMMERCE"}
    assert [r["name"] for page in c.get_paginator("list_recipes").paginate(PaginationConfig={"PageSize": 2})
            for r in page["recipes"]] == names  # fmt: skip
    recipe = c.describe_recipe(recipeArn=RECIPE + "aws-sims")["recipe"]
    assert recipe["recipeType"] == "RELATED_ITEMS" and recipe["status"] == "ACTIVE"
    algorithm = c.describe_algorithm(algorithmArn=recipe["algorithmArn"])["algorithm"]
    assert algorithm["defaultHyperParameters"]["popularity_discount_factor"] == "0.5"
    ranges = algorithm["defaultHyperParameterRanges"]["integerHyperParameterRanges"]
    assert {"name": "min_cointeraction_count", "minValue": 0, "maxValue": 10, "isTunable": True} in ranges
    assert c.describe_feature_transformation(featureTransformationArn=recipe["featureTransformationArn"])
    assert code(c.describe_recipe, recipeArn=RECIPE + "aws-none") == "ResourceNotFoundException"


def test_tags(lab):
    arn = lab.control.create_dataset_group(name="shop", tags=[{"tagKey": "team", "tagValue": "a b"}])["datasetGroupArn"]
    lab.control.tag_resource(resourceArn=arn, tags=[{"tagKey": "x", "tagValue": "1"}, {"tagKey": "team", "tagValue": "c"}])
    tags = {t["tagKey"]: t["tagValue"] for t in lab.control.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert tags == {"team": "c", "x": "1"}
    lab.control.untag_resource(resourceArn=arn, tagKeys=["x", "absent"])
    assert len(lab.control.list_tags_for_resource(resourceArn=arn)["tags"]) == 1
    many = [{"tagKey": f"k{i}", "tagValue": ""} for i in range(51)]
    assert code(lab.control.tag_resource, resourceArn=arn, tags=many) == "TooManyTagsException"
    assert code(lab.control.list_tags_for_resource, resourceArn=arn + "x") == "ResourceNotFoundException"


def test_what_is_created_is_checked(lab):
    c = lab.shop(["Interactions"]).control
    for wrong, about in (("{", "not valid JSON"), (schema("Shoes", [{"name": "ITEM_ID", "type": "string"}]), "must be one of")):
        assert about in words(c.create_schema, name="w", schema=wrong)
    assert "needs the fields PRICE" in words(c.create_schema, name="w", schema=schema("Users").replace("Users", "Items")
                                             .replace("USER_ID", "ITEM_ID"), domain="ECOMMERCE")  # fmt: skip
    arn = c.create_schema(name="items", schema=schema("Items"))["schemaArn"]
    assert "is of Items, but" in words(c.create_dataset, name="d", schemaArn=arn, datasetGroupArn=lab.group, datasetType="users")
    assert "is not served" in words(c.create_dataset, name="d", schemaArn=arn, datasetGroupArn=lab.group, datasetType="Actions")
    recipe = {"name": "so", "datasetGroupArn": lab.group, "recipeArn": RECIPE + "aws-sims"}
    for config, about in (
        ({"algorithmHyperParameters": {"popularity_discount_factor": "2"}}, "not allowed"),
        ({"algorithmHyperParameters": {"bptt": "2"}}, "unknown hyperparameter"),
        ({"eventValueThreshold": "many"}, "is no number"),
    ):
        assert about in words(c.create_solution, **recipe, solutionConfig=config)
    assert "there is no recipe" in words(c.create_solution, **{**recipe, "recipeArn": RECIPE + "aws-sim"})
    assert "not served" in words(c.create_solution, **recipe, performIncrementalUpdate=True)
    assert "leave out recipeArn" in words(c.create_solution, **recipe, performAutoML=True)
    for config, about in (
        ({"optimizationObjective": {"itemAttribute": "PRICE", "objectiveSensitivity": "LOW"}}, "aws-personalized-ranking only"),
        ({"eventsConfig": {"eventParametersList": [{"eventType": "a", "weight": 0.5}, {"eventType": "b"}]}}, "different weights"),
        ({"autoTrainingConfig": {"schedulingExpression": "rate(31 days)"}}, "rate(1 day) to rate(30 days)"),
        ({"trainingDataConfig": {"excludedDatasetColumns": {"Interactions": ["SHOE"]}}}, "has no SHOE"),
        ({"trainingDataConfig": {"excludedDatasetColumns": {"INTERACTIONS": ["TIMESTAMP"]}}}, "cannot be excluded"),
    ):
        assert about in words(c.create_solution, **recipe, solutionConfig=config)
    assert "column 22" in words(c.create_filter, name="f", datasetGroupArn=lab.group,
                                filterExpression="INCLUDE ItemID WHERE Items.PRICE = 3")  # fmt: skip
    assert "is no recipe of a recommender" in words(
        c.create_recommender, name="r", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-sims"
    )
    assert (
        code(c.create_solution_version, solutionArn=lab.group.replace("dataset-group", "solution")) == "ResourceNotFoundException"
    )
    assert "UPDATE needs" in words(c.create_solution_version, solutionArn=c.create_solution(**recipe)["solutionArn"],
                                   trainingMode="UPDATE")  # fmt: skip


def test_imports_fail_with_the_services_reasons_and_leave_what_was_there(lab):
    lab.shop(["Interactions"])
    before = lab.service.groups.get(lab.group).bulk
    fine = interactions()
    for frame, reason in (
        (fine.drop(columns="ITEM_ID"), "Input CSV is missing the following columns: [ITEM_ID]"),
        (fine.head(999), "999 usable interactions, but an import needs at least 1000"),
        ("", "not a readable CSV file"),
        ("USER_ID,ITEM_ID\n", "missing the following columns"),
        (fine.assign(TIMESTAMP=fine["TIMESTAMP"] * 1000), "is in milliseconds"),
        (fine.assign(DEVICE="x" * 1001), "categorical"),
    ):
        job = lab.load("Interactions", frame)
        assert job["status"] == "CREATE FAILED" and reason in job["failureReason"], job
    for location, reason in (("s3://bucket/absent.csv", "Insufficient privileges"), ("s3://bucket/../../x", "Invalid S3 path")):
        arn = lab.control.create_dataset_import_job(
            jobName=f"j{len(location)}",
            datasetArn=lab.dataset("Interactions"),
            dataSource={"dataLocation": location},
            roleArn=ROLE,
        )["datasetImportJobArn"]
        assert reason in lab.done("dataset_import_job", arn)["failureReason"]
    assert "Invalid Data location" in words(
        lab.control.create_dataset_import_job, jobName="h", datasetArn=lab.dataset("Interactions"),
        dataSource={"dataLocation": "https://x/y"}, roleArn=ROLE)  # fmt: skip
    assert lab.service.groups.get(lab.group).bulk is before
    assert len(list((lab.service.home / "data").iterdir())) == 1, "nothing half-written is left"


def test_imports_are_as_tolerant_as_the_service(lab):
    frame = interactions().rename(columns=str.lower)[["timestamp", "item_id", "user_id", "event_type", "event_value", "device"]]
    frame = frame.astype(object)
    frame.loc[3, "event_value"] = "2006–2007"
    frame.loc[4, "user_id"] = None
    text = "\ufeff" + frame.to_csv() + "1,2,3\n"
    lab.shop(["Interactions"])
    job = lab.load("Interactions", text)
    counts = lab.service.resources.get(job["datasetImportJobArn"])["counts"]
    assert job["status"] == "ACTIVE" and counts["read"] == 1501 and counts["kept"] == 1499
    assert counts["dropped: USER_ID is empty"] == 1 and counts["dropped: another number of cells than the header"] == 1


def test_full_imports_replace_and_incremental_ones_add(lab):
    lab.shop(["Interactions", "Items"])
    arn = lab.control.create_schema(name="u", schema=schema("Users"))["schemaArn"]
    lab.control.create_dataset(name="u", schemaArn=arn, datasetGroupArn=lab.group, datasetType="Users")
    with pytest.raises(ClientError, match="first import of a dataset must be FULL"):
        lab.load("Users", users(), importMode="INCREMENTAL")
    group = lambda: lab.service.groups.get(lab.group)  # noqa: E731
    assert len(group().bulk) == 1500
    lab.load("Interactions", interactions(1200, seed=1), importMode="INCREMENTAL")
    assert len(group().bulk) == 2700
    lab.load("Interactions", pd.concat([interactions(1200, seed=1)] * 2), importMode="INCREMENTAL")
    assert len(group().bulk) == 2700, "equal events count once"
    lab.load("Interactions", interactions(1100, seed=2))
    assert len(group().bulk) == 1100
    ids = group().bulk.item_ids
    lab.load("Items", pd.DataFrame({"ITEM_ID": ["i01"], "GENRE": ["new"], "PRICE": [7]}), importMode="INCREMENTAL")
    frame = group().item_frame(ids)
    assert frame.loc["i01", "GENRE"] == "new" and frame.loc["i02", "GENRE"] == "tea"
    assert len(list((lab.service.home / "data").iterdir())) == 3, "replaced parts are removed"


def test_a_folder_of_files_is_one_import(lab):
    lab.shop(["Interactions"])
    frame = interactions()
    for i in range(3):
        lab.write(f"days/{i}.csv", frame.iloc[i * 500 : (i + 1) * 500])
    arn = lab.control.create_dataset_import_job(
        jobName="folder", datasetArn=lab.dataset("Interactions"), dataSource={"dataLocation": "s3://bucket/days/"}, roleArn=ROLE
    )["datasetImportJobArn"]
    assert lab.done("dataset_import_job", arn)["status"] == "ACTIVE"
    assert len(lab.service.groups.get(lab.group).bulk) == 1500


def test_training_fails_with_the_services_reasons(lab):
    lab.shop(["Interactions"])
    c = lab.control
    lonely = interactions(1200).assign(USER_ID=[f"u{i if i < 1000 else 0}" for i in range(1200)])
    cases = [
        ({"eventType": "purchase"}, "fewer than 1000 interactions after filtering by event type: purchase"),
        ({"eventType": "nothing"}, "fewer than 1000 interactions"),
        ({"solutionConfig": {"eventValueThreshold": "5"}}, "with a value of at least 5"),
    ]
    for i, (more, reason) in enumerate(cases):
        solution = c.create_solution(name=f"s{i}", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-sims", **more)
        arn = c.create_solution_version(solutionArn=solution["solutionArn"])["solutionVersionArn"]
        found = lab.done("solution_version", arn)
        assert found["status"] == "CREATE FAILED" and reason in found["failureReason"]
        assert code(c.get_solution_metrics, solutionVersionArn=arn) == "ResourceInUseException"
        assert "only an ACTIVE version" in words(c.create_campaign, name="c", solutionVersionArn=arn)
    assert lab.load("Interactions", lonely)["status"] == "ACTIVE"
    solution = c.create_solution(name="lonely", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-popularity-count")
    arn = c.create_solution_version(solutionArn=solution["solutionArn"])["solutionVersionArn"]
    assert "fewer than 25 users with at least 2" in lab.done("solution_version", arn)["failureReason"]


def test_a_solution_version_and_its_metrics(lab):
    c = lab.shop().control
    arn = lab.version("aws-popularity-count", "so")
    version = c.describe_solution_version(solutionVersionArn=arn)["solutionVersion"]
    assert version["name"] == arn.split(":solution/")[1] and len(arn.rsplit("/", 1)[1]) == 8
    assert version["trainingMode"] == "FULL" and "failureReason" not in version and version["trainingHours"] >= 0
    metrics = c.get_solution_metrics(solutionVersionArn=arn)["metrics"]
    assert 0 < metrics["coverage"] < 1 and metrics["precision_at_5"] == round(metrics["precision_at_5"], 4)
    latest = c.describe_solution(solutionArn=arn.rsplit("/", 1)[0])["solution"]["latestSolutionVersion"]
    assert latest["solutionVersionArn"] == arn
    second = lab.version("aws-popularity-count", "so")
    assert [v["solutionVersionArn"] for v in c.list_solution_versions(solutionArn=arn.rsplit("/", 1)[0])["solutionVersions"]] == [
        arn,
        second,
    ]


def test_a_manual_update_serves_the_old_version_until_the_new_one_is_ready(lab):
    c = lab.shop().control
    campaign = lab.campaign("aws-popularity-count", "c")
    lab.send(lab.tracker(), "u1", "i39")
    assert "latestCampaignUpdate" not in c.describe_campaign(campaignArn=campaign)["campaign"]
    lab.load("Interactions", interactions().assign(ITEM_ID=lambda f: [f"i{39 - int(i[1:]):02}" for i in f["ITEM_ID"]]))
    before = lab.recommend(campaign)
    version = lab.version("aws-popularity-count", "solution-c")
    assert lab.recommend(campaign) == before, "a new version alone changes nothing"
    c.update_campaign(campaignArn=campaign, solutionVersionArn=version, minProvisionedTPS=2)
    found = lab.done("campaign", campaign)
    assert found["solutionVersionArn"] == version == found["latestCampaignUpdate"]["solutionVersionArn"]
    assert found["latestCampaignUpdate"]["status"] == "ACTIVE" and found["minProvisionedTPS"] == 2
    assert lab.recommend(campaign)[0] == "i39" != before[0]
    assert c.list_campaigns(solutionArn=version.rsplit("/", 1)[0])["campaigns"][0]["campaignArn"] == campaign


def test_an_automatic_update_follows_the_newest_version(lab):
    lab.shop()
    version = lab.version("aws-popularity-count", "so")
    solution = version.rsplit("/", 1)[0]
    arn = lab.control.create_campaign(
        name="c", solutionVersionArn=f"{solution}/$LATEST", campaignConfig={"syncWithLatestSolutionVersion": True}
    )["campaignArn"]
    assert lab.done("campaign", arn)["solutionVersionArn"] == version
    second = lab.version("aws-popularity-count", "so")
    for _ in range(200):
        found = lab.done("campaign", arn)
        if found["solutionVersionArn"] == second:
            break
        time.sleep(0.02)
    assert found["solutionVersionArn"] == second and found["latestCampaignUpdate"]["status"] == "ACTIVE"


def test_calls_during_updates_see_the_old_or_the_new_version_and_nothing_else(lab):
    lab.shop()
    campaign = lab.campaign("aws-popularity-count", "c")
    first = lab.control.describe_campaign(campaignArn=campaign)["campaign"]["solutionVersionArn"]
    old = tuple(lab.recommend(campaign))
    lab.load("Interactions", interactions().assign(ITEM_ID=lambda f: [f"i{39 - int(i[1:]):02}" for i in f["ITEM_ID"]]))
    second = lab.version("aws-popularity-count", "solution-c")
    seen, faults, stop = set(), [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                seen.add(tuple(lab.recommend(campaign)))
            except Exception as fault:  # noqa: BLE001 - whatever it is, the test shows it
                faults.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for version in (second, first) * 3:
        lab.control.update_campaign(campaignArn=campaign, solutionVersionArn=version)
        lab.done("campaign", campaign)
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults and old in seen and len(seen) == 2


def test_deletions_are_refused_while_something_needs_the_resource_and_shown_once(lab):
    c = lab.shop().control
    campaign = lab.campaign("aws-popularity-count", "c")
    lab.tracker()
    solution = c.list_solutions()["solutions"][0]["solutionArn"]
    tracker = c.list_event_trackers()["eventTrackers"][0]["eventTrackerArn"]
    schema_arn = c.describe_dataset(datasetArn=lab.dataset("Items"))["dataset"]["schemaArn"]
    for call, parameters in (
        (c.delete_solution, {"solutionArn": solution}),
        (c.delete_schema, {"schemaArn": schema_arn}),
        (c.delete_dataset_group, {"datasetGroupArn": lab.group}),
        (c.delete_dataset, {"datasetArn": lab.dataset("EVENT_INTERACTIONS")}),
    ):
        assert code(call, **parameters) == "ResourceInUseException"
    c.delete_campaign(campaignArn=campaign)
    assert c.list_campaigns()["campaigns"] == []
    assert c.describe_campaign(campaignArn=campaign)["campaign"]["status"] == "DELETE IN_PROGRESS"
    assert code(c.describe_campaign, campaignArn=campaign) == "ResourceNotFoundException"
    assert code(lab.runtime.get_recommendations, campaignArn=campaign) == "ResourceNotFoundException"
    c.delete_event_tracker(eventTrackerArn=tracker)
    c.delete_dataset(datasetArn=lab.dataset("EVENT_INTERACTIONS"))
    c.delete_solution(solutionArn=solution)
    for kind in ("Interactions", "Items", "Users"):
        c.delete_dataset(datasetArn=lab.dataset(kind))
    c.delete_schema(schemaArn=schema_arn)
    c.delete_dataset_group(datasetGroupArn=lab.group)
    assert c.describe_dataset_group(datasetGroupArn=lab.group)["datasetGroup"]["status"] == "DELETE IN_PROGRESS"
    assert code(c.describe_dataset_group, datasetGroupArn=lab.group) == "ResourceNotFoundException"
    for folder in ("data", "versions"):
        assert list((lab.service.home / folder).iterdir()) == []
    assert lab.service.resources.store.events(lab.group) == []
    c.create_dataset_group(name="shop")


def test_a_schema_can_be_swapped_if_its_new_fields_may_be_empty(lab):
    from personalize_lab import SCHEMAS

    c = lab.shop().control
    for null, works in ((False, False), (True, True)):
        colour = {"name": "COLOUR", "type": ["null", "string"] if null else "string", "categorical": True}
        arn = c.create_schema(name=f"new{null}", schema=schema("Items", SCHEMAS["Items"] + [colour]))["schemaArn"]
        if not works:
            assert "must allow null: COLOUR" in words(c.update_dataset, datasetArn=lab.dataset("Items"), schemaArn=arn)
            continue
        c.update_dataset(datasetArn=lab.dataset("Items"), schemaArn=arn)
    found = c.describe_dataset(datasetArn=lab.dataset("Items"))["dataset"]
    assert found["schemaArn"] == arn == found["latestDatasetUpdate"]["schemaArn"]
    c.create_filter(name="f", datasetGroupArn=lab.group, filterExpression='INCLUDE ItemID WHERE Items.COLOUR = "red"')
    assert lab.campaign("aws-popularity-count", "c")


def test_exports_hold_what_was_imported_and_put(lab):
    lab.shop(["Interactions", "Items"])
    lab.events.put_items(datasetArn=lab.dataset("Items"), items=[{"itemId": "i01", "properties": '{"price": 99}'}])
    lab.send(lab.tracker(), "u1", "i02")
    for kind, mode, rows in (("Items", "BULK", 40), ("Items", "PUT", 1), ("Items", "ALL", 40), ("Interactions", "ALL", 1501)):
        arn = lab.control.create_dataset_export_job(
            jobName=f"{kind}-{mode}", datasetArn=lab.dataset(kind), ingestionMode=mode, roleArn=ROLE,
            jobOutput={"s3DataDestination": {"path": "s3://bucket/out/"}})["datasetExportJobArn"]  # fmt: skip
        assert lab.done("dataset_export_job", arn)["status"] == "ACTIVE"
        frame = pd.read_csv(lab.bucket / "out" / f"{kind}-{mode}.csv")
        assert len(frame) == rows
        if (kind, mode) == ("Items", "ALL"):
            assert frame.set_index("ITEM_ID").loc["i01", "PRICE"] == 99


def test_the_home_is_its_owners_alone_and_serves_one_process(tmp_path):
    home = tmp_path / "deep" / "home"
    home.mkdir(parents=True, mode=0o755)
    with open_lab(home).service:
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        with pytest.raises(InputError, match=f"is in use by process {os.getpid()}"):
            personalize.Service(home)
        program = "import sys; from helpers import personalize; personalize.Service(sys.argv[1])"
        done = subprocess.run([sys.executable, "-c", program, str(home)], capture_output=True, text=True, env=_environment())
        assert done.returncode and "is in use by process" in done.stderr
    with open_lab(home).service:
        pass
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="holds other things .thesis.txt."):
        personalize.Service(other)


def test_everything_acknowledged_is_there_after_a_restart(lab, tmp_path):
    lab.shop()
    campaign = lab.campaign("local-newest-first", "c")
    lab.send(lab.tracker(), "u1", "i39")
    lab.events.put_items(datasetArn=lab.dataset("Items"), items=[{"itemId": "i05", "properties": '{"genre": "gold"}'}])
    gold = lab.filter("gold", 'EXCLUDE ItemID WHERE Items.GENRE = "gold"')
    want = lab.recommend(campaign, userId="u1", filterArn=gold, numResults=40)
    lab.service.close()
    again = open_lab(tmp_path / "home")
    assert again.recommend(campaign, userId="u1", filterArn=gold, numResults=40) == want
    assert want[0] == "i39" and "i05" not in want
    again.service.close()


def test_a_version_can_be_stopped(lab, monkeypatch):
    lab.shop(["Interactions"])
    started = time.monotonic()
    monkeypatch.setattr(lab.service.trainings, "_train", lambda folder, stop: stop.wait(30))
    c = lab.control
    solution = c.create_solution(name="s", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-sims")["solutionArn"]
    arn = c.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    assert code(c.delete_solution, solutionArn=solution) == "ResourceInUseException"
    assert code(c.delete_dataset, datasetArn=lab.dataset("Interactions")) == "ResourceInUseException"
    c.stop_solution_version_creation(solutionVersionArn=arn)
    assert lab.done("solution_version", arn)["status"] == "CREATE STOPPED"
    assert "can be stopped" in words(c.stop_solution_version_creation, solutionVersionArn=arn)
    c.delete_solution(solutionArn=solution)
    assert time.monotonic() - started < 30


def test_training_runs_in_a_process_of_its_own_and_says_what_is_wrong(lab, monkeypatch):
    lab.shop(["Interactions"])
    monkeypatch.setattr(lab.service.trainings, "_train", train_in_process)
    assert lab.version("aws-popularity-count", "fine")
    c = lab.control
    solution = c.create_solution(name="s", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-sims", eventType="x")["solutionArn"]
    arn = c.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    assert "fewer than 1000" in lab.done("solution_version", arn)["failureReason"]


def test_not_more_than_five_imports_wait(lab, monkeypatch):
    lab.shop(["Interactions"])
    gate = threading.Event()
    monkeypatch.setattr("helpers.personalize.imports.import_files", lambda files, *_: gate.wait() and {"kept": 1})
    source = {"dataSource": {"dataLocation": lab.write("x.csv", interactions())}, "roleArn": ROLE}
    for i in range(5):
        lab.control.create_dataset_import_job(jobName=f"j{i}", datasetArn=lab.dataset("Interactions"), **source)
    assert "More than 5 resources with PENDING or IN_PROGRESS" in words(
        lab.control.create_dataset_import_job, jobName="j6", datasetArn=lab.dataset("Interactions"), **source
    )
    gate.set()


def _environment() -> dict[str, str]:
    root = str(Path(personalize.__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, str(Path(__file__).parent)])}


KILLED = """
import os, signal, sys, threading, time
from personalize_lab import open_lab, interactions
lab = open_lab(sys.argv[1])
{action}
print("acknowledged", flush=True)
time.sleep({wait})
os.kill(os.getpid(), signal.SIGKILL)
"""
IMPORT = """
source = {"dataLocation": lab.write("big.csv", interactions(60_000, seed=5))}
where = {"datasetArn": lab.dataset("Interactions"), "roleArn": "arn:aws:iam::123456789012:role/x"}
lab.control.create_dataset_import_job(jobName="big", dataSource=source, **where)
"""
TRAINING = """
s = lab.control.create_solution(name="late", datasetGroupArn=lab.group, recipeArn="arn:aws:personalize:::recipe/aws-sims")
lab.control.create_solution_version(solutionArn=s["solutionArn"], name="v1")
"""
UPDATE = """
campaign = lab.control.list_campaigns()["campaigns"][0]["campaignArn"]
version = lab.control.list_solution_versions()["solutionVersions"][-1]["solutionVersionArn"]
lab.control.update_campaign(campaignArn=campaign, solutionVersionArn=version)
"""
DELETION = """
gone = {"dataLocation": lab.write("gone.csv", "USER_ID\\nu7\\n")}
role = "arn:aws:iam::123456789012:role/x"
lab.control.create_data_deletion_job(jobName="gone", datasetGroupArn=lab.group, dataSource=gone, roleArn=role)
"""
EVENTS = """
tracking = lab.control.list_event_trackers()["eventTrackers"][0]
tracking = lab.control.describe_event_tracker(eventTrackerArn=tracking["eventTrackerArn"])["eventTracker"]["trackingId"]
for i in range(30):
    lab.send(tracking, "killed", f"i{i:02}", sentAt=1_800_000_000 + i)
"""


@pytest.mark.parametrize("wait", [0.0, 0.05, 0.3])
def test_a_kill_loses_nothing_that_was_acknowledged_and_leaves_nothing_half_done(tmp_path, wait):
    home = tmp_path / "home"
    lab = open_lab(home).shop()
    campaign = lab.campaign("aws-popularity-count", "c")
    version = lab.version("aws-popularity-count", "solution-c")
    lab.tracker()
    want = lab.recommend(campaign)
    lab.service.close()
    program = KILLED.format(action=DELETION + UPDATE + IMPORT + TRAINING + EVENTS, wait=wait)
    done = subprocess.run([sys.executable, "-c", program, str(home)], capture_output=True, text=True, env=_environment())
    assert done.returncode == -signal.SIGKILL and "acknowledged" in done.stdout, done.stderr[-2000:]
    lab = open_lab(home)
    assert lab.recommend(campaign) == want
    job = lab.done("data_deletion_job", lab.group.replace("dataset-group/shop", "data-deletion-job/gone"))
    assert job["status"] == "COMPLETED" and job["numDeleted"] > 0
    assert lab.done("dataset_import_job", lab.group.replace("dataset-group/shop", "dataset-import-job/big"))["status"] == "ACTIVE"
    assert lab.done("solution_version", lab.group.replace("dataset-group/shop", "solution/late/v1"))["status"] == "ACTIVE"
    found = lab.done("campaign", campaign)
    assert found["latestCampaignUpdate"]["status"] == "ACTIVE" and found["solutionVersionArn"] == version
    assert len(lab.service.groups.get(lab.group).events_of("killed")) == 30
    parts = lab.service.resources.get(lab.dataset("Interactions"))["parts"]
    files = {path.name for path in (home / "data").iterdir()}
    assert set(parts) < files and len(files) == 3 and not any(name.startswith(".") for name in files)
    lab.service.close()
