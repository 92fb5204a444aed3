"""One run: collect -> store at once -> merge -> load what the feeds say of what was seen -> judge -> assess -> waive.

One snapshot is in memory at a time, apart from those being visited: a machine or tenant is packed and stored as it
arrives, and unpacked again when it is judged. What was named and not visited, for whatever reason, is in the result
with a gap. The history can fail (disk full, locked); the run then goes on in memory and says so at the end.

Several clients make one run too: all are collected together, then each is judged by itself.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auditor import __version__
from auditor.errors import HistoryError
from auditor.history.store import Store
from auditor.progress import Progress
from auditor.selection import Unvisitable
from auditor.spool import Spool
from collectors.cloud.credentials import CloudCredential
from collectors.cloud.facts import TenantSnapshot
from collectors.cloud.policy import CloudPolicy
from collectors.credentials import Credential
from collectors.model import HostSnapshot, Target
from collectors.transports.base import ConnectionPolicy
from rules.contract import Contract
from rules.model import Assessment

if TYPE_CHECKING:
    from collectors.feeds.cache import FeedStore
    from rules.knowledge import Knowledge
    from rules.software.devices import Device
    from rules.software.tenant_rights import TenantRights

_log = logging.getLogger(__name__)


def now() -> datetime:
    """The present moment, UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one client's run needs to know. `as_of` None judges as of the moment collecting ended.

    `targets` are machines and tenants; `credentials` go by credential, `cloud_credentials` by the tenant's name.
    `visit_tenant` takes the place of a visit to Microsoft Graph (the demonstration's, a test's). `warnings` were found
    in the client's own files beforehand. `partial`: the targets are a choice among what the client has; no license
    position is made of them, and no waiver is called orphaned.
    """

    contract: Contract
    targets: tuple[Target, ...]
    unvisitable: tuple[Unvisitable, ...] = ()
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    policy: ConnectionPolicy = field(default_factory=ConnectionPolicy)
    cloud_credentials: Mapping[str, CloudCredential] = field(default_factory=dict)
    cloud_policy: CloudPolicy = field(default_factory=CloudPolicy)
    visit_tenant: Callable[[Target], TenantSnapshot] | None = None
    width: int = 32
    as_of: datetime | None = None
    record_into: Path | None = None
    refresh_feeds: bool = False
    feed_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clock: Callable[[], datetime] = now
    demo: bool = False
    warnings: tuple[str, ...] = ()
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run came to; `history_problem` is "" when all of it is in the history under `run`.

    `warnings` are sentences about the client's own files: what in them means nothing, or is not known yet.
    """

    run: int
    assessment: Assessment
    interrupted: bool
    history_problem: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One client's run under way, under its number in the history."""

    plan: Plan
    store: Store
    run: int
    started_at: datetime
    spool: Spool


def conduct(plan: Plan, *, store: Store, feeds: "FeedStore", progress: Progress) -> Result:
    """Run a plan to its end. Ctrl-C during the visits ends the visits, not the run; a second one ends everything."""
    course = begin(plan, store)
    interrupted = collect([course], feeds, progress)
    return finish(course, feeds, progress, interrupted=interrupted)


def begin(plan: Plan, store: Store) -> Course:
    """Open a run in the client's history. Raises HistoryError."""
    started_at = plan.clock()
    run = store.begin(client=plan.contract.client, started_at=started_at, product_version=__version__, demo=plan.demo)
    return Course(plan=plan, store=store, run=run, started_at=started_at, spool=Spool(store, run))


def collect(courses: Sequence[Course], feeds: "FeedStore", progress: Progress) -> bool:
    """Visit everything of all clients, and renew the feeds where that is wished; whether the operator stopped it."""
    from auditor import visits

    interrupted = visits.collect([(course.plan, course.spool) for course in courses], progress)
    refreshing = [course for course in courses if course.plan.refresh_feeds]
    if refreshing and not interrupted:
        return not _refreshed(refreshing, feeds, progress)
    return interrupted


def finish(course: Course, feeds: "FeedStore", progress: Progress, *, interrupted: bool) -> Result:
    """Judge what one client's run collected and close it in its history."""
    progress.stage("judging")
    assessment, warnings = judge(course, feeds)
    try:
        course.store.conclude(course.run, assessment, interrupted=interrupted)
    except HistoryError as error:
        course.spool.fail(error)
    return Result(
        run=course.run,
        assessment=assessment,
        interrupted=interrupted,
        history_problem=course.spool.problem,
        warnings=(*course.plan.warnings, *warnings),
    )


