"""How old the advisory feeds are that this client's machines need."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from auditor.checkup.checks import Check, Section, State, say
from auditor.settings import ClientSettings

if TYPE_CHECKING:
    from collectors.feeds.records import FeedState

_SKU_NAMES = "m365-skus"


def needed_feeds(
    releases: Collection[str], settings: Mapping[str, Mapping[str, str]], today: datetime
) -> frozenset[str]:
    """Names of the enabled feeds that speak about machines of these release keys (`collectors.releases`)."""
    from collectors.errors import FeedError
    from collectors.feeds import discover

    found = set()
    for feed in discover():
        own = settings.get(feed.name, {})
        if own.get("enabled", "true" if feed.enabled_by_default else "false") != "true":
            continue
        try:
            parts = feed.parts({**feed.settings, **own}, today.date())
        except (FeedError, ValueError, LookupError):
            parts = ()
        if not parts or any(part.needed_by(releases) for part in parts):
            found.add(feed.name)
    return frozenset(found)


def feeds_section(
    settings: ClientSettings,
    states: "Sequence[FeedState]",
    now: datetime,
    needed: Collection[str] | None = None,
) -> Section:
    """How old the feeds are; only the names of products matter to a client without machines.

    `needed` are the feeds its machines rest on (None: nobody knows, every feed that was ever downloaded counts).
    """
    checks: list[Check] = []
    current = fetched = 0
    limits = settings.contract.feed_max_age_days
    for state in states:
        age = state.age_days(now)
        fetched += age is not None
        matters = bool(settings.targets) and (needed is None or state.name in needed)
        if age is None:
            if state.name == _SKU_NAMES and settings.tenants:
                text = say("feed_names", title=state.title)
                checks.append(Check(name="feeds.names", state=State.WARNING, text=text, todo=say("feeds_todo")))
            elif needed is not None and matters and state.name != _SKU_NAMES:
                text = say("feed_absent", title=state.title)
                checks.append(Check(name="feeds.absent", state=State.FAILED, text=text, todo=say("feeds_todo")))
        elif state.is_stale(now, limits.get(state.name)):
            text = say(
                "feed_stale",
                title=state.title,
                age_days=int(age),
                limit_days=limits.get(state.name, state.max_age_days),
            )
            failed = State.FAILED if matters else State.WARNING
            checks.append(Check(name="feeds.stale", state=failed, text=text, todo=say("feeds_todo")))
        else:
            current += 1
    if current:
        checks.insert(0, Check(name="feeds.current", state=State.OK, text=say("feeds_current", count=current)))
    if settings.targets and not fetched:
        absent = [check for check in checks if check.name != "feeds.absent"]
        none = Check(name="feeds.none", state=State.FAILED, text=say("feeds_none"), todo=say("feeds_todo"))
        checks = [*absent, none]
    return Section(name="feeds", heading=say("feeds"), checks=tuple(checks))
