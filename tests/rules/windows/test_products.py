"""Products beside Windows itself: .NET Framework (W9), .NET (W10), Office (W22-W24), SQL Server and Exchange (W25)."""

from dataclasses import replace
from datetime import date

import pytest

from collectors.feeds.records import Lifecycle
from collectors.model import Application
from collectors.windows.facts import DotNet, DotNetRuntime, OfficeInstall
from rules.matching import Matcher, needed
from rules.model import PatchState
from rules.verdicts import ProductLine
from rules.windows.doubts import WindowsDoubt
from tests.lab.windows_snapshots import (
    CURRENT,
    MONTHLY_ENTERPRISE,
    SEMI_ANNUAL,
    answer,
    cbs,
    click_to_run,
    dotnet_rollup,
    history,
    offered,
    qfe,
    sql_instance,
    windows_host,
)
from tests.rules.windows.msrc_rows import CLIENT, JULY, JUNE, MAY, flaw, known, lcu, office_build, row

V481 = DotNet(framework_release=533325, framework_version="4.8.09221")


LONG_INSTALLED = flaw("CVE-2025-0001", lcu("26100.3476", "KB5053598"), on=date(2025, 3, 11))


def match(host, *made, **more):
    return Matcher(known(LONG_INSTALLED, *made, **more)).match(host)


def one(host, *made, **more):
    [found] = match(host, *made, **more)
    return found


# --- .NET Framework -------------------------------------------------------------------------------------------------

FRAMEWORK = "dotnet-framework:4.8.1/x64"
JUNE_ROLLUP = flaw("CVE-2026-0201", row(CLIENT, FRAMEWORK, "4.8.9334.0", "KB5087054"), on=JUNE)
MAY_ROLLUP = flaw("CVE-2026-0200", row(CLIENT, FRAMEWORK, "4.8.9330.0", "KB5082420"), on=MAY)


def test_W9_framework_is_asked_about_by_the_version_of_its_release_value() -> None:
    assert needed(windows_host(dotnet=V481))[CLIENT] == {"windows/x64", FRAMEWORK}
    old = DotNet(framework_release=461814, framework_35=True)
    assert needed(windows_host(dotnet=old))[CLIENT] == {
        "windows/x64",
        "dotnet-framework:4.7.2/x64",
        "dotnet-framework:3.5/x64",
    }


@pytest.mark.parametrize(
    "updates",
    [
        [dotnet_rollup(9334)],
        [dotnet_rollup(9344)],
        [qfe("KB5087054")],
        [history("KB5087054")],
        [cbs(kb="KB5087054", package="Package_10_for_KB5087054~31bf3856ad364e35~amd64~~10.0.9334.1")],
    ],
)
def test_W9_a_trace_of_the_update_or_a_new_enough_rollup_is_patched(updates) -> None:
    assert match(windows_host(dotnet=V481, updates=updates), MAY_ROLLUP, JUNE_ROLLUP) == ()


def test_W9_a_later_update_of_the_same_line_holds_the_earlier_ones() -> None:
    found = one(windows_host(dotnet=V481, updates=[qfe("KB5082420")]), MAY_ROLLUP, JUNE_ROLLUP)
    assert found.cves == ("CVE-2026-0201",)


def test_W9_silence_is_a_doubt_and_never_missing() -> None:
    for updates in ([], [dotnet_rollup(9330)], [history("KB5087054", "failed")]):
        found = one(windows_host(dotnet=V481, updates=updates), JUNE_ROLLUP)
        assert (found.state, found.reason) == (PatchState.UNKNOWN, WindowsDoubt.DOTNET_FRAMEWORK)
        assert (found.package, found.installed_version[:5]) == (".NET Framework", "4.8.1")


def test_W9_what_windows_update_offers_is_missing_on_a_line_of_its_own() -> None:
    host = windows_host(build="26100.8457", dotnet=V481, search=[answer(offered("KB5087054"))])
    windows, framework = match(host, JUNE_ROLLUP, flaw("CVE-2026-0006", lcu("26100.8655", "KB5094126")))
    assert (windows.line, windows.remedy) == (ProductLine.WINDOWS, "KB5094126")
    assert (framework.line, framework.state, framework.remedy) == (
        ProductLine.DOTNET_FRAMEWORK,
        PatchState.MISSING,
        "KB5087054",
    )


def test_W4_W9_a_rollup_laid_ready_waits_for_the_restart() -> None:
    host = windows_host(dotnet=V481, updates=[dotnet_rollup(9334, state="install_pending")])
    assert one(host, JUNE_ROLLUP).state is PatchState.REBOOT_PENDING


