"""The in-process door: a boto3 Session whose three Personalize clients are answered by a service in this process."""

import io
import os

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from helpers.errors import InputError
from helpers.personalize import wire
from helpers.personalize.server import Handle

REGION = "us-east-1"


def connect(handle: Handle, region: str = REGION) -> boto3.Session:
    """Return a boto3 Session for ``handle``. Requests are built, signed and parsed by boto3 as always; none leaves the process.

    No credentials or configuration files are read: the session signs with made-up ones, and any other service is refused.
    """
    nowhere = {name: (None, None, os.devnull, None) for name in ("config_file", "credentials_file")}
    core = botocore.session.Session(session_vars={**nowhere, "profile": (None, None, None, None)})

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        service = wire.signed_for(_texts(request.headers))[0]
        if service != wire.SIGNING_NAME:
            raise InputError(f"this session serves Amazon Personalize only, not {service or 'an unsigned call'}")
        path = request.url.split("/", 3)[3] if request.url.count("/") > 2 else ""
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        status, headers, content = handle(request.method, f"/{path}", _texts(request.headers), body)
        return AWSResponse(request.url, status, headers, _Raw(content))

    core.register("before-send", answer)
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.Session(botocore_session=core, region_name=region, **keys)


def _texts(headers) -> dict[str, str]:
    return {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in headers.items()}


class _Raw(io.BytesIO):
    """What AWSResponse reads from."""

    def stream(self, **_: object):
        yield self.read()
