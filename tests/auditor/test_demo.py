"""The demonstration company passes through the real pipeline and shows a finding of every kind."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from auditor.demo.company import AS_OF, CLIENT, prepare
from auditor.demo.described import Machine, machines
from auditor.demo.frames import Answer, write_frames
from auditor.demo.recordings import answers
from auditor.exits import Exit
from auditor.history.store import Store
from auditor.pipeline import Result as RunResult
from auditor.pipeline import conduct
from auditor.progress import Silent
from collectors.feeds import discover as discover_feeds
from collectors.feeds.cache import FeedStore
from collectors.feeds.database import load_states
from collectors.hosts.base import Family
from collectors.script import read_sections
from rules.model import Finding, Outcome, PatchState
from rules.rule import FeedRole

_LINUX = {machine.name for machine in machines()}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("demo")
    demonstration = prepare(folder, "en")
    with Store(demonstration.history) as store:
        return conduct(demonstration.plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=Silent())


def _of(run: RunResult, machine: str, rule: str) -> list[Finding]:
    return [found for found in run.assessment.findings if (found.subject, found.rule) == (machine, rule)]


def _one(run: RunResult, machine: str, rule: str, key: str = "") -> Finding:
    (found,) = [finding for finding in _of(run, machine, rule) if finding.key == key]
    return found


def test_frames_are_what_the_reader_of_real_visits_reads() -> None:
    written = [
        ("identity", Answer(stdout="os:ID=debian\nnode:é\n")),
        ("dpkg", Answer(stdout="half", stderr="denied\n", exit_status=2)),
        ("snap", Answer(missing="snap")),
        ("rpm", Answer(skipped=True)),
    ]
    delivery = read_sections(write_frames("0123456789abcdef", "deb", 1000, written))
    assert (delivery.answered, delivery.complete, delivery.family, delivery.uid) == (True, True, Family.DEB, 1000)
    assert delivery.sections["identity"].stdout == "os:ID=debian\nnode:é\n"
    dpkg = delivery.sections["dpkg"]
    assert (dpkg.stdout, dpkg.stderr, dpkg.exit_status) == ("half", "denied", 2)
    assert delivery.sections["snap"].missing == "snap"
    assert delivery.sections["rpm"].skipped
    assert (delivery.cut, delivery.damaged) == ((), 0)


@pytest.mark.parametrize("machine", machines(), ids=lambda machine: machine.name)
def test_every_collector_has_an_answer_on_every_demonstration_machine(machine: Machine) -> None:
    """A new collector without one fails here, so that the demonstration cannot fall behind the product."""
    assert answers(machine)


def test_only_the_machine_that_broke_off_has_gaps(run: RunResult) -> None:
    gaps = {machine.target.name for machine in run.assessment.machines if machine.gaps}
    assert gaps & _LINUX == {"poste-atelier"}
    assert "borne-croixrousse" in gaps
    (seen,) = [machine for machine in run.assessment.machines if machine.target.name == "poste-atelier"]
    assert {gap.reason.value for gap in seen.gaps} == {"denied", "truncated"}


def test_the_assessment_says_that_it_is_a_demonstration_of_a_fixed_day(run: RunResult) -> None:
    assessment = run.assessment
    assert assessment.demo
    assert (assessment.client, assessment.as_of, assessment.started_at) == (CLIENT, AS_OF, AS_OF)
    assert assessment.stale_feeds == ()
    assert assessment.failures == ()


def test_L5_a_newer_kernel_on_disk_asks_for_a_reboot(run: RunResult) -> None:
    found = _one(run, "srv-caisses", "host.reboot_pending")
    assert (found.outcome, found.state) == (Outcome.FAIL, PatchState.REBOOT_PENDING)
    assert all(finding.key != "linux" for finding in _of(run, "srv-caisses", "patch.missing"))


def test_a_flaw_attackers_exploit_comes_first(run: RunResult) -> None:
    first = next(found for found in run.assessment.findings if found.subject in _LINUX)
    assert (first.subject, first.rule, first.key) == ("web-boutique", "patch.missing", "sudo")


def test_L10_lts_is_support_and_a_release_without_any_is_not(run: RunResult) -> None:
    assert _one(run, "srv-fichiers", "system.end_of_support").outcome is Outcome.PASS
    assert _one(run, "kiosque-terreaux", "system.end_of_support").state is PatchState.OUT_OF_SUPPORT


def test_L12_three_outcomes_of_ubuntu_pro(run: RunResult) -> None:
    assert _one(run, "srv-paie", "patch.needs_subscription", "esm-infra").state is PatchState.PRO_REQUIRED
    assert _one(run, "srv-compta", "patch.missing").outcome is Outcome.PASS
    assert _one(run, "srv-production", "patch.missing", "imagemagick").outcome is Outcome.FAIL


def test_L14_a_live_patch_is_told_and_is_neither_missing_nor_a_reboot(run: RunResult) -> None:
    found = _one(run, "srv-production", "patch.missing", "mitigated:linux")
    assert (found.outcome, found.state) == (Outcome.NOT_APPLICABLE, PatchState.MITIGATED)
    assert _one(run, "srv-production", "host.reboot_pending").outcome is Outcome.PASS


def test_machines_are_of_ordinary_size_and_nothing_of_the_base_lists_is_found_wanting(run: RunResult) -> None:
    """The base lists only fill machines up: every finding comes from what a machine's own file tells."""
    sizes = {machine.name: len(machine.packages) for machine in machines()}
    assert all(size > 60 for size in sizes.values()), sizes
    assert sum(sizes.values()) > 3_500
    fails = [found for found in run.assessment.findings if found.rule == "patch.missing" and found.subject in _LINUX]
    assert sum(found.outcome is Outcome.FAIL for found in fails) == 16


