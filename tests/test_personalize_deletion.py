"""Deleting users: from imports, streams, records, and from what was trained before."""

import json

import pandas as pd
import pytest
from personalize_lab import ROLE, interactions, open_lab, users

from helpers.errors import InputError
from helpers.personalize.deletion import read_users


@pytest.fixture
def lab(tmp_path):
    lab = open_lab(tmp_path / "home")
    yield lab
    lab.service.close()


def delete(lab, text="USER_ID\nu1\nnobody\n", key="gone.csv", location=None, name="d"):
    lab.write(key, text)
    arn = lab.control.create_data_deletion_job(
        jobName=name, datasetGroupArn=lab.group, roleArn=ROLE, dataSource={"dataLocation": location or f"s3://bucket/{key}"}
    )["dataDeletionJobArn"]
    return lab.done("data_deletion_job", arn)


def test_a_user_is_deleted_everywhere(lab):
    lab.shop()
    segments = lab.version("aws-item-affinity", "seg")
    campaign = lab.campaign("aws-popularity-count")
    tracker = lab.control.create_event_tracker(name="t", datasetGroupArn=lab.group)["trackingId"]
    event = {"eventType": "view", "sentAt": 1_800_000_000, "itemId": "i07"}
    lab.events.put_events(trackingId=tracker, userId="u1", sessionId="s", eventList=[event])
    lab.events.put_users(datasetArn=lab.dataset("Users"), users=[{"userId": "u1", "properties": json.dumps({"age": 5})}])
    lab.runtime.get_recommendations(campaignArn=campaign, userId="u1")  # the deployment is in memory
    lab.load("Interactions", interactions(1200, seed=1), importMode="INCREMENTAL")
    theirs = sum((interactions(n, seed=s)["USER_ID"] == "u1").sum() for n, s in ((1500, 0), (1200, 1)))
    job = delete(lab)
    assert job["status"] == "COMPLETED" and job["numDeleted"] == theirs + 1 + 1 + 1  # an imported user, an event, a put user
    row = lab.control.list_data_deletion_jobs(datasetGroupArn=lab.group)["dataDeletionJobs"][0]
    assert row["status"] == "COMPLETED"
    group = lab.service.groups.get(lab.group)
    assert "u1" not in set(group.bulk.user_ids.ids) and not group.events_of("u1") and group.user("u1") == {}
    deployment = lab.service.answering.deploy(lab.service.resources.get(segments))
    assert list(deployment.events.user_ids.ids[deployment.deleted]) == ["u1"]
    assert len(deployment.histories(["u1"], None).items) == 0 < len(deployment.histories(["u2"], None).items)
    line = lab.write("lines.json", json.dumps({"itemId": "i00"}))
    arn = lab.control.create_batch_segment_job(
        jobName="b", solutionVersionArn=segments, numResults=60, roleArn=ROLE, jobInput={"s3DataSource": {"path": line}},
        jobOutput={"s3DataDestination": {"path": "s3://bucket/out/"}},
    )["batchSegmentJobArn"]  # fmt: skip
    assert lab.done("batch_segment_job", arn)["status"] == "ACTIVE"
    listed = json.loads((lab.bucket / "out" / "lines.json.out").read_text())["output"]["usersList"]
    assert "u1" not in listed and "u2" in listed


def test_the_next_training_knows_them_no_more_and_a_restart_forgets_nothing(lab, tmp_path):
    lab.shop(["Interactions"])
    assert delete(lab)["status"] == "COMPLETED"
    lab.service.close()
    again = open_lab(tmp_path / "home")
    version = again.version("aws-popularity-count")
    deployment = again.service.answering.deploy(again.service.resources.get(version))
    assert "u1" not in set(deployment.events.user_ids.ids) and len(deployment.deleted) == 0
    again.service.close()


def test_a_folder_is_read_to_its_depth(lab):
    lab.shop(["Interactions"])
    lab.write("list/deeper/more.csv", "USER_ID\nu2\n")
    assert delete(lab, key="list/one.csv", location="s3://bucket/list/")["status"] == "COMPLETED"
    known = set(lab.service.groups.get(lab.group).bulk.user_ids.ids)
    assert not known & {"u1", "u2"} and "u3" in known


def test_a_wrong_file_deletes_nothing(lab):
    lab.shop(["Interactions"])
    before = len(lab.service.groups.get(lab.group).bulk)
    for i, text in enumerate(("USER_ID,AGE\nu1,3\n", "u1\nu2\n", "USER_ID\n")):
        job = delete(lab, text, name=f"d{i}")
        assert job["status"] == "FAILED" and job["failureReason"]
    assert len(lab.service.groups.get(lab.group).bulk) == before


def test_reading_of_deletion_files(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("\ufeffuser_id\nNA\n7\n7\n")
    assert read_users([file]) == {"NA", "7"}  # ids are text, whatever they look like
    pd.DataFrame(users()).to_csv(file, index=False)
    with pytest.raises(InputError, match=r"a\.csv: a deletion file has the single column USER_ID"):
        read_users([file])
