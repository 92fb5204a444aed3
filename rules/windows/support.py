"""Until when Microsoft supports a Windows, by build and edition; and whether a machine pays for security updates after.

Names and "Windows 10" versus "11" in the registry lie (W12, D6); the build and the edition decide (W13). A build or an
edition outside these tables has no cycle: its end of support is unknown, never "the latest known". Cycles are named as
endoflife.date names them: "-w" Home and Pro, "-e" Enterprise and Education, "-e-lts" LTSC, "-iot-lts" IoT LTSC.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from collectors.feeds.records import Lifecycle
from collectors.model import FactKind, HostSnapshot
from collectors.windows.facts import WindowsSystem
from rules.knowledge import Knowledge
from rules.windows.builds import revision_in, running_build
from rules.windows.offers import offered_by_microsoft
from rules.windows.system import package_of

CLIENT, SERVER, SERVER_CORE = "windows", "windows-server", "windows-server-core"

_LICENSED = 1  # LicenseStatus of SoftwareLicensingProduct

_CLIENTS = {  # build -> version as the cycles name it
    7601: "7-sp1",
    9200: "8",
    9600: "8.1",
    10240: "10-1507",
    10586: "10-1511",
    14393: "10-1607",
    15063: "10-1703",
    16299: "10-1709",
    17134: "10-1803",
    17763: "10-1809",
    18362: "10-1903",
    18363: "10-1909",
    19041: "10-2004",
    19042: "10-20h2",
    19043: "10-21h1",
    19044: "10-21h2",
    19045: "10-22h2",
    22000: "11-21h2",
    22621: "11-22h2",
    22631: "11-23h2",
    26100: "11-24h2",
    26200: "11-25h2",
    28000: "11-26h1",
}
_BEFORE_10 = 10000  # builds below are Windows 7 to 8.1, whose editions share their dates
_SERVERS = {
    7601: "2008-r2-sp1",
    9200: "2012",
    9600: "2012-r2",
    14393: "2016",
    16299: "1709",
    17134: "1803",
    17763: "2019",
    18362: "1903",
    18363: "1909",
    19041: "2004",
    19042: "20h2",
    20348: "2022",
    25398: "23h2",
    26100: "2025",
}
_SEMI_ANNUAL = frozenset({"1709", "1803", "1809", "1903", "1909", "2004", "20h2"})
_CHANNEL_EDITION = "ACor"  # ServerDatacenterACor: the semi-annual channel, where a build is shared with an LTSC release

# EditionID (https://learn.microsoft.com/windows-hardware/manufacture/desktop/windows-setup-edition-configuration-and-product-id-files--eicfg-and-pidtxt)
_HOME_AND_PRO = re.compile(
    r"(Core|Professional|Cloud)(SingleLanguage|CountrySpecific|Workstation|Education)?N?", re.ASCII
)
_ENTERPRISE = re.compile(r"(Enterprise|Education)N?|ServerRdsh|IoTEnterpriseK?", re.ASCII)
_LTSC = re.compile(r"EnterpriseSN?", re.ASCII)
_IOT_LTSC = re.compile(r"IoTEnterpriseSK?", re.ASCII)
_OTHER_LIVES = ("Embedded", "IoT")  # editions before Windows 10 with dates of their own
_IOT_WITH_LTSC = frozenset({10240, 14393, 17763})  # IoT LTSB/LTSC that end with the ordinary LTSC of their build

_WINDOWS_10 = (  # activation ids by year; a later year implies the earlier ones (W14)
    "f520e45e-7413-4a34-a497-d2765967d094",
    "1043add5-23b1-4afb-9a0f-64343c8f3f8d",
    "83d49986-add3-41d7-ba33-87c7bfb5c0fb",
)
_SERVER_2012 = (
    "c0a2ea62-12ad-435b-ab4f-c9bfab48dbc4",
    "e3e2690b-931c-4c80-b1ff-dffba8a81988",
    "55b1dd2d-2209-4ea0-a805-06298bad25b3",
)
_SERVER_2012_ENDS = (date(2024, 10, 8), date(2025, 10, 14), date(2026, 10, 13))
# cycle -> activation id and last day of each year.
# Source: https://learn.microsoft.com/windows/whats-new/extended-security-updates,
# https://learn.microsoft.com/windows-server/get-started/extended-security-updates-overview
_ESU_YEARS = {
    "10-22h2": tuple(zip(_WINDOWS_10, (date(2026, 10, 13), date(2027, 10, 12), date(2028, 10, 10)), strict=True)),
    "2012": tuple(zip(_SERVER_2012, _SERVER_2012_ENDS, strict=True)),
    "2012-r2": tuple(zip(_SERVER_2012, _SERVER_2012_ENDS, strict=True)),
}

# The end of regular support as it stood when this was written, of releases whose fixes Microsoft goes on publishing for
# some machines only: for those that pay (ESU), or of another edition. It replaces no calendar: without one, what came
# out later may or may not be owed. Microsoft has moved such days back, never forward.
# Source: https://learn.microsoft.com/lifecycle/products/
_FREE_AT_LEAST_UNTIL = {
    "10-1607-e-lts": date(2026, 10, 13),
    "10-1809-e-lts": date(2029, 1, 9),
    "10-21h2-e-lts": date(2027, 1, 12),
    "10-21h2-iot-lts": date(2032, 1, 13),
    "10-22h2": date(2025, 10, 14),
    "11-23h2-w": date(2025, 11, 11),
    "11-23h2-e": date(2026, 11, 10),
    "11-24h2-w": date(2026, 10, 13),
    "11-24h2-e": date(2027, 10, 12),
    "11-24h2-e-lts": date(2029, 10, 9),
    "11-24h2-iot-lts": date(2034, 10, 10),
    "11-25h2-w": date(2027, 10, 12),
    "11-25h2-e": date(2028, 10, 10),
    "11-26h1-w": date(2028, 3, 14),
    "11-26h1-e": date(2029, 3, 13),
    "2012": date(2023, 10, 10),
    "2012-r2": date(2023, 10, 10),
    "2016": date(2027, 1, 12),
    "2019": date(2029, 1, 9),
    "2022": date(2031, 10, 14),
    "23h2-ac": date(2026, 5, 12),
    "2025": date(2034, 11, 14),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Whether a machine pays for Extended Security Updates, and the last day it has paid for.

    `until` is None when it is not enrolled. `unsure` when that could not be told: the activation could not be read, the
    subscription leaves no trace on the machine (servers enrolled through Azure, private persons through their Microsoft
    account), or the machine runs, or is offered, an update that only subscribers get. `activation_id` is the row that
    says so.
    """

    until: date | None = None
    year: int = 0
    activation_id: str = ""
    unsure: bool = False


