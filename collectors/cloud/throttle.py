"""Patience with a busy service, and pace so that it need not say so.

Source: "Microsoft Graph throttling guidance" and "Microsoft Graph service-specific throttling limits".
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_log = logging.getLogger(__name__)
_FIRST_WAIT_S = 1.0
_LONGEST_GUESS_S = 60.0
_SPREAD = 0.25
_NEARLY = 0.8
_LONGEST_EASING_S = 2.0


def retry_after_s(header: str, now: datetime) -> float | None:
    """Seconds that a Retry-After asks for, given in seconds or as an HTTP date; None for none or nonsense."""
    text = header.strip()
    try:
        seconds = float(text) if text[:1].isdigit() and text.isascii() else None
    except ValueError:
        seconds = None
    if seconds is not None:
        return seconds
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max((until - now).total_seconds(), 0.0)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Patience:
    """The waiting one tenant may cost, in seconds; used by one thread.

    `sleep`, `now` and `chance` (0 to 1) are there for tests. `waited_s` is what was waited so far.
    """

    longest_s: float
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = _now
    chance: Callable[[], float] = random.random
    waited_s: float = 0.0

    def wait(self, attempt: int, retry_after: str = "") -> bool:
        """Wait before asking again; False, at once, where that would take longer than is left.

        What the service asks for is kept to and a little added, so that many tenants do not come back together;
        without it, or where it asks for none (a date that is past by our clock), the wait doubles with each `attempt`
        (0, 1, ...).
        """
        wait = retry_after_s(retry_after, self.now()) or min(_FIRST_WAIT_S * 2.0**attempt, _LONGEST_GUESS_S)
        return self.pause(wait * (1 + _SPREAD * self.chance()))

    def ease(self, percentage: str) -> None:
        """Slow down a little where the service says that its limit is near ("x-ms-throttle-limit-percentage")."""
        try:
            used = float(percentage)
        except ValueError:
            return
        if used >= _NEARLY:
            self.pause(min((used - _NEARLY) * 5, _LONGEST_EASING_S))

    def pause(self, seconds: float) -> bool:
        """Wait that long; False, at once, where it is longer than what is left."""
        if not seconds <= self.longest_s - self.waited_s:
            return False
        if seconds > 0:
            self.waited_s += seconds
            self.sleep(seconds)
        return True


@dataclass(slots=True, kw_only=True)
class Pace:
    """Calls of one application over all tenants of a run, kept below what Microsoft documents; thread-safe.

    `delay_s` books one call and says in how many seconds it may be sent.
    """

    clock: Callable[[], float] = time.monotonic
    _booked: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def delay_s(self, kind: str, *, limit: int, window_s: float) -> float:
        """Book a call of that kind, of which `limit` may be sent in any `window_s` seconds."""
        with self._lock:
            now = self.clock()
            booked = self._booked.setdefault(kind, deque(maxlen=limit))
            at = max(now, booked[0] + window_s) if len(booked) == limit else now
            booked.append(at)
            return at - now


_PACES: dict[str, Pace] = {}
_PACES_LOCK = threading.Lock()


def pace_of(application: str) -> Pace:
    """The one pace of an application (its client id) in this process."""
    with _PACES_LOCK:
        return _PACES.setdefault(application, Pace())
