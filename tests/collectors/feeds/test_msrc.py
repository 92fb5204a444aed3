"""Microsoft's security update guide: each trap of its data (M1 to M10), and a real document in full."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import msrc
from collectors.feeds.cache import FeedStore
from collectors.feeds.feed import FeedRecord
from collectors.feeds.msrc_products import Outside, products_of
from collectors.feeds.records import Advisory, AffectedPackage, Severity
from collectors.feeds.updates import FeedOutcome
from tests.lab.feed_samples import advisory, fixtures, row, rows, sample
from tests.lab.http_server import FeedServer, feed_server
from tests.lab.made_up_feeds import HTTP, raw_part

CLIENT = "Windows 11 Version 24H2 for x64-based Systems"
SERVER = "Windows Server 2025"
CORE = "Windows Server 2025 (Server Core installation)"


def fix(
    kb: str | None, build: str | None, *names: str, kind: int = 2, sub_type: str = "Security Update"
) -> dict[str, Any]:
    """One remediation; `names` are product names, which `document` gives their ids."""
    told = {} if kb is None else {"Description": {"Value": kb}}
    built = {} if build is None else {"FixedBuild": build}
    return {**told, **built, "Type": kind, "SubType": sub_type, "Supercedence": "5087538; MS16-001", "ProductID": names}


def vulnerability(cve: str, *fixes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "CVE": cve,
        "Title": {"Value": "Windows Kernel Elevation of Privilege Vulnerability"},
        "ReleaseDate": "0001-01-01T00:00:00",
        "ReleaseDateSpecified": False,
        "Threats": [],
        "CVSSScoreSets": [],
        "Remediations": list(fixes),
        "RevisionHistory": [{"Number": "1.0", "Date": "2026-06-09T07:00:00"}],
        **fields,
    }


def document(*found: dict[str, Any], revised: str = "2026-06-10T07:00:00") -> bytes:
    """A month's document whose product ids are the product names themselves."""
    names = {name for one in found for fixed in one["Remediations"] for name in fixed["ProductID"]}
    return json.dumps(
        {
            "DocumentTracking": {"InitialReleaseDate": "2026-06-09T07:00:00", "CurrentReleaseDate": revised},
            "ProductTree": {"FullProductName": [{"ProductID": name, "Value": name} for name in sorted(names)]},
            "Vulnerability": list(found),
        }
    ).encode()


def parse(tmp_path: Path, data: bytes) -> tuple[FeedRecord, ...]:
    path = tmp_path / "2026-06.json"
    path.write_bytes(data)
    return tuple(msrc.parse_part(raw_part(path)))


def parsed(tmp_path: Path, *fixes: dict[str, Any], **fields: Any) -> tuple[FeedRecord, ...]:
    return parse(tmp_path, document(vulnerability("CVE-2026-1000", *fixes, **fields)))


@pytest.fixture(scope="module")
def june() -> tuple[FeedRecord, ...]:
    return tuple(msrc.parse_part(raw_part(sample("feeds/msrc-cvrf-samples/cvrf_sample.json"))))


def of(records: tuple[FeedRecord, ...], release: str) -> set[tuple[str, str, str, str]]:
    return {
        (found.package, found.remedy, found.fixed_version, found.remedy_kind)
        for found in rows(records)
        if found.release == release
    }


