"""Downloading a usage report from where Graph redirects to: checked first, and never with the token."""

from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from collectors.cloud.call import Call
from collectors.cloud.credentials import CloudEndpoints, is_loopback, safe_address
from collectors.cloud.throttle import Patience
from collectors.cloud.wire import Reply, Wire, WireBroken
from collectors.errors import GraphError, Throttled
from collectors.model import GapReason

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 500, 502, 503, 504, 509})
_EXPIRED = frozenset({401, 403, 404, 410})
_RETRIES = 2
_MAX_HOPS = 3


class ReportDownload:
    """One report's way from the redirect to its bytes.

    `open_wire` gives a fresh session, `count` is told of each call.
    """

    def __init__(
        self,
        tenant: str,
        endpoints: CloudEndpoints,
        *,
        open_wire: Callable[[], Wire],
        patience: Patience,
        count: Callable[[], None],
    ) -> None:
        self._tenant = tenant
        self._endpoints = endpoints
        self._open_wire = open_wire
        self._patience = patience
        self._count = count

    def follow(self, call: Call, reply: Reply, ask_again: Callable[[], Reply]) -> Reply:
        """The report's own answer, with status 200. `ask_again` asks Graph for a new address where one has expired.

        Raises GraphError, also for an address that is no report server's, and Throttled.
        """
        done = self._hop(call, reply)
        if done.status in _EXPIRED:
            done = self._hop(call, ask_again())
        if done.status != 200:
            problem = f"{call.path}: its download failed (HTTP {done.status})."
            raise GraphError(self._tenant, problem, status=done.status, path=call.path)
        return done

    def _hop(self, call: Call, reply: Reply) -> Reply:
        url, hops = call.url, 0
        wire = self._open_wire()
        try:
            while reply.status in REDIRECTS:
                url = _joined(url, reply.headers.get("location", ""))
                hops += 1
                if hops > _MAX_HOPS or not self._holds_reports(url):
                    raise GraphError(
                        self._tenant,
                        f"{call.path}: its download is said to lie on {_host(url) or 'no server'}, which is no report "
                        "server of this cloud; refused.",
                        reason=GapReason.REFUSED,
                        path=call.path,
                    )
                reply = self._fetch(wire, url, call)
            return reply
        finally:
            wire.close()

    def _fetch(self, wire: Wire, url: str, call: Call) -> Reply:
        attempt = 0
        while True:
            self._count()
            try:
                reply = wire.get(url, {"Accept": "*/*", "Accept-Encoding": "gzip"})
            except WireBroken as error:
                if not error.again or attempt >= _RETRIES or not self._patience.wait(attempt):
                    # Not TenantUnreachable: Graph itself answers, and other questions need no report host.
                    raise GraphError(
                        self._tenant,
                        f"{call.path}: {_host(url)}, where it is downloaded, could not be reached: {error.problem}.",
                        hint=error.hint,
                        reason=GapReason.UNREACHABLE,
                        path=call.path,
                    ) from error
            else:
                if reply.status not in _BUSY:
                    return reply
                if attempt >= _RETRIES or not self._patience.wait(attempt, reply.headers.get("retry-after", "")):
                    raise Throttled(
                        self._tenant,
                        f"{call.path}: its download is busy (HTTP {reply.status}).",
                        hint="Run the audit again later.",
                    )
            attempt += 1

    def _holds_reports(self, url: str) -> bool:
        host = _host(url)
        if not safe_address(url):
            return False
        if is_loopback(host):
            return is_loopback(_host(self._endpoints.graph))
        return any(host == domain or host.endswith(f".{domain}") for domain in self._endpoints.report_hosts)


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        return ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
