"""Installed packages of rpm systems: epoch, source rpm, module label, vendor; several versions of one name are kept.

Source: rpm(8) --queryformat and --querytags. EL 7's rpm does not know MODULARITYLABEL and refuses the whole format, so
it is asked for only where --querytags lists it. `(none)` is how rpm writes an absent tag. The first line tells whether
a database exists: a plain user of some systems asks a private, empty one.

Signatures are not checked: rpm would leave out a package whose header is signed in a way the system's policy has come
to refuse (SHA-1 on EL 9), and exit 0. What it leaves out for another reason it tells on standard error: a gap.
"""

from datetime import UTC, datetime
from functools import lru_cache

from collectors.hosts.base import (
    RPM_FAMILIES,
    Facts,
    HostCollector,
    Section,
    Unreadable,
    lines_of,
    read_lines,
    shown,
)
from collectors.model import FactKind, Gap, GapReason, LastUpdate, Package, PackageScheme

_COMMAND = r"""
if rpm --querytags | grep -qx MODULARITYLABEL; then m='%{MODULARITYLABEL}'; else m='(none)'; fi
nevra='%{NAME}\t%|EPOCH?{%{EPOCH}}:{0}|\t%{VERSION}\t%{RELEASE}\t%{ARCH}'
rpm -qa --nosignature --nodigest --qf "$nevra\t%{SOURCERPM}\t$m\t%{VENDOR}\t%{INSTALLTIME}\n"
"""
_NONE = "(none)"
_FIELDS = 9


def _parse(section: Section) -> Facts:
    rows, gaps = read_lines("rpm", FactKind.PACKAGES, lines_of(section.stdout), _package)
    packages = tuple(package for package, _ in rows if package is not None)
    if not packages and not gaps:
        raise Unreadable(GapReason.FAILED, "rpm listed no installed package")
    gaps += _left_out(section.stderr)
    newest = max((installed for _, installed in rows if installed), default=0)
    last = None
    if newest:
        last = LastUpdate(at=datetime.fromtimestamp(newest, UTC), source="rpm INSTALLTIME")
    return Facts(packages=packages, last_update=last, gaps=gaps)


def _left_out(stderr: str) -> tuple[Gap, ...]:
    errors = [line for line in lines_of(stderr) if line.startswith("error:")]
    if not errors:
        return ()
    detail = f"rpm told of {len(errors)} errors, so packages may be missing; the first: {shown(errors[0])!r}"
    return (Gap(kind=FactKind.PACKAGES, collector="rpm", reason=GapReason.FAILED, detail=detail),)


@lru_cache(maxsize=200_000)  # hosts of one estate share most lines, and so the package objects
def _package(line: str) -> tuple[Package | None, int]:
    fields = line.split("\t")
    if len(fields) != _FIELDS:
        raise ValueError(line)
    name, epoch, version, release, architecture, source, module, vendor, installed = fields
    if not name or not version or not release or _NONE in (name, version, release) or not epoch.isdecimal():
        raise ValueError(line)
    at = int(installed) if installed.isdecimal() and len(installed) <= 10 else 0
    if name == "gpg-pubkey":  # a key in the clothes of a package (L21); it is dated by the key, not by an update
        return None, 0
    source_name, source_version = _source(source) if source not in (_NONE, "") else (name, f"{version}-{release}")
    package = Package(
        name=name,
        version=f"{version}-{release}" if epoch == "0" else f"{epoch}:{version}-{release}",
        architecture="" if architecture == _NONE else architecture,
        source_name=source_name,
        source_version=source_version,
        scheme=PackageScheme.RPM,
        origin="" if vendor == _NONE else vendor,
        module="" if module == _NONE else module,
    )
    return package, at


def _source(source: str) -> tuple[str, str]:
    """Name and version-release of "openssl-3.0.7-27.el9.src.rpm" (nosrc likewise); the epoch is not in it."""
    stem = source.removesuffix(".rpm").removesuffix(".src").removesuffix(".nosrc")
    name, version, release = stem.rsplit("-", 2)
    return name, f"{version}-{release}"


COLLECTOR = HostCollector(
    name="rpm",
    kinds=(FactKind.PACKAGES, FactKind.LAST_UPDATE),
    families=RPM_FAMILIES,
    needs=("rpm",),
    command=_COMMAND,
    parse=_parse,
    timeout_s=30,
)
