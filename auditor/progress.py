"""What the operator sees while a run goes on: a bar on a terminal, plain lines elsewhere. Always on standard error.

Names and messages come from machines an attacker may own: `printable` takes control characters and escape sequences out
before anything reaches a terminal.
"""

import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TextIO

from collectors.cloud.facts import TenantFact, TenantSnapshot
from collectors.model import FactKind, HostSnapshot

if TYPE_CHECKING:
    from collectors.feeds.updates import FeedProgress

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def printable(text: str) -> str:
    """Replace control, format and unassigned characters (newlines included) by spaces or "?"."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if char in "\t\n\r" else "?" if unicodedata.category(char) in _HIDDEN else char for char in text)


class Progress(Protocol):
    """What the pipeline tells while it works."""

    def start(self, total: int) -> None:
        """Begin visiting `total` machines and tenants."""

    def visited(self, snapshot: HostSnapshot | TenantSnapshot, *, client: str = "") -> None:
        """One machine or tenant is done, whatever happened; `client` is whose it is, where there are several."""

    def stage(self, text: str) -> None:
        """Another stage of the run begins."""

    def note(self, text: str) -> None:
        """Something the operator should know."""

    def stop(self) -> None:
        """Nothing more is in progress; may be called twice."""


class Silent:
    """Says nothing."""

    def start(self, total: int) -> None:
        """See Progress."""

    def visited(self, snapshot: HostSnapshot | TenantSnapshot, *, client: str = "") -> None:
        """See Progress."""

    def stage(self, text: str) -> None:
        """See Progress."""

    def note(self, text: str) -> None:
        """See Progress."""

    def stop(self) -> None:
        """See Progress."""


def outcome(snapshot: HostSnapshot | TenantSnapshot) -> str:
    """One visit in a few words, fit for a terminal."""
    if isinstance(snapshot, TenantSnapshot):
        return printable(_tenant_outcome(snapshot))
    hidden = [gap for gap in snapshot.gaps if gap.kind is FactKind.HOST]
    if hidden:
        return printable(f"not audited: {hidden[0].detail}")
    system = snapshot.operating_system
    name = (system.pretty_name or system.id) if system is not None else "unknown system"
    gaps = f", {len(snapshot.gaps)} not seen" if snapshot.gaps else ""
    if snapshot.windows is None:
        return printable(f"{name}, {len(snapshot.packages)} packages{gaps}")
    programs = sum(not application.noise for application in snapshot.applications)
    return printable(f"{name} {snapshot.windows.system.full_build}, {_count(programs, 'program')}{gaps}")


def _tenant_outcome(snapshot: TenantSnapshot) -> str:
    hidden = [gap for gap in snapshot.gaps if gap.kind is TenantFact.TENANT]
    if hidden:
        return f"not audited: {hidden[0].detail}"
    name = snapshot.organization.name if snapshot.organization is not None else "unknown organization"
    gaps = f", {len(snapshot.gaps)} not seen" if snapshot.gaps else ""
    return f"{name}, {_count(len(snapshot.skus), 'product')}, {_count(len(snapshot.users), 'account')}{gaps}"


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _who(snapshot: HostSnapshot | TenantSnapshot, client: str) -> str:
    return printable(f"{client}: {snapshot.target.name}" if client else snapshot.target.name)


class Plain:
    """One line per event, for logs, schedulers and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = 0
        self._done = 0

    def start(self, total: int) -> None:
        """See Progress."""
        self._total, self._done = total, 0

    def visited(self, snapshot: HostSnapshot | TenantSnapshot, *, client: str = "") -> None:
        """See Progress."""
        self._done += 1
        width = len(str(self._total))
        place = f"[{self._done:>{width}}/{self._total}]"
        self._line(f"{place} {_who(snapshot, client)}: {outcome(snapshot)} ({snapshot.duration_s:.1f} s)")

    def stage(self, text: str) -> None:
        """See Progress."""
        self._line(f"{text} ...")

    def note(self, text: str) -> None:
        """See Progress."""
        self._line(printable(text))

    def stop(self) -> None:
        """See Progress."""

    def _line(self, text: str) -> None:
        with suppress(OSError):  # a terminal or a reader that went away, a full disk under the log: the run goes on
            print(text, file=self._stream, flush=True)


class Bar:
    """A progress bar with the last failures above it; a terminal that went away costs what it would have shown."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._display: RichProgress | None = None

    def start(self, total: int) -> None:
        """See Progress."""
        with suppress(OSError):
            self._display = RichProgress(self._console, total)

    def visited(self, snapshot: HostSnapshot | TenantSnapshot, *, client: str = "") -> None:
        """See Progress."""
        with suppress(OSError):
            if not snapshot.reached:
                self._console.print(f"{_who(snapshot, client)}: {outcome(snapshot)}", style="yellow")
            if self._display is not None:
                self._display.advance(_who(snapshot, client))

    def stage(self, text: str) -> None:
        """See Progress."""
        self.stop()
        with suppress(OSError):
            self._console.print(f"{text} …", style="dim")

    def note(self, text: str) -> None:
        """See Progress."""
        with suppress(OSError):
            self._console.print(printable(text))

    def stop(self) -> None:
        """See Progress."""
        display, self._display = self._display, None
        if display is not None:
            with suppress(OSError):
                display.close()


class RichProgress:
    """The bar itself, alive between construction and `close`."""

    def __init__(self, console: object, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        assert isinstance(console, Console)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("", total=total)
        self._progress.start()

    def advance(self, name: str) -> None:
        """One more visit is done."""
        self._progress.update(self._task, advance=1, description=name)

    def close(self) -> None:
        """Take the bar off the terminal."""
        self._progress.stop()


class FeedVoice:
    """One line when a part of a feed begins to arrive and one when the feed is being compiled."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._said: set[tuple[str, str]] = set()

    def heard(self, step: "FeedProgress") -> None:
        """Take one step of `FeedStore.update`."""
        key = (step.feed, step.part)
        if key in self._said:
            return
        self._said.add(key)
        size = f" ({step.total_bytes / 1e6:.1f} MB)" if step.total_bytes else ""
        what = "compiling" if step.compiling else f"downloading {printable(step.part)}{size}"
        print(f"{printable(step.feed)}: {what}", file=self._stream, flush=True)


@contextmanager
def shown(progress: Progress) -> Iterator[Progress]:
    """Give the terminal back whatever happens."""
    try:
        yield progress
    finally:
        progress.stop()


def for_terminal(stream: TextIO | None = None) -> Progress:
    """Return a bar when standard error is a terminal that can draw one, plain lines otherwise."""
    stream = stream or sys.stderr
    import os

    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return Bar()
    return Plain(stream)
