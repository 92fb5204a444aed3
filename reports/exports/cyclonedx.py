"""One machine as a CycloneDX 1.6 document: what is installed, and for each known flaw how the machine stands (VEX).

For tools that take stock of software, or that match flaws themselves. The same snapshot and findings give the same
bytes. What could not be read is no component: `compositions` then says that the list is incomplete.

Sources: https://cyclonedx.org/docs/1.6/json/, https://github.com/package-url/purl-spec
"""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

import msgspec

from collectors.feeds.records import Severity
from collectors.model import Application, FactKind, HostSnapshot, OperatingSystem, Package, PackageScheme
from reports.cells import clean
from reports.export import MachineExport
from reports.exports.csv import cves_of
from reports.texts import Texts
from reports.workbook import CREATOR, named, safe_name
from rules.model import Assessment, Evidence, Finding, Outcome, PatchState
from rules.products import product_of, programs

SPEC_VERSION: Final = "1.6"
_LONGEST_VERSION: Final = 1024
_NAMESPACE: Final = uuid.UUID("6f1d4a5e-6c0e-5b0c-9d4e-2f1a7c3b8e90")  # of our serial numbers, drawn once
_SEVERITIES: Final = {severity.value: severity.value for severity in Severity}
_FACTS: Final = (
    *(FactKind.PACKAGES, FactKind.APPLICATIONS, FactKind.USER_APPLICATIONS),
    *(FactKind.DOTNET, FactKind.SQL_SERVER, FactKind.EXCHANGE),
)
_ADVICE: Final = ("patch.missing", "patch.no_fix", "patch.needs_subscription", "application.known_exploited")
# State of a fix -> (VEX state, response, what it means). A state outside this table is still being looked at. Nothing
# is ever "not_affected": an audit sees what is missing, and proves nobody safe.
_ANALYSES: Final = {
    PatchState.MISSING: ("exploitable", "update", "the fix is published and not installed"),
    PatchState.NONE: ("exploitable", "update", "the fix is published and not installed"),
    PatchState.REBOOT_PENDING: ("exploitable", "update", "the fix is installed and takes effect after a reboot"),
    PatchState.NO_FIX: ("exploitable", "can_not_fix", "the vendor has published no fix"),
    PatchState.UPCOMING: ("exploitable", "can_not_fix", "the vendor has announced the fix for a later release"),
    PatchState.PRO_REQUIRED: ("exploitable", "update", "the fix needs a subscription this machine does not have"),
    PatchState.MITIGATED: ("in_triage", "", "a live patch is loaded; which flaws it covers was not read"),
}
# Names Windows keeps for devices, whatever stands after the dot.
_RESERVED: Final = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10)),
}
# Where a package URL's vendor is called otherwise than the system calls itself.
_VENDORS: Final = {"rhel": "redhat", "opensuse-leap": "opensuse", "opensuse-tumbleweed": "opensuse"}
_FRAMEWORK: Final = ".NET Framework"  # as findings call it: its version there is the marketing one
_PURL_TYPES: Final = {PackageScheme.DEB: "deb", PackageScheme.RPM: "rpm", PackageScheme.APK: "apk"}


def render(snapshot: HostSnapshot, assessment: Assessment) -> bytes:
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
                *({"name": "auditor:undecided", "value": words} for words in _undecided(findings)),
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
    _by_name: dict[str, list[str]] = field(default_factory=dict)
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
        for name, version in _windows_products(self.snapshot):
            self._add({"type": "application", "name": name, "version": version, "publisher": "Microsoft Corporation"})

    def _add_package(self, package: Package, system: OperatingSystem) -> None:
        purl = purl_of(package, system)
        component = {"type": "library", "bom-ref": purl, "name": package.name, "version": package.version, "purl": purl}
        if package.origin:
            component["publisher"] = package.origin
        ref = self._add(component)
        self._by_name.setdefault(package.name, []).append(ref)
        self._by_source.setdefault(package.source_name, []).append(ref)

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
        kept["name"] = kept.get("name") or "?"  # the standard wants one
        if len(kept.get("version", "")) > _LONGEST_VERSION:
            kept["version"] = f"{kept['version'][: _LONGEST_VERSION - 1]}…"
        self._by_ref.setdefault(ref, {**kept, "bom-ref": ref})
        return ref

    def meant(self, finding: Finding, package: str, version: str) -> list[str]:
        """References of what a finding says about a package or product; one that nothing listed is, is added."""
        found = (
            self._packages(finding, package)
            or self._by_product.get(finding.key)
            or self._same_version(package, version)
        )
        if found:
            same = [ref for ref in found if self._by_ref[ref].get("version") == version]
            return sorted(set(same or found))
        if self._system and self._is_system(package):
            return [self._system]
        return [self._add({"type": "application", "name": package or finding.rule, "version": version})]

    def _packages(self, finding: Finding, package: str) -> list[str]:
        """What of a source package is affected, where a finding names it; else all of it that is installed."""
        names = str(finding.message.params.get("packages") or "").split(",")
        if package == finding.message.params.get("package"):
            named = [ref for name in names for ref in self._by_name.get(name.strip(), ())]
            if named:
                return named
        return self._by_source.get(package) or self._by_name.get(package) or []

    def _same_version(self, package: str, version: str) -> list[str]:
        """Products of Windows go by other names in advisories: "Microsoft 365 Apps". Their long builds tell them."""
        if package == _FRAMEWORK:
            return [ref for ref, one in self._by_ref.items() if one["name"] == _FRAMEWORK]
        if self.snapshot.windows is None or version.count(".") < 2 or version in self._system_version:
            return []
        return [
            ref
            for ref, one in self._by_ref.items()
            if one["type"] == "application"
            and one.get("version") == version
            and str(one.get("publisher", "Microsoft")).startswith("Microsoft")
        ]

    @property
    def _system_version(self) -> str:
        system = self.snapshot.operating_system
        return "" if system is None else system.version_id

    def _is_system(self, package: str) -> bool:
        """Whether a fix is of the system itself: a cumulative update of Windows, a kernel under another name."""
        system = self.snapshot.operating_system
        if self.snapshot.windows is not None:
            return package.startswith("Windows")
        return package == "linux" or (system is not None and bool(package) and package in system.pretty_name)

    def listed(self) -> list[dict[str, Any]]:
        """All components by reference."""
        return [self._by_ref[ref] for ref in sorted(self._by_ref)]


