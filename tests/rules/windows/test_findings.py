"""patch.missing and patch.overdue on Windows machines: pass, fail, blind, boundary day; in the reader's words."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from collectors.feeds.records import Exploited, Lifecycle, Severity
from collectors.model import FactKind
from collectors.windows.facts import Activation, DotNet, DotNetRuntime, UpdatePolicy
from rules.contract import Contract
from rules.model import Confidence, Outcome, PatchState, PriorityLevel
from tests.lab.snapshots import gap
from tests.lab.windows_snapshots import (
    SEEN_AT,
    answer,
    cbs,
    click_to_run,
    history,
    offered,
    qfe,
    sign,
    sql_instance,
    windows_host,
)
from tests.rules.checks.estate import judge, only, outcomes, spoken
from tests.rules.windows.msrc_rows import (
    CLIENT,
    JUNE,
    MAY,
    build,
    feed_state,
    flaw,
    known,
    lcu,
    office_build,
    row,
    without_build,
)

MISSING, OVERDUE = "patch.missing", "patch.overdue"
JUNE_FLAW = flaw("CVE-2026-0006", lcu("26100.8655", "KB5094126"))
MAY_FLAW = flaw("CVE-2026-0005", lcu("26100.8457", "KB5089549"), on=MAY)
KEV = Exploited(cve="CVE-2026-0006", added_on=JUNE, due_on=date(2026, 6, 30), ransomware=False)


def ask(rule, host, about, *, as_of=SEEN_AT, **options):
    found = judge(host, about, as_of=as_of, **options).findings
    return tuple(finding for finding in found if finding.rule == rule)


# --- pass, fail, blind ------------------------------------------------------------------------------------------------


def test_a_patched_machine_passes_and_names_its_build_and_the_feed() -> None:
    about = known(JUNE_FLAW, builds=(build("26100.8655", "KB5094126"),))
    found = only(ask(MISSING, windows_host(), about))
    assert (found.outcome, found.confidence) == (Outcome.PASS, Confidence.CONFIRMED)
    assert spoken(found) == (
        "Windows 11 24H2, build 26100.8655: no published security fix is missing; Windows Update agrees."
    )
    assert (found.evidence[0].seen, found.evidence[1].source) == ("26100.8655", "Feed msrc")


def test_a_missing_update_reads_well_to_a_manager() -> None:
    found = only(ask(MISSING, windows_host(build="26100.8037"), known(MAY_FLAW, JUNE_FLAW, exploited=(KEV,))))
    assert (found.key, found.outcome, found.state) == ("Windows 11 24H2", Outcome.FAIL, PatchState.MISSING)
    assert spoken(found) == (
        "Windows 11 24H2: the security update of 9 Jun 2026 (KB5094126) is not installed;"
        " 2 flaws stay open, 1 of them exploited."
    )
    assert spoken(found, "fr").replace("\u00a0", " ").replace("\u202f", " ") == (
        "Windows 11 24H2 : la mise à jour de sécurité du 09/06/2026 (KB5094126) n'est pas installée ;"
        " 2 failles restent ouvertes, et des attaquants en exploitent déjà 1."
    )
    assert found.priority.level is PriorityLevel.NOW
    assert found.released_on == MAY
    assert found.message.params["installed_version"] == "26100.8037"
    assert found.message.params["fixed_version"] == "26100.8655"
    by_hand = next(line for line in found.evidence if line.what.text == "rules.evidence.by_hand")
    assert by_hand.url == "https://www.catalog.update.microsoft.com/Search.aspx?q=KB5094126"
    read = found.evidence[0]
    assert (read.seen, read.expected, read.as_of) == ("26100.8037", "26100.8655", SEEN_AT)
    assert read.source.startswith("HKLM")


def test_every_flaw_is_proven_with_the_build_that_closes_it() -> None:
    found = only(ask(MISSING, windows_host(build="26100.8037"), known(MAY_FLAW, JUNE_FLAW)))
    proof = {line.url: (line.seen, line.expected) for line in found.evidence if line.url.startswith("https://x/")}
    assert proof == {
        "https://x/CVE-2026-0005": ("26100.8037", "26100.8457"),
        "https://x/CVE-2026-0006": ("26100.8037", "26100.8655"),
    }


def test_G2_a_build_without_its_revision_is_unknown_and_never_a_pass() -> None:
    host = windows_host()
    host = replace(host, operating_system=replace(host.operating_system, version_id="10.0.26100"))
    found = only(ask(MISSING, host, known(JUNE_FLAW)))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.unknown.operating_system")
    coverage = only(ask("host.coverage", host, known(JUNE_FLAW)))
    assert (coverage.outcome, coverage.priority.level) == (Outcome.UNKNOWN, PriorityLevel.PLAN)


def test_a_windows_machine_without_packages_is_no_blind_spot() -> None:
    host = windows_host()
    assert host.packages == ()
    answers = {finding.rule: finding.outcome for finding in judge(host, known(JUNE_FLAW), as_of=SEEN_AT).findings}
    assert (answers[MISSING], answers[OVERDUE], answers["host.reboot_pending"]) == (Outcome.PASS,) * 3


@pytest.mark.parametrize("kind", [FactKind.OFFICE, FactKind.DOTNET, FactKind.SQL_SERVER])
def test_G2_a_product_that_could_not_be_read_is_unknown_beside_the_verdict_on_windows(kind) -> None:
    """Without administrator's rights the verdict on Windows is complete, and the rest is no pass."""
    unread = {f"unread:{kind.value}": Outcome.UNKNOWN}
    blind = ask(MISSING, windows_host(gaps=(gap(kind),)), known(JUNE_FLAW))
    assert outcomes(blind) == {"": Outcome.PASS} | unread
    assert blind[-1].gaps[0].kind is kind
    behind = windows_host(build="26100.8457", gaps=(gap(kind),))
    assert outcomes(ask(MISSING, behind, known(JUNE_FLAW))) == {"Windows 11 24H2": Outcome.FAIL} | unread
    late = ask(OVERDUE, windows_host(gaps=(gap(kind),)), known(JUNE_FLAW))
    assert only(late).outcome is Outcome.UNKNOWN


