"""Microsoft Graph, read-only: pages to the end, patience within a limit, and every failure in words.

The client can send nothing but GET. Source: "Microsoft Graph throttling guidance", "Paging Microsoft Graph data in your
app" and the reference of each resource.
"""

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Self
from urllib.parse import urlsplit

from collectors.cloud.answers import AnswerUnreadable, Refused, object_of, refused
from collectors.cloud.call import Call, call_to, origin
from collectors.cloud.csv_report import CsvReport, CsvUnreadable, read_report
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.refusals import refusal
from collectors.cloud.report_download import REDIRECTS, ReportDownload
from collectors.cloud.throttle import Pace, Patience, pace_of
from collectors.cloud.tokens import Token, TokenSource
from collectors.cloud.wire import OpenWire, Reply, Wire, WireBroken
from collectors.cloud.wire import open_wire as open_real_wire
from collectors.errors import GraphError, TenantUnreachable, Throttled, WrongTenant
from collectors.model import GapReason

_log = logging.getLogger(__name__)
_BUSY = frozenset({429, 503, 504, 509})
_BROKEN = frozenset({500, 502})
_BREAKS = 2  # how often a broken connection or server is asked again
_FLICKERS = 3  # how often a refusal that comes and goes is asked again
_MAX_PAGES = 100_000
_MAX_EMPTY = 1000  # pages without a row, one after the other
# Below what Microsoft documents: 2,000 calls a second for an application over all tenants, 3,500 units in 10 s (a call
# costs 1 to 3) for it in one tenant, 14 calls in 10 minutes for one usage report.
_CALLS_PER_SECOND = 1000
_CALLS_PER_TENANT = (1000, 10.0)
_CALLS_PER_REPORT = (12, 600.0)


