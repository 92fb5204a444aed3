"""A loopback HTTP server for feeds: honest by default, and badly behaved on demand, over real sockets."""

import gzip
import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True, kw_only=True)
class Answer:
    """What one path answers. `behave`, when set, takes over the whole answer with the handler in hand."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    validators: bool = True
    compressed: bool = False
    behave: Callable[[BaseHTTPRequestHandler], None] | None = None


@dataclass(slots=True)
class FeedServer:
    """Paths served, and the requests seen so far as (path, headers)."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def serve(self, path: str, body: bytes = b"", **how: Any) -> str:
        """Serve `body` at `path` from now on; return its URL."""
        self.answers[path] = Answer(body=body, **how)
        return f"{self.url}{path}"

    def asked(self, path: str) -> list[dict[str, str]]:
        """Headers of each request for `path`, oldest first."""
        return [headers for asked, headers in self.requests if asked == path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: Any) -> None:
        """Stay silent: clients that hang up are what many tests are about."""


@contextmanager
def feed_server(tls: ssl.SSLContext | None = None) -> Iterator[FeedServer]:
    """Run a server on a free loopback port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            server.requests.append((path, dict(self.headers)))
            answer = server.answers.get(path)
            if answer is None:
                self._send(404, b"not here", {})
            elif answer.behave is not None:
                answer.behave(self)
            else:
                self._answer(answer)

        def _answer(self, answer: Answer) -> None:
            headers = dict(answer.headers)
            if answer.validators:
                headers.setdefault("ETag", f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"')
                headers.setdefault("Last-Modified", formatdate(1_780_000_000, usegmt=True))
                if self.headers.get("If-None-Match") == headers["ETag"]:
                    self._send(304, b"", headers)
                    return
            body = answer.body
            if answer.compressed:
                body = gzip.compress(body)
                headers["Content-Encoding"] = "gzip"
            self._send(answer.status, body, headers)

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304 and "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 304:
                self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Stay silent."""

    httpd = _Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        httpd.socket = tls.wrap_socket(httpd.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    server = FeedServer(f"{scheme}://127.0.0.1:{httpd.server_address[1]}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(timeout=5)


def cut_off(announced: int, body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Announce more bytes than are sent, then close."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(announced))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return behave


def cut_off_chunked(body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send one chunk, then close without the last one."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        handler.close_connection = True

    return behave


def drip(seconds: float) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send a byte every 20 ms for so long, without ever ending the body."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                handler.wfile.write(b".")
                handler.wfile.flush()
                time.sleep(0.02)
        except OSError:
            return
        handler.close_connection = True

    return behave


def hang(seconds: float) -> Callable[[BaseHTTPRequestHandler], None]:
    """Accept the request and say nothing for so long."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return behave


def busy_then(times: int, body: bytes, retry_after: str = "0") -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer 503 so many times, then `body`."""
    left = [times]

    def behave(handler: BaseHTTPRequestHandler) -> None:
        left[0] -= 1
        answer = b"later" if left[0] >= 0 else body
        handler.send_response(503 if left[0] >= 0 else 200)
        handler.send_header("Retry-After", retry_after)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    return behave
