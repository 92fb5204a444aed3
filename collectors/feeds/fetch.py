"""Deciding which files of which feeds an estate needs, and downloading them a few at a time."""

import re
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime

from collectors.errors import FeedError, FeedUnreachable
from collectors.feeds.download import HttpSettings, PartAbsent, download
from collectors.feeds.feed import COMMON_SETTINGS, Feed, Part
from collectors.feeds.layout import Layout
from collectors.feeds.sidecar import Holding, PartState

_AT_ONCE = 4
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")

OnBytes = Callable[[str, str, int, int | None], None]
"""Called with feed, part, bytes received and bytes expected (None: unknown), from several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One feed to refresh: the parts to ask for."""

    feed: Feed
    parts: tuple[Part, ...]
    accept_shrunk: bool


@dataclass(slots=True, kw_only=True)
class Fetched:
    """What became of one plan: `parts` complete, `new` of them waiting to be compiled; or the error."""

    plan: Plan
    parts: dict[str, PartState] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)
    error: FeedError | None = None


def plan(
    feed: Feed,
    settings: Mapping[str, str],
    *,
    releases: Collection[str] | None,
    held: Holding | None,
    named: bool,
    today: date,
) -> Plan | None:
    """Choose the parts to refresh; None when this estate does not need the feed.

    A part once downloaded is refreshed with the others, since the age of a feed is one. `named`: the operator asked
    for this feed by name. Raises FeedError for settings the feed does not know.
    """
    allowed = {**COMMON_SETTINGS, **feed.settings}
    for key in settings:
        if key not in allowed:
            raise FeedError(
                feed.name, f"unknown setting {key!r}.", hint=f"Known settings: {', '.join(sorted(allowed))}."
            )
    enabled = settings.get("enabled", "true" if feed.enabled_by_default else "false")
    if not named and enabled != "true":
        return None
    try:
        parts = feed.parts({**feed.settings, **settings}, today)
    except (ValueError, LookupError) as error:
        raise FeedError(feed.name, f"its settings do not make an address: {error}.") from error
    if not parts or len({part.name for part in parts}) != len(parts):
        problem = "its settings name the same file twice." if parts else "its settings name no file to download."
        raise FeedError(feed.name, problem, hint=f"Settings that decide it: {', '.join(sorted(feed.settings))}.")
    for part in parts:
        if not _SAFE_NAME.fullmatch(part.name):
            raise FeedError(feed.name, f"the feed module names a part {part.name!r}, which is no safe file name.")
    if releases is not None and any(part.needed_by(releases) for part in parts):
        on_disk = held.parts if held is not None else {}
        parts = tuple(part for part in parts if part.needed_by(releases) or part.name in on_disk)
    elif releases is not None and not named:
        return None
    return Plan(feed=feed, parts=parts, accept_shrunk=settings.get("accept_shrunk", "false") == "true")


def fetch(
    layout: Layout,
    plans: Sequence[Plan],
    holdings: Mapping[str, Holding],
    *,
    http: HttpSettings,
    now: datetime,
    on_bytes: OnBytes,
) -> list[Fetched]:
    """Ask for every part of every plan, conditionally. Errors of one feed stay with it.

    An interrupt stops the downloads under way before it goes on.
    """
    stop = threading.Event()
    pending: list[tuple[Fetched, Future[tuple[PartState, bool] | None]]] = []
    fetched = [Fetched(plan=one) for one in plans]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="feeds") as pool:
        try:
            for result in fetched:
                held = holdings.get(result.plan.feed.name)
                for part in result.plan.parts:
                    future = pool.submit(_fetch_part, layout, result.plan.feed, part, held, http, now, on_bytes, stop)
                    pending.append((result, future))
            for result, future in pending:
                _collect(result, future)
            _refuse_empty(fetched)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            _forget(layout, fetched)
            raise
    _forget(layout, (result for result in fetched if result.error is not None))
    return fetched


def _forget(layout: Layout, fetched: Iterable[Fetched]) -> None:
    for result in fetched:
        layout.forget_waiting(result.plan.feed.name)


def _refuse_empty(fetched: Iterable[Fetched]) -> None:
    """A publisher who has none of the parts has moved: that is an error, however optional each of them is."""
    for result in fetched:
        if result.error is None and not result.parts:
            addresses = ", ".join(part.url for part in result.plan.parts[:1])
            result.error = FeedUnreachable(result.plan.feed.name, f"the publisher has none of its files ({addresses}).")


def _collect(result: Fetched, future: "Future[tuple[PartState, bool] | None]") -> None:
    try:
        found = future.result()
    except FeedError as error:
        result.error = result.error or error
        return
    if found is None:
        return
    state, new = found
    result.parts[state.name] = state
    if new:
        result.new.add(state.name)


def _fetch_part(
    layout: Layout,
    feed: Feed,
    part: Part,
    held: Holding | None,
    http: HttpSettings,
    now: datetime,
    on_bytes: OnBytes,
    stop: threading.Event,
) -> tuple[PartState, bool] | None:
    """Return what we now hold of a part, and whether it is a new file that waits; None: the publisher has none yet."""

    def report(received: int, expected: int | None) -> None:
        if stop.is_set():
            raise FeedError(feed.name, "the download was interrupted.")
        on_bytes(feed.name, part.name, received, expected)

    if stop.is_set():
        raise FeedError(feed.name, "the download was interrupted.")
    waiting = layout.waiting(feed.name, part.name)
    try:
        waiting.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FeedError(feed.name, f"{waiting.parent} cannot be made: {error.strerror}.") from error
    previous = _on_disk(layout, feed, part, held)
    try:
        state = download(feed.name, part, into=waiting, previous=previous, http=http, fetched_at=now, on_bytes=report)
    except PartAbsent:
        if not part.optional:
            raise
        return None if previous is None else (previous, False)
    if state is None:
        assert previous is not None  # "not modified" answers a condition, which only a previous copy sets
        return previous, False
    if previous is not None and state.sha256 == previous.sha256:
        waiting.unlink()
        return state, False
    return state, True


def _on_disk(layout: Layout, feed: Feed, part: Part, held: Holding | None) -> PartState | None:
    """What we hold of a part, when the file is really there: else it is asked for unconditionally."""
    previous = held.parts.get(part.name) if held is not None else None
    raw = layout.raw(feed.name, part.name)
    if previous is None or not raw.is_file() or raw.stat().st_size != previous.size_bytes:
        return None
    return previous