class GraphClient:
    """One tenant's Graph, used by one thread.

    `tenant` is how the client file names it; `requests` counts the calls sent so far, repeated ones included.
    `open_wire`, `patience`, `pace` and `clock` (monotonic seconds) are there for recordings and tests. The time limit
    of a visit begins here. Close it when done.
    """

    def __init__(
        self,
        tokens: TokenSource,
        *,
        policy: CloudPolicy | None = None,
        open_wire: OpenWire = open_real_wire,
        patience: Patience | None = None,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tenant = tokens.tenant
        self.requests = 0
        self._clock = clock
        self._began = clock()
        self._tokens = tokens
        self._policy = policy or CloudPolicy()
        self._open_wire = open_wire
        self._base = tokens.endpoints.graph.rstrip("/")
        self._patience = patience or Patience(longest_s=self._policy.longest_wait_s)
        # All tenants of an application share its pace; a recording has nobody to spare.
        self._pace = pace or (pace_of(tokens.client_id) if open_wire is open_real_wire else Pace())
        self._wire: Wire | None = None

    def __repr__(self) -> str:
        return f"GraphClient({self.tenant!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self._tokens.close()

    @property
    def granted(self) -> frozenset[str]:
        """Permissions of the token as Graph names them ("roles" of an application, "scp" of a person).

        Signs in first; raises SignInFailed, WrongTenant or TenantUnreachable.
        """
        return self._valid_token().granted

    @property
    def tenant_id(self) -> str:
        """The tenant id the token is of. Raises like `granted`."""
        return self._valid_token().tenant_id

    @property
    def waited_s(self) -> float:
        """Seconds spent waiting because Graph asked for it."""
        return self._patience.waited_s

    def get(self, path: str, params: Mapping[str, str] | None = None, *, consistency: bool = False) -> dict[str, Any]:
        """Read one JSON object.

        `path` begins with "/" and is relative to the base; `params` are named as in the documentation ("$select").
        Raises PermissionMissing, GraphError, Throttled, TenantUnreachable, SignInFailed or WrongTenant.
        """
        call = call_to(self._base, path, params, consistency=consistency)
        return self._object(call, self._ask(call))

    def pages(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        consistency: bool = False,
        page_sizes: Sequence[int] = (),
        again_on: Collection[str] = (),
    ) -> Iterator[list[dict[str, Any]]]:
        """Read a collection page by page, to its end; pages may be empty.

        `page_sizes` are sent as "$top", the first until Graph refuses it, then the next (999; for signInActivity 500,
        120, 100); empty sends none. `again_on` are error codes that are known to come and go: asked again three times.
        What was yielded before an error is true and partial. Raises like `get`.
        """
        first = call_to(self._base, path, params, consistency=consistency, again_on=again_on)
        call, document = self._first_page(first, page_sizes)
        seen = {call.url}
        empty = 0
        for _ in range(_MAX_PAGES):
            rows = document.get("value")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise self._unreadable(call, "JSON without a list of objects in 'value'")
            link = document.get("@odata.nextLink")
            yield rows
            if link is None or link == "":
                return
            empty = 0 if rows else empty + 1
            if empty > _MAX_EMPTY:
                break
            call = call.following(self._pinned(call, link))
            if call.url in seen:
                raise self._unreadable(call, "pages that go in a circle")
            seen.add(call.url)
            document = self._object(call, self._ask(call))
        raise self._unreadable(call, "pages without end")

    def report(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        required: Sequence[str] = (),
        known: CsvReport | None = None,
    ) -> CsvReport:
        """Read one usage report ("/reports/getOffice365ActiveUserDetail(period='D180')").

        Raises GraphError where a `required` column is absent (an empty report lacks none), and like `get`. `known` is
        the copy of an earlier run: it comes back, with its own date, where Graph says that it is still the newest.
        """
        call = call_to(self._base, path, params, etag=known.etag if known is not None else "")
        reply = self._ask(call)
        if reply.status == 304 and known is not None:
            return known
        body = reply.body
        if reply.status in REDIRECTS:
            download = ReportDownload(
                self.tenant,
                self._tokens.endpoints,
                open_wire=lambda: self._open_wire(self._policy),  # a session that never saw the token
                patience=self._patience,
                count=self._count,
            )
            body = download.follow(call, reply, lambda: self._ask(call)).body
        elif reply.status != 200:
            raise self._unreadable(call, f"HTTP {reply.status}")
        try:
            report = read_report(body, etag=reply.headers.get("etag", ""))
        except CsvUnreadable as error:
            raise self._unreadable(call, str(error)) from error
        absent = [name for name in required if report.header and name not in report.header]
        if absent:
            raise self._unreadable(call, f"a report without the column {absent[0]!r}")
        return report

    def check_organization(self, tenant_id: str, domains: Sequence[str] = ()) -> None:
        """Raise WrongTenant unless the organization that answered is the tenant that was asked for."""
        signed_in = self._valid_token().tenant_id
        asked = self._tokens.asked_tenant
        known = {domain.lower() for domain in domains}
        by_domain = "." in asked and bool(known) and asked not in known
        if tenant_id.lower() != signed_in or by_domain:
            told = f"{tenant_id} ({', '.join(sorted(known))})" if by_domain else tenant_id
            raise WrongTenant(
                self.tenant,
                f"Graph answered for the organization {told}, {asked} was asked for; what was read is not used.",
                hint="Check the tenant of the credential.",
            )

    # One call, asked until there is an answer.

    def _ask(self, call: Call) -> Reply:
        """Send a call until Graph answers it with 2xx, 3xx; everything else is raised."""
        attempt = breaks = flickers = 0
        renewed = False
        while True:
            self._keep_pace(call)
            token = self._valid_token()
            try:
                reply = self._send(call, token)
            except WireBroken as error:
                breaks += 1
                if not error.again or breaks > _BREAKS or not self._patience.wait(breaks - 1):
                    raise self._unreachable(error) from error
                _log.debug("%s: %s failed (%s), asking again", self.tenant, call.path, error.problem)
                continue
            if reply.status < 400:
                _log.debug("%s: %s answered HTTP %d", self.tenant, call.path, reply.status)
                return reply
            why = refused(reply)
            if reply.status == 401 and not renewed:
                renewed = True
                self._tokens.renew(token)
            elif reply.status in _BUSY:
                if attempt >= self._policy.retries or not self._patience.wait(
                    attempt, reply.headers.get("retry-after", "")
                ):
                    raise self._throttled(call, why)
                attempt += 1
            elif reply.status in _BROKEN and breaks < _BREAKS and self._patience.wait(breaks):
                breaks += 1
            elif why.code and why.code in call.again_on and flickers < _FLICKERS and self._patience.wait(flickers):
                flickers += 1
            else:
                raise refusal(self._tokens, call, why, token)
            _log.debug("%s: %s answered HTTP %d, asking again", self.tenant, call.path, reply.status)

    def _send(self, call: Call, token: Token) -> Reply:
        if self._wire is None:
            self._wire = self._open_wire(self._policy)
        headers = {
            "Authorization": f"Bearer {token.value.reveal()}",
            "Accept": "application/json" if not call.is_report else "*/*",
            "Accept-Encoding": "gzip",
            "client-request-id": str(uuid.uuid4()),
        }
        if self._policy.low_priority:
            headers["x-ms-throttle-priority"] = "Low"
        if call.consistency:
            headers["ConsistencyLevel"] = "eventual"
        if call.etag:
            headers["If-None-Match"] = call.etag
        self._count()
        reply = self._wire.get(call.url, headers)
        if reply.status < 400:
            self._patience.ease(reply.headers.get("x-ms-throttle-limit-percentage", ""))
        return reply

    def _count(self) -> None:
        """Count a call that is about to be sent; raises TenantUnreachable where the visit has taken long enough."""
        limit_s = self._policy.visit_deadline_s
        if self._clock() - self._began > limit_s:
            raise TenantUnreachable(
                self.tenant,
                f"the visit was ended after {limit_s / 60:.0f} minutes; what had been read until then is kept.",
                hint="Run the audit again later.",
                reason=GapReason.TIMED_OUT,
            )
        self.requests += 1

    def _valid_token(self) -> Token:
        # Asked anew each time: the source answers from memory until the token is about to expire.
        return self._tokens.token()

    def _keep_pace(self, call: Call) -> None:
        asked = self._tokens.asked_tenant
        limit, window_s = _CALLS_PER_TENANT
        delay_s = max(
            self._pace.delay_s("calls", limit=_CALLS_PER_SECOND, window_s=1.0),
            self._pace.delay_s(f"calls {asked}", limit=limit, window_s=window_s),
        )
        if call.is_report:
            limit, window_s = _CALLS_PER_REPORT
            key = f"report {asked} {call.path.partition('(')[0]}"
            delay_s = max(delay_s, self._pace.delay_s(key, limit=limit, window_s=window_s))
        if delay_s > 0 and not self._patience.pause(delay_s):
            raise Throttled(
                self.tenant,
                f"{call.path} was asked too often within ten minutes, more than Microsoft allows.",
                hint="Run the audit again in ten minutes.",
            )

    # Pages and reports.

    def _first_page(self, call: Call, page_sizes: Sequence[int]) -> tuple[Call, dict[str, Any]]:
        for number, size in enumerate(page_sizes):
            sized = call.with_top(size)
            try:
                return sized, self._object(sized, self._ask(sized))
            except GraphError as error:
                if error.status != 400 or number + 1 == len(page_sizes):
                    raise
                _log.debug("%s: %s refused pages of %d rows", self.tenant, call.path, size)
        return call, self._object(call, self._ask(call))

    def _pinned(self, call: Call, link: object) -> str:
        """The next link, which must lead to where the first page came from: the token goes with it."""
        if not isinstance(link, str):
            raise self._unreadable(call, "a next page that has no address")
        try:
            same = origin(link) == origin(self._base)
        except ValueError:
            same = False
        if not same:
            raise self._failure(
                call,
                "the next page is said to lie on another server; refused, for the token would go there",
                reason=GapReason.REFUSED,
            )
        return link

    # Words for what went wrong.

    def _object(self, call: Call, reply: Reply) -> dict[str, Any]:
        if reply.status != 200:
            raise self._unreadable(call, f"HTTP {reply.status}")
        try:
            return object_of(reply.body)
        except AnswerUnreadable as error:
            raise self._unreadable(call, str(error)) from error

    def _throttled(self, call: Call, why: Refused) -> Throttled:
        return Throttled(
            self.tenant,
            f"{call.path} is busy (HTTP {why.status}), after {self._patience.waited_s:.0f} s of waiting in all.",
            hint="Run the audit again later; what had been read until then is kept.",
        )

    def _unreachable(self, error: WireBroken) -> TenantUnreachable:
        host = urlsplit(self._base).hostname
        return TenantUnreachable(self.tenant, f"{host} could not be reached: {error.problem}.", hint=error.hint)

    def _unreadable(self, call: Call, what: str) -> GraphError:
        return self._failure(call, f"it answered with {what}", reason=GapReason.UNPARSABLE, status=200)

    def _failure(
        self, call: Call, problem: str, *, reason: GapReason = GapReason.FAILED, status: int = 0
    ) -> GraphError:
        return GraphError(self.tenant, f"{call.path}: {problem}.", reason=reason, status=status, path=call.path)
