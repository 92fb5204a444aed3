"""Every vector of the shared oracles; the data stays where it is and the tests skip without it."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from collectors.model import PackageScheme
from rules.versions import compare

VECTORS = Path(__file__).parents[2].parent / "shared/data/oracles/version-compare"
DEB, RPM, APK = PackageScheme.DEB, PackageScheme.RPM, PackageScheme.APK
SIGNS = {"<": -1, "=": 0, ">": 1}

pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason="the shared version vectors are not here")


def lines(path: str) -> Iterator[tuple[str, int, str]]:
    for line in (VECTORS / path).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            a, sign, b = line.strip().split(" ")
            yield a, SIGNS[sign], b


def macros(path: str) -> Iterator[tuple[str, int, str]]:
    text = (VECTORS / path).read_text(encoding="utf-8")
    for a, b, order in re.findall(r"^(?:dnl )?RPMVERCMP\((.*), (.*), (-?\d)\)", text, re.MULTILINE):
        yield a, int(order), b


def wrong(scheme: PackageScheme, vectors: Iterator[tuple[str, int, str]]) -> tuple[int, list[tuple[str, int, str]]]:
    count, failures = 0, []
    for a, order, b in vectors:
        count += 1
        if compare(scheme, a, b) != order or compare(scheme, b, a) != -order:
            failures.append((a, order, b))
    return count, failures


@pytest.mark.parametrize(
    ("scheme", "path", "count"),
    [
        (DEB, "osv-scalibr/debian-versions-generated.txt", 14442),
        (DEB, "osv-scalibr/debian-versions.txt", 30),
        (RPM, "osv-scalibr/redhat-versions.txt", 165),
        (APK, "osv-scalibr/alpine-versions.txt", 778),
        (APK, "univers/alpine_test.txt", 716),
    ],
)
def test_every_line_of_a_file_of_vectors(scheme: PackageScheme, path: str, count: int) -> None:
    assert wrong(scheme, lines(path)) == (count, [])


@pytest.mark.parametrize("path", ["rpmvercmp.at", "univers/rpmvercmp.at"])
def test_every_vector_of_rpm_itself(path: str) -> None:
    assert wrong(RPM, macros(path)) == (103, [])


@pytest.mark.parametrize(
    ("scheme", "path", "count"),
    [
        (APK, "univers/schema/alpine_version_cmp.json", 716),
        (DEB, "univers/schema/deb_version_python_pkg_test.json", 16),
    ],
)
def test_every_vector_of_a_schema_file(scheme: PackageScheme, path: str, count: int) -> None:
    vectors = json.loads((VECTORS / path).read_text(encoding="utf-8"))
    assert len(vectors) == count
    for vector in vectors:
        versions = vector["input"]["versions"]
        if vector["test_type"] == "equality":
            assert (compare(scheme, *versions) == 0) is vector["expected_output"], versions
        else:
            rising = vector["expected_output"]
            assert all(compare(scheme, older, newer) <= 0 for older, newer in pairwise(rising)), versions
