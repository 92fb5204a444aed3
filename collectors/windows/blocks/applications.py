"""Installed programs from the uninstall keys of the machine and of every loaded user hive, and whose hives were not.

A row is hidden (`noise`) where Windows itself hides it: no display name, SystemComponent, ParentKeyName, a ReleaseType
of an update (W27); the copy of a row in the 32-bit view is hidden beside its equal. A flag of the wrong type hides
nothing. InstallDate is not read: nobody can rely on it (W29).

A profile counts when its SID is a person's (S-1-5-21: domain and local accounts, S-1-12-1: Entra) and its folder
exists; a service's is none. Programs of a person whose hive is not loaded, or may not be read, are a gap that names
the profiles.

Source: the Uninstall registry key of Windows Installer's documentation; ProfileList and its load times as the user
profile service writes them (FILETIME in two DWORDs).
"""

import ntpath
from dataclasses import replace
from typing import Any

import msgspec

from collectors.model import Application, FactKind, Gap, GapReason
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import from_filetime, text, unread_gap
from collectors.windows.facts import UserProfile

_NAME = "applications"
_UPDATES = frozenset({"update", "hotfix", "security update", "update rollup", "service pack", "servicepack"})
_ESSENTIAL = frozenset({"DisplayName", "DisplayVersion"})
_SHOWN_PROFILES = 20


class _Row(msgspec.Struct):
    code: str
    view: str
    user: str = ""
    name: str | int = msgspec.field(name="DisplayName", default="")
    version: str | int = msgspec.field(name="DisplayVersion", default="")
    publisher: str | int = msgspec.field(name="Publisher", default="")
    location: str | int = msgspec.field(name="InstallLocation", default="")
    parent: str | int = msgspec.field(name="ParentKeyName", default="")
    release: str | int = msgspec.field(name="ReleaseType", default="")
    msi: str | int = msgspec.field(name="WindowsInstaller", default=0)
    component: str | int = msgspec.field(name="SystemComponent", default=0)
    odd: str = ""
    problem: str = ""


class _Hive(msgspec.Struct):
    sid: str
    problem: str = ""


class _Profile(msgspec.Struct):
    sid: str
    folder: str = ""
    exists: bool = True
    load_high: int = msgspec.field(name="LocalProfileLoadTimeHigh", default=0)
    load_low: int = msgspec.field(name="LocalProfileLoadTimeLow", default=0)
    unload_high: int = msgspec.field(name="LocalProfileUnloadTimeHigh", default=0)
    unload_low: int = msgspec.field(name="LocalProfileUnloadTimeLow", default=0)


class _Seen(msgspec.Struct):
    rows: list[dict[str, Any]]
    hives: list[_Hive]
    profiles: list[dict[str, Any]]


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    applications, gaps = _applications(seen.rows)
    profiles, unread = _profiles(seen.profiles, seen.hives)
    gaps += unread_gap(_NAME, FactKind.USER_APPLICATIONS, unread, len(seen.profiles))
    gaps += _hidden(profiles, {hive.sid: hive.problem for hive in seen.hives if hive.problem})
    return WindowsPart(applications=applications, profiles=profiles, gaps=gaps)


def _applications(rows: list[dict[str, Any]]) -> tuple[tuple[Application, ...], tuple[Gap, ...]]:
    found: list[Application] = []
    unread: dict[FactKind, list[Any]] = {FactKind.APPLICATIONS: [], FactKind.USER_APPLICATIONS: []}
    for row in rows:
        kind = FactKind.USER_APPLICATIONS if row.get("user") else FactKind.APPLICATIONS
        try:
            read = msgspec.convert(row, _Row)
        except ValueError:
            unread[kind].append(row)
            continue
        if read.problem or (read.odd and not _ESSENTIAL.isdisjoint(read.odd.split())):
            unread[kind].append(row)
        if not read.problem and "DisplayName" not in read.odd.split():
            found.append(_application(read))
    gaps = [gap for kind, bad in unread.items() for gap in unread_gap(_NAME, kind, bad, len(rows))]
    return _without_twins(found), tuple(gaps)


