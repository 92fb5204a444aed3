"""Editions and versions of Windows, SQL Server and Exchange as rights name them, from what the machine tells."""

from collectors.windows.facts import ProductType, SqlInstance, WindowsSystem
from rules.products import Product, plain_text
from rules.windows.builds import numbers

CLIENT, SERVER = "windows", "windows-server"

_CLIENTS = ((22000, "11"), (10240, "10"), (9600, "8.1"), (9200, "8"), (7600, "7"), (6000, "Vista"))
_SERVERS = (
    (26040, "2025"),
    (25398, "23H2"),
    (20348, "2022"),
    (18362, "SAC"),  # releases for Software Assurance alone, until 20H2
    (17763, "2019"),
    (14393, "2016"),
    (9600, "2012 R2"),
    (9200, "2012"),
    (7600, "2008 R2"),
    (6001, "2008"),
)
_INTERNAL = "##wid"
_EXCHANGE = (((15, 2, 2562), "SE"), ((15, 2), "2019"), ((15, 1), "2016"), ((15, 0), "2013"), ((14,), "2010"))
# Source: https://learn.microsoft.com/exchange/new-features/build-numbers-and-release-dates


def windows_release(system: WindowsSystem) -> tuple[str, str]:
    """The id of the product and its version ("windows", "11"); the kind decides, clients and servers share builds."""
    server = system.product_type is not ProductType.CLIENT and (
        system.product_type is not None or system.installation_type.lower().startswith(("server", "nano"))
    )
    known = _SERVERS if server else _CLIENTS
    return SERVER if server else CLIENT, next((name for build, name in known if system.build >= build), "")


def sql_edition(product: Product, instance: SqlInstance) -> str:
    """The edition of an instance; that of Windows' own database (WSUS, AD FS) is told by the instance's name."""
    text = plain_text(instance.edition)
    return product.edition_in(_INTERNAL if _INTERNAL in plain_text(instance.name) else text)


def exchange_release(version: str) -> str:
    """The release of an Exchange Server by ExSetup's version: 2019 and Subscription Edition differ by build alone."""
    read = numbers(version)
    for start, name in _EXCHANGE:
        if read[: len(start)] == start or (len(start) > 2 and read[:2] == start[:2] and read[: len(start)] >= start):
            return name
    return ""