def cycle_names(snapshot: HostSnapshot) -> tuple[str, tuple[str, ...]]:
    """Return the endoflife.date product of a Windows machine and the cycle names to try, the narrowest first.

    Returns ("", ()) when it is not known whether the machine is a client or a server, and an empty tuple of names for
    a build or an edition nobody here knows.
    """
    windows, system = snapshot.windows, snapshot.operating_system
    if windows is None or system is None:
        return "", ()
    if system.variant_id == "client":
        return CLIENT, _client_cycles(windows.system)
    if system.variant_id == "server":
        core = windows.system.installation_type == "Server Core"
        return SERVER_CORE if core else SERVER, _server_cycles(windows.system)
    return "", ()


def cycle_in(snapshot: HostSnapshot, calendar: Mapping[tuple[str, str], Lifecycle]) -> tuple[str, Lifecycle | None]:
    """Return the product and the release cycle of a Windows machine; None when the calendar has none for it."""
    product, names = cycle_names(snapshot)
    found = next((calendar[product, name] for name in names if (product, name) in calendar), None)
    if product != SERVER_CORE:
        return product, found
    # The page on Server Core is about container images and leaves out what is sold or serviced by the full name only.
    full = next((calendar[SERVER, name] for name in names if (SERVER, name) in calendar), None)
    if found is None:
        return SERVER, full
    if found.extended_ends_on is None and full is not None:
        extension = {"extended_ends_on": full.extended_ends_on, "extended_name": full.extended_name}
        found = replace(found, **extension)  # type: ignore[arg-type]
    return product, found


