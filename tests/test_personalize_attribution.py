"""Metric attributions, lists that were answered, events that come twice, and what the clock does."""

import io
import json

import pandas as pd
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from personalize_lab import RECIPE, ROLE, interactions, open_lab

from helpers.errors import InputError
from helpers.personalize import attribution
from helpers.personalize.answered import Answered
from helpers.personalize.schedule import Clock, is_due
from helpers.schemas import Schema

DAY = 86_400
PRICES = pd.DataFrame({"PRICE": [2.0, 5.0]}, index=["tea", "cup"])
METRICS = [
    {"metricName": "sales", "eventType": "buy", "expression": "SUM(Items.PRICE)"},
    {"metricName": "looks", "eventType": "view", "expression": "SAMPLECOUNT()"},
]


@pytest.fixture
def lab(tmp_path):
    lab = open_lab(tmp_path / "home")
    yield lab
    lab.service.close()


def words(call, **given):
    with pytest.raises(ClientError) as fault:
        call(**given)
    return fault.value.response["Error"]["Message"]


def test_a_report_by_hand():
    events = pd.DataFrame(
        [
            ("buy", "tea", 0, "A"),
            ("buy", "cup", 899, "A"),  # the same quarter of an hour
            ("buy", "cup", 900, "A"),  # the next one
            ("buy", "tea", 0, None),
            ("buy", "unknown", 0, "A"),  # an item without a price adds nothing
            ("view", "tea", 5, "B"),
            ("view", "tea", 6, "B"),
            ("other", "tea", 6, "B"),
        ],
        columns=["EVENT_TYPE", "ITEM_ID", "TIMESTAMP", "SOURCE"],
    )
    report = attribution.aggregate(events, METRICS, PRICES)
    assert list(report.columns) == attribution.COLUMNS
    rows = {(r.METRIC_NAME, r.EVENT_ATTRIBUTION_SOURCE, r.TIMESTAMP): r.VALUE for r in report.itertuples()}
    assert rows == {
        ("SALES", "A", 0): 2 + 5,
        ("SALES", "A", 900): 5,
        ("SALES", attribution.NO_SOURCE, 0): 2,
        ("LOOKS", "B", 0): 2,
    }
    assert set(report["MATH_FUNCTION"]) == {"sum", "samplecount"}


@given(
    st.lists(st.tuples(st.sampled_from(["buy", "view"]), st.sampled_from(["A", "B", None]), st.integers(0, 5000)), max_size=30)
)
def test_counts_add_up_whatever_the_windows_and_sources(rows):
    events = pd.DataFrame(rows, columns=["EVENT_TYPE", "SOURCE", "TIMESTAMP"]).assign(ITEM_ID="tea")
    report = attribution.aggregate(events, METRICS, PRICES)
    sums = report.groupby("METRIC_NAME")["VALUE"].sum()
    assert sums.get("LOOKS", 0) == sum(kind == "view" for kind, _, _ in rows)
    assert sums.get("SALES", 0) == 2 * sum(kind == "buy" for kind, _, _ in rows)


@pytest.mark.parametrize("wrong", ["", "COUNT()", "SUM(PRICE)", "SUM(Users.AGE)", "SUM(Items.PRICE)+1"])
def test_expressions_that_cannot_be_read(wrong):
    with pytest.raises(InputError, match="write SAMPLECOUNT"):
        attribution.read(wrong)


def test_metrics_are_checked_against_the_schemas():
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "GENRE", "type": "string", "categorical": True}]
    schemas = {"Items": Schema.parse(json.dumps({"type": "record", "name": "Items", "fields": fields}))}
    for expression in ("SUM(Items.GENRE)", "SUM(Items.PRICE)", "SUM(Interactions.EVENT_VALUE)"):
        with pytest.raises(InputError, match="is no number"):
            attribution.check([METRICS[0] | {"expression": expression}], schemas)
    with pytest.raises(InputError, match="given twice"):
        attribution.check([METRICS[1], METRICS[1]], schemas)


def test_only_the_newest_lists_are_remembered():
    answered = Answered(kept=2)
    for name in ("one", "two", "three"):
        answered.add(name, f"arn-{name}", ["i"])
    assert answered.find("one") == (None, []) == answered.find(None)
    assert answered.find("three") == ("arn-three", ["i"])


