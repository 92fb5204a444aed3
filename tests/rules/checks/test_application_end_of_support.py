"""application.end_of_support: Microsoft's products by their own cycles, other programs by the calendar, no guess."""

from datetime import UTC, date, datetime, timedelta

import pytest

from collectors.feeds.records import Lifecycle
from collectors.model import FactKind
from collectors.windows.facts import DotNet, DotNetRuntime, OfficeInstall, SqlInstance
from rules.contract import Contract
from rules.model import Outcome, PatchState, PriorityLevel
from tests.lab.snapshots import debian_host
from tests.rules.checks.estate import only, outcomes, spoken
from tests.rules.checks.windows_estate import (
    CALENDAR,
    WINDOWS_FEEDS,
    asked,
    hidden,
    known,
    program,
    server_host,
    windows_host,
)

RULE = "application.end_of_support"
TODAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEMI_ANNUAL = "7ffbc6bf-bc32-4f92-8982-f9dd17fd3114"
CURRENT = "492350f6-3a01-4f97-b9c0-c7c6ddf67d60"
MONTHLY = "55336b82-a18d-4dd6-b5f6-9e5095c314a6"
DATES = (
    *CALENDAR,
    Lifecycle(product="office", cycle="2016", support_ends_on=date(2025, 10, 14)),
    Lifecycle(product="office", cycle="2019", support_ends_on=date(2025, 10, 14)),
    Lifecycle(product="office", cycle="2021", support_ends_on=date(2026, 10, 13)),
    Lifecycle(product="office", cycle="2024", support_ends_on=date(2029, 10, 9)),
    Lifecycle(product="office", cycle="2024-ltsc", support_ends_on=date(2029, 10, 9)),
    Lifecycle(product=f"office-channel:{SEMI_ANNUAL}", cycle="19127", support_ends_on=date(2026, 11, 22)),
    Lifecycle(product=f"office-channel:{SEMI_ANNUAL}", cycle="19725", support_ends_on=date(2027, 5, 11)),
    Lifecycle(product="dotnet", cycle="3.1", support_ends_on=date(2022, 12, 13)),
    Lifecycle(product="dotnet", cycle="8", support_ends_on=date(2026, 11, 10)),
    Lifecycle(product="dotnet", cycle="9", support_ends_on=date(2026, 11, 10)),
    Lifecycle(product="dotnet", cycle="10", support_ends_on=date(2028, 11, 14)),
    Lifecycle(product="dotnetfx", cycle="4.8.1", ended=False),
    Lifecycle(product="dotnetfx", cycle="4.6.1", support_ends_on=date(2022, 4, 26)),
    Lifecycle(product="dotnetfx", cycle="4.5.1", support_ends_on=date(2016, 1, 12)),
    Lifecycle(product="dotnetfx", cycle="3.5-sp1", support_ends_on=date(2029, 1, 9)),
    Lifecycle(product="mssqlserver", cycle="15.0", support_ends_on=date(2030, 1, 8)),
    Lifecycle(product="mssqlserver", cycle="13.0-sp2", support_ends_on=date(2022, 10, 11)),
    Lifecycle(
        product="mssqlserver",
        cycle="13.0-sp3",
        support_ends_on=date(2026, 7, 14),
        extended_ends_on=date(2029, 7, 17),
    ),
    Lifecycle(
        product="mssqlserver",
        cycle="13.0-sp3-acp",
        support_ends_on=date(2026, 7, 14),
        extended_ends_on=date(2029, 7, 17),
    ),
    Lifecycle(product="msexchange", cycle="subscription", ended=False),
    Lifecycle(
        product="msexchange", cycle="2019", support_ends_on=date(2025, 10, 14), extended_ends_on=date(2026, 11, 1)
    ),
    Lifecycle(product="python", cycle="3.8", support_ends_on=date(2024, 10, 7)),
    Lifecycle(product="python", cycle="3.14", support_ends_on=date(2030, 10, 31)),
    Lifecycle(product="nodejs", cycle="22", support_ends_on=date(2027, 4, 30)),
    Lifecycle(product="virtualbox", cycle="7.2", ended=False),
    Lifecycle(product="virtualbox", cycle="6.0", ended=True),
    Lifecycle(product="chrome", cycle="150", released_on=date(2026, 9, 1), support_ends_on=date(2026, 10, 1)),
    Lifecycle(product="chrome", cycle="151", released_on=date(2026, 10, 1), support_ends_on=date(2026, 11, 1)),
    Lifecycle(product="firefox", cycle="153", released_on=date(2026, 7, 21), ended=False, lts=True),
    Lifecycle(product="firefox", cycle="154", released_on=date(2026, 8, 18), ended=False),
    Lifecycle(product="sharepoint", cycle="2019", support_ends_on=date(2026, 7, 14)),
)
ONLY_FRAMEWORK = DotNet(framework_release=533320, framework_version="4.8.09037")


