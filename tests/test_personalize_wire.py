"""The protocol: every operation of the three services, through a real boto3 client, with random requests and answers."""

import datetime
import http.client
import json
import re

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.personalize import server, wire
from helpers.personalize.errors import ServiceError
from helpers.personalize.session import connect

OPERATIONS = [(service, name) for service, model in wire.models().items() for name in model.operation_names]
INPUTS = [operation for operation in OPERATIONS if wire.operation(*operation).input_shape]
NAMES = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,20}", fullmatch=True)
ARNS = NAMES.map(lambda name: f"arn:aws:personalize:us-east-1:123456789012:campaign/{name}")
SAMPLES = {  # values for the patterns in the models
    "arn:": ARNS.map(lambda arn: arn.replace("arn:aws:personalize", "arn:aws:iam", 1)),
    "(s3|http|https)": st.just("s3://bucket/folder/"),
    "rate": st.integers(1, 30).map(lambda n: f"rate({n} days)"),
    "\\d{12}": st.just("123456789012"),
}


def values(shape, *, filled: bool = False) -> st.SearchStrategy:
    """Values that a shape allows; ``filled`` takes all members of structures."""
    kind, rules = shape.type_name, shape.metadata
    low, high = rules.get("min", 0), rules.get("max", 10)
    if kind == "structure":
        parts = {name: values(member, filled=filled) for name, member in shape.members.items()}
        needed = {name: part for name, part in parts.items() if filled or name in shape.required_members}
        return st.fixed_dictionaries(needed, optional={n: p for n, p in parts.items() if n not in needed})
    if kind == "list":
        return st.lists(values(shape.member, filled=filled), min_size=low, max_size=max(low, min(high, 2)))
    if kind == "map":
        return st.dictionaries(values(shape.key), values(shape.value), min_size=low, max_size=max(low, min(high, 2)))
    if kind == "boolean":
        return st.booleans()
    if kind in ("integer", "long"):
        return st.integers(low, rules.get("max", 1000))
    if kind in ("float", "double"):
        return st.floats(rules.get("min", 0), rules.get("max", 1e6), width=32)
    if kind == "timestamp":
        return st.integers(0, 2_000_000_000).map(lambda s: datetime.datetime.fromtimestamp(s, datetime.UTC))
    return texts(rules, low, high)


def texts(rules, low: int, high: int) -> st.SearchStrategy:
    if rules.get("enum"):
        return st.sampled_from(list(rules["enum"]))
    pattern = rules.get("pattern", "")
    if not pattern:
        return st.text(st.characters(exclude_categories=["Cs"]), min_size=low, max_size=max(low, min(high, 30)))
    if pattern.startswith("arn:") and "personalize" in pattern:
        return ARNS
    if pattern.startswith("arn:") and "kms" in pattern:
        return st.just("arn:aws:kms:us-east-1:123456789012:key/one")
    if pattern.startswith("arn:") and "iam" in pattern:
        return st.just("arn:aws:iam::123456789012:role/one")
    for start, strategy in SAMPLES.items():
        if pattern.startswith(start):
            return strategy
    return st.from_regex(wire._pattern(pattern), fullmatch=True).filter(lambda text: low <= len(text) <= high)


class Echo:
    """A service that remembers the parameters and answers what it is told."""

    def __init__(self):
        self.seen, self.answer = None, None

    def __call__(self, method, path, headers, body):
        try:
            call = wire.read(method, path, headers, body)
            self.seen = call
            if isinstance(self.answer, ServiceError):
                raise self.answer
            return 200, {"x-amzn-RequestId": "1"}, wire.write(call, self.answer)
        except ServiceError as error:
            return wire.write_error(error, rest=wire.is_rest(path))


ECHO = Echo()
CLIENTS = {name: connect(ECHO).client(name) for name in wire.SERVICES}


def call(operation, parameters):
    service, name = operation
    return getattr(CLIENTS[service], xform_name(name))(**parameters)


def seconds(value):
    """The same value with times as Unix seconds, as the service sees it."""
    if isinstance(value, dict):
        return {key: seconds(part) for key, part in value.items()}
    if isinstance(value, list):
        return [seconds(part) for part in value]
    return value.timestamp() if isinstance(value, datetime.datetime) else value


