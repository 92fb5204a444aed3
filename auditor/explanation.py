"""The whole chain of evidence behind one finding, or behind one package of one machine.

Facts come from the history (what was seen in that run), advisories from the feeds as they stand now; where a feed was
renewed since the run, that is said. Nothing here judges: the verdicts are the matcher's, the findings the run's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from auditor.errors import SettingsError
from auditor.explanation_tenant import TenantChain, chain_about, chain_of, tenant_named
from auditor.history.store import Store
from collectors.feeds.cache import FeedStore
from collectors.feeds.records import Advisory, AffectedPackage, FeedState, FixState, PackageKind
from collectors.model import AvailableUpdate, HostSnapshot, Package, PackageScheme
from collectors.releases import release_of
from reports.actions import Action, actions
from reports.view import View
from rules.knowledge import Knowledge
from rules.matching import Matcher, needed
from rules.model import Assessment, Finding, MachineSummary, PatchState
from rules.streams import stream_of
from rules.verdicts import PatchVerdict
from rules.versions import compare
from rules.windows.builds import is_windows

_PATCH_RULES = "patch."
_NEVER = date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One advisory row about one installed package.

    `open` is None where there is nothing to compare: the row holds no fix, or (`other_stream`) speaks of a module
    stream that is not installed.
    """

    advisory: Advisory
    row: AffectedPackage
    installed: str
    open: bool | None
    other_stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A feed as it stands now; `renewed` when the run rested on another edition of it."""

    state: FeedState
    renewed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChain:
    """From installed package to verdict. `name` is what was asked for (a binary or a source package)."""

    name: str
    release: str | None
    packages: tuple[Package, ...]
    offers: tuple[AvailableUpdate, ...]
    rulings: tuple[Ruling, ...]
    verdicts: tuple[PatchVerdict, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything `auditor explain` shows; `snapshot` is None when the history holds none for the machine.

    Of an `action` only its findings are listed: each has a chain of its own.
    """

    run: int
    assessment: Assessment
    machine: MachineSummary | None
    snapshot: HostSnapshot | None
    findings: tuple[Finding, ...]
    chain: PackageChain | None
    action: Action | None = None
    tenant: TenantChain | None = None


def explain_finding(store: Store, run: int, reference: str, feeds: FeedStore) -> Explanation:
    """Explain the finding or action with this reference ("F-1A2B3C4D", "A-1A2B3C4D"), or the finding of a fingerprint.

    Raises SettingsError when none has it.
    """
    assessment = store.assessment(run)
    wanted = reference.casefold()
    if wanted.startswith("a-"):
        return _explain_action(run, assessment, reference)
    found = [
        finding
        for finding in assessment.findings
        if finding.ref.casefold() == wanted or (len(wanted) >= 8 and finding.fingerprint.startswith(wanted))
    ]
    if not found:
        hint = "Look it up in the report of that run (another run: --run N), or name a machine and a package."
        raise SettingsError(reference, f"run {run} has no finding with this reference.", hint=hint)
    subject = found[0].subject
    tenant = tenant_named(assessment, subject)
    if tenant is not None:
        return _explain_tenant(run, assessment, chain_of(store, run, tenant, found[0]), tuple(found))
    snapshot = store.snapshot(run, subject) if subject else None
    chain = None
    if snapshot is not None and found[0].rule.startswith(_PATCH_RULES) and _installed(snapshot, found[0].key):
        chain = _chain(snapshot, found[0].key, assessment, feeds)
    return Explanation(
        run=run,
        assessment=assessment,
        machine=_summary(assessment, subject),
        snapshot=snapshot,
        findings=tuple(found),
        chain=chain,
    )


def _explain_tenant(run: int, assessment: Assessment, chain: TenantChain, findings: tuple[Finding, ...]) -> Explanation:
    return Explanation(
        run=run, assessment=assessment, machine=None, snapshot=None, findings=findings, chain=None, tenant=chain
    )


def _explain_action(run: int, assessment: Assessment, reference: str) -> Explanation:
    plan = actions(View(assessment))
    action = next((found for found in plan if found.ref.casefold() == reference.casefold()), None)
    if action is None:
        known = ", ".join(found.ref for found in plan if found.ref.startswith("A-")) or "none"
        hint = f"Actions of that run that group several findings: {known}."
        raise SettingsError(reference, f"run {run} has no action with this reference.", hint=hint)
    return Explanation(
        run=run,
        assessment=assessment,
        machine=None,
        snapshot=None,
        findings=action.findings,
        chain=None,
        action=action,
    )


def explain_package(store: Store, run: int, host: str, package: str, feeds: FeedStore) -> Explanation:
    """Explain what is known of one package (binary or source name) on one machine of a run.

    Where `host` is a tenant, `package` is a person or a product of it.
    """
    from auditor.tables import suggestion

    assessment = store.assessment(run)
    tenant = tenant_named(assessment, host)
    if tenant is not None:
        return _explain_tenant(run, assessment, *chain_about(store, run, assessment, tenant, package))
    machine = _summary(assessment, host)
    snapshot = store.snapshot(run, machine.target.name) if machine is not None else None
    if machine is None or snapshot is None:
        targets = [machine.target for machine in assessment.machines] + [one.target for one in assessment.tenants]
        names = [target.name for target in targets]
        hint = suggestion(host, names) or f"Machines and tenants of run {run}: {', '.join(names[:10])}."
        raise SettingsError(host, f"run {run} has no machine or tenant of this name.", hint=hint)
    if is_windows(snapshot):
        return _explain_product(run, assessment, machine, snapshot, package)
    chain = _chain(snapshot, package, assessment, feeds)
    about = {package, *(found.source_name for found in chain.packages), *(found.name for found in chain.packages)}
    about |= {verdict.package for verdict in chain.verdicts}
    findings = tuple(
        finding
        for finding in assessment.findings
        if finding.subject == machine.target.name
        and finding.rule.startswith(_PATCH_RULES)
        and _speaks_of(finding, about, chain.verdicts)
    )
    return Explanation(
        run=run,
        assessment=assessment,
        machine=machine,
        snapshot=snapshot,
        findings=findings,
        chain=chain,
    )