def _application(row: _Row) -> Application:
    name = text(row.name)
    return Application(
        name=name,
        version=text(row.version),
        scope="user" if row.user else "machine",
        publisher=text(row.publisher),
        code=text(row.code),
        architecture=row.view,
        user=row.user,
        msi=row.msi == 1,
        noise=not name or row.component == 1 or bool(text(row.parent)) or text(row.release).lower() in _UPDATES,
        location=text(row.location),
    )


def _without_twins(found: list[Application]) -> tuple[Application, ...]:
    """The same row in both views is one program: the copy in the 32-bit view becomes noise."""
    native = {_key(row) for row in found if row.architecture != "x86" and not row.noise}
    return tuple(
        replace(row, noise=True) if row.architecture == "x86" and _key(row) in native else row for row in found
    )


def _key(row: Application) -> tuple[str, ...]:
    return row.user, row.code, row.name, row.version


def _profiles(rows: list[dict[str, Any]], hives: list[_Hive]) -> tuple[tuple[UserProfile, ...], list[Any]]:
    """Profiles by SID, those of loaded hives without an entry in the list too (a temporary profile)."""
    readable = {hive.sid for hive in hives if not hive.problem}
    found: dict[str, UserProfile] = {}
    unread: list[Any] = []
    for row in rows:
        try:
            read = msgspec.convert(row, _Profile)
        except ValueError:
            unread.append(row)
            continue
        sid, _, backup = read.sid.partition(".")  # "<SID>.bak" is what a damaged profile leaves
        if (not read.exists and sid not in readable) or (backup and sid in found):
            continue
        found[sid] = _profile(read, sid, loaded=sid in readable)
    for hive in hives:
        if hive.sid not in found:
            found[hive.sid] = UserProfile(sid=hive.sid, name="", hive_loaded=hive.sid in readable)
    return tuple(found.values()), unread


def _profile(row: _Profile, sid: str, *, loaded: bool) -> UserProfile:
    times = (from_filetime(row.load_high, row.load_low), from_filetime(row.unload_high, row.unload_low))
    name = ntpath.basename(text(row.folder).rstrip("\\/"))
    last = max((time for time in times if time is not None), default=None)
    return UserProfile(sid=sid, name=name, hive_loaded=loaded, last_used_at=last)


def _hidden(profiles: tuple[UserProfile, ...], problems: dict[str, str]) -> tuple[Gap, ...]:
    """Gaps for the programs of persons: not signed in, or of a hive this account may not read."""
    closed = [one for one in profiles if not one.hive_loaded and one.sid not in problems]
    barred = [one for one in profiles if one.sid in problems]
    gaps = []
    if closed:
        detail = f"{len(closed)} of {len(profiles)} profiles were not signed in, so their own programs are not seen"
        gaps.append(_gap(GapReason.MISSING, detail, closed))
    if barred:
        detail = f"the programs of {len(barred)} of {len(profiles)} profiles need an administrator to be read"
        gaps.append(_gap(GapReason.DENIED, detail, barred))
    return tuple(gaps)


def _gap(reason: GapReason, detail: str, profiles: list[UserProfile]) -> Gap:
    names = [one.name or one.sid for one in profiles]
    more = f" and {len(names) - _SHOWN_PROFILES} more" if len(names) > _SHOWN_PROFILES else ""
    detail = f"{detail}: {', '.join(names[:_SHOWN_PROFILES])}{more}"
    return Gap(kind=FactKind.USER_APPLICATIONS, collector=_NAME, reason=reason, detail=detail)


BLOCK = WindowsBlock(
    name=_NAME,
    kinds=(FactKind.APPLICATIONS, FactKind.USER_APPLICATIONS),
    parse=_parse,
    timeout_s=30,
    needs_admin=(FactKind.USER_APPLICATIONS,),
)
