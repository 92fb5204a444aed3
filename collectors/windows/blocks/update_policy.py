"""Where the machine gets its updates from and what holds them back (W16, W19): policies, pauses, the service itself.

Source: Windows Update policies (Group Policy: Policies, Microsoft, Windows, WindowsUpdate and AU below it; MDM: Policy
CSP Update); UX, Settings for pauses set by hand; a pause by policy lasts 35 days from its start.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from collectors.hosts.base import shown
from collectors.model import FactKind, Gap, GapReason
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._values import guid, sane
from collectors.windows.facts import UpdatePolicy

NAME = "update_policy"
_POLICY_PAUSE = timedelta(days=35)
_LAST_YEAR = 9000  # tools that stop updates "for ever" write such years, and adding days must stay possible
_START_TYPES = {0: "boot", 1: "system", 2: "automatic", 3: "manual", 4: "disabled"}
_ENROLLMENTS = {"ms dm server": "intune"}
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.\d+)?Z?)?")


class _Policy(msgspec.Struct, rename="pascal"):
    wu_server: str = msgspec.field(default="", name="WUServer")
    disable_windows_update_access: int = 0
    do_not_connect: int = msgspec.field(default=0, name="DoNotConnectToWindowsUpdateInternetLocations")
    target_release_version: int = 0
    target_release_version_info: str = ""
    defer_quality_updates: int = 0
    defer_days: int | None = msgspec.field(default=None, name="DeferQualityUpdatesPeriodInDays")
    pause_quality_updates: int = 0
    pause_start: str = msgspec.field(default="", name="PauseQualityUpdatesStartTime")


class _Automatic(msgspec.Struct, rename="pascal"):
    use_wu_server: int = msgspec.field(default=0, name="UseWUServer")
    no_auto_update: int = 0
    options: int | None = msgspec.field(default=None, name="AUOptions")


class _Settings(msgspec.Struct, rename="pascal"):
    pause_updates_expiry_time: str = ""
    pause_quality_updates_end_time: str = ""


class _Device(msgspec.Struct, rename="pascal"):
    allow_rebootless_updates: int | None = None
    defer_days: int | None = msgspec.field(default=None, name="DeferQualityUpdatesPeriodInDays")
    pause_quality_updates: int = 0
    pause_start: str = msgspec.field(default="", name="PauseQualityUpdatesStartTime")
    target_release_version: str = ""


class _Seen(msgspec.Struct):
    policy: _Policy = msgspec.field(default_factory=_Policy)
    automatic: _Automatic = msgspec.field(default_factory=_Automatic)
    settings: _Settings = msgspec.field(default_factory=_Settings)
    device: _Device = msgspec.field(default_factory=_Device)
    service_start: int | None = None
    last_search: str | None = None
    last_installation: str | None = None
    hotpatch_table_size: int | None = None
    services: list[str] = msgspec.field(default_factory=list)
    configuration_manager: bool = False
    enrolled_by: list[str] = msgspec.field(default_factory=list)


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen, strict=False)  # some scripts write the numbers as text
    policy, automatic, device = seen.policy, seen.automatic, seen.device
    unread: list[str] = []
    allowed = device.allow_rebootless_updates
    uses_wsus = automatic.use_wu_server == 1
    return WindowsPart(
        policy=UpdatePolicy(
            uses_wsus=uses_wsus,
            wsus_server=policy.wu_server if uses_wsus else "",
            service_start=_START_TYPES.get(seen.service_start, "") if seen.service_start is not None else "",
            access_disabled=policy.disable_windows_update_access == 1,
            no_internet_locations=policy.do_not_connect == 1,
            automatic_updates=1 if automatic.no_auto_update == 1 else automatic.options,
            paused_until=_paused_until(seen, unread),
            quality_deferral_days=policy.defer_days if policy.defer_quality_updates == 1 else device.defer_days,
            target_release=_target(policy, device),
            last_success_at=_moment(seen.last_search or "", unread),
            last_install_at=_moment(seen.last_installation or "", unread),
            hotpatch_allowed=None if allowed is None else allowed == 1,
            hotpatch_table_size=seen.hotpatch_table_size,
            services=tuple(found for name in seen.services if (found := guid(name))),
            managed_by=_manager(seen),
        ),
        gaps=(*_no_service(seen), *(_gap(GapReason.UNPARSABLE, detail) for detail in unread)),
    )


def _no_service(seen: _Seen) -> Iterable[Gap]:
    if seen.service_start is None:
        yield _gap(GapReason.MISSING, "wuauserv has no start type: the Windows Update service is not installed")


def _gap(reason: GapReason, detail: str) -> Gap:
    return Gap(kind=FactKind.UPDATE_POLICY, collector=NAME, reason=reason, detail=detail)


def _paused_until(seen: _Seen, unread: list[str]) -> datetime | None:
    """The latest end of a pause: as written by hand, or 35 days after the start a policy names."""
    ends = [
        _moment(text, unread)
        for text in (seen.settings.pause_updates_expiry_time, seen.settings.pause_quality_updates_end_time)
    ]
    for paused, start in (
        (seen.policy.pause_quality_updates, seen.policy.pause_start),
        (seen.device.pause_quality_updates, seen.device.pause_start),
    ):
        begun = _moment(start, unread) if paused == 1 else None
        if begun is not None:
            ends.append(begun + _POLICY_PAUSE)
    return max((end for end in ends if end is not None), default=None)


def _moment(text: str, unread: list[str]) -> datetime | None:
    """A date as these values spell it: "2026-11-30T08:00:00Z", "2026-11-30 08:00:00" or "2026-11-30", all in UTC."""
    if not text.strip():
        return None
    moment = _date(text.strip())
    if moment is None:
        unread.append(f"a date of the update settings was not understood: {shown(text)!r}")
    return moment


def _date(text: str) -> datetime | None:
    if (match := _DATE.fullmatch(text)) is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        moment = datetime(min(year, _LAST_YEAR), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return sane(moment)


def _target(policy: _Policy, device: _Device) -> str:
    return policy.target_release_version_info if policy.target_release_version == 1 else device.target_release_version


def _manager(seen: _Seen) -> str:
    if seen.configuration_manager:
        return "configuration-manager"
    found = (_ENROLLMENTS.get(provider.casefold(), "") for provider in seen.enrolled_by)
    return next((manager for manager in found if manager), "")


BLOCK = WindowsBlock(name=NAME, kinds=(FactKind.UPDATE_POLICY,), parse=_parse)
