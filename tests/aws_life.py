"""A program as a user of AWS writes it from the public API reference: the whole life of a recommender. Nothing here is local.

``life(session, upload, download)`` gets a boto3 Session and two functions that move text to and from S3.
"""

import json
import time

from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/PersonalizeRole"
RECIPES = "arn:aws:personalize:::recipe/"


def wait_for(describe, ready="ACTIVE", pause=0.05, **arn):
    """The polling loop of AWS's samples."""
    max_time = time.time() + 3 * 60 * 60
    while time.time() < max_time:
        (resource,) = (value for key, value in describe(**arn).items() if key != "ResponseMetadata")
        status = resource["status"]
        if status == ready or status == "CREATE FAILED":
            break
        time.sleep(pause)
    assert status == ready, resource
    return resource


def gone(describe, **arn):
    """The clean-up loop of AWS's samples: it ends when a describe of the deleted resource is not found."""
    seen = 0
    while True:
        try:
            describe(**arn)
            seen += 1
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"
            return seen
        time.sleep(0.01)


def create(call, known, **parameters):
    """Create, or go on with what an earlier run made."""
    try:
        return call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
        return known


def life(session, upload, download, interactions, items, users):
    personalize, runtime, events = (session.client(n) for n in ("personalize", "personalize-runtime", "personalize-events"))
    base = "arn:aws:personalize:us-east-1:123456789012:"

    group_arn = create(personalize.create_dataset_group, None, name="life")["datasetGroupArn"]
    assert create(personalize.create_dataset_group, {"datasetGroupArn": group_arn}, name="life")["datasetGroupArn"] == group_arn
    wait_for(personalize.describe_dataset_group, datasetGroupArn=group_arn)
    schema_arns = {}
    for kind, frame, fields in (
        ("Interactions", interactions, [("EVENT_TYPE", "string"), ("EVENT_VALUE", "float"), ("TIMESTAMP", "long")]),
        ("Items", items, [("GENRE", ["null", "string"]), ("PRICE", "float")]),
        ("Users", users, [("AGE", "int"), ("LAND", "string")]),
    ):
        ids = {"Interactions": ["USER_ID", "ITEM_ID"], "Items": ["ITEM_ID"], "Users": ["USER_ID"]}[kind]
        fields = [{"name": name, "type": "string"} for name in ids] + [{"name": name, "type": type_} for name, type_ in fields]
        for field in fields:
            if field["name"] in ("GENRE", "LAND"):
                field["categorical"] = True
        document = {
            "type": "record",
            "name": kind,
            "namespace": "com.amazonaws.personalize.schema",
            "fields": fields,
            "version": "1.0",
        }
        schema_arns[kind] = personalize.create_schema(name=f"life-{kind}", schema=json.dumps(document))["schemaArn"]
        dataset_arn = personalize.create_dataset(
            name=f"life-{kind}", schemaArn=schema_arns[kind], datasetGroupArn=group_arn, datasetType=kind
        )["datasetArn"]
        wait_for(personalize.describe_dataset, datasetArn=dataset_arn)
        upload(f"{kind}.csv", frame.to_csv(index=False))
        job_arn = personalize.create_dataset_import_job(
            jobName=f"life-{kind}",
            datasetArn=dataset_arn,
            dataSource={"dataLocation": f"s3://life-bucket/{kind}.csv"},
            roleArn=ROLE,
        )["datasetImportJobArn"]
        wait_for(personalize.describe_dataset_import_job, datasetImportJobArn=job_arn)

    assert RECIPES + "aws-sims" in [recipe["recipeArn"] for recipe in personalize.list_recipes()["recipes"]]
    solution_arn = personalize.create_solution(
        name="life-sims",
        datasetGroupArn=group_arn,
        recipeArn=RECIPES + "aws-sims",
        solutionConfig={"algorithmHyperParameters": {"min_cointeraction_count": "1"}},
    )["solutionArn"]
    wait_for(personalize.describe_solution, solutionArn=solution_arn)
    version_arn = personalize.create_solution_version(solutionArn=solution_arn)["solutionVersionArn"]
    wait_for(personalize.describe_solution_version, solutionVersionArn=version_arn)
    metrics = personalize.get_solution_metrics(solutionVersionArn=version_arn)["metrics"]
    assert {"coverage", "mean_reciprocal_rank_at_25", "precision_at_25"} <= set(metrics)

    campaign_arn = personalize.create_campaign(name="life", solutionVersionArn=version_arn, minProvisionedTPS=1)["campaignArn"]
    wait_for(personalize.describe_campaign, campaignArn=campaign_arn)
    answer = runtime.get_recommendations(campaignArn=campaign_arn, itemId="i00", userId="u1")
    assert len(answer["itemList"]) == 25 and "i00" not in [item["itemId"] for item in answer["itemList"]]

    filter_arns = []
    for name, expression in (
        ("life-genre", "INCLUDE ItemID WHERE Items.GENRE IN ($GENRE)"),
        ("life-watched", 'EXCLUDE ItemID WHERE Interactions.event_type IN ("watch")'),
    ):
        arn = personalize.create_filter(name=name, datasetGroupArn=group_arn, filterExpression=expression)["filterArn"]
        wait_for(personalize.describe_filter, filterArn=arn)
        filter_arns.append(arn)
    cups = runtime.get_recommendations(
        campaignArn=campaign_arn, itemId="i00", filterArn=filter_arns[0], filterValues={"GENRE": '"cup"'}
    )["itemList"]
    assert cups and all(int(item["itemId"][1:]) % 2 == 1 or int(item["itemId"][1:]) % 5 == 0 for item in cups)

    tracker = personalize.create_event_tracker(name="life", datasetGroupArn=group_arn)
    wait_for(personalize.describe_event_tracker, eventTrackerArn=tracker["eventTrackerArn"])
    first = answer["itemList"][0]["itemId"]
    events.put_events(
        trackingId=tracker["trackingId"],
        userId="u1",
        sessionId="session",
        eventList=[
            {
                "eventId": "e1",
                "eventType": "watch",
                "sentAt": time.time(),
                "properties": json.dumps({"itemId": first, "eventValue": 4}),
                "recommendationId": answer["recommendationId"],
            }
        ],
    )
    unseen = runtime.get_recommendations(campaignArn=campaign_arn, itemId="i00", userId="u1", filterArn=filter_arns[1])
    assert first not in [item["itemId"] for item in unseen["itemList"]]
    events.put_items(
        datasetArn=base + "dataset/life/ITEMS", items=[{"itemId": "i01", "properties": '{"genre": "new", "price": 1}'}]
    )
    events.put_users(datasetArn=base + "dataset/life/USERS", users=[{"userId": "u1", "properties": '{"age": 30, "land": "KR"}'}])

    upload("input.json", "\n".join(json.dumps({"itemId": item}) for item in ("i00", "i03", "unheard-of")))
    batch_arn = personalize.create_batch_inference_job(
        jobName="life",
        solutionVersionArn=version_arn,
        numResults=5,
        jobInput={"s3DataSource": {"path": "s3://life-bucket/input.json"}},
        jobOutput={"s3DataDestination": {"path": "s3://life-bucket/output/"}},
        roleArn=ROLE,
    )["batchInferenceJobArn"]
    wait_for(personalize.describe_batch_inference_job, batchInferenceJobArn=batch_arn)
    lines = [json.loads(line) for line in download("output/input.json.out").splitlines()]
    assert {line["input"]["itemId"] for line in lines} == {"i00", "i03", "unheard-of"}
    assert all(len(line["output"]["recommendedItems"]) == 5 and line["error"] is None for line in lines)

    second_arn = personalize.create_solution_version(solutionArn=solution_arn, trainingMode="FULL")["solutionVersionArn"]
    wait_for(personalize.describe_solution_version, solutionVersionArn=second_arn)
    assert (
        personalize.list_solution_versions(solutionArn=solution_arn)["solutionVersions"][-1]["solutionVersionArn"] == second_arn
    )
    personalize.update_campaign(campaignArn=campaign_arn, solutionVersionArn=second_arn)
    while personalize.describe_campaign(campaignArn=campaign_arn)["campaign"]["solutionVersionArn"] != second_arn:
        time.sleep(0.05)
    assert runtime.get_recommendations(campaignArn=campaign_arn, itemId="i00")["itemList"]

    # The clean-up of AWS's samples: everything in quick succession, then wait until it is gone.
    for page in personalize.get_paginator("list_campaigns").paginate(solutionArn=solution_arn):
        for campaign in page["campaigns"]:
            personalize.delete_campaign(campaignArn=campaign["campaignArn"])
    while personalize.list_campaigns(solutionArn=solution_arn)["campaigns"]:
        time.sleep(0.01)
    personalize.delete_event_tracker(eventTrackerArn=tracker["eventTrackerArn"])
    for page in personalize.get_paginator("list_filters").paginate(datasetGroupArn=group_arn):
        for found in page["Filters"]:
            personalize.delete_filter(filterArn=found["filterArn"])
    personalize.delete_solution(solutionArn=solution_arn)
    personalize.delete_dataset(datasetArn=(base + "dataset/life/INTERACTIONS").replace("INTERACTIONS", "EVENT_INTERACTIONS"))
    for page in personalize.get_paginator("list_datasets").paginate(datasetGroupArn=group_arn):
        for dataset in page["datasets"]:
            schema = personalize.describe_dataset(datasetArn=dataset["datasetArn"])["dataset"]["schemaArn"]
            personalize.delete_dataset(datasetArn=dataset["datasetArn"])
            personalize.delete_schema(schemaArn=schema)
    personalize.delete_dataset_group(datasetGroupArn=group_arn)
    assert gone(personalize.describe_dataset_group, datasetGroupArn=group_arn) == 1, "the samples' loop needs one answer"
    assert gone(personalize.describe_solution, solutionArn=solution_arn) <= 1
    assert personalize.list_schemas()["schemas"] == personalize.list_dataset_groups()["datasetGroups"] == []
