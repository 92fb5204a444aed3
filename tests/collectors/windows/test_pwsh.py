"""The real script under a real PowerShell, where one is on PATH: registry and CIM are functions fed from a JSON file.

No Debian package, wheel or npm package brings a `pwsh`, so this is skipped on most machines.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.assembly import Cut
from collectors.hosts.base import Family
from collectors.model import FactKind, GapReason, Protocol, Target
from collectors.releases import release_of
from collectors.script import Delivery, read_sections
from collectors.windows import script
from collectors.windows.assembly import assemble_windows
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks import discover

PWSH = shutil.which("pwsh")
pytestmark = pytest.mark.skipif(PWSH is None, reason="no pwsh on PATH: no Debian package brings one")
STAND_INS = Path(__file__).with_name("stand_ins.ps1")
NONCE = "0123456789abcdef"
END_OF_PROLOGUE = "\n}\n. $Audit.Prologue\n"

CURRENT = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
PACKAGES = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages"
CONTROL = r"SYSTEM\CurrentControlSet\Control"
SURFACES: Mapping[str, Any] = {
    "registry": {
        CURRENT: {
            "CurrentBuildNumber": "26100",
            "UBR": 7171,
            "DisplayVersion": "24H2",
            "EditionID": "Professional",
            "InstallationType": "Client",
            "ProductName": "Windows 10 Pro",
            "InstallDate": 1730451600,
        },
        CONTROL + r"\ProductOptions": {"ProductType": "WinNT"},
        CONTROL + r"\Session Manager\Environment": {"PROCESSOR_ARCHITECTURE": "AMD64"},
        CONTROL + r"\Session Manager": {"PendingFileRenameOperations": [r"\??\C:\é.tmp", ""]},
        CONTROL + r"\ComputerName\ActiveComputerName": {"ComputerName": "PC"},
        CONTROL + r"\ComputerName\ComputerName": {"ComputerName": "PC"},
        r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters": {"Hostname": "PC"},
        r"SYSTEM\CurrentControlSet\Services\wuauserv": {"Start": 3},
        PACKAGES + r"\Package_for_RollupFix~31bf3856ad364e35~amd64~~26100.8655.1.3": {"CurrentState": 96},
        PACKAGES + r"\Microsoft-Windows-Client-Features-Package~31bf3856ad364e35~amd64~~10.0.1": {"CurrentState": 112},
    },
    "cim": {"Win32_QuickFixEngineering": [{"HotFixID": "KB5066128"}]},
}


def printed(text: bytes, tmp_path: Path, surfaces: Mapping[str, Any] = SURFACES) -> Delivery:
    """What the script prints under `pwsh` with the stand-ins in its prologue."""
    file = tmp_path / "surfaces.json"
    file.write_text(json.dumps(surfaces), "utf-8")
    source = text.decode().replace(END_OF_PROLOGUE, f"\n{STAND_INS.read_text('utf-8')}{END_OF_PROLOGUE}", 1)
    path = tmp_path / "script.ps1"
    path.write_text(source, "utf-8")
    assert PWSH is not None
    done = subprocess.run(
        [PWSH, "-NoProfile", "-NonInteractive", "-File", str(path)],
        env={**os.environ, "AUDITOR_SURFACES": str(file)},
        cwd=tmp_path,  # what Windows takes for the null device is a file elsewhere
        capture_output=True,
        check=False,
        timeout=120,
    )
    return read_sections(done.stdout, nonce=NONCE)


def own_block(monkeypatch: pytest.MonkeyPatch, body: str, **more: Any) -> WindowsBlock:
    monkeypatch.setattr(script, "body", lambda _: body)
    return WindowsBlock(name="own", kinds=(FactKind.ROLES,), parse=lambda _: WindowsPart(), **more)


def test_the_whole_script_tells_a_machine(tmp_path: Path) -> None:
    delivery = printed(script.build_windows_script(discover(), nonce=NONCE, deadline_s=60), tmp_path)
    assert (delivery.answered, delivery.complete, delivery.family) == (True, True, Family.WINDOWS)
    cut = Cut(reason=GapReason.FAILED, detail="did not come home")
    target = Target(name="pc", protocol=Protocol.WINRM)
    seen = assemble_windows(target, delivery, discover(), taken_at=datetime.now(UTC), window_s=120, cut=cut)
    assert seen.operating_system is not None
    assert release_of(seen.operating_system) == "windows:26100-client"
    assert not seen.gaps_of(FactKind.OPERATING_SYSTEM)
    assert seen.windows is not None
    assert {(update.kb, update.build) for update in seen.windows.installed_updates} == {
        ("", "26100.8655"),
        ("KB5066128", ""),
    }
    assert seen.reboot is not None
    signs = {signal.name: signal.required for signal in seen.reboot.signals}
    assert (signs["staged-update"], signs["file-rename"], signs["windows-update"]) == (True, True, False)
    assert {block.name for block in discover()} == set(delivery.sections)


def test_values_of_every_kind_travel_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = """
[void](New-Object -TypeName 'Collections.ArrayList').Add('stray output')
@{
    text = "Mise \u00e0 jour \u20ac $([char]1)$([char]9)"
    quoted = 'C:\\a "b"'
    one = @('a')
    none = @()
    nested = @(, @('x', $null, 1.5))
    no = $false
    big = [long]4294967296
    state = [DayOfWeek]::Monday
    bytes = [byte[]]@(1, 2)
    date = [datetime]::SpecifyKind([datetime]'2026-11-10T08:00:00', [DateTimeKind]::Utc)
    empty = @{}
}
"""
    block = own_block(monkeypatch, body)
    section = printed(script.build_windows_script([block], nonce=NONCE), tmp_path).sections["own"]
    assert json.loads(section.stdout) == {
        "s": "ok",
        "e": "",
        "d": [],
        "v": {
            "text": "Mise à jour € \x01\t",
            "quoted": 'C:\\a "b"',
            "one": ["a"],
            "none": [],
            "nested": [["x", None, 1.5]],
            "no": False,
            "big": 4294967296,
            "state": 1,
            "bytes": "AQI=",
            "date": "2026-11-10T08:00:00.0000000Z",
            "empty": {},
        },
    }


def test_a_block_that_throws_keeps_its_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = own_block(monkeypatch, "Add-Refusal 'roles' 'denied' 'x'\n[int]'a'\n")
    envelope = json.loads(printed(script.build_windows_script([block], nonce=NONCE), tmp_path).sections["own"].stdout)
    assert (envelope["s"], envelope["d"], envelope["v"]) == ("failed", [["roles", "denied", "x"]], None)
    assert " 0x" in envelope["e"]


def test_a_slow_block_that_throws_is_told_by_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Write-Error` under "Stop" leaves a runspace wrapped in an exception that has no inner one."""
    body = "Write-Error -Exception (New-Object -TypeName 'UnauthorizedAccessException' -ArgumentList 'x')\n"
    block = own_block(monkeypatch, body, slow=True, timeout_s=20)
    envelope = json.loads(printed(script.build_windows_script([block], nonce=NONCE), tmp_path).sections["own"].stdout)
    assert (envelope["s"], envelope["e"]) == ("failed", "UnauthorizedAccessException 0x80070005: x")


