"""Office installed: languages, two products on one machine, editions, downgrade, OEM (cases 43 to 47)."""

from dataclasses import replace

from collectors.model import Application
from collectors.windows.facts import OfficeInstall
from rules.products import products
from rules.rights import Channel, Metric, VersionRule
from rules.software.devices import device_of
from rules.software.position import Status
from rules.software.suites import suites
from rules.software.tenant_rights import CloudRight
from tests.lab.holdings import (
    apps,
    device,
    install,
    line,
    machines,
    noted,
    office,
    person,
    position,
    right,
    tenant,
    unreached,
)
from tests.lab.windows_snapshots import windows_host

PRO_PLUS, STANDARD = "office/professional-plus/2019", "office/standard/2019"


def test_case_43_three_languages_are_one_install():
    office365 = OfficeInstall(
        kind="click-to-run", version="16.0.19628.20214", products=("O365BusinessRetail",), languages=("fr-fr", "en-us")
    )
    rows = tuple(
        Application(
            name=f"Microsoft 365 Apps for business - {language}",
            version="16.0.19628.20214",
            scope="machine",
            publisher="Microsoft Corporation",
        )
        for language in ("fr-fr", "en-us", "de-de")
    )
    seen = device_of(replace(windows_host("pc01", office=(office365,)), applications=rows))
    told = line(position([seen], [], tenants=[tenant()]), "microsoft-365-apps/business")
    assert (told.installed, told.devices) == (1, ("pc01",))


def test_case_44_a_volume_office_beside_the_subscription_needs_its_own_right():
    pc = device("pc01", apps(), office("Professional Plus", "2019", channel=Channel.VOLUME))
    holder = tenant(person("ann", CloudRight.OFFICE), managed={"pc01": "ann@example.com"})
    summary = position([pc], [], tenants=[holder])
    subscription = line(summary, "microsoft-365-apps/business")
    volume = line(summary, PRO_PLUS)
    assert (subscription.status, subscription.not_subject, subscription.gap) == (Status.OK, 1, 0)
    assert (volume.status, volume.required, volume.owned, volume.gap) == (Status.UNDER, 1, 0, -1)


def test_case_45_no_edition_downgrade():
    bought = right("Microsoft Office", 20, edition="Standard", version="2019", channel=Channel.VOLUME)
    summary = position(machines(12, office("Professional Plus", "2019")), [bought])
    pro, standard = line(summary, PRO_PLUS), line(summary, STANDARD)
    assert (pro.status, pro.gap) == (Status.UNDER, -12)
    assert (standard.status, standard.gap, standard.installed) == (Status.EXCESS, 20, 0)


def test_case_45_the_edition_may_stand_in_the_name_in_french():
    bought = right("Microsoft Office Professionnel Plus 2019", 12)
    told = line(position(machines(12, office("Professional Plus", "2019")), [bought]), PRO_PLUS)
    assert (told.status, told.owned, told.gap) == (Status.OK, 12, 0)


def test_case_46_volume_rights_cover_older_versions():
    bought = right("office", 10, edition="Professional Plus", version="2021", channel=Channel.VOLUME)
    summary = position(machines(7, office("Professional Plus", "2016")), [bought])
    old, new = line(summary, "office/professional-plus/2016"), line(summary, "office/professional-plus/2021")
    assert (old.status, old.required, old.transferred, old.gap) == (Status.OK, 7, 7, 0)
    assert (new.owned, new.transferred, new.required, new.gap) == (10, -7, 0, 3)
    assert "received" in noted(old)
    assert "lent" in noted(new)


def test_case_46_retail_rights_do_not():
    bought = right("office", 10, edition="Professional Plus", version="2021", channel=Channel.RETAIL)
    summary = position(machines(7, office("Professional Plus", "2016")), [bought])
    assert line(summary, "office/professional-plus/2016").gap == -7
    assert line(summary, "office/professional-plus/2021").gap == 10


def test_case_46_no_right_covers_a_newer_version():
    bought = right("office", 10, edition="Professional Plus", version="2016", channel=Channel.VOLUME)
    told = line(position(machines(7, office("Professional Plus", "2021")), [bought]), "office/professional-plus/2021")
    assert (told.status, told.gap) == (Status.UNDER, -7)


def test_case_47_an_oem_license_found_on_another_machine_is_a_question():
    bought = right("office", 1, edition="Home and Business", version="2019", channel=Channel.OEM, bound_to=("pc-a",))
    copy = office("Home and Business", "2019")
    moved = line(position([device("pc-b", copy), device("pc-a")], [bought]), "office/home-and-business/2019")
    kept = line(position([device("pc-a", copy)], [bought]), "office/home-and-business/2019")
    assert moved.status is Status.CHECK
    assert "bound_elsewhere" in noted(moved)
    assert (kept.status, kept.owned_oem, kept.gap) == (Status.OK, 1, 0)


def test_case_47_beyond_what_a_bound_license_may_explain_it_is_a_deficit():
    bought = right("office", 1, edition="Home and Business", version="2019", channel=Channel.OEM, bound_to=("pc-a",))
    told = line(position(machines(3, office("Home and Business", "2019")), [bought]), "office/home-and-business/2019")
    assert (told.status, told.gap) == (Status.UNDER, -2)


