"""A machine as a CycloneDX document: valid by the standard's own schema, and as certain as the verdicts it carries."""

import json
from dataclasses import replace
from datetime import date

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from collectors.model import Application, FactKind
from reports.sbom import purl_of, sbom
from rules.model import Outcome, PatchState
from rules.waivers import Waiver
from tests.lab import assessments as lab
from tests.lab.snapshots import alma_host, alpine_host, deb, debian_host, gap, rpm, unreached
from tests.lab.windows_snapshots import windows_host


def host(*packages, **changes):
    return debian_host("web-01", packages=packages or (deb("openssl", "3.0.11-1"),), **changes)


def document(snapshot, *findings):
    made = sbom(snapshot, lab.assessment((lab.machine(snapshot.target.name),), findings))
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


def test_a_missing_patch_is_exploitable_and_points_at_what_is_installed():
    finding = replace(lab.missing("web-01", "openssl"), state=PatchState.MISSING)
    found = flaws(host(), finding)
    assert found
    for flaw in found:
        assert flaw["analysis"]["state"] == "exploitable"
        assert flaw["analysis"]["response"] == ["update"]
        assert [PackageURL.from_string(one["ref"]).name for one in flaw["affects"]] == ["openssl"]
        assert flaw["properties"] == [{"name": "auditor:finding", "value": finding.ref}]


@pytest.mark.parametrize(
    ("state", "said", "response"),
    [
        (PatchState.REBOOT_PENDING, "exploitable", ["update"]),
        (PatchState.NO_FIX, "exploitable", ["can_not_fix"]),
        (PatchState.PRO_REQUIRED, "exploitable", ["update"]),
        (PatchState.MITIGATED, "not_affected", None),
        (PatchState.UNKNOWN, "in_triage", None),
    ],
)
def test_each_state_of_a_fix_has_its_own_vex_status(state, said, response):
    for flaw in flaws(host(), replace(lab.missing("web-01", "openssl"), state=state)):
        assert flaw["analysis"]["state"] == said
        assert flaw["analysis"].get("response") == response
        assert ("justification" in flaw["analysis"]) == (said == "not_affected")


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
    assert sbom(host(), assessment) == sbom(host(), assessment)
    later = replace(host(), taken_at=host().taken_at.replace(year=2027))
    assert json.loads(sbom(later, assessment))["serialNumber"] != json.loads(sbom(host(), assessment))["serialNumber"]
