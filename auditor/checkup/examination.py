"""All checks of one client, in the order they are told. What goes over the network is asked side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.checkup.checks import Section
from auditor.checkup.clock import clock_section, of_clouds, of_machines
from auditor.checkup.feeds import feeds_section, needed_feeds
from auditor.checkup.files import files_section
from auditor.checkup.machines import Clock, Seen, unvisited, visit_machines
from auditor.checkup.mail import mail_section
from auditor.checkup.place import place_section
from auditor.checkup.references import References
from auditor.checkup.schedules import schedule_section
from auditor.checkup.tenants import Doctor, tenant_sections, unasked
from auditor.errors import SettingsError
from auditor.login import client_cloud_policy, connection_policy
from auditor.report_tables import ReportSettings
from auditor.secrets import Resolver
from auditor.settings import ClientSettings
from auditor.tables import suggestion
from auditor.workers import Droppable
from collectors.model import Target

LONGEST_VISIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of a client to check: `machines` by name (none: all of it), `offline` without asking anybody anything."""

    feeds_folder: Path
    machines: tuple[str, ...] = ()
    offline: bool = False


def examine(settings: ClientSettings, wanted: Wanted, resolver: Resolver, clock: Clock) -> list[Section]:
    """Check one client. Raises SettingsError for a machine its file does not name, or an absent file of authorities.

    With machines named, only what concerns them is checked: their credentials, visits, feeds and clocks.
    """
    if wanted.machines:
        settings = replace(settings, targets=_chosen(settings, wanted.machines), tenants=(), report=ReportSettings())
    references = References(settings, resolver)
    doctor = _doctor(settings, wanted, clock)
    pool = Droppable(3, "examine")
    try:
        tenants = pool.submit(lambda: list(tenant_sections(settings.tenants, references.apps, doctor)))
        clouds = pool.submit(of_clouds, () if wanted.offline else settings.tenants, doctor.policy, clock)
        mail = pool.submit(_mail, settings, resolver, wanted)
        seen, window_s = _visited(settings, references, wanted, clock)
        readings = [*of_machines(seen, window_s), *clouds.result()]
        visits = [*_machines(settings, references, seen, wanted), *tenants.result(), *_unasked(settings, references)]
        sections = [
            references.section,
            *visits,
            _feeds(settings, seen, wanted, clock),
            clock_section(readings, clock()),
        ]
        if wanted.machines:
            return sections
        return [
            files_section(settings, clock().date()),
            *sections,
            *filter(None, (mail.result(),)),
            place_section(settings),
            schedule_section(settings),
        ]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _chosen(settings: ClientSettings, names: Sequence[str]) -> tuple[Target, ...]:
    known = {target.name.casefold(): target for target in settings.targets}
    for name in names:
        if name.casefold() not in known:
            hint = suggestion(name, [target.name for target in settings.targets])
            raise SettingsError("--machine", f"{settings.file} names no machine {name!r}.", hint=hint)
    return tuple(dict.fromkeys(known[name.casefold()] for name in names))


def _doctor(settings: ClientSettings, wanted: Wanted, clock: Clock) -> Doctor:
    from collectors.cloud.visit import connect

    policy = client_cloud_policy(settings)
    return Doctor(policy=policy, now=clock(), connect=connect, offline=wanted.offline)


def _mail(settings: ClientSettings, resolver: Resolver, wanted: Wanted) -> Section | None:
    return None if wanted.machines else mail_section(settings, resolver, offline=wanted.offline)


def _visited(
    settings: ClientSettings, references: References, wanted: Wanted, clock: Clock
) -> tuple[list[Seen], float]:
    """The visits made, and how long each was allowed to last."""
    window_s = min(settings.connection.host_deadline_s, LONGEST_VISIT_S)
    policy = connection_policy(
        settings, accept_new_host_keys=False, deadline_s=window_s, again=("audit", settings.folder)
    )
    if wanted.offline:
        return [], window_s
    width = settings.connection.width
    return visit_machines(settings.targets, references.logins, policy, clock=clock, width=width), window_s


def _machines(
    settings: ClientSettings, references: References, seen: Sequence[Seen], wanted: Wanted
) -> Iterator[Section]:
    """Every machine in the file's order: one without a usable credential is not left out, but told as not checked."""
    visited = {one.target.name: one.section for one in seen}
    for target in settings.targets:
        if target.name in visited:
            yield visited[target.name]
        elif target.credential in references.refused and not wanted.offline:
            yield unvisited(target, references.refused[target.credential])


def _unasked(settings: ClientSettings, references: References) -> Iterator[Section]:
    for tenant in settings.tenants:
        problem = references.refused.get(f"m365:{tenant.target.name}")
        if problem is not None:
            yield unasked(tenant, problem)


def _feeds(settings: ClientSettings, seen: Sequence[Seen], wanted: Wanted, clock: Clock) -> Section:
    """Which feeds are needed is known where every machine was seen; otherwise any of them may be."""
    from collectors.feeds.cache import FeedStore
    from rules.matching import needed

    moment = clock()
    releases: set[str] = set()
    whole = len(seen) == len(settings.targets)
    for one in seen:
        system = one.snapshot.operating_system
        whole = whole and system is not None
        if system is not None:
            releases.update(needed(one.snapshot))
    names = needed_feeds(releases, settings.feeds, moment) if whole and releases else None
    return feeds_section(settings, FeedStore(wanted.feeds_folder).states(), moment, names)