def test_wmi_is_asked_apart_and_its_error_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question itself, replaced: a row, an error, and an answer that never comes, after which nobody asks again."""
    body = """
$CimQuestion = {
    param($Namespace, $Query, $Property, $Seconds)
    if ($Query -eq 'SELECT A, B FROM Hangs') { Start-Sleep -Seconds 60 }
    if ($Query -eq 'SELECT A FROM Refused') { throw (New-Object -TypeName 'UnauthorizedAccessException') }
    @{ 'A' = $Query; 'B' = $Property.Count }
}
$value = @{}
# The stand-in hides the function of the prologue under its own name.
$value['rows'] = @(Read-RealCim 'Answers' @('A', 'B') 'C = 1')
foreach ($class in @('Refused', 'Hangs', 'Answers')) {
    try {
        [void](Read-RealCim $class $(if ($class -eq 'Refused') { @('A') } else { @('A', 'B') }) '' 'root' 1)
    } catch {
        $value[$class] = Get-Problem $_
    }
}
$value
"""
    block = own_block(monkeypatch, body)
    text = script.build_windows_script([block], nonce=NONCE).replace(b"function Read-Cim {", b"function Read-RealCim {")
    value = json.loads(printed(text, tmp_path).sections["own"].stdout)["v"]
    assert value["rows"] == [{"A": "SELECT A, B FROM Answers WHERE C = 1", "B": 2}]
    assert value["Refused"].startswith("UnauthorizedAccessException 0x80070005: ")
    assert value["Hangs"].startswith("TimeoutException 0x80131505: ")
    assert value["Answers"].startswith("TimeoutException 0x80131505: ")


def test_a_slow_block_that_hangs_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = own_block(
        monkeypatch, "$Audit.Value = @{ a = 1 }\nwhile ($true) { Start-Sleep 1 }\n", slow=True, timeout_s=2
    )
    delivery = printed(script.build_windows_script([block], nonce=NONCE), tmp_path)
    envelope = json.loads(delivery.sections["own"].stdout)
    assert (envelope["s"], envelope["v"]) == ("timed_out", {"a": 1})
    assert delivery.complete
