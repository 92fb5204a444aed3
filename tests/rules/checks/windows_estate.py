"""What the tests about Windows machines share: machines with every fact seen, and a support calendar of our own."""

from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from typing import Any

from collectors.feeds.records import AffectedRange, FeedState, Lifecycle, WindowsBuild
from collectors.model import Application, FactKind, Gap, HostSnapshot, OperatingSystem, Protocol, Target
from collectors.windows.facts import (
    Activation,
    Antivirus,
    DotNet,
    ProductType,
    UpdatePolicy,
    UpdateSearch,
    WindowsFacts,
    WindowsSystem,
)
from rules.checks import discover
from rules.contract import Contract
from rules.engine import Judge
from rules.knowledge import Knowledge
from rules.model import Finding
from rules.rule import Case
from tests.lab.snapshots import NOW, gap
from tests.rules.checks.estate import FEEDS, feed, knowledge, spoken

WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"  # ApplicationID of Windows in SoftwareLicensingProduct
ESU_YEAR_1 = "f520e45e-7413-4a34-a497-d2765967d094"
ESU_YEAR_2 = "1043add5-23b1-4afb-9a0f-64343c8f3f8d"
ESU_YEAR_3 = "83d49986-add3-41d7-ba33-87c7bfb5c0fb"
CALENDAR = (
    Lifecycle(product="windows", cycle="11-25h2-w", support_ends_on=date(2027, 10, 12)),
    Lifecycle(product="windows", cycle="11-24h2-w", support_ends_on=date(2026, 10, 13)),
    Lifecycle(product="windows", cycle="11-24h2-e", support_ends_on=date(2027, 10, 12)),
    Lifecycle(product="windows", cycle="11-24h2-e-lts", support_ends_on=date(2029, 10, 9), lts=True),
    Lifecycle(product="windows", cycle="11-24h2-iot-lts", support_ends_on=date(2034, 10, 10), lts=True),
    Lifecycle(product="windows", cycle="11-23h2-w", support_ends_on=date(2025, 11, 11)),
    Lifecycle(product="windows", cycle="11-23h2-e", support_ends_on=date(2026, 11, 10)),
    Lifecycle(
        product="windows", cycle="10-22h2", support_ends_on=date(2025, 10, 14), extended_ends_on=date(2028, 10, 10)
    ),
    Lifecycle(product="windows", cycle="10-21h2-w", support_ends_on=date(2023, 6, 13)),
    Lifecycle(product="windows", cycle="10-21h2-e", support_ends_on=date(2024, 6, 11)),
    Lifecycle(product="windows", cycle="10-21h2-e-lts", support_ends_on=date(2027, 1, 12), lts=True),
    Lifecycle(product="windows", cycle="10-21h2-iot-lts", support_ends_on=date(2032, 1, 13), lts=True),
    Lifecycle(product="windows", cycle="10-1809-e-lts", support_ends_on=date(2029, 1, 9), lts=True),
    Lifecycle(product="windows", cycle="10-1607-e-lts", support_ends_on=date(2026, 10, 13), lts=True),
    Lifecycle(product="windows", cycle="7-sp1", support_ends_on=date(2020, 1, 14)),
    Lifecycle(product="windows-server", cycle="2025", support_ends_on=date(2034, 11, 14)),
    Lifecycle(product="windows-server", cycle="23h2-ac", support_ends_on=date(2026, 5, 12)),
    Lifecycle(product="windows-server", cycle="2022", support_ends_on=date(2031, 10, 14)),
    Lifecycle(product="windows-server", cycle="2019", support_ends_on=date(2029, 1, 9)),
    Lifecycle(product="windows-server", cycle="1809-sac", support_ends_on=date(2020, 11, 10)),
    Lifecycle(
        product="windows-server", cycle="2016", support_ends_on=date(2027, 1, 12), extended_ends_on=date(2030, 1, 12)
    ),
    Lifecycle(
        product="windows-server",
        cycle="2012-r2",
        support_ends_on=date(2023, 10, 10),
        extended_ends_on=date(2026, 10, 13),
    ),
    Lifecycle(product="windows-server-core", cycle="2025", support_ends_on=date(2034, 11, 14)),
    Lifecycle(product="windows-server-core", cycle="2016", support_ends_on=date(2027, 1, 12)),
)


WINDOWS_FEEDS = (*FEEDS, feed("nvd-kev"), feed("office-channels"))


