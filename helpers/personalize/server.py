"""The HTTP door: one port on loopback for all three services."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from helpers.errors import InputError
from helpers.personalize import wire

Handle = Callable[[str, str, Mapping[str, str], bytes], tuple[int, dict[str, str], bytes]]
"""``(method, path, headers, body) -> (status, headers, body)``."""

_WITHOUT_BODY = ("GET", "HEAD", "DELETE")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOG = logging.getLogger(__name__)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def create_server(handle: Handle, port: int = 0, host: str = "127.0.0.1", max_body: int = wire.MAX_BODY) -> ThreadingHTTPServer:
    """Bind a server that answers with ``handle``; start it with ``serve_forever``.

    Args:
        handle: the service.
        port: 0 = any free one (``server.server_address[1]``).
        host: loopback unless told otherwise; nothing here asks who is calling.
        max_body: bytes of the largest request that is read.

    Raises:
        InputError: the port is taken or the host is not this machine.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer
        disable_nagle_algorithm = True
        timeout = 120
        server_version, sys_version = "personalize", ""

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "0" if self.command in _WITHOUT_BODY else "")
            if not length.isascii() or not length.isdigit() or int(length) > max_body:
                self.close_connection = True  # the body stays unread
                return self._answer(413, {}, b"the request has no length, or is too long")
            body = self.rfile.read(int(length))
            if host in LOOPBACK and _hostname(self.headers.get("Host", "")) not in LOOPBACK:
                return self._answer(403, {}, b"this server answers on loopback only")
            self._answer(*handle(self.command, self.path, self.headers, body))

        do_GET = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_POST

        def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            _LOG.debug(format, *arguments)

    try:
        return _Server((host, port), Handler)
    except OSError as fault:
        raise InputError(f"cannot listen on {host}:{port} ({fault.strerror}); choose another --port") from fault


@contextlib.contextmanager
def running(handle: Handle, port: int = 0) -> Iterator[str]:
    """Serve on a thread of this process while the block runs; yields the address."""
    server = create_server(handle, port)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _hostname(header: str) -> str:
    """Return the name in a Host header: a page that had its own name point at this machine would send that name."""
    return header.rsplit(":", 1)[0].strip("[]") if header.count(":") != 1 or "]" in header else header.split(":")[0]