def _windows_products(snapshot: HostSnapshot) -> Iterator[tuple[str, str]]:
    """Products of Microsoft that Windows does not list among its programs, with their versions."""
    windows = snapshot.windows
    if windows is None:
        return
    for instance in windows.sql_instances:
        yield f"Microsoft SQL Server ({instance.name})", instance.version
    if windows.exchange_version:
        yield "Microsoft Exchange Server", windows.exchange_version
    if windows.dotnet is not None:
        for runtime in windows.dotnet.runtimes:
            yield f"{runtime.name} ({runtime.architecture})", runtime.version
        if windows.dotnet.framework_version:
            yield _FRAMEWORK, windows.dotnet.framework_version


def purl_of(package: Package, system: OperatingSystem) -> str:
    """The package URL of an installed package: "pkg:deb/debian/g%2B%2B@4:12.2.0-3?arch=amd64&distro=debian-12".

    A colon is never encoded, a plus sign always. The epoch of a deb stands in its version, that of an rpm does not.
    """
    version, epoch = package.version, ""
    if package.scheme is PackageScheme.RPM and ":" in version:
        epoch, _, version = version.partition(":")
    vendor = _VENDORS.get(system.id, system.id).lower()
    qualifiers = {
        "arch": package.architecture,
        "distro": f"{system.id}-{system.version_id}" if system.version_id else system.id,
        "epoch": epoch if epoch != "0" else "",
    }
    said = "&".join(f"{name}={_quoted(value)}" for name, value in sorted(qualifiers.items()) if value)
    name = package.name if package.scheme is PackageScheme.RPM else package.name.lower()
    path_ = "/".join(_quoted(part) for part in (vendor, name) if part)
    at = f"@{_quoted(version)}" if version else ""
    return f"pkg:{_PURL_TYPES[package.scheme]}/{path_}{at}" + (f"?{said}" if said else "")


def _quoted(text: str) -> str:
    return quote(text, safe=".-_~:", errors="replace")


