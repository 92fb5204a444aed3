"""What a Windows is called, made from build and edition: ProductName says "Windows 10" on Windows 11 (W12, D6).

Source: Windows release information (learn.microsoft.com, release-health) for builds; winnt.h PRODUCT_* and the
EditionID values of the registry for editions.
"""

import re

_CLIENTS = {
    7601: ("Windows 7", "SP1"),
    9200: ("Windows 8", ""),
    9600: ("Windows 8.1", ""),
    10240: ("Windows 10", "1507"),
    10586: ("Windows 10", "1511"),
    14393: ("Windows 10", "1607"),
    15063: ("Windows 10", "1703"),
    16299: ("Windows 10", "1709"),
    17134: ("Windows 10", "1803"),
    17763: ("Windows 10", "1809"),
    18362: ("Windows 10", "1903"),
    18363: ("Windows 10", "1909"),
    19041: ("Windows 10", "2004"),
    19042: ("Windows 10", "20H2"),
    19043: ("Windows 10", "21H1"),
    19044: ("Windows 10", "21H2"),
    19045: ("Windows 10", "22H2"),
    22000: ("Windows 11", "21H2"),
    22621: ("Windows 11", "22H2"),
    22631: ("Windows 11", "23H2"),
    26100: ("Windows 11", "24H2"),
    26200: ("Windows 11", "25H2"),
    28000: ("Windows 11", "26H1"),
}
_SERVERS = {
    7601: "Windows Server 2008 R2 SP1",
    9200: "Windows Server 2012",
    9600: "Windows Server 2012 R2",
    14393: "Windows Server 2016",
    17763: "Windows Server 2019",
    18362: "Windows Server 1903",
    18363: "Windows Server 1909",
    19041: "Windows Server 2004",
    19042: "Windows Server 20H2",
    20348: "Windows Server 2022",
    25398: "Windows Server 23H2",
    26100: "Windows Server 2025",
}
_LONG_TERM = {10240: "LTSB 2015", 14393: "LTSB 2016", 17763: "LTSC 2019", 19044: "LTSC 2021", 26100: "LTSC 2024"}
_EDITIONS = {
    "core": "Home",
    "coren": "Home N",
    "coresinglelanguage": "Home Single Language",
    "corecountryspecific": "Home China",
    "professional": "Pro",
    "professionaln": "Pro N",
    "professionalworkstation": "Pro for Workstations",
    "professionalworkstationn": "Pro N for Workstations",
    "professionaleducation": "Pro Education",
    "professionaleducationn": "Pro Education N",
    "education": "Education",
    "educationn": "Education N",
    "enterprise": "Enterprise",
    "enterprisen": "Enterprise N",
    "enterpriseeval": "Enterprise Evaluation",
    "enterprises": "Enterprise",
    "enterprisesn": "Enterprise N",
    "enterpriseseval": "Enterprise Evaluation",
    "iotenterprise": "IoT Enterprise",
    "iotenterprisek": "IoT Enterprise",
    "iotenterprises": "IoT Enterprise",
    "iotenterprisesk": "IoT Enterprise",
    "serverrdsh": "Enterprise multi-session",
    "cloud": "S",
    "cloudedition": "SE",
    "ppipro": "Team",
    "serverstandard": "Standard",
    "serverstandardeval": "Standard Evaluation",
    "serverstandardacor": "Standard",
    "serverdatacenter": "Datacenter",
    "serverdatacentereval": "Datacenter Evaluation",
    "serverdatacenteracor": "Datacenter",
    "serverturbine": "Datacenter Azure Edition",
    "serverturbinecor": "Datacenter Azure Edition",
    "serversolution": "Essentials",
    "serverfoundation": "Foundation",
    "serverweb": "Web",
    "serverenterprise": "Enterprise",
    "serverstoragestandard": "Storage Standard",
    "serverstorageworkgroup": "Storage Workgroup",
}
_LONG_TERM_EDITIONS = frozenset({"enterprises", "enterprisesn", "enterpriseseval", "iotenterprises", "iotenterprisesk"})
_HYPER_V_SKU = 42
_STACK_HCI_SKU = 406
_NANO_SKUS = frozenset({109, 143, 144, 169, 172})
_NANO = re.compile(r"nano", re.IGNORECASE)
_STACK_HCI = re.compile(r"stackhci|azurelocal", re.IGNORECASE)
_OLD_VERSIONS = {6001: "6.0", 6002: "6.0", 6003: "6.0", 7600: "6.1", 7601: "6.1", 9200: "6.2", 9600: "6.3"}