@pytest.mark.parametrize(
    ("release", "packages", "kb", "build", "kind"),
    [
        ("windows:17763-server", "windows/x64", "KB5094123", "10.0.17763.8880", "Security Update"),
        ("windows:17763-client", "windows/x86 windows/x64", "KB5094123", "10.0.17763.8880", "Security Update"),
        ("windows:20348-server", "windows/x64", "KB5094128", "10.0.20348.5256", "Security Update"),
        ("windows:26100-server", "windows/x64", "KB5094125", "10.0.26100.32995", "Security Update"),
        ("windows:26100-client", "windows/arm64 windows/x64", "KB5094126", "10.0.26100.8655", "Security Update"),
        ("windows:26200-client", "windows/arm64 windows/x64", "KB5094126", "10.0.26200.8655", "Security Update"),
        ("windows:28000-client", "windows/arm64 windows/x64", "KB5095051", "10.0.28000.2269", "Security Update"),
        ("windows:9600-server", "windows/x64", "KB5094041", "6.3.9600.23228", "Monthly Rollup"),
        ("windows:9200-server", "windows/x64", "KB5094042", "6.2.9200.26132", "Monthly Rollup"),
        ("office-msi:2016", "office/x64 office/x86", "KB5002878", "16.0.5556.1005", "Security Update"),
    ],
)
def test_june_2026_names_the_kb_and_build_of_each_product(june, release, packages, kb, build, kind):
    assert of(june, release) == {(package, kb, build, kind) for package in packages.split()}


def test_june_2026_rates_and_dates_its_cves(june):
    found = {record.id: record for record in june if isinstance(record, Advisory)}
    assert set(found) == {"CVE-2026-41108", "CVE-2026-45472", "CVE-2026-99999"}
    assert found["CVE-2026-41108"] == Advisory(
        id="CVE-2026-41108",
        feed="msrc",
        title="Windows DNS Client Elevation of Privilege Vulnerability",
        severity=Severity.HIGH,
        cvss=7.0,
        issued_on=date(2026, 6, 9),
        cves=("CVE-2026-41108",),
        url="https://msrc.microsoft.com/update-guide/vulnerability/CVE-2026-41108",
    )
    assert found["CVE-2026-45472"].severity is Severity.CRITICAL
    assert found["CVE-2026-45472"].cvss == 8.4


def test_june_2026_has_no_kb_where_microsoft_names_none(june):
    """ "Click to Run" with an address as build, and "Release Notes" of other systems, make no row (M1, M2)."""
    assert {found.release.partition(":")[0] for found in rows(june)} == {"windows", "office-msi"}
    assert all(found.remedy.removeprefix("KB").isdecimal() and found.fixed_version for found in rows(june))


@pytest.mark.parametrize(
    "told", ["Release Notes", "Click to Run", "CBL-Mariner Releases", "Update Information", "", None]
)
def test_M1_a_fix_without_kb_number_is_no_missing_kb(tmp_path, told):
    assert parsed(tmp_path, fix(told, None, CLIENT)) == ()
    assert row(parsed(tmp_path, fix(told, "10.0.26100.8655", CLIENT))).remedy == ""


@pytest.mark.parametrize(
    ("name", "build"),
    [
        (CLIENT, "1.001"),
        (CLIENT, "10.0.0.0"),
        (CLIENT, "1.002"),
        ("Windows 11 Version 23H2 for x64-based Systems", "10.0.22621.5000"),
        (SERVER, "10.0.26200.4652"),
        ("Windows 11 Version 25H2 for x64-based Systems", "10.0.26100.7462"),
        (CLIENT, "0.0.26200.4652"),
        (CLIENT, "96.0 1954.29"),
        (CLIENT, "109.0.15.18.78"),
        (CLIENT, "10.0.26100.8655\u200b"),
        (CLIENT, "v136.0.1"),
        (CLIENT, "10.0.26100.x"),
        (CLIENT, "10.0.26100.8655.1"),
        (CLIENT, "10.0.26100."),
        (CLIENT, "https://aka.ms/OfficeSecurityReleases"),
        (CLIENT, "2.0.50727.8984;3.0.30729.8980"),
        ("Windows Server 2012 R2", "10.0.9600.20000"),
        (CLIENT, "1" * 400),
        (CLIENT, ""),
        (CLIENT, None),
    ],
)
def test_M2_a_build_that_is_not_of_the_products_branch_leaves_the_kb_alone(tmp_path, name, build):
    found = row(parsed(tmp_path, fix("5094126", build, name)))
    assert (found.fixed_version, found.remedy) == ("", "KB5094126")


