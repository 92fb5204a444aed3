"""A machine as a CycloneDX document: valid by the standard's own schema, and as certain as the verdicts it carries."""

import json
from dataclasses import replace
from datetime import date

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from collectors.feeds.records import Severity
from collectors.model import Application, FactKind
from collectors.windows.facts import DotNet, DotNetRuntime, SqlInstance
from reports.exports.cyclonedx import path, purl_of, render
from rules.messages import Message
from rules.model import Evidence, Outcome, PatchState
from rules.waivers import Waiver
from tests.lab import assessments as lab
from tests.lab.snapshots import alma_host, alpine_host, deb, debian_host, gap, rpm, unreached
from tests.lab.windows_snapshots import windows_host


def host(*packages, **changes):
    return debian_host("web-01", packages=packages or (deb("openssl", "3.0.11-1"),), **changes)


def document(snapshot, *findings):
    made = render(snapshot, lab.assessment((lab.machine(snapshot.target.name),), findings))
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(made.decode())
    assert problem is None, problem
    return json.loads(made)


def flaws(snapshot, *findings):
    return document(snapshot, *findings)["vulnerabilities"]


def test_every_package_is_a_component_with_its_package_url():
    written = document(host(deb("openssl", "1:3.0.11-1+deb12u2"), deb("libstdc++6", "12.2.0-14")))
    urls = [PackageURL.from_string(one["purl"]) for one in written["components"] if "purl" in one]
    assert {(url.type, url.namespace, url.name, url.version) for url in urls} == {
        ("deb", "debian", "openssl", "1:3.0.11-1+deb12u2"),
        ("deb", "debian", "libstdc++6", "12.2.0-14"),
    }
    assert {url.qualifiers["distro"] for url in urls} == {"debian-12"}


def test_the_epoch_of_an_rpm_is_a_qualifier_and_apk_has_its_own_type():
    alma = alma_host(packages=(rpm("bind", "32:9.16.23-18.el9"),))
    url = PackageURL.from_string(purl_of(alma.packages[0], alma.operating_system))
    assert (url.type, url.namespace, url.version, url.qualifiers["epoch"]) == (
        "rpm",
        "almalinux",
        "9.16.23-18.el9",
        "32",
    )
    alpine = alpine_host(packages=())
    assert document(alpine)["components"][0]["type"] == "operating-system"


def test_a_package_url_is_the_canonical_one():
    debian, alma = debian_host("web-01", packages=()).operating_system, alma_host(packages=()).operating_system
    plus = purl_of(deb("g++", "4:12.2.0-3+b1~x"), debian)
    assert plus == "pkg:deb/debian/g%2B%2B@4:12.2.0-3%2Bb1~x?arch=amd64&distro=debian-12"
    assert plus == PackageURL.from_string(plus).to_string()
    red = purl_of(rpm("bind", "32:9.16.23-18.el9"), replace(alma, id="rhel", version_id="9.6"))
    assert red == "pkg:rpm/redhat/bind@9.16.23-18.el9?arch=x86_64&distro=rhel-9.6&epoch=32"
    assert purl_of(rpm("vim", "9-1"), replace(alma, id="opensuse-leap")).startswith("pkg:rpm/opensuse/vim@9-1?")
    assert purl_of(deb("a/../b#c?d", "1 0"), debian).startswith("pkg:deb/debian/a%2F..%2Fb%23c%3Fd@1%200?")
    assert purl_of(rpm("vim", "9-1"), replace(alma, id="", version_id="")) == "pkg:rpm/vim@9-1?arch=x86_64"


def test_each_flaw_has_the_source_and_severity_of_the_advisory_that_names_it_and_stands_once():
    def proof(cve, severity):
        what = Message(text=f"rules.evidence.advisory_{severity}", params={"advisory": cve, "cves": cve})
        return Evidence(what=what, seen="1", source=f"guide {cve}", url=f"https://guide.example/{cve}")

    first, other = "CVE-2026-1001", "CVE-2026-1002"
    finding = lab.missing("web-01", "openssl", severity=Severity.CRITICAL)
    finding = replace(finding, evidence=(proof(first, "critical"), proof(other, "low"), proof(other, "low")))
    found = {flaw["id"]: flaw for flaw in flaws(host(), finding)}
    assert set(found) == {first, other}
    assert [found[name]["ratings"][0]["severity"] for name in (first, other)] == ["critical", "low"]
    assert found[other]["source"]["url"] == f"https://guide.example/{other}"


