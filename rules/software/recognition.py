"""Which products a machine runs, each once, however many rows, languages, architectures and updates speak of it.

In the order of what can be trusted most: Windows itself by build and edition, SQL Server by its instances and Exchange
by its program file (never by their many rows), Office by Click-to-Run ids, then by MSI product codes, everything else
by display names (`rules.products`). Where Click-to-Run told what it installed, its own rows add nothing (case 43).
What no product of the table fits and does not fold into another one is told as unrecognized: never ignored.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from collectors.model import Application, HostSnapshot, Package, PackageScheme
from collectors.windows.facts import WindowsFacts
from rules.products import (
    LicenseKind,
    Product,
    folded_as,
    java_version,
    license_of,
    licensed,
    plain_text,
    product_by_id,
    product_of,
    programs,
    shown_name,
    version_of,
)
from rules.rights import Channel
from rules.software.office_ids import OfficeProduct, click_to_run, key_channel, product_code
from rules.software.windows_editions import exchange_release, sql_edition, windows_release

_WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"  # ApplicationID of Windows
_CLICK_TO_RUN = "click-to-run"
_CULTURE = re.compile(r" - [a-z]{2,3}-[a-z]{2,4}$", re.IGNORECASE)
_EXTENDED_UPDATES = re.compile(r"\besu\b|extended.security", re.IGNORECASE)
_ACTIVATED = 1
_ORACLE_PACKAGE = re.compile(r"(?:jdk|jre)(?:-?\d[\d._]*)?")
_RELEASE_OF_PACKAGE = re.compile(r"(?:\d+:)?(?P<version>[^-]+).*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """One product on one machine, with the edition and the version rights speak of ("" where they speak of none).

    `license` is what this copy needs: an edition or a version may be free where its product is not. `users` are the
    people for whom alone it is installed (profile names, else SIDs); empty where it is there for everybody. `rows` are
    the names under which it was seen, as written (ids where it is known by its id alone). `shared_computer` is Office's
    activation for shared computers.
    """

    product: Product
    edition: str = ""
    version: str = ""
    channel: Channel = Channel.UNKNOWN
    license: LicenseKind
    users: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    shared_computer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that may need a right and that no product of the table is."""

    name: str
    publisher: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What one machine runs: recognized products, and programs nobody could name."""

    installs: tuple[Install, ...] = ()
    unrecognized: tuple[Program, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Found:
    """One product while rows about it are read."""

    product: Product
    edition: str
    version: str
    license: LicenseKind
    channel: Channel = Channel.UNKNOWN
    users: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    for_all: bool = False
    shared: bool = False

    def install(self) -> Install:
        return Install(
            product=self.product,
            edition=self.edition,
            version=self.version,
            channel=self.channel,
            license=self.license,
            users=() if self.for_all else tuple(sorted(dict.fromkeys(self.users))),
            rows=tuple(dict.fromkeys(self.rows)),
            shared_computer=self.shared,
        )


class _Shelf:
    """Products by identity, edition, version and license."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str, LicenseKind], _Found] = {}

    def add(
        self,
        product: Product,
        row: str,
        *,
        edition: str = "",
        version: str = "",
        exact: str = "",
        text: str = "",
        channel: Channel = Channel.UNKNOWN,
        user: str = "",
        shared: bool = False,
    ) -> None:
        """Take in one row; `exact` and `text` are the version and the name that tell free from paid."""
        kind = license_of(product, edition, exact, text)
        found = self._found.setdefault(
            (product.id, edition, version, kind),
            _Found(product=product, edition=edition, version=version, license=kind),
        )
        found.channel = found.channel or channel
        found.rows.append(row)
        found.shared = found.shared or shared
        if user:
            found.users.append(user)
        else:
            found.for_all = True

    def installs(self) -> tuple[Install, ...]:
        """Everything found, in the order it was found first.

        A product code that names no edition ("Single Image") is the same copy as the row that names one.
        """
        named = {(one.product.id, one.version) for one in self._found.values() if one.edition}
        return tuple(
            one.install()
            for one in self._found.values()
            if one.edition or not one.product.msi or (one.product.id, one.version) not in named
        )


def recognized(snapshot: HostSnapshot) -> Recognition:
    """Say which products a machine runs; a machine that was not read runs none that anybody knows of.

    On Linux only what is certain is told: Oracle's own packages of Java.
    """
    shelf = _Shelf()
    windows = snapshot.windows
    if windows is None:
        for package in snapshot.packages:
            _oracle_java(shelf, package)
        return Recognition(installs=shelf.installs())
    _system(shelf, windows)
    _servers(shelf, windows)
    unknown = list(_office(shelf, windows))
    unknown += _programs(shelf, snapshot, windows)
    return Recognition(installs=shelf.installs(), unrecognized=_distinct(unknown))


