"""Exports: complete for programs and technicians, harmless to open."""

import csv
import io
import json

import openpyxl
import pytest

from reports.exports import annex, discover
from reports.exports import csv as csv_export
from reports.exports import json as json_export
from reports.texts import languages
from rules.model import Outcome
from tests.lab import assessments as lab
from tests.lab import licensed

SAMPLES = [(sample, language) for sample in licensed.EVERY for language in languages()]


def test_exports_are_discovered_and_named():
    found = discover()
    assert list(found) == ["annex", "csv", "json"]
    names = {export.file_name(lab.ordinary(), "fr") for export in found.values()}
    assert len(names) == 3
    assert all(export.file_name(lab.ordinary(), "fr").endswith(export.suffix) for export in found.values())


@pytest.mark.parametrize("name", ["annex", "csv", "json"])
@pytest.mark.parametrize(("sample", "language"), SAMPLES)
def test_the_same_input_gives_the_same_bytes(name, sample, language):
    export = discover()[name]
    assert export.render(licensed.EVERY[sample](), language) == export.render(licensed.EVERY[sample](), language)


@pytest.mark.parametrize(("sample", "language"), SAMPLES)
def test_json_carries_every_finding_and_machine(sample, language):
    assessment = licensed.EVERY[sample]()
    document = json.loads(json_export.render(assessment, language))
    assert document["schema"] == json_export.SCHEMA
    assert len(document["findings"]) == len(assessment.findings)
    assert len(document["machines"]) == len(assessment.machines)
    assert [finding["ref"] for finding in document["findings"]] == [finding.ref for finding in assessment.findings]


def test_json_tells_facts_texts_and_evidence():
    document = json.loads(json_export.render(lab.ordinary(), "fr"))
    finding = next(finding for finding in document["findings"] if finding["key"] == "openssl")
    assert finding["severity"] == "critical"
    assert finding["due_on"] == "2026-08-03"
    assert finding["message"]["params"]["fixed_version"] == "3.0.14-1~deb12u2"
    assert finding["message_text"] == "<rules.patch.missing.fail>"
    assert finding["evidence"][0]["source"] == "Debian DSA-5764-1"
    assert document["as_of"] == "2026-08-05T06:30:00Z"
    assert document["sla_days"]["critical"] == 14


def test_json_survives_a_lone_surrogate():
    document = json.loads(json_export.render(lab.hostile(), "fr"))
    seen = {finding["message"]["params"].get("installed_version") for finding in document["findings"]}
    assert "lone\ufffdsurrogate" in seen


def rows_of(assessment, language):
    text = csv_export.render(assessment, language).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if language == "fr" else ","))


@pytest.mark.parametrize(("sample", "language"), SAMPLES)
def test_csv_has_one_line_per_finding_that_did_not_pass(sample, language):
    assessment = licensed.EVERY[sample]()
    head, *rows = rows_of(assessment, language)
    assert len(head) == len(csv_export.COLUMNS)
    assert len(rows) == sum(finding.outcome is not Outcome.PASS for finding in assessment.findings)
    assert all(len(row) == len(head) for row in rows)


def test_no_csv_field_can_run():
    for row in rows_of(lab.hostile(), "fr"):
        assert not any(field.startswith(("=", "+", "-", "@", "\t", "\r")) for field in row)


def test_csv_opens_in_excel():
    data = csv_export.render(lab.ordinary(), "fr")
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == len(rows_of(lab.ordinary(), "fr"))


def test_csv_gives_probability_exploitation_and_all_cves():
    head, *rows = rows_of(lab.ordinary(), "fr")
    row = dict(zip(head, next(row for row in rows if row[3] == "openssl"), strict=True))
    assert (row["KEV"], row["EPSS"], row["CVE"]) == ("oui", "0,931", "CVE-2026-1001 CVE-2026-1002")


def test_the_annex_holds_evidence_gaps_collectors_and_sources():
    book = openpyxl.load_workbook(io.BytesIO(annex.render(lab.ordinary(), "en")))
    assert book.sheetnames == [
        *("Machines", "Patches by machine", "Patches by remedy", "Findings", "Evidence", "Areas not seen"),
        *("Licenses", "Collectors", "Sources", "Incidents"),
    ]
    evidence = [row for row in book["Evidence"].iter_rows(min_row=5, values_only=True) if row[1] == "srv-web"]
    assert ("https://www.debian.org/security/DSA-5764-1") in {row[6] for row in evidence}
    gaps = {row[5] for row in book["Areas not seen"].iter_rows(min_row=5, values_only=True)}
    assert "the answer was cut off" in gaps
    sources = [row[9] for row in book["Sources"].iter_rows(min_row=5, values_only=True)]
    assert "0" * 64 in sources
    findings = list(book["Findings"].iter_rows(min_row=5, values_only=True))
    assert {row[4] for row in findings} == {"To fix", "Unknown", "Not applicable"}
    assert any("CVE-2026-1002" in (row[16] or "") for row in findings)


def test_the_managers_file_names_no_cve_list():
    from reports.workbook import render

    book = openpyxl.load_workbook(io.BytesIO(render(lab.ordinary(), "fr")))
    values = [str(cell.value) for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not any("CVE-" in value for value in values)