def test_M2_a_fix_without_kb_and_without_usable_build_is_counted_and_told(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG, "collectors.feeds.msrc"):
        assert parsed(tmp_path, fix("Release Notes", "1.001", CLIENT), fix("5094126", "1.001", SERVER)) != ()
    assert "2 fixed builds outside their branch" in caplog.text
    assert "1 fixes without KB and build" in caplog.text


def test_M5_the_chain_of_superseded_kbs_decides_nothing_and_breaks_nothing(tmp_path):
    odd = fix("5094126", "10.0.26100.8655", CLIENT) | {"Supercedence": "5012170, 5008208;SP81U1X86 MS16-098 5"}
    assert row(parsed(tmp_path, odd)).remedy == "KB5094126"


def test_M7_entries_that_are_no_cve_are_left_out(tmp_path):
    ids = ("CVE-2022-2601-M", "CVE-2023-38039 mariner - do not use this one", "ADV990001", "=HYPERLINK(1)", "")
    found = parse(tmp_path, document(*(vulnerability(cve, fix("5094126", "10.0.26100.8655", CLIENT)) for cve in ids)))
    assert found == ()


def threat(kind: int, words: str, *names: str) -> dict[str, Any]:
    return {"Type": kind, "Description": {"Value": words}, **({"ProductID": names} if names else {})}


def test_M8_the_exploit_threat_has_no_product_and_a_rating_may_have_none_either(tmp_path):
    threats = [threat(1, "Publicly Disclosed:No;Exploited:Yes"), threat(3, "Important"), {"Type": 3, "Description": {}}]
    assert (
        advisory(parsed(tmp_path, fix("5094126", "10.0.26100.8655", CLIENT), Threats=threats)).severity is Severity.HIGH
    )


def test_the_rating_is_the_gravest_among_judged_products_only(tmp_path):
    threats = [
        threat(3, "Moderate", CLIENT),
        threat(3, "Important", CORE),
        threat(3, "Critical", "Microsoft Edge for iOS"),
    ]
    scores = [
        {"BaseScore": 6.5, "ProductID": [CLIENT]},
        {"BaseScore": 7.8, "ProductID": [CORE]},
        {"BaseScore": 9.9, "ProductID": ["Microsoft Edge for iOS"]},
        {"BaseScore": 0.0, "ProductID": [CLIENT]},
        {"BaseScore": 77.0, "ProductID": [CLIENT]},
    ]
    fixes = (
        fix("5094126", "10.0.26100.8655", CLIENT, "Microsoft Edge for iOS"),
        fix("5094125", "10.0.26100.32995", CORE),
    )
    found = advisory(parsed(tmp_path, *fixes, Threats=threats, CVSSScoreSets=scores))
    assert (found.severity, found.cvss) == (Severity.HIGH, 7.8)


def test_an_unrated_cve_is_of_undisclosed_severity(tmp_path):
    found = advisory(parsed(tmp_path, fix("5094126", None, CLIENT), Threats=None, CVSSScoreSets=None, Title=None))
    assert (found.severity, found.cvss, found.title) == (Severity.UNKNOWN, None, "")


def test_M10_the_clock_starts_at_the_first_revision_whatever_its_place(tmp_path):
    history = [{"Date": f"{day}T07:00:00"} for day in ("2026-06-19", "0001-01-01", "2026-06-04", "2026-06-28")]
    found = advisory(parsed(tmp_path, fix("5094126", None, CLIENT), RevisionHistory=history))
    assert found.issued_on == date(2026, 6, 4)


@pytest.mark.parametrize("history", [None, [], [{"Date": "0001-01-01T00:00:00"}], [{"Date": "soon"}], [{}]])
def test_a_cve_without_any_date_has_none(tmp_path, history):
    assert advisory(parsed(tmp_path, fix("5094126", None, CLIENT), RevisionHistory=history)).issued_on is None