def _ask(host, as_of=TODAY, **options):
    return asked(RULE, host, known(lifecycles=DATES, as_of=as_of), as_of=as_of, **options)


def _runtimes(*versions):
    return DotNet(runtimes=tuple(DotNetRuntime(name="Microsoft.NETCore.App", version=version) for version in versions))


def _click_to_run(*products, version="16.0.19725.20172", channel=SEMI_ANNUAL):
    return (OfficeInstall(kind="click-to-run", version=version, products=products, channel=channel),)


def test_W10_each_major_version_of_dotnet_is_judged_alone():
    found = _ask(windows_host(dotnet=_runtimes("8.0.17", "9.0.6", "10.0.1", "3.1.32")))
    assert outcomes(found) == dict.fromkeys(("dotnet:3.1", "dotnet:8", "dotnet:9"), Outcome.FAIL)
    assert {line.message.text for line in found} == {f"rules.{RULE}.ended"}
    assert all(line.state is PatchState.NONE for line in found)  # the machine itself is still supported
    assert spoken(found[1]) == ".NET 8: out of support since 10 Nov 2026."


@pytest.mark.parametrize(("day", "text"), [(10, "ending"), (11, "ended")])
def test_W10_dotnet_8_is_supported_on_its_last_day_and_not_on_the_next(day, text):
    found = only(_ask(windows_host(dotnet=_runtimes("8.0.17")), datetime(2026, 11, day, 12, tzinfo=UTC)))
    assert (found.outcome, found.message.text) == (Outcome.FAIL, f"rules.{RULE}.{text}")
    assert (found.due_on, found.priority.level) == (date(2026, 11, 10), PriorityLevel.PLAN)


@pytest.mark.parametrize(("days", "outcome"), [(180, Outcome.FAIL), (181, Outcome.PASS)])
def test_the_forecast_begins_180_days_before_the_end(days, outcome):
    as_of = datetime(2028, 11, 14, 12, tzinfo=UTC) - timedelta(days=days)
    assert only(_ask(windows_host(dotnet=_runtimes("10.0.1")), as_of)).outcome is outcome


def test_the_horizon_is_the_contracts():
    contract = Contract(client="ACME", end_of_support_horizon_days=30)
    host = windows_host(applications=(program("Node.js", "22.1.0", "Node.js Foundation"),))
    assert only(_ask(host, contract=contract)).outcome is Outcome.PASS
    assert only(_ask(host)).message.text.endswith("ending")


@pytest.mark.parametrize(
    ("products", "expected"),
    [
        (("ProPlus2019Volume",), {"office:2019": Outcome.FAIL}),
        (("HomeBusiness2021Retail",), {"office:2021": Outcome.FAIL}),
        (("ProPlus2024Volume",), {"": Outcome.PASS}),
        (("Standard2024Retail",), {"": Outcome.PASS}),
        (("ProPlusRetail",), {"office:2016": Outcome.FAIL}),
        (("VisioPro2019Volume", "ProPlus2024Volume"), {"visio:2019": Outcome.FAIL}),
        (("O365BusinessRetail", "ProPlus2019Volume"), {"office:2019": Outcome.FAIL}),
        (("O365ProPlusRetail", "VisioProRetail"), {"": Outcome.PASS}),
        (("ProjectProRetail",), {"project": Outcome.UNKNOWN}),
    ],
)
def test_W15_click_to_run_offices_by_their_product_ids(products, expected):
    found = _ask(windows_host(office=_click_to_run(*products), dotnet=ONLY_FRAMEWORK))
    assert outcomes(found) == expected