def _system(shelf: _Shelf, windows: WindowsFacts) -> None:
    system = windows.system
    name, version = windows_release(system)
    product = product_by_id(name)
    edition = product.edition_in(plain_text(system.edition_id))
    keys = [
        row
        for row in windows.activations
        if row.application_id == _WINDOWS and not _EXTENDED_UPDATES.search(f"{row.name} {row.description}")
    ]
    keys.sort(key=lambda row: row.status != _ACTIVATED)
    row = " ".join(filter(None, (product.name, version, edition or system.edition_id)))
    shelf.add(product, row, edition=edition, version=version, channel=key_channel(keys[0]) if keys else Channel.UNKNOWN)


def _servers(shelf: _Shelf, windows: WindowsFacts) -> None:
    for instance in windows.sql_instances:
        product = product_by_id("sql-server")
        edition = sql_edition(product, instance)
        version = product.release_of("", instance.version)
        row = " ".join(filter(None, (product.name, version, instance.edition, f"({instance.name})")))
        shelf.add(product, row, edition=edition, version=version)
    if windows.exchange_version:
        version = exchange_release(windows.exchange_version)
        shelf.add(product_by_id("exchange-server"), f"Exchange Server {version}".strip(), version=version)


def _office(shelf: _Shelf, windows: WindowsFacts) -> Iterator[Program]:
    """Put every Office that tells its ids on the shelf; yield ids nobody knows."""
    for office in windows.office:
        if office.kind != _CLICK_TO_RUN:
            for code in office.product_codes:
                _add_office(shelf, product_code(code), code)
            continue
        for identity in office.products:
            known = click_to_run(identity, office.version, windows.activations)
            if known is None:
                yield Program(name=identity, publisher="Microsoft", version=office.version)
            else:
                _add_office(shelf, known, identity, shared=bool(office.shared_computer))


def _add_office(shelf: _Shelf, known: OfficeProduct | None, row: str, *, shared: bool = False, user: str = "") -> bool:
    """Put one Office product on the shelf; true when the id was Office's, be it a language or a tool."""
    if known is not None and known.product is not None:
        shelf.add(
            known.product,
            row,
            edition=known.edition,
            version=known.version,
            channel=known.channel,
            user=user,
            shared=shared,
        )
    return known is not None


def _programs(shelf: _Shelf, snapshot: HostSnapshot, windows: WindowsFacts) -> Iterator[Program]:
    people = {profile.sid: profile.name for profile in windows.profiles if profile.name}
    told = any(office.kind == _CLICK_TO_RUN and office.products for office in windows.office)
    for entry in programs(snapshot):
        user = people.get(entry.user, entry.user) if entry.scope == "user" else ""
        if told and _CULTURE.search(entry.name) and _is_office_row(entry):
            continue
        if _by_code(shelf, entry, windows, user):
            continue
        product = product_of(entry.name, entry.publisher)
        if product is not None:
            _by_display_name(shelf, product, entry, user)
        elif not folded_as(entry.name, entry.publisher):
            yield Program(name=shown_name(entry.name), publisher=entry.publisher.strip(), version=entry.version)


def _is_office_row(entry: Application) -> bool:
    """Whether Click-to-Run wrote a row: it names the language behind the product, MSI does not."""
    product = product_of(entry.name, entry.publisher)
    return product is not None and bool(product.click_to_run)


def _by_code(shelf: _Shelf, entry: Application, windows: WindowsFacts, user: str) -> bool:
    """Read the name of an uninstall key: Click-to-Run's is "<id> - <language>", MSI's the product code."""
    row = entry.name
    if _CULTURE.search(entry.code):
        identity = _CULTURE.sub("", entry.code)
        return _add_office(shelf, click_to_run(identity, entry.version, windows.activations), row, user=user)
    return _add_office(shelf, product_code(entry.code), row, user=user)


def _by_display_name(shelf: _Shelf, product: Product, entry: Application, user: str) -> None:
    text = plain_text(entry.name)
    exact = version_of(product, entry)
    product = licensed(product)
    shelf.add(
        product,
        entry.name,
        edition=product.edition_in(text),
        version=product.release_of(text, exact),
        exact=exact,
        text=text,
        user=user,
    )


def _oracle_java(shelf: _Shelf, package: Package) -> None:
    """Oracle's packages are called "jdk-17", "jdk1.8", "jre-1.8"; its Linux calls OpenJDK java-*-openjdk."""
    named = _ORACLE_PACKAGE.fullmatch(package.name)
    if named is None or (package.scheme is PackageScheme.RPM and "oracle" not in package.origin.lower()):
        return
    product = product_by_id("oracle-java")
    version = java_version(_RELEASE_OF_PACKAGE.sub(r"\g<version>", package.version))
    shelf.add(product, package.name, version=product.release_of("", version), exact=version)


def _distinct(found: Iterable[Program]) -> tuple[Program, ...]:
    """Each program once: 32 and 64 bits, and copies for several people, are one."""
    kept: dict[tuple[str, str], Program] = {}
    for program in found:
        kept.setdefault((plain_text(program.name), plain_text(program.publisher)), program)
    return tuple(kept.values())
