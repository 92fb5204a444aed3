"""What the blocks about installed software, licenses and hardware would have sent home from a described machine."""

from collections.abc import Iterator
from typing import Final

from auditor.demo.windows.described import Machine, Person
from auditor.demo.windows.shapes import CIM_DENIED, DENIED, Answer, Value, filetime, iso, lines, uuid

_WINDOWS: Final = "55c92734-d682-4d71-983e-d6ec3f16059f"
_OFFICE: Final = "0ff1ce15-a989-479d-af46-f275c6370663"
_OFFICE_CDN: Final = "http://officecdn.microsoft.com/pr/"
_SIGN_ON: Final = "S-1-5-21-1204371936-2841093155-3672284106-"


def applications(machine: Machine) -> Answer:
    """Uninstall keys of the machine and of signed-in people, and whose hives were not loaded."""
    described = machine.described
    programs = "\n".join((machine.system.programs, described.programs))
    rows = [row for row in map(_program, lines(programs)) if row["DisplayName"] not in described.without]
    rows += map(_program, _office_rows(machine))
    loaded = [person for person in described.people if person.loaded]
    if described.elevated:
        rows += [{**_program(line), "user": _sid(one)} for one in loaded for line in lines(one.programs)]
    hives = [{"sid": _sid(one)} | ({} if described.elevated else {"problem": DENIED}) for one in loaded]
    profiles = [_profile(one) for one in described.people]
    return Answer(value={"rows": rows, "hives": hives, "profiles": profiles})


def _program(line: str) -> Value:
    """The values of one uninstall key, of a line as `Described.programs` explains it."""
    name, version, publisher, *more = (word.strip() for word in line.split("|"))
    marks = {word for word in more if word in {"x86", "noise", "msi"}}
    row: Value = {
        "code": next((word for word in more if word not in marks), name),
        "view": "x86" if "x86" in marks else "x64",
        "DisplayName": name,
        "DisplayVersion": version,
        "Publisher": publisher,
    }
    if "noise" in marks:
        row["SystemComponent"] = 1
    if "msi" in marks:
        row["WindowsInstaller"] = 1
    return row


def _office_rows(machine: Machine) -> Iterator[str]:
    office, packaged = machine.described.office, machine.described.office_msi
    if office is not None:
        release = office.products.partition(",")[0]
        name = (
            f"Microsoft 365 Apps - {office.culture}" if release.startswith("O365") else f"{release} - {office.culture}"
        )
        yield f"{name} | {office.version} | Microsoft Corporation | {release} - {office.culture}"
    if packaged is not None:
        yield f"{packaged.name} | {packaged.version} | Microsoft Corporation | {packaged.code} | msi"


def _profile(person: Person) -> Value:
    ticks = filetime(person.used_at)
    return {
        "sid": _sid(person),
        "folder": f"C:\\Users\\{person.name}",
        "exists": True,
        "LocalProfileLoadTimeHigh": ticks >> 32,
        "LocalProfileLoadTimeLow": ticks & 0xFFFFFFFF,
    }


def store_apps(machine: Machine) -> Answer:
    """Store apps; of other users for an administrator only."""
    if not machine.system.store:
        return Answer(value={"supported": False, "rows": []})
    rows = []
    for line in lines("\n".join((machine.system.store_apps, machine.described.store_apps))):
        name, version = line.split()
        rows.append(
            {
                "name": name,
                "version": version,
                "architecture": "X64",
                "family": f"{name}_8wekyb3d8bbwe",
                "publisher": "CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US",
                "framework": False,
                "resource": False,
                "states": ["Installed"],
            }
        )
    if machine.described.elevated:
        return Answer(value={"supported": True, "rows": rows})
    refusal = ("store_apps", DENIED, "the Store apps of other users (needs an administrator)")
    return Answer(value={"supported": True, "rows": []}, refusals=(refusal,))


def office(machine: Machine) -> Answer:
    """Office by Click-to-Run and by MSI."""
    office, packaged = machine.described.office, machine.described.office_msi
    running = []
    if office is not None:
        running.append(
            {
                "VersionToReport": office.version,
                "ProductReleaseIds": office.products,
                "Platform": office.platform,
                "CDNBaseUrl": _OFFICE_CDN + office.channel,
                "UpdateChannel": _OFFICE_CDN + office.channel,
                "UpdatesEnabled": "True" if office.updates else "False",
                "ClientCulture": office.culture,
                "cultures": [office.culture],
            }
        )
    packages, files = [], {}
    if packaged is not None:
        row = {"code": packaged.code, "DisplayName": packaged.name, "DisplayVersion": packaged.version}
        packages.append(row | {"root": packaged.root})
        files[packaged.root] = dict(packaged.files)
    return Answer(value={"running": running, "policies": [], "packages": packages, "files": files})


