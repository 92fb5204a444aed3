"""Versions sort as dpkg, rpm and apk sort them; keys sort as versions do."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.model import PackageScheme
from rules.versions import compare, key, key_function
from tests.rules.version_reference import compare_deb, compare_rpm

DEB, RPM, APK = PackageScheme.DEB, PackageScheme.RPM, PackageScheme.APK


def rising(scheme: PackageScheme, *versions: str) -> None:
    for older, newer in pairwise(versions):
        assert compare(scheme, older, newer) == -1, (older, newer)
        assert compare(scheme, newer, older) == 1, (newer, older)


def equal(scheme: PackageScheme, *versions: str) -> None:
    assert len({key(scheme, version) for version in versions}) == 1, versions


def test_L2_the_epoch_is_a_number_not_a_text() -> None:
    rising(DEB, "9.9", "1:1.0", "2:0.1", "11:0.1")
    rising(RPM, "9.9-1", "1:1.0-1", "2:0.1-1", "11:0.1-1")


def test_L3_tilde_sorts_before_the_end_and_rpm_also_knows_the_caret() -> None:
    rising(DEB, "1.0~~", "1.0~rc1", "1.0", "1.0-1~deb12u1", "1.0-1", "1.0-1+b1")
    rising(RPM, "1.0~rc1-1", "1.0-1", "1.0^git1-1", "1.0.1-1")


def test_L3_leading_zeros_do_not_count() -> None:
    equal(DEB, "1.05-1", "1.5-01", "0:1.5-1", "00:01.05-1")
    equal(RPM, "1.05-1", "1.5-01", "0:1.5-1", "00:01.05-1")


def test_a_deb_version_without_revision_has_the_revision_0() -> None:
    equal(DEB, "1.0", "1.0-0", "1.0-", "0:1.0-00")


def test_an_rpm_version_without_release_is_older_than_with_any() -> None:
    rising(RPM, "1", "1-", "1-0.1", "1-1")


def test_deb_letters_sort_before_other_signs() -> None:
    rising(DEB, "1.0~a", "1.0", "1.0Z", "1.0a", "1.0+a", "1.0.a", "1.0_a")


def test_rpm_numbers_are_newer_than_letters_and_signs_only_separate() -> None:
    rising(RPM, "1.a-1", "1.0-1", "1.1-1")
    equal(RPM, "1.0_1-1", "1.0.1-1", "1..0+1-1", "1.0.1-1.")


def test_a_debian_backport_is_older_than_what_it_was_made_from() -> None:
    rising(DEB, "2.0-1~bpo12+1", "2.0-1", "2.0-1+deb12u1", "2.0-1.1")


def test_D3_a_binary_rebuild_sorts_above_the_version_it_rebuilds() -> None:
    rising(DEB, "5.2.15-2", "5.2.15-2+b8", "5.2.15-2+b13")


def test_apk_suffixes_sort_around_the_plain_version() -> None:
    rising(
        APK,
        "1.2_alpha1-r0",
        "1.2_alpha2-r0",
        "1.2_beta-r0",
        "1.2_pre3-r0",
        "1.2_rc1-r0",
        "1.2_rc1-r2",
        "1.2-r0",
        "1.2-r10",
        "1.2_cvs1-r0",
        "1.2_svn1-r0",
        "1.2_git20240101-r0",
        "1.2_hg1-r0",
        "1.2_p1-r0",
        "1.2a-r0",
        "1.2b-r0",
        "1.2.0-r0",
        "1.2.05-r0",
        "1.2.5-r0",
        "1.2.10-r0",
    )


def test_apk_several_suffixes_and_a_commit_hash() -> None:
    rising(APK, "1.0_rc1-r0", "1.0_rc1_p1-r0", "1.0-r0", "1.0~1ab-r0", "1.0~2ab-r0")


def test_apk_ignores_what_it_does_not_understand_and_sorts_it_below() -> None:
    rising(APK, "1.2_blah", "1.2")
    equal(APK, "1.2_blah", "1.2_foo", "1.2_blah-r5")


@pytest.mark.parametrize("version", ["", "-", ":", "a:1.0-1", "1:2:3-4", "1.0-1-", "é-1", "1 2", "~", "1.0²"])
@pytest.mark.parametrize("scheme", list(PackageScheme))
def test_an_odd_version_has_a_place_in_the_order_and_stops_nothing(scheme: PackageScheme, version: str) -> None:
    assert compare(scheme, version, version) == 0
    assert compare(scheme, version, "1.0-1") == -compare(scheme, "1.0-1", version)


def test_a_deb_epoch_that_is_no_number_belongs_to_the_upstream_version() -> None:
    rising(DEB, "1-1", "a:1-1", "b:1-1", "1:0-1")


def test_an_rpm_epoch_that_is_no_number_belongs_to_the_version() -> None:
    rising(RPM, "a:1", "b:1", "0-1")


def test_keys_of_ordinary_versions_are_short() -> None:
    lengths = [len(key(DEB, version)) for version in ("1:2.36.1-8+deb11u2", "3.0.15-1~deb12u1", "5.15.0-161.171")]
    assert max(lengths) <= 26


# --- properties ---------------------------------------------------------------------------------------------------

deb_versions = st.from_regex(r"([0-9]{1,3}:)?[0-9][A-Za-z0-9.+~]{0,8}(-[A-Za-z0-9.+~]{1,6})?", fullmatch=True)
rpm_versions = st.from_regex(r"([0-9]{1,3}:)?[0-9A-Za-z._+~^]{1,9}(-[0-9A-Za-z._+~^]{1,7})?", fullmatch=True)
apk_versions = st.from_regex(
    r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]{0,3}){0,2}(~[0-9a-f]{1,4})?"
    r"(-r[0-9]{1,2})?",
    fullmatch=True,
)
wild = st.text(alphabet="0019aZ.:-+~^_é☃\x00 ", max_size=12)


@given(a=deb_versions | wild, b=deb_versions | wild)
def test_deb_keys_agree_with_the_manual(a: str, b: str) -> None:
    assert compare(DEB, a, b) == compare_deb(a.strip(), b.strip())


@given(a=rpm_versions | wild, b=rpm_versions | wild)
def test_rpm_keys_agree_with_the_manual(a: str, b: str) -> None:
    assert compare(RPM, a, b) == compare_rpm(a.strip(), b.strip())


@given(
    scheme=st.sampled_from(PackageScheme),
    versions=st.lists(deb_versions | rpm_versions | apk_versions | wild, max_size=6),
)
def test_keys_are_a_total_order_equal_to_compare(scheme: PackageScheme, versions: list[str]) -> None:
    ordered = sorted(versions, key=key_function(scheme))
    for number, older in enumerate(ordered):
        for newer in ordered[number:]:
            assert compare(scheme, older, newer) <= 0
            assert compare(scheme, newer, older) >= 0


@given(versions=st.lists(st.integers(min_value=0, max_value=10**80), min_size=2, max_size=2))
@pytest.mark.parametrize("scheme", list(PackageScheme))
def test_numbers_of_any_length_sort_by_value(scheme: PackageScheme, versions: list[int]) -> None:
    a, b = versions
    assert compare(scheme, f"{a}", f"{b}") == (a > b) - (a < b)
