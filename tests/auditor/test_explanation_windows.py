"""`auditor explain` on a Windows machine: a finding by its reference, a product by name, an update by its KB."""

from pathlib import Path

import pytest

from auditor.explanation import Explanation, explain_finding, explain_package
from auditor.explanation_text import worded
from auditor.history.packing import pack
from auditor.history.store import Store
from collectors.feeds.cache import FeedStore
from rules.contract import Contract
from rules.engine import Judge
from tests.lab.windows_snapshots import SEEN_AT, answer, offered, sql_instance, windows_host
from tests.rules.windows.msrc_rows import flaw, known, lcu, row

ABOUT = known(
    flaw("CVE-2026-0006", lcu("26100.8655", "KB5094126")),
    flaw("CVE-2026-0601", row("sql-server:2019", "sql-server", "15.0.4465.1", "KB5084816", module="CU 32")),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    host = windows_host(
        "pc-compta",
        build="26100.8457",
        search=[answer(offered("KB5094126"))],
        sql_instances=(sql_instance("15.0.4430.1", "COMPTA"),),
    )
    judge = Judge(ABOUT, Contract(client="Lab"), SEEN_AT)
    assessment = judge.conclude(
        [judge.judge(host)], client="Lab", started_at=SEEN_AT, finished_at=SEEN_AT, product_version="0"
    )
    made = Store(tmp_path / "history.sqlite")
    run = made.begin(client="Lab", started_at=SEEN_AT, product_version="0", demo=False)
    made.add(run, host, pack(host))
    made.conclude(run, assessment, interrupted=False)
    return made


def _feeds(tmp_path: Path) -> FeedStore:
    return FeedStore(tmp_path / "feeds")


def _keys(found: Explanation) -> set[tuple[str, str]]:
    return {(finding.rule, finding.key) for finding in found.findings}


def test_a_finding_is_explained_with_what_was_compared(store: Store, tmp_path: Path) -> None:
    [finding] = [one for one in store.assessment(1).findings if one.key == "Windows 11 24H2"]
    text = worded(explain_finding(store, 1, finding.ref, _feeds(tmp_path)), "en")
    for part in ("26100.8457", "26100.8655", "KB5094126", "CVE-2026-0006", "Windows Update offers this update too"):
        assert part in text


@pytest.mark.parametrize("asked", ["Windows 11 24H2", "windows 11", "KB5094126"])
def test_a_product_or_an_update_is_found_by_name(store: Store, tmp_path: Path, asked: str) -> None:
    found = explain_package(store, 1, "pc-compta", asked, _feeds(tmp_path))
    assert ("patch.missing", "Windows 11 24H2") in _keys(found)
    assert ("patch.missing", "SQL Server 2019 (COMPTA)") not in _keys(found)
    assert "pc-compta" in worded(found, "fr")


def test_an_instance_of_sql_server_is_found_by_its_name(store: Store, tmp_path: Path) -> None:
    found = explain_package(store, 1, "pc-compta", "COMPTA", _feeds(tmp_path))
    assert ("patch.missing", "SQL Server 2019 (COMPTA)") in _keys(found)
    assert ("patch.missing", "Windows 11 24H2") not in _keys(found)
