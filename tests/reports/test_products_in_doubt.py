"""Products beside a Windows that nobody could judge: the machine is told by its system, and every figure says so."""

from dataclasses import replace

import pytest

from reports.sheet import Report
from reports.sheets.patches import STATE_STYLES, state_words
from reports.sheets.summary import brief, unseen
from reports.styles import Style
from reports.texts import Texts
from reports.tiles import tiles
from reports.view import MachineState, View
from tests.lab import assessments as lab


def doubtful(name, count=2):
    found = replace(lab.not_seen(name), key="undecided:dotnet-framework-not-told", beside=True)
    return replace(found, message=replace(found.message, params={"count": count}))


def report_on(*findings, language="en", names=("m",)):
    assessment = lab.assessment(tuple(lab.machine(name) for name in names), findings)
    return Report(assessment, Texts(language, strict=True))


def test_a_machine_is_told_by_its_system_with_the_undecided_products_beside_it():
    report = report_on(*lab.healthy("m"), doubtful("m"))
    machine = report.view.machines[0]
    assert (machine.state, machine.verdict, machine.undecided) == (MachineState.SYSTEM_ONLY, True, 2)
    assert state_words(report, machine) == "System up to date\n2 products not verified"
    assert STATE_STYLES[machine.state] is Style.INFO


def test_a_doubt_about_the_system_itself_leaves_no_verdict():
    machine = View(lab.assessment((lab.machine("m"),), (*lab.healthy("m"), lab.not_seen("m")))).machines[0]
    assert (machine.state, machine.undecided) == (MachineState.UNKNOWN, 0)


def test_a_missing_patch_stays_missing_and_the_products_are_told_all_the_same():
    report = report_on(lab.missing("m", "Windows 11 24H2"), doubtful("m", 1))
    machine = report.view.machines[0]
    assert (machine.state, machine.undecided) == (MachineState.MISSING, 1)
    assert state_words(report, machine).endswith("1 product not verified")


@pytest.mark.parametrize(
    ("language", "sentence", "note", "blind"),
    [
        (
            "en",
            "For 1 of them this holds for the system only, not all its products could be verified.",
            "1 of them for its system alone: products not verified",
            "1 machine whose system is verified, but not all its products: m.",
        ),
        (
            "fr",
            "Pour 1 d'entre elles, cela vaut pour le système ; ses produits n'ont pas tous pu être vérifiés.",
            "dont 1 pour son système seul : produits non vérifiés",
            "1 machine dont le système est vérifié, mais pas tous les produits : m.",
        ),
    ],
)
def test_a_machine_that_counts_with_its_system_is_never_counted_without_saying(language, sentence, note, blind):
    report = report_on(*lab.healthy("m"), doubtful("m"), *lab.healthy("n"), language=language, names=("m", "n"))
    assert (report.view.updated, report.view.decided, report.view.judged) == (2, 2, 2)
    updated, urgent = tiles(report)[:2]
    plain = dict.fromkeys(("\xa0", "\u202f"), " ")
    spell = str.maketrans(plain)
    assert (updated.note.translate(spell), updated.style) == (note, Style.KPI_INFO)
    assert urgent.style is Style.KPI_INFO  # a zero that somebody can doubt is not green
    assert sentence in brief(report)[0].translate(spell)
    assert blind in [told.translate(spell) for told in unseen(report)]


def test_without_a_doubt_nothing_of_it_is_said():
    report = report_on(*lab.healthy("m"))
    assert tiles(report)[0].style is Style.KPI_GOOD
    assert list(unseen(report)) == []