@pytest.mark.parametrize(
    ("version", "outcome"), [("16.0.5556.1005", Outcome.FAIL), ("99.0.1", Outcome.UNKNOWN), ("", Outcome.UNKNOWN)]
)
def test_W24_an_office_of_the_windows_installer_by_its_major_version(version, outcome):
    office = (OfficeInstall(kind="msi", version=version, products=("Microsoft Office Standard 2016",)),)
    found = only(_ask(windows_host(office=office, dotnet=ONLY_FRAMEWORK)))
    assert found.outcome is outcome
    if outcome is Outcome.FAIL:
        assert found.key == "office:2016"


@pytest.mark.parametrize(("day", "outcome"), [(22, Outcome.PASS), (23, Outcome.FAIL)])
def test_microsoft_365_apps_are_judged_by_the_branch_of_their_channel_and_never_by_product(day, outcome):
    host = windows_host(office=_click_to_run("O365BusinessRetail", version="16.0.19127.20302"), dotnet=ONLY_FRAMEWORK)
    found = only(_ask(host, datetime(2026, 11, day, 12, tzinfo=UTC)))
    assert found.outcome is outcome
    if outcome is Outcome.FAIL:
        assert found.key == "microsoft-365-apps"
        assert found.remedy.text.endswith("remedy_update")
        assert found.evidence[-1].source == "Feed office-channels"


@pytest.mark.parametrize(
    ("version", "channel", "text"),
    [
        ("16.0.12527.22286", SEMI_ANNUAL, "ended_undated"),  # older than every branch its channel still has
        ("16.0.19999.20000", SEMI_ANNUAL, "unknown_release"),  # newer than the calendar
        ("16.0.19725.20172", "", "unknown_release"),
        ("16.0", SEMI_ANNUAL, "unknown_release"),
    ],
)
def test_a_branch_the_calendar_does_not_have_is_retired_or_unknown(version, channel, text):
    office = _click_to_run("O365BusinessRetail", version=version, channel=channel)
    assert only(_ask(windows_host(office=office, dotnet=ONLY_FRAMEWORK))).message.text == f"rules.{RULE}.{text}"


@pytest.mark.parametrize(
    ("channel", "branch", "outcome"),
    [
        (CURRENT, "20500", Outcome.PASS),
        (CURRENT, "20400", Outcome.PASS),  # the next one is still on its way to the machines
        (CURRENT, "20300", Outcome.FAIL),
        (MONTHLY, "20300", Outcome.PASS),  # three branches are served at once
        (MONTHLY, "20200", Outcome.PASS),
        (MONTHLY, "20100", Outcome.FAIL),
    ],
)
def test_W22_a_branch_without_a_date_is_retired_when_its_channel_has_moved_on(channel, branch, outcome):
    dates = tuple(
        Lifecycle(product=f"office-channel:{channel}", cycle=cycle)
        for cycle in ("20100", "20200", "20300", "20400", "20500")
    )
    office = _click_to_run("O365BusinessRetail", version=f"16.0.{branch}.20172", channel=channel)
    host = windows_host(office=office, dotnet=ONLY_FRAMEWORK)
    found = only(asked(RULE, host, known(lifecycles=(*DATES, *dates), as_of=TODAY), as_of=TODAY))
    assert found.outcome is outcome


@pytest.mark.parametrize(
    ("version", "pack", "key", "outcome"),
    [
        ("15.0.4430.1", None, "", Outcome.PASS),
        ("13.0.5108.50", None, "sql-server:13.0-sp2", Outcome.FAIL),
        ("13.0.6500.1", 3, "sql-server:13.0-sp3", Outcome.UNKNOWN),  # paid support until 2029, bought or not
        ("13.0.7095.1", 3, "sql-server:13.0-sp3-acp", Outcome.UNKNOWN),
        ("99.0.1000.1", None, "sql-server", Outcome.UNKNOWN),
    ],
)
def test_W15_sql_server_by_version_and_service_pack(version, pack, key, outcome):
    instance = SqlInstance(name="MSSQLSERVER", version=version, edition="Standard Edition", service_pack=pack)
    found = only(_ask(server_host(sql_instances=(instance,))))
    assert (found.key, found.outcome) == (key, outcome)


