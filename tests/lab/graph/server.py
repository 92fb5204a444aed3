"""Microsoft Graph on loopback: sign-in over TLS, Graph, and a report host on a port of its own.

Every request is recorded. A write verb, an address no audit asks for, a token at the report host and a report asked
more often than Microsoft allows are violations: the test fails with them when the lab closes.
"""

import json
import ssl
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from collectors.cloud.credentials import CloudCredential, CloudEndpoints
from collectors.cloud.graph import GraphClient
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.throttle import Pace, Patience
from collectors.cloud.tokens import EntraTokens
from collectors.credentials import Secret
from tests.lab.graph.answers import Answered, answer, refused
from tests.lab.graph.sign_in import SignInService
from tests.lab.graph.tenant import Fault, LabTenant
from tests.lab.wsman.certificates import Certificates

_REPORT_CALLS = 14  # in ten minutes, for one report, application and tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request to Graph: `path` is below the version, `query` as sent, names of `headers` are lower case."""

    tenant: str
    path: str
    query: str
    headers: dict[str, str]
    at: float


@dataclass(slots=True, kw_only=True)
class Throttle:
    """Induced throttling: a tenant's calls beyond `calls` in `window_s` get 429 with Retry-After."""

    calls: int
    window_s: float
    retry_after: str = "1"
    _times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def refuses(self, tenant: str, now: float) -> bool:
        """Whether this call is one too many; refused calls do not count."""
        recent = [at for at in self._times[tenant] if at > now - self.window_s]
        self._times[tenant] = recent
        if len(recent) >= self.calls:
            return True
        recent.append(now)
        return False