def reports(lab):
    files = sorted((lab.service.home / "s3" / "bucket" / "reports").glob("*.csv"))
    return {file.name.split(" - ")[1]: pd.read_csv(io.StringIO(file.read_text())) for file in files}


def attribute(lab, **more):
    output = {"roleArn": ROLE, "s3DataDestination": {"path": "s3://bucket/reports"}}
    metrics = [
        {"metricName": "sales", "eventType": "purchase", "expression": "SUM(Items.PRICE)"},
        {"metricName": "looks", "eventType": "view", "expression": "SAMPLECOUNT()"},
    ]
    given = {"name": "m", "datasetGroupArn": lab.group, "metrics": metrics, "metricsOutputConfig": output} | more
    return lab.control.create_metric_attribution(**given)["metricAttributionArn"]


def test_events_are_credited_to_their_source_or_to_the_campaign_that_made_the_list(lab):
    lab.shop(["Interactions", "Items"])
    campaign = lab.campaign("aws-popularity-count")
    attribute(lab)
    tracker = lab.control.create_event_tracker(name="t", datasetGroupArn=lab.group)["trackingId"]
    answer = lab.runtime.get_recommendations(campaignArn=campaign, userId="u1")
    event = {"eventType": "purchase", "sentAt": 1_700_000_100}
    events = [
        event | {"itemId": "i05", "recommendationId": answer["recommendationId"]},
        event | {"itemId": "i03", "metricAttribution": {"eventAttributionSource": "mail"}},
        event | {"itemId": "i02"},
        event | {"itemId": "i02", "eventType": "view"},
    ]
    lab.events.put_events(trackingId=tracker, userId="u1", sessionId="s", eventList=events)
    now = lab.service.resources.all("MetricAttribution")[0]["reportedAt"]
    lab.service.tick(now + 1)
    assert not reports(lab)  # a quarter of an hour has not passed
    lab.service.tick(now + 901)
    rows = {(r.METRIC_NAME, r.EVENT_ATTRIBUTION_SOURCE): r.VALUE for r in reports(lab)["PUT"].itertuples()}
    assert rows == {("SALES", campaign): 5, ("SALES", "mail"): 3, ("SALES", attribution.NO_SOURCE): 2,
                    ("LOOKS", attribution.NO_SOURCE): 1}  # fmt: skip
    lab.service.tick(now + 3000)
    assert len(list((lab.service.home / "s3" / "bucket" / "reports").glob("*.csv"))) == 1  # nothing new, no report


def test_an_import_is_reported_where_it_asks_for_it(lab):
    lab.shop(["Interactions", "Items"])
    attribute(lab)
    lab.load("Interactions", interactions())
    assert not reports(lab)
    lab.load("Interactions", interactions(), publishAttributionMetricsToS3=True)
    report = reports(lab)["BULK"]
    assert report[report["METRIC_NAME"] == "LOOKS"]["VALUE"].sum() == (interactions()["EVENT_TYPE"] == "view").sum()


def test_the_life_of_a_metric_attribution(lab):
    c = lab.shop(["Interactions"]).control
    with pytest.raises(ClientError, match=r"Items\.PRICE is no number"):
        attribute(lab)
    arn = attribute(lab, metrics=[{"metricName": "n", "eventType": "view", "expression": "SAMPLECOUNT()"}])
    assert c.describe_metric_attribution(metricAttributionArn=arn)["metricAttribution"]["status"] == "ACTIVE"
    more = {"metricName": "v", "eventType": "view", "expression": "SUM(Interactions.EVENT_VALUE)"}
    c.update_metric_attribution(metricAttributionArn=arn, addMetrics=[more], removeMetrics=["n"])
    assert c.list_metric_attribution_metrics(metricAttributionArn=arn)["metrics"] == [more]
    assert "no metric zzz" in words(c.update_metric_attribution, metricAttributionArn=arn, removeMetrics=["zzz"])
    with pytest.raises(ClientError, match="one metric attribution"):
        attribute(lab, name="second", metrics=[more])
    assert len(c.list_metric_attributions()["metricAttributions"]) == 1
    c.delete_metric_attribution(metricAttributionArn=arn)
    assert c.list_metric_attributions()["metricAttributions"] == []


