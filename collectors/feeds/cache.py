"""The feed store: downloads kept raw, one compiled file, and what is known of both.

    <directory>/raw/<feed>/<part>   each download exactly as served (in `incoming` until it compiled)
    <directory>/state.json          URL, sha256, ETag and dates of each; last refresh; last error
    <directory>/feeds.sqlite        everything compiled; swapped in whole
    <directory>/lock                held while one process updates

A feed is renewed whole or not at all: its downloads wait beside the old ones until they compiled. Reading needs no
lock: whoever loads rows keeps the file it opened.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from collectors.feeds import database
from collectors.feeds.layout import Layout
from collectors.feeds.records import FeedRecords, FeedState
from collectors.feeds.sidecar import Holding, digest_of, only_one, read_sidecar

if TYPE_CHECKING:
    from collectors.feeds.download import HttpSettings as HttpSettings  # noqa: PLC0414 - offered here
    from collectors.feeds.feed import Feed
    from collectors.feeds.renew import Renewal
    from collectors.feeds.updates import FeedOutcome as FeedOutcome  # noqa: PLC0414 - offered here
    from collectors.feeds.updates import FeedProgress as FeedProgress  # noqa: PLC0414 - offered here
    from collectors.feeds.updates import FeedUpdate as FeedUpdate  # noqa: PLC0414 - offered here

NO_SETTINGS: Mapping[str, Mapping[str, str]] = {}


def _utc_now() -> datetime:
    return datetime.now(UTC)


class FeedStore:
    """The feeds in one directory. `feeds` are those this product knows (None: every feed module), `now` the clock."""

    def __init__(
        self,
        directory: Path,
        *,
        feeds: "Iterable[Feed] | None" = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._layout = Layout(directory)
        self._given = None if feeds is None else {feed.name: feed for feed in feeds}
        self._now = now

    @property
    def directory(self) -> Path:
        """Where everything is."""
        return self._layout.directory

    @property
    def database(self) -> Path:
        """The compiled file; absent before the first update."""
        return self._layout.database

    def _known(self) -> "dict[str, Feed]":
        if self._given is None:
            from collectors.feeds import discover

            self._given = {feed.name: feed for feed in discover()}
        return self._given

    def states(self) -> tuple[FeedState, ...]:
        """Return the state of every known feed, by name, those never fetched included.

        Raises FeedInvalid when the compiled file is damaged or of another version.
        """
        compiled = {}
        if database.is_there(self.database):
            compiled = {state.name: state for state in database.load_states(self.database)}
        held = read_sidecar(self._layout.sidecar)
        known = self._known()
        return tuple(_state(known[name], held.get(name), compiled.get(name)) for name in sorted(known))

    def load(self, packages: Mapping[str, Collection[str]]) -> FeedRecords:
        """Load what concerns some packages: release key -> names of source and binary packages.

        With the advisories come the exploitation rows of their CVEs, and all lifecycles. Before the first update no
        rows come back and every feed is one never fetched. Raises FeedInvalid when the compiled file is damaged or of
        another version.
        """
        if not database.is_there(self.database):
            return FeedRecords(feeds=self.states())
        records = database.load(self.database, packages)
        held = read_sidecar(self._layout.sidecar)
        states = [_since(state, held.get(state.name)) for state in records.feeds]
        absent = held.keys() - {state.name for state in states}
        if absent:  # downloads that never compiled: the reader must hear of them too
            known = self._known()
            states += [_state(known[name], held[name], None) for name in absent if name in known]
        return replace(records, feeds=tuple(sorted(states, key=lambda state: state.name)))

    def update(
        self,
        names: Sequence[str] | None = None,
        *,
        settings: Mapping[str, Mapping[str, str]] = NO_SETTINGS,
        releases: Collection[str] | None = None,
        on_progress: "Callable[[FeedProgress], None] | None" = None,
        http: "HttpSettings | None" = None,
    ) -> "tuple[FeedUpdate, ...]":
        """Refresh feeds and compile what changed; return one result per feed asked, by name.

        `names` chooses feeds (None: all enabled ones), `settings` gives each feed's, `releases` are the release keys
        of the estate: what serves none of them is left out. A feed that cannot be had, or is broken, keeps its last
        good copy and is reported as failed. `on_progress` is called from one thread at a time. Raises FeedError when
        nothing can be done at all: unknown name, another update running, folder or disk refusing.
        """
        from collectors.feeds.download import HttpSettings
        from collectors.feeds.updates import FeedOutcome, FeedUpdate

        with only_one(self._layout.lock):
            renewal = self._renewal()  # what another process changed until now must be seen, hence not before the lock
            outcomes = renewal.update(
                renewal.choose(names),
                named=names is not None,
                settings=settings,
                releases=releases,
                on_progress=on_progress or (lambda _: None),
                http=http or HttpSettings(),
            )
        states = {state.name: state for state in self.states()}
        return tuple(
            FeedUpdate(
                name=name,
                outcome=outcome,
                state=states[name],
                error=states[name].error if outcome is FeedOutcome.FAILED else "",
            )
            for name, outcome in sorted(outcomes.items())
        )

    def export(self, path: Path) -> str:
        """Write every downloaded feed to one bundle file for a site without internet; return its sha256.

        Raises FeedError when there is nothing to export, another update is running, or `path` cannot be written.
        """
        from collectors.feeds.bundle import write_bundle

        with only_one(self._layout.lock):
            return write_bundle(path, self._layout, self._known(), read_sidecar(self._layout.sidecar), self._now())

    def import_bundle(self, path: Path, *, accept_shrunk: bool = False) -> tuple[FeedState, ...]:
        """Take the feeds of a bundle into service; all of them or, with BundleInvalid raised, none.

        Each part's size and sha256 is checked, and each feed compiled, before anything is replaced. Feeds installed
        here that are as new stay; a bundle with nothing newer is refused. So is a feed that lost most of its records,
        unless `accept_shrunk`; that a release went was for the exporting site to judge.
        """
        with only_one(self._layout.lock):
            self._renewal().import_bundle(path, accept_shrunk=accept_shrunk)
        return self.states()

    def _renewal(self) -> "Renewal":
        from collectors.feeds.renew import Renewal

        return Renewal(self._layout, self._known(), self._now())


def _state(feed: "Feed", held: Holding | None, compiled: FeedState | None) -> FeedState:
    never = FeedState(
        name=feed.name,
        title=feed.title,
        url=feed.homepage,
        licence=feed.licence,
        max_age_days=feed.max_age_days,
        announces=feed.announces,
        patch_tuesday=feed.patch_tuesday,
    )
    return _since(compiled or never, held)


def _since(state: FeedState, held: Holding | None) -> FeedState:
    """Bring a compiled state up to date with the last refresh, which may have found nothing new, or failed.

    A refresh says nothing about rows made of other bytes, which a crash between two files or a compiled file put back
    from a backup leaves behind: those keep their own date, and never look as fresh as a download they do not hold.
    """
    if held is None:
        return state
    same = state.sha256 == digest_of(held.parts.values())
    return replace(state, checked_at=held.checked_at if same else state.checked_at, error=held.error)
