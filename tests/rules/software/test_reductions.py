"""A surplus paid by the year falls only as rights end: each on its own day, at its own price, in whole packs."""

from datetime import timedelta
from decimal import Decimal

import pytest

from collectors.feeds.records import FeedRecords
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.model import Outcome
from rules.prices import MONTHS, Price
from rules.rights import Channel, Metric, SoftwareTerms
from rules.software.engine import judge_software
from rules.software.position import Reduction, Status
from tests.lab.holdings import (
    NOW,
    TODAY,
    device,
    install,
    line,
    machines,
    noted,
    office,
    position,
    right,
    server,
    virtual_server,
    windows,
    windows_server,
)

SOON, LATER = TODAY + timedelta(days=5), TODAY + timedelta(days=300)


def seats(count, end, price, **changes):
    return right("winrar", count, id=f"{count}@{price}", end=end, unit_price=Decimal(price), yearly=True, **changes)


def surplus(*rights, used=2, **terms):
    return line(position(machines(used, install("winrar")), rights, **terms), "winrar")


def found(*rights, used=2):
    contract = Contract(client="Contoso", software=SoftwareTerms(), entitlements=rights)
    pcs = machines(used, install("winrar"))
    judgement = judge_software(pcs, [], contract, Knowledge.from_records(FeedRecords()), NOW)
    return next(one for one in judgement.findings if one.rule == "software.surplus" and one.key == "winrar")


def test_only_what_ends_next_is_given_back_then_and_at_its_own_price():
    told = surplus(seats(1, SOON, 30), seats(3, LATER, 40))
    assert (told.status, told.gap, told.saving) == (Status.EXCESS, 2, Decimal(70))
    assert told.reductions == (
        Reduction(units=1, on=SOON, amount=Decimal(30)),
        Reduction(units=1, on=LATER, amount=Decimal(40)),
    )
    assert told.unit_price == Decimal("30.00")


def test_the_finding_asks_for_what_ends_next_and_names_the_rest():
    told = found(seats(1, SOON, 30), seats(3, LATER, 40))
    assert (told.outcome, told.due_on) == (Outcome.FAIL, SOON)
    assert told.message.text == "rules.software.surplus.fail_part"
    assert (told.message.params["count"], told.message.params["surplus"]) == (1, 2)
    assert (told.money.seats, round(told.money.yearly, 9), told.money.anniversary_on) == (1, Decimal(30), SOON)


def test_a_surplus_that_ends_on_one_day_is_given_back_at_once():
    told = found(seats(4, SOON, 30))
    assert (told.message.text, told.message.params["count"]) == ("rules.software.surplus.fail", 2)
    assert (told.money.seats, told.due_on) == (2, SOON)


def test_rights_whose_end_nobody_told_come_last():
    told = surplus(seats(1, None, 20), seats(2, LATER, 40), used=1)
    assert [(part.units, part.on) for part in told.reductions] == [(2, LATER)]


def test_rights_bought_for_good_are_no_part_of_what_can_be_given_back():
    bought = right("winrar", 3, id="for good", unit_price=Decimal(32))
    told = surplus(bought, seats(1, SOON, 30))
    assert (told.gap, told.saving, told.yearly) == (2, Decimal(30), True)
    assert [part.units for part in told.reductions] == [1]


def test_no_part_of_a_pack_is_given_back():
    told = surplus(seats(1, SOON, 100, units_per_pack=5))
    assert (told.status, told.gap, told.reductions, told.saving) == (Status.EXCESS, 3, (), Decimal(0))
    finding = found(seats(1, SOON, 100, units_per_pack=5))
    assert (finding.outcome, finding.message.text) == (Outcome.NOT_APPLICABLE, "rules.software.surplus.packed")