def test_a_finding_about_many_packages_points_at_each_with_its_own_flaws():
    """As `patch.needs_subscription` tells them: the proof shows package and version."""
    what = Message(text="rules.evidence.advisory_high", params={"advisory": "USN-1", "cves": "CVE-2026-1, CVE-2026-2"})
    proof = Evidence(what=what, seen="sudo 1.8", expected="sudo 1.9+esm1", source="notices")
    undisclosed = replace(
        proof, what=replace(what, params={"advisory": "USN-2", "cves": None}), seen="tar 2", expected="tar 3"
    )
    finding = replace(lab.missing("web-01", "x"), rule="patch.needs_subscription", state=PatchState.PRO_REQUIRED)
    finding = replace(
        finding, message=Message(text="rules.patch.needs_subscription.fail"), evidence=(proof, undisclosed)
    )
    found = flaws(host(deb("sudo", "1.8"), deb("tar", "2")), finding)
    told = [(one["id"], PackageURL.from_string(one["affects"][0]["ref"]).name, one["recommendation"]) for one in found]
    assert told == [
        ("CVE-2026-1", "sudo", "Update sudo to 1.9+esm1 or later."),
        ("CVE-2026-2", "sudo", "Update sudo to 1.9+esm1 or later."),
        ("USN-2", "tar", "Update tar to 3 or later."),
    ]


def test_only_the_version_that_is_old_is_affected_where_a_newer_one_stands_beside_it():
    old, new = deb("linux-image-6.1.0-20", "6.1.85-1"), deb("linux-image-6.1.0-40", "6.1.153-1")
    finding = lab.missing("web-01", "linux", installed="6.1.85-1", fixed="6.1.153-1")
    params = {**finding.message.params, "packages": f"{old.name}, {new.name}"}
    finding = replace(finding, message=replace(finding.message, params=params))
    for flaw in flaws(host(old, new), finding):
        assert [PackageURL.from_string(one["ref"]).version for one in flaw["affects"]] == ["6.1.85-1"]


def test_a_missing_patch_without_any_name_is_told_by_its_reference():
    finding = lab.missing("web-01", "openssl")
    params = {**finding.message.params, "advisories": "", "cves": ""}
    finding = replace(finding, message=replace(finding.message, params=params), evidence=())
    (flaw,) = flaws(host(), finding)
    assert (flaw["id"], flaw["analysis"]["state"]) == (finding.ref, "exploitable")


def test_what_nobody_could_tell_is_said_where_no_flaw_can_stand_for_it():
    doubt = replace(
        lab.missing("web-01", "openssl"),
        outcome=Outcome.UNKNOWN,
        message=Message(text="rules.unknown.office"),
        evidence=(),
    )
    said = document(host(), doubt)["metadata"]["properties"]
    assert [one["value"] for one in said if one["name"] == "auditor:undecided"] == ["<rules.unknown.office>"]


def test_products_of_microsoft_are_components_and_the_flaws_of_theirs_and_of_windows_point_at_them():
    office = Application(name="Microsoft 365 Apps - fr-fr", version="16.0.19127.20240", scope="machine")
    facts = windows_host("pc-01").windows
    dotnet = DotNet(
        framework_version="4.8.09032", runtimes=(DotNetRuntime(name="Microsoft.NETCore.App", version="9.0.8"),)
    )
    facts = replace(facts, sql_instances=(SqlInstance(name="SAGE100", version="15.0.4430.1"),), dotnet=dotnet)
    snapshot = replace(windows_host("pc-01"), applications=(office,), windows=facts)
    system = snapshot.operating_system.pretty_name
    for package, version, meant in (
        ("SQL Server 2019 (SAGE100)", "15.0.4430.1", "Microsoft SQL Server (SAGE100)"),
        (".NET 9.0", "9.0.8", "Microsoft.NETCore.App (x64)"),
        (".NET Framework", "4.8", ".NET Framework"),
        ("Microsoft 365 Apps", "16.0.19127.20240", "Microsoft 365 Apps - fr-fr"),
        ("Windows 11 24H2", "26100.6584", system),
    ):
        written = document(snapshot, lab.missing("pc-01", package, installed=version))
        names = {one["bom-ref"]: one["name"] for one in written["components"]}
        for flaw in written["vulnerabilities"]:
            assert [names[one["ref"]] for one in flaw["affects"]] == [meant]


def test_packages_with_odd_names_and_versions_are_a_valid_document():
    odd = ("a b", "é<>", "x/../y", "%41", "a#b?c=d&e", "\ud800", "\x00", "+~:", "@1", "A" * 1100)
    packages = tuple(deb(f"{odd[n % 10]}{n}", f"{n % 3}:{n}{odd[n % 10]}-1") for n in range(400))
    written = document(host(*packages, deb("", "")))
    assert len(written["components"]) == 402
    assert len({one["bom-ref"] for one in written["components"]}) == 402


def test_a_missing_patch_is_exploitable_and_points_at_what_is_installed():
    finding = replace(lab.missing("web-01", "openssl"), state=PatchState.MISSING)
    found = flaws(host(), finding)
    assert found
    for flaw in found:
        assert flaw["analysis"]["state"] == "exploitable"
        assert flaw["analysis"]["response"] == ["update"]
        assert [PackageURL.from_string(one["ref"]).name for one in flaw["affects"]] == ["openssl"]
        assert flaw["properties"][0] == {"name": "auditor:finding", "value": finding.ref}
        assert "published" not in flaw, "when the fix came out is not when the flaw was published"


