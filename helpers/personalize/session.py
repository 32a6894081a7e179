"""The in-process door: a boto3 Session whose three Personalize clients are answered by a service in this process."""

import atexit
import io
import os
from pathlib import Path

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from helpers.errors import InputError
from helpers.personalize import wire
from helpers.personalize.jobs import Train, train_in_process
from helpers.personalize.server import Handle
from helpers.personalize.service import Service

REGION = "us-east-1"
_services: dict[Path, Service] = {}


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


def session(home: str | Path, region: str = REGION, *, train: Train = train_in_process) -> boto3.Session:
    """Return a boto3 Session over the service in ``home``, started on the first call for that folder in this process.

    ``session(home).client("personalize")`` and its two siblings work as on AWS; a program moves there by calling
    ``boto3.Session()`` instead. The service ends with the process; its home keeps everything.

    Args:
        home: the folder of the service.
        region: stands in the ARNs.
        train: ``train_in_process``, or ``train_here`` for short lessons: it starts at once, but everything else waits.

    Raises:
        InputError: the home is in use by another process or not ours.
    """
    folder = Path(home).expanduser().absolute()
    if folder not in _services:
        _services[folder] = Service(folder, train=train)
        atexit.register(_services[folder].close)
    return connect(_services[folder].handle, region)


def close(home: str | Path) -> None:
    """End the service of a home that :func:`session` started; the next call of :func:`session` starts it again."""
    service = _services.pop(Path(home).expanduser().absolute(), None)
    if service is not None:
        atexit.unregister(service.close)
        service.close()