def nt_version(build: int) -> str:
    """Major and minor version of Windows NT: "10.0", for the few older builds their own (9600 is "6.3")."""
    return _OLD_VERSIONS.get(build, "10.0")


def special_edition(edition_id: str, installation_type: str, sku: int | None) -> str:
    """Name of a system that shares a server's build without being covered by its advisories (W32), "" for others.

    Its build number would match Windows Server's: such a machine has no release and is never judged as one.
    """
    if sku == _HYPER_V_SKU or edition_id.casefold().startswith("serverhypercore"):
        return "Hyper-V Server"
    if sku == _STACK_HCI_SKU or _STACK_HCI.search(edition_id):
        return "Azure Stack HCI"
    if sku in _NANO_SKUS or _NANO.search(installation_type) or _NANO.search(edition_id):
        return "Nano Server"
    return ""


def branch_of(*, edition_id: str, installation_type: str, sku: int | None, product_type: str) -> str:
    """Return "client" or "server", "" when it cannot be told or the edition is a special one.

    Multi-session Windows (ServerRdsh) counts as a server for Windows itself and gets the client's updates: there
    InstallationType decides. `product_type` is "client", "server", "domain_controller" or "".
    """
    if special_edition(edition_id, installation_type, sku):
        return ""
    installed = installation_type.casefold()
    if edition_id.casefold() == "serverrdsh":
        return "client"
    if installed == "client":
        return "client" if product_type in ("client", "") else ""
    if installed in ("server", "server core"):
        return "" if product_type == "client" else "server"
    if installed:
        return ""
    return {"client": "client", "server": "server", "domain_controller": "server"}.get(product_type, "")


def display_version(build: int, branch: str) -> str:
    """The version's short name by build, for releases that do not write it down: "1607", "" when there is none."""
    return _CLIENTS.get(build, ("", ""))[1] if branch == "client" else ""


def pretty_name(
    *, build: int, branch: str, edition_id: str, installation_type: str, version: str, sku: int | None = None
) -> str:
    """What the report calls the system: "Windows 11 Pro 24H2", "Windows Server 2022 Standard (Server Core)".

    `version` is DisplayVersion, shown for clients. A build nobody knows stays a number (W12).
    """
    special = special_edition(edition_id, installation_type, sku)
    if special:
        return _special_name(special, build, version)
    edition = _EDITIONS.get(edition_id.casefold(), edition_id)
    if branch == "client" and build in _CLIENTS:
        name, known = _CLIENTS[build]
        if edition_id.casefold() in _LONG_TERM_EDITIONS and build in _LONG_TERM:
            return f"{name} {edition} {_LONG_TERM[build]}"
        return " ".join(word for word in (name, edition, known or version) if word)
    if branch == "server" and build in _SERVERS:
        name = f"{_SERVERS[build]} {edition}".strip()
        return f"{name} (Server Core)" if installation_type.casefold() == "server core" else name
    return f"Windows (build {build})"


def _special_name(special: str, build: int, version: str) -> str:
    base = _SERVERS.get(build, "").removeprefix("Windows Server ")
    match special:
        case "Hyper-V Server":
            return f"Hyper-V Server {base or f'(build {build})'}"
        case "Azure Stack HCI":
            return f"Azure Stack HCI {version or f'(build {build})'}"
        case _:
            return f"Windows Server {base or f'(build {build})'} ({special})"
