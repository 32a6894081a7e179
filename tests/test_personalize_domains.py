"""Recommenders of domain dataset groups, and what a training learns from: event types, values, columns."""

import json

import pandas as pd
import pytest
from botocore.exceptions import ClientError
from personalize_lab import RECIPE, interactions, items, open_lab, schema

from helpers.errors import InputError
from helpers.personalize.domains import USE_CASES, use_case_of
from helpers.personalize.training import SPEC
from helpers.personalize.trainings import narrowed
from helpers.recipes import names
from helpers.schemas import Schema

SHOP = "arn:aws:personalize:us-east-1:123456789012:dataset-group/shop"


@pytest.fixture
def lab(tmp_path):
    lab = open_lab(tmp_path / "home")
    yield lab
    lab.service.close()


def domain_shop(lab, domain="ECOMMERCE"):
    """A shop of the domain: u0 has bought i00 and i01; views are twice as many as purchases."""
    c = lab.control
    c.create_dataset_group(name="shop", domain=domain)
    frame = interactions(4500).assign(EVENT_TYPE=lambda f: ["view", "View", "purchase"] * (len(f) // 3))
    frame.loc[(frame["USER_ID"] == "u0") & (frame["EVENT_TYPE"] == "purchase"), "EVENT_TYPE"] = "view"
    bought = frame.iloc[:2].assign(USER_ID="u0", ITEM_ID=["i00", "i01"], EVENT_TYPE="Purchase")
    tables = {"Interactions": pd.concat([frame, bought]), "Items": items().assign(CATEGORY_L1="tea")}
    fields = [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "CATEGORY_L1", "type": ["null", "string"], "categorical": True},
        {"name": "PRICE", "type": "float"},
    ]
    for kind, table in tables.items():
        text = schema(kind, fields if kind == "Items" else None)
        arn = c.create_schema(name=kind, schema=text, domain=domain)["schemaArn"]
        c.create_dataset(name=kind, schemaArn=arn, datasetGroupArn=SHOP, datasetType=kind)
        assert lab.load(kind, table)["status"] == "ACTIVE"
    return c


def recommender(lab, recipe, name="r", **more):
    arn = lab.control.create_recommender(name=name, datasetGroupArn=SHOP, recipeArn=RECIPE + recipe, **more)["recommenderArn"]
    return lab.done("recommender", arn)


def listed(lab, **request):
    return [row["itemId"] for row in lab.runtime.get_recommendations(**request)["itemList"]]


def words(call, **given):
    with pytest.raises(ClientError) as fault:
        call(**given)
    return fault.value.response["Error"]["Message"]


def test_every_use_case_is_answered_by_a_recipe_that_exists():
    assert {case.recipe for case in USE_CASES.values()} <= set(names())
    assert use_case_of({"recipeArn": RECIPE + "aws-vod-top-picks"}).domain == "VIDEO_ON_DEMAND"
    assert use_case_of({"recipeArn": RECIPE + "aws-sims"}) is None


def test_the_life_of_a_recommender(lab):
    c = domain_shop(lab)
    found = recommender(lab, "aws-ecomm-popular-items-by-purchases")
    arn = found["recommenderArn"]
    assert found["status"] == "ACTIVE" and found["modelMetrics"]["precision_at_5"] >= 0
    assert arn == SHOP.replace("dataset-group/shop", "recommender/r")
    assert [row["status"] for row in c.list_recommenders(datasetGroupArn=SHOP)["recommenders"]] == ["ACTIVE"]
    assert len(listed(lab, recommenderArn=arn, numResults=3)) == 3
    config = {"enableMetadataWithRecommendations": True}
    c.update_recommender(recommenderArn=arn, recommenderConfig=config)
    found = c.describe_recommender(recommenderArn=arn)["recommender"]
    assert found["recommenderConfig"] == {"minRecommendationRequestsPerSecond": 1} | config
    assert found["latestRecommenderUpdate"]["recommenderConfig"] == config
    row = lab.runtime.get_recommendations(recommenderArn=arn, numResults=1, metadataColumns={"ITEMS": ["PRICE"]})["itemList"][0]
    assert row["metadata"] == {"PRICE": row["itemId"].removeprefix("i").lstrip("0") or "0"}
    c.stop_recommender(recommenderArn=arn)
    assert c.describe_recommender(recommenderArn=arn)["recommender"]["status"] == "INACTIVE"
    assert "INACTIVE" in words(lab.runtime.get_recommendations, recommenderArn=arn)
    assert "must be ACTIVE" in words(c.stop_recommender, recommenderArn=arn)
    c.start_recommender(recommenderArn=arn)
    assert listed(lab, recommenderArn=arn)
    assert "still has" in words(c.delete_dataset_group, datasetGroupArn=SHOP)
    c.delete_recommender(recommenderArn=arn)
    assert c.list_recommenders()["recommenders"] == [] and not any((lab.service.home / "versions").iterdir())


def test_a_recommender_answers_again_after_a_restart(lab, tmp_path):
    domain_shop(lab)
    arn = recommender(lab, "aws-ecomm-popular-items-by-views")["recommenderArn"]
    before = listed(lab, recommenderArn=arn)
    lab.service.close()
    again = open_lab(tmp_path / "home")
    assert listed(again, recommenderArn=arn) == before
    again.service.close()


def test_it_learns_from_its_own_events_in_any_case_of_letters(lab):
    domain_shop(lab)
    views = recommender(lab, "aws-ecomm-popular-items-by-views", "views")["recommenderArn"]
    sales = recommender(lab, "aws-ecomm-popular-items-by-purchases", "sales")["recommenderArn"]
    frame = pd.read_csv(next((lab.service.home / "s3" / "bucket").glob("import-Interactions-*.csv")))
    for arn, kind in ((views, "view"), (sales, "purchase")):
        counts = frame[frame["EVENT_TYPE"].str.lower() == kind].groupby("ITEM_ID")["USER_ID"].nunique()
        best = sorted(counts.index, key=lambda item: (-counts[item], item))[:5]
        assert listed(lab, recommenderArn=arn, numResults=5) == best


def test_what_the_user_has_bought_is_left_out_also_when_streamed(lab):
    domain_shop(lab)
    related = recommender(lab, "aws-ecomm-customers-who-viewed-x-also-viewed")["recommenderArn"]
    free = listed(lab, recommenderArn=related, itemId="i05", numResults=39)
    assert {"i00", "i01"} <= set(free)
    kept = listed(lab, recommenderArn=related, itemId="i05", userId="u0", numResults=39)
    assert kept == [item for item in free if item not in ("i00", "i01")]
    tracker = lab.control.create_event_tracker(name="t", datasetGroupArn=SHOP)["trackingId"]
    event = {"eventType": "PURCHASE", "sentAt": 1_800_000_000, "itemId": kept[0]}
    lab.events.put_events(trackingId=tracker, userId="u0", sessionId="s", eventList=[event])
    assert kept[0] not in listed(lab, recommenderArn=related, itemId="i05", userId="u0", numResults=39)


def test_a_recommender_is_checked(lab):
    c = domain_shop(lab)
    make = {"name": "r", "datasetGroupArn": SHOP}
    assert "is for dataset groups of the domain VIDEO_ON_DEMAND" in words(
        c.create_recommender, **make, recipeArn=RECIPE + "aws-vod-top-picks"
    )
    assert "is no recipe of a recommender" in words(c.create_recommender, **make, recipeArn=RECIPE + "aws-sims")
    assert "use CreateRecommender" in words(c.create_solution, **make, recipeArn=RECIPE + "aws-ecomm-recommended-for-you")
    explore = {"itemExplorationConfig": {"explorationWeight": "0.3"}}
    popular = RECIPE + "aws-ecomm-popular-items-by-views"
    assert "user-personalization only" in words(c.create_recommender, **make, recipeArn=popular, recommenderConfig=explore)
    assert "required" in words(lab.runtime.get_recommendations, userId="u0")
    campaign = SHOP.replace("dataset-group/shop", "campaign/c")
    assert "not both" in words(lab.runtime.get_recommendations, campaignArn=campaign, recommenderArn=campaign)
    for i in range(5):
        c.create_recommender(name=f"r{i}", datasetGroupArn=SHOP, recipeArn=popular)
        lab.done("recommender", SHOP.replace("dataset-group/shop", f"recommender/r{i}"))
    assert "at most 5" in words(c.create_recommender, **make, recipeArn=popular)


def test_columns_can_be_kept_from_the_training(lab, monkeypatch):
    lab.shop(["Interactions", "Items", "Users"])
    specs = []
    real = lab.service.trainings._train
    monkeypatch.setattr(
        lab.service.trainings, "_train", lambda f, stop: (specs.append(json.loads((f / SPEC).read_text())), real(f, stop))
    )
    config = {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["PRICE"], "USERS": ["AGE", "LAND"]}}}
    lab.version("aws-popularity-count", solutionConfig=config)
    known = {kind: [f["name"] for f in json.loads(text)["fields"]] for kind, text in specs[0]["schemas"].items()}
    assert known["Items"] == ["ITEM_ID", "GENRE"] and "Users" not in known and "DEVICE" in known["Interactions"]