def test_W9_a_rollup_of_an_earlier_version_proves_nothing_about_4_8_1() -> None:
    host = windows_host(dotnet=V481, updates=[dotnet_rollup(4801, suffix="")])
    assert one(host, JUNE_ROLLUP).state is PatchState.UNKNOWN


def test_W9_on_server_2016_the_update_of_windows_holds_it_and_its_build_decides() -> None:
    release = "windows:14393-server"
    rows = (
        flaw("CVE-2026-0300", lcu("14393.9234", "KB5094122", kind="server")),
        flaw("CVE-2026-0301", row(release, "dotnet-framework:4.7.2/x64", "", "KB5094122")),
    )
    dotnet = DotNet(framework_release=461814)
    assert match(windows_host(build="14393.9234", kind="server", dotnet=dotnet), *rows) == ()
    found = match(windows_host(build="14393.9140", kind="server", dotnet=dotnet), *rows)
    assert [(verdict.state, verdict.remedy) for verdict in found] == [(PatchState.MISSING, "KB5094122")] * 2


# --- .NET -----------------------------------------------------------------------------------------------------------

NET8 = flaw("CVE-2026-0400", row("dotnet:8.0", "dotnet", "8.0.17", "KB5061935"), on=JUNE)
NET9 = flaw("CVE-2026-0401", row("dotnet:9.0", "dotnet", "9.0.6", "KB5061936"), on=JUNE)
ASP8 = flaw("CVE-2026-0402", row("dotnet:8.0", "aspnetcore", "8.0.18", "KB5061999"), on=JULY)


def runtimes(*versions: str, name: str = "Microsoft.NETCore.App") -> DotNet:
    return DotNet(runtimes=tuple(DotNetRuntime(name=name, version=version) for version in versions))


def test_W10_each_major_version_is_judged_alone() -> None:
    found = match(windows_host(dotnet=runtimes("8.0.16", "9.0.6")), NET8, NET9)
    assert [(verdict.package, verdict.installed_version, verdict.fixed_version) for verdict in found] == [
        (".NET 8.0", "8.0.16", "8.0.17")
    ]


def test_W10_an_older_patch_beside_the_newest_does_not_run() -> None:
    assert match(windows_host(dotnet=runtimes("8.0.16", "8.0.17")), NET8) == ()


def test_W10_a_runtime_of_web_servers_has_rows_of_its_own() -> None:
    asp = windows_host(dotnet=runtimes("8.0.17", name="Microsoft.AspNetCore.App"))
    assert one(asp, NET8, ASP8).cves == ("CVE-2026-0402",)
    assert match(windows_host(dotnet=runtimes("8.0.17")), NET8, ASP8) == ()


def test_W10_a_version_no_feed_speaks_of_is_a_doubt() -> None:
    found = one(windows_host(dotnet=runtimes("3.1.32")), NET8)
    assert (found.state, found.reason) == (PatchState.UNKNOWN, WindowsDoubt.NOT_COVERED)


# --- Office Click-to-Run ----------------------------------------------------------------------------------------------

ENTERPRISE_MAY = (
    office_build("16.0.19822.20150", MONTHLY_ENTERPRISE, on=MAY),
    office_build("16.0.19725.20240", MONTHLY_ENTERPRISE, on=MAY),
    office_build("16.0.19628.20300", MONTHLY_ENTERPRISE, on=MAY),
)
ENTERPRISE_JUNE = (
    office_build("16.0.19822.20190", MONTHLY_ENTERPRISE, on=JUNE),
    office_build("16.0.19725.20280", MONTHLY_ENTERPRISE, on=date(2026, 6, 10)),
)
SERVED = tuple(
    Lifecycle(product=f"office-channel:{MONTHLY_ENTERPRISE}", cycle=branch, support_ends_on=ends)
    for branch, ends in (("19628", date(2026, 6, 8)), ("19725", date(2026, 7, 13)), ("19822", date(2026, 8, 10)))
)


def office(version: str, channel: str = MONTHLY_ENTERPRISE, **changes):
    return windows_host(office=(click_to_run(version, channel, **changes),))


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("16.0.19822.20190", ""),
        ("16.0.19725.20280", ""),  # of the branch before, at its newest build
        ("16.0.19725.20240", "16.0.19725.20280"),
        ("16.0.19628.20300", "16.0.19725.20280"),  # its branch is served no more: the oldest that is
        ("16.0.19530.20100", "16.0.19725.20280"),
        ("16.0.19999.20000", ""),  # ahead of everything published
    ],
)
def test_W22_a_build_is_compared_inside_the_branch_its_channel_serves(version, wanted) -> None:
    found = match(office(version), *ENTERPRISE_MAY, *ENTERPRISE_JUNE, lifecycles=SERVED)
    assert [verdict.fixed_version for verdict in found] == ([wanted] if wanted else [])


