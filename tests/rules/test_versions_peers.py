"""Versions compared with the package managers themselves, where they are installed; one process per thousand pairs."""

import shutil
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.model import PackageScheme
from rules.versions import compare
from tests.rules.test_versions import deb_versions, rpm_versions

Pair = tuple[str, str]

pytestmark = pytest.mark.peer
_SETTINGS = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
# dpkg is asked once per relation and pair; a shell asks many pairs in one go and prints one sign a line.
_DPKG = """while read -r a b; do
if dpkg --compare-versions "$a" lt "$b"; then echo -1
elif dpkg --compare-versions "$a" eq "$b"; then echo 0
else echo 1; fi
done"""


def ask_dpkg(pairs: Sequence[Pair]) -> list[int]:
    lines = "".join(f"{a} {b}\n" for a, b in pairs)
    done = subprocess.run(["sh", "-c", _DPKG], input=lines, capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


def ask_rpm(pairs: Sequence[Pair]) -> list[int]:
    """rpm.vercmp of rpm >= 4.16 compares whole `[epoch:]version[-release]`."""
    calls = " ".join(f'print(rpm.vercmp("{a}", "{b}"))' for a, b in pairs)
    done = subprocess.run(["rpm", "--eval", f"%{{lua:{calls}}}"], capture_output=True, text=True, check=True)
    signs = done.stdout.replace("-1", "<").replace("0", "=").replace("1", ">")
    return [{"<": -1, "=": 0, ">": 1}[sign] for sign in signs if sign in "<=>"]


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed")
@_SETTINGS
@given(pairs=st.lists(st.tuples(deb_versions, deb_versions), min_size=25, max_size=60))
def test_deb_versions_sort_as_dpkg_says(pairs: list[Pair]) -> None:
    assert [compare(PackageScheme.DEB, a, b) for a, b in pairs] == ask_dpkg(pairs)


@pytest.mark.skipif(shutil.which("rpm") is None, reason="rpm is not installed")
@_SETTINGS
@given(pairs=st.lists(st.tuples(rpm_versions, rpm_versions), min_size=25, max_size=60))
def test_rpm_versions_sort_as_rpm_says(pairs: list[Pair]) -> None:
    assert [compare(PackageScheme.RPM, a, b) for a, b in pairs] == ask_rpm(pairs)
