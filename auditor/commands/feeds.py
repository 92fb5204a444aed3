"""`auditor feeds`: download, show and carry advisory feeds. They belong to the provider, not to a client."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor import paths
from auditor.commands.options import FILE, FOLDER
from auditor.exits import Exit
from auditor.progress import printable

if TYPE_CHECKING:
    from collectors.feeds.cache import FeedStore
    from collectors.feeds.records import FeedState

_IN_FOLDER = click.option("--feeds", "folder", type=FOLDER, help="Folder of the feeds (default: the provider's own).")
_WITHOUT_INTERNET = (
    "Nothing could be downloaded; what was there before is kept. Without internet here: `auditor feeds export FILE` "
    "where there is a connection, then `auditor feeds import FILE` here."
)
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the states as JSON on standard output.")


@click.group(name="feeds", short_help="Download, show and carry advisory feeds.")
def command() -> None:
    """Download, show and carry advisory feeds.

    No feed is part of the product: each is downloaded from its publisher, under the licence that `status` shows.
    """


@command.command(name="update", short_help="Download what changed since the last time.")
@click.argument("names", nargs=-1, metavar="[FEED]...")
@click.option(
    "--release", "releases", multiple=True, metavar="KEY", help="Only for this release: debian:12; repeatable."
)
@click.option("--client", type=click.Path(path_type=Path), help="Use the feed settings of this client folder.")
@_IN_FOLDER
@_AS_JSON
def update(
    *, names: tuple[str, ...], releases: tuple[str, ...], client: Path | None, folder: Path | None, as_json: bool
) -> int:
    """Download what changed since the last time (all feeds, or those named).

    A feed that cannot be renewed keeps its last good copy, says why, and gives exit code 3.
    """
    from auditor.config import load
    from auditor.progress import FeedVoice

    _known(names)
    settings = load(client).feeds if client is not None else {}
    store = _store(folder)
    outcomes = store.update(
        names or None, settings=settings, releases=set(releases) or None, on_progress=FeedVoice().heard
    )
    failed = [outcome for outcome in outcomes if outcome.outcome == "failed"]
    for outcome in outcomes:
        why = f": {outcome.error}" if outcome.error else ""
        click.echo(printable(f"{outcome.name}: {outcome.outcome}{why}"), err=as_json or bool(outcome.error))
    if failed and len(failed) == len(outcomes):
        click.echo(_WITHOUT_INTERNET, err=True)
    if as_json:
        _print_json(store.states())
    return Exit.INCOMPLETE if failed else Exit.COMPLIANT


@command.command(name="status", short_help="Show source, licence and age of each feed.")
@_IN_FOLDER
@_AS_JSON
def status(*, folder: Path | None, as_json: bool) -> int:
    """Show source, licence and age of each feed.

    Exit code 3 when a feed in use is older than its limit, or when none was ever downloaded.
    """
    from auditor.pipeline import now

    states = _store(folder).states()
    if as_json:
        _print_json(states)
    else:
        _print_table(states)
    moment = now()
    ages = [(state, age) for state in states if (age := state.age_days(moment)) is not None]
    stale = any(age > state.max_age_days for state, age in ages)
    return Exit.INCOMPLETE if stale or not ages else Exit.COMPLIANT


@command.command(name="export", short_help="Write all feeds to one file for a site without internet.")
@click.argument("file", type=FILE)
@_IN_FOLDER
def export(file: Path, folder: Path | None) -> None:
    """Write all feeds to one FILE for a site without internet."""
    digest = _store(folder).export(file)
    click.echo(f"sha256 {digest}")
    click.echo(f"{file} ({file.stat().st_size / 1e6:.1f} MB); there: auditor feeds import {file.name}")


@command.command(name="import", short_help="Take over the feeds of such a file, checked first.")
@click.argument("file", type=FILE)
@click.option("--accept-shrunk", is_flag=True, help="Take a feed that lost most of its records all the same.")
@_IN_FOLDER
def import_(*, file: Path, accept_shrunk: bool, folder: Path | None) -> None:
    """Take over the feeds of an exported FILE. It is checked first; what is damaged changes nothing."""
    _print_table(_store(folder).import_bundle(file, accept_shrunk=accept_shrunk))


def _store(folder: Path | None) -> "FeedStore":
    from collectors.feeds.cache import FeedStore

    return FeedStore(folder or paths.feeds_folder())


def _known(names: Sequence[str]) -> None:
    from auditor.errors import SettingsError
    from auditor.tables import suggestion
    from collectors.feeds import discover

    known = [feed.name for feed in discover()]
    for name in names:
        if name not in known:
            hint = suggestion(name, known) or f"Known feeds: {', '.join(known)}."
            raise SettingsError(name, "there is no such feed.", hint=hint)


def _print_json(states: "Sequence[FeedState]") -> None:
    from auditor.output import as_json

    click.echo(as_json({"format": 1, "feeds": states}))


def _print_table(states: "Sequence[FeedState]") -> None:
    from auditor.pipeline import now

    fetched = [state for state in states if state.age_days(now()) is not None]
    if not fetched:
        click.echo("No feed has been downloaded yet: auditor feeds update", err=True)
    moment = now()
    for state in states:
        age = state.age_days(moment)
        told = "never fetched" if age is None else f"{max(age, 0.0):.1f} days old (limit {state.max_age_days})"
        stale = "  TOO OLD" if age is not None and age > state.max_age_days else ""
        click.echo(printable(f"{state.name}: {state.title}"))
        click.echo(printable(f"    {told}{stale}, {state.records} records, {state.size_bytes / 1e6:.1f} MB"))
        click.echo(printable(f"    {state.url}  licence: {state.licence}"))
        if state.covers:
            click.echo(printable(f"    covers {', '.join(state.covers)}"))
        if state.error:
            click.echo(printable(f"    last refresh failed: {state.error}"))