def enrolment_of(snapshot: HostSnapshot, knowledge: Knowledge, cycle: Lifecycle) -> Enrolment:
    """Read from the activation whether the machine is enrolled in Extended Security Updates for its release."""
    windows = snapshot.windows
    years = _ESU_YEARS.get(cycle.cycle, ())
    if windows is None or not years:
        return Enrolment(unsure=True)  # enrolled through Azure or by keys that the machine does not tell
    licensed = {row.activation_id for row in windows.activations if row.status == _LICENSED}
    year = max((number for number, (identity, _) in enumerate(years, 1) if identity in licensed), default=0)
    activation_id, until = years[year - 1] if year else ("", None)
    unread = year < len(years) and bool(snapshot.gaps_of(FactKind.ACTIVATION))
    end = until or cycle.support_ends_on
    beyond = end is not None and (
        _runs_an_update_released_after(end, snapshot, knowledge) or _is_offered_more_than(end, snapshot, knowledge)
    )
    # By the maker of the device (IoT); through Azure (servers), which leaves no license on the machine.
    elsewhere = not year and (windows.system.edition_id.startswith("IoT") or cycle.product != CLIENT)
    return Enrolment(until=until, year=year, activation_id=activation_id, unsure=unread or beyond or elsewhere)


def free_at_least_until(snapshot: HostSnapshot) -> date | None:
    """Until when a release was free for all machines of its edition, whatever a calendar says; None when nobody knows.

    Of an edition nobody here knows: for those of the edition that ends first.
    """
    _, names = cycle_names(snapshot)
    windows, system = snapshot.windows, snapshot.operating_system
    if not names and windows is not None and system is not None and system.variant_id == "client":
        version = _CLIENTS.get(windows.system.build, "?")
        names = tuple(name for name in _FREE_AT_LEAST_UNTIL if name == version or name.startswith(f"{version}-"))
    return min((_FREE_AT_LEAST_UNTIL[name] for name in names if name in _FREE_AT_LEAST_UNTIL), default=None)


def _client_cycles(system: WindowsSystem) -> tuple[str, ...]:
    version, edition = _CLIENTS.get(system.build), system.edition_id
    if version is None or not edition:
        return ()
    if system.build < _BEFORE_10:
        return () if edition.startswith(_OTHER_LIVES) else (version,)
    if _LTSC.fullmatch(edition):
        return (f"{version}-e-lts",)
    if _IOT_LTSC.fullmatch(edition):
        return (f"{version}-e-lts" if system.build in _IOT_WITH_LTSC else f"{version}-iot-lts",)
    if _HOME_AND_PRO.fullmatch(edition):
        return (f"{version}-w", version)  # some versions had one date for all editions
    if _ENTERPRISE.fullmatch(edition):
        return (f"{version}-e", version)
    return ()


def _server_cycles(system: WindowsSystem) -> tuple[str, ...]:
    version = _SERVERS.get(system.build)
    if version is None:
        return ()
    if version == "2019" and system.edition_id.endswith(_CHANNEL_EDITION):
        version = "1809"
    if version in _SEMI_ANNUAL:
        return (f"{version}-sac", version)
    return (f"{version}-ac",) if version == "23h2" else (version,)


def _runs_an_update_released_after(end: date, snapshot: HostSnapshot, knowledge: Knowledge) -> bool:
    """Whether the running build came out after `end`: somebody is entitled to it, whatever the activation says.

    Virtual machines in Azure and Windows 365 are enrolled without a key. Out-of-band builds went to everybody (D7).
    """
    running = running_build(snapshot)
    if running is None:
        return False
    build = knowledge.windows_builds.get(running.text)
    if build is not None and build.released_on is not None:
        return not build.out_of_band and build.released_on > end
    rows = knowledge.affected.get((running.release, package_of(running.architecture)), ())
    fixes = (row.advisory for row in rows if revision_in(row.fixed_version, running.branch) == running.revision)
    days = [advisory.issued_on for fix in fixes if (advisory := knowledge.advisories.get(fix)) is not None]
    return any(day is not None and day > end for day in days)


def _is_offered_more_than(end: date, snapshot: HostSnapshot, knowledge: Knowledge) -> bool:
    """Whether Microsoft's own service offers an update of Windows that came out after `end`; WSUS offers it to all."""
    running = running_build(snapshot)
    offered = offered_by_microsoft(snapshot)
    if running is None or not offered:
        return False
    late = {
        row.remedy
        for row in knowledge.affected.get((running.release, package_of(running.architecture)), ())
        if row.remedy in offered
        and (advisory := knowledge.advisories.get(row.advisory)) is not None
        and advisory.issued_on is not None
        and advisory.issued_on > end
    }
    return bool(late) or any(
        build.kb in offered
        and not build.out_of_band
        and build.released_on is not None
        and build.released_on > end
        and build.build.startswith(f"{running.branch}.")
        for build in knowledge.windows_builds.values()
    )