def dotnet(machine: Machine) -> Answer:
    """.NET Framework and the runtimes side by side."""
    system = machine.system
    value: Value = {"v4": {"Release": system.framework_release, "Version": system.framework_version}, "v35": {}}
    if system.framework_35:
        value["v35"] = {"Install": 1, "SP": 1, "Version": "3.5.30729.4926"}
    value["runtimes"] = [
        {"name": name, "version": version, "architecture": "x64", "complete": True}
        for name, version in (line.split() for line in machine.described.runtimes)
    ]
    return Answer(value=value)


def sql_server(machine: Machine) -> Answer:
    """Instances of SQL Server."""
    rows = [
        {
            "kind": "SQL",
            "view": 64,
            "name": one.name,
            "id": one.id,
            "PatchLevel": one.patch_level,
            "Version": one.version,
            "Edition": one.edition,
            "SP": 0,
            "FeatureList": "SQL_Engine_Core_Inst=3",
        }
        for one in machine.described.databases
    ]
    return Answer(value={"instances": rows, "local": []})


def exchange(_machine: Machine) -> Answer:
    """No machine of the demonstration is an Exchange Server."""
    return Answer(value={"installations": []})


def antivirus(machine: Machine) -> Answer:
    """Microsoft Defender, and on clients what Windows Security knows of."""
    described = machine.described
    value: Value = {"product_type": described.product_type, "policy": {}, "policy_real_time": {}, "real_time": {}}
    defender = described.defender
    if defender is None:
        return Answer(value=value | {"signatures": {}, "own": {}, "installed": False})
    value |= {
        "signatures": {
            "AVSignatureVersion": defender.signatures,
            "EngineVersion": defender.engine,
            "SignaturesLastUpdated": iso(defender.signatures_at),
            "AVSignatureApplied": iso(defender.signatures_at),
        },
        "own": {"IsServiceRunning": 1},
        "folder": f"C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\{defender.platform}-0\\",
        "program": defender.platform,
        "installed": True,
        "start": 2,
    }
    if described.elevated:
        value["state"] = 4
    if described.product_type == "WinNT" and not described.elevated:
        refusal = ("antivirus", CIM_DENIED, "the antivirus products that Windows Security knows of")
        return Answer(value=value, refusals=(refusal,))
    if described.product_type == "WinNT":
        value["products"] = [
            {"name": "Antivirus Microsoft Defender", "id": "{D68DDC3A-831F-4fae-9E44-DA132C1ACF46}", "state": 397568}
        ]
        if defender.other:
            value["products"].append({"name": defender.other, "id": f"{{{uuid(defender.other)}}}", "state": 266240})
    return Answer(value=value)


def activation(machine: Machine) -> Answer:
    """Licenses, for an administrator only."""
    if not machine.described.elevated:
        refused = ("the licenses of the software protection service",) * 2 + ("whether the firmware holds a license",)
        return Answer(value={"rows": []}, refusals=tuple(("activation", CIM_DENIED, what) for what in refused))
    rows = [
        {
            "id": one.id,
            "application": _OFFICE if one.office else _WINDOWS,
            "name": one.name,
            "description": one.description,
            "status": one.status,
            "key": one.key,
            "channel": one.channel,
            "grace": 0,
            "host": "",
            "discovered": "",
            "ends": None,
        }
        for one in machine.described.licenses
    ]
    return Answer(value={"rows": rows, "firmware": ""})


def processors(machine: Machine) -> Answer:
    """Processors and memory; their number is told to administrators only."""
    described = machine.described
    one = described.processor
    virtual = bool(described.hypervisor_host)
    firmware = {"SystemManufacturer": described.maker, "SystemProductName": described.model}
    if not described.elevated:
        refused = ("the number of processors and cores", "the memory and the hypervisor of the machine")
        refusals = tuple(("processors", CIM_DENIED, what) for what in refused)
        return Answer(value={"firmware": firmware, "guest": {}}, refusals=refusals)
    return Answer(
        value={
            "processors": [
                {
                    "name": one.name,
                    "maker": one.maker,
                    "cores": one.cores,
                    "logical": one.logical,
                    "socket": f"CPU {number}",
                }
                for number in range(one.sockets)
            ],
            "system": {
                "maker": described.maker,
                "model": described.model,
                "hypervisor": virtual,
                "memory": described.memory_gb << 30,
            },
            "firmware": firmware,
            "guest": {"HostName": described.hypervisor_host, "PhysicalHostName": described.hypervisor_host}
            if virtual
            else {},
        }
    )


def roles(machine: Machine) -> Answer:
    """Services and features by which a server is known."""
    described = machine.described
    value: Value = {
        "product_type": described.product_type,
        "services": dict.fromkeys(described.services, 2),
        "session_host": None if described.product_type == "WinNT" else 0,
        "databases": [one.name for one in described.databases],
    }
    if described.product_type == "WinNT":
        return Answer(value=value)
    if not described.elevated:
        what = "the server features: file and print server (needs an administrator)"
        return Answer(value=value, refusals=(("roles", CIM_DENIED, what),))
    return Answer(value=value | {"features": list(described.features)})


def _sid(person: Person) -> str:
    return f"{_SIGN_ON}{person.number}"
