"""Microsoft's product names, as the security update guide spells them this month, on the keys of `AffectedPackage`.

The guide has no stable key that a machine could report: a product is a sentence ("Windows 11 version 26H1 for
x64-based Systems") whose spelling changes from month to month (M6). Names are read loosely (case, spaces, trailing
words) and versions strictly: a version outside the tables is nobody's, never the nearest known one.
"""

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple


class Product(NamedTuple):
    """One key under which rows of a product are stored; `branch` is what a fixed build must begin with ("" any)."""

    release: str
    package: str
    module: str = ""
    branch: str = ""


class Outside(Enum):
    """Why a product has no key."""

    CLICK_TO_RUN = "Click-to-Run"  # Office that its own channel judges (feed office-channels)
    OTHER = "other product"  # nothing that is looked for on a machine: Azure, Edge, Linux, phones, developer tools
    UNKNOWN = "unknown"  # reads like a product that is looked for, in a version or spelling we do not know


CLIENT_BUILDS = {
    ("7", ""): 7601,
    ("8.1", ""): 9600,
    ("10", ""): 10240,
    ("10", "1507"): 10240,
    ("10", "1511"): 10586,
    ("10", "1607"): 14393,
    ("10", "1703"): 15063,
    ("10", "1709"): 16299,
    ("10", "1803"): 17134,
    ("10", "1809"): 17763,
    ("10", "1903"): 18362,
    ("10", "1909"): 18363,
    ("10", "2004"): 19041,
    ("10", "20h2"): 19042,
    ("10", "21h1"): 19043,
    ("10", "21h2"): 19044,
    ("10", "22h2"): 19045,
    ("11", ""): 22000,
    ("11", "21h2"): 22000,
    ("11", "22h2"): 22621,
    ("11", "23h2"): 22631,
    ("11", "24h2"): 26100,
    ("11", "25h2"): 26200,
    ("11", "26h1"): 28000,
}
"""Build of a client by marketing name and version."""

SERVER_BUILDS = {
    "2008 r2": 7601,
    "2012": 9200,
    "2012 r2": 9600,
    "2016": 14393,
    "2019": 17763,
    "2022": 20348,
    "2022, 23h2 edition": 25398,
    "2025": 26100,
    ", version 1903": 18362,
    ", version 1909": 18363,
    ", version 2004": 19041,
    ", version 20h2": 19042,
}
"""Build of a server by what follows "Windows Server"; Server Core is the same product (W11)."""

_OLD_BRANCHES = {7601: "6.1.7601.", 9200: "6.2.9200.", 9600: "6.3.9600."}
_ARCHITECTURES = {"32-bit": "x86", "x64-based": "x64", "x64": "x64", "arm64-based": "arm64", "arm": "arm64"}

_SPACES = re.compile(r"[\s\u200b\u00a0]+")
_CLIENT = re.compile(
    r"windows (?P<name>7|8\.1|10|11)(?:,? version (?P<version>\w+))? for (?P<architecture>[\w-]+) systems"
    r"(?: service pack 1)?(?: - extra)?"
)
_SERVER = re.compile(
    r"windows server(?P<name> 20\d\d(?: r2)?(?:, \w+ edition)?|, version \w+)"
    r"(?: for x64-based systems)?(?: service pack [12])?(?: datacenter: azure edition| azure edition core)?"
    r"(?: ?\(?hotpatch\)?)?(?: ?\(server core installation\))?"
)
_FRAMEWORK = re.compile(
    r"microsoft \.net framework (?P<versions>[\d./ and]+?)(?: service pack \d)? on (?P<system>windows .*)"
)
_RUNTIME = re.compile(r"(?P<name>\.net(?: core)?|asp\.net core) (?P<version>\d+\.\d+)(?: installed on (?P<system>.*))?")
_SQL_SERVER = re.compile(
    r"microsoft sql server (?P<version>20\d\d)(?P<r2> r2)?(?: for (?:x64-based|32-bit) systems)?"
    r"(?: service pack (?P<pack>\d))?"
    r"(?: ?\((?P<branch>gdr|cu ?\d+)\)| (?P<connect>azure connect feature pack))?"
)
_EXCHANGE = re.compile(
    r"microsoft exchange server (?P<version>20\d\d|subscription edition)"
    r"(?: cumulative update (?P<update>\d+)| (?P<first>rtm))?"
)
_OFFICE_MSI = re.compile(
    r"(?:microsoft )?"
    r"(?P<name>office|access|excel|onenote|outlook|powerpoint|project|publisher|visio|word|skype for business)"
    r" (?P<version>2010|2013|2016)(?: service pack \d| rt service pack \d)? \((?P<architecture>32|64)-bit editions?\)"
)
_CLICK_TO_RUN = re.compile(
    r"microsoft (?:365 apps for enterprise .*|office (?:2019|ltsc 20\d\d) for (?:32|64)-bit editions"
    r"|\w+ 20\d\d click-to-run .*|(?:project|visio) (?:2019|ltsc 20\d\d).*)"
)
_LOOKED_FOR = re.compile(
    r"windows (?:7|8|10|11|12)\b|windows server\b|microsoft sql server 20|microsoft exchange server"
    r"|microsoft \.net framework|\.net \d|\.net core \d|asp\.net core \d"
    r"|microsoft (?:office|access|excel|outlook|powerpoint|publisher|word) 20"
)
# They read like Windows, SQL Server or Office and are not: driver kits, editions for other machines, systems without a
# release key of ours.
_APART = re.compile(
    r"windows (?:10|11|server)\b.* hlk\b.*|windows (?:10|11) hlk\b.*|windows server 2008(?! r2)\b.*|windows rt\b.*"
    r"|windows server, version (?:1709|1803)\b.*|windows (?:10|11) mobile\b.*|windows 8 for .*|windows 7 for itanium.*"
    r"|windows server 2008 r2 for itanium.*|windows 8\.1 rt.*"
)