def test_the_models_hold_what_this_protocol_assumes():
    assert len(OPERATIONS) == len(wire.routes()) == 79
    for operation in map(lambda names: wire.operation(*names), OPERATIONS):
        for shape in (operation.input_shape, operation.output_shape):
            for member in shape.members.values() if shape else ():
                assert not member.serialization or set(member.serialization) <= {"jsonvalue"}, operation.name


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda names: names[1])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_operation_round_trips_through_a_real_client(operation, data):
    shape, output = wire.operation(*operation).input_shape, wire.operation(*operation).output_shape
    parameters = data.draw(values(shape)) if shape else {}
    ECHO.answer = data.draw(values(output, filled=data.draw(st.booleans()))) if output else {}
    if output:
        assert not ParamValidator().validate(ECHO.answer, output).has_errors()
    ECHO.answer = seconds(ECHO.answer) | {"somethingElse": "never shown"}
    received = call(operation, parameters)
    assert (ECHO.seen.service, ECHO.seen.operation, ECHO.seen.region) == (*operation, "us-east-1")
    assert ECHO.seen.parameters == seconds(parameters)
    received.pop("ResponseMetadata")
    expected = {name: value for name, value in ECHO.answer.items() if name != "somethingElse"}
    assert seconds(received) == expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda names: names[1])
def test_every_modelled_error_arrives_as_its_exception(operation):
    model = wire.operation(*operation)
    parameters = _least(model.input_shape)
    for error in model.error_shapes:
        ECHO.answer = ServiceError(error.name, "no")
        with pytest.raises(getattr(CLIENTS[operation[0]].exceptions, error.name)) as raised:
            call(operation, parameters)
        assert raised.value.response["Error"] == {"Code": error.name, "Message": "no"}
        status = raised.value.response["ResponseMetadata"]["HTTPStatusCode"]
        rest = {"ResourceNotFoundException": 404, "ResourceInUseException": 409}
        assert status == (rest.get(error.name, 400) if operation[0] != "personalize" else 400)


def _least(shape):
    """The smallest legal input."""
    if shape is None:
        return {}
    kind, rules = shape.type_name, shape.metadata
    if kind == "structure":
        return {name: _least(shape.members[name]) for name in shape.required_members}
    if kind == "list":
        return [_least(shape.member)] * rules.get("min", 0)
    if kind == "map":
        return {}
    if kind == "string":
        pattern = rules.get("pattern", "")
        fixed = {"arn:": "arn:aws:personalize:us-east-1:123456789012:x/y", "(s3": "s3://b/k", "": "x"}
        if rules.get("enum"):
            return rules["enum"][0]
        if "iam" in pattern:
            return "arn:aws:iam::123456789012:role/x"
        return next(value for start, value in fixed.items() if pattern.startswith(start))
    if kind in ("integer", "long", "float", "double"):
        return rules.get("min", 1)
    return {"boolean": True, "timestamp": 0}[kind]


def refused(parameters, target="CreateSchema", **more):
    headers = {"X-Amz-Target": f"AmazonPersonalize.{target}"}
    body = parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode()
    with pytest.raises(ServiceError) as raised:
        wire.read("POST", "/", headers, body)
    return raised.value


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"name": "a"}, "1 validation error detected: Value at 'schema' failed to satisfy constraint: Member must not be null"),
        ({"name": "a", "schema": 3}, "Value at 'schema' has the wrong type: expected string, found int"),
        ({"name": "-a", "schema": "{}"}, "Value '-a' at 'name' .* satisfy regular expression pattern"),
        ({"name": "a" * 64, "schema": "{}"}, "length less than or equal to 63"),
        ({"name": "../../x", "schema": "{}"}, "regular expression"),
        ({"name": "a\n", "schema": "{}"}, "regular expression"),
        ({"name": "", "schema": 1}, "3 validation errors detected"),
        ({"name": "a", "schema": "{}", "domain": "SHOES"}, "satisfy enum value set: .*ECOMMERCE"),
    ],
)
def test_constraints_that_the_client_does_not_check(parameters, words):
    error = refused(parameters)
    assert error.code == "InvalidInputException"
    assert re.search(words, str(error)), str(error)


