"""What a machine's own records say was installed: shown beside the verdict, never deciding over the build (W1-W3).

Component servicing lists packages, Win32_QuickFixEngineering lists some of them again, the update history lists what
was tried. None of them is complete (W2, D10), so that absence from all proves nothing.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from collectors.model import FactKind, HostSnapshot
from collectors.windows.facts import InstalledUpdate, UpdateSource
from rules.windows.builds import revision_in

_PRESENT = {
    UpdateSource.CBS: frozenset({"installed", "superseded", "partial"}),
    UpdateSource.QFE: frozenset({"installed"}),
    UpdateSource.HISTORY: frozenset({"succeeded"}),
}
_STAGED, _PENDING = "staged", "install_pending"
_WAITING = frozenset({_STAGED, _PENDING})
_REMOVED = frozenset({"uninstalled", "uninstall_pending", "absent"})
_STRONG_SIGNS = frozenset({"component-servicing", "windows-update", "configuration-manager"})
_KB_IN_NAME = re.compile(r"\bKB(\d{6,7})\b", re.IGNORECASE)
_ROLLUP = "Package_for_RollupFix~"
_DOTNET_ROLLUP = re.compile(r"Package_for_DotNetRollup(?:_\d+)?~.*~(\d+(?:\.\d+){3})$", re.ASCII)


class DotNetRollup(NamedTuple):
    """A .NET Framework roll-up of component servicing: its file version's third part, and whether a restart is owed."""

    revision: int
    version: str
    waiting: bool


class Traces:
    """The records of one machine, indexed."""

    def __init__(self, snapshot: HostSnapshot) -> None:
        self.unread = bool(snapshot.gaps_of(FactKind.INSTALLED_UPDATES)) or snapshot.windows is None
        self.updates = () if snapshot.windows is None else snapshot.windows.installed_updates
        self.signs = _signs(snapshot)
        system = snapshot.operating_system
        self._booted_on = None if system is None or system.boot_time is None else system.boot_time.date()
        self.by_source: dict[UpdateSource, set[str]] = {source: set() for source in UpdateSource}
        removed: set[str] = set()
        for update in self.updates:
            if update.kb and update.state in _PRESENT[update.source]:
                self.by_source[update.source].add(update.kb)
            elif update.kb and update.state in _REMOVED:
                removed.add(update.kb)
        listed = {found for app in snapshot.applications if app.noise for found in _kbs_of(f"{app.name} {app.code}")}
        # the history keeps an installation that was undone later: a removal on record takes its word back
        told = self.by_source[UpdateSource.HISTORY] - removed
        self.kbs = frozenset(self.by_source[UpdateSource.CBS] | self.by_source[UpdateSource.QFE] | told | listed)

    @property
    def restart_owed(self) -> bool | None:
        """Whether Windows itself says that an update waits for a restart; None when no sign could be read."""
        read = [required for name, required in self.signs.items() if name in _STRONG_SIGNS and required is not None]
        return any(read) if read else None

    def waiting_revision(self, branch: int) -> int | None:
        """The newest cumulative update laid ready and not running, as a revision of this branch; None when none is."""
        return max(
            (
                revision
                for update in self.updates
                if self._lies_ready(update) and _is_cumulative(update)
                if (revision := revision_in(update.build, branch)) is not None
            ),
            default=None,
        )

    @property
    def only_leftovers(self) -> bool:
        """Whether packages lie staged, and none of them is one that a restart would start."""
        found = [update for update in self.updates if update.source is UpdateSource.CBS and update.state in _WAITING]
        return bool(found) and not any(self._lies_ready(update) for update in found)

    def _lies_ready(self, update: InstalledUpdate) -> bool:
        """Whether a restart would start a package of component servicing (W4).

        One that was laid down before the machine last started has had its restart: it failed and was rolled back, and
        stays staged for ever. One that is merely staged is waiting only where Windows itself asks for a restart.
        """
        if update.source is not UpdateSource.CBS or update.state not in _WAITING:
            return False
        since, booted_on = update.installed_on, self._booted_on
        if since is not None and booted_on is not None and since < booted_on:
            return False
        return update.state == _PENDING or bool(self.restart_owed)

    def newest_rollup(self, branch: int) -> InstalledUpdate | None:
        """The newest cumulative update that component servicing holds, whatever its state; None when it holds none."""
        held = [
            (revision, number, update)
            for number, update in enumerate(self.updates)
            if update.source is UpdateSource.CBS and update.state not in _REMOVED and _is_cumulative(update)
            if (revision := revision_in(update.build, branch)) is not None
        ]
        return max(held)[2] if held else None

    def dotnet_rollups(self) -> Iterator[DotNetRollup]:
        """Roll-ups of .NET Framework in component servicing."""
        for update in self.updates:
            found = _DOTNET_ROLLUP.match(update.package) if update.source is UpdateSource.CBS else None
            if found is None or update.state in _REMOVED:
                continue
            waiting = self._lies_ready(update)
            if waiting or update.state in _PRESENT[UpdateSource.CBS]:
                yield DotNetRollup(int(found[1].split(".")[2]), found[1], waiting)


def _signs(snapshot: HostSnapshot) -> dict[str, bool | None]:
    return {} if snapshot.reboot is None else {signal.name: signal.required for signal in snapshot.reboot.signals}


def _is_cumulative(update: InstalledUpdate) -> bool:
    return update.package.startswith(_ROLLUP) or not update.package


def _kbs_of(text: str) -> Iterator[str]:
    for number in _KB_IN_NAME.findall(text):
        yield f"KB{number}"
