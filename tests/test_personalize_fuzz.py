"""Whatever the model allows may arrive: every operation on a living service, random input, never a fault of the program."""

import json
import logging
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from personalize_lab import open_lab, schema
from test_personalize_wire import OPERATIONS, values

from helpers.personalize import wire

KEY = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/personalize/aws4_request"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = open_lab(tmp_path_factory.mktemp("fuzz") / "home", patience=0.0).shop()
    lab.campaign("aws-popularity-count", "campaign")
    lab.campaign("aws-sims", "sims")
    lab.filter("filter", "INCLUDE ItemID WHERE Items.GENRE IN ($G) | EXCLUDE ItemID WHERE Items.PRICE < 3 IF CurrentUser.AGE > 3")
    lab.tracking = lab.tracker()
    yield lab
    lab.service.close()


def known(lab) -> list[str]:
    """The ARNs of everything there is."""
    kinds = ("Schema", "DatasetGroup", "Dataset", "Solution", "SolutionVersion", "Campaign", "Filter", "EventTracker")
    arns = []
    for noun in kinds:
        member = noun[0].lower() + noun[1:] + "Arn"
        arns += [record[member] for record in lab.service.resources.all(noun)]
    return arns


def with_known(data, value, arns, lab):
    """Put things that exist into a drawn request, so that it gets past the first check."""
    if isinstance(value, dict):
        return {key: _known(data, key, part, arns, lab) for key, part in value.items()}
    if isinstance(value, list):
        return [with_known(data, part, arns, lab) for part in value]
    return value.timestamp() if hasattr(value, "timestamp") else value


def _known(data, key, part, arns, lab):
    if key.lower().endswith("arn") and data.draw(st.integers(0, 3)):
        kind = re.sub(r"(?<!^)(?=[A-Z])", "-", key.removesuffix("Arn")).lower().removesuffix("-version")
        fitting = [arn for arn in arns if f":{kind}/" in arn]
        return data.draw(st.sampled_from(fitting or arns))
    special = {
        "trackingId": [lab.tracking],
        "userId": ["u1", "u2"],
        "itemId": ["i00"],
        "schema": [schema("Items"), "{", "null"],
        "properties": ['{"itemId": "i01", "price": 3}', "3", "{"],
        "filterExpression": ['INCLUDE ItemID WHERE Items.GENRE IN ("x")'],
        "filterValues": [{"G": '"tea"'}, {"G": "x"}, {}],
    }
    if key in special and data.draw(st.booleans()):
        return data.draw(st.sampled_from(special[key]))
    return with_known(data, part, arns, lab)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda names: names[1])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_finds_a_fault_of_the_program(lab, caplog, operation, data):
    caplog.clear()
    service, name = operation
    shape = wire.operation(service, name).input_shape
    drawn = data.draw(values(shape)) if shape else {}
    if name in ("DeleteCampaign", "DeleteFilter", "DeleteEventTracker", "DeleteDataset", "DeleteSolution"):
        request = drawn  # what the other operations need stays
    else:
        request = with_known(data, drawn, known(lab), lab)
    key = next(key for key, (s, model) in wire.routes().items() if (s, model.name) == operation)
    headers = {"Authorization": KEY} | ({"X-Amz-Target": key[1]} if "." in key[1] else {})
    status, more, body = lab.service.handle(key[0], "/" if "." in key[1] else key[1], headers, json.dumps(request).encode())
    faults = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert not faults, faults
    if status != 200:
        assert status < 500 and json.loads(body)["__type"] == more["x-amzn-ErrorType"] != "InternalFailure"
