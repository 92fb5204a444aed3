"""`make audit` on a fresh machine: the job is done, and without internet nothing looks fine that was not seen."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from auditor import firstrun
from auditor.demo.described import machines
from auditor.demo.recordings import write
from auditor.exits import Exit
from collectors.feeds.cache import FeedStore
from collectors.feeds.records import FeedState
from collectors.feeds.updates import FeedOutcome, FeedUpdate
from tests.auditor.workbooks import annexes, managers


def _offline(self: FeedStore, *_: object, **__: object) -> tuple[FeedUpdate, ...]:
    state = FeedState(name="epss", title="EPSS", url="https://feed.invalid", licence="", max_age_days=3)
    return (FeedUpdate(name="epss", outcome=FeedOutcome.FAILED, state=state, error="Name or service not known."),)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FeedStore, "update", _offline)


@pytest.mark.usefixtures("offline")
def test_without_internet_it_says_so_and_ends_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert firstrun.main([str(tmp_path / "audits")]) == Exit.COMPLIANT
    said = capsys.readouterr()
    assert "NO FEED COULD BE DOWNLOADED" in said.err
    assert "aucun verdict complet sur les correctifs n'est possible" in said.out
    assert "explain --demo" in said.err
    workbooks = sorted(file.name for file in (tmp_path / "audits").glob("*.xlsx"))
    assert len([name for name in workbooks if "_rapport-" in name]) == 2
    assert len([name for name in workbooks if "patch-report" in name]) == 2


@pytest.mark.usefixtures("offline")
def test_without_any_feed_no_verdict_of_this_machine_is_a_pass(auditor: Callable[..., Result]) -> None:
    shown = json.loads(auditor("scan", "local", "--update-feeds", "--json").stdout)
    judged = [found for found in shown["assessment"]["findings"] if found["rule"] == "patch.missing"]
    assert judged
    assert all(found["outcome"] != "pass" for found in judged)
    assert "feeds_stale" in shown["exit"]["reasons"]


def test_a_refresh_the_operator_stops_costs_nothing_collected(
    auditor: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stopped(self: FeedStore, *_: object, **__: object) -> tuple[FeedUpdate, ...]:
        raise KeyboardInterrupt

    monkeypatch.setattr(FeedStore, "update", stopped)
    (machine,) = [machine for machine in machines() if machine.name == "srv-sauvegarde"]
    result = auditor("scan", f"replay:{write(machine, tmp_path / 'taped')}", "--update-feeds", "--output", "out")
    assert result.exit_code == Exit.INTERRUPTED
    assert (len(managers(tmp_path / "out")), len(annexes(tmp_path / "out"))) == (1, 1)