def test_exchange_that_could_not_be_read_blinds_a_server_and_no_client() -> None:
    hidden = (gap(FactKind.EXCHANGE),)
    assert only(ask(MISSING, windows_host(gaps=hidden), known(JUNE_FLAW))).outcome is Outcome.PASS
    server = flaw("CVE-2026-0006", lcu("20348.5256", "KB5094128", kind="server"))
    host = windows_host(build="20348.5256", kind="server", gaps=hidden)
    assert outcomes(ask(MISSING, host, known(server))) == {"": Outcome.PASS, "unread:exchange": Outcome.UNKNOWN}


def test_dotnet_that_no_collector_reported_is_unknown() -> None:
    found = ask(MISSING, windows_host(dotnet=None), known(JUNE_FLAW))
    assert outcomes(found) == {"": Outcome.PASS, "unread:dotnet": Outcome.UNKNOWN}


def test_updates_that_could_not_be_read_leave_the_verdict_to_the_build() -> None:
    hidden = (gap(FactKind.INSTALLED_UPDATES), gap(FactKind.AVAILABLE_UPDATES), gap(FactKind.UPDATE_POLICY))
    host = windows_host(gaps=hidden, search=(), policy=None)
    found = only(ask(MISSING, host, known(JUNE_FLAW)))
    assert (found.outcome, found.confidence) == (Outcome.PASS, Confidence.FIRM)
    behind = only(ask(MISSING, replace(host, operating_system=_at(host, "26100.8457")), known(JUNE_FLAW)))
    assert (behind.outcome, behind.message.params["cross_check"]) == (Outcome.FAIL, "not_seen")


def _at(host, number):
    return replace(host.operating_system, version_id=f"10.0.{number}")


def test_W12_W32_an_unknown_build_is_unknown_and_never_the_latest_known() -> None:
    host = windows_host()
    host = replace(host, operating_system=_at(host, "29999.1"))
    assert only(ask(MISSING, host, known(JUNE_FLAW))).outcome is Outcome.UNKNOWN
    assert only(ask("host.coverage", host, known(JUNE_FLAW))).key == "unsupported"


