"""Small snapshots of Windows machines for tests: complete by default (no gap, nothing pending, Microsoft answers).

windows_host(build="26100.8655")
windows_host(build="26100.32995", kind="server", edition="ServerStandard")
windows_host(updates=[cbs("26100.8655", state="staged")], search=[offers("KB5094126")])
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from collectors.model import (
    Gap,
    HostSnapshot,
    OperatingSystem,
    Protocol,
    RebootSignal,
    RebootState,
    Target,
)
from collectors.windows.facts import (
    DotNet,
    InstalledUpdate,
    OfferedUpdate,
    OfficeInstall,
    ProductType,
    SqlInstance,
    UpdatePolicy,
    UpdateSearch,
    UpdateSource,
    WindowsFacts,
    WindowsSystem,
)

SEEN_AT = datetime(2026, 6, 20, 8, 0, tzinfo=UTC)
SECURITY = "0fa1201d-4330-4fa8-8ae9-b877473b6441"
DEFINITIONS = "e0789628-ce08-4437-be74-2495b842f43b"
UPDATES = "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83"
MICROSOFT_UPDATE = "7971f918-a847-4430-9279-4c52d1efe18d"
CURRENT = "492350f6-3a01-4f97-b9c0-c7c6ddf67d60"
MONTHLY_ENTERPRISE = "55336b82-a18d-4dd6-b5f6-9e5095c314a6"
SEMI_ANNUAL = "7ffbc6bf-bc32-4f92-8982-f9dd17fd3114"
_KERNELS = {9200: "6.2", 9600: "6.3"}


def windows_host(
    name: str = "pc01",
    *,
    build: str = "26100.8655",
    kind: str = "client",
    edition: str = "",
    architecture: str = "x64",
    updates: Iterable[InstalledUpdate] = (),
    search: Iterable[UpdateSearch] | None = None,
    signals: Iterable[RebootSignal] | None = None,
    gaps: tuple[Gap, ...] = (),
    taken_at: datetime = SEEN_AT,
    booted_at: datetime | None = None,
    **facts: Any,
) -> HostSnapshot:
    """A Windows machine; `facts` replace fields of its Windows facts, `build` is CurrentBuildNumber.UBR."""
    number, revision = (int(part) for part in build.split("."))
    client = kind == "client"
    edition = edition or ("Professional" if client else "ServerStandard")
    system = OperatingSystem(
        id="windows",
        version_id=f"{_KERNELS.get(number, '10.0')}.{build}",
        variant_id=kind,
        pretty_name=f"Windows {'' if client else 'Server '}(build {number})",
        architecture=architecture,
        hostname=name,
        boot_time=booted_at or taken_at - timedelta(days=5),
        clock_skew_s=0,
    )
    running = WindowsSystem(
        build=number,
        ubr=revision,
        product_type=ProductType.CLIENT if client else ProductType.SERVER,
        edition_id=edition,
        installation_type="Client" if client else "Server",
        elevated=True,
    )
    made = WindowsFacts(
        system=running,
        installed_updates=tuple(updates),
        search=(answer(),) if search is None else tuple(search),
        policy=UpdatePolicy(uses_wsus=False, service_start="manual"),
        dotnet=DotNet(),
    )
    quiet = (RebootSignal(name=sign, required=False) for sign in ("component-servicing", "windows-update"))
    return HostSnapshot(
        target=Target(name=name, protocol=Protocol.WINRM, address=f"{name}.lab.example"),
        taken_at=taken_at,
        duration_s=4.0,
        privileged=True,
        operating_system=system,
        reboot=RebootState(signals=tuple(quiet if signals is None else signals)),
        windows=replace(made, **facts),
        gaps=gaps,
    )


def cbs(build: str = "", *, state: str = "installed", kb: str = "", package: str = "") -> InstalledUpdate:
    """A component servicing package: a cumulative update of a build, unless named otherwise."""
    name = package or (
        f"Package_for_RollupFix~31bf3856ad364e35~amd64~~{build}.1.7" if build else f"Package_for_{kb}~~~~"
    )
    return InstalledUpdate(source=UpdateSource.CBS, state=state, kb=kb, package=name, build=build)


def dotnet_rollup(revision: int, *, suffix: str = "_481", state: str = "installed") -> InstalledUpdate:
    """A .NET Framework roll-up of component servicing."""
    return cbs(package=f"Package_for_DotNetRollup{suffix}~31bf3856ad364e35~amd64~~10.0.{revision}.1", state=state)


def qfe(kb: str) -> InstalledUpdate:
    """A line of Win32_QuickFixEngineering."""
    return InstalledUpdate(source=UpdateSource.QFE, state="installed", kb=kb)


def history(kb: str, state: str = "succeeded", *, on: date | None = None) -> InstalledUpdate:
    """A line of the Windows Update Agent's history."""
    return InstalledUpdate(source=UpdateSource.HISTORY, state=state, kb=kb, installed_on=on)


def offered(kb: str = "KB5094126", **changes: Any) -> OfferedUpdate:
    """A security update the Windows Update Agent offers."""
    made = OfferedUpdate(
        update_id=f"id-of-{kb}",
        revision=200,
        server="default",
        kbs=(kb,) if kb else (),
        title=f"Mise à jour cumulative ({kb})",
        categories=(SECURITY,),
    )
    return replace(made, **changes)


def answer(*updates: OfferedUpdate, server: str = "default", **changes: Any) -> UpdateSearch:
    """A search of the Windows Update Agent that came to an end."""
    made = UpdateSearch(server=server, result_code=2, updates=tuple(replace(one, server=server) for one in updates))
    return replace(made, **changes)


def failed_search(error: str = "0x8024402c", *, server: str = "default") -> UpdateSearch:
    """A search that failed."""
    return UpdateSearch(server=server, result_code=4, error=error)


def click_to_run(
    version: str, channel: str = CURRENT, *, products: tuple[str, ...] = ("O365BusinessRetail",)
) -> OfficeInstall:
    """A Click-to-Run Office."""
    source = "cdn_base_url" if channel else ""
    return OfficeInstall(
        kind="click-to-run",
        version=version,
        products=products,
        platform="x64",
        channel=channel,
        channel_source=source,
    )


def sql_instance(version: str, name: str = "MSSQLSERVER") -> SqlInstance:
    """A SQL Server instance."""
    return SqlInstance(name=name, version=version, edition="Standard Edition")


def sign(name: str, required: bool | None = True, detail: str = "") -> RebootSignal:
    """One sign of a pending restart."""
    return RebootSignal(name=name, required=required, detail=detail)
