"""The rest of AWS on the same port, played by moto (extra ``local-aws``): S3, IAM, STS, SSM, KMS, CloudWatch.

Whatever is not signed for Personalize goes to moto, so nothing ever reaches a real account by accident. Its buckets live in
memory: they are gone when the server ends.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers.errors import InputError
from helpers.personalize import wire
from helpers.personalize.server import Handle


def with_moto(handle: Handle) -> Handle:
    """Return a handle that answers Personalize itself and lets moto answer the rest.

    Raises:
        InputError: moto is not installed.
    """
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    try:
        from moto.server import DomainDispatcherApplication, create_backend_app
    except ImportError as fault:
        raise InputError(f'--with-moto needs the extra "local-aws": pip install ".[local-aws]" ({fault})') from fault
    application = DomainDispatcherApplication(create_backend_app)

    def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if wire.signed_for(headers)[0] == wire.SIGNING_NAME:
            return handle(method, path, headers, body)
        return _call(application, method, path, headers, body)

    return answer


def _call(application, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Ask a WSGI application."""
    place, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": place,
        "RAW_URI": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    answered: list = []
    content = application(environ, lambda status, more, *_: answered.extend([status, more]))
    data = b"".join(content)
    skipped = ("content-length", "connection", "transfer-encoding", "date", "server")
    return int(answered[0].split()[0]), {n: v for n, v in answered[1] if n.lower() not in skipped}, data


class S3Storage:
    """Buckets behind an S3 endpoint, moto's for example.

    Args:
        address: the endpoint, set once the server listens.
    """

    def __init__(self, address: str = ""):
        self.address = address

    @contextmanager
    def fetch(self, location: str, *, deep: bool = False) -> Iterator[list[Path]]:
        """Yield copies of the object of a location, or of the objects of a folder (a location that ends with ``/``).

        Args:
            location: ``s3://bucket/key``.
            deep: take the objects of folders in the folder too.

        Raises:
            InputError: there is nothing, or it cannot be read.
        """
        bucket, key = self._parts(location)
        client = self._client()
        with tempfile.TemporaryDirectory() as folder:
            try:
                keys = [key]
                if not key or key.endswith("/"):
                    narrow = {} if deep else {"Delimiter": "/"}
                    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, **narrow)
                    keys = sorted(
                        row["Key"] for page in pages for row in page.get("Contents", ()) if not row["Key"].endswith("/")
                    )
                files = [Path(folder) / f"{place}" / name.rsplit("/", 1)[-1] for place, name in enumerate(keys)]
                for name, file in zip(keys, files, strict=True):
                    file.parent.mkdir()
                    client.download_file(bucket, name, str(file))
            except ClientError as fault:
                raise InputError(f"Insufficient privileges for accessing data in Amazon S3: {location} ({fault})") from fault
            if not files:
                raise InputError(f"Insufficient privileges for accessing data in Amazon S3: there is nothing at {location}")
            yield files

    def save(self, file: Path, location: str) -> None:
        """Write a file to a location."""
        bucket, key = self._parts(location)
        try:
            self._client().upload_file(str(file), bucket, key)
        except (ClientError, boto3.exceptions.S3UploadFailedError) as fault:
            raise InputError(f"Insufficient privileges for accessing data in Amazon S3: {location} ({fault})") from fault

    def _parts(self, location: str) -> tuple[str, str]:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return bucket, key

    def _client(self):
        options = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=self.address, config=Config(s3={"addressing_style": "path"}), **options)