def test_G6_without_rows_for_the_build_nothing_is_known() -> None:
    about = known(flaw("CVE-2026-0006", lcu("22631.7219", "KB5093998")))
    found = only(ask(MISSING, windows_host(), about))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.unknown.no_advisories")


def test_G6_a_stale_feed_of_any_product_makes_a_pass_unknown() -> None:
    rows = (JUNE_FLAW, office_build("16.0.20326.20100", _CURRENT, on=JUNE))
    host = windows_host(office=(click_to_run("16.0.20326.20100"),))
    about = known(*rows)
    assert only(ask(MISSING, host, about)).outcome is Outcome.PASS
    old = feed_state("office-channels", [f"office:{_CURRENT}"], checked_at=SEEN_AT - timedelta(days=30))
    stale = replace(about, feeds={**about.feeds, "office-channels": old})
    found = only(ask(MISSING, host, stale))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.unknown.stale_feed")


_CURRENT = "492350f6-3a01-4f97-b9c0-c7c6ddf67d60"


# --- every product in its own words -----------------------------------------------------------------------------------


def test_each_product_line_is_one_finding_in_its_own_words() -> None:
    rows = (
        JUNE_FLAW,
        flaw("CVE-2026-0201", row(CLIENT, "dotnet-framework:4.8.1/x64", "4.8.9334.0", "KB5087054")),
        flaw("CVE-2026-0400", row("dotnet:8.0", "dotnet", "8.0.17", "KB5061935")),
        flaw("CVE-2026-0601", row("sql-server:2019", "sql-server", "15.0.4465.1", "KB5084816", module="CU 32")),
        office_build("16.0.20326.20100", _CURRENT, on=JUNE),
    )
    host = windows_host(
        build="26100.8457",
        dotnet=DotNet(
            framework_release=533320, runtimes=(DotNetRuntime(name="Microsoft.NETCore.App", version="8.0.16"),)
        ),
        sql_instances=(sql_instance("15.0.4430.1", "COMPTA"),),
        office=(click_to_run("16.0.20228.20124"),),
        search=[answer(offered("KB5087054"), offered("KB5094126"))],
    )
    told = {finding.key: spoken(finding) for finding in ask(MISSING, host, known(*rows))}
    assert told == {
        "Windows 11 24H2": "Windows 11 24H2: the security update of 9 Jun 2026 (KB5094126) is not installed;"
        " 1 flaw stays open.",
        ".NET Framework": ".NET Framework 4.8.1: security update KB5087054 is not installed;"
        " 1 flaw stays open (CVE-2026-0201).",
        ".NET 8.0": ".NET 8.0 8.0.16: security fix 8.0.17 is not installed; it closes 1 flaw (CVE-2026-0400).",
        "SQL Server 2019 (COMPTA)": "SQL Server 2019 (COMPTA) 15.0.4430.1: security update KB5084816 is not installed;"
        " 1 flaw stays open (CVE-2026-0601).",
        "Microsoft 365 Apps": "Microsoft 365 Apps 16.0.20228.20124: security release 16.0.20326.20100 of 9 Jun 2026"
        " is not installed.",
    }


def test_a_doubt_is_one_unknown_per_reason() -> None:
    rows = (JUNE_FLAW, flaw("CVE-2026-0201", row(CLIENT, "dotnet-framework:4.8.1/x64", "", "KB5087054")))
    host = windows_host(dotnet=DotNet(framework_release=533320), office=(click_to_run("16.0.20228.20124", ""),))
    found = ask(MISSING, host, known(*rows))
    assert outcomes(found) == {
        "": Outcome.PASS,  # Windows itself
        "undecided:dotnet-framework-not-told": Outcome.UNKNOWN,
        "undecided:office-channel-unread": Outcome.UNKNOWN,
    }
    assert only(ask(OVERDUE, host, known(*rows))).key == "undecided"


# --- the machine's own records beside the build (W1-W3) ---------------------------------------------------------------


def _says(found):
    return [line.what.text.removeprefix("rules.sources.") for line in found.evidence if ".sources." in line.what.text]


