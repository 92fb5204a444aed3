"""endoflife.date: until when each release of a system or application is supported, and by what name it goes on.

Rows of `lifecycle_overrides.toml` win over the download: the site is edited by volunteers and contradicts itself or
the vendor here and there (W15). Only products that a rule judges are kept.
Source: https://endoflife.date/docs/api/v1/ (GET /products/full).
"""

import hashlib
import html
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from collectors.errors import FeedInvalid
from collectors.feeds.feed import Edition, Feed, Part, RawPart
from collectors.feeds.records import Lifecycle

_NAME = "endoflife"
_URL = "https://endoflife.date/api/v1/products/full"
_OVERRIDES = Path(__file__).with_name("lifecycle_overrides.toml")
_TAG = re.compile(r"<[^<>]*>")

_DISTRIBUTIONS = """
almalinux alpine-linux amazon-linux centos centos-stream debian fedora linuxmint opensuse oracle-linux proxmox-ve rhel
rocky-linux sles ubuntu
"""
_MICROSOFT = """
windows windows-server windows-server-core windows-embedded windows-nano-server
office mssqlserver msexchange sharepoint dotnet dotnetfx powershell windows-powershell visual-studio azure-devops-server
internet-explorer microsoft-build-of-openjdk
"""
_APPLICATIONS = """
amazon-corretto apache-activemq apache-http-server apache-subversion azul-zulu bellsoft-liberica blender chrome
citrix-vad clamav coldfusion commvault confluence docker-engine eclipse-temurin elasticsearch erlang filemaker firefox
gitlab-runner grafana ibm-db2 ibm-mq ibm-semeru influxdb jenkins jira-software kibana libreoffice logstash mariadb
mongodb mysql nginx nodejs notepad-plus-plus omnissa-horizon openjdk-builds-from-oracle openssl openvpn pan-gp
oracle-database oracle-jdk perl php phpmyadmin postgresql python rabbitmq redis ruby sapmachine sonarqube-server splunk
tomcat unity veeam-backup-and-replication veeam-backup-for-microsoft-365 veeam-one virtualbox vmware-esxi vmware-vcenter
wireshark wordpress zabbix zerto
"""

PRODUCTS = frozenset(f"{_DISTRIBUTIONS} {_MICROSOFT} {_APPLICATIONS}".split())
"""endoflife.date's names of the products kept."""


class _Latest(msgspec.Struct):
    name: str | None = None


class _Release(msgspec.Struct, rename="camel"):
    name: str
    is_eol: bool
    codename: str | None = None
    release_date: date | None = None
    is_lts: bool = False
    eol_from: date | None = None
    eoes_from: date | None = None
    latest: _Latest | None = None


class _Labels(msgspec.Struct):
    eoes: str | None = None


class _Product(msgspec.Struct):
    name: str
    releases: list[_Release]
    labels: _Labels | None = None


class _Products(msgspec.Struct):
    result: list[_Product]
    schema_version: str = "1"
    generated_at: datetime | None = None


class Override(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One row of our own table; a field left out keeps the download's value."""

    product: str
    cycle: str
    source: str
    reason: str
    support_ends_on: date | None = None
    extended_ends_on: date | None = None
    extended_name: str | None = None


def read_overrides(path: Path = _OVERRIDES) -> dict[tuple[str, str], Override]:
    """Return our own rows by (product, cycle). Raises FeedInvalid naming the file for one that is not complete."""
    rows: dict[tuple[str, str], Override] = {}
    try:
        with path.open("rb") as file:
            for row in msgspec.convert(tomllib.load(file)["override"], list[Override]):
                if rows.setdefault((row.product, row.cycle), row) is not row or not (row.source and row.reason):
                    raise FeedInvalid(
                        _NAME, f"{path.name}: {row.product} {row.cycle} stands twice or names no source and reason."
                    )
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, LookupError) as error:
        raise FeedInvalid(_NAME, f"{path.name} is not understood: {error}.") from error
    return rows


def _read(parts: tuple[RawPart, ...]) -> _Products:
    try:
        products = msgspec.json.decode(parts[0].path.read_bytes(), type=_Products)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FeedInvalid(_NAME, f"{parts[0].name} is not the product list of endoflife.date: {error}.") from error
    if products.schema_version.split(".", maxsplit=1)[0] != "1":
        raise FeedInvalid(_NAME, f"the product list has schema version {products.schema_version[:20]!r}, not 1.")
    return products


def parse(parts: tuple[RawPart, ...]) -> Iterator[Lifecycle]:
    """Yield each release cycle of the products kept, our own rows applied; a cycle only we know comes last."""
    overrides = read_overrides()
    for product in _read(parts).result:
        if product.name not in PRODUCTS:
            continue
        extended_name = _plain(product.labels.eoes) if product.labels and product.labels.eoes else ""
        for release in product.releases:
            yield _lifecycle(product.name, release, extended_name, overrides.pop((product.name, release.name), None))
    for row in overrides.values():
        if row.support_ends_on is not None:
            release = _Release(name=row.cycle, is_eol=False)
            yield _lifecycle(row.product, release, "", row)


def _lifecycle(product: str, release: _Release, extended_name: str, override: Override | None) -> Lifecycle:
    ends, extended = release.eol_from, release.eoes_from
    if override is not None:
        ends = override.support_ends_on or ends
        extended = override.extended_ends_on or extended
        extended_name = override.extended_name or extended_name
    return Lifecycle(
        product=product,
        cycle=release.name,
        codename=release.codename or "",
        released_on=release.release_date,
        support_ends_on=ends,
        extended_ends_on=extended,
        extended_name=extended_name if extended is not None else "",
        ended=release.is_eol if ends is None else None,
        lts=release.is_lts,
        latest=(release.latest.name or "") if release.latest else "",
    )


def _plain(label: str) -> str:
    """A column title without markup: 'Debian <abbr title="Long Term Support">LTS</abbr>' is "Debian LTS"."""
    return html.unescape(_TAG.sub("", label)).strip()


def edition(parts: tuple[RawPart, ...]) -> Edition:
    """Return when the list was generated; the site rebuilds it daily."""
    products = _read(parts)
    generated = products.generated_at
    if generated is not None:
        generated = generated.replace(tzinfo=UTC) if generated.tzinfo is None else generated.astimezone(UTC)
    return Edition(published_at=generated, label=f"schema {products.schema_version}")


def parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    """One file with every product."""
    return (Part(name="products.json", url=settings["url"], max_bytes=128 << 20),)


FEED = Feed(
    name=_NAME,
    title="endoflife.date",
    licence="MIT",
    homepage="https://endoflife.date/",
    max_age_days=30,
    parts=parts,
    parse=parse,
    edition=edition,
    minimum_records=100,
    settings={"url": _URL},
    # Our own table is part of what is compiled: a change of it compiles the feed again.
    revision=int(hashlib.sha256(_OVERRIDES.read_bytes()).hexdigest()[:8], 16),
)
