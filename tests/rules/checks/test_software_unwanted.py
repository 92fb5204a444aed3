"""software.unwanted: the client's own list, on every machine, by product or by pattern."""

from typing import Any

import pytest

from collectors.feeds.records import Severity
from collectors.model import Application, FactKind, Gap, GapReason
from rules.contract import Contract
from rules.model import Finding, Outcome, PriorityLevel
from rules.rights import SoftwareTerms, UnwantedSoftware
from tests.lab.snapshots import deb, debian_host
from tests.rules.checks.estate import NOW, only
from tests.rules.checks.windows_estate import asked, windows_host

ID = "software.unwanted"
TEAMVIEWER = Application(name="TeamViewer 15", version="15.40.8", scope="machine", publisher="TeamViewer")
GAME = Application(name="Poker en ligne 3.2", version="3.2", scope="user", publisher="Jeux", user="S-1-5-21-1-1001")


def _entry(product: str = "teamviewer") -> UnwantedSoftware:
    return UnwantedSoftware(product=product, reason="règlement intérieur", place="client.toml, software.unwanted")


def _contract(*entries: UnwantedSoftware) -> Contract:
    return Contract(client="ACME", software=SoftwareTerms(unwanted=entries))


def _asked(*applications: Application, listed: tuple[UnwantedSoftware, ...], **host: Any) -> tuple[Finding, ...]:
    return asked(ID, windows_host(applications=applications, **host), contract=_contract(*listed))


@pytest.mark.parametrize("written", ["teamviewer", "TeamViewer", "TEAMVIEWER", "TeamViewer*", "*viewer 15"])
def test_forbidden_software_fails_on_its_machine_however_the_list_names_it(written: str) -> None:
    found = only(_asked(TEAMVIEWER, GAME, listed=(_entry(written),)))
    assert (found.outcome, found.severity, found.subject) == (Outcome.FAIL, Severity.HIGH, "pc01")
    assert found.priority.level is PriorityLevel.PLAN
    seen, reason = found.evidence
    assert (seen.seen, seen.source) == ("15.40.8 · TeamViewer", "Uninstall")
    assert (reason.seen, reason.source) == ("règlement intérieur", "client.toml, software.unwanted")


def test_an_entry_that_names_a_version_means_that_one_alone() -> None:
    old = Application(
        name="Microsoft Office Standard 2010", version="14.0.7015", scope="machine", publisher="Microsoft"
    )
    new = Application(name="Microsoft Office Standard 2019", version="16.0.1", scope="machine", publisher="Microsoft")
    listed = (_entry("Office 2010"), _entry("Office 2013"))
    assert only(_asked(new, listed=listed)).outcome is Outcome.PASS
    found = only(_asked(old, new, listed=listed))
    assert (found.outcome, found.key, len(found.evidence)) == (Outcome.FAIL, "office/2010", 2)
    assert len(only(_asked(old, new, listed=(_entry("Office"),))).evidence) == 3


def test_what_is_only_unwanted_is_something_to_talk_about() -> None:
    talk = UnwantedSoftware(product="teamviewer", reason="doublon", forbidden=False)
    found = only(_asked(TEAMVIEWER, listed=(talk,)))
    assert (found.severity, found.priority.level) == (Severity.LOW, PriorityLevel.WATCH)


def test_every_entry_found_is_a_finding_and_every_copy_a_line_of_proof() -> None:
    other = Application(name="TeamViewer Host", version="15.1", scope="machine", publisher="TeamViewer")
    found = _asked(TEAMVIEWER, other, GAME, listed=(_entry(), _entry("poker*")))
    assert [(one.key, len(one.evidence)) for one in found] == [("teamviewer", 3), ("poker*", 2)]


@pytest.mark.parametrize("written", ["viewer", "Poker", "Poker en"])
def test_a_name_without_a_star_is_a_whole_name(written: str) -> None:
    assert only(_asked(TEAMVIEWER, GAME, listed=(_entry(written),))).outcome is Outcome.PASS


def test_a_whole_name_fits_whatever_the_version() -> None:
    assert only(_asked(GAME, listed=(_entry("poker en ligne"),))).outcome is Outcome.FAIL


def test_rows_windows_hides_are_no_programs() -> None:
    hidden = Application(name="TeamViewer", version="15", scope="machine", publisher="TeamViewer", noise=True)
    assert only(_asked(hidden, listed=(_entry(),))).outcome is Outcome.PASS


def test_on_linux_packages_are_compared() -> None:
    host = debian_host(packages=[deb("teamviewer", "15.40"), deb("qbittorrent", "4.5")], taken_at=NOW)
    found = asked(ID, host, contract=_contract(_entry(), _entry("*torrent"), _entry("anydesk")))
    assert sorted(one.key for one in found if one.outcome is Outcome.FAIL) == ["*torrent", "teamviewer"]


def test_programs_that_could_not_be_read_may_hold_it() -> None:
    gap = Gap(kind=FactKind.APPLICATIONS, collector="applications", reason=GapReason.FAILED, detail="no answer")
    assert only(_asked(listed=(_entry(),), gaps=(gap,))).outcome is Outcome.UNKNOWN


def test_programs_of_people_not_signed_in_are_a_limit_of_looking() -> None:
    reason = GapReason.MISSING
    gap = Gap(kind=FactKind.USER_APPLICATIONS, collector="applications", reason=reason, detail="1 profile signed out")
    found = only(_asked(listed=(_entry(),), gaps=(gap,)))
    assert (found.outcome, found.limited) == (Outcome.UNKNOWN, True)


def test_nothing_of_the_list_passes_and_without_a_list_nobody_is_asked() -> None:
    found = only(_asked(GAME, listed=(_entry(),)))
    assert (found.outcome, found.message.params["count"]) == (Outcome.PASS, 1)
    assert only(_asked(TEAMVIEWER, listed=())).outcome is Outcome.NOT_APPLICABLE