def test_records_that_agree_are_shown() -> None:
    records = [cbs("26100.8457"), qfe("KB5089549"), history("KB5094126", "failed", on=JUNE)]
    found = only(ask(MISSING, windows_host(build="26100.8457", updates=records), known(JUNE_FLAW)))
    assert _says(found) == ["cbs_agrees", "qfe_agrees", "history_failed"]


def test_D10_an_empty_list_of_hotfixes_is_no_witness() -> None:
    found = only(ask(MISSING, windows_host(build="26100.8457", updates=[cbs("26100.8457")]), known(JUNE_FLAW)))
    assert _says(found) == ["cbs_agrees"]


def test_W1_W3_records_that_contradict_the_build_are_shown_and_the_build_wins() -> None:
    host = windows_host(
        build="26100.8457", updates=[cbs("26100.8655"), qfe("KB5094126"), history("KB5094126", on=JUNE)]
    )
    found = only(ask(MISSING, host, known(JUNE_FLAW)))
    assert found.outcome is Outcome.FAIL
    assert _says(found) == ["cbs_disagrees", "qfe_disagrees", "history_disagrees"]


def test_records_that_could_not_be_read_are_told_once() -> None:
    host = windows_host(build="26100.8457", gaps=(gap(FactKind.INSTALLED_UPDATES),))
    assert _says(only(ask(MISSING, host, known(JUNE_FLAW)))) == ["unread"]


# --- end of support (D7, W14) -----------------------------------------------------------------------------------------

_NOVEMBER = datetime(2025, 11, 20, 8, 0, tzinfo=UTC)
_WINDOWS_10 = (
    flaw("CVE-2025-0010", lcu("19045.6456", "KB5066791"), on=date(2025, 10, 14)),
    flaw("CVE-2025-0011", lcu("19045.6575", "KB5068781"), on=date(2025, 11, 11)),
)
_CALENDAR = (
    Lifecycle(
        product="windows", cycle="10-22h2", support_ends_on=date(2025, 10, 14), extended_ends_on=date(2028, 10, 10)
    ),
)
_ESU = Activation(
    activation_id="f520e45e-7413-4a34-a497-d2765967d094",
    application_id="55c92734-d682-4d71-983e-d6ec3f16059f",
    name="ESU",
    status=1,
)


def _windows_10(build_number: str, **changes):
    about = known(*_WINDOWS_10, lifecycles=_CALENDAR, checked_at=_NOVEMBER)
    host = windows_host(build=build_number, taken_at=_NOVEMBER, **changes)
    return ask(MISSING, host, about, as_of=_NOVEMBER)


def test_D7_windows_10_without_esu_is_out_of_support_and_neither_missing_nor_fine() -> None:
    found = only(_windows_10("19045.6456"))
    assert (found.outcome, found.state) == (Outcome.NOT_APPLICABLE, PatchState.OUT_OF_SUPPORT)
    assert spoken(found) == (
        "Windows 10 22H2: support has ended for this machine, which is not enrolled for further updates;"
        " 1 flaw made public since then stays open."
    )


def test_D7_what_came_out_until_the_last_day_of_support_stays_owed() -> None:
    found = {finding.key: finding for finding in _windows_10("19045.6332")}
    assert {key: finding.state for key, finding in found.items()} == {
        "Windows 10 22H2": PatchState.MISSING,
        "out_of_support": PatchState.OUT_OF_SUPPORT,
    }
    assert found["Windows 10 22H2"].message.params["remedy"] == "KB5066791"
    assert found["Windows 10 22H2"].message.params["cves"] == "CVE-2025-0010"


def test_W14_an_enrolled_machine_is_owed_every_update() -> None:
    found = only(_windows_10("19045.6456", activations=(_ESU,)))
    assert (found.outcome, found.message.params["remedy"]) == (Outcome.FAIL, "KB5068781")


def test_W14_an_enrolment_that_could_not_be_read_is_a_doubt() -> None:
    found = only(_windows_10("19045.6456", gaps=(gap(FactKind.ACTIVATION),)))
    assert (found.outcome, found.key) == (Outcome.UNKNOWN, "undecided:esu-unread")


