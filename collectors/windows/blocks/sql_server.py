"""SQL Server instances with the build that Setup recorded, and LocalDB.

The features of an instance are "database-engine", "analysis-services", "reporting-services" and what Setup's own list
names as installed. Reporting Services since 2017 and Power BI Report Server are products apart with versions of their
own: they are programs, no instances. Instances that belong to Windows ("MICROSOFT##WID") are patched with Windows.

Both registry views may list one instance; the view that holds its Setup key tells.

Source: "Instance Names" and "Setup" (PatchLevel, Version, Edition, SP, FeatureList) as SQL Server's setup writes them;
a feature is installed where its number is 3 (INSTALLSTATE_LOCAL of the Windows Installer).
"""

import re
from dataclasses import replace
from typing import Any

import msgspec

from collectors.model import FactKind
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import file_version, read_rows, text, whole
from collectors.windows.facts import SqlInstance

_NAME = "sql_server"
_ENGINE = "SQL"
_FEATURES = {_ENGINE: "database-engine", "OLAP": "analysis-services", "RS": "reporting-services"}
_APART = frozenset({"SSRS", "PBIRS"})
_OF_WINDOWS = "MICROSOFT##"
_INSTALLED = re.compile(r"([A-Za-z0-9_]+)=3(?!\d)")


class _Instance(msgspec.Struct):
    kind: str
    name: str
    id: str
    view: int = 64
    patch_level: str = msgspec.field(name="PatchLevel", default="")
    version: str = msgspec.field(name="Version", default="")
    edition: str = msgspec.field(name="Edition", default="")
    service_pack: int | str | None = msgspec.field(name="SP", default=None)
    features: str = msgspec.field(name="FeatureList", default="")
    problem: str = ""


class _Local(msgspec.Struct):
    name: str
    version: str = ""


class _Seen(msgspec.Struct):
    instances: list[dict[str, Any]]
    local: list[Any]


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    found, gaps = read_rows(_NAME, FactKind.SQL_SERVER, _told(seen.instances), _instance)
    local, more = read_rows(_NAME, FactKind.SQL_SERVER, seen.local, _local)
    instances = _joined(found) + tuple(dict.fromkeys(local))
    return WindowsPart(sql_instances=instances, gaps=gaps + more)


def _told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without those that only repeat, in the other view, an instance whose Setup key was found or is told."""
    told: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(str(row.get(field)).upper() for field in ("kind", "name", "id"))
        if key not in told or not _versioned(told[key]):
            told[key] = row
    return list(told.values())


def _versioned(row: dict[str, Any]) -> bool:
    return bool(row.get("PatchLevel") or row.get("Version"))


def _instance(row: Any) -> tuple[str, SqlInstance] | None:
    read = msgspec.convert(row, _Instance)
    name = text(read.name)
    if name.upper().startswith(_OF_WINDOWS) or read.id.upper() in _APART:
        return None
    version = file_version(read.patch_level) or file_version(read.version)
    if not name or not version or read.kind not in _FEATURES or read.problem:
        raise ValueError(row)
    own = {feature for feature in _INSTALLED.findall(read.features) if read.kind == _ENGINE}
    return read.kind, SqlInstance(
        name=name,
        version=version,
        edition=text(read.edition),
        features=(_FEATURES[read.kind], *sorted(own)),
        instance_id=text(read.id),
        service_pack=whole(read.service_pack),
    )


def _joined(found: tuple[tuple[str, SqlInstance], ...]) -> tuple[SqlInstance, ...]:
    """Analysis and Reporting Services beside a database engine of the same name are features of that instance."""
    engines = {one.name.upper() for kind, one in found if kind == _ENGINE}
    extra: dict[str, list[str]] = {}
    for kind, one in found:
        if kind != _ENGINE and one.name.upper() in engines:
            extra.setdefault(one.name.upper(), []).append(_FEATURES[kind])
    joined = []
    for kind, one in found:
        more = extra.get(one.name.upper(), [])
        if kind == _ENGINE:
            joined.append(replace(one, features=(one.features[0], *sorted(more), *one.features[1:])))
        elif one.name.upper() not in engines:
            joined.append(one)
    return tuple(joined)


def _local(row: Any) -> SqlInstance:
    read = msgspec.convert(row, _Local)
    version = file_version(read.version)
    if not version:
        raise ValueError(row)
    return SqlInstance(name="LocalDB", version=version, edition="LocalDB", features=("database-engine",))


BLOCK = WindowsBlock(name=_NAME, kinds=(FactKind.SQL_SERVER,), parse=_parse)
