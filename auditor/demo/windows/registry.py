"""What reg.exe would have printed on a described machine, where PowerShell runs nothing of ours (W31).

The values are those of the blocks; the form is reg.exe's: a key, its values four blanks in, an empty line.
"""

from collections.abc import Iterator

from auditor.demo.windows.answers import answers
from auditor.demo.windows.described import Machine
from auditor.demo.windows.shapes import Value

_WINDOWS = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_CONTROL = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control"
_PARAMETERS = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
_UNINSTALL = r"HKEY_LOCAL_MACHINE\SOFTWARE\{}Microsoft\Windows\CurrentVersion\Uninstall"
_ASKED = ("CurrentBuildNumber", "UBR", "DisplayVersion", "ReleaseId", "EditionID", "InstallationType", "ProductName")
_PROGRAM = ("DisplayName", "DisplayVersion", "Publisher", "SystemComponent")


def registry(machine: Machine) -> bytes:
    """Standard output of the one command line, in UTF-8 with the line ends of cmd.exe."""
    found = answers(machine)
    lines = ["@@A1-REG 1", *_identity(_value(found["system"].value)), *_programs(_value(found["applications"].value))]
    return ("\r\n".join([*lines, "@@A1-REG end"]) + "\r\n").encode()


def _value(value: Value | None) -> Value:
    return value or {}


def _identity(system: Value) -> Iterator[str]:
    current = system["current_version"]
    for name in (*_ASKED, "InstallDate"):
        if name in current:
            yield from _told(_WINDOWS, name, current[name])
    yield from _told(rf"{_CONTROL}\ProductOptions", "ProductType", system["product_type"])
    yield from _told(rf"{_CONTROL}\Session Manager\Environment", "PROCESSOR_ARCHITECTURE", system["architecture"])
    yield from _told(_PARAMETERS, "Hostname", system["hostname"])
    yield from _told(r"HKEY_LOCAL_MACHINE\SYSTEM\HardwareConfig", "LastConfig", system["hardware_config"])


def _programs(applications: Value) -> Iterator[str]:
    for name in _PROGRAM:
        rows = [row for row in applications["rows"] if name in row and "user" not in row]
        for row in rows:
            place = _UNINSTALL.format("WOW6432Node\\" if row["view"] == "x86" else "")
            yield from _told(rf"{place}\{row['code']}", name, row[name])
        yield f"Fin de la recherche : {len(rows)} correspondance(s) trouvée(s)."


def _told(key: str, name: str, data: str | int) -> Iterator[str]:
    kind, words = ("REG_DWORD", f"{data:#x}") if isinstance(data, int) else ("REG_SZ", data)
    yield from ("", key, f"    {name}    {kind}    {words}", "")
