"""What the file of rights leaves open is a question with its reason: neither a deficit, nor a surplus, nor in order."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rules.contract import Contract
from rules.knowledge import FeedRecords, Knowledge
from rules.model import Outcome
from rules.products import product_named
from rules.rights import Channel, Entitlement, Metric, VersionRule
from rules.software.devices import Device
from rules.software.engine import judge_software
from rules.software.matching import read_right
from rules.software.position import SoftwareSummary, Status
from rules.software.recognition import Install
from rules.software.tenant_rights import CloudRight
from tests.lab.holdings import (
    NOW,
    TODAY,
    device,
    install,
    key,
    line,
    machines,
    noted,
    office,
    person,
    position,
    profile,
    right,
    server,
    sql,
    tenant,
    virtual_server,
    windows,
)

VOLUME, RETAIL, OEM = Channel.VOLUME, Channel.RETAIL, Channel.OEM


def failed(devices: list[Device], rights: list[Entitlement]) -> dict[str, str]:
    """Rules that find something to do, by the line they find it in."""
    contract = Contract(client="ACME", entitlements=tuple(rights))
    found = judge_software(devices, [], contract, Knowledge.from_records(FeedRecords()), NOW)
    return {one.key: one.rule for one in found.findings if one.outcome is Outcome.FAIL}


def statuses(summary: SoftwareSummary) -> dict[str, Status]:
    return {one.key: one.status for one in summary.lines}


class TestWindowsSoldWithMachines:
    def virtual(self) -> Device:
        return device("vm", windows(), virtual=True, activations=(key("Volume:GVLK"),))

    def test_it_covers_no_virtual_machine_whoever_it_came_with(self) -> None:
        for bound in ((), ("old-pc",)):
            told = line(
                position([self.virtual()], [right("Windows 11 Pro", 1, channel=OEM, bound_to=bound)]), "windows/pro"
            )
            assert told.status is Status.CHECK
            assert "windows_virtual" in noted(told)

    def test_beside_a_virtual_machine_it_covers_the_physical_ones(self) -> None:
        shop = device("pc", windows(), activations=(key("Retail"),))
        bought = [right("Windows 11 Pro", 2, channel=OEM)]
        assert line(position([shop], bought), "windows/pro").status is not Status.CHECK
        assert line(position([shop, self.virtual()], bought), "windows/pro").status is Status.CHECK

    def test_a_right_sold_otherwise_may_be_for_the_virtual_machine(self) -> None:
        bought = right("Windows 11 Enterprise", 1, channel=VOLUME)
        virtual = device("vm", windows("Enterprise"), virtual=True, activations=(key("Volume:GVLK"),))
        assert line(position([virtual], [bought]), "windows/enterprise").status is Status.OK


class TestJavaForAllEmployees:
    @pytest.mark.parametrize(
        "name",
        [
            "Oracle Java SE Universal Subscription",
            "Java SE Universal Subscription",
            "Abonnement Oracle Java SE",
            "Oracle Java SE Desktop Subscription",
        ],
    )
    @pytest.mark.parametrize("quantity", [1, 3, 50])
    def test_it_is_never_compared_with_the_users_of_java(self, name: str, quantity: int) -> None:
        pcs = machines(3, install("oracle-java"))
        bought = right(name, quantity, Metric.USER, yearly=True, unit_price=Decimal(144))
        told = line(position(pcs, [bought]), "oracle-java")
        assert (told.status, told.required, told.gap) == (Status.CHECK, None, None)
        assert (told.cost, told.saving, told.at_least) == (None, None, False)
        assert "by_employee" in noted(told)
        assert failed(pcs, [bought]) == {"oracle-java": "software.to_check"}

    @pytest.mark.parametrize("quantity", [1, 20])
    def test_no_version_of_java_is_in_order_because_the_contract_has_units_left(self, quantity: int) -> None:
        pcs = [
            *machines(3, install("oracle-java", version="8")),
            *machines(2, install("oracle-java", version="11"), prefix="other"),
        ]
        found = position(pcs, [right("Java SE Universal Subscription", quantity, Metric.USER, id="J")])
        assert {one.key for one in found.lines} == {"oracle-java/8", "oracle-java/11"}
        for told in found.lines:
            assert (told.status, told.required, told.gap, told.transferred) == (Status.CHECK, None, None, 0)
            assert told.entitlements == ("J",)
            assert "by_employee" in noted(told)

    def test_nor_given_up_where_no_java_is_seen(self) -> None:
        bought = right("Oracle Java SE Universal Subscription", 10, Metric.USER, yearly=True, unit_price=Decimal(144))
        told = line(position([device("pc")], [bought]), "oracle-java")
        assert (told.status, told.saving) == (Status.CHECK, None)

    def test_a_site_has_no_number_to_compare(self) -> None:
        told = position([device("pc", install("oracle-java"))], [right("Oracle Java SE", None, Metric.SITE)])
        assert line(told, "oracle-java").status is Status.OK


class TestAntivirusForAllMachines:
    def estate(self) -> list[Device]:
        return [*machines(2, install("eset-endpoint")), server("srv", install("eset-server"))]

    def test_one_plan_covers_workstations_and_servers(self) -> None:
        found = position(self.estate(), [right("ESET PROTECT Entry", 3, yearly=True, unit_price=Decimal(30))])
        assert set(statuses(found).values()) == {Status.OK}

    def test_a_seat_too_few_is_one_deficit_and_a_seat_too_many_one_surplus(self) -> None:
        few = statuses(position(self.estate(), [right("ESET PROTECT Advanced", 2), right("ESET Server Security", 0)]))
        assert [few[name] for name in ("eset-protect", "eset-endpoint")] == [Status.OK, Status.OK]
        assert few["eset-server"] is Status.UNDER
        many = position(self.estate(), [right("ESET PROTECT Complete", 4)])
        assert (line(many, "eset-protect").status, line(many, "eset-protect").gap) == (Status.EXCESS, 1)

    def test_a_machine_the_plan_has_no_unit_left_for_is_short_of_that_right_and_not_without_any(self) -> None:
        plan = right("ESET PROTECT Entry", 2, id="E")
        told = line(position(self.estate(), [plan]), "eset-server")
        assert (told.status, told.gap, told.entitlements) == (Status.UNDER, -1, ("E",))
        assert "used_up" in noted(told)
        assert failed(self.estate(), [plan]) == {"eset-server": "software.under_licensed"}

    def test_a_plan_that_is_over_is_a_right_that_is_known(self) -> None:
        over = right("ESET PROTECT Entry", 3, end=TODAY - timedelta(days=1))
        found = position(self.estate(), [over])
        assert [line(found, name).gap for name in ("eset-endpoint", "eset-server")] == [-2, -1]
        assert set(failed(self.estate(), [over]).values()) >= {"software.under_licensed"}
        assert "software.no_entitlement" not in failed(self.estate(), [over]).values()

    def test_a_suite_nobody_has_parts_of_says_nothing_about_a_part(self) -> None:
        pcs = [*machines(2, office("Standard", "2019")), device("other", install("word", version="2019"))]
        told = line(position(pcs, [right("Office Standard 2019", 2, channel=VOLUME)]), "word/2019")
        assert (told.status, "unlisted" in noted(told)) == (Status.CHECK, True)

    @pytest.mark.parametrize(
        ("invoice", "product"),
        [
            ("ESET PROTECT Entry 5 postes 1 an", "eset-protect"),
            ("Licence ESET PROTECT Essential", "eset-protect"),
            ("ESET Endpoint Antivirus", "eset-endpoint"),
            ("Bitdefender GravityZone Business Security Premium", "bitdefender-business"),
            ("GravityZone Small Business Security", "bitdefender-business"),
            ("Kaspersky Next EDR Foundations", "kaspersky-business"),
            ("Kaspersky Endpoint Security Cloud Plus", "kaspersky-business"),
            ("Kaspersky Total Security for Business", "kaspersky-business"),
            ("Kaspersky Total Security", "kaspersky-home"),
            ("WithSecure Elements EPP for Computers", "withsecure"),
            ("WithSecure Elements EPP for Servers", "withsecure"),
            ("Sophos Intercept X Advanced with XDR", "sophos"),
            ("Sophos Intercept X Advanced for Server", "sophos"),
            ("Trend Micro Worry-Free Services", "trend-wfbs"),
            ("Avast Premium Business Security", "avast-business"),
        ],
    )
    def test_it_is_known_by_the_name_on_the_invoice(self, invoice: str, product: str) -> None:
        found = product_named(invoice)
        assert found is not None
        assert found.id == product

    def test_words_of_the_sale_alone_name_nothing(self) -> None:
        assert [product_named(text) for text in ("Licence", "Abonnement annuel", "Licence métier ACME")] == [None] * 3


class TestRightThatMayBeForWhatIsInstalled:
    def test_an_acrobat_that_does_not_tell_its_edition_keeps_its_right_in_one_question(self) -> None:
        estate = [
            device("pc1", install("adobe-acrobat", "Pro"), profiles=(profile("ann"),)),
            device("pc2", install("adobe-acrobat", "Pro"), profiles=(profile("bob"),)),
            device("pc3", install("adobe-acrobat", "", "2020"), profiles=(profile("cyd"),)),
        ]
        standard = right("Acrobat 2020 Standard", 1, channel=RETAIL, unit_price=Decimal(350))
        found = position(estate, [right("Adobe Acrobat Pro", 2, Metric.NAMED_USER), standard])
        told = line(found, "adobe-acrobat/2020")
        assert told.status is Status.CHECK
        assert standard.id in told.entitlements
        assert "may_be_for" in noted(told)
        assert Status.EXCESS not in statuses(found).values()

    def test_a_box_of_visio_may_be_the_visio_that_does_not_tell_its_year(self) -> None:
        box = right("Visio Professionnel 2016", 1, channel=RETAIL, unit_price=Decimal(500))
        shop = device("pc", install("visio", "Professional"), profiles=(profile("ann"),))
        for tenants in ((), (tenant(person("ann"), managed={"pc": "ann@example.com"}),)):
            found = position([shop], [box], tenants=tenants)
            assert statuses(found) == {"visio/professional": Status.CHECK}
            assert box.id in line(found, "visio/professional").entitlements

    def test_it_is_left_over_where_the_subscription_of_who_works_there_covers_the_copy(self) -> None:
        shop = device("pc", install("visio", "Professional"), profiles=(profile("ann"),))
        box = right("Visio Professionnel 2016", 1, channel=RETAIL)
        found = statuses(position([shop], [box], tenants=[tenant(person("ann", CloudRight.VISIO))]))
        assert found == {"visio/professional": Status.OK, "visio/professional/2016": Status.EXCESS}

    def test_case_45_another_edition_is_no_question(self) -> None:
        found = statuses(position([device("pc", office("Professional Plus"))], [right("Office Standard 2019", 1)]))
        assert found == {"office/professional-plus/2019": Status.UNDER, "office/standard/2019": Status.EXCESS}

    def test_case_46_an_older_version_is_a_question_where_nobody_says_how_the_right_was_bought(self) -> None:
        old = device("pc", office("Standard", "2016"))
        expected = {None: Status.CHECK, VOLUME: Status.OK, RETAIL: Status.UNDER, OEM: Status.UNDER}
        for channel, status in expected.items():
            bought = right("Office Standard 2019", 1, channel=channel or Channel.UNKNOWN)
            told = line(position([old], [bought]), "office/standard/2016")
            assert told.status is status, channel
            assert ("downgrade_unsure" in noted(told)) is (status is Status.CHECK)


class TestMaintenanceThatEnded:
    @pytest.mark.parametrize(
        ("ended", "status"),
        [
            (date(2019, 12, 31), Status.UNDER),
            (date(2020, 12, 31), Status.CHECK),  # a version may come out the year before the one it is named after
            (date(2021, 1, 31), Status.CHECK),
            (date(2021, 12, 31), Status.CHECK),
            (date(2022, 1, 1), Status.OK),
            (TODAY + timedelta(days=1), Status.OK),
        ],
    )
    def test_case_61_in_the_year_a_version_came_out_only_a_person_can_tell(self, ended: date, status: Status) -> None:
        bought = right("Office Professionnel Plus 2019", 1, channel=VOLUME, maintenance_end=ended)
        told = line(position([device("pc", office(version="2021"))], [bought]), "office/professional-plus/2021")
        assert told.status is status
        assert ("maintenance_unsure" in noted(told)) is (status is Status.CHECK)

    @pytest.mark.parametrize(
        ("ended", "status"),
        [(date(2023, 12, 31), Status.UNDER), (date(2024, 6, 30), Status.CHECK), (date(2025, 1, 1), Status.OK)],
    )
    def test_case_61_some_versions_are_named_a_year_ahead(self, ended: date, status: Status) -> None:
        bought = right("AutoCAD LT 2022", 1, Metric.NAMED_USER, maintenance_end=ended)
        drawing = device("pc", install("autocad-lt", "", "2025"), profiles=(profile("ann"),))
        assert line(position([drawing], [bought]), "autocad-lt/2025").status is status

    def test_a_version_that_is_no_year_tells_nothing(self) -> None:
        bought = right("FileMaker Pro 17", 1, maintenance_end=date(2020, 1, 1))
        newer, same = (device("pc", install("filemaker-pro", "", version)) for version in ("19", "17"))
        assert line(position([newer], [bought]), "filemaker-pro/19").status is Status.CHECK
        assert line(position([same], [bought]), "filemaker-pro/17").status is Status.OK

    def test_a_right_that_surely_covers_serves_before_one_that_may(self) -> None:
        sure = right("Office Professionnel Plus", 1, id="z", version_rule=VersionRule.ANY)
        unsure = right("Office Professionnel Plus 2019", 1, id="a", channel=VOLUME, maintenance_end=date(2021, 6, 1))
        told = line(position([device("pc", office(version="2021"))], [unsure, sure]), "office/professional-plus/2021")
        assert told.status is Status.OK

    def test_a_deficit_says_which_right_does_not_reach_it_and_what_one_cost(self) -> None:
        estate = [device("pc", install("solidworks", "", "2025"), profiles=(profile("ann"),))]
        bought = [
            right(
                "SolidWorks",
                2,
                Metric.NAMED_USER,
                version="2020",
                maintenance_end=date(2022, 12, 31),
                unit_price=Decimal(6000),
            )
        ]
        told = line(position(estate, bought), "solidworks/2025")
        assert (told.status, told.gap, told.cost) == (Status.UNDER, -1, 6000)
        assert "version_beyond" in noted(told)
        assert failed(estate, bought)["solidworks/2025"] == "software.under_licensed"


class TestFreeForSmallCompanies:
    @pytest.mark.parametrize(
        ("copy", "name"),
        [
            (install("visual-studio", "Community", "2022"), "visual-studio/community/2022"),
            (install("docker-desktop"), "docker-desktop"),
        ],
    )
    def test_it_is_one_question_and_not_software_to_be_paid_for(self, copy: Install, name: str) -> None:
        estate = [device("pc", copy, profiles=(profile("ann"),))]
        told = line(position(estate, []), name)
        assert told.status is Status.CHECK
        assert "small_company" in noted(told)
        assert not {"business", "free_edition", "unlisted"} & noted(told)
        assert failed(estate, []) == {name: "software.to_check"}

    def test_it_is_settled_by_a_right_or_by_what_was_decided(self) -> None:
        estate = [device("pc", install("docker-desktop"), profiles=(profile("ann"),))]
        bought = [right("Docker Desktop Business", 1, Metric.NAMED_USER)]
        assert line(position(estate, bought), "docker-desktop").status is Status.OK
        decided = position(estate, [], private_use_allowed={"Docker Desktop": "12 people, 2 M$"})
        assert line(decided, "docker-desktop").status is Status.FREE


class TestSqlServer:
    def test_rights_by_server_and_by_core_are_a_question_that_names_the_right(self) -> None:
        by_server = right("SQL Server Standard 2022", 1, Metric.SERVER, id="by-server")
        by_core = right("SQL Server Standard 2022", 2, Metric.CORE, units_per_pack=2)
        told = line(position([virtual_server("sql", sql(), cores=8)], [by_server, by_core]), "sql-server/standard/2022")
        assert (told.status, told.owned) == (Status.CHECK, 4)
        assert by_server.id in told.entitlements
        assert [words.params["right"] for words in told.notes if words.text.endswith("other_metric")] == ["by-server"]

    def test_an_evaluation_is_a_question_with_its_own_reason(self) -> None:
        told = line(position([server("sql", sql("Evaluation"))], []), "sql-server/evaluation/2022")
        assert (told.status, told.required, told.not_subject) == (Status.CHECK, 0, 1)
        assert "sql_evaluation" in noted(told)


class TestOfficeFromTheShop:
    @pytest.mark.parametrize(
        "changes",
        [
            {"product": "Office PME 2021"},
            {"product": "Office Famille et PME 2021"},
            {"product": "Office Famille et Petite Entreprise 2021"},
            {"product": "Office Famille & PME 2021 (boîte)"},
            {"product": "Microsoft Office Petite Entreprise 2021"},
            {"product": "Office H&B 2021"},
            {"product": "Licence Office Home & Business 2021"},
            {"product": "Office", "edition": "PME", "version": "2021"},
            {"product": "Office", "edition": "Famille et PME", "version": "2021"},
        ],
    )
    def test_for_small_companies_is_home_and_business(self, changes: dict[str, Any]) -> None:
        bought = right(changes.pop("product"), 1, channel=RETAIL, **changes)
        estate = [device("pc", office("Home and Business", "2021", channel=RETAIL))]
        assert statuses(position(estate, [bought])) == {"office/home-and-business/2021": Status.OK}

    def test_up_to_2007_it_was_small_business(self) -> None:
        for changes in ({"product": "Office PME 2007"}, {"product": "Office", "edition": "PME", "version": "2007"}):
            assert read_right(right(changes.pop("product"), 1, **changes)).edition == "small business"

    def test_a_volume_right_without_an_edition_is_for_editions_sold_by_volume(self) -> None:
        shop, firm = office("Home and Business", "2021", channel=RETAIL), office("Standard", "2021", channel=VOLUME)
        estate = [device("pc1", shop), device("pc2", firm)]
        by_volume = right("Office 2021", 1, channel=VOLUME)
        found = position(estate, [by_volume])
        assert line(found, "office/standard/2021").status is Status.OK
        assert line(found, "office/home-and-business/2021").status is not Status.OK
        boxed = statuses(position(estate, [by_volume, right("Office PME 2021", 1, channel=RETAIL)]))
        assert boxed == {"office/standard/2021": Status.OK, "office/home-and-business/2021": Status.OK}


@pytest.mark.parametrize(("year", "edition"), [("2007", "Small Business"), ("2021", "Home and Business")])
@pytest.mark.parametrize("name", ["Office Small Business", "Office PME"])
def test_the_version_column_tells_which_edition_a_name_means(name: str, year: str, edition: str) -> None:
    found = position(machines(1, office(edition, year)), [right(name, 1, version=year)])
    assert [(one.edition, one.status) for one in found.lines] == [(edition, Status.OK)]
