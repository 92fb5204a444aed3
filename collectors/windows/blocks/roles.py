"""What a machine is for: ids of roles, from names of services and numbers of server features, never from words.

A service counts where it has a program and is not disabled. On a server whose features may not be read, the file and
print roles are unknown: the script tells that as a refusal. The spooler is no role: every machine has one.

Source: service names of the roles; ID values of Win32_ServerFeature; ProductType of ProductOptions ("LanmanNT" is a
domain controller); TSAppCompat of the Terminal Server key, which is 1 where sessions are for applications.
"""

from typing import Any

import msgspec

from collectors.model import FactKind
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import read_rows

_NAME = "roles"
_DISABLED = 4
_OF_WINDOWS = "MICROSOFT##"
_SERVICES = {
    "vmms": "hyper-v",
    "W3SVC": "iis",
    "DHCPServer": "dhcp",
    "DNS": "dns",
    "WsusService": "wsus",
    "CertSvc": "certificate-services",
    "adfssrv": "adfs",
    "MSExchangeIS": "exchange",
    "MSExchangeServiceHost": "exchange",
    "MSExchangeTransport": "exchange",
}
_FEATURES = {
    130: "remote-desktop-session-host",
    135: "print-server",
    255: "file-server",
}


class _Seen(msgspec.Struct):
    product_type: str | None
    services: dict[str, Any] = {}
    session_host: int | None = None
    databases: list[str] = []
    features: list[Any] = []


class _Service(msgspec.Struct):
    name: str
    start: int | None


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    services = [{"name": name, "start": start} for name, start in seen.services.items()]
    served, gaps = read_rows(_NAME, FactKind.ROLES, services, _of_service)
    featured, more = read_rows(_NAME, FactKind.ROLES, seen.features, _of_feature)
    roles = {*served, *featured}
    if seen.product_type == "LanmanNT":
        roles.add("domain-controller")
    if seen.session_host == 1:
        roles.add("remote-desktop-session-host")
    if any(not name.upper().startswith(_OF_WINDOWS) for name in seen.databases):
        roles.add("sql-server")
    return WindowsPart(roles=tuple(sorted(roles)), gaps=gaps + more)


def _of_service(row: Any) -> str | None:
    service = msgspec.convert(row, _Service)
    return None if service.start == _DISABLED else _SERVICES.get(service.name)


def _of_feature(row: Any) -> str | None:
    return _FEATURES.get(msgspec.convert(row, int))


BLOCK = WindowsBlock(
    name=_NAME,
    kinds=(FactKind.ROLES,),
    parse=_parse,
    slow=True,
    timeout_s=30,
    needs_admin=(FactKind.ROLES,),
)