def test_W22_the_same_number_is_newest_in_one_channel_and_old_in_another() -> None:
    rows = (
        office_build("16.0.20228.20188", MONTHLY_ENTERPRISE, on=date(2026, 6, 9)),
        office_build("16.0.20228.20124", CURRENT, on=date(2026, 5, 12)),
        office_build("16.0.20326.20100", CURRENT, on=date(2026, 6, 9)),
    )
    assert match(office("16.0.20228.20188"), *rows) == ()
    found = one(office("16.0.20228.20188", CURRENT), *rows)
    assert (found.state, found.remedy, found.remedy_on) == (PatchState.MISSING, "16.0.20326.20100", JUNE)
    assert found.package == "Microsoft 365 Apps"


def test_W22_a_branch_that_is_still_served_owes_nothing_until_its_own_build_is_out() -> None:
    rows = (*ENTERPRISE_MAY, office_build("16.0.19822.20190", MONTHLY_ENTERPRISE, on=JUNE))
    assert match(office("16.0.19725.20240"), *rows, lifecycles=SERVED) == ()


def test_W22_an_older_live_version_of_the_semi_annual_channel_is_patched_by_its_own_build() -> None:
    rows = (
        office_build("16.0.19127.20500", SEMI_ANNUAL, on=JUNE),
        office_build("16.0.18526.20700", SEMI_ANNUAL, on=JUNE),
    )
    assert match(office("16.0.18526.20700", SEMI_ANNUAL), *rows) == ()
    assert one(office("16.0.18526.20600", SEMI_ANNUAL), *rows).fixed_version == "16.0.18526.20700"


@pytest.mark.parametrize(
    ("version", "channel", "reason"),
    [
        ("16.0.19725.20240", "", WindowsDoubt.CHANNEL),
        ("16.0.19725.20240", "00000000-aaaa-bbbb-cccc-dddddddddddd", WindowsDoubt.NOT_COVERED),
        ("", MONTHLY_ENTERPRISE, WindowsDoubt.VERSION),
        ("16.0.19700.20001", MONTHLY_ENTERPRISE, WindowsDoubt.OTHER_CHANNEL),
    ],
)
def test_W23_what_the_channel_does_not_tell_is_a_doubt(version, channel, reason) -> None:
    found = one(office(version, channel), *ENTERPRISE_MAY, *ENTERPRISE_JUNE, lifecycles=SERVED)
    assert (found.state, found.reason) == (PatchState.UNKNOWN, reason)


@pytest.mark.parametrize(
    ("products", "name"),
    [
        (("O365ProPlusRetail",), "Microsoft 365 Apps"),
        (("ProPlus2021Volume",), "Office LTSC 2021"),
        (("HomeBusiness2021Retail",), "Office 2021"),
        (("ProPlus2019Volume",), "Office 2019"),
        (("SomethingNew",), "Microsoft Office"),
    ],
)
def test_office_bears_the_name_its_owner_knows(products, name) -> None:
    assert one(office("16.0.19725.20240", products=products), *ENTERPRISE_JUNE).package == name


# --- Office of the Windows Installer ----------------------------------------------------------------------------------

MSI = OfficeInstall(kind="msi", version="16.0.4266.1001", platform="x86")
WORD = flaw("CVE-2026-0500", row("office-msi:2016", "word/x86", "16.0.5556.1000", "KB5002880"), on=JUNE)
CORE = flaw("CVE-2026-0501", row("office-msi:2016", "office/x86", "16.0.5556.1005", "KB5002878"), on=JUNE)
OLDER = flaw("CVE-2026-0502", row("office-msi:2016", "office/x86", "16.0.5550.1005", "KB5002866"), on=MAY)


def test_W24_an_msi_office_is_patched_by_the_updates_that_left_a_trace() -> None:
    listed = (
        Application(name="Update for Microsoft Office 2016 (KB5002880)", version="", scope="machine", noise=True),
    )
    host = windows_host(office=(MSI,), updates=[history("KB5002878")])
    assert match(replace(host, applications=listed), WORD, CORE) == ()


def test_W24_an_offer_makes_an_msi_office_miss_a_patch_and_silence_makes_a_doubt_about_the_newest_only() -> None:
    host = windows_host(office=(MSI,), search=[answer(offered("KB5002880"))])
    missing, doubt = match(host, WORD, CORE, OLDER)
    assert (missing.state, missing.cves, missing.package) == (
        PatchState.MISSING,
        ("CVE-2026-0500",),
        "Office 2016 (MSI)",
    )
    assert (doubt.state, doubt.reason, doubt.cves) == (PatchState.UNKNOWN, WindowsDoubt.OFFICE_MSI, ("CVE-2026-0501",))


# --- SQL Server -------------------------------------------------------------------------------------------------------