@dataclass(slots=True, kw_only=True)
class LoopbackGraph:
    """The running lab.

    `slept` holds what its clients would have waited, in seconds; `refused` counts the calls that `throttle` refused.
    Each answer of Graph and of the report host takes `latency_s`.
    """

    login: str
    graph: str
    report_host: str
    ca_file: Path
    sign_in: SignInService
    throttle: Throttle | None = None
    requests: list[Seen] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    refused: int = 0
    latency_s: float = 0.0
    _asked: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, tenant: LabTenant) -> LabTenant:
        """Serve one more tenant."""
        self.sign_in.tenants[tenant.id] = tenant
        return tenant

    @property
    def endpoints(self) -> CloudEndpoints:
        """Where this cloud is."""
        return CloudEndpoints(login=self.login, graph=self.graph, scope="https://graph.microsoft.com/.default")

    def policy(self, **how: Any) -> CloudPolicy:
        """A policy that trusts the lab and uses no proxy."""
        return CloudPolicy(**{"ca_bundle": self.ca_file, "proxies": {}, **how})

    def credential(self, tenant: LabTenant, /, **how: Any) -> CloudCredential:
        """How the tenant's application signs in: by secret, unless told otherwise."""
        told: dict[str, Any] = {"tenant": tenant.id, "client_id": tenant.client_id, "endpoints": self.endpoints}
        if not how.keys() & {"certificate_file", "pfx_file", "key_file", "device_code", "secret"}:
            told["secret"] = Secret(tenant.secret)
        return CloudCredential(**{**told, **how})

    def tokens(self, tenant: LabTenant, /, **how: Any) -> EntraTokens:
        """A token source with a cache of its own."""
        import msal

        return EntraTokens(self.credential(tenant, **how), policy=self.policy(), cache=msal.TokenCache())

    def client(self, tenant: LabTenant, *, longest_wait_s: float = 600.0, **how: Any) -> GraphClient:
        """A client that notes its waits in `slept` and waits not at all."""
        patience = Patience(longest_s=longest_wait_s, sleep=self.slept.append, chance=lambda: 0.0)
        policy = self.policy(longest_wait_s=longest_wait_s)
        return GraphClient(self.tokens(tenant), policy=policy, patience=patience, pace=Pace(), **how)

    def asked(self, path: str) -> list[Seen]:
        """Requests whose path begins with that, oldest first."""
        return [seen for seen in self.requests if seen.path.startswith(path)]

    def calls_per_report(self) -> dict[str, int]:
        """How often each report was asked, over all tenants."""
        return dict(Counter(seen.path for seen in self.requests if seen.path.startswith("/reports/")))

    def busiest_second(self) -> int:
        """The most requests that arrived within any one second, refused ones included."""
        times = sorted(seen.at for seen in self.requests)
        most = first = 0
        for last, at in enumerate(times):
            while times[first] <= at - 1:
                first += 1
            most = max(most, last - first + 1)
        return most

    def check(self) -> None:
        """Raise AssertionError for anything a read-only audit must never do."""
        assert not self.violations, self.violations

    # What the handlers ask.

    def answered(self, handler: BaseHTTPRequestHandler) -> Answered:
        """Answer one GET to Graph."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        prefix = urlsplit(self.graph).path
        tenant = self.sign_in.spend(headers.get("authorization", ""))
        parts = urlsplit(handler.path)
        if not parts.path.startswith(f"{prefix}/"):
            self._violation(f"asked for {handler.path}, outside {prefix}")
            return refused(404, "ResourceNotFound", "no such version")
        path = parts.path.removeprefix(prefix)
        seen = Seen(
            tenant=tenant.id if tenant else "", path=path, query=parts.query, headers=headers, at=time.monotonic()
        )
        with self._lock:
            self.requests.append(seen)
        if tenant is None:
            return refused(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
        if (fault := self._fault(tenant, path)) is not None:
            return fault
        url = f"{path}?{parts.query}"
        found = answer(tenant, url, headers, base=self.graph, report_url=self._report_url(tenant))
        if found.unexpected:
            self._violation(f"asked for {handler.path}")
        return found

    def downloaded(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """Answer the report host: /data/download/<way>/<tenant>/<report>."""
        if any(name.lower() in ("authorization", "cookie", "proxy-authorization") for name in headers):
            self._violation("the report host was shown a token or cookie")
        with self._lock:
            self.downloads.append(path)
            nth = self.downloads.count(path)
        _, _, _, way, tenant_id, name = path.split("/")
        if way == "expired" and nth == 1:
            return 403, b"<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code></Error>"
        return 200, self.sign_in.tenants[tenant_id].csv[name]

    def wrote(self, handler: BaseHTTPRequestHandler) -> None:
        """Note a request that could change something."""
        self._violation(f"{handler.command} {handler.path}: the tenant would be changed")

    def _fault(self, tenant: LabTenant, path: str) -> Answered | None:
        with self._lock:
            if path.startswith("/reports/"):
                self._asked[f"{tenant.id} {path}"] += 1
                if self._asked[f"{tenant.id} {path}"] > _REPORT_CALLS:
                    self.violations.append(f"{path} was asked more than {_REPORT_CALLS} times")
            if self.throttle is not None and self.throttle.refuses(tenant.id, time.monotonic()):
                self.refused += 1
                busy = refused(429, "TooManyRequests", "Too many requests")
                busy.headers["Retry-After"] = self.throttle.retry_after
                return busy
            for fault in tenant.faults:
                if path.startswith(fault.path) and fault.times != 0:
                    if fault.after > 0:
                        fault.after -= 1
                        continue
                    fault.times = None if fault.times is None else fault.times - 1
                    return _made(fault)
        return None

    def _report_url(self, tenant: LabTenant) -> str:
        path = f"/data/download/{tenant.report_way}/{tenant.id}"
        match tenant.report_way:
            case "foreign":
                return f"https://reports.evil.example{path}"
            case "plain":
                return f"http://reports.office.com{path}"
            case "nowhere":
                return "https:///["
        return f"{self.report_host}{path}"

    def _violation(self, text: str) -> None:
        with self._lock:
            self.violations.append(text)


def _made(fault: Fault) -> Answered:
    made = refused(fault.status, fault.code or "MadeToFail", fault.message)
    made.headers.update(fault.headers)
    if fault.body is not None:
        made.document, made.body = None, fault.body
    return made


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_args: Any) -> None:
        """Stay silent: clients that hang up are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together: else each answer would wait 40 ms for an acknowledgement
    lab: LoopbackGraph

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def log_message(self, *_args: Any) -> None:
        """Stay silent."""