def test_L15_only_the_installed_module_stream_is_missing_its_fix(run: RunResult) -> None:
    (found,) = [finding for finding in _of(run, "srv-messagerie", "patch.missing") if finding.outcome is Outcome.FAIL]
    assert "DEMO-ALSA-03" in json.dumps(found.message.params)
    assert "DEMO-ALSA-04" not in json.dumps(found.message.params)


def test_L22_old_lists_are_told_and_hide_nothing(run: RunResult) -> None:
    assert _one(run, "srv-supervision", "package_lists.stale").outcome is Outcome.FAIL
    assert _one(run, "srv-supervision", "patch.missing", "gnutls").outcome is Outcome.FAIL


def test_cross_check_agree_only_ours_only_theirs_and_not_seen_are_all_shown(run: RunResult) -> None:
    told = json.dumps([found.message.params for found in run.assessment.findings if found.rule == "patch.missing"])
    assert {check for check in ("agree", "only_ours", "only_theirs", "not_seen") if check in told} == {
        "agree",
        "only_ours",
        "only_theirs",
        "not_seen",
    }


def test_L24_a_container_has_no_kernel_verdict(run: RunResult) -> None:
    assert _one(run, "ct-impression", "host.reboot_pending").outcome is Outcome.NOT_APPLICABLE


def test_L27_a_derivative_gets_no_verdict_from_its_relatives_advisories(run: RunResult) -> None:
    assert _one(run, "borne-photo", "patch.missing").outcome is Outcome.UNKNOWN


def test_G1_an_unreachable_machine_is_counted_and_unknown(run: RunResult) -> None:
    missed = {machine.target.name for machine in run.assessment.machines if not machine.reached}
    assert missed == {"borne-croixrousse", "pc-livraison"}
    assert _one(run, "borne-croixrousse", "patch.missing").outcome is Outcome.UNKNOWN


def test_G3_one_machine_under_two_names_is_counted_once(run: RunResult) -> None:
    merged = [machine for machine in run.assessment.machines if machine.target.name.startswith("srv-bdd")]
    assert [(machine.target.name, machine.aliases) for machine in merged] == [("srv-bdd", ("srv-bdd-vip",))]


def test_a_machine_in_order_has_nothing_but_passes(run: RunResult) -> None:
    outcomes = {found.outcome for found in run.assessment.findings if found.subject == "srv-sauvegarde"}
    assert outcomes <= {Outcome.PASS, Outcome.NOT_APPLICABLE}


def test_demonstration_feeds_bear_names_of_real_ones(run: RunResult, tmp_path: Path) -> None:
    demonstration = prepare(tmp_path, "en")
    names = {state.name for state in load_states(FeedStore(demonstration.feeds_folder).database)}
    assert names <= {feed.name for feed in discover_feeds()}


def test_every_feed_the_rules_ask_for_by_name_exists() -> None:
    roles = {role.value for role in FeedRole if role.is_single}
    assert roles <= {feed.name for feed in discover_feeds()}


def test_the_command_writes_both_languages_and_says_it_is_a_demonstration(
    auditor: Callable[..., Result], tmp_path: Path
) -> None:
    result = auditor("demo", "--output", "out", "--lang", "fr", "--lang", "en", "--export", "csv")
    assert result.exit_code == Exit.INCOMPLETE, result.output
    assert "DÉMONSTRATION" in result.stdout
    assert len(list((tmp_path / "out").glob("*.xlsx"))) == 4, "the manager's workbook and the technician's"
    assert len(list((tmp_path / "out").glob("*.csv"))) == 2


def test_two_demonstrations_give_the_same_bytes(auditor: Callable[..., Result], tmp_path: Path) -> None:
    for folder in ("one", "two"):
        auditor("demo", "--output", folder, "--export", "json")
    one, two = (sorted((tmp_path / folder).iterdir()) for folder in ("one", "two"))
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]
    assert len(one) == 3