def test_D7_a_machine_past_its_support_that_lacks_nothing_published_is_still_no_pass() -> None:
    about = known(_WINDOWS_10[0], lifecycles=_CALENDAR, checked_at=_NOVEMBER)
    found = only(ask(MISSING, windows_host(build="19045.6456", taken_at=_NOVEMBER), about, as_of=_NOVEMBER))
    assert (found.outcome, found.state) == (Outcome.NOT_APPLICABLE, PatchState.OUT_OF_SUPPORT)


def test_W14_a_machine_that_runs_an_update_for_subscribers_is_patched_and_its_support_unknown() -> None:
    """Private persons enrol through their Microsoft account, cloud machines through Azure: no license tells."""
    about = known(*_WINDOWS_10, lifecycles=_CALENDAR, checked_at=_NOVEMBER)
    host = windows_host(build="19045.6575", taken_at=_NOVEMBER)
    assert only(ask(MISSING, host, about, as_of=_NOVEMBER)).outcome is Outcome.PASS
    support = only(ask("system.end_of_support", host, about, as_of=_NOVEMBER))
    assert (support.outcome, support.message.text.rpartition(".")[2]) == (Outcome.UNKNOWN, "unknown_entitlement_ended")


def test_D7_without_a_support_calendar_what_came_after_the_free_updates_is_a_doubt() -> None:
    about = known(*_WINDOWS_10, checked_at=_NOVEMBER)
    found = only(ask(MISSING, windows_host(build="19045.6456", taken_at=_NOVEMBER), about, as_of=_NOVEMBER))
    assert (found.outcome, found.key) == (Outcome.UNKNOWN, "undecided:support-unread")
    older = {finding.key: finding for finding in ask(MISSING, _behind_since_september(), about, as_of=_NOVEMBER)}
    assert older["Windows 10 22H2"].message.params["remedy"] == "KB5066791"  # free for everybody
    assert older["undecided:support-unread"].outcome is Outcome.UNKNOWN


def _behind_since_september():
    return windows_host(build="19045.6332", taken_at=_NOVEMBER)


def test_D7_without_a_support_calendar_a_release_that_is_free_for_all_is_judged_as_ever() -> None:
    found = only(ask(MISSING, windows_host(build="26100.8457"), known(JUNE_FLAW)))
    assert (found.outcome, found.state) == (Outcome.FAIL, PatchState.MISSING)


def test_W13_without_a_support_calendar_the_edition_that_ends_first_counts_for_one_nobody_knows() -> None:
    december = datetime(2025, 12, 20, 8, 0, tzinfo=UTC)
    late = flaw("CVE-2025-0020", lcu("22631.6345", "KB5071417"), on=date(2025, 12, 9))
    about = known(late, checked_at=december)
    for edition, outcome in (("Enterprise", Outcome.FAIL), ("Professional", Outcome.UNKNOWN), ("New", Outcome.UNKNOWN)):
        host = windows_host(build="22631.6200", edition=edition, taken_at=december)
        assert only(ask(MISSING, host, about, as_of=december)).outcome is outcome


def test_W14_what_microsoft_itself_offers_an_ended_machine_is_owed() -> None:
    found = only(_windows_10("19045.6456", search=[answer(offered("KB5068781"))]))
    assert (found.outcome, found.state) == (Outcome.FAIL, PatchState.MISSING)
    assert found.message.params["cross_check"] == "agree"


def test_W14_what_wsus_offers_an_ended_machine_proves_no_enrolment() -> None:
    policy = UpdatePolicy(uses_wsus=True, wsus_server="http://wsus.example:8530")
    found = only(_windows_10("19045.6456", search=[answer(offered("KB5068781"))], policy=policy))
    assert (found.outcome, found.state) == (Outcome.NOT_APPLICABLE, PatchState.OUT_OF_SUPPORT)