def test_narrowed_schemas():
    known = Schema.parse(schema("Items"))
    names_of = lambda config: narrowed(known, config).names  # noqa: E731
    assert names_of({}) == ["ITEM_ID", "GENRE", "PRICE"]
    assert names_of({"includedDatasetColumns": {"Items": ["PRICE"]}}) == ["ITEM_ID", "PRICE"]
    assert names_of({"excludedDatasetColumns": {"USERS": ["AGE"]}}) == known.names
    assert narrowed(known, {"includedDatasetColumns": {"ITEMS": []}}) is None
    with pytest.raises(InputError, match="cannot be excluded"):
        narrowed(known, {"excludedDatasetColumns": {"ITEMS": ["ITEM_ID"]}})


def test_several_kinds_of_events_each_with_its_least_value(lab):
    lab.shop(["Interactions"])
    frame = pd.read_csv(next(lab.bucket.glob("import-Interactions-*.csv")))
    chosen = [{"eventType": "purchase"}, {"eventType": "view", "eventValueThreshold": 3.0}]
    config = {"eventsConfig": {"eventParametersList": chosen}}
    version = lab.version("aws-popularity-count", solutionConfig=config)
    folder = lab.service.trainings.folder(lab.service.resources.get(version))
    learned = pd.read_parquet(folder / "trained" / "events.parquet")
    wanted = (frame["EVENT_TYPE"] == "purchase") | (frame["EVENT_VALUE"] >= 3)
    assert len(learned) == len(frame[wanted].drop_duplicates()) < len(frame)


def test_a_training_on_too_few_chosen_events_says_which(lab):
    c = lab.shop(["Interactions"]).control
    c.create_solution(name="few", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-popularity-count", eventType="purchase")
    arn = c.create_solution_version(solutionArn=lab.group.replace("dataset-group/shop", "solution/few"))["solutionVersionArn"]
    found = lab.done("solution_version", arn)
    assert found["status"] == "CREATE FAILED"
    assert found["failureReason"] == "Dataset has fewer than 1000 interactions after filtering by event type: purchase"