def test_evidence_of_a_demonstration_finding(auditor: Callable[..., Result]) -> None:
    auditor("demo", "--output", "out")
    by_package = auditor("explain", "--demo", "web-boutique", "sudo")
    assert by_package.exit_code == Exit.COMPLIANT
    for part in ("1.9.15p5-3ubuntu5.24.04.1", "DEMO-USN-01", "OPEN", "noble-security", "CVE-2025-32463"):
        assert part in by_package.stdout
    reference = next(word for word in by_package.stdout.split() if word.startswith("F-"))
    by_reference = auditor("explain", "--demo", reference, "--lang", "fr")
    assert "Logiciels installés" in by_reference.stdout
    other_stream = auditor("explain", "--demo", "srv-messagerie", "nodejs")
    assert "another module stream (nodejs:22)" in other_stream.stdout


def test_an_action_of_the_report_lists_its_findings(auditor: Callable[..., Result]) -> None:
    """The first sheet shows references of actions (A-...); each leads to findings, and each finding to its evidence."""
    shown = auditor("demo", "--output", "out", "--lang", "fr").stdout
    action = next(line.split()[1].strip("[]") for line in shown.splitlines() if "correctifs des failles" in line)
    listed = auditor("explain", "--demo", action.lower(), "--lang", "fr")
    assert listed.exit_code == Exit.COMPLIANT, listed.output
    assert "web-boutique" in listed.stdout
    assert "14/07/2025 (en retard)" in listed.stdout
    reference = next(word for word in listed.stdout.split() if word.startswith("F-"))
    assert auditor("explain", "--demo", reference).exit_code == Exit.COMPLIANT
    as_json = json.loads(auditor("explain", "--demo", action, "--json").stdout)
    assert as_json["action"]["machines"] == ["web-boutique"]
    assert len(as_json["findings"]) == 2
    unknown = auditor("explain", "--demo", "A-00000000")
    assert unknown.exit_code == Exit.USAGE
    assert action in unknown.stderr


@pytest.mark.parametrize(
    ("machine", "package", "rule"),
    [
        ("srv-paie", "sudo", "patch.needs_subscription"),  # keyed by the subscription, not by the package
        ("srv-caisses", "libssl3", "patch.overdue"),  # one finding for all late packages of a machine
        ("srv-production", "linux-image-5.15.0-157-generic", "patch.missing"),  # mitigated:linux
    ],
)
def test_a_package_leads_to_every_finding_that_rests_on_it(
    auditor: Callable[..., Result], machine: str, package: str, rule: str
) -> None:
    auditor("demo", "--output", "out")
    shown = json.loads(auditor("explain", "--demo", machine, package, "--json").stdout)
    assert rule in {found["rule"] for found in shown["findings"]}


def test_explain_names_what_there_is_when_asked_for_something_else(auditor: Callable[..., Result]) -> None:
    auditor("demo", "--output", "out")
    unknown = auditor("explain", "--demo", "F-00000000")
    assert (unknown.exit_code, "no finding with this reference" in unknown.stderr) == (Exit.USAGE, True)
    misspelt = auditor("explain", "--demo", "web-boutiqe", "sudo")
    assert (misspelt.exit_code, "Did you mean `web-boutique`?" in misspelt.stderr) == (Exit.USAGE, True)
    absent = auditor("explain", "--demo", "web-boutique", "apache2")
    assert "“apache2” is not installed on web-boutique" in absent.stdout


def test_explain_as_json_carries_the_chain(auditor: Callable[..., Result]) -> None:
    auditor("demo", "--output", "out")
    shown = json.loads(auditor("explain", "--demo", "web-boutique", "sudo", "--json").stdout)
    assert shown["package"]["rulings"][0]["row"]["fixed_version"] == "1.9.15p5-3ubuntu5.24.04.1"
    assert shown["package"]["rulings"][0]["open"] is True


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_text_of_an_explanation_is_there(auditor: Callable[..., Result], language: str) -> None:
    """An absent text or parameter would stand as a marker."""
    auditor("demo", "--output", "out")
    for machine, package in (
        ("web-boutique", "sudo"),
        ("srv-messagerie", "nodejs"),
        ("srv-sauvegarde", "tar"),
        ("borne-photo", "openssl"),
        ("poste-atelier", "linux-image-amd64"),
        ("srv-paie", "nothing"),
    ):
        shown = auditor("explain", "--demo", machine, package, "--lang", language)
        assert shown.exit_code == 0
        assert "[?" not in shown.stdout


def test_every_text_of_the_command_line_is_used() -> None:
    from reports.texts import tables

    root = Path(__file__).parents[2]
    texts = tables("en")["cli"]
    source = "".join(file.read_text("utf-8") for file in (root / "auditor").rglob("*.py"))
    for name in texts.pop("explain"):
        assert f"'{name}'" in source or f'"{name}"' in source, name
    for name in texts:
        assert f'"cli.{name}"' in source or f'"cli.{name}.' in source, name
