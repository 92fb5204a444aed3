"""Renewing a store, by download or from a bundle; the caller holds the lock."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from collectors.errors import FeedError
from collectors.feeds import database
from collectors.feeds.bundle import as_bundle_error, read_bundle
from collectors.feeds.download import HttpSettings
from collectors.feeds.feed import Feed
from collectors.feeds.fetch import Plan, fetch, plan
from collectors.feeds.install import (
    CLOCKS_APART,
    BaseDamaged,
    Candidate,
    compiled_keys,
    edition_moved,
    install,
    promote,
    source_key,
)
from collectors.feeds.layout import Layout
from collectors.feeds.sidecar import Holding, read_sidecar, write_sidecar
from collectors.feeds.updates import FeedOutcome, FeedProgress

Report = Callable[[FeedProgress], None]


class Renewal:
    """One renewal of one store at the moment `now`; `known` are the feeds of this product by name.

    Made with the lock held: nobody else writes meanwhile, and what a killed renewal left waiting is nobody's.
    """

    def __init__(self, layout: Layout, known: Mapping[str, Feed], now: datetime) -> None:
        self._layout = layout
        self._known = known
        self._now = now
        self._holdings = {name: _not_after(held, now) for name, held in read_sidecar(layout.sidecar).items()}
        layout.forget_waiting()
        self._errors: dict[str, FeedError] = {}

    def choose(self, names: Sequence[str] | None) -> list[Feed]:
        """Return the feeds of these names (None: all). Raises FeedError for a name no feed has."""
        for name in names or ():
            if name not in self._known:
                raise FeedError(name, "there is no such feed.", hint=f"Known feeds: {', '.join(sorted(self._known))}.")
        return [self._known[name] for name in sorted(self._known if names is None else set(names))]

    def update(
        self,
        chosen: Sequence[Feed],
        *,
        named: bool,
        settings: Mapping[str, Mapping[str, str]],
        releases: Collection[str] | None,
        on_progress: Report,
        http: HttpSettings,
    ) -> dict[str, FeedOutcome]:
        """Download and put into service; return what became of each feed that was asked. See `FeedStore.update`."""
        plans = self._plans(chosen, settings, releases, named=named)
        report = _one_at_a_time(on_progress)
        fetched = fetch(
            self._layout,
            plans,
            self._holdings,
            http=http,
            now=self._now,
            on_bytes=lambda feed, part, received, total: report(
                FeedProgress(feed=feed, part=part, received_bytes=received, total_bytes=total)
            ),
        )
        self._errors |= {result.plan.feed.name: result.error for result in fetched if result.error is not None}
        candidates = [
            Candidate(
                feed=result.plan.feed,
                parts=result.parts,
                new=frozenset(result.new),
                checked_at=self._now,
                accept_shrunk=result.plan.accept_shrunk,
                releases=releases,
            )
            for result in fetched
            if result.error is None
        ]
        outcomes = dict.fromkeys((one.feed.name for one in candidates), FeedOutcome.UNCHANGED)
        outcomes |= dict.fromkeys(self._put_into_service(candidates, report), FeedOutcome.RENEWED)
        return outcomes | dict.fromkeys(self._errors, FeedOutcome.FAILED)

    def import_bundle(self, path: Path, *, accept_shrunk: bool) -> None:
        """Put the newer feeds of a bundle into service. See `FeedStore.import_bundle`."""
        candidates = read_bundle(
            path, self._layout, self._known, self._holdings, accept_shrunk=accept_shrunk, now=self._now
        )
        try:
            with as_bundle_error(path):
                self._put_into_service(candidates, lambda _: None, all_or_nothing=True)
        finally:
            for one in candidates:
                self._layout.forget_waiting(one.feed.name)

    def _plans(
        self,
        chosen: Sequence[Feed],
        settings: Mapping[str, Mapping[str, str]],
        releases: Collection[str] | None,
        *,
        named: bool,
    ) -> list[Plan]:
        plans = []
        today = self._now.astimezone(UTC).date()
        for feed in chosen:
            held = self._holdings.get(feed.name)
            try:
                one = plan(feed, settings.get(feed.name, {}), releases=releases, held=held, named=named, today=today)
            except FeedError as error:
                self._errors[feed.name] = error
            else:
                if one is not None:
                    plans.append(one)
        return plans

    def _put_into_service(
        self, candidates: Sequence[Candidate], report: Report, *, all_or_nothing: bool = False
    ) -> set[str]:
        """Compile what changed, keep the raw files, write down what happened; return the feeds whose content is new.

        Feeds not refreshed now are compiled too, from their raw copies, where the compiled file does not hold what
        those copies say.
        """
        keys = compiled_keys(self._layout.database)
        renewed = {one.feed.name for one in candidates if (keys or {}).get(one.feed.name) != _key(one)}
        try:
            self._compile(candidates, keys, report, all_or_nothing=all_or_nothing)
        except BaseDamaged:
            self._compile(candidates, None, report, all_or_nothing=all_or_nothing)
        self._write_down(candidates)
        return renewed

    def _compile(
        self, candidates: Sequence[Candidate], keys: Mapping[str, str] | None, report: Report, *, all_or_nothing: bool
    ) -> None:
        """Compile what the file of these `keys` does not hold; `keys` None: there is no file to start from."""
        pending = [one for one in candidates if (keys or {}).get(one.feed.name) != _key(one)]
        pending += self._aged(candidates, keys or {})
        pending += self._out_of_date(keys or {}, handled={one.feed.name for one in candidates})
        if keys is None and not pending:
            self._layout.database.unlink(missing_ok=True)  # unreadable, and there is nothing to build it from
        if not pending:
            return
        try:
            self._errors |= install(
                self._layout,
                pending,
                known=self._known.keys(),
                base_usable=keys is not None,
                on_compile=lambda name: report(FeedProgress(feed=name)),
                all_or_nothing=all_or_nothing,
            )
        except FeedError as error:
            if all_or_nothing:
                raise
            self._errors |= {one.feed.name: error for one in pending}

    def _aged(self, candidates: Sequence[Candidate], keys: Mapping[str, str]) -> Iterable[Candidate]:
        """Feeds that came unchanged, and whose bytes are by now old by their publisher's own word."""
        if not keys:
            return
        compiled = {state.name: state for state in database.load_states(self._layout.database)}
        for one in candidates:
            if keys.get(one.feed.name) == _key(one) and edition_moved(self._layout, one, compiled[one.feed.name]):
                yield replace(one, accept_shrunk=True)  # the very rows that are in force

    def _out_of_date(self, keys: Mapping[str, str], *, handled: Collection[str]) -> Iterable[Candidate]:
        """Feeds whose raw copies are whole but not what is compiled: after a new version, or a lost compiled file."""
        for name, feed in self._known.items():
            held = self._holdings.get(name)
            if name in handled or held is None or not held.parts or held.checked_at is None:
                continue
            whole = all(self._layout.raw(name, part).is_file() for part in held.parts)
            if whole and keys.get(name) != source_key(feed, held.parts):
                yield Candidate(feed=feed, parts=held.parts, checked_at=held.checked_at, accept_shrunk=True)

    def _write_down(self, candidates: Sequence[Candidate]) -> None:
        """Take downloads into service and note refreshes and errors."""
        for one in candidates:
            if one.feed.name in self._errors:
                continue
            try:
                promote(self._layout, one.feed.name, one.parts.keys(), one.new)
            except FeedError as refused:
                self._errors[one.feed.name] = refused
            else:
                self._holdings[one.feed.name] = Holding(parts=one.parts, checked_at=one.checked_at)
        for name, error in self._errors.items():
            self._layout.forget_waiting(name)
            held = self._holdings.get(name, Holding(parts={}))
            self._holdings[name] = held._replace(error=f"{error.problem} {error.hint}".strip())
        write_sidecar(self._layout.sidecar, self._holdings)


def _not_after(held: Holding, now: datetime) -> Holding:
    """Take back a refresh noted under a clock that ran ahead: the feed would not age until that day came."""
    ahead = held.checked_at is not None and held.checked_at > now + CLOCKS_APART
    return held._replace(checked_at=now) if ahead else held


def _key(candidate: Candidate) -> str:
    return source_key(candidate.feed, candidate.parts)


def _one_at_a_time(on_progress: Report) -> Report:
    lock = threading.Lock()

    def report(progress: FeedProgress) -> None:
        with lock:
            on_progress(progress)

    return report
