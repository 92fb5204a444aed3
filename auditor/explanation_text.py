"""Words of an explanation, for the terminal: machine, package, advisories, verdict, finding, evidence, sources."""

from collections.abc import Iterator

from auditor.explanation import Explanation, PackageChain, Ruling
from auditor.explanation_software import worded_position, worded_waiver
from auditor.explanation_tenant import worded_chain, worded_money
from auditor.progress import printable
from collectors.feeds.records import FixState
from collectors.model import FactKind, HostSnapshot
from reports import words
from reports.actions import Action
from reports.sheet import Report
from reports.texts import Texts
from rules.model import Evidence, Finding

_RULINGS_SHOWN = 40
_INSTALLED = ("patch.", "application.known_exploited")


def worded(explanation: Explanation, language: str) -> str:
    """Return the explanation as text, every line safe for a terminal."""
    return "\n".join(printable(line) for line in _Words(explanation, Texts(language)).lines())


def _due(finding: Finding) -> str:
    """The text of a day: by it an update is to be installed, or on it a right, a support, a waiver ends."""
    return "due" if finding.rule.startswith(_INSTALLED) else "due_day"


class _Words:
    """Writes the sections of one explanation in one language."""

    def __init__(self, explanation: Explanation, texts: Texts) -> None:
        self._explanation = explanation
        self._texts = texts

    def lines(self) -> Iterator[str]:
        """All lines, section by section."""
        found = self._explanation
        assessment = found.assessment
        yield self._say("run", run=found.run, client=assessment.client, as_of=assessment.as_of)
        if assessment.demo:
            yield self._texts.text("workbook.demo")
        if found.action is not None:
            yield from self._action(found.action)
            return
        for finding in found.findings if found.chain is None else ():
            yield from self._finding(finding)
            yield from worded_position(assessment, finding, self._texts)
        if found.tenant is not None:
            yield from worded_chain(found.tenant, self._texts)
        yield from self._machine()
        if found.chain is not None:
            yield from self._package(found.chain)
            yield ""
            yield self._say("findings")
            if not found.findings:
                yield f"  {self._say('none')}"
            for finding in found.findings:
                yield from self._finding(finding)
            yield from self._sources(found.chain)

    def _say(self, key: str, **params: object) -> str:
        return self._texts.text(f"cli.explain.{key}", **params)  # type: ignore[arg-type]

    def _action(self, action: Action) -> Iterator[str]:
        """What is to be done, and one line per finding it stands for."""
        texts, report = self._texts, Report(self._explanation.assessment, self._texts)
        yield ""
        yield f"{action.ref} · {words.finding_text(report, action)}"
        yield self._field("remedy", words.proposal(report, action).replace("\n", " "))
        yield self._field("why", words.impact(report, action))
        yield self._field("priority", texts.text(f"priority.{action.level.value}"))
        if action.due_on is not None:
            late = f" ({texts.text('due.late')})" if action.due_on < report.view.day else ""
            yield self._field(_due(action.findings[0]), f"{texts.date(action.due_on)}{late}")
        yield ""
        yield self._say("grouped", count=len(action.findings))
        for finding in action.findings:
            yield f"  {finding.ref}  {self._subject(finding)}: {texts.message(finding.message)}"
        yield ""
        yield self._say("grouped_more", ref=action.findings[0].ref)

    def _finding(self, finding: Finding) -> Iterator[str]:
        texts = self._texts
        yield ""
        yield self._say("heading", ref=finding.ref, machine=self._subject(finding))
        yield f"  {texts.message(finding.message)}"
        yield self._field("outcome", texts.text(f"outcome.{finding.outcome.value}"))
        if finding.state.value:
            yield self._field("state", texts.text(f"patch_state.{finding.state.value}"))
        yield self._field("severity", texts.text(f"severity.{finding.severity.value}"))
        yield self._field("confidence", texts.text(f"confidence.{finding.confidence.value}"))
        yield self._field("priority", texts.text(f"priority.{finding.priority.level.value}"))
        for reason in finding.priority.reasons:
            yield f"    - {texts.message(reason)}"
        yield from self._license(finding)
        if finding.released_on is not None:
            yield self._field("released", texts.date(finding.released_on))
        if finding.due_on is not None:
            yield self._field(_due(finding), texts.date(finding.due_on))
        if finding.remedy is not None:
            yield self._field("remedy", texts.message(finding.remedy))
        yield from worded_waiver(finding, texts)
        if finding.evidence:
            yield f"  {self._say('evidence')}"
            for evidence in finding.evidence:
                yield from self._evidence(evidence)
        if finding.gaps:
            yield f"  {self._say('gaps')}"
            for gap in finding.gaps:
                yield f"    - {self._gap(gap.kind, gap.reason.value, gap.detail)}"

    def _subject(self, finding: Finding) -> str:
        return finding.subject or self._texts.text("sheets.coverage.estate")

    def _license(self, finding: Finding) -> Iterator[str]:
        """Whom it is about and what it is worth; nothing for a finding about a machine."""
        if finding.person:
            yield f"  {self._texts.text('cli.explain_tenant.concerns'):<24} {finding.person}"
        for amount in worded_money(finding.money, self._texts) if finding.money is not None else ():
            yield f"  {self._texts.text('cli.explain_tenant.amount'):<24} {amount}"

    def _field(self, key: str, value: str) -> str:
        return f"  {self._say(key):<24} {value}"

    def _evidence(self, evidence: Evidence) -> Iterator[str]:
        what = self._texts.message(evidence.what)
        key = "evidence_expected" if evidence.expected else "evidence_line"
        seen, expected = evidence.seen, evidence.expected
        yield f"    - {self._say(key, what=what, seen=seen, expected=expected) if seen or expected else what}"
        source = " ".join(part for part in (self._texts.place(evidence.source), evidence.url) if part)
        if source and evidence.as_of is not None:
            yield f"      {self._say('source', source=source, as_of=evidence.as_of)}"
        elif source:
            yield f"      {self._say('source_undated', source=source)}"

    def _gap(self, kind: FactKind, reason: str, detail: str) -> str:
        texts = self._texts
        return self._say(
            "gap", fact=texts.text(f"fact.{kind.value}"), reason=texts.text(f"gap.reason.{reason}"), detail=detail
        )

    def _machine(self) -> Iterator[str]:
        machine = self._explanation.machine
        if machine is None:
            return
        yield ""
        yield f"{self._say('machine')} {', '.join((machine.target.name, *machine.aliases))}"
        full = "as_administrator" if words.is_windows(machine) else "as_root"
        rights = self._say(full if machine.privileged else "as_user")
        yield f"  {self._say('visited', at=machine.taken_at, rights=rights)}"
        system = machine.operating_system
        name = words.system(system) if system is not None else ""
        if system is None:
            yield f"  {self._say('not_seen')}"
        elif machine.release is None:
            yield f"  {self._say('no_release', system=name)}"
        else:
            yield f"  {self._say('system', system=name, release=machine.release)}"
        if machine.gaps:
            yield f"  {self._say('gaps')}"
            for gap in machine.gaps:
                yield f"    - {self._gap(gap.kind, gap.reason.value, gap.detail)}"

    def _package(self, chain: PackageChain) -> Iterator[str]:
        snapshot = self._explanation.snapshot
        assert snapshot is not None
        yield ""
        yield self._say("installed")
        if not chain.packages:
            yield f"  {self._say('not_installed', package=chain.name, machine=snapshot.target.name)}"
        for package in chain.packages:
            line = self._say(
                "package",
                name=package.name,
                version=package.version,
                source=package.source_name,
                source_version=package.source_version,
                origin=package.origin or self._say("unknown_origin"),
            )
            module = f" ({self._say('module', module=package.module)})" if package.module else ""
            yield f"  {line}{module}"
        yield from self._offers(chain, snapshot)
        yield from self._rulings(chain)
        yield ""
        yield self._say("verdicts")
        for verdict in chain.verdicts:
            state = self._texts.text(f"patch_state.{verdict.state.value or 'none'}")
            yield f"  {self._say('verdict', package=verdict.package, installed=verdict.installed_version, state=state)}"
        if not chain.verdicts:
            yield f"  {self._say('no_verdict')}"

    def _offers(self, chain: PackageChain, snapshot: HostSnapshot) -> Iterator[str]:
        for update in chain.offers:
            version = update.candidate_version
            yield f"  {self._say('offer', name=update.name, version=version, origin=update.origin)}"
        if not chain.offers:
            hidden = snapshot.gaps_of(FactKind.AVAILABLE_UPDATES)
            yield f"  {self._say('offer_unseen' if hidden else 'no_offer')}"
        lists = snapshot.package_lists
        if lists is not None and lists.refreshed_at is not None:
            yield f"  {self._say('lists_age', at=lists.refreshed_at)}"
        elif lists is not None:
            yield f"  {self._say('lists_none')}"

    def _rulings(self, chain: PackageChain) -> Iterator[str]:
        release = chain.release or self._texts.text("values.none")
        yield ""
        if not chain.rulings:
            yield self._say("no_advisories", release=release)
            return
        yield self._say("advisories", count=len(chain.rulings), release=release)
        for ruling in chain.rulings[:_RULINGS_SHOWN]:
            advisory = ruling.advisory
            issued = f" ({self._texts.date(advisory.issued_on)})" if advisory.issued_on else ""
            yield f"  {advisory.id}{issued} {ruling.row.package} {', '.join(advisory.cves)}".rstrip()
            yield f"    {self._ruled(ruling)}"
            yield "    " + f"{advisory.url} [{advisory.feed}]".lstrip()
        if len(chain.rulings) > _RULINGS_SHOWN:
            yield f"  {self._texts.text('console.more', rest=len(chain.rulings) - _RULINGS_SHOWN)}"

    def _ruled(self, ruling: Ruling) -> str:
        row = ruling.row
        if ruling.other_stream:
            return self._say("other_stream", fixed=row.fixed_version, module=row.module or self._say("no_module"))
        match row.state:
            case FixState.FIXED:
                key = "fixed_open" if ruling.open else "fixed_closed"
                said = self._say(key, fixed=row.fixed_version, installed=ruling.installed)
            case FixState.NO_FIX:
                said = self._say("not_fixed", reason=row.reason or self._texts.text("values.none"))
            case FixState.PENDING:
                said = self._say("pending", fixed=row.fixed_version)
            case FixState.NOT_AFFECTED:
                said = self._say("not_affected")
        parts = [said]
        if row.entitlement:
            parts.append(self._say("entitlement", entitlement=row.entitlement))
        if row.module:
            parts.append(self._say("module", module=row.module))
        return "; ".join(parts)

    def _sources(self, chain: PackageChain) -> Iterator[str]:
        yield ""
        yield self._say("feeds")
        for source in chain.sources:
            state = source.state
            published = state.published_at or state.checked_at
            if published is None:
                yield f"  {self._say('feed_never', title=state.title)}"
                continue
            key = "feed_renewed" if source.renewed else "feed"
            yield f"  {self._say(key, title=state.title, published=published, licence=state.licence)}"
            yield f"    {state.url}" + (f" sha256 {state.sha256}" if state.sha256 else "")
        if not chain.sources:
            yield f"  {self._say('none')}"