def test_numbers_out_of_range_and_bodies_that_are_no_requests():
    assert "value less than or equal to 100" in str(refused({"maxResults": 101}, "ListSchemas"))
    assert "wrong type" in str(refused({"maxResults": True}, "ListSchemas"))
    for body in (b"{", b"[]", b"3", b'{"maxResults": NaN}', b"[" * 100_000, b"\xff"):
        assert refused(body, "ListSchemas").code == "SerializationException"
    assert refused(b" " * (wire.MAX_BODY + 1), "ListSchemas").status == 413
    assert refused({}, "DeleteEverything").code == "UnknownOperationException"


def test_events_take_times_as_numbers_or_texts():
    event = {"eventType": "view", "sentAt": "2026-01-01T00:00:00Z"}
    for sent in ("2026-01-01T00:00:00Z", 1767225600, 1767225600.0, "1767225600"):
        body = json.dumps({"trackingId": "t", "sessionId": "s", "eventList": [event | {"sentAt": sent}]}).encode()
        parsed = wire.read("POST", "/events", {}, body)
        assert parsed.parameters["eventList"][0]["sentAt"] == 1767225600.0


@given(st.binary(max_size=200), st.sampled_from(["POST", "GET", "\u0000"]), st.sampled_from(["/", "/events", "/x?y=/"]))
def test_any_bytes_are_read_or_refused(body, method, path):
    try:
        wire.read(method, path, {"x-amz-target": "AmazonPersonalize.ListSchemas"} if path == "/" else {}, body)
    except ServiceError as error:
        status, headers, content = wire.write_error(error, rest=wire.is_rest(path))
        assert 400 <= status < 500 and json.loads(content)["__type"] == headers["x-amzn-ErrorType"]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("operation", INPUTS, ids=lambda names: names[1])
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_wrong_types_in_every_operation_get_the_services_error(operation, data):
    service, name = operation
    shape = wire.operation(*operation).input_shape
    given_ = {member: data.draw(JUNK) for member in shape.members}
    key = next(key for key, (s, model) in wire.routes().items() if (s, model.name) == operation)
    headers = {"x-amz-target": key[1]} if "." in key[1] else {}
    try:
        wire.read(key[0], "/" if headers else key[1], headers, json.dumps(given_).encode())
    except ServiceError as error:
        assert error.code == "InvalidInputException" and "validation error" in str(error)


def test_the_session_reads_no_configuration_and_serves_nothing_else(monkeypatch, tmp_path):
    trap = tmp_path / "trap"
    trap.write_text("[profile other]\nregion = nowhere\n")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(trap))
    monkeypatch.setenv("AWS_PROFILE", "absent")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "REAL")
    boto = connect(ECHO)
    assert boto.get_credentials().access_key == "local" and boto.region_name == "us-east-1"
    ECHO.answer = {"schemas": []}
    assert boto.client("personalize").list_schemas()["schemas"] == []
    with pytest.raises(InputError, match="serves Amazon Personalize only, not sts"):
        boto.client("sts").get_caller_identity()


def test_the_http_door_answers_the_same_and_only_on_loopback():
    ECHO.answer = {"schemas": [{"name": "one"}]}
    with server.running(ECHO) as address:
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
        client = boto3.client("personalize", endpoint_url=address, **keys)
        assert client.list_schemas()["schemas"] == [{"name": "one"}] and ECHO.seen.region == "eu-west-1"
        ECHO.answer = ServiceError("ResourceNotFoundException", "no")
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            client.describe_schema(schemaArn="arn:aws:personalize:us-east-1:123456789012:schema/x")
        port = int(address.rsplit(":", 1)[1])
        for host, length, status in (
            ("evil.example", "2", 403),
            (f"127.0.0.1:{port}", "99999999", 413),
            ("localhost", "-1", 413),
        ):
            raw = http.client.HTTPConnection("127.0.0.1", port)
            raw.putrequest("POST", "/events", skip_host=True)
            raw.putheader("Host", host)
            raw.putheader("Content-Length", length)
            raw.endheaders(b"{}")
            assert raw.getresponse().status == status
            raw.close()
        with pytest.raises(InputError, match="choose another --port"):
            server.create_server(ECHO, port)
