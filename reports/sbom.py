"""One machine as a CycloneDX 1.6 document: what is installed, and for each known flaw how the machine stands (VEX).

For tools that take stock of software, or that match flaws themselves. The same snapshot and findings give the same
bytes. What could not be read is no component: `compositions` then says that the list is incomplete.

Sources: https://cyclonedx.org/docs/1.6/json/, https://github.com/package-url/purl-spec
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import msgspec

from collectors.feeds.records import Severity
from collectors.model import Application, FactKind, HostSnapshot, OperatingSystem, Package, PackageScheme
from reports.cells import clean
from reports.exports.csv import cves_of
from reports.workbook import CREATOR
from rules.model import Assessment, Evidence, Finding, Outcome, PatchState
from rules.products import product_of, programs

SPEC_VERSION: Final = "1.6"
_NAMESPACE: Final = uuid.UUID("6f1d4a5e-6c0e-5b0c-9d4e-2f1a7c3b8e90")  # of our serial numbers, drawn once
_SEVERITIES: Final = {severity: severity.value for severity in Severity}
_FACTS: Final = (FactKind.PACKAGES, FactKind.APPLICATIONS, FactKind.USER_APPLICATIONS)
_ADVICE: Final = ("patch.missing", "patch.no_fix", "patch.needs_subscription", "application.known_exploited")
# State of a fix -> (VEX state, response, what it means). A state outside this table is still being looked at.
_ANALYSES: Final = {
    PatchState.MISSING: ("exploitable", "update", "the fix is published and not installed"),
    PatchState.NONE: ("exploitable", "update", "the fix is published and not installed"),
    PatchState.REBOOT_PENDING: ("exploitable", "update", "the fix is installed and takes effect after a reboot"),
    PatchState.NO_FIX: ("exploitable", "can_not_fix", "the vendor has published no fix"),
    PatchState.UPCOMING: ("exploitable", "can_not_fix", "the vendor has announced the fix for a later release"),
    PatchState.PRO_REQUIRED: ("exploitable", "update", "the fix needs a subscription this machine does not have"),
    PatchState.MITIGATED: ("not_affected", "", "a live patch protects the running kernel"),
}
_PURL_TYPES: Final = {PackageScheme.DEB: "deb", PackageScheme.RPM: "rpm", PackageScheme.APK: "apk"}


def sbom(snapshot: HostSnapshot, assessment: Assessment) -> bytes:
    """The document of one machine of an assessment, indented JSON. The findings are those about this machine."""
    findings = [finding for finding in assessment.findings if finding.subject == snapshot.target.name]
    parts = _Components(snapshot)
    flaws = list(_flaws(parts, findings))
    machine = {"type": "device", "bom-ref": "machine", "name": clean(snapshot.target.name)}
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{_serial(snapshot, assessment)}",
        "version": 1,
        "metadata": {
            "timestamp": snapshot.taken_at.isoformat(),
            "tools": {"components": [{"type": "application", "name": CREATOR, "version": assessment.product_version}]},
            "component": machine,
            "properties": [
                {"name": "auditor:client", "value": clean(assessment.client)},
                {"name": "auditor:as_of", "value": assessment.as_of.isoformat()},
                *(
                    {"name": "auditor:not_seen", "value": clean(f"{gap.kind.value}: {gap.detail}")}
                    for gap in snapshot.gaps
                ),
            ],
        },
        "components": parts.listed(),
        "compositions": [{"aggregate": _aggregate(snapshot), "assemblies": ["machine"]}],
        "vulnerabilities": flaws,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _serial(snapshot: HostSnapshot, assessment: Assessment) -> uuid.UUID:
    """The same machine, visit and judgement have the same serial number."""
    parts = (assessment.client, snapshot.target.name, snapshot.taken_at.isoformat(), assessment.as_of.isoformat())
    return uuid.uuid5(_NAMESPACE, "\0".join(parts))


def _aggregate(snapshot: HostSnapshot) -> str:
    if not snapshot.reached:
        return "unknown"
    return "incomplete" if any(snapshot.gaps_of(kind) for kind in _FACTS) else "complete"


@dataclass(slots=True)
class _Components:
    """The components of a machine, and which of them a finding is about."""

    snapshot: HostSnapshot
    _by_ref: dict[str, dict[str, Any]] = field(default_factory=dict)
    _by_source: dict[str, list[str]] = field(default_factory=dict)
    _by_product: dict[str, list[str]] = field(default_factory=dict)
    _system: str = ""

    def __post_init__(self) -> None:
        system = self.snapshot.operating_system
        if system is None:
            return
        self._system = self._add(
            {
                "type": "operating-system",
                "name": system.pretty_name or system.id,
                "version": system.version_id,
            }
        )
        for package in self.snapshot.packages:
            self._add_package(package, system)
        on_windows = self.snapshot.windows is not None
        for application in programs(self.snapshot) if on_windows else self.snapshot.applications:
            self._add_application(application)

    def _add_package(self, package: Package, system: OperatingSystem) -> None:
        purl = purl_of(package, system)
        component = {"type": "library", "bom-ref": purl, "name": package.name, "version": package.version, "purl": purl}
        if package.origin:
            component["publisher"] = package.origin
        ref = self._add(component)
        self._by_source.setdefault(package.source_name, []).append(ref)
        if package.name != package.source_name:
            self._by_source.setdefault(package.name, []).append(ref)

    def _add_application(self, application: Application) -> None:
        component = {"type": "application", "name": application.name, "version": application.version}
        if application.publisher:
            component["publisher"] = application.publisher
        ref = self._add(component)
        product = product_of(application.name, application.publisher)
        if product is not None:
            self._by_product.setdefault(product.id, []).append(ref)

    def _add(self, component: dict[str, Any]) -> str:
        """Take a component in, once; its reference is made of what it is."""
        ref = str(component.get("bom-ref") or "")
        if not ref:
            words = "\0".join(str(component.get(key, "")) for key in ("type", "name", "version", "publisher"))
            ref = f"{component['type']}-{hashlib.sha256(words.encode('utf-8', 'replace')).hexdigest()[:16]}"
        kept = {key: clean(str(value)) for key, value in component.items() if value != ""}
        self._by_ref.setdefault(ref, {**kept, "bom-ref": ref})
        return ref

    def meant(self, finding: Finding, package: str) -> list[str]:
        """References of what a finding says about a package or product; one that nothing listed is, is added."""
        found = self._by_source.get(package) or self._by_product.get(finding.key)
        if found:
            return sorted(set(found))
        system = self.snapshot.operating_system
        if system is not None and (package in system.pretty_name or package == "linux"):
            return [self._system]
        version = str(finding.message.params.get("installed_version") or "")
        return [self._add({"type": "application", "name": package or finding.rule, "version": version})]

    def listed(self) -> list[dict[str, Any]]:
        """All components by reference."""
        return [self._by_ref[ref] for ref in sorted(self._by_ref)]


def purl_of(package: Package, system: OperatingSystem) -> str:
    """The package URL of an installed package: "pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12"."""
    version, epoch = package.version, ""
    if package.scheme is PackageScheme.RPM and ":" in version:
        epoch, _, version = version.partition(":")
    qualifiers = {
        "arch": package.architecture,
        "distro": f"{system.id}-{system.version_id}" if system.version_id else system.id,
        "epoch": epoch if epoch != "0" else "",
    }
    said = "&".join(f"{name}={quote(value, safe='.-_~')}" for name, value in sorted(qualifiers.items()) if value)
    kind = _PURL_TYPES[package.scheme]
    name = quote(package.name, safe=".-_~+")
    return f"pkg:{kind}/{quote(system.id, safe='.-_~')}/{name}@{quote(version, safe='.-_~:+')}" + (
        f"?{said}" if said else ""
    )


def _flaws(parts: _Components, findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    """One entry per flaw and finding: by flaw, then by what the finding is about."""
    found: list[dict[str, Any]] = []
    for finding in findings:
        if finding.rule in _ADVICE and finding.outcome is not Outcome.PASS:
            for package, names, evidence in _named(finding):
                found.extend(_flaw(parts, finding, package, name, evidence) for name in names)
    yield from sorted(found, key=lambda entry: (entry["id"], entry["bom-ref"]))


def _named(finding: Finding) -> Iterator[tuple[str, Sequence[str], Evidence | None]]:
    """What a finding says of which package: its flaws, or the advisories where these name none."""
    told = False
    for evidence in finding.evidence:
        package, cves = evidence.what.params.get("package"), evidence.what.params.get("cves")
        if package and cves:
            told = True
            yield str(package), sorted(part.strip() for part in str(cves).split(",")), evidence
    if told:
        return
    params = finding.message.params
    advisories = [part.strip() for part in str(params.get("advisories") or "").split(",") if part.strip()]
    proof = next((evidence for evidence in finding.evidence if evidence.url), None)
    yield str(params.get("package") or params.get("product") or ""), cves_of(finding) or advisories, proof


def _flaw(parts: _Components, finding: Finding, package: str, name: str, evidence: Evidence | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "bom-ref": f"{finding.ref}-{name}",
        "id": name,
        "ratings": [{"severity": _SEVERITIES[finding.severity]}],
        "analysis": _analysis(finding),
        "affects": [{"ref": ref} for ref in parts.meant(finding, package)],
        "properties": [{"name": "auditor:finding", "value": finding.ref}],
    }
    if evidence is not None and (evidence.source or evidence.url):
        entry["source"] = {key: value for key, value in (("name", evidence.source), ("url", evidence.url)) if value}
    if finding.released_on is not None:
        entry["published"] = f"{finding.released_on.isoformat()}T00:00:00Z"
    fixed = str(finding.message.params.get("fixed_version") or "")
    if fixed:
        entry["recommendation"] = f"Update {package} to {fixed} or later."
    return entry


def _analysis(finding: Finding) -> dict[str, Any]:
    if finding.outcome is Outcome.UNKNOWN or finding.state not in _ANALYSES:
        return {"state": "in_triage", "detail": "could not be told on this machine"}
    state, response, detail = _ANALYSES[finding.state]
    analysis: dict[str, Any] = {"state": state, "detail": detail}
    if state == "not_affected":
        analysis["justification"] = "protected_at_runtime"
    if finding.waiver is not None:
        waiver = finding.waiver
        response = "will_not_fix"
        analysis["detail"] += f"; accepted by {waiver.approved_by} until {waiver.until.isoformat()}: {waiver.reason}"
    if response:
        analysis["response"] = [response]
    return analysis
