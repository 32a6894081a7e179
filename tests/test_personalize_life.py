"""The whole life, by two programs written for AWS, through both doors; and with the rest of AWS beside it."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from aws_domain_life import domain_life
from aws_life import life
from personalize_lab import interactions, items, open_lab, users

from helpers import personalize

ROOT = Path(personalize.__file__).resolve().parents[2]
NOWHERE = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
TABLES = (interactions().drop(columns="DEVICE"), items(), users())
STORE = (
    interactions(4000)[["USER_ID", "ITEM_ID", "TIMESTAMP"]].assign(EVENT_TYPE=["View", "Purchase"] * 2000).drop_duplicates(),
    items()[["ITEM_ID", "PRICE"]].assign(CATEGORY_L1="tea"),
)


def folder_moves(bucket: Path):
    bucket.mkdir(parents=True, exist_ok=True)
    return lambda key, text: (bucket / key).write_text(text), lambda key: (bucket / key).read_text()


@contextmanager
def serving(home: Path, *options: str):
    """``python -m helpers serve`` as a user starts it; yields the address and the lines it says."""
    command = [sys.executable, "-m", "helpers", "serve", "--port", "0", "--home", str(home), *options]
    environment = os.environ | NOWHERE | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        first = process.stdout.readline()
        found = re.search(r"answers at (http://127\.0\.0\.1:\d+)", first)
        assert found, first + process.stderr.read()
        yield found[1]
    finally:
        process.terminate()
        _, faults = process.communicate(timeout=60)
    assert "Traceback" not in faults, faults


def test_in_process(tmp_path):
    lab = open_lab(tmp_path / "home")
    with lab.service:
        upload, download = folder_moves(lab.service.home / "s3" / "life-bucket")
        life(personalize.connect(lab.service.handle), upload, download, *TABLES)
        domain_life(personalize.connect(lab.service.handle), upload, *STORE)


def test_over_http_with_nothing_but_environment_variables(tmp_path, monkeypatch):
    with serving(tmp_path / "home") as address:
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
        for name, value in (NOWHERE | keys).items():
            monkeypatch.setenv(name, value)
        for part in ("", "_RUNTIME", "_EVENTS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_PERSONALIZE{part}", address)
        upload, download = folder_moves(tmp_path / "home" / "s3" / "life-bucket")
        life(boto3.Session(), upload, download, *TABLES)
        domain_life(boto3.Session(), upload, *STORE)


def test_with_moto_imports_and_batch_jobs_use_its_s3(tmp_path, monkeypatch):
    pytest.importorskip("moto", reason='needs the extra "local-aws"')
    with serving(tmp_path / "home", "--with-moto") as address:
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
        for name, value in (NOWHERE | keys | {"AWS_ENDPOINT_URL": address}).items():
            monkeypatch.setenv(name, value)
        session = boto3.Session()
        assert session.client("sts").get_caller_identity()["Account"] == "123456789012"
        s3 = session.client("s3")
        s3.create_bucket(Bucket="life-bucket")
        role = session.client("iam").create_role(RoleName="PersonalizeRole", AssumeRolePolicyDocument="{}")["Role"]["RoleName"]
        policy = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
        session.client("iam").attach_role_policy(RoleName=role, PolicyArn=policy)
        life(
            session,
            lambda key, text: s3.put_object(Bucket="life-bucket", Key=key, Body=text.encode()),
            lambda key: s3.get_object(Bucket="life-bucket", Key=key)["Body"].read().decode(),
            *TABLES,
        )


def test_the_command_line_of_aws(tmp_path):
    aws = shutil.which("aws")
    if aws is None:
        pytest.skip("the AWS CLI is not installed")
    with serving(tmp_path / "home") as address:
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
        command = [aws, "--endpoint-url", address, "personalize", "create-dataset-group", "--name", "by-hand"]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | NOWHERE | keys, check=True)
        assert "dataset-group/by-hand" in done.stdout