def judge(course: Course, feeds: "FeedStore") -> tuple[Assessment, tuple[str, ...]]:
    """Judge every machine and tenant of a run, one in memory at a time; the second value are `Result.warnings`.

    What the license position needs of each is kept as it passes (`_Estate`).
    """
    from auditor.products import unknown_products
    from rules.decisions import with_decisions
    from rules.engine import Judge
    from rules.knowledge import Knowledge
    from rules.tenants.engine import judge_tenant, with_tenants
    from rules.tenants.rule import machines_by_kind
    from rules.waivers import with_waivers

    plan, spool = course.plan, course.spool
    knowledge = Knowledge.from_records(feeds.load(spool.needed))
    as_of = plan.as_of or plan.clock()
    judge = Judge(knowledge, plan.contract, as_of)
    judgements, kinds, estate = [], Counter[str](), _Estate(course, knowledge)
    for snapshot in spool:
        judgements.append(judge.judge(snapshot))
        kinds.update(machines_by_kind((snapshot,)))
        estate.add_machine(snapshot)
    servers = kinds if judgements or plan.partial else None  # a partial run may leave out the client's machines
    tenants = []
    for tenant in spool.tenants():
        previous = spool.tenant_before(tenant.target.name)
        tenants.append(judge_tenant(tenant, knowledge, plan.contract, as_of, servers, previous=previous))
        estate.add_tenant(tenant)
    assessment = judge.conclude(
        judgements,
        client=plan.contract.client,
        started_at=course.started_at,
        finished_at=plan.clock(),
        product_version=__version__,
        demo=plan.demo,
    )
    if not judgements:  # the age of an advisory feed changes no verdict about licenses
        assessment = replace(assessment, stale_feeds=())
    assessment = estate.join(with_tenants(assessment, tenants), as_of)
    assessment = with_waivers(assessment, plan.contract, as_of.date(), whole=not plan.partial)
    assessment = with_decisions(assessment, plan.contract, as_of.date())
    return assessment, (*unknown_products(plan.contract, assessment.tenants, knowledge), *estate.warnings)


class _Estate:
    """What the license position needs of machines and tenants, gathered while they pass.

    A machine that was not reached is counted as an earlier run saw it (case 64). Nothing is gathered of a partial run.
    """

    def __init__(self, course: Course, knowledge: "Knowledge") -> None:
        self._course = course
        self._knowledge = knowledge
        self._devices: list[Device] = []
        self._rights: list[TenantRights] = []

    def add_machine(self, snapshot: HostSnapshot) -> None:
        """Keep what the position needs of a machine."""
        from rules.software.engine import reduced

        if self._course.plan.partial:
            return
        before = None if snapshot.reached else self._course.spool.machine_before(snapshot.target.name)
        self._devices.append(reduced(snapshot) if before is None else reduced(before, old=True))

    def add_tenant(self, tenant: TenantSnapshot) -> None:
        """Keep what the position needs of a tenant."""
        from rules.software.tenant_rights import rights_of

        if not self._course.plan.partial:
            self._rights.append(rights_of(tenant, self._knowledge))

    def join(self, assessment: Assessment, as_of: datetime) -> Assessment:
        """Put the license position into the assessment, where there is anything to make it of."""
        from rules.software.engine import judge_software, with_software

        contract = self._course.plan.contract
        if self._course.plan.partial or not (self._devices or contract.entitlements is not None):
            return assessment
        judgement = judge_software(self._devices, self._rights, contract, self._knowledge, as_of)
        return with_software(assessment, judgement)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about names in the client's file that no machine bears."""
        from auditor.products import unknown_machines

        return unknown_machines(self._course.plan.contract, self._devices)


def _refreshed(courses: Sequence[Course], feeds: "FeedStore", progress: Progress) -> bool:
    """Renew the feeds; false when the operator stopped it, which costs news and nothing that was collected."""
    settings = {name: table for course in reversed(courses) for name, table in course.plan.feed_settings.items()}
    releases = {release: None for course in courses for release in course.spool.needed}
    try:
        refresh_feeds(feeds, settings, releases, progress)
    except KeyboardInterrupt:
        progress.note("stopped by the operator; judging with the feeds as they are")
        return False
    return True


def refresh_feeds(
    feeds: "FeedStore",
    settings: Mapping[str, Mapping[str, str]],
    releases: Mapping[str, object],
    progress: Progress,
) -> None:
    """Renew the feeds the releases seen need; a feed that cannot be renewed is told and keeps its last good copy."""
    progress.stage("renewing feeds")
    updates = feeds.update(settings=settings, releases=set(releases))
    failed = [update for update in updates if update.outcome == "failed"]
    for update in failed:
        progress.note(f"feed {update.name} could not be renewed: {update.error}")
    if failed and len(failed) == len(updates):
        progress.note("NO FEED COULD BE DOWNLOADED (no internet?): verdicts that need them are unknown, not fine.")
