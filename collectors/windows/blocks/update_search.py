"""The Windows Update Agent's own list of what is missing: a second opinion, by ids alone (W16-W21).

Only administrators may ask, and every failure leaves the verdict by build untouched (W19).

Source: IUpdateSearcher.Search, ISearchResult, IUpdate3; ServerSelection 0 default, 2 Windows Update, 3 others; the
service id of Microsoft Update; WU_E_* and HTTP codes as winerror.h and wuerror.h list them.
"""

from datetime import datetime
from typing import Any

import msgspec

from collectors.hosts.base import shown
from collectors.model import FactKind, Gap, GapReason
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._values import Moment, code_in, guid, sane
from collectors.windows.facts import OfferedUpdate, UpdateSearch

NAME = "update_search"
_DRIVER = 2
_ANSWERED = frozenset({2, 3})  # succeeded, succeeded with errors
_DENIED = frozenset({"0x80070005", "0x80240044"})
_MEANINGS = {
    "0x80070005": "access denied: only an administrator may ask the Windows Update Agent",
    "0x80240044": "access denied: only an administrator may ask the Windows Update Agent",
    "0x80070422": "the Windows Update service is disabled",
    "0x8024002e": "a policy bars access to Windows Update",
    "0x8024500c": "a policy bars the Windows Update servers",
    "0x8024402c": "the name of the update server or of the proxy was not resolved",
    "0x80240438": "the update server cannot be reached from this machine",
    "0x80072ee2": "the update server did not answer in time",
    "0x80072efd": "no connection to the update server",
    "0x80072efe": "the connection to the update server was cut",
    "0x80072ee7": "the name of the update server was not resolved",
    "0x80072f8f": "the certificate of the update server was refused, or the clock is wrong",
    "0x8024401c": "the update server did not answer in time (HTTP 408)",
    "0x80244017": "the update server or the proxy refused the machine (HTTP 401)",
    "0x80244018": "the update server or the proxy refused the machine (HTTP 403)",
    "0x80244019": "the update server's address is wrong (HTTP 404)",
    "0x8024401b": "the proxy asks for a login (HTTP 407)",
    "0x80244022": "the update server is out of service (HTTP 503)",
    "0x80244010": "the search needed too many exchanges with the update server",
    "0x80248014": "the update service asked for is not registered on this machine",
    "0x80248007": "the Windows Update Agent has no stored answer to search in",
    "0x8024000b": "the search was cancelled",
    "0x8024000e": "the Windows Update Agent found damaged data",
    "0x80240437": "the update server could not be reached through the proxy",
    "0x80040154": "the Windows Update Agent is not registered on this machine",
}


class _Update(msgspec.Struct):
    id: str
    revision: int
    kbs: list[str] = msgspec.field(default_factory=list)
    title: str = ""
    categories: list[str] = msgspec.field(default_factory=list)
    severity: str = ""
    cves: list[str] = msgspec.field(default_factory=list)
    released: Moment | None = None
    hidden: bool = False
    browse_only: bool = False
    reboot: bool = False
    downloaded: bool = False
    type: int = 1


class _Search(msgspec.Struct):
    server: str
    online: bool = True
    result: int | None = None
    error: str = ""
    updates: list[_Update] = msgspec.field(default_factory=list)


class _Value(msgspec.Struct):
    searches: list[_Search]


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Value)
    searches = tuple(_search(search) for search in seen.searches)
    return WindowsPart(search=searches, gaps=_gaps(seen.searches, searches))


def _search(seen: _Search) -> UpdateSearch:
    error = code_in(seen.error) or seen.error
    return UpdateSearch(
        server=seen.server,
        online=seen.online,
        result_code=seen.result,
        error=error,
        updates=tuple(_update(update, seen.server) for update in seen.updates),
    )


def _update(seen: _Update, server: str) -> OfferedUpdate:
    released: datetime | None = sane(seen.released)
    return OfferedUpdate(
        update_id=guid(seen.id) or seen.id,
        revision=seen.revision,
        server=server,
        kbs=tuple(f"KB{number.strip().upper().removeprefix('KB')}" for number in seen.kbs if number.strip()),
        title=seen.title,
        categories=tuple(found for name in seen.categories if (found := guid(name))),
        severity=seen.severity,
        cves=tuple(name.strip().upper() for name in seen.cves if name.strip()),
        released_on=released.date() if released else None,
        hidden=seen.hidden,
        browse_only=seen.browse_only,
        reboot_required=seen.reboot,
        downloaded=seen.downloaded,
        kind="driver" if seen.type == _DRIVER else "software",
    )


def _gaps(seen: list[_Search], searches: tuple[UpdateSearch, ...]) -> tuple[Gap, ...]:
    """One gap unless the default server answered online; a search past WSUS that failed speaks for itself."""
    default = [search for search in searches if search.server == "default"]
    if any(search.online and _answered(search) for search in default):
        return ()
    failed = next((search for search in seen if search.server == "default" and (search.error or search.online)), None)
    if failed is None:
        return (_gap(GapReason.FAILED, "the default update server was not asked"),)
    code = code_in(failed.error)
    problem = f"{code} ({_MEANINGS[code]})" if code in _MEANINGS else shown(failed.error)
    if not failed.error:
        problem = f"the search ended with result code {failed.result}"
    stored = any(not search.online and _answered(search) for search in default)
    detail = f"Windows Update could not be asked: {problem}" + (
        "; the stored answer was read instead" if stored else ""
    )
    return (_gap(GapReason.DENIED if code in _DENIED else GapReason.FAILED, detail),)


def _answered(search: UpdateSearch) -> bool:
    return not search.error and search.result_code in _ANSWERED


def _gap(reason: GapReason, detail: str) -> Gap:
    return Gap(kind=FactKind.AVAILABLE_UPDATES, collector=NAME, reason=reason, detail=detail)


BLOCK = WindowsBlock(
    name=NAME,
    kinds=(FactKind.AVAILABLE_UPDATES,),
    parse=_parse,
    slow=True,
    timeout_s=90,
    needs_admin=(FactKind.AVAILABLE_UPDATES,),
)
