"""Store apps (Appx, MSIX): name, version and package family; frameworks and leftovers are kept as noise.

Names are package names ("Microsoft.HEVCVideoExtension"), not the localized words of the Start menu. A package that is
only staged, installed for nobody, cannot be run: noise.

Source: Get-AppxPackage of the Appx module; PackageUserInformation's InstallState (NotInstalled, Staged, Installed).
"""

import re
from typing import Any

import msgspec

from collectors.model import Application, FactKind
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import file_version, read_rows, text

_NAME = "store_apps"
_ORGANIZATION = re.compile(r'(?:^|,\s*)O=(?:"([^"]*)"|([^,]*))')
_COMMON_NAME = re.compile(r'^CN=(?:"([^"]*)"|([^,]*))')


class _Package(msgspec.Struct):
    name: str
    version: str
    architecture: str = ""
    family: str = ""
    publisher: str = ""
    framework: bool = False
    resource: bool = False
    states: list[str] = []


class _Seen(msgspec.Struct):
    supported: bool
    rows: list[Any]


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    applications, gaps = read_rows(_NAME, FactKind.STORE_APPS, seen.rows, _application)
    return WindowsPart(applications=applications, gaps=gaps)


def _application(row: Any) -> Application:
    package = msgspec.convert(row, _Package)
    name = text(package.name)
    version = file_version(package.version)
    if not name or not version:
        raise ValueError(row)
    unused = bool(package.states) and "Installed" not in package.states
    return Application(
        name=name,
        version=version,
        scope="appx",
        publisher=_publisher(package.publisher),
        code=text(package.family),
        architecture=package.architecture.lower(),
        noise=package.framework or package.resource or unused,
    )


def _publisher(subject: str) -> str:
    """Organization of a certificate's subject, else its common name, else the text itself."""
    match = _ORGANIZATION.search(subject) or _COMMON_NAME.search(subject)
    return text(match[1] or match[2]) if match else text(subject)


BLOCK = WindowsBlock(
    name=_NAME,
    kinds=(FactKind.STORE_APPS,),
    parse=_parse,
    slow=True,
    timeout_s=40,
    needs_admin=(FactKind.STORE_APPS,),
)