def _explain_product(
    run: int, assessment: Assessment, machine: MachineSummary, snapshot: HostSnapshot, name: str
) -> Explanation:
    """Explain one of Microsoft's products on a Windows machine, by its name, part of it, or the KB of an update.

    Its findings carry what was compared with what; there are no packages and hence no chain.
    """
    wanted = name.casefold()
    findings = tuple(
        finding
        for finding in assessment.findings
        if finding.subject == machine.target.name
        and finding.rule.startswith(_PATCH_RULES)
        and any(wanted in said.casefold() for said in _products_of(finding))
    )
    return Explanation(
        run=run, assessment=assessment, machine=machine, snapshot=snapshot, findings=findings, chain=None
    )


def _products_of(finding: Finding) -> Iterator[str]:
    params = finding.message.params
    yield finding.key
    yield from (str(params.get(name) or "") for name in ("package", "packages", "remedy"))
    for evidence in finding.evidence:
        yield str(evidence.what.params.get("package") or "")


def _speaks_of(finding: Finding, names: set[str], verdicts: Sequence[PatchVerdict]) -> bool:
    """Whether a finding is about a package: by its key, by the subscription its fix needs, or as one of several."""
    key, _, doubtful = finding.key.partition(":")
    if key in names or doubtful in names:
        return True
    if finding.state is PatchState.PRO_REQUIRED:
        return any(verdict.state is finding.state and verdict.entitlement == finding.key for verdict in verdicts)
    listed = set(str(finding.message.params.get("packages") or "").split(", "))
    shown = {str(evidence.what.params.get("package")) for evidence in finding.evidence}
    return bool(names & (listed | shown))


def _summary(assessment: Assessment, name: str) -> MachineSummary | None:
    folded = name.casefold()
    for machine in assessment.machines:
        if folded in (known.casefold() for known in (machine.target.name, *machine.aliases)):
            return machine
    return None


def _installed(snapshot: HostSnapshot, name: str) -> tuple[Package, ...]:
    return tuple(package for package in snapshot.packages if name in (package.name, package.source_name))


def _chain(snapshot: HostSnapshot, name: str, assessment: Assessment, feeds: FeedStore) -> PackageChain:
    release = release_of(snapshot.operating_system) if snapshot.operating_system is not None else None
    packages = _installed(snapshot, name)
    records = feeds.load(needed(snapshot))
    knowledge = Knowledge.from_records(records)
    verdicts = Matcher(knowledge).match(snapshot)
    names = {name, *(package.name for package in packages), *(package.source_name for package in packages)}
    # A kernel's verdict bears the name of the kernel's source, whatever source built the installed image.
    judged = tuple(
        verdict
        for verdict in verdicts
        if verdict.package in names or any(package.name in names for package in verdict.packages)
    )
    # Kernels and renamed sources: the matcher knows under which name the advisories speak of a package.
    names |= {verdict.package for verdict in judged}
    used = {state.name: state for state in assessment.feeds}
    covering = knowledge.advisory_feeds(release) if release is not None else ()
    return PackageChain(
        name=name,
        release=release,
        packages=packages,
        offers=tuple(update for update in snapshot.available_updates if update.name in names),
        rulings=tuple(_rulings(knowledge, release, packages, judged)),
        verdicts=judged,
        sources=tuple(Source(state=state, renewed=_renewed(state, used.get(state.name))) for state in covering),
    )


def _renewed(now: FeedState, then: FeedState | None) -> bool:
    return then is None or (then.sha256, then.published_at, then.fetched_at) != (
        now.sha256,
        now.published_at,
        now.fetched_at,
    )


def _rulings(
    knowledge: Knowledge, release: str | None, packages: Sequence[Package], verdicts: Sequence[PatchVerdict]
) -> list[Ruling]:
    """Every row about an installed package, newest advisory first; what two feeds say alike stands there once."""
    if release is None or not packages:
        return []
    scheme = packages[0].scheme
    versions: dict[tuple[str, PackageKind], tuple[str, str]] = {}
    for package in packages:
        stream = stream_of(package.module)
        versions.setdefault((package.source_name, PackageKind.SOURCE), (package.source_version, stream))
        versions.setdefault((package.name, PackageKind.BINARY), (package.version, stream))
    for verdict in verdicts:
        versions.setdefault((verdict.package, PackageKind.SOURCE), (verdict.installed_version, ""))
    found = [
        _ruling(knowledge.advisories[row.advisory], row, installed, stream, scheme)
        for (name, kind), (installed, stream) in versions.items()
        for row in knowledge.affected.get((release, name), ())
        if row.kind is kind and row.advisory in knowledge.advisories
    ]
    return sorted(
        dict.fromkeys(found), key=lambda ruling: (ruling.advisory.issued_on or _NEVER, ruling.advisory.id), reverse=True
    )


def _ruling(advisory: Advisory, row: AffectedPackage, installed: str, stream: str, scheme: PackageScheme) -> Ruling:
    other_stream = row.module != stream
    is_open = None
    if row.state is FixState.FIXED and not other_stream:
        is_open = compare(scheme, installed, row.fixed_version) < 0
    return Ruling(advisory=advisory, row=row, installed=installed, open=is_open, other_stream=other_stream)