def _flaws(parts: _Components, findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    """One entry per flaw, finding and package: by flaw, then by what the finding is about."""
    found: dict[str, dict[str, Any]] = {}
    for finding in findings:
        if finding.rule in _ADVICE and finding.outcome is not Outcome.PASS:
            for flaw in _told(finding):
                entry = _flaw(parts, finding, flaw)
                known = found.setdefault(entry["bom-ref"], entry)
                if known is not entry:  # two advisories about one flaw
                    refs = {one["ref"] for one in (*known["affects"], *entry["affects"])}
                    known["affects"] = [{"ref": ref} for ref in sorted(refs)]
    yield from sorted(found.values(), key=lambda entry: (entry["id"], entry["bom-ref"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One flaw that a finding tells of, what has it, and the proofs that name it."""

    name: str
    package: str
    version: str
    fixed: str = ""
    proofs: tuple[Evidence, ...] = ()


def _undecided(findings: Iterable[Finding]) -> list[str]:
    """What nobody could tell about the flaws of this machine, in words: no entry below stands for it."""
    texts = Texts("en")
    open_ = (
        one
        for one in findings
        if one.rule in _ADVICE and (one.outcome is Outcome.UNKNOWN or one.state is PatchState.OUT_OF_SUPPORT)
    )
    return sorted({clean(texts.message(one.message)) for one in open_})


def _told(finding: Finding) -> Iterator[_Told]:
    """The flaws of a finding, by package where it tells of several; else its advisories; else the finding itself."""
    params = finding.message.params
    package = str(params.get("package") or params.get("product") or "")
    if not package:
        yield from _by_package(finding)
        return
    advisories = [part.strip() for part in str(params.get("advisories") or "").split(",") if part.strip()]
    names = cves_of(finding) or advisories or ([finding.ref] if finding.outcome is Outcome.FAIL else ())
    version = str(params.get("installed_version") or params.get("version") or "")
    fixed = str(params.get("fixed_version") or "")
    proofs: defaultdict[str, list[Evidence]] = defaultdict(list)
    for proof in finding.evidence:
        for name in (*_names(proof), str(proof.what.params.get("advisory") or "")):
            proofs[name].append(proof)
    for name in names:
        yield _Told(name=name, package=package, version=version, fixed=fixed, proofs=tuple(proofs.get(name, ())))


def _by_package(finding: Finding) -> Iterator[_Told]:
    """Flaws of a finding about many packages: each proof names its own, or shows "package version"."""
    found: dict[tuple[str, str], _Told] = {}
    for proof in finding.evidence:
        params = proof.what.params
        if not proof.source and not proof.url:
            continue
        package, version, fixed = str(params.get("package") or ""), proof.seen, proof.expected
        if not package:
            package, _, version = proof.seen.rpartition(" ")
            fixed = proof.expected.rpartition(" ")[2]
        for name in _names(proof) or [str(params.get("advisory") or "")]:
            if not name:
                continue
            known = found.get((package, name)) or _Told(name=name, package=package, version=version, fixed=fixed)
            found[package, name] = replace(known, proofs=(*known.proofs, proof))
    yield from found.values()


def _names(proof: Evidence) -> list[str]:
    names = str(proof.what.params.get("cves") or proof.what.params.get("cve") or "")
    return sorted({part.strip().split(" ")[0] for part in names.split(",") if part.strip()})


def _flaw(parts: _Components, finding: Finding, told: _Told) -> dict[str, Any]:
    several = "" if finding.message.params.get("package") or not told.package else f"-{told.package}"
    entry: dict[str, Any] = {
        "bom-ref": clean(f"{finding.ref}-{told.name}{several}"),
        "id": clean(told.name),
        "ratings": [_rating(finding, told)],
        "analysis": _analysis(finding),
        "affects": [{"ref": ref} for ref in parts.meant(finding, told.package, told.version)],
        "properties": [{"name": "auditor:finding", "value": finding.ref}],
    }
    source = next((proof for proof in told.proofs if proof.source or proof.url), None)
    if source is not None:
        entry["source"] = {key: value for key, value in (("name", source.source), ("url", source.url)) if value}
    if finding.released_on is not None:  # of the fix: when the flaw was published is not known
        entry["properties"].append({"name": "auditor:fix_released", "value": finding.released_on.isoformat()})
    if told.fixed and told.package:
        entry["recommendation"] = clean(f"Update {told.package} to {told.fixed} or later.")
    return entry


def _rating(finding: Finding, told: _Told) -> dict[str, Any]:
    """How grave the advisory of a flaw calls it; that of the whole fix, saying so, where none speaks of it alone."""
    known = (_SEVERITIES.get(proof.what.text.rpartition("_")[2]) for proof in told.proofs)
    if (severity := next((one for one in known if one), None)) is not None:
        return {"severity": severity}
    return {"severity": finding.severity.value, "justification": "of the fix as a whole"}


def _analysis(finding: Finding) -> dict[str, Any]:
    if finding.outcome is Outcome.UNKNOWN or finding.state not in _ANALYSES:
        return {"state": "in_triage", "detail": "could not be told on this machine"}
    state, response, detail = _ANALYSES[finding.state]
    analysis: dict[str, Any] = {"state": state, "detail": detail}
    if finding.waiver is not None:
        waiver = finding.waiver
        response = "will_not_fix"
        accepted = f"; accepted by {waiver.approved_by} until {waiver.until.isoformat()}: {waiver.reason}"
        analysis["detail"] += clean(accepted)
    if response:
        analysis["response"] = [response]
    return analysis


def path(assessment: Assessment, machine: str) -> tuple[str, str]:
    """Folder and file of one machine's document: "2026-11_Contoso_cyclonedx", "srv-web.cdx.json"."""
    plain = safe_name(machine)
    if plain != machine or plain.upper() in _RESERVED:  # two names must not become one file
        plain = f"{plain}-{hashlib.sha256(machine.encode('utf-8', 'replace')).hexdigest()[:8]}".lstrip("-")
    return named(assessment, Texts("en"), "workbook.cyclonedx", ""), f"{plain}.cdx.json"


EXPORT = MachineExport(name="cyclonedx", media_type="application/vnd.cyclonedx+json", render=render, path=path)
