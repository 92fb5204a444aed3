"""Contracts and data quality: ends, starts, private use, old data, idle rights, patterns, blind spots (61 to 70)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from collectors.model import FactKind
from rules.prices import Price
from rules.rights import Metric, VersionRule
from rules.software.position import Status
from tests.lab.holdings import (
    TODAY,
    device,
    install,
    line,
    machines,
    noted,
    office,
    position,
    profile,
    program,
    right,
    unreached,
)

OFFICE = "office/professional-plus/2019"
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def test_case_61_a_right_that_ended_yesterday_counts_nothing_and_one_that_ends_today_does():
    pcs = machines(3, office())
    gone = line(position(pcs, [right("office", 3, version="2019", end=YESTERDAY)]), OFFICE)
    last_day = line(position(pcs, [right("office", 3, version="2019", end=TODAY)]), OFFICE)
    assert (gone.status, gone.owned, gone.gap) == (Status.UNDER, 0, -3)
    assert "ended" in noted(gone)
    assert (last_day.status, last_day.owned, last_day.ends_on) == (Status.OK, 3, TODAY)


def test_case_61_the_end_of_maintenance_is_not_the_end_of_the_right():
    pcs = machines(3, office(version="2019"))
    bought = right("office", 3, version="2019", maintenance_end=YESTERDAY)
    told = line(position(pcs, [bought]), OFFICE)
    assert (told.status, told.owned) == (Status.OK, 3)
    assert "maintenance_ended" in noted(told)


def test_case_61_after_maintenance_newer_versions_are_not_covered():
    assured = right("office", 1, version="2019", version_rule=VersionRule.ANY, maintenance_end=date(2022, 6, 30))
    covered = position([device("pc", office(version="2021"))], [assured])
    newer = position([device("pc", office(version="2024"))], [assured])
    assert line(covered, "office/professional-plus/2021").status is Status.OK
    assert line(newer, "office/professional-plus/2024").status is Status.UNDER


def test_case_62_a_subscription_that_starts_later_is_mentioned_and_not_counted():
    summary = position(machines(2, office()), [right("office", 2, version="2019", start=TOMORROW)])
    assert line(summary, OFFICE).gap == -2
    assert [message.params["starts_on"] for message in summary.upcoming] == [TOMORROW.isoformat()]


@pytest.mark.parametrize("product", ["teamviewer", "oracle-java", "docker-desktop"])
def test_case_63_free_for_private_use_is_a_question_until_somebody_decides(product):
    pcs = machines(4, install(product))
    found = [one for one in position(pcs, []).lines if one.product == product]
    decided = [
        one for one in position(pcs, [], private_use_allowed={product: "support only"}).lines if one.product == product
    ]
    assert [one.status for one in found] == [Status.CHECK]
    assert [(one.status, one.not_subject) for one in decided] == [(Status.FREE, 4)]
    assert "private_use" in noted(decided[0])


def test_case_63_a_program_that_is_paid_for_after_a_trial_needs_a_right():
    told = line(position(machines(4, install("winrar")), []), "winrar")
    assert (told.status, told.gap) == (Status.UNDER, -4)


def test_case_63_a_product_the_file_never_names_is_a_question_until_the_file_is_said_to_be_complete():
    """A list somebody has only begun must not turn everything else into a deficit."""
    begun = [right("Sage 100", 1)]
    told = line(position(machines(4, install("winrar")), begun), "winrar")
    assert (told.status, told.gap) == (Status.CHECK, -4)
    assert "unlisted" in noted(told)
    complete = line(position(machines(4, install("winrar")), begun, rights_complete=True), "winrar")
    assert (complete.status, complete.gap) == (Status.UNDER, -4)


def test_case_63_with_some_rights_the_rest_is_a_deficit():
    told = line(position(machines(4, install("winrar")), [right("WinRAR", 3)]), "winrar")
    assert (told.status, told.gap) == (Status.UNDER, -1)


def test_case_64_old_data_count_and_are_told():
    summary = position([device("pc1", office(), days_ago=46), device("pc2", office(), days_ago=45)], [])
    told = line(summary, OFFICE)
    assert (told.installed, told.seen, told.old, summary.old) == (2, 2, 1, 1)
    assert "old" in noted(told)
    assert "machines_earlier" in noted(summary)


def test_case_64_retired_machines_count_nowhere():
    summary = position(
        [*machines(2, office()), device("pc99", office(), days_ago=90)], [], retired=("PC99.contoso.local",)
    )
    assert line(summary, OFFICE).installed == 2
    assert summary.known == 2


def test_case_66_a_right_that_meets_nothing_is_said_and_never_called_in_order():
    known = position(machines(2), [right("Adobe Acrobat*", 5), right("visio", 3, edition="Standard", version="2021")])
    pattern, visio = line(known, "program:adobe-acrobat*"), line(known, "visio/standard/2021")
    assert (pattern.status, pattern.installed) == (Status.CHECK, 0)
    assert "idle_pattern" in noted(pattern)
    assert (visio.status, visio.gap) == (Status.EXCESS, 3)
    assert "idle" in noted(visio)
    assert len(known.idle) == 2


def test_case_66_a_pattern_covers_programs_no_table_knows():
    pcs = machines(3, unrecognized=(program("Batigest Connect 12.04", "Codial"),))
    summary = position(pcs, [right("Batigest Connect*", 2)])
    told = line(summary, "program:batigest-connect*")
    assert (told.status, told.required, told.owned, told.gap) == (Status.UNDER, 3, 2, -1)
    assert not summary.idle
    assert not summary.unrecognized


def test_case_67_the_most_specific_pattern_is_used_first():
    pcs = machines(3, unrecognized=(program("Kompas Paie 9"),))
    summary = position(pcs, [right("Kompas*", 5, id="wide"), right("Kompas Paie*", 3, id="close")])
    told, wide = line(summary, "program:kompas-paie*"), line(summary, "program:kompas*")
    assert (told.status, told.owned, told.gap) == (Status.OK, 3, 0)
    assert (wide.status, wide.owned, summary.idle) == (Status.EXCESS, 5, ())
    assert "ambiguous" not in noted(told)


def test_case_67_what_the_closest_pattern_lacks_the_wider_one_covers():
    pcs = machines(5, unrecognized=(program("Kompas Paie 9"),))
    summary = position(pcs, [right("Kompas*", 5, id="wide"), right("Kompas Paie*", 3, id="close")])
    told = line(summary, "program:kompas-paie*")
    assert (told.status, told.owned, told.transferred) == (Status.OK, 3, 2)


def test_case_67_patterns_that_fit_equally_well_are_told():
    pcs = machines(3, unrecognized=(program("Kompas Paie"),))
    told = line(position(pcs, [right("Kompas*", 5), right("*s Paie", 3)]), "program:*s-paie")
    assert told.status is Status.CHECK
    assert "ambiguous" in noted(told)


def test_case_68_a_deficit_is_a_minimum_while_machines_are_unseen():
    summary = position(
        [*machines(22, office()), *(unreached(f"x{n}") for n in range(3))], [right("office", 20, version="2019")]
    )
    told = line(summary, OFFICE)
    assert (told.status, told.gap, told.at_least) == (Status.UNDER, -2, True)
    assert (told.seen, told.known, summary.seen, summary.known) == (22, 25, 22, 25)
    assert "partial" in noted(told)


def test_case_68_no_saving_is_announced_while_machines_are_unseen():
    bought = right("office", 30, version="2019", unit_price=Decimal(100))
    partial = line(position([*machines(22, office()), unreached("x")], [bought]), OFFICE)
    unproved = line(position([device("pc"), unreached("x")], [bought]), "office/2019")
    whole = line(position(machines(22, office()), [bought]), OFFICE)
    assert (partial.status, partial.saving) == (Status.OK, None)
    assert "surplus_at_most" in noted(partial)
    assert (unproved.status, unproved.saving) == (Status.UNKNOWN, None)
    assert (whole.status, whole.saving) == (Status.EXCESS, Decimal(800))


def test_case_68_a_machine_whose_programs_were_not_read_was_not_seen():
    blind = device("pc2", unread=frozenset({FactKind.APPLICATIONS}))
    told = line(position([device("pc1", office()), blind], []), OFFICE)
    assert (told.seen, told.known, told.at_least) == (1, 2, True)


@pytest.mark.parametrize("rights", [None, []])
def test_case_70_nothing_bought_and_nothing_installed(rights):
    summary = position([], rights)
    assert (summary.lines, summary.seen, summary.known) == ((), 0, 0)


def test_case_70_machines_without_paid_programs():
    assert position(machines(3, install("7-zip")), []).lines == ()


def test_prices_are_of_packs_and_whole_packs_are_bought():
    bought = right("autocad", 1, units_per_pack=5, unit_price=Decimal(1000), yearly=True)
    told = line(position(machines(7, install("autocad")), [bought]), "autocad")
    assert (told.gap, told.unit_price, told.cost, told.yearly) == (-2, Decimal("200.00"), Decimal(1000), True)


def test_the_price_list_tells_where_the_right_does_not_and_nothing_where_neither_does():
    pcs = machines(3, install("autocad"))
    listed = Price(product="autocad", monthly=Decimal(50), valid_from=date(2026, 1, 1))
    owners = {f"pc0{number}": f"user{number}@example.com" for number in (1, 2, 3)}
    priced = line(position(pcs, [], prices=[listed], primary_users=owners), "autocad")
    unpriced = line(position(pcs, []), "autocad")
    assert (priced.cost, priced.yearly) == (Decimal(1800), True)
    assert (unpriced.cost, unpriced.unit_price) == (None, None)


def test_named_users_are_people_not_machines():
    owners = {"pc01": "ann@example.com", "pc02": "Ann@example.com", "pc03": "bob@example.com"}
    told = line(
        position(machines(3, install("autocad")), [right("autocad", 2, Metric.NAMED_USER)], primary_users=owners),
        "autocad",
    )
    assert (told.status, told.required, told.installed) == (Status.OK, 2, 2)
    assert told.users == ("ann@example.com", "bob@example.com")


def test_a_machine_without_a_known_user_may_be_one_person_more():
    owners = {"pc01": "ann@example.com"}
    pcs = machines(2, install("autocad"))
    one, two = (
        line(position(pcs, [right("autocad", count, Metric.NAMED_USER)], primary_users=owners), "autocad")
        for count in (1, 2)
    )
    assert (one.status, two.status) == (Status.CHECK, Status.OK)
    assert "user_unknown" in noted(one)


def test_copies_for_one_person_each_count_people():
    copy = install("autocad", users=("ann", "bob"))
    pc = device("rds", copy, profiles=(profile("ann"), profile("bob"), profile("cyd")))
    told = line(position([pc], [right("autocad", 2, Metric.USER)]), "autocad")
    assert (told.required, told.users, told.status) == (2, ("ann", "bob"), Status.OK)


def test_concurrent_use_cannot_be_seen():
    pcs = machines(5, install("autocad"))
    few = line(position(pcs, [right("autocad", 3, Metric.CONCURRENT)]), "autocad")
    enough = line(position(pcs, [right("autocad", 5, Metric.CONCURRENT)]), "autocad")
    assert (few.status, enough.status) == (Status.CHECK, Status.OK)
    assert "concurrent" in noted(few)


def test_rights_by_machine_and_by_person_together_are_a_question():
    rights = [right("autocad", 3), right("autocad", 2, Metric.NAMED_USER, id="people")]
    told = line(position(machines(5, install("autocad")), rights), "autocad")
    assert told.status is Status.CHECK
    assert "mixed_metrics" in noted(told)
    assert told.entitlements == ("autocad x3", "people")