def test_W6_hotpatch_and_cumulative_update_stand_side_by_side(tmp_path):
    found = parsed(
        tmp_path,
        fix("5089549", "10.0.26100.8457", CLIENT),
        fix("5089466", "10.0.26100.8390", CLIENT, sub_type="Security Hotpatch Update"),
    )
    assert {(one.fixed_version, one.remedy, one.remedy_kind) for one in rows(found)} == {
        ("10.0.26100.8457", "KB5089549", "Security Update"),
        ("10.0.26100.8390", "KB5089466", "Security Hotpatch Update"),
    }


def test_W11_server_core_repeats_the_full_installation_and_is_one_row(tmp_path):
    found = row(parsed(tmp_path, fix("5094125", "10.0.26100.32995", SERVER, CORE)))
    assert (found.release, found.package) == ("windows:26100-server", "windows/x64")


def test_only_type_2_is_a_fix(tmp_path):
    """Types 3 and 6 are help pages, 0 a workaround, 1 a mitigation, 5 "none available"."""
    helps = [fix("5094126", "10.0.26100.8655", CLIENT, kind=kind) for kind in (0, 1, 3, 4, 5, 6)]
    assert parsed(tmp_path, *helps) == ()


def test_one_kb_for_two_frameworks_is_a_row_for_each(tmp_path):
    name = "Microsoft .NET Framework 3.5 AND 4.8.1 on Windows 11 Version 24H2 for x64-based Systems"
    found = rows(parsed(tmp_path, fix("5087054", "2.0.50727.9190;3.0.30729.9168", name)))
    assert {(one.release, one.package, one.fixed_version, one.remedy) for one in found} == {
        ("windows:26100-client", "dotnet-framework:3.5/x64", "", "KB5087054"),
        ("windows:26100-client", "dotnet-framework:4.8.1/x64", "", "KB5087054"),
    }


def test_W9_parent_kb_and_child_kb_of_a_framework_are_two_names_of_one_fix(tmp_path):
    name = "Microsoft .NET Framework 4.8 on Windows 10 Version 22H2 for x64-based Systems"
    address = "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB5020613"
    found = rows(parsed(tmp_path, fix("5020687", "4.8.04584.08", name) | {"URL": address}))
    assert [(one.remedy, one.fixed_version) for one in found] == [
        ("KB5020687", "4.8.04584.08"),
        ("KB5020613", "4.8.04584.08"),
    ]
    other = rows(parsed(tmp_path, fix("5094126", "10.0.26100.8655", CLIENT) | {"URL": address}))
    assert [one.remedy for one in other] == ["KB5094126"]


def test_sql_server_rows_keep_their_servicing_branch(tmp_path):
    found = rows(
        parsed(
            tmp_path,
            fix("5084816", "15.0.4465.1", "Microsoft SQL Server 2019 for x64-based Systems (CU 32)"),
            fix("5084817", "15.0.2165.1", "Microsoft SQL Server 2019 for x64-based Systems (GDR)"),
        )
    )
    assert {(one.release, one.package, one.module, one.fixed_version, one.remedy) for one in found} == {
        ("sql-server:2019", "sql-server", "CU 32", "15.0.4465.1", "KB5084816"),
        ("sql-server:2019", "sql-server", "GDR", "15.0.2165.1", "KB5084817"),
    }