@pytest.mark.parametrize(("year", "outcome"), [(3, Outcome.FAIL), (2, Outcome.NOT_APPLICABLE), (0, Outcome.UNKNOWN)])
def test_W15_server_2012_r2_is_enrolled_where_its_own_activation_says_so(year, outcome) -> None:
    """Enrolment through Azure leaves no license: silence is no answer."""
    ids = ("", "c0a2ea62-12ad-435b-ab4f-c9bfab48dbc4", "e3e2690b-931c-4c80-b1ff-dffba8a81988")
    identity = (*ids, "55b1dd2d-2209-4ea0-a805-06298bad25b3")[year]
    rows = (replace(_ESU, activation_id=identity),) if year else ()
    june = lcu("9600.23228", "KB5094041", kind="server", remedy_kind="Monthly Rollup")
    calendar = Lifecycle(
        product="windows-server",
        cycle="2012-r2",
        support_ends_on=date(2023, 10, 10),
        extended_ends_on=date(2026, 10, 13),
    )
    host = windows_host(build="9600.23000", kind="server", activations=rows)
    found = only(ask(MISSING, host, known(flaw("CVE-2026-0006", june), lifecycles=(calendar,))))
    assert found.outcome is outcome


_SQL_2016 = Lifecycle(
    product="mssqlserver",
    cycle="13.0-sp3",
    support_ends_on=date(2026, 7, 14),
    extended_ends_on=date(2029, 7, 17),
)


def test_W15_a_fix_of_sql_server_2016_after_its_end_is_for_subscribers_and_no_missing_patch() -> None:
    september = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
    server = flaw("CVE-2026-0009", lcu("17763.8880", "KB5094123", kind="server"))
    free = flaw("CVE-2026-0600", row("sql-server:2016", "sql-server", "13.0.6500.1", "KB5102340"), on=date(2026, 7, 14))
    paid = flaw("CVE-2026-0700", row("sql-server:2016", "sql-server", "13.0.6510.1", "KB5110000"), on=date(2026, 8, 11))
    about = known(server, free, paid, lifecycles=(_SQL_2016,), checked_at=september - timedelta(days=1))
    host = windows_host(
        build="17763.8880", kind="server", sql_instances=(sql_instance("13.0.6500.1"),), taken_at=september
    )
    found = {finding.key: finding for finding in ask(MISSING, host, about, as_of=september)}
    assert outcomes(found.values()) == {"": Outcome.PASS, "undecided:esu-unread": Outcome.UNKNOWN}
    assert "SQL Server 2016" in spoken(found["undecided:esu-unread"])
    behind = replace(host, windows=replace(host.windows, sql_instances=(sql_instance("13.0.6490.1"),)))
    told = {finding.key: finding for finding in ask(MISSING, behind, about, as_of=september)}
    assert told["SQL Server 2016 (MSSQLSERVER)"].message.params["remedy"] == "KB5102340"


def test_a_doubt_about_a_product_stands_beside_the_verdict_on_windows() -> None:
    rows = (JUNE_FLAW, flaw("CVE-2026-0201", row(CLIENT, "dotnet-framework:4.8.1/x64", "", "KB5087054")))
    host = windows_host(dotnet=DotNet(framework_release=533320))
    passed, doubt = ask(MISSING, host, known(*rows))
    assert (passed.outcome, doubt.outcome, doubt.beside) == (Outcome.PASS, Outcome.UNKNOWN, True)
    assert only(ask(OVERDUE, host, known(*rows))).beside
    odd = flaw("CVE-2026-0100", without_build("KB4000001"))
    windows = only(ask(MISSING, windows_host(build="26100.8457"), known(MAY_FLAW, odd)))
    assert not windows.beside


def test_whether_a_release_of_office_closes_an_exploited_flaw_is_not_known() -> None:
    about = known(JUNE_FLAW, office_build("16.0.20326.20100", _CURRENT, on=JUNE), exploited=(KEV,))
    found = only(ask(MISSING, windows_host(office=(click_to_run("16.0.20228.20124"),)), about))
    assert found.message.params["kev_count"] is None


# --- deadlines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "late"), [(date(2026, 6, 23), False), (date(2026, 6, 24), True)])
def test_the_deadline_runs_from_the_day_microsoft_released_the_fix(day, late) -> None:
    as_of = datetime(day.year, day.month, day.day, 8, 0, tzinfo=UTC)
    about = known(JUNE_FLAW, checked_at=as_of)
    contract = Contract(client="ACME")
    found = only(ask(OVERDUE, windows_host(build="26100.8457", taken_at=as_of), about, as_of=as_of, contract=contract))
    assert found.outcome is (Outcome.FAIL if late else Outcome.PASS)
    if late:
        assert (found.due_on, found.state) == (date(2026, 6, 23), PatchState.MISSING)
        assert found.remedy.params["updates"] == "KB5094126"