def test_two_instances_of_one_release_are_one_finding_that_names_both():
    instances = tuple(SqlInstance(name=name, version="13.0.5108.50") for name in ("MSSQLSERVER", "SAGE"))
    found = only(_ask(server_host(sql_instances=instances)))
    assert "SAGE" in found.evidence[0].seen
    assert found.priority.level is PriorityLevel.NOW  # it serves other machines


@pytest.mark.parametrize(
    ("version", "as_of", "expected"),
    [
        ("15.2.2562.46", TODAY, ("", Outcome.PASS)),
        ("15.2.1748.39", datetime(2026, 11, 1, tzinfo=UTC), ("exchange:2019", Outcome.UNKNOWN)),
        ("15.2.1748.39", datetime(2026, 11, 2, tzinfo=UTC), ("exchange:2019", Outcome.FAIL)),
        ("6.5.7654.4", TODAY, ("exchange", Outcome.UNKNOWN)),
    ],
)
def test_W25_exchange_2019_and_subscription_edition_by_the_files_version(version, as_of, expected):
    found = only(_ask(server_host(exchange_version=version), as_of))
    assert (found.key, found.outcome) == expected


@pytest.mark.parametrize(
    ("release", "key", "outcome"),
    [
        (533320, "", Outcome.PASS),
        (394271, "dotnet-framework:4.6.1", Outcome.FAIL),
        (378675, "dotnet-framework:4.5.1", Outcome.FAIL),
        (12, "dotnet-framework", Outcome.UNKNOWN),
    ],
)
def test_dotnet_framework_by_its_release_value(release, key, outcome):
    found = only(_ask(windows_host(dotnet=DotNet(framework_release=release, framework_35=True))))
    assert (found.key, found.outcome) == (key, outcome)


def test_third_party_programs_are_judged_where_the_calendar_lists_them_and_the_pass_says_how_many():
    host = windows_host(
        dotnet=ONLY_FRAMEWORK,
        applications=(
            program("Python 3.14.3 (64-bit)", "3.14.3150.0", "Python Software Foundation"),
            program("Oracle VirtualBox 7.2.6", "7.2.6", "Oracle and/or its affiliates"),
            program("Sage 100 Comptabilité", "12.00", "Sage"),
            program("Mise à jour de Sage", "1.0", "Sage", noise=True),
        ),
    )
    found = only(_ask(host))
    assert found.outcome is Outcome.PASS
    assert found.message.params == {"count": 3, "installed": 3}
    assert "3 logiciels présents au calendrier" in spoken(found, "fr")


@pytest.mark.parametrize(
    ("name", "version", "publisher", "key", "text"),
    [
        ("Python 3.8.10 (64-bit)", "3.8.10150.0", "Python Software Foundation", "python:3.8", "ended"),
        ("Python 3.99.0 (64-bit)", "3.99.0", "Python Software Foundation", "python", "unknown_release"),
        ("Oracle VM VirtualBox 6.0.2", "6.0.2", "Oracle Corporation", "virtualbox:6.0", "ended_undated"),
        ("Microsoft SharePoint Server 2019", "16.0.10417.20000", "Microsoft", "sharepoint:2019", "ended"),
        ("Node.js", "", "Node.js Foundation", "nodejs", "unknown_release"),
    ],
)
def test_a_program_that_ended_or_that_nobody_knows(name, version, publisher, key, text):
    found = only(_ask(windows_host(dotnet=ONLY_FRAMEWORK, applications=(program(name, version, publisher),))))
    assert (found.key, found.message.text) == (key, f"rules.{RULE}.{text}")


