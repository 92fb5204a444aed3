"""EPSS scores: values of a real day, both file forms, and what is no score."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import epss
from collectors.feeds.records import ExploitProbability
from tests.lab.feed_samples import members
from tests.lab.made_up_feeds import TODAY, raw_part

COMMENT = "#model_version:v2025.03.14,score_date:2026-08-16T12:55:00Z\n"
HEADER = "cve,epss,percentile\n"


def parse(tmp_path: Path, data: bytes) -> list[ExploitProbability]:
    path = tmp_path / "scores.csv.gz"
    path.write_bytes(data)
    return list(epss.parse((raw_part(path),)))


@pytest.mark.parametrize("squeeze", [gzip.compress, bytes], ids=["gzip", "plain"])
def test_scores_are_read_compressed_or_not(tmp_path, squeeze):
    text = COMMENT + HEADER + "CVE-1999-0001,0.01025,0.76561\r\nCVE-2024-9999,0.004130000,0.343950000\n"
    assert parse(tmp_path, squeeze(text.encode())) == [
        ExploitProbability(cve="CVE-1999-0001", probability=0.01025, percentile=0.76561),
        ExploitProbability(cve="CVE-2024-9999", probability=0.00413, percentile=0.34395),
    ]


def test_every_score_of_a_real_day_is_read_unchanged(tmp_path):
    years = members("feeds/epss/epss-by-year.tar.xz")
    lines = [line for _, data in years for line in data.decode().splitlines() if line]
    assert "CVE-2024-9999;0.004130000;0.343950000" in lines
    text = COMMENT + HEADER + "\n".join(lines).replace(";", ",")
    scores = parse(tmp_path, text.encode())
    assert len(scores) == 360_142
    wanted = ExploitProbability(cve="CVE-2024-9999", probability=0.00413, percentile=0.34395)
    assert wanted in scores


def test_the_model_and_the_day_are_told(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(COMMENT + HEADER)
    edition = epss.edition((raw_part(path),))
    assert edition.label == "v2025.03.14"
    assert edition.published_at == datetime(2026, 8, 16, 12, 55, tzinfo=UTC)


def test_a_comment_without_a_day_leaves_the_age_to_the_download(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("#model_version:v2023.03.01\n" + HEADER)
    assert epss.edition((raw_part(path),)).published_at is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CVE-1999-0001,0.1,0.2\n", "does not name the model"),
        (COMMENT + "cve;epss;percentile\n", "its columns are"),
        (COMMENT + HEADER + "CVE-1999-0001;0.1;0.2\n", "line 3 is no score"),
        (COMMENT + HEADER + "CVE-1999-0001,0.1,0.2\nCVE-1999-0002,0.1", "line 4 is no score"),
        (COMMENT + HEADER + "CVE-1999-0001,1.5,0.2\n", "above 1"),
        (COMMENT + HEADER + "CVE-1999-0001,nan,0.2\n", "line 3 is no score"),
        (COMMENT + HEADER + "CVE-1999-0001,1e999,0.2\n", "line 3 is no score"),
        (COMMENT + HEADER + "=cmd,0.1,0.2\n", "line 3 is no score"),
    ],
)
def test_a_line_that_is_no_score_is_named(tmp_path, text, words):
    with pytest.raises(FeedInvalid, match=words):
        parse(tmp_path, text.encode())


def test_a_bomb_of_zeros_is_refused_without_being_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(epss, "_MAX_BYTES", 1 << 20)
    with pytest.raises(FeedInvalid, match="more than 1,048,576 bytes"):
        parse(tmp_path, gzip.compress(b"\0" * (8 << 20)))


def test_today_is_asked_first_and_the_newest_after_it():
    part = epss.parts({"base": "http://mirror.example/epss/", "date": ""}, TODAY)[0]
    assert part.url.startswith("http://mirror.example/epss/epss_scores-20")
    assert part.fallbacks == ("http://mirror.example/epss/epss_scores-current.csv.gz",)
    day = epss.parts({"base": "http://mirror.example", "date": "2026-08-16"}, TODAY)[0]
    assert day.url == "http://mirror.example/epss_scores-2026-08-16.csv.gz"
    assert day.fallbacks == ()