def test_W4_a_staged_update_past_its_deadline_is_late_and_the_action_is_a_restart() -> None:
    as_of = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
    host = windows_host(
        build="26100.8457",
        updates=[cbs("26100.8655", state="install_pending")],
        signals=[sign("windows-update")],
        taken_at=as_of,
    )
    about = known(JUNE_FLAW, checked_at=as_of)
    late = only(ask(OVERDUE, host, about, as_of=as_of))
    assert (late.outcome, late.state) == (Outcome.FAIL, PatchState.REBOOT_PENDING)
    assert late.remedy.params["command"] == "shutdown /r /t 0"
    passed = only(ask(MISSING, host, about, as_of=as_of))
    assert passed.outcome is Outcome.PASS
    assert spoken(passed) == (
        "Windows 11 24H2: no published security update is missing; KB5094126 is installed and waits for a restart to"
        " replace build 26100.8457."
    )


def test_a_doubt_about_windows_itself_leaves_no_pass() -> None:
    odd = flaw("CVE-2026-0100", without_build("KB4000001"))
    found = ask(MISSING, windows_host(build="26100.8457"), known(MAY_FLAW, odd))
    assert outcomes(found) == {"undecided:fixed-build-unreadable": Outcome.UNKNOWN}


def test_a_version_without_a_kb_is_what_there_is_to_install() -> None:
    as_of = datetime(2026, 7, 30, 8, 0, tzinfo=UTC)
    net = flaw("CVE-2026-0400", row("dotnet:8.0", "dotnet", "8.0.17"))
    dotnet = DotNet(runtimes=(DotNetRuntime(name="Microsoft.NETCore.App", version="8.0.16"),))
    host = windows_host(dotnet=dotnet, taken_at=as_of)
    late = only(ask(OVERDUE, host, known(JUNE_FLAW, net, checked_at=as_of), as_of=as_of))
    assert late.remedy.params["updates"] == ".NET 8.0 8.0.17"


def test_severity_is_that_of_the_gravest_open_flaw() -> None:
    grave = flaw("CVE-2026-0009", lcu("26100.8655", "KB5094126"), severity=Severity.CRITICAL)
    assert only(ask(MISSING, windows_host(build="26100.8457"), known(JUNE_FLAW, grave))).severity is Severity.CRITICAL


# --- rules about package managers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        "package_lists.stale",
        "repositories.missing",
        "packages.third_party",
        "patch.no_fix",
        "patch.needs_subscription",
        "subscription.not_registered",
    ],
)
def test_rules_about_package_managers_do_not_apply_to_windows(rule) -> None:
    assert only(ask(rule, windows_host(), known(JUNE_FLAW))).outcome is Outcome.NOT_APPLICABLE


def test_where_updates_are_approved_in_wsus_the_remedy_says_so() -> None:
    policy = UpdatePolicy(uses_wsus=True, wsus_server="http://wsus.example:8530")
    host = windows_host(build="26100.8457", policy=policy, search=[answer()])
    found = only(ask(MISSING, host, known(JUNE_FLAW)))
    assert found.remedy.text == "rules.patch.missing.remedy_wsus"


def test_W13_an_edition_that_nobody_sells_more_updates_for_is_not_called_unenrolled() -> None:
    late = flaw("CVE-2026-0020", lcu("22631.7219", "KB5093998"))
    calendar = (Lifecycle(product="windows", cycle="11-23h2-w", support_ends_on=date(2025, 11, 11)),)
    found = only(ask(MISSING, windows_host(build="22631.6199"), known(late, lifecycles=calendar)))
    assert (found.outcome, found.state) == (Outcome.NOT_APPLICABLE, PatchState.OUT_OF_SUPPORT)
    assert spoken(found) == (
        "Windows 11 23H2: support has ended for the edition of this machine, which gets no more fixes;"
        " 1 flaw made public since then stays open."
    )