def test_a_product_that_looks_judged_and_is_not_understood_is_named_loudly(tmp_path, caplog):
    name = "Windows 11 Version 27H2 for x64-based Systems"
    with caplog.at_level(logging.WARNING, "collectors.feeds.msrc"):
        assert parsed(tmp_path, fix("5199999", "10.0.29500.1", name)) == ()
    assert name in caplog.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<cvrf:cvrfdoc xmlns:cvrf='http://www.icasi.org'/>", "is no CVRF document in JSON"),
        (document(vulnerability("CVE-2026-1", fix("5094126", None, CLIENT)))[:-30], "is no CVRF document in JSON"),
        (b"\xff\xfe{}", "is no CVRF document in JSON"),
        (b"[" * 100_000, "is no CVRF document in JSON"),
        (b"{}", "ProductTree"),
        (b'{"ProductTree": {}}', "Vulnerability"),
        (
            b'{"ProductTree": {"FullProductName": [{"ProductID": "7", "Value": "x"}]}, "Vulnerability": []}',
            "1 products and 0",
        ),
        (document(vulnerability("CVE-2026-1", {"Type": "2", "ProductID": []})), "Type"),
        (document(vulnerability("CVE-2026-1", fix("5094126", None, CLIENT) | {"FixedBuild": 10.0})), "FixedBuild"),
        (document(vulnerability("CVE-2026-1", fix("5094126", None, CLIENT), Threats={})), "Threats"),
        (b'{"ProductTree": {"FullProductName": [{"ProductID": 7, "Value": "x"}]}}', "ProductID"),
    ],
)
def test_anything_but_a_whole_document_is_refused_with_its_reason(tmp_path, data, words):
    with pytest.raises(FeedInvalid, match=words):
        parse(tmp_path, data)


def test_a_month_that_has_only_just_begun_may_be_empty(tmp_path):
    assert parse(tmp_path, document()) == ()
    assert parse(tmp_path, b'{"ProductTree": {"FullProductName": null}, "Vulnerability": null}') == ()


# which months, and how they are fetched


def test_M3_every_month_is_asked_by_name_and_only_the_current_one_may_be_absent():
    parts = msrc.parts({"base": "https://api.example/cvrf/", "months": "24"}, date(2026, 2, 1))
    assert len(parts) == 24
    assert [part.url.rpartition("/")[2] for part in parts[:7]] == [
        "2026-Feb", "2026-Jan", "2025-Dec", "2025-Nov", "2025-Oct", "2025-Sep", "2025-Aug",
    ]  # fmt: skip
    assert (parts[-1].name, parts[-1].url) == ("2024-03.json", "https://api.example/cvrf/2024-Mar")
    assert [part.name for part in parts if part.optional] == ["2026-02.json"]
    assert {part.accept for part in parts} == {"application/json"}
    assert all(part.needed_by(["windows:26100-client"]) and not part.needed_by(["debian:12"]) for part in parts)


@pytest.mark.parametrize("months", ["0", "-3", "241", "many", ""])
def test_a_number_of_months_that_is_none_is_refused(months):
    with pytest.raises(ValueError, match=r"months|int"):
        msrc.parts({"base": "https://api.example", "months": months}, date(2026, 8, 22))


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


def month(*cves: str, revised: str = "2026-08-12T07:00:00") -> bytes:
    fixed = (fix("5094126", "10.0.26100.8655", CLIENT), fix("5094125", "10.0.26100.32995", SERVER))
    return document(*(vulnerability(cve, *fixed) for cve in cves), revised=revised)


