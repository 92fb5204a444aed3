"""What each block's PowerShell would have sent home from a described machine: the JSON its parser reads.

`ANSWERS` holds a function per block. An account without administrator's rights is refused what Windows refuses it, in
Windows' own words, which are those of the machine's language.
"""

from collections.abc import Callable, Mapping
from typing import Final

from auditor.demo.windows import software
from auditor.demo.windows.described import Machine, Offer
from auditor.demo.windows.shapes import CIM_DENIED, DENIED, Answer, Value, filetime, iso, lines, uuid
from collectors.windows.blocks import discover

_CIM_TYPES: Final = {"WinNT": 1, "LanmanNT": 2, "ServerNT": 3}
_STATES: Final = {"installed": 112, "staged": 64, "install_pending": 96, "superseded": 80}
_RESULTS: Final = {"succeeded": (1, 2), "failed": (1, 4), "aborted": (1, 5), "removed": (2, 2)}
_CATEGORIES: Final = {
    "security": "0fa1201d-4330-4fa8-8ae9-b877473b6441",
    "critical": "e6cf1350-c01b-414d-a61f-263d14d133b4",
    "rollup": "28bc880e-0592-4cbf-8f95-c79b17911d5f",
    "definition": "e0789628-ce08-4437-be74-2495b842f43b",
    "driver": "ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0",
}
_WINDOWS_UPDATE: Final = "9482f4b4-e343-43b6-b170-9a65bc822c77"
_WSUS: Final = "3da21691-e39d-4da6-8a4b-b43877bcb1b7"


def answers(machine: Machine) -> dict[str, Answer]:
    """Answers of every block there is, in the order the script asks them. Raises KeyError for one without an answer."""
    return {block.name: ANSWERS[block.name](machine) for block in discover()}


def _system(machine: Machine) -> Answer:
    described, system = machine.described, machine.system
    hostname = (described.hostname or machine.name).upper()
    identity = described.uuid or uuid(machine.name)
    current: Value = {
        "CurrentBuildNumber": str(system.build),
        "UBR": described.revision,
        "EditionID": described.edition,
        "InstallationType": system.installation_type,
        "ProductName": system.product_name,
        "InstallDate": int(described.installed_at.timestamp()),
        "InstallTime": filetime(described.installed_at),
    }
    current |= {"DisplayVersion": system.display_version} if system.display_version else {}
    current |= {"ReleaseId": system.release_id} if system.release_id else {}
    value: Value = {
        "clock": iso(described.taken_at),
        "current_version": current,
        "architecture": "AMD64",
        "product_type": described.product_type,
        "locale": described.locale,
        "culture": described.culture,
        "hostname": hostname,
        "dns_domain": described.domain,
        "bios": {"SystemManufacturer": described.maker, "SystemProductName": described.model},
        "hardware_config": f"{{{identity}}}",
        "boot_by_counter": iso(described.boot_at),
    }
    if not described.elevated:
        return Answer(value=value | {"cim_problem": CIM_DENIED})
    return Answer(
        value=value
        | {
            "cim_product_type": _CIM_TYPES[described.product_type],
            "sku": described.sku,
            "boot_time": iso(described.boot_at),
            "in_domain": bool(described.domain),
            "domain": described.domain or "WORKGROUP",
            "manufacturer": described.maker,
            "model": described.model,
            "uuid": identity.upper(),
        }
    )


def _updates(machine: Machine) -> Answer:
    rows = []
    for line in lines(machine.described.updates):
        name, version, state, day = line.split()
        package = f"Package_for_{name}~31bf3856ad364e35~amd64~~{version}"
        rows.append([package, _STATES[state], f"{day}T03:12:44.0000000Z"])
    if not machine.described.elevated:
        refusal = ("installed_updates", CIM_DENIED, "Win32_QuickFixEngineering")
        return Answer(value={"packages": rows}, refusals=(refusal,))
    return Answer(value={"packages": rows, "hotfixes": list(machine.described.hotfixes)})