class _SignInHandler(_Handler):
    def do_GET(self) -> None:
        if self._canned():
            return
        parts = urlsplit(self.path).path.split("/")
        if self.path.endswith("/v2.0/.well-known/openid-configuration"):
            self._tell(self.lab.sign_in.configuration(self.lab.login, parts[1]))
        else:
            self.send(404, b"")

    def do_POST(self) -> None:
        body = self.body()
        if self._canned():
            return
        parts = urlsplit(self.path).path.split("/")
        if self.path.endswith("/oauth2/v2.0/token"):
            self._tell(self.lab.sign_in.token(parts[1], body, f"{self.lab.login}{self.path}"))
        else:
            self.send(404, b"")

    def _canned(self) -> bool:
        if not self.lab.sign_in.answers:
            return False
        status, body = self.lab.sign_in.answers.pop(0)
        self.send(status, body, {"Content-Type": "text/html"})
        return True

    def _tell(self, told: tuple[int, Any]) -> None:
        status, document = told
        self.send(status, json.dumps(document).encode(), {"Content-Type": "application/json"})


class _ReadOnlyHandler(_Handler):
    """Refuses, and reports, whatever could change something."""

    def do_POST(self) -> None:
        self.body()
        self.lab.wrote(self)
        self.send(405, b"")


for _verb in ("PATCH", "PUT", "DELETE"):
    setattr(_ReadOnlyHandler, f"do_{_verb}", _ReadOnlyHandler.do_POST)


class _GraphHandler(_ReadOnlyHandler):
    def do_GET(self) -> None:
        time.sleep(self.lab.latency_s)
        found = self.lab.answered(self)
        body = msgspec.json.encode(found.document) if found.body is None else found.body
        kind = {"Content-Type": "application/json"} if found.body is None else {}
        self.send(found.status, body, {"request-id": "77777777-8888-4999-8aaa-bbbbbbbbbbbb", **kind, **found.headers})


class _ReportHandler(_ReadOnlyHandler):
    def do_GET(self) -> None:
        time.sleep(self.lab.latency_s)
        status, body = self.lab.downloaded(self.path, dict(self.headers))
        self.send(status, body, {"Content-Type": "application/octet-stream"})


@contextmanager
def loopback_graph(*tenants: LabTenant, tls: bool = False, throttle: Throttle | None = None) -> Iterator[LoopbackGraph]:
    """Serve these tenants on free loopback ports until the block ends; then fail for any violation.

    Sign-in is always over TLS, as msal wants it; Graph and the report host are with `tls`.
    """
    with tempfile.TemporaryDirectory(prefix="lab-graph-") as folder:
        certificates = Certificates(Path(folder))
        pem = certificates.server()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem.certificate, pem.key)
        started: list[Callable[[], None]] = []
        handlers = [
            type(f"{kind.__name__}Here", (kind,), {}) for kind in (_SignInHandler, _GraphHandler, _ReportHandler)
        ]
        try:
            ports = []
            for handler, secure in zip(handlers, (True, tls, tls), strict=True):
                port, stop = _start(handler, context if secure else None)
                ports.append(port)
                started.append(stop)
            scheme = "https" if tls else "http"
            lab = LoopbackGraph(
                login=f"https://localhost:{ports[0]}",
                graph=f"{scheme}://localhost:{ports[1]}/v1.0",
                report_host=f"{scheme}://localhost:{ports[2]}",
                ca_file=certificates.ca_file,
                sign_in=SignInService(tenants={tenant.id: tenant for tenant in tenants}),
                throttle=throttle,
            )
            for handler in handlers:
                handler.lab = lab  # type: ignore[attr-defined]
            yield lab
            lab.check()
        finally:
            for stop in started:
                stop()


def _start(handler: Any, context: ssl.SSLContext | None) -> tuple[int, Callable[[], None]]:
    httpd = _Server(("127.0.0.1", 0), handler)
    if context is not None:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()

    def stop() -> None:
        httpd.shutdown()
        httpd.server_close()
        thread.join(timeout=5)

    return httpd.server_address[1], stop
