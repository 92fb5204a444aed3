"""What the Windows Update Agent tried on the machine: evidence beside the build, never against it (W3).

Source: IUpdateSearcher.QueryHistory, IUpdateHistoryEntry (Operation 1 installation, 2 removal; OperationResultCode
0 not started, 1 in progress, 2 succeeded, 3 succeeded with errors, 4 failed, 5 aborted); IAutomaticUpdatesResults.
"""

from typing import Any

import msgspec

from collectors.model import FactKind
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._values import Moment, guid, kb_in, sane
from collectors.windows.facts import InstalledUpdate, UpdatePolicy, UpdateSource

_REMOVAL = 2
_RESULTS = {0: "in_progress", 1: "in_progress", 2: "succeeded", 3: "succeeded", 4: "failed", 5: "aborted"}


class _Entry(msgspec.Struct):
    operation: int
    result: int
    at: Moment | None = None
    title: str = ""
    id: str = ""


class _History(msgspec.Struct):
    history: list[_Entry]
    last_search: Moment | None = None
    last_installation: Moment | None = None


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _History)
    policy = UpdatePolicy(last_success_at=sane(seen.last_search), last_install_at=sane(seen.last_installation))
    return WindowsPart(installed_updates=tuple(_update(entry) for entry in seen.history), policy=policy)


def _update(entry: _Entry) -> InstalledUpdate:
    state = _RESULTS.get(entry.result, "other")
    if entry.operation == _REMOVAL and state == "succeeded":
        state = "uninstalled"
    at = sane(entry.at)
    return InstalledUpdate(
        source=UpdateSource.HISTORY,
        state=state,
        kb=kb_in(entry.title),
        installed_on=at.date() if at else None,
        update_id=guid(entry.id),
        title=entry.title,
    )


BLOCK = WindowsBlock(
    name="update_history",
    kinds=(FactKind.INSTALLED_UPDATES,),
    parse=_parse,
    slow=True,
    timeout_s=20,
    needs_admin=(FactKind.INSTALLED_UPDATES,),
)
