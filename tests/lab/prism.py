"""Stoplight's prism, serving the part of Graph's published schema that we use, as the contract of our calls.

It refuses what the schema does not know: an unknown property in $select, a page too large, a period that is none. In
dynamic mode it answers with random bodies, null wherever the schema allows it. It has no state, and no report host:
downloads are answered here, with a report that holds no row. `served` paths are all it knows.
"""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.cloud import discover
from collectors.cloud.credentials import CloudEndpoints
from collectors.cloud.facts import HeldLicense, Organization, ServicePlan, SubscribedSku, User
from collectors.cloud.graph import GraphClient
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.throttle import Patience
from collectors.cloud.wire import Reply, RequestsWire
from collectors.errors import TenantError
from tests.lab.graph.fixed import FixedTokens
from tests.lab.graph.reports import HEADERS, csv_of
from tests.lab.graph.tenant import BUSINESS_PREMIUM, EXCHANGE_PLAN, P1_PLAN
from tests.lab.node import missing, node_folder
from tests.lab.ports import free_port

SCHEMA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "m365" / "graph_openapi_subset.yaml"
UNSERVED = ("/directory/deletedItems", "/users/{id}/mailboxSettings")
"""Paths we ask that the schema's cut leaves out."""

_TENANT = "48a80680-7326-48cd-9935-b556b81d3a4e"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer; `told` begins the body of one that was refused."""

    url: str
    status: int
    told: str


@dataclass(slots=True)
class Prism:
    """The running mock."""

    port: int
    exchanges: list[Exchange] = field(default_factory=list)

    def client(self, prefer: str = "") -> GraphClient:
        """A client whose every call carries the header "Prefer" ("code=429", "dynamic=true")."""
        endpoints = CloudEndpoints(graph=f"http://127.0.0.1:{self.port}")
        patience = Patience(longest_s=3600, sleep=lambda _: None)
        return GraphClient(
            FixedTokens("contoso", endpoints),
            policy=CloudPolicy(proxies={}),
            open_wire=lambda policy: _PrismWire(RequestsWire(policy), prefer, self.exchanges),
            patience=patience,
        )

    def ask_all(self, prefer: str = "") -> list[tuple[TenantQuestion, TenantPart | TenantError]]:
        """Ask every question there is, as if the tenant owned everything; what broke otherwise is raised."""
        answers: list[tuple[TenantQuestion, TenantPart | TenantError]] = []
        with self.client(prefer) as client:
            for question in discover():
                try:
                    answers.append((question, question.ask(client, _everything_owned())))
                except TenantError as error:
                    answers.append((question, error))
        return answers


class _PrismWire:
    def __init__(self, inner: RequestsWire, prefer: str, exchanges: list[Exchange]) -> None:
        self._inner = inner
        self._prefer = prefer
        self._exchanges = exchanges

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        if "Authorization" not in headers:  # the way to a report: no host of the internet is asked, nor prism again
            return Reply(status=200, headers={}, body=csv_of(next(iter(HEADERS)), (), refreshed_on=None))
        reply = self._inner.get(url, {**headers, **({"Prefer": self._prefer} if self._prefer else {})})
        told = reply.body[:300].decode("utf-8", "replace") if reply.status >= 400 else ""
        self._exchanges.append(Exchange(url, reply.status, told))
        return reply

    def close(self) -> None:
        self._inner.close()


def _everything_owned() -> Asked:
    plans = tuple(ServicePlan(id=plan, name=plan[:8]) for plan in (P1_PLAN, EXCHANGE_PLAN))
    return Asked(
        taken_at=datetime(2026, 11, 23, 8, tzinfo=UTC),
        organization=Organization(id=_TENANT, name="Contoso", plans=frozenset({P1_PLAN})),
        skus=(SubscribedSku(sku_id=BUSINESS_PREMIUM, part_number="SPB", consumed=1, enabled=5, plans=plans),),
        users=(
            User(
                id="00000000-0000-0000-0000-000000000001",
                upn="alice@contoso.com",
                licenses=(HeldLicense(sku_id=BUSINESS_PREMIUM),),
            ),
        ),
    )


@contextmanager
def prism(log: Path) -> Iterator[Prism]:
    """Run it until the block ends; skips where node, the package or the schema is absent."""
    if why := missing("@stoplight/prism-cli"):
        pytest.skip(why)
    if not SCHEMA.exists():
        pytest.skip("shared test data is absent: graph_openapi_subset.yaml")
    port = free_port()
    program = node_folder() / "node_modules" / ".bin" / "prism"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(program), "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", str(SCHEMA)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _await(port, process, log)
        yield Prism(port)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = "prism did not begin to listen"
    raise AssertionError(message)