SQL_2016 = flaw(
    "CVE-2026-0600",
    row("sql-server:2016", "sql-server", "13.0.6500.1", "KB5102340", module="SP3 GDR"),
    row("sql-server:2016", "sql-server", "13.0.7095.1", "KB5102339", module="SP3 ACP"),
    on=JULY,
)
SQL_2019 = flaw(
    "CVE-2026-0601",
    row("sql-server:2019", "sql-server", "15.0.2165.1", "KB5084817", module="GDR"),
    row("sql-server:2019", "sql-server", "15.0.4465.1", "KB5084816", module="CU 32"),
)


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("13.0.6490.1", "KB5102340"),
        ("13.0.6500.1", ""),
        ("13.0.7085.1", "KB5102339"),
        ("13.0.7095.1", ""),
        ("13.0.5108.50", "KB5102340"),  # SP2 is served no more: the next service pack is
        ("15.0.4430.1", "KB5084816"),
        ("15.0.4465.1", ""),
        ("15.0.4470.1", ""),
        ("15.0.2160.4", "KB5084817"),
        ("15.0.2165.1", ""),
    ],
)
def test_W25_sql_server_is_compared_inside_its_branch(version, remedy) -> None:
    found = match(windows_host(sql_instances=(sql_instance(version),)), SQL_2016, SQL_2019)
    assert [verdict.remedy for verdict in found] == ([remedy] if remedy else [])


def test_W25_a_flaw_fixed_on_the_other_track_only_says_nothing_about_this_one() -> None:
    only = flaw("CVE-2026-0602", row("sql-server:2019", "sql-server", "15.0.4465.1", "KB5084816", module="CU 32"))
    assert match(windows_host(sql_instances=(sql_instance("15.0.2080.9"),)), only) == ()


def test_every_instance_has_a_line_of_its_own() -> None:
    host = windows_host(sql_instances=(sql_instance("15.0.4430.1"), sql_instance("15.0.4420.2", "COMPTA")))
    assert [verdict.label for verdict in match(host, SQL_2019)] == [
        "SQL Server 2019 (MSSQLSERVER)",
        "SQL Server 2019 (COMPTA)",
    ]


def test_a_sql_server_without_a_version_or_a_feed_is_a_doubt() -> None:
    host = windows_host(sql_instances=(sql_instance(""), sql_instance("14.0.3456.2", "OLD")))
    assert [verdict.reason for verdict in match(host, SQL_2019)] == [WindowsDoubt.VERSION, WindowsDoubt.NOT_COVERED]


def test_M2_a_row_without_a_build_is_decided_by_a_later_one_of_the_branch_or_told_as_a_doubt() -> None:
    unread = flaw("CVE-2026-0603", row("sql-server:2019", "sql-server", "", "KB5077469", module="CU 32"), on=MAY)
    assert match(windows_host(sql_instances=(sql_instance("15.0.4465.1"),)), unread, SQL_2019) == ()
    alone = one(windows_host(sql_instances=(sql_instance("15.0.4430.1"),)), unread)
    assert (alone.state, alone.reason) == (PatchState.UNKNOWN, WindowsDoubt.BUILD)


# --- Exchange ---------------------------------------------------------------------------------------------------------

EXCHANGE = flaw(
    "CVE-2026-0700",
    row("exchange:2019", "exchange", "15.02.1544.036", "KB5074993", module="CU14"),
    row("exchange:2019", "exchange", "15.02.1748.039", "KB5074992", module="CU15"),
)
EXCHANGE_SE = flaw("CVE-2026-0700", row("exchange:se", "exchange", "15.02.2562.029", "KB5074995", module="RTM"))


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("15.2.1748.39", ""),
        ("15.2.1748.10", "KB5074992"),
        ("15.2.1544.36", ""),
        ("15.2.1544.11", "KB5074993"),
        ("15.2.1258.12", "KB5074993"),  # CU13 gets nothing any more: the oldest update that does
        ("15.2.1600.5", "KB5074992"),  # not listed itself, and a later one has the flaw
        ("15.2.1800.5", ""),  # later than all that have the flaw
    ],
)
def test_W25_exchange_is_compared_inside_its_cumulative_update(version, remedy) -> None:
    found = match(windows_host(build="20348.5256", kind="server", exchange_version=version), EXCHANGE)
    assert [verdict.remedy for verdict in found] == ([remedy] if remedy else [])


def test_the_subscription_edition_has_rows_of_its_own() -> None:
    host = windows_host(build="20348.5256", kind="server", exchange_version="15.2.2562.17")
    assert "exchange:se" in needed(host)
    found = one(host, EXCHANGE_SE)
    assert (found.package, found.remedy) == ("Exchange Server SE", "KB5074995")
