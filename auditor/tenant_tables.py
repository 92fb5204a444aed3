"""`[[tenants]]`, `[m365]` and `[graph]`: a client's tenants, what was agreed about them, how they are reached."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated

import msgspec

from auditor.credential_tables import Known, application_id_problem
from auditor.settings import GraphSettings, TenantSettings
from auditor.tables import Complaints, Days, Name, Seconds, Table, suggestion
from collectors.cloud.credentials import CLOUDS, CloudEndpoints
from collectors.model import Protocol, Target
from rules.contract import LicenseException, TenantTerms

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_SHARED = ("common", "organizations", "consumers")
_SKU = re.compile(r"\S(.*\S)?")


class _TenantTable(Table):
    name: Name
    tenant: Name
    credential: Name
    client_id: str = ""
    cloud: str = "global"
    labels: tuple[str, ...] = ()


class _ExceptionTable(Table):
    who: Name
    reason: Name
    until: date
    product: str = ""


class _TermsTable(Table):
    inactive_days: Days = 90
    starter_grace_days: Days = 30
    usage_max_age_days: Days = 7
    seat_limit: Count = 300
    seat_limit_per_sku: bool = False
    apps_for_business_counts: bool = False
    mailbox_types: bool = False
    spare_seats: dict[str, Count] = msgspec.field(default_factory=dict)
    non_billable: dict[str, Count] = msgspec.field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    exceptions: list[object] = msgspec.field(default_factory=list)


class _GraphTable(Table):
    ca_file: str = ""
    longest_wait_s: Seconds = 600.0
    login: str = ""
    url: str = ""
    report_hosts: tuple[str, ...] = ()


def read_tenants(
    said: Complaints, value: object, credentials: Known, graph: GraphSettings
) -> tuple[TenantSettings, ...]:
    """Read `[[tenants]]`. Raises SettingsError."""
    names: dict[str, str] = {}
    places: dict[str, str] = {}
    found = []
    for number, table in enumerate(said.rows(value, "tenants"), start=1):
        name = table.get("name") if isinstance(table, Mapping) else None
        path = f'tenants[{number}] ("{name}")' if isinstance(name, str) else f"tenants[{number}]"
        tenant = _tenant(said, path, said.convert(table, path, _TenantTable), credentials, graph)
        for seen, key, what in (
            (names, tenant.target.name.casefold(), "name"),
            (places, tenant.target.address, "tenant"),
        ):
            if key in seen:
                raise said.error(
                    f"{path}.{what}", f"the same as that of {seen[key]}.", "Every tenant stands here once."
                )
            seen[key] = path
        found.append(tenant)
    return tuple(found)


def _tenant(
    said: Complaints, path: str, written: _TenantTable, credentials: Known, graph: GraphSettings
) -> TenantSettings:
    if written.name.startswith("@"):
        raise said.error(f"{path}.name", "a name cannot start with @ (that means a label).")
    address = written.tenant.strip().lower()
    if problem := tenant_problem(address):
        raise said.error(f"{path}.tenant", problem)
    app = credentials.app(said, f"{path}.credential", written.credential)
    client_id = written.client_id or app.client_id
    if not client_id:
        hint = f"Write it here, or in [credentials.{app.name}]."
        raise said.error(f"{path}.client_id", "the application (client) id is missing.", hint)
    if problem := application_id_problem(client_id):
        raise said.error(f"{path}.client_id", problem)
    if written.cloud not in CLOUDS:
        hint = suggestion(written.cloud, list(CLOUDS))
        raise said.error(f"{path}.cloud", f"{written.cloud!r} is not one of {', '.join(CLOUDS)}.", hint)
    return TenantSettings(
        target=Target(
            name=written.name, protocol=Protocol.M365, address=address, credential=app.name, labels=written.labels
        ),
        app=app,
        client_id=client_id,
        endpoints=endpoints(written.cloud, graph),
    )


def tenant_problem(address: str) -> str:
    """What is wrong with a tenant as written, in lower case; "" when nothing is."""
    if address in _SHARED:
        return f"{address!r} means any tenant; an audit names one."
    if _GUID.fullmatch(address) or _DOMAIN.fullmatch(address):
        return ""
    return f"{address!r} is neither a tenant id (a GUID) nor a domain (contoso.com)."


def endpoints(cloud: str, graph: GraphSettings) -> CloudEndpoints:
    """Where tenants of this cloud are reached, unless `[graph]` says otherwise."""
    known = CLOUDS[cloud]
    return replace(
        known,
        login=graph.login or known.login,
        graph=graph.url or known.graph,
        report_hosts=graph.report_hosts or known.report_hosts,
    )


def read_graph(said: Complaints, value: object) -> GraphSettings:
    """Read `[graph]`. Raises SettingsError."""
    written = said.convert(value, "graph", _GraphTable)
    for key, default in (("login", CLOUDS["global"].login), ("url", CLOUDS["global"].graph)):
        address = getattr(written, key)
        try:
            CloudEndpoints(login=address or default)
        except ValueError:
            problem = f"{address!r} is refused: it must begin with https:// and name a host."
            raise said.error(f"graph.{key}", problem) from None
    return GraphSettings(
        ca_file=said.optional_path(written.ca_file),
        longest_wait_s=written.longest_wait_s,
        login=written.login,
        url=written.url,
        report_hosts=tuple(host.strip().lower() for host in written.report_hosts),
    )


def read_terms(said: Complaints, value: object) -> tuple[TenantTerms, bool]:
    """Read `[m365]`: what was agreed, and whether each mailbox is asked for its type. Raises SettingsError."""
    written = said.convert(value, "m365", _TermsTable)
    for key in ("spare_seats", "non_billable"):
        for sku in getattr(written, key):
            _check_sku(said, f"m365.{key}", sku)
    for sku in written.left_out:
        _check_sku(said, "m365.left_out", sku)
    terms = TenantTerms(
        inactive_days=written.inactive_days,
        starter_grace_days=written.starter_grace_days,
        usage_max_age_days=written.usage_max_age_days,
        seat_limit=written.seat_limit,
        seat_limit_per_sku=written.seat_limit_per_sku,
        apps_for_business_counts=written.apps_for_business_counts,
        spare_seats=written.spare_seats,
        non_billable=written.non_billable,
        left_out=written.left_out,
        exceptions=_exceptions(said, written.exceptions),
    )
    return terms, written.mailbox_types


def _exceptions(said: Complaints, tables: list[object]) -> tuple[LicenseException, ...]:
    found: dict[tuple[str, str], LicenseException] = {}
    for number, table in enumerate(tables, start=1):
        who = table.get("who") if isinstance(table, Mapping) else None
        path = f'm365.exceptions[{number}] ("{who}")' if isinstance(who, str) else f"m365.exceptions[{number}]"
        written = said.convert(table, path, _ExceptionTable)
        exception = LicenseException(
            who=written.who.strip(), product=written.product.strip(), reason=written.reason, until=written.until
        )
        key = (exception.who.casefold(), exception.product.casefold())
        if key in found:
            raise said.error(path, "the same person and product stand here twice.", "Keep one.")
        found[key] = exception
    return tuple(found.values())


def _check_sku(said: Complaints, path: str, sku: str) -> None:
    if not _SKU.fullmatch(sku):
        raise said.error(path, f"{sku!r} is no SKU (a GUID or a part number, without spaces around it).")