def products_of(name: str) -> tuple[Product, ...] | Outside:
    """Return the keys of one product name; several where one row speaks of several .NET Framework versions."""
    plain = _SPACES.sub(" ", name).strip().lower()
    for pattern, read in _READERS:
        found = pattern.fullmatch(plain)
        if found is not None:
            products = tuple(read(found))
            if products:
                return products
            return Outside.OTHER if _is_elsewhere(plain) else Outside.UNKNOWN
    if _CLICK_TO_RUN.fullmatch(plain):
        return Outside.CLICK_TO_RUN
    if _LOOKED_FOR.match(plain) and not _is_elsewhere(plain):
        return Outside.UNKNOWN
    return Outside.OTHER


def _is_elsewhere(plain: str) -> bool:
    """Whether a name is known to mean no Windows machine with a release key, whatever it reads like."""
    system = plain.partition(" on ")[2] or plain
    return _APART.fullmatch(system) is not None or system in {"linux", "mac os", "macos"}


def _client(found: "re.Match[str]") -> Iterator[Product]:
    build = CLIENT_BUILDS.get((found["name"], found["version"] or ""))
    architecture = _ARCHITECTURES.get(found["architecture"])
    if build is not None and architecture is not None:
        yield Product(f"windows:{build}-client", f"windows/{architecture}", branch=_branch(build))


def _server(found: "re.Match[str]") -> Iterator[Product]:
    build = SERVER_BUILDS.get(found["name"].strip())
    if build is not None:
        yield Product(f"windows:{build}-server", "windows/x64", branch=_branch(build))


def _branch(build: int) -> str:
    return _OLD_BRANCHES.get(build, f"10.0.{build}.")


def _framework(found: "re.Match[str]") -> Iterator[Product]:
    systems = products_of(found["system"])
    if isinstance(systems, Outside):
        return
    for system in systems:
        architecture = system.package.partition("/")[2]
        for version in re.findall(r"\d+(?:\.\d+)+", found["versions"]):
            yield Product(system.release, f"dotnet-framework:{version}/{architecture}")


def _runtime(found: "re.Match[str]") -> Iterator[Product]:
    if found["system"] in {None, "windows"}:
        package = "aspnetcore" if found["name"].startswith("asp") else "dotnet"
        yield Product(f"dotnet:{found['version']}", package)


def _sql_server(found: "re.Match[str]") -> Iterator[Product]:
    pack = f"SP{found['pack']} " if found["pack"] else ""
    branch = "ACP" if found["connect"] else (found["branch"] or "").upper()
    if branch.startswith("CU"):
        branch = f"CU {branch[2:].strip()}"
    release = f"sql-server:{found['version']}{'r2' if found['r2'] else ''}"
    yield Product(release, "sql-server", module=f"{pack}{branch}".strip())


def _exchange(found: "re.Match[str]") -> Iterator[Product]:
    version = "se" if found["version"].startswith("sub") else found["version"]
    module = f"CU{found['update']}" if found["update"] else "RTM"
    yield Product(f"exchange:{version}", "exchange", module=module)


def _office_msi(found: "re.Match[str]") -> Iterator[Product]:
    architecture = {"32": "x86", "64": "x64"}[found["architecture"]]
    yield Product(f"office-msi:{found['version']}", f"{found['name'].replace(' ', '-')}/{architecture}")


_READERS: tuple[tuple["re.Pattern[str]", Callable[["re.Match[str]"], Iterator[Product]]], ...] = (
    (_CLIENT, _client),
    (_SERVER, _server),
    (_FRAMEWORK, _framework),
    (_RUNTIME, _runtime),
    (_SQL_SERVER, _sql_server),
    (_EXCHANGE, _exchange),
    (_OFFICE_MSI, _office_msi),
)
