"""Starting the service behind its HTTP door."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.personalize import wire
from helpers.personalize.server import create_server
from helpers.personalize.service import Service

_MAX_UPLOAD = 2_000_000_000


@contextmanager
def serve(home: Path, port: int, *, with_moto: bool = False) -> Iterator[tuple[str, Path, Callable[[], None]]]:
    """Open the service and its port; yields the address, the home, and the function that serves until interrupted.

    Raises:
        InputError: the home or the port is in use, or moto is wanted and not installed.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    storage = None
    if with_moto:
        from helpers.personalize.moto_door import S3Storage
        from helpers.personalize.moto_door import with_moto as join

        storage = S3Storage()
    with Service(home, storage=storage) as service:
        handle = join(service.handle) if with_moto else service.handle
        server = create_server(handle, port, max_body=_MAX_UPLOAD if with_moto else wire.MAX_BODY)
        address = f"http://127.0.0.1:{server.server_address[1]}"
        if with_moto:
            storage.address = address
        try:
            yield address, service.home, server.serve_forever
        finally:
            server.server_close()