def test_W26_copies_for_one_user_count_and_two_releases_stay_two():
    copies = (
        program("Python 3.8.10 (64-bit)", "3.8.10150.0", "Python Software Foundation", scope="user", user="S-1-5-21-1"),
        program("Python 3.14.3 (64-bit)", "3.14.3150.0", "Python Software Foundation"),
    )
    found = only(_ask(windows_host(dotnet=ONLY_FRAMEWORK, applications=copies)))
    assert (found.key, found.outcome) == ("python:3.8", Outcome.FAIL)


def test_a_product_the_calendar_does_not_list_is_not_judged_at_all():
    host = windows_host(dotnet=DotNet(), applications=(program("PostgreSQL 14", "14.5-1", "PostgreSQL"),))
    found = only(_ask(host))
    assert (found.outcome, found.message.text) == (Outcome.NOT_APPLICABLE, f"rules.{RULE}.none")


@pytest.mark.parametrize(
    ("name", "version", "as_of", "outcome"),
    [
        ("Google Chrome", "150.0.7000.10", TODAY, Outcome.FAIL),
        ("Google Chrome", "151.0.7100.10", datetime(2026, 10, 20, tzinfo=UTC), Outcome.PASS),  # no forecast
        ("Google Chrome", "151.0.7100.10", TODAY, Outcome.UNKNOWN),  # the newest known: its end is an estimate
        ("Google Chrome", "152.0.7200.10", TODAY, Outcome.UNKNOWN),
        ("Mozilla Firefox ESR (x64 fr)", "153.1.0", TODAY, Outcome.PASS),
        ("Mozilla Firefox (x64 fr)", "153.0.1", TODAY, Outcome.FAIL),  # the quick release of the same number
        ("Mozilla Firefox (x64 fr)", "154.0", TODAY, Outcome.PASS),
    ],
)
def test_quick_releases_are_not_forecast_and_the_newest_known_is_never_called_ended(name, version, as_of, outcome):
    found = only(_ask(windows_host(dotnet=ONLY_FRAMEWORK, applications=(program(name, version),)), as_of))
    assert found.outcome is outcome
    assert found.message.text.endswith("unknown_estimate") == (version == "151.0.7100.10" and as_of == TODAY)


@pytest.mark.parametrize(
    "kind",
    [
        FactKind.APPLICATIONS,
        FactKind.USER_APPLICATIONS,
        FactKind.OFFICE,
        FactKind.DOTNET,
        FactKind.SQL_SERVER,
        FactKind.EXCHANGE,
    ],
)
def test_what_could_not_be_read_makes_a_pass_unknown_and_keeps_a_fail(kind):
    assert only(_ask(server_host(gaps=hidden(kind)))).outcome is Outcome.UNKNOWN
    ended = server_host(
        gaps=hidden(kind), applications=(program("Python 3.8.10", "3.8.10", "Python Software Foundation"),)
    )
    assert outcomes(_ask(ended)) == {"python:3.8": Outcome.FAIL, "": Outcome.UNKNOWN}


def test_G6_a_stale_or_absent_calendar_makes_supported_unknown_and_keeps_ended():
    stale = tuple(state for state in WINDOWS_FEEDS if state.name != "endoflife")
    about = known(lifecycles=DATES, feeds=stale)
    assert only(asked(RULE, windows_host(), about)).outcome is Outcome.UNKNOWN
    host = windows_host(dotnet=_runtimes("8.0.17"))
    assert outcomes(asked(RULE, host, about)) == {"dotnet:8": Outcome.FAIL, "": Outcome.UNKNOWN}


def test_G6_without_a_calendar_no_release_is_said_to_be_absent_from_it():
    about = known(lifecycles=(), feeds=tuple(state for state in WINDOWS_FEEDS if state.name != "endoflife"))
    found = only(asked(RULE, windows_host(dotnet=_runtimes("8.0.17", "9.0.6")), about))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.unknown.no_feed_endoflife")
    system = only(asked("system.end_of_support", windows_host(), about))
    assert (system.outcome, system.message.text) == (Outcome.UNKNOWN, "rules.unknown.no_feed_endoflife")


def test_a_linux_machine_is_none_of_this_rules_business():
    assert only(_ask(debian_host(packages={"bash": "5"}))).outcome is Outcome.NOT_APPLICABLE
