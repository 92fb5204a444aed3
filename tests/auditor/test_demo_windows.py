"""The demonstration's Windows machines: one of each case a recording can show, through the real pipeline."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from auditor.demo.company import prepare
from auditor.demo.windows.answers import ANSWERS, answers
from auditor.demo.windows.described import Machine, machines
from auditor.demo.windows.recordings import output
from auditor.exits import Exit
from auditor.history.store import Store
from auditor.pipeline import Result as RunResult
from auditor.pipeline import conduct
from auditor.progress import Silent
from collectors.feeds.cache import FeedStore
from collectors.hosts.base import Family
from collectors.model import FactKind, GapReason
from collectors.script import read_sections
from collectors.windows import degraded
from collectors.windows.blocks import discover
from rules.model import Assessment, Finding, MachineSummary, Outcome, PatchState


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    demonstration = prepare(tmp_path_factory.mktemp("demo"), "en")
    with Store(demonstration.history) as store:
        return conduct(demonstration.plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=Silent())


def _of(run: RunResult, machine: str, rule: str) -> list[Finding]:
    return [found for found in run.assessment.findings if (found.subject, found.rule) == (machine, rule)]


def _fails(run: RunResult, machine: str, rule: str = "patch.missing") -> dict[str, Finding]:
    return {found.key: found for found in _of(run, machine, rule) if found.outcome is Outcome.FAIL}


def _machine(assessment: Assessment, name: str) -> MachineSummary:
    (found,) = [machine for machine in assessment.machines if machine.target.name == name]
    return found


def _evidence(finding: Finding) -> set[str]:
    return {evidence.what.text for evidence in finding.evidence}


@pytest.mark.parametrize("machine", machines(), ids=lambda machine: machine.name)
def test_every_block_has_an_answer_on_every_demonstration_machine(machine: Machine) -> None:
    """A new block without one fails here, so that the demonstration cannot fall behind the product."""
    assert set(answers(machine)) == {block.name for block in discover()}


def test_no_answer_is_left_over_from_a_block_that_is_gone() -> None:
    assert set(ANSWERS) == {block.name for block in discover()}


def test_frames_are_what_the_reader_of_real_visits_reads() -> None:
    (machine,) = [machine for machine in machines() if machine.name == "pc-accueil"]
    delivery = read_sections(output(machine).stdout)
    assert (delivery.answered, delivery.complete, delivery.family) == (True, True, Family.WINDOWS)
    assert (delivery.cut, delivery.damaged) == ((), 0)
    assert json.loads(delivery.sections["system"].stdout)["v"]["current_version"]["UBR"] == 6899


def test_W31_what_reg_exe_said_is_recognised() -> None:
    (machine,) = [machine for machine in machines() if machine.described.language_mode == "ConstrainedLanguage"]
    assert degraded.recognises(output(machine).stdout)


def test_W1_D10_a_patched_machine_without_any_hotfix_on_record_is_up_to_date(run: RunResult) -> None:
    (verdict,) = _of(run, "pc-accueil", "patch.missing")
    assert verdict.outcome is Outcome.PASS
    (machine,) = [machine for machine in machines() if machine.name == "pc-accueil"]
    assert machine.described.hotfixes == ()


def test_W7_a_preview_that_is_offered_is_not_missing(run: RunResult) -> None:
    (machine,) = [machine for machine in machines() if machine.name == "pc-accueil"]
    assert "KB5067036" in {offer.kb for offer in machine.described.offers}
    assert not _fails(run, "pc-accueil")


def test_W7_an_out_of_band_security_release_is_missing(run: RunResult) -> None:
    found = _fails(run, "srv-ad")["Windows Server 2022"]
    assert found.message.params["remedy"] == "KB5070884"
    assert found.message.params["kev_count"] == 1


def test_W3_the_build_tells_that_an_installation_was_rolled_back(run: RunResult) -> None:
    found = _fails(run, "pc-compta-01")["Windows 11 24H2"]
    assert found.message.params["installed_version"] == "26100.6584"
    assert _evidence(found) & {"rules.sources.history_disagrees", "rules.sources.history_failed"}


def test_W4_a_staged_update_waits_for_a_restart_and_is_late(run: RunResult) -> None:
    assert not _fails(run, "pc-compta-02")
    (found,) = _fails(run, "pc-compta-02", "host.reboot_pending").values()
    assert found.state is PatchState.REBOOT_PENDING
    assert _fails(run, "pc-compta-02", "patch.overdue")


def test_W5_server_2025_and_24h2_share_a_build_and_no_verdict(run: RunResult) -> None:
    assert "Windows Server 2025" in _fails(run, "srv-hyperv")
    assert _machine(run.assessment, "srv-rds").release == "windows:26100-server"
    assert _machine(run.assessment, "pc-accueil").release == "windows:26100-client"


def test_W6_a_hotpatch_closes_its_months_flaws_and_not_the_next_baselines(run: RunResult) -> None:
    found = _fails(run, "srv-hyperv")["Windows Server 2025"]
    cves = str(found.message.params["cves"])
    assert "CVE-2025-24990" in cves
    assert "CVE-2025-54918" not in cves, (
        "September's hotpatch, 26100.6508, closed it below the build of September's update"
    )


def test_W9_the_net_framework_is_a_line_of_its_own(run: RunResult) -> None:
    assert list(_fails(run, "pc-vaise")) == [".NET Framework"]


def test_W10_each_runtime_side_by_side_is_judged_alone(run: RunResult) -> None:
    assert list(_fails(run, "srv-rds")) == [".NET 9.0"]
    assert list(_fails(run, "srv-rds", "application.end_of_support")) == ["dotnet:6"]


def test_W12_the_name_in_the_registry_is_not_believed(run: RunResult) -> None:
    (machine,) = [machine for machine in machines() if machine.name == "pc-direction"]
    assert machine.system.product_name == "Windows 10 Pro"
    system = _machine(run.assessment, "pc-direction").operating_system
    assert system is not None
    assert system.pretty_name == "Windows 11 Pro 23H2"


@pytest.mark.parametrize(
    ("machine", "outcome", "state"),
    [
        ("pc-fournil", Outcome.FAIL, PatchState.OUT_OF_SUPPORT),  # W14: Windows 10 without ESU
        ("pc-vaise", Outcome.PASS, PatchState.NONE),  # W14: with its first year
        ("borne-menu", Outcome.PASS, PatchState.NONE),  # W13: IoT LTSC 2021, until 2032
        ("pc-direction", Outcome.FAIL, PatchState.NONE),  # W13: 23H2 Pro, in eight days
        ("srv-hyperv", Outcome.PASS, PatchState.NONE),
    ],
)
def test_W13_W14_support_by_edition_and_enrolment(
    run: RunResult, machine: str, outcome: Outcome, state: PatchState
) -> None:
    (found,) = _of(run, machine, "system.end_of_support")
    assert (found.outcome, found.state) == (outcome, state)


def test_W14_windows_10_without_extended_updates_is_never_zero_missing(run: RunResult) -> None:
    (found,) = [one for one in _of(run, "pc-fournil", "patch.missing") if one.outcome is not Outcome.FAIL]
    assert found.outcome is not Outcome.PASS


def test_W16_what_wsus_holds_back_is_told(run: RunResult) -> None:
    assert _fails(run, "pc-vente", "updates.hidden_by_wsus")
    assert _machine(run.assessment, "pc-vente").updates_from == "wsus"


def test_W19_a_disabled_update_service_leaves_the_verdict_and_is_told(run: RunResult) -> None:
    assert _fails(run, "srv-archives", "updates.blocked")
    assert "Windows Server 2016" in _fails(run, "srv-archives")
    (gap,) = _machine(run.assessment, "srv-archives").gaps
    assert gap.kind is FactKind.AVAILABLE_UPDATES
    assert "0x80070422" in gap.detail


def test_W22_office_is_compared_inside_its_own_channel(run: RunResult) -> None:
    found = _fails(run, "pc-compta-01")["Microsoft 365 Apps"]
    assert found.message.params["fixed_version"] == "16.0.19231.20194"
    assert "Microsoft 365 Apps" not in _fails(run, "pc-vente"), "Semi-Annual: a lower number that is newer"


def test_W24_office_by_msi_is_not_taken_for_click_to_run(run: RunResult) -> None:
    assert "office:2016" in _fails(run, "pc-direction", "application.end_of_support")


def test_W25_two_instances_of_sql_server_are_compared_in_two_branches(run: RunResult) -> None:
    (found,) = _fails(run, "srv-gestion").values()
    assert "SAGE100" in found.key
    assert found.message.params["remedy"] == "KB5065222"


def test_W26_the_older_of_two_copies_counts_although_it_is_one_persons(run: RunResult) -> None:
    found = _fails(run, "pc-fournil", "application.known_exploited")["google-chrome"]
    assert found.message.params["version"] == "139.0.7258.155"


def test_a_program_with_a_flaw_attackers_exploit_is_named(run: RunResult) -> None:
    found = _fails(run, "pc-direction", "application.known_exploited")["winrar"]
    assert found.message.params["fixed_version"] == "7.13"


def test_old_signatures_are_told(run: RunResult) -> None:
    assert _fails(run, "pc-direction", "antivirus.signatures_old")


def test_without_administrators_rights_the_verdict_on_windows_stands_and_the_rest_is_a_gap(run: RunResult) -> None:
    (verdict,) = _of(run, "borne-menu", "patch.missing")
    assert verdict.outcome is Outcome.PASS
    gaps = _machine(run.assessment, "borne-menu").gaps
    denied = {gap.kind for gap in gaps if gap.reason is GapReason.DENIED}
    assert {FactKind.STORE_APPS, FactKind.ACTIVATION, FactKind.AVAILABLE_UPDATES} <= denied


def test_the_profile_that_was_not_loaded_is_named(run: RunResult) -> None:
    details = [gap.detail for gap in _machine(run.assessment, "pc-direction").gaps]
    assert any("stagiaire" in detail for detail in details)


def test_W31_a_machine_that_lets_powershell_run_nothing_has_a_build_and_no_verdict_on_the_rest(run: RunResult) -> None:
    machine = _machine(run.assessment, "pc-labo")
    assert machine.operating_system is not None
    assert machine.operating_system.version_id == "10.0.26100.6899"
    assert FactKind.OFFICE in {gap.kind for gap in machine.gaps}
    assert Outcome.UNKNOWN in {found.outcome for found in _of(run, "pc-labo", "patch.missing")}


def test_a_truncated_answer_keeps_what_came_and_is_unknown_for_the_rest(run: RunResult) -> None:
    machine = _machine(run.assessment, "pc-stock")
    assert {gap.reason for gap in machine.gaps} == {GapReason.TRUNCATED}
    assert machine.operating_system is not None
    assert not any(gap.kind is FactKind.OPERATING_SYSTEM for gap in machine.gaps)


def test_G1_an_unreachable_windows_machine_is_counted(run: RunResult) -> None:
    assert not _machine(run.assessment, "pc-livraison").reached


def test_no_rule_broke_on_a_windows_machine(run: RunResult) -> None:
    assert run.assessment.failures == ()


def test_french_words_of_windows_arrive_as_they_were_written(run: RunResult) -> None:
    details = " ".join(gap.detail for gap in _machine(run.assessment, "borne-menu").gaps)
    assert "Accès refusé" in details


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_text_of_the_report_is_there(auditor: Callable[..., Result], tmp_path: Path, language: str) -> None:
    """An absent text or parameter would stand as a marker."""
    done = auditor("demo", "--output", "out", "--lang", language, "--export", "csv", "--export", "json")
    assert done.exit_code == Exit.INCOMPLETE
    assert "[?" not in done.stdout
    for file in (tmp_path / "out").glob("*.[cj]s*"):
        assert "[?" not in file.read_text("utf-8-sig"), file.name


def test_the_workbook_of_the_whole_company_passes_every_check(run: RunResult) -> None:
    from reports.workbook import render
    from tests.lab.workbook_checks import problems, same_figures

    french, english = render(run.assessment, "fr"), render(run.assessment, "en")
    assert problems(french) == []
    assert problems(english) == []
    assert same_figures(french, english) == []
