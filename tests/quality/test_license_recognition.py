"""Recognition for licenses, scored against labels made by hand: which product a name is, and whether it needs a right.

Two sources: names of real machines nobody here wrote (the inventories), and `product_labels.csv`, the names installers
write for software French companies run, labelled one by one. A free program called paid is a false alarm: none is let
through. Columns of the labels: the program's name, its publisher, the product ("" where none is expected), edition,
version, and what it needs: "paid", "none", "unclear" (the name alone does not tell), "folded" (no software to license
by itself), "listed" (nobody knows: told to the provider).
"""

import csv
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from collectors.model import Application
from rules.products import LicenseKind
from rules.software.recognition import recognized
from tests.quality.oracles import data
from tests.quality.scoreboard import Score, record_score
from tests.quality.test_product_recognition import HOSTS, _recorded
from tests.rules.checks.windows_estate import program, windows_host

PAID, NONE, UNCLEAR, FOLDED, LISTED = "paid", "none", "unclear", "folded", "listed"
LABELS = Path(__file__).with_name("product_labels.csv")

# By hand, over every name of the inventories: what needs a paid license, what a person must look at; nothing else does.
PAID_NAMES = {
    "Microsoft 365 Apps for business - fr-fr",
    "Microsoft Office Famille et Petite Entreprise 2010",
    "PerformanceTest 11",
    "WinRAR 7.13 (64-bit)",
    "WinRAR 7.20 (64-bit)",
    "Splashtop Business",
    "ESET Security",
    "Docker Desktop",
    "CCleaner",
}
UNCLEAR_NAMES = {
    "Visual Studio Community 2019",
    "MobaXterm",
    "Cursor",
    "Chef Infra Client v16.7.61",
    "Xoreax IncrediBuild 9.4.4 (build 3042)",
}
MODULES = ("Azure", "PackageManagement", "Pester", "PowerShellGet", "PSReadLine", "PSWindowsUpdate")
JAVA = {  # DisplayVersion of the Java rows, which decides
    "Java 8 Update 202 (64-bit)": "8.0.2020.8",
    "Java 8 Update 211": "8.0.2110.12",
    "Java 8 Update 441 (64-bit)": "8.0.4410.7",
    "Java(TM) 6 Update 45": "6.0.450",
    "Java 7 Update 80": "7.0.800",
    "Java(TM) SE Development Kit 17.0.9 (64-bit)": "17.0.9.0",
    "Java(TM) SE Development Kit 11.0.21 (64-bit)": "11.0.21.0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What we say about one program."""

    product: str = ""
    edition: str = ""
    version: str = ""
    need: str = FOLDED


def _told(row: Application) -> Told:
    found = recognized(windows_host(applications=(row,)))
    for install in found.installs:
        if install.product.id != "windows":
            need = PAID if install.license.is_paid else UNCLEAR if install.license is LicenseKind.UNCLEAR else NONE
            return Told(product=install.product.id, edition=install.edition, version=install.version, need=need)
    return Told(need=LISTED) if found.unrecognized else Told()


def _board(request: pytest.FixtureRequest, source: str, truth: dict[str, str], said: dict[str, str]) -> list[str]:
    """Record precision and recall of "needs a paid license"; return the false alarms."""
    paid = [name for name, need in said.items() if need == PAID]
    false = [name for name in paid if truth[name] != PAID]
    expected = [name for name, need in truth.items() if need == PAID]
    record_score(
        request,
        Score(
            host=source,
            feed="needs a paid license",
            flagged=len(paid),
            offered=len(truth),
            false_missing=len(false),
            found=sum(said[name] == PAID for name in expected),
            expected=len(expected),
            remark=", ".join(f"{count} {need}" for need, count in sorted(Counter(said.values()).items())),
        ),
    )
    return false


def _labels() -> list[dict[str, str]]:
    with LABELS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_labels_are_a_few_hundred_distinct_names():
    rows = _labels()
    assert len({(row["name"], row["publisher"]) for row in rows}) == len(rows) >= 380
    assert {row["need"] for row in rows} == {PAID, NONE, UNCLEAR, FOLDED, LISTED}


def test_names_of_software_french_companies_run_are_recognized(request):
    rows = _labels()
    said = {row["name"]: _told(program(row["name"], JAVA.get(row["name"], ""), row["publisher"])) for row in rows}
    false = _board(
        request,
        "product_labels",
        {row["name"]: row["need"] for row in rows},
        {name: told.need for name, told in said.items()},
    )
    assert false == []
    wrong = [row["name"] for row in rows if not _is_right(row, said[row["name"]])]
    record_score(
        request,
        Score(
            host="product_labels",
            feed="product, edition, need",
            flagged=len(rows),
            offered=len(rows),
            false_missing=len(wrong),
            found=len(rows) - len(wrong),
            expected=len(rows),
            remark="; ".join(wrong[:5]),
        ),
    )
    assert len(wrong) <= len(rows) // 100, wrong


def _is_right(row: dict[str, str], told: Told) -> bool:
    same = (row["product"], row["edition"], row["need"]) == (told.product, told.edition, told.need)
    return same and row["version"] in ("", told.version)


def test_of_real_machines_no_free_program_is_called_paid(request):
    rows = list(dict.fromkeys((row.name, row.publisher) for row in _real()))
    assert len(rows) > 350
    said = {name: _told(program(name, "1.0", publisher)).need for name, publisher in rows}
    truth = {name: PAID if name in PAID_NAMES else UNCLEAR if name in UNCLEAR_NAMES else NONE for name, _ in rows}
    assert set(truth) >= PAID_NAMES | UNCLEAR_NAMES
    false = _board(request, "inventories", truth, said)
    assert false == []
    assert {name for name, need in said.items() if need == PAID} == PAID_NAMES
    assert {name for name, need in said.items() if need == UNCLEAR} == UNCLEAR_NAMES


@pytest.mark.parametrize("host", HOSTS)
def test_what_nobody_knows_stays_a_short_list(host, request):
    """On the recorded machines everything is known: the list is for what a provider has to look at."""
    rows = tuple(row for row in _recorded(host) if not row.name.startswith(MODULES))
    listed = [one.name for one in recognized(windows_host(applications=rows)).unrecognized]
    record_score(
        request,
        Score(
            host=f"windows_{host}",
            feed="unrecognized",
            flagged=len(listed),
            offered=len(rows),
            false_missing=0,
            remark=", ".join(listed),
        ),
    )
    assert listed == []


def _real() -> Iterator[Application]:
    """Every row of the inventories; modules of PowerShell, which one recorder lists too, are no installed programs."""
    with data("oracles/windows-inventories/uninstall-fr.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            yield program(row["display_name"], row["display_version"])
    for host in HOSTS:
        yield from (row for row in _recorded(host) if not row.name.startswith(MODULES))
    with tarfile.open(data("oracles/windows-inventories/inventory_format.tar.xz")) as archive:
        file = archive.extractfile("tests/data/12.xml")
        assert file is not None
        for element in ET.fromstring(file.read()).iter("SOFTWARES"):
            if name := element.findtext("NAME"):
                yield program(name, element.findtext("VERSION") or "", element.findtext("PUBLISHER") or "")