@pytest.mark.parametrize("count", [2, 7])
def test_whole_packs_are_given_back(count):
    told = surplus(seats(count, SOON, 100, units_per_pack=5))
    assert [part.units for part in told.reductions] == [(5 * count - 2) // 5 * 5]


def test_a_subscription_without_a_price_can_be_given_back_and_saves_nobody_knows_what():
    told = surplus(right("winrar", 3, channel=Channel.SUBSCRIPTION, end=SOON))
    assert (told.reductions, told.saving) == ((Reduction(units=1, on=SOON, amount=None),), None)
    finding = found(right("winrar", 3, channel=Channel.SUBSCRIPTION, end=SOON))
    assert (finding.outcome, finding.money.priced) == (Outcome.FAIL, False)


def test_the_price_list_prices_what_the_file_does_not():
    listed = Price(product="winrar", monthly=Decimal(2), valid_from=TODAY)
    told = surplus(right("winrar", 3, end=LATER), prices=[listed])
    assert told.reductions == (Reduction(units=1, on=LATER, amount=Decimal(24)),)


@pytest.mark.parametrize("channel", [Channel.RETAIL, Channel.VOLUME, Channel.OEM])
def test_what_was_bought_for_good_saves_nothing_a_year_whatever_the_price_list_says(channel):
    listed = Price(product="winrar", monthly=Decimal(2), valid_from=TODAY)
    told = surplus(right("winrar", 3, channel=channel), prices=[listed])
    assert (told.status, told.gap, told.reductions) == (Status.EXCESS, 1, ())
    assert (told.saving, told.yearly, told.unit_price) == (None, False, None)
    if channel is Channel.VOLUME:  # an agreement that ends is paid again
        ends = surplus(right("winrar", 3, channel=channel, end=LATER), prices=[listed])
        assert ends.reductions == (Reduction(units=1, on=LATER, amount=Decimal(24)),)


@pytest.mark.parametrize("price", [40, 80, 290, Decimal(6230), Decimal("32.55")])
def test_twelve_months_are_the_amount_of_the_year_to_the_cent(price):
    yearly = found(seats(3, SOON, price)).money.yearly
    assert yearly.quantize(Decimal("0.000001")) == Decimal(price).quantize(Decimal("0.000001"))
    assert MONTHS == 12


# ------------------------------------------------------------------------------------------------ tied to a machine


def test_case_47_what_was_sold_with_a_machine_is_neither_given_back_nor_used_elsewhere():
    pcs = [device("pc1", windows(), windows("Enterprise"))]
    sold = right("Windows 11 Pro", 3, channel=Channel.OEM, unit_price=Decimal(120))
    told = line(position(pcs, [sold]), "windows/pro")
    assert (told.status, told.tied) == (Status.EXCESS, told.gap)
    assert told.reductions == ()


def test_what_was_bought_by_volume_is_tied_to_nothing():
    told = line(position(machines(1, office()), [right("office", 3, version="2019", channel=Channel.VOLUME)]), KEY)
    assert (told.status, told.tied) == (Status.EXCESS, 0)


KEY = "office/professional-plus/2019"


# ----------------------------------------------------------------------------------------------- hosts and servers


def test_nothing_is_said_of_the_processors_of_a_host_that_is_only_declared():
    guests = [virtual_server(f"v{number}", windows_server(), host="esx1") for number in range(3)]
    told = line(position(guests, [], host_cores={"esx1": 16}), "windows-server/standard/2022")
    assert "cores_guests_declared" in noted(told)
    assert "cores_guests" not in noted(told)


def test_a_server_that_was_read_without_its_processors_is_not_one_nobody_audited():
    told = line(position([device("s1", windows_server(), server=True)], []), "windows-server/standard/2022")
    assert "host_cores_unread" in noted(told)
    assert "host_not_seen" not in noted(told)


def test_a_host_nobody_audited_is_to_be_audited_or_declared():
    told = line(position([virtual_server("v1", windows_server(), host="esx")], []), "windows-server/standard/2022")
    assert "host_not_seen" in noted(told)
    assert "host_cores_unread" not in noted(told)


def test_an_edition_licensed_by_server_is_not_said_to_count_cores():
    essentials = [server("e", windows_server("Essentials", "2019"))]
    by_core = [server("s", windows_server())]
    bought = right("Windows Server Essentials 2019", 1, Metric.SERVER)
    assert "server_as_cores" not in noted(line(position(essentials, [bought]), "windows-server/essentials/2019"))
    standard = right("Windows Server 2022 Standard", 1, Metric.SERVER)
    assert "server_as_cores" in noted(line(position(by_core, [standard]), "windows-server/standard/2022"))


# ------------------------------------------------------------------------------------------------ an earlier audit


def test_case_64_a_machine_seen_at_an_audit_before_is_counted_and_told():
    summary = position([device("a", install("winrar")), device("b", install("winrar"), days_ago=30)], [])
    told = line(summary, "winrar")
    assert (summary.seen, summary.earlier, summary.old) == (2, 1, 0)
    assert (told.installed, told.seen, told.earlier, told.old) == (2, 2, 1, 0)


def test_a_second_release_is_written_as_its_publisher_writes_it():
    bought = right("Windows Server Standard 2012 R2", 1, Metric.SERVER)
    assert line(position(machines(1), [bought]), "windows-server/standard/2012-r2").version == "2012 R2"