def test_case_47_a_machine_is_meant_by_its_serial_number_too():
    bought = right(
        "office", 1, edition="Home and Business", version="2019", channel=Channel.OEM, bound_to=("5CD1234XYZ",)
    )
    pc = device("pc-b", office("Home and Business", "2019"))
    known = tenant(serials={"pc-b": "5cd1234xyz"})
    assert line(position([pc], [bought], tenants=[known]), "office/home-and-business/2019").status is Status.OK


def test_two_purchases_of_one_product_add_up():
    rights = [right("office", 5, id="A", version="2019"), right("office", 7, id="B", version="2019", proof="F-17")]
    told = line(position(machines(12, office()), rights), PRO_PLUS)
    assert (told.owned, told.status, told.entitlements, told.proofs) == (12, Status.OK, ("A", "B"), ("F-17",))


def test_one_machine_with_two_versions_counts_once():
    bought = right("office", 1, version="2021", version_rule=VersionRule.ANY)
    told = line(
        position([device("pc", office(version="2016"), office(version="2021"))], [bought]),
        "office/professional-plus/2021",
    )
    assert (told.status, told.installed, told.gap) == (Status.OK, 1, 0)
    assert "older_beside" in noted(told)


def test_a_second_machine_of_one_person_is_covered_where_the_right_says_so():
    bought = right("office", 1, version="2019", second_device=True)
    pair = machines(2, office())
    owners = {"pc01": "ann@example.com", "pc02": "ann@example.com"}
    told = line(position(pair, [bought], primary_users=owners), PRO_PLUS)
    plain = line(position(pair, [right("office", 1, version="2019")], primary_users=owners), PRO_PLUS)
    assert (told.status, told.transferred, told.gap) == (Status.OK, 1, 0)
    assert (plain.status, plain.gap) == (Status.UNDER, -1)


def test_a_site_license_has_no_number_and_no_gap():
    told = line(position(machines(40, office()), [right("office", None, Metric.SITE)]), PRO_PLUS)
    assert (told.status, told.unlimited, told.owned, told.gap) == (Status.OK, True, None, None)


def test_without_a_file_of_rights_nothing_is_a_deficit():
    summary = position([*machines(3, office()), unreached("pc99")])
    told = line(summary, PRO_PLUS)
    assert (told.status, told.owned, told.required, told.gap) == (Status.UNKNOWN, None, 3, None)
    assert not summary.declared
    assert "no_file" in noted(told)


CREATIVE = "adobe-creative-cloud-all"


def test_a_suite_covers_its_products_for_as_many_people_as_were_bought():
    pcs = machines(3, install("adobe-photoshop", version="2025"), install("adobe-illustrator", version="2025"))
    owners = {f"pc0{number}": f"user{number}@example.com" for number in (1, 2, 3)}
    bought = right("Adobe Creative Cloud All Apps", 3, Metric.NAMED_USER, channel=Channel.SUBSCRIPTION)
    summary = position(pcs, [bought], primary_users=owners)
    photoshop, suite = line(summary, "adobe-photoshop/2025"), line(summary, CREATIVE)
    assert (photoshop.status, photoshop.required, photoshop.transferred) == (Status.OK, 3, 3)
    assert (suite.status, suite.owned, suite.required, suite.gap) == (Status.OK, 3, 3, 0)
    assert not summary.idle


def test_a_suite_is_given_person_by_person():
    pcs = [
        *machines(2, install("adobe-photoshop"), install("adobe-illustrator"), prefix="a"),
        *machines(2, install("adobe-photoshop"), prefix="b"),
    ]
    owners = {name: f"{name}@example.com" for name in ("a01", "a02", "b01", "b02")}
    bought = right("Adobe Creative Cloud All Apps", 3, Metric.NAMED_USER)
    summary = position(pcs, [bought], primary_users=owners)
    assert (line(summary, "adobe-photoshop").gap, line(summary, "adobe-illustrator").gap) == (-1, 0)
    assert line(summary, CREATIVE).gap == 0


def test_an_office_on_one_machine_does_not_cover_word_on_another():
    pcs = [device("pc01", office()), device("pc02", install("word", version="2019"))]
    summary = position(pcs, [right("office", 1, version="2019")], rights_complete=True)
    assert (line(summary, PRO_PLUS).status, line(summary, "word/2019").status) == (Status.OK, Status.UNDER)


def test_every_product_of_a_suite_is_one_of_the_table():
    known = {product.id for product in products()}
    assert all({suite, *covered} <= known for suite, covered in suites().items())


def test_a_person_with_two_versions_on_two_machines_counts_once():
    pcs = [device(f"pc{year}", install("adobe-photoshop", version=year)) for year in ("2024", "2025")]
    owners = {"pc2024": "ann@example.com", "pc2025": "ann@example.com"}
    summary = position(pcs, [right("Photoshop", 1, Metric.NAMED_USER)], primary_users=owners)
    newer, older = line(summary, "adobe-photoshop/2025"), line(summary, "adobe-photoshop/2024")
    assert (newer.required, newer.status, older.required) == (1, Status.OK, 0)
    assert "people_counted_newer" in noted(older)
