"""The protocol, driven by botocore's service models: find the operation, read and check its input, write its output.

No transport here: headers and bytes in, values out, and back. botocore's client checks types and required members; the service
must check the rest (lengths, patterns, allowed values). Members that the model does not know are ignored, as AWS does.
"""

import datetime
import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import botocore.loaders
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.utils import parse_timestamp

from helpers.personalize.errors import ServiceError, invalid

SERVICES = ("personalize", "personalize-runtime", "personalize-events")
SIGNING_NAME = "personalize"
"""What the signature of all three services is scoped to."""
MAX_BODY = 6_000_000
"""Bytes of the largest request; the largest legal one is PutItems with ten records of 32,000 characters."""

_REST_STATUS = {"ResourceNotFoundException": 404, "ResourceInUseException": 409}


@dataclass(frozen=True)
class Call:
    """One request: the operation, its checked parameters (times as Unix seconds), and the region it was signed for."""

    service: str
    operation: str
    parameters: dict[str, Any]
    region: str


@functools.cache
def models() -> dict[str, ServiceModel]:
    """Return botocore's models of the three services by name."""
    loader = botocore.loaders.create_loader()
    return {name: ServiceModel(loader.load_service_model(name, "service-2"), name) for name in SERVICES}


@functools.cache
def routes() -> dict[tuple[str, str], tuple[str, OperationModel]]:
    """Return (method, path or X-Amz-Target) -> service and operation."""
    found = {}
    for service, model in models().items():
        prefix = model.metadata.get("targetPrefix") if model.metadata["protocol"] == "json" else None
        for name in model.operation_names:
            operation = model.operation_model(name)
            key = ("POST", f"{prefix}.{name}") if prefix else (operation.http["method"], operation.http["requestUri"])
            found[key] = (service, operation)
    return found


def operation(service: str, name: str) -> OperationModel:
    """Return the model of an operation."""
    return models()[service].operation_model(name)


