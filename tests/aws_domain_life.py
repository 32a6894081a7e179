"""A program as a user of AWS writes it for a shop: recommenders, what they brought, and a customer who wants to be forgotten."""

import json
import time

from aws_life import RECIPES, ROLE, gone, wait_for
from botocore.exceptions import ClientError


def domain_life(session, upload, interactions, items):
    """``upload`` moves text to the bucket ``life-bucket``."""
    personalize, runtime, events = (session.client(n) for n in ("personalize", "personalize-runtime", "personalize-events"))
    group_arn = personalize.create_dataset_group(name="store", domain="ECOMMERCE")["datasetGroupArn"]
    assert personalize.describe_dataset_group(datasetGroupArn=group_arn)["datasetGroup"]["domain"] == "ECOMMERCE"
    known = {
        "Interactions": [("USER_ID", "string"), ("ITEM_ID", "string"), ("EVENT_TYPE", "string"), ("TIMESTAMP", "long")],
        "Items": [("ITEM_ID", "string"), ("PRICE", "float"), ("CATEGORY_L1", ["string"])],
    }
    for kind, frame in (("Interactions", interactions), ("Items", items)):
        fields = [{"name": name, "type": type_} for name, type_ in known[kind]]
        for field in fields:
            if field["name"] == "CATEGORY_L1":
                field["categorical"] = True
        document = {"type": "record", "name": kind, "fields": fields, "version": "1.0"}
        schema_arn = personalize.create_schema(name=f"store-{kind}", schema=json.dumps(document), domain="ECOMMERCE")["schemaArn"]
        dataset_arn = personalize.create_dataset(
            name=f"store-{kind}", schemaArn=schema_arn, datasetGroupArn=group_arn, datasetType=kind
        )["datasetArn"]
        upload(f"store-{kind}.csv", frame.to_csv(index=False))
        job = personalize.create_dataset_import_job(
            jobName=f"store-{kind}",
            datasetArn=dataset_arn,
            dataSource={"dataLocation": f"s3://life-bucket/store-{kind}.csv"},
            roleArn=ROLE,
        )
        wait_for(personalize.describe_dataset_import_job, datasetImportJobArn=job["datasetImportJobArn"])

    offered = [recipe["recipeArn"] for recipe in personalize.list_recipes(domain="ECOMMERCE")["recipes"]]
    recommenders = {}
    for name in ("popular-items-by-views", "frequently-bought-together"):
        recipe_arn = RECIPES + f"aws-ecomm-{name}"
        assert recipe_arn in offered
        recommenders[name] = personalize.create_recommender(
            name=name,
            recipeArn=recipe_arn,
            datasetGroupArn=group_arn,
            recommenderConfig={"minRecommendationRequestsPerSecond": 1},
        )["recommenderArn"]
    for recommender_arn in recommenders.values():
        wait_for(personalize.describe_recommender, recommenderArn=recommender_arn)
    popular = runtime.get_recommendations(recommenderArn=recommenders["popular-items-by-views"], userId="u1", numResults=10)
    together = runtime.get_recommendations(recommenderArn=recommenders["frequently-bought-together"], itemId="i00", userId="u1")
    assert len(popular["itemList"]) == 10 and "i00" not in [item["itemId"] for item in together["itemList"]]

    attribution_arn = personalize.create_metric_attribution(
        name="impact",
        datasetGroupArn=group_arn,
        metrics=[{"eventType": "Purchase", "metricName": "revenue", "expression": "SUM(Items.PRICE)"}],
        metricsOutputConfig={"roleArn": ROLE, "s3DataDestination": {"path": "s3://life-bucket/impact/"}},
    )["metricAttributionArn"]
    wait_for(personalize.describe_metric_attribution, metricAttributionArn=attribution_arn)
    tracker = personalize.create_event_tracker(name="store", datasetGroupArn=group_arn)
    bought = {"eventType": "Purchase", "sentAt": time.time(), "itemId": popular["itemList"][0]["itemId"]}
    events.put_events(
        trackingId=tracker["trackingId"],
        userId="u1",
        sessionId="visit",
        eventList=[bought | {"recommendationId": popular["recommendationId"]}],
    )

    upload("forget.csv", "USER_ID\nu1\n")
    deletion_arn = personalize.create_data_deletion_job(
        jobName="forget", datasetGroupArn=group_arn, dataSource={"dataLocation": "s3://life-bucket/forget.csv"}, roleArn=ROLE
    )["dataDeletionJobArn"]
    job = wait_for(personalize.describe_data_deletion_job, ready="COMPLETED", dataDeletionJobArn=deletion_arn)
    assert job["numDeleted"] == (interactions["USER_ID"] == "u1").sum() + 1  # and the event that was streamed

    personalize.stop_recommender(recommenderArn=recommenders["frequently-bought-together"])
    wait_for(personalize.describe_recommender, ready="INACTIVE", recommenderArn=recommenders["frequently-bought-together"])
    try:
        runtime.get_recommendations(recommenderArn=recommenders["frequently-bought-together"], itemId="i00")
        raise AssertionError("an inactive recommender answered")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidInputException"

    for recommender_arn in recommenders.values():
        personalize.delete_recommender(recommenderArn=recommender_arn)
    personalize.delete_metric_attribution(metricAttributionArn=attribution_arn)
    personalize.delete_event_tracker(eventTrackerArn=tracker["eventTrackerArn"])
    for dataset in personalize.list_datasets(datasetGroupArn=group_arn)["datasets"]:
        schema_arn = personalize.describe_dataset(datasetArn=dataset["datasetArn"])["dataset"]["schemaArn"]
        personalize.delete_dataset(datasetArn=dataset["datasetArn"])
        personalize.delete_schema(schemaArn=schema_arn)
    personalize.delete_dataset_group(datasetGroupArn=group_arn)
    assert gone(personalize.describe_dataset_group, datasetGroupArn=group_arn) <= 1
