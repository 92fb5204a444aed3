"""Recognition on the demonstration's machines, scored against labels made by hand: every program, system and database.

`demo_labels.csv` says of each display name what it is (columns as in `product_labels.csv`); what no row tells, the
system and the instances of SQL Server, is labelled here by machine. A program of the demonstration without a label
fails: whoever adds one says what it is. What is called paid and is not would be a false alarm: none is let through.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from auditor.demo.company import prepare
from auditor.history.store import Store
from auditor.pipeline import conduct
from auditor.progress import Silent
from collectors.feeds.cache import FeedStore
from collectors.model import Application, HostSnapshot
from rules.products import LicenseKind, plain_text
from rules.software.recognition import recognized
from tests.quality.scoreboard import Score, record_score

PAID, NONE, UNCLEAR, FOLDED, LISTED = "paid", "none", "unclear", "folded", "listed"
LABELS = Path(__file__).with_name("demo_labels.csv")


class Said(NamedTuple):
    """What one program is: product, edition, version and need; a listed one goes by its name."""

    product: str
    edition: str
    version: str
    need: str


def _server(version: str) -> Said:
    return Said("windows-server", "Standard", version, PAID)


PRO_10, PRO_11 = Said("windows", "Pro", "10", PAID), Said("windows", "Pro", "11", PAID)
# By hand, from what each machine is described to be.
SYSTEMS = {
    "borne-menu": {Said("windows", "IoT Enterprise LTSC", "10", PAID)},
    "pc-accueil": {PRO_11},
    "pc-compta-01": {PRO_11},
    "pc-compta-02": {PRO_11},
    "pc-direction": {PRO_11},
    "pc-fournil": {PRO_10},
    "pc-labo": {PRO_11},
    "pc-stock": {PRO_11},
    "pc-vaise": {PRO_10},
    "pc-vente": {PRO_11},
    "srv-ad": {_server("2022")},
    "srv-archives": {_server("2016")},
    "srv-gestion": {
        _server("2019"),
        Said("sql-server", "Standard", "2019", PAID),
        Said("sql-server", "Express", "2019", NONE),
    },
    "srv-hyperv": {_server("2025")},
    "srv-rds": {_server("2025")},
}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, HostSnapshot]:
    """The demonstration's Windows machines as its recordings tell them."""
    demonstration = prepare(tmp_path_factory.mktemp("demo"), "fr")
    with Store(demonstration.history) as store:
        feeds = FeedStore(demonstration.feeds_folder)
        run = conduct(demonstration.plan, store=store, feeds=feeds, progress=Silent())
        seen = [store.snapshot(run.run, machine.target.name) for machine in run.assessment.machines]
    return {one.target.name: one for one in seen if one is not None and one.windows is not None}


def _labels() -> dict[tuple[str, str], Said]:
    with LABELS.open(encoding="utf-8", newline="") as file:
        return {
            (row["name"], row["publisher"]): Said(row["product"], row["edition"], row["version"], row["need"])
            for row in csv.DictReader(file, delimiter=";")
        }


def _truth(name: str, snapshot: HostSnapshot) -> set[Said]:
    labels = _labels()
    told = {(row, labels[row.name, row.publisher]) for row in snapshot.applications}
    rows = {_listed(row.name) if said.need == LISTED else said for row, said in told if said.need != FOLDED}
    return rows | SYSTEMS[name]


def _listed(name: str) -> Said:
    return Said(plain_text(name), "", "", LISTED)


def _said(snapshot: HostSnapshot) -> Iterator[Said]:
    found = recognized(snapshot)
    for install in found.installs:
        need = PAID if install.license.is_paid else UNCLEAR if install.license is LicenseKind.UNCLEAR else NONE
        yield Said(install.product.id, install.edition, install.version, need)
    yield from (_listed(program.name) for program in found.unrecognized)


def _row(application: Application) -> tuple[str, str]:
    return application.name, application.publisher


def test_every_program_of_the_demonstration_has_a_label(machines: Mapping[str, HostSnapshot]) -> None:
    rows = {_row(one) for snapshot in machines.values() for one in snapshot.applications}
    assert rows <= set(_labels()), "label what the demonstration gained"
    assert set(machines) == set(SYSTEMS)


def test_the_demonstration_is_recognized_and_no_free_program_is_called_paid(
    machines: Mapping[str, HostSnapshot], request: pytest.FixtureRequest
) -> None:
    truth = Counter((name, one) for name, snapshot in machines.items() for one in _truth(name, snapshot))
    said = Counter((name, one) for name, snapshot in machines.items() for one in _said(snapshot))
    assert max(said.values()) == 1, "one product of one machine is told twice"
    for feed, needs in (("needs a paid license", {PAID}), ("product, edition, need", {PAID, NONE, UNCLEAR, LISTED})):
        told = {one for one in said if one[1].need in needs}
        expected = {one for one in truth if one[1].need in needs}
        record_score(
            request,
            Score(
                host="demonstration",
                feed=feed,
                flagged=len(told),
                offered=sum(len(snapshot.applications) for snapshot in machines.values()),
                false_missing=len(told - expected),
                found=len(told & expected),
                expected=len(expected),
                remark=f"{len(machines)} Windows machines",
            ),
        )
        assert told - expected == set()
        assert expected - told == set()
