"""Which advisories speak about which build of a package: module streams, build variants, minor release streams.

Two builds of one name can differ in more than their version. An advisory only counts for builds of its own line: the
same module stream (L15), the same variant (L13), the same minor stream of Red Hat (L16). All else is false alarm or
false calm, because the versions of two lines do not compare.
"""

import re

_MODULAR = re.compile(r"\.module[_+]")
_DIST_TAG = re.compile(r"\.el(\d+)_(\d+)")
_STUB = re.compile(r"^\d*:?1snap\d")


def stream_of(label: str) -> str:
    """Return "name:stream" of a MODULARITYLABEL ("name:stream:version:context"), "" outside modules."""
    return ":".join(label.split(":", 2)[:2])


def is_modular(version: str) -> bool:
    """Whether a version is of a modular build, whatever its label says."""
    return ".module" in version and _MODULAR.search(version) is not None


def variant_of(version: str) -> str:
    """Return "fips" or "ksplice" for a build of that line, "" for the ordinary one (L13)."""
    if "fips" in version.casefold():
        return "fips"
    return "ksplice" if ".ksplice" in version else ""


def is_snap_stub(version: str) -> bool:
    """Whether an Ubuntu package is an empty stand-in for a snap (`firefox 1:1snap1-0ubuntu2`, L25)."""
    return _STUB.match(version) is not None


def without_minor(version: str) -> str:
    """The version with `.el7_7` written `.el7`: what a fix of a minor stream compares with in the main one (L16)."""
    return _DIST_TAG.sub(r".el\1", version)


def minor_of(version: str) -> str:
    """Minor release of a dist tag (`.el9_4` → "4"), "" when it names none."""
    found = _DIST_TAG.search(version)
    return found[2] if found else ""
