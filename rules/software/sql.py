"""SQL Server: by core (virtual cores in a virtual machine), or by server with access licenses (cases 57 to 59).

Several instances on one machine count once, in the highest edition. Express and Developer need no right; Developer on a
machine in production is a question for a person, and so is an evaluation, which ends. Where some rights are by server
and some by core, cores are counted and a person compares.
"""

from collections import defaultdict
from collections.abc import Iterator

from rules.products import LicenseKind
from rules.rights import Metric
from rules.software.cores import SQL_SERVER, CoreRule, core_rule
from rules.software.devices import Device
from rules.software.estate import Estate
from rules.software.matching import version_key
from rules.software.needs import Need, Terms, named, note, rows_of
from rules.software.recognition import Install

_RANKS = {"Enterprise": 5, "Business Intelligence": 4, "Standard": 3, "Web": 2, "Workgroup": 1}
_DEVELOPER, _EVALUATION = "Developer", "Evaluation"
_BY_SERVER = frozenset({Metric.SERVER, Metric.DEVICE})


def sql_needs(estate: Estate) -> Iterator[Need]:
    """Yield one need per edition and version of SQL Server."""
    rule = core_rule(SQL_SERVER, estate.today)
    by_server = estate.metrics_of(SQL_SERVER) & _BY_SERVER
    mixed = bool(by_server) and Metric.CORE in estate.metrics_of(SQL_SERVER)
    groups: defaultdict[tuple[str, str, LicenseKind], list[tuple[Device, Install]]] = defaultdict(list)
    for device, install in _one_each(estate):
        groups[install.edition, install.version, install.license].append((device, install))
    for (edition, version, kind), copies in sorted(groups.items()):
        devices = [device for device, _ in copies]
        need = Need(
            product=SQL_SERVER,
            name="SQL Server",
            publisher="Microsoft",
            edition=edition,
            version=version,
            metric=Metric.SERVER if by_server and not mixed else Metric.CORE,
            devices=tuple(sorted(device.name for device in devices)),
            usual=Metric.CORE,
            rows=rows_of(install for _, install in copies),
            installed=len(devices),
        )
        if kind is LicenseKind.FREE or edition == _EVALUATION:
            _free(need, devices, estate)
        else:
            need.terms = Terms.UNCLEAR if kind is LicenseKind.UNCLEAR else Terms.COMMERCIAL
            need.open = tuple(devices)
            _count(need, devices, rule)
        yield need


def _one_each(estate: Estate) -> Iterator[tuple[Device, Install]]:
    """The paid copy of the highest edition and newest version of each machine, and every free edition on it."""
    found: defaultdict[str, list[tuple[Device, Install]]] = defaultdict(list)
    for device, install in estate.with_install(SQL_SERVER):
        if install.license is LicenseKind.FREE:
            yield device, install
        elif install.license is not LicenseKind.PART:
            found[device.name].append((device, install))
    for copies in found.values():
        yield max(copies, key=lambda copy: (_RANKS.get(copy[1].edition, 0), version_key(copy[1].version)))


def _free(need: Need, devices: list[Device], estate: Estate) -> None:
    need.terms, need.not_subject = Terms.FREE, len(devices)
    productive = {label.casefold() for label in estate.terms.production_labels}
    if need.edition == _DEVELOPER:
        found = [device.name for device in devices if productive & {label.casefold() for label in device.labels}]
        if found:
            need.asks.append(note("developer_in_production", devices=named(found), count=len(found)))
    elif need.edition == _EVALUATION:
        need.asks.append(note("sql_evaluation", devices=named(device.name for device in devices), count=len(devices)))
    else:
        need.notes.append(note("free_edition", edition=need.edition))


def _count(need: Need, devices: list[Device], rule: CoreRule) -> None:
    if need.metric is Metric.SERVER:
        need.sure = need.possible = len(devices)
        need.notes.append(note("sql_by_server", count=len(devices)))
        return
    unread = []
    for device in sorted(devices, key=lambda one: one.name):
        processors = device.processors
        if processors is None:
            unread.append(device.name)
            units = rule.per_server
        elif device.virtual:
            units = rule.guest(processors)
            need.notes.append(note("sql_guest", device=device.name, cores=processors.logical, required=units))
        else:
            units = rule.physical(processors)
            need.notes.append(
                note(
                    "sql_cores", device=device.name, sockets=processors.sockets, cores=processors.cores, required=units
                )
            )
        need.sure += units
    need.possible = need.sure
    if unread:
        need.blind.append(note("cores_unread", devices=named(unread), count=len(unread)))