def known(
    *,
    lifecycles: tuple[Lifecycle, ...] = CALENDAR,
    ranges: tuple[AffectedRange, ...] = (),
    builds: tuple[WindowsBuild, ...] = (),
    as_of: datetime | None = None,
    feeds: tuple[FeedState, ...] = WINDOWS_FEEDS,
    **records: Any,
) -> Knowledge:
    """Knowledge about Windows machines; with `as_of`, every feed was refreshed that moment."""
    if as_of is not None:
        feeds = tuple(replace(state, checked_at=as_of) for state in feeds)
    return replace(
        knowledge(feeds=feeds, lifecycles=lifecycles, **records),
        windows_builds={build.build: build for build in builds},
        ranges={span.product: tuple(other for other in ranges if other.product == span.product) for span in ranges},
    )


def asked(
    rule: str,
    snapshot: HostSnapshot,
    about: Knowledge | None = None,
    *,
    contract: Contract | None = None,
    as_of: datetime = NOW,
) -> tuple[Finding, ...]:
    """The answers of one rule about one host; they can be put into words in every language."""
    rules = [found for found in discover() if found.id == rule]
    assert len(rules) == 1, rule
    judge = Judge(about or known(as_of=as_of), contract or Contract(client="ACME"), as_of, rules)
    judgement = judge.judge(snapshot)
    assert judgement.failures == (), judgement.failures
    for finding in judgement.findings:
        spoken(finding)
    return judgement.findings


def case_of(snapshot: HostSnapshot, about: Knowledge, as_of: datetime = NOW) -> Case:
    """The case of one host, for what rules share."""
    return Case(
        snapshot=snapshot,
        release=None,
        knowledge=about,
        contract=Contract(client="ACME"),
        as_of=as_of,
        match=lambda _host: (),
        memo={},
    )


def windows_host(
    name: str = "pc01",
    *,
    build: int = 26200,
    ubr: int = 7462,
    edition: str = "Professional",
    kind: str = "client",
    installation: str = "",
    applications: tuple[Application, ...] = (),
    gaps: tuple[Gap, ...] = (),
    taken_at: datetime = NOW,
    **changes: Any,
) -> HostSnapshot:
    """A Windows machine on which everything was seen; `changes` replace fields of its Windows facts."""
    client = kind == "client"
    prefix = {7601: "6.1", 9200: "6.2", 9600: "6.3"}.get(build, "10.0")
    system = WindowsSystem(
        build=build,
        ubr=ubr,
        product_type=ProductType.CLIENT if client else ProductType.SERVER,
        edition_id=edition if client or edition != "Professional" else "ServerStandard",
        installation_type=installation or ("Client" if client else "Server"),
        culture="fr-FR",
        elevated=True,
    )
    facts = WindowsFacts(
        system=system,
        policy=UpdatePolicy(uses_wsus=False, service_start="manual", last_success_at=taken_at - timedelta(days=1)),
        search=(UpdateSearch(server="default", result_code=2),),
        dotnet=DotNet(framework_release=533320, framework_version="4.8.09037"),
        antivirus=Antivirus(enabled=True, signatures_at=taken_at - timedelta(hours=5), signature_version="1.441.5.0"),
    )
    assert not set(changes) - {field.name for field in fields(WindowsFacts)}, sorted(changes)
    return HostSnapshot(
        target=Target(name=name, protocol=Protocol.WINRM, address=f"{name}.lab.example"),
        taken_at=taken_at,
        privileged=True,
        operating_system=OperatingSystem(
            id="windows",
            version_id=f"{prefix}.{build}.{ubr}",
            pretty_name=f"Windows (build {build})",
            variant_id=kind,
            architecture="x64",
            hostname=name,
        ),
        applications=applications,
        windows=replace(facts, **changes),
        gaps=gaps,
    )


def server_host(name: str = "srv01", *, build: int = 20348, ubr: int = 4405, **changes: Any) -> HostSnapshot:
    """A Windows server."""
    return windows_host(name, build=build, ubr=ubr, kind="server", **changes)


def program(name: str, version: str, publisher: str = "", **changes: Any) -> Application:
    """One row of the uninstall keys, for all users."""
    made = Application(name=name, version=version, scope="machine", publisher=publisher, architecture="x64")
    return replace(made, **changes)


def activated(activation_id: str, *, status: int = 1) -> Activation:
    """One row of SoftwareLicensingProduct."""
    return Activation(activation_id=activation_id, application_id=WINDOWS, name="Windows(R)", status=status)


def hidden(kind: FactKind) -> tuple[Gap, ...]:
    """One gap of a kind."""
    return (gap(kind),)