def _reboot(machine: Machine) -> Answer:
    described = machine.described
    signs, name = described.reboot, (described.hostname or machine.name).upper()
    return Answer(
        value={
            "component_servicing": signs.component_servicing,
            "component_servicing_running": False,
            "windows_update": signs.windows_update,
            "file_renames": signs.renames,
            "active_name": name,
            "next_name": signs.new_name or name,
            "configuration_manager": None,
        }
    )


def _update_policy(machine: Machine) -> Answer:
    policy = machine.described.policy
    written: Value = {}
    if policy.wsus:
        written["WUServer"] = policy.wsus
    if policy.no_internet:
        written["DoNotConnectToWindowsUpdateInternetLocations"] = 1
    if policy.target_release:
        written |= {"TargetReleaseVersion": 1, "TargetReleaseVersionInfo": policy.target_release}
    if policy.deferral_days is not None:
        written |= {"DeferQualityUpdates": 1, "DeferQualityUpdatesPeriodInDays": policy.deferral_days}
    paused = {"PauseQualityUpdatesEndTime": f"{policy.paused_until:%Y-%m-%dT%H:%M:%SZ}"} if policy.paused_until else {}
    return Answer(
        value={
            "policy": written,
            "automatic": {"UseWUServer": 1, "AUOptions": policy.automatic} if policy.wsus else {},
            "settings": paused,
            "device": {"AllowRebootlessUpdates": 1} if policy.hotpatch else {},
            "service_start": policy.service_start,
            "hotpatch_table_size": 4096 if policy.hotpatch else None,
            "services": [_WSUS if policy.wsus else _WINDOWS_UPDATE],
            "configuration_manager": False,
            "enrolled_by": [],
        }
    )


def _update_history(machine: Machine) -> Answer:
    described = machine.described
    if not described.elevated:
        return Answer(value=None, problem=DENIED)
    rows = []
    for line in lines(described.history):
        at, result, title = line.split(" ", 2)
        operation, code = _RESULTS[result]
        rows.append({"operation": operation, "result": code, "at": at, "title": title, "id": uuid(title)})
    value: Value = {"history": rows}
    searched = described.policy.searched_at
    value["last_search"] = None if searched is None else iso(searched)
    value["last_installation"] = next((row["at"] for row in rows if row["result"] == 2), None)
    return Answer(value=value)


def _update_search(machine: Machine) -> Answer:
    described = machine.described
    wsus, barred = bool(described.policy.wsus), described.policy.no_internet
    services = [{"id": _WSUS if wsus else _WINDOWS_UPDATE, "default": True, "managed": wsus}]
    error = described.search_error or ("" if described.elevated else DENIED)
    asked = [("default", True)] if not error else [("default", True), ("default", False)]
    if wsus and not barred:
        asked.append(("microsoft", True))
    searches = [_search(machine, server, error, online=online) for server, online in asked]
    return Answer(value={"searches": searches, "services": services, "barred": barred, "wsus": wsus})


def _search(machine: Machine, server: str, error: str, *, online: bool) -> Value:
    offers = [] if error else [_offer(offer) for offer in machine.described.offers if offer.server == server]
    return {"server": server, "online": online, "result": None if error else 2, "error": error, "updates": offers}


def _offer(offer: Offer) -> Value:
    return {
        "id": uuid(offer.kb + offer.title),
        "revision": 200,
        "kbs": [offer.kb.removeprefix("KB")],
        "title": offer.title,
        "categories": [_CATEGORIES[offer.category]],
        "severity": offer.severity,
        "cves": [],
        "released": iso(offer.released_at),
        "hidden": offer.hidden,
        "browse_only": False,
        "reboot": False,
        "downloaded": False,
        "type": 2 if offer.category == "driver" else 1,
    }


ANSWERS: Final[Mapping[str, Callable[[Machine], Answer]]] = {
    "system": _system,
    "updates": _updates,
    "reboot": _reboot,
    "update_policy": _update_policy,
    "update_history": _update_history,
    "update_search": _update_search,
    "applications": software.applications,
    "store_apps": software.store_apps,
    "office": software.office,
    "dotnet": software.dotnet,
    "sql_server": software.sql_server,
    "exchange": software.exchange,
    "antivirus": software.antivirus,
    "activation": software.activation,
    "processors": software.processors,
    "roles": software.roles,
}