def signed_for(headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the service name and region of the SigV4 scope; empty texts without a signature. Nothing is verified."""
    scope = re.search(r"Credential=[^/,\s]*/\d*/([a-z\d-]*)/([^/,\s]+)/aws4_request", _header(headers, "authorization"))
    return (scope[2], scope[1]) if scope else ("", "")


def read(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Find the operation of a request and check its input.

    Raises:
        ServiceError: unknown operation, a body that is too large or not JSON, or input that the model does not allow.
    """
    target = _header(headers, "x-amz-target")
    key = (method.upper(), target or path.split("?")[0])
    if key not in routes():
        raise ServiceError("UnknownOperationException", f"there is no operation {target or f'{method} {path}'}"[:200])
    service, model = routes()[key]
    if len(body) > MAX_BODY:
        raise ServiceError("RequestEntityTooLargeException", f"the request is longer than {MAX_BODY} bytes", 413)
    given = _load(body)
    faults: list[str] = []
    parameters = _check("", model.input_shape, given, faults) if model.input_shape else {}
    if faults:
        plural = "s" * (len(faults) > 1)
        raise invalid(f"{len(faults)} validation error{plural} detected: {'; '.join(faults)}")
    return Call(service, model.name, parameters, signed_for(headers)[1])


def write(call: Call, result: Mapping[str, Any]) -> bytes:
    """Return the body of a successful answer: of ``result`` only what the operation's output shape names."""
    shape = operation(call.service, call.operation).output_shape
    return json.dumps(_emit(shape, result), separators=(",", ":")).encode() if shape else b""


def write_error(error: ServiceError, *, rest: bool) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of an error; the REST services have statuses of their own."""
    status = _REST_STATUS.get(error.code, error.status) if rest else error.status
    return status, {"x-amzn-ErrorType": error.code}, json.dumps({"__type": error.code, "message": str(error)}).encode()


def is_rest(path: str) -> bool:
    """Return whether a path belongs to one of the two REST services."""
    return path.split("?")[0] != "/"


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((str(value) for key, value in headers.items() if key.lower() == name), "")


def _load(body: bytes) -> Any:
    def refuse(constant: str):
        raise ValueError(f"{constant} is not JSON")

    try:
        given = json.loads(body, parse_constant=refuse) if body.strip() else {}
    except (ValueError, RecursionError) as fault:
        raise ServiceError("SerializationException", f"the body is not valid JSON ({str(fault)[:100]})") from fault
    if not isinstance(given, dict):
        raise ServiceError("SerializationException", f"the body must be a JSON object, found {type(given).__name__}")
    return given


_TYPES = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
}


def _check(path: str, shape: Shape, value: Any, faults: list[str]) -> Any:
    """Return the value as the service works with it; what is wrong with it goes into ``faults``."""
    kind = shape.type_name
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        faults.append(f"Value at '{path}' has the wrong type: expected {kind}, found {type(value).__name__}")
        return None
    if kind == "structure":
        faults += [f"Value at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
                   for name in shape.required_members if value.get(name) is None]  # fmt: skip
        known = {name: member for name, member in shape.members.items() if value.get(name) is not None}
        return {name: _check(_join(path, name), member, value[name], faults) for name, member in known.items()}
    if kind == "list":
        faults += _broken(path, shape, value)
        return [_check(f"{path}.{i + 1}.member", shape.member, item, faults) for i, item in enumerate(value)]
    if kind == "map":
        faults += _broken(path, shape, value)
        for key in value:
            _check(f"{path}.key", shape.key, key, faults)
        return {key: _check(f"{path}.{key}.member", shape.value, item, faults) for key, item in value.items()}
    if kind == "timestamp":
        return _seconds(path, value, faults)
    if kind == "boolean":
        return value
    faults += _broken(path, shape, value)
    return float(value) if kind in ("float", "double") and not faults else value


def _broken(path: str, shape: Shape, value: Any) -> Iterator[str]:
    """Yield the constraints of a shape that a value of the right type breaks, in AWS's words."""
    rules, kind = shape.metadata, shape.type_name
    number = kind in ("integer", "long", "float", "double")
    size = value if number else len(value)
    what = "value" if number else "length"
    shown = str(value)[:60]
    failed = f"Value '{shown}' at '{path}' failed to satisfy constraint: Member must"
    if kind in ("integer", "long") and not -(2**31 if kind == "integer" else 2**63) <= value < 2**63:
        yield f"{failed} be a whole number in range"
    if "min" in rules and size < rules["min"]:
        yield f"{failed} have {what} greater than or equal to {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"{failed} have {what} less than or equal to {rules['max']}"
    if rules.get("enum") and value not in rules["enum"]:
        yield f"{failed} satisfy enum value set: [{', '.join(rules['enum'])}]"
    if rules.get("pattern") and not _pattern(rules["pattern"]).fullmatch(value):
        yield f"{failed} satisfy regular expression pattern: {rules['pattern']}"


@functools.cache
def _pattern(java: str) -> re.Pattern:
    """Compile a Java pattern; the models use three classes that Python lacks."""
    if r"[\p{L}\p{Z}\p{N}" in java:  # the pattern of tags: letters, spaces, digits and a few signs
        java = java.replace(r"\p{L}\p{Z}\p{N}", r"\w\s")
    return re.compile(java.replace(r"\p{ASCII}", r"[\x00-\x7f]"))


def _seconds(path: str, value: Any, faults: list[str]) -> float | None:
    try:
        seconds = float(value) if not isinstance(value, str) else parse_timestamp(value).timestamp()
        datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        return seconds
    except (ValueError, OverflowError, OSError):
        faults.append(f"Value '{str(value)[:60]}' at '{path}' failed to satisfy constraint: Member must be a timestamp")
        return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _emit(shape: Shape, value: Any) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return {n: _emit(member, value[n]) for n, member in shape.members.items() if value.get(n) is not None}
    if kind == "list":
        return [_emit(shape.member, item) for item in value]
    if kind == "map":
        return {key: _emit(shape.value, item) for key, item in value.items()}
    if kind in ("timestamp", "float", "double"):
        return round(float(value), 3) if kind == "timestamp" else float(value)
    return int(value) if kind in ("integer", "long") else bool(value) if kind == "boolean" else str(value)