@pytest.mark.parametrize(
    ("state", "said", "response"),
    [
        (PatchState.REBOOT_PENDING, "exploitable", ["update"]),
        (PatchState.NO_FIX, "exploitable", ["can_not_fix"]),
        (PatchState.PRO_REQUIRED, "exploitable", ["update"]),
        (PatchState.MITIGATED, "in_triage", None),  # which flaws a live patch covers was not read
        (PatchState.UNKNOWN, "in_triage", None),
    ],
)
def test_each_state_of_a_fix_has_its_own_vex_status(state, said, response):
    for flaw in flaws(host(), replace(lab.missing("web-01", "openssl"), state=state)):
        assert flaw["analysis"]["state"] == said
        assert flaw["analysis"].get("response") == response
        assert "justification" not in flaw["analysis"]


def test_what_could_not_be_told_is_in_triage_and_never_not_affected():
    unsure = replace(lab.missing("web-01", "openssl"), outcome=Outcome.UNKNOWN)
    assert {flaw["analysis"]["state"] for flaw in flaws(host(), unsure)} == {"in_triage"}


def test_an_accepted_risk_stays_exploitable_and_says_who_accepted_it():
    waiver = Waiver(
        id="W1", rule="patch.missing", reason="replaced in spring", approved_by="Mme Martin", until=date(2027, 3, 31)
    )
    for flaw in flaws(host(), replace(lab.missing("web-01", "openssl"), waiver=waiver)):
        assert flaw["analysis"]["state"] == "exploitable"
        assert flaw["analysis"]["response"] == ["will_not_fix"]
        assert "Mme Martin until 2027-03-31: replaced in spring" in flaw["analysis"]["detail"]


def test_a_passed_check_is_no_flaw_and_findings_of_other_machines_are_not_told():
    assert flaws(host(), *lab.healthy("web-01"), lab.missing("web-02", "openssl")) == []


@pytest.mark.parametrize(
    ("snapshot", "aggregate"),
    [
        (host(), "complete"),
        (host(gaps=(gap(FactKind.PACKAGES, detail="dpkg said nothing"),)), "incomplete"),
        (unreached("web-01"), "unknown"),
    ],
    ids=["read", "partly", "unreached"],
)
def test_a_list_that_is_not_whole_says_so(snapshot, aggregate):
    written = document(snapshot)
    assert written["compositions"][0]["aggregate"] == aggregate
    told = [one["value"] for one in written["metadata"]["properties"] if one["name"] == "auditor:not_seen"]
    assert bool(told) == (aggregate != "complete")


def test_programs_of_windows_are_components_and_known_exploited_ones_point_at_theirs():
    rar = Application(name="WinRAR 7.12 (64-bit)", version="7.12.0", scope="machine", publisher="win.rar GmbH")
    hidden = Application(name="Update Helper", version="1", scope="machine", noise=True)
    snapshot = replace(windows_host("pc-01"), applications=(rar, rar, hidden))
    written = document(snapshot, replace(lab.exploited_program("pc-01"), key="winrar"))
    programs = [one for one in written["components"] if one["type"] == "application"]
    assert [(one["name"], one["publisher"]) for one in programs] == [("WinRAR 7.12 (64-bit)", "win.rar GmbH")]
    assert [one["ref"] for one in written["vulnerabilities"][0]["affects"]] == [programs[0]["bom-ref"]]


def test_a_flaw_of_the_system_itself_points_at_the_system():
    snapshot = windows_host("pc-01")
    system = document(snapshot)["components"][0]
    finding = lab.windows_update("pc-01")
    package = snapshot.operating_system.pretty_name
    finding = replace(
        finding, message=replace(finding.message, params={**finding.message.params, "package": package}), evidence=()
    )
    for flaw in flaws(snapshot, finding):
        assert [one["ref"] for one in flaw["affects"]] == [system["bom-ref"]]


def test_names_from_a_hostile_machine_stay_text():
    odd = Application(name='"}],"evil":[{"\u0000\ud800', version="<1>", scope="machine", publisher="=cmd")
    written = document(replace(windows_host("pc-01"), applications=(odd,)))
    assert "evil" not in written


def test_the_same_visit_gives_the_same_bytes_and_another_one_another_serial_number():
    assessment = lab.assessment((lab.machine("web-01"),), (lab.missing("web-01", "openssl"),))
    assert render(host(), assessment) == render(host(), assessment)
    later = replace(host(), taken_at=host().taken_at.replace(year=2027))
    assert (
        json.loads(render(later, assessment))["serialNumber"] != json.loads(render(host(), assessment))["serialNumber"]
    )


def test_two_machines_never_share_a_file_and_no_name_leaves_the_folder():
    assessment = lab.assessment((), ())
    names = {path(assessment, name)[1] for name in ("a/b", "a\\b", "a:b", "../../etc/passwd", "CON", "srv")}
    assert len({name.casefold() for name in names}) == len(names)
    assert not any("/" in name or "\\" in name or name.startswith(".") for name in names)
