"""How a run is stopped from outside: Ctrl-C, SIGTERM, and a terminal that goes away (a dropped ssh session: SIGHUP).

During the visits each of them ends the visits and never the run: what was collected is judged, stored and reported. A
terminal that goes away before them ends the run, as Ctrl-C does there: nothing is visited or reported. One that goes
away after them stops nothing: feeds are renewed, reports written and mailed. Under nohup, which ignores SIGHUP, it
never stops anything.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

_STREAMS = (1, 2)  # standard output and standard error
_visited: ContextVar[bool] = ContextVar("visited", default=False)  # whether the visits of this run are over


@contextmanager
def interruptible() -> Iterator[Callable[[], "Shield"]]:
    """Let a stop from outside end the visits, but never in the middle of storing a machine.

    Gives a factory of shields: a signal that arrives inside one is raised as KeyboardInterrupt when it ends. Outside
    the main thread, signals are not ours and nothing changes.
    """
    shield = Shield(_Terminal())
    with _handled((signal.SIGINT, signal.SIGTERM, *_hangup()) if _ours() else (), shield.caught):
        try:
            yield lambda: shield
        finally:
            _visited.set(True)


@contextmanager
def outliving_the_terminal() -> Iterator[None]:
    """A whole run, which needs nobody once its visits are over (`interruptible`).

    A terminal that goes away before them is raised as KeyboardInterrupt: there is nothing yet to bring to an end.
    """
    terminal = _Terminal()

    def gone(*_: object) -> None:
        terminal.gone()
        if not _visited.get():
            raise KeyboardInterrupt

    before = _visited.set(False)
    try:
        with _handled(_hangup(), gone):
            yield
    finally:
        _visited.reset(before)


class Shield:
    """A stretch that a signal waits out."""

    def __init__(self, terminal: "_Terminal") -> None:
        self._terminal = terminal
        self._inside = False
        self._pending = False

    def caught(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler."""
        if number in _HANGUP:
            self._terminal.gone()
        if self._inside:
            self._pending = True
        else:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        self._inside = True

    def __exit__(self, *_: object) -> None:
        self._inside = False
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt


class _Terminal:
    """The terminal a run was started on. Once it is gone, writing to it fails, and what is left to say goes nowhere."""

    def __init__(self) -> None:
        self._streams = [number for number in _STREAMS if os.isatty(number)]  # a terminal that is gone is none

    def gone(self, *_: object) -> None:
        """Signal handler. A hang-up comes twice, from the shell and from the system: the second one is not heard."""
        for number in _HANGUP:
            signal.signal(number, signal.SIG_IGN)
        if self._streams:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in self._streams:
                os.dup2(nowhere, stream)
            os.close(nowhere)


@contextmanager
def _handled(numbers: Iterable[signal.Signals], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle signals this way for a while; a hang-up that was heard meanwhile stays ignored to the end."""
    before: dict[int, Any] = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, earlier)


_HANGUP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()  # Windows has none


def _hangup() -> tuple[signal.Signals, ...]:
    """SIGHUP, where there is such a thing, it is ours to handle, and nobody asked that it be ignored (nohup)."""
    return tuple(number for number in _HANGUP if _ours() and signal.getsignal(number) is not signal.SIG_IGN)


def _ours() -> bool:
    return threading.current_thread() is threading.main_thread()
