"""Small estates for tests of the license position: machines, what they run, and what was bought.

    position([device("pc01", office("Standard", "2019"))], [right("office", 2, edition="Standard", version="2019")])

Machines are workstations, reached today, unless a test says otherwise. Without `rights` there is no file of rights;
with an empty one the client bought nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from collectors.windows.facts import Activation, ProcessorTopology, UserProfile
from reports.texts import Texts
from rules.contract import Contract
from rules.messages import Message
from rules.prices import Price
from rules.products import LicenseKind, license_of, products
from rules.rights import Channel, Entitlement, Metric, SoftwareTerms
from rules.software.assess import assess
from rules.software.devices import Device
from rules.software.position import PositionLine, SoftwareSummary
from rules.software.recognition import Install, Program
from rules.software.tenant_rights import CloudRight, CloudUser, TenantRights

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TODAY = NOW.date()
_TEXTS = {language: Texts(language, strict=True) for language in ("en", "fr")}
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"


def install(product: str, edition: str = "", version: str = "", **changes: Any) -> Install:
    """One copy of a product of the table."""
    known = next(one for one in products() if one.id == product)
    changes.setdefault("license", license_of(known, edition))
    changes.setdefault("rows", (" ".join(filter(None, (known.name, edition, version))),))
    return Install(product=known, edition=edition, version=version, **changes)


def office(edition: str = "Professional Plus", version: str = "2019", **changes: Any) -> Install:
    """A perpetual Office."""
    return install("office", edition, version, **changes)


def apps(edition: str = "Business", **changes: Any) -> Install:
    """Microsoft 365 Apps."""
    return install("microsoft-365-apps", edition, channel=Channel.SUBSCRIPTION, **changes)


def device(name: str, *installs: Install, **changes: Any) -> Device:
    """A machine that was reached today and runs exactly this."""
    made = Device(
        name=name, taken_at=NOW, reached=True, hostname=name, system="windows", virtual=False, installs=tuple(installs)
    )
    days = changes.pop("days_ago", None)
    if days is not None:
        changes |= {"taken_at": NOW - timedelta(days=days), "old": True}
    return replace(made, **changes)


def machines(count: int, *installs: Install, prefix: str = "pc", **changes: Any) -> list[Device]:
    """So many machines that run the same."""
    return [device(f"{prefix}{number:02}", *installs, **changes) for number in range(1, count + 1)]


def unreached(name: str) -> Device:
    """A machine nobody ever saw."""
    return Device(name=name, taken_at=NOW, reached=False)


def server(name: str, *installs: Install, sockets: int = 1, cores: int = 8, **changes: Any) -> Device:
    """A physical server; `logical` doubles its cores unless given."""
    logical = changes.pop("logical", cores * 2)
    changes.setdefault("virtual", False)
    topology = ProcessorTopology(sockets=sockets, cores=cores, logical=logical, virtual=changes["virtual"])
    return device(name, *installs, server=True, processors=topology, **changes)


def virtual_server(name: str, *installs: Install, host: str = "", cores: int = 2, **changes: Any) -> Device:
    """A virtual machine with so many virtual cores, whose guest services may name the host."""
    return server(name, *installs, cores=cores, logical=cores, virtual=True, host=host, **changes)


def windows_server(edition: str = "Standard", version: str = "2022") -> Install:
    """Windows Server as a machine runs it."""
    return install("windows-server", edition, version)


def sql(edition: str = "Standard", version: str = "2022") -> Install:
    """SQL Server as an instance tells it."""
    return install("sql-server", edition, version)


def windows(edition: str = "Pro", version: str = "11") -> Install:
    """Windows on a workstation."""
    return install("windows", edition, version)


def key(channel: str = "OEM:DM", *, status: int = 1, firmware: str = "", **changes: Any) -> Activation:
    """The license row of Windows itself."""
    made = Activation(
        activation_id="4de7cb65-cdf1-4de9-8ae8-e3cce27b9f2c",
        application_id=WINDOWS,
        name="Windows(R), Professional edition",
        status=status,
        partial_key="8HVX7",
        channel=channel,
        firmware_license=firmware,
    )
    return replace(made, **changes)


def profile(name: str, days_ago: int = 1, sid: str = "") -> UserProfile:
    """A person's profile on a machine."""
    sid = sid or f"S-1-5-21-1-2-3-{1000 + sum(map(ord, name))}"
    return UserProfile(sid=sid, name=name, hive_loaded=True, last_used_at=NOW - timedelta(days=days_ago))


def program(name: str, publisher: str = "", version: str = "") -> Program:
    """A program no product of the table is."""
    return Program(name=name, publisher=publisher, version=version)


def right(product: str, quantity: int | None, metric: Metric = Metric.DEVICE, **changes: Any) -> Entitlement:
    """One row of the client's file."""
    made = Entitlement(
        id=changes.pop("id", f"{product} x{quantity}"),
        product=product,
        metric=metric,
        quantity=None if quantity is None else Decimal(quantity),
        place="licenses.xlsx, sheet Licences, row 2",
    )
    return replace(made, **changes)


def person(who: str, *rights: CloudRight, **changes: Any) -> CloudUser:
    """A licensed user of the tenant, "who@example.com"."""
    made = CloudUser(upn=f"{who}@example.com", enabled=True, licensed=True, rights=frozenset(rights))
    return replace(made, **changes)


def tenant(*users: CloudUser, **changes: Any) -> TenantRights:
    """A tenant whose users were read; Intune manages nothing unless given as machine -> user."""
    managed = {name.casefold(): upn for name, upn in changes.pop("managed", {}).items()}
    serials = {name.casefold(): serial for name, serial in changes.pop("serials", {}).items()}
    made = TenantRights(tenant="contoso", read=True, users=users, managed=managed, serials=serials)
    return replace(made, **changes)


def position(
    estate: Iterable[Device],
    rights: Sequence[Entitlement] | None = None,
    *,
    tenants: Sequence[TenantRights] = (),
    today: date = TODAY,
    prices: Sequence[Price] = (),
    **terms: Any,
) -> SoftwareSummary:
    """The license position; `terms` are fields of `SoftwareTerms`. Every note must be worded in every language."""
    contract = Contract(
        client="Contoso",
        software=SoftwareTerms(**terms),
        entitlements=None if rights is None else tuple(rights),
        prices=tuple(prices),
    )
    summary = assess(estate, tenants, contract, today)
    for line in summary.lines:
        assert line.gap is None or line.gap == (line.owned or 0) + line.transferred - (line.required or 0)
        worded(line.notes)
    for told in (summary.notes, summary.idle, summary.upcoming):
        worded(told)
    return summary


def line(summary: SoftwareSummary, key: str) -> PositionLine:
    """The line with this key."""
    found = [one for one in summary.lines if one.key == key]
    assert found, f"no line {key!r} among {[one.key for one in summary.lines]}"
    return found[0]


def noted(told: PositionLine | SoftwareSummary) -> set[str]:
    """Last parts of the texts of the notes."""
    return {message.text.rpartition(".")[2] for message in told.notes}


def worded(messages: Iterable[Message]) -> list[str]:
    """Messages in French, having tried both languages: a text or a parameter that lacks raises."""
    found = list(messages)
    for message in found:
        _TEXTS["en"].message(message)
    return [_TEXTS["fr"].message(message) for message in found]


def licensed(product: str) -> LicenseKind:
    """What the table says a product needs."""
    return next(one for one in products() if one.id == product).license