def test_an_event_id_counts_once_and_a_list_is_an_impression(lab):
    lab.shop(["Interactions"])
    campaign = lab.campaign("aws-popularity-count")
    tracker = lab.control.create_event_tracker(name="t", datasetGroupArn=lab.group)["trackingId"]
    answer = lab.runtime.get_recommendations(campaignArn=campaign, userId="u1", numResults=3)
    shown = [row["itemId"] for row in answer["itemList"]]
    event = {"eventType": "view", "sentAt": 1_800_000_000, "itemId": "i07", "eventId": "e1"}
    listed = event | {"recommendationId": answer["recommendationId"], "eventId": "e2"}
    own = listed | {"impression": ["i30"], "eventId": "e3"}
    for batch in ([event, event], [event | {"itemId": "i08"}], [listed, own]):
        lab.events.put_events(trackingId=tracker, userId="u1", sessionId="s", eventList=batch)
    group = lab.service.groups.get(lab.group)
    assert [e.item for e in group.events_of("u1")] == ["i07"] * 3
    assert [items for _, items in group.impressions] == [shown, ["i30"]]  # the explicit one goes before the list
    lab.service.groups.forget(lab.group)  # read again from disk
    lab.events.put_events(trackingId=tracker, userId="u1", sessionId="s", eventList=[event])
    assert len(lab.service.groups.get(lab.group).events_of("u1")) == 3


def solution(days=None, created=0.0, on=True):
    config = {"autoTrainingConfig": {"schedulingExpression": f"rate({days} days)"}} if days else {}
    return {"performAutoTraining": on, "creationDateTime": created, "solutionConfig": config}


def test_when_a_training_is_due():
    version = {"status": "ACTIVE", "creationDateTime": 0.0}
    assert not is_due(solution(on=False), [], 1e9)
    assert not is_due(solution(), [], 299) and is_due(solution(), [], 300)  # room for a version made by hand
    assert not is_due(solution(), [version], 7 * DAY - 1) and is_due(solution(), [version], 7 * DAY)
    assert is_due(solution(days=2), [version], 2 * DAY)
    assert not is_due(solution(days=2), [version, version | {"creationDateTime": DAY}], 2 * DAY)
    assert not is_due(solution(), [version | {"status": "CREATE PENDING"}], 1e9)


def test_the_clock_trains_and_the_campaign_follows(lab):
    c = lab.shop(["Interactions"]).control
    arn = c.create_solution(
        name="s", datasetGroupArn=lab.group, recipeArn=RECIPE + "aws-popularity-count", performAutoTraining=True
    )["solutionArn"]
    first = c.create_solution_version(solutionArn=arn)["solutionVersionArn"]
    made = lab.done("solution_version", first)
    assert made["trainingType"] == "MANUAL"
    campaign = c.create_campaign(name="c", solutionVersionArn=f"{arn}/$LATEST",
                                 campaignConfig={"syncWithLatestSolutionVersion": True})["campaignArn"]  # fmt: skip
    lab.done("campaign", campaign)
    now = made["creationDateTime"].timestamp() + 1  # the answer is rounded to milliseconds
    lab.service.tick(now + DAY)
    assert len(c.list_solution_versions(solutionArn=arn)["solutionVersions"]) == 1
    c.update_solution(solutionArn=arn, solutionUpdateConfig={"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}})
    lab.service.tick(now + DAY)
    second = c.list_solution_versions(solutionArn=arn)["solutionVersions"][1]["solutionVersionArn"]
    assert lab.done("solution_version", second)["trainingType"] == "AUTOMATIC"
    lab.service.work._jobs.settle(campaign, 10)
    assert lab.done("campaign", campaign)["solutionVersionArn"] == second
    c.update_solution(solutionArn=arn, performAutoTraining=False)
    found = c.describe_solution(solutionArn=arn)["solution"]
    assert found["performAutoTraining"] is False and found["latestSolutionUpdate"]["performAutoTraining"] is False
    lab.service.tick(now + 100 * DAY)
    assert len(c.list_solution_versions(solutionArn=arn)["solutionVersions"]) == 2


def test_a_fault_of_the_clock_is_logged_and_it_goes_on(caplog):
    calls = []

    def tick():
        calls.append(1)
        raise RuntimeError("broken")

    clock = Clock(tick, 0.01)
    while len(calls) < 2:
        pass
    clock.close()
    assert "broken" in caplog.text