class _Clock:
    now = datetime(2026, 8, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def store_at(tmp_path: Path, server: FeedServer, clock: _Clock) -> FeedStore:
    feed = replace(msrc.FEED, minimum_records=1, settings={"base": server.url, "months": "3"})
    return FeedStore(tmp_path / "feeds", feeds=[feed], now=clock)


def cves_of(store: FeedStore) -> set[str]:
    return {found.advisory for found in store.load({"windows:26100-client": ["windows/x64"]}).affected}


def test_M3_the_month_that_does_not_exist_yet_fails_nothing_and_the_one_before_it_does(server, tmp_path):
    clock = _Clock()
    server.serve("/2026-Jul", month("CVE-2026-1700"))
    server.serve("/2026-Jun", month("CVE-2026-1600"))
    store = store_at(tmp_path, server, clock)
    (done,) = store.update(http=HTTP)
    assert (done.outcome, done.error) == (FeedOutcome.RENEWED, "")
    assert cves_of(store) == {"CVE-2026-1600", "CVE-2026-1700"}
    del server.answers["/2026-Jul"]
    (done,) = store.update(http=HTTP)
    assert done.outcome is FeedOutcome.FAILED
    assert "2026-Jul" in done.error
    assert cves_of(store) == {"CVE-2026-1600", "CVE-2026-1700"}


def test_M3_a_month_that_was_there_and_vanishes_stays(server, tmp_path):
    for name, cve in (("2026-Aug", "CVE-2026-1800"), ("2026-Jul", "CVE-2026-1700"), ("2026-Jun", "CVE-2026-1600")):
        server.serve(f"/{name}", month(cve))
    store = store_at(tmp_path, server, _Clock())
    store.update(http=HTTP)
    del server.answers["/2026-Aug"]
    (done,) = store.update(http=HTTP)
    assert done.outcome is FeedOutcome.UNCHANGED
    assert cves_of(store) == {"CVE-2026-1800", "CVE-2026-1700", "CVE-2026-1600"}


def test_only_months_that_changed_are_read_again_and_old_ones_leave_with_their_releases(server, tmp_path, monkeypatch):
    clock = _Clock()
    old = document(vulnerability("CVE-2026-1600", fix("5094128", "10.0.20348.5256", "Windows Server 2022")))
    server.serve("/2026-Jun", old)
    server.serve("/2026-Jul", month("CVE-2026-1700"))
    server.serve("/2026-Aug", month("CVE-2026-1800"))
    read: list[str] = []

    def spy(part: Any) -> Iterator[FeedRecord]:
        read.append(part.name)
        return msrc.parse_part(part)

    feed = replace(msrc.FEED, minimum_records=1, settings={"base": server.url, "months": "3"}, parse_part=spy)
    store = FeedStore(tmp_path / "feeds", feeds=[feed], now=clock)
    (done,) = store.update(http=HTTP)
    assert done.state.covers == ("windows:20348-server", "windows:26100-client", "windows:26100-server")
    assert sorted(read) == ["2026-06.json", "2026-07.json", "2026-08.json"]
    read.clear()
    server.serve("/2026-Aug", month("CVE-2026-1800", "CVE-2026-1801", revised="2026-08-25T07:00:00"))
    clock.now = datetime(2026, 9, 2, 12, tzinfo=UTC)
    (done,) = store.update(http=HTTP, releases=["windows:20348-server"])
    assert (done.outcome, done.error) == (FeedOutcome.RENEWED, "")
    assert read == ["2026-08.json"]
    assert cves_of(store) == {"CVE-2026-1700", "CVE-2026-1800", "CVE-2026-1801"}
    assert done.state.covers == ("windows:26100-client", "windows:26100-server")


def test_the_guide_is_asked_for_json_and_conditionally(server, tmp_path):
    for name in ("2026-Aug", "2026-Jul", "2026-Jun"):
        server.serve(f"/{name}", month(f"CVE-{name[:4]}-1{len(name)}{ord(name[-1])}"))
    store = store_at(tmp_path, server, _Clock())
    store.update(http=HTTP)
    (done,) = store.update(http=HTTP)
    assert done.outcome is FeedOutcome.UNCHANGED
    asked = server.asked("/2026-Jul")
    assert {headers["Accept"] for headers in asked} == {"application/json"}
    assert [("If-None-Match" in headers) for headers in asked] == [False, True]


def test_a_guide_that_has_no_month_at_all_is_an_error(server, tmp_path):
    feed = replace(msrc.FEED, minimum_records=1, settings={"base": server.url, "months": "1"})
    (done,) = FeedStore(tmp_path, feeds=[feed], now=_Clock()).update(http=HTTP)
    assert done.outcome is FeedOutcome.FAILED
    assert "none of its files" in done.error


@pytest.mark.parametrize(("days", "counts"), [(35, False), (36, True)])
def test_the_guides_own_date_counts_only_when_a_patch_tuesday_must_lie_in_between(tmp_path, days, counts):
    path = tmp_path / "2026-06.json"
    path.write_bytes(document(revised="2026-06-09T07:00:00"))
    revised = datetime(2026, 6, 9, 7, tzinfo=UTC)
    edition = msrc.edition((raw_part(path, fetched_at=revised + timedelta(days=days)),))
    assert edition.label == "2026-06-09"
    assert edition.published_at == (revised if counts else None)


def test_documents_that_never_say_when_they_were_revised_are_refused(tmp_path):
    path = tmp_path / "2026-06.json"
    path.write_bytes(document(revised="0001-01-01T00:00:00"))
    with pytest.raises(FeedInvalid, match="last revised"):
        msrc.edition((raw_part(path),))


def test_the_same_kb_for_the_same_build_as_another_reader_of_the_guide(june):
    """feeds.md 1.2: what github.com/ZentrixLabs/windows-version-feed made of the same month."""
    theirs = json.loads(sample("feeds/msrc-cve-kb/CVE_KB_Mapping_2026-Jun.json").read_bytes())
    listed = (
        theirs
        if isinstance(theirs, list)
        else next(iter(value for value in theirs.values() if isinstance(value, list)))
    )
    pairs = {found.fixed_version.removeprefix("10.0."): found.remedy for found in rows(june)}
    compared = 0
    for kb, build in _pairs(listed):
        if build in pairs:
            assert pairs[build] == kb, build
            compared += 1
    assert compared


def _pairs(node: Any) -> Iterator[tuple[str, str]]:
    """Every (KB, build) anywhere in a document."""
    if isinstance(node, dict):
        kb, build = str(node.get("kb") or ""), str(node.get("fixedBuild") or "")
        if kb and build:
            yield f"KB{kb.removeprefix('KB')}", build.removeprefix("10.0.")
        for value in node.values():
            yield from _pairs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _pairs(value)


def test_rows_are_plain_records(june):
    assert all(isinstance(record, Advisory | AffectedPackage) for record in june)


_FIXTURES = "extract/microsoft/cvrf/testdata/"


def _as_v3(node: dict[str, Any]) -> bytes:
    """A recorded document, whose owner turned XML into keys of another spelling, as the API serves it today."""
    names = [{"ProductID": "0", "Value": "a document may name no product of its own"}]

    def walk(branch: Any) -> None:
        for one in branch if isinstance(branch, list) else [branch]:
            names.extend(
                {"ProductID": name["productid"], "Value": name["text"]} for name in one.get("fullproductname", ())
            )
            walk(one.get("branch", []))

    walk(node["producttree"])
    found = []
    for one in node["vulnerability"]:
        remediations = (one.get("remediations") or {}).get("remediation", [])
        found.append(
            vulnerability(
                one["cve"],
                *(
                    fix(
                        each.get("description"),
                        each.get("fixed_build"),
                        *each.get("product_id", ()),
                        kind=2 if each["type"] == "Vendor Fix" else 3,
                        sub_type=each.get("sub_type", ""),
                    )
                    for each in remediations
                ),
            )
        )
    return json.dumps({"ProductTree": {"FullProductName": names}, "Vulnerability": found}).encode()


def test_another_reader_of_recorded_months_finds_the_same_kbs(tmp_path):
    """feeds.md 5, feed-fixtures: (CVE, product, KB) as vuls-data-update normalized them, for products we judge."""
    recorded = fixtures("oracles/feed-fixtures/extract-fixtures.tar.xz", f"{_FIXTURES}fixtures/")
    golden = fixtures("oracles/feed-fixtures/extract-fixtures.tar.xz", f"{_FIXTURES}golden/microsoftkb/")
    expected = set()
    for data in golden.values():
        kb = json.loads(data)
        if kb.get("superseded_by") or kb["kb_id"] == "4284822":  # for the chain; added by hand by that reader
            continue
        for name in kb.get("products", ()):
            products = products_of(name)
            if not isinstance(products, Outside):
                expected |= {(one.release, one.package, f"KB{kb['kb_id']}") for one in products}
    ours = {
        (found.release, found.package, found.remedy)
        for data in recorded.values()
        for found in rows(parse(tmp_path, _as_v3(json.loads(data))))
    }
    assert ours == expected
    assert len(recorded) == 12
    assert len(ours) > 20
