"""W31: Constrained Language Mode, or a PowerShell older than 3.0: what one line of reg.exe still tells.

The answers are written after what reg.exe prints (checked against the one of Wine under its cmd.exe), in the OEM code
page of a French machine: 0x82 is "é".
"""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.assembly import Cut
from collectors.credentials import Credential
from collectors.errors import LoginDenied, Unreachable
from collectors.model import FactKind, GapReason, HostSnapshot, Protocol, Target
from collectors.releases import release_of
from collectors.scan import visit
from collectors.transports.base import ConnectionPolicy, Deadline, Interpreter, RunScript, ScriptOutput, Transport
from collectors.windows import degraded
from collectors.windows.assembly import KINDS
from tests.collectors.frames import NONCE, end
from tests.collectors.windows.frames import CLIENT, answer, hello

TAKEN_AT = datetime(2026, 11, 10, 8, 0, tzinfo=UTC)
TARGET = Target(name="borne", protocol=Protocol.WINRM, address="borne.lab.example")
WINDOWS = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
CONTROL = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control"
PROGRAMS = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
PROGRAMS_32 = r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall"

VALUES = (
    (WINDOWS, "CurrentBuildNumber", "REG_SZ", "19044"),
    (WINDOWS, "UBR", "REG_DWORD", "0x1938"),
    (WINDOWS, "BuildLabEx", "REG_SZ", "19041.1.amd64fre.vb_release.191206-1406"),
    (WINDOWS, "DisplayVersion", "REG_SZ", "21H2"),
    (WINDOWS, "ReleaseId", "REG_SZ", "2009"),
    (WINDOWS, "EditionID", "REG_SZ", "IoTEnterpriseS"),
    (WINDOWS, "InstallationType", "REG_SZ", "Client"),
    (WINDOWS, "ProductName", "REG_SZ", "Windows 10 IoT Enterprise LTSC"),
    (WINDOWS, "InstallDate", "REG_DWORD", "0x65a0f5c0"),
    (CONTROL + r"\ProductOptions", "ProductType", "REG_SZ", "WinNT"),
    (CONTROL + r"\Session Manager\Environment", "PROCESSOR_ARCHITECTURE", "REG_SZ", "AMD64"),
    (r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters", "Hostname", "REG_SZ", "BORNE"),
    (r"HKEY_LOCAL_MACHINE\SYSTEM\HardwareConfig", "LastConfig", "REG_SZ", "{4C4C4544-0042-3510-8052-B4C04F4E3233}"),
    (PROGRAMS + r"\7-Zip", "DisplayName", "REG_SZ", "7-Zip 23.01 (x64 édition)"),
    (PROGRAMS + r"\7-Zip", "DisplayVersion", "REG_SZ", "23.01"),
    (PROGRAMS + r"\{90160000-008C-0000-1000-0000000FF1CE}", "DisplayName", "REG_SZ", "Office 16 Click-to-Run"),
    (PROGRAMS + r"\{90160000-008C-0000-1000-0000000FF1CE}", "SystemComponent", "REG_DWORD", "0x1"),
    (PROGRAMS_32 + r"\Mozilla Firefox 115.0 ESR (x86 fr)", "DisplayName", "REG_SZ", "Mozilla Firefox ESR (x86 fr)"),
    (PROGRAMS_32 + r"\Mozilla Firefox 115.0 ESR (x86 fr)", "Publisher", "REG_SZ", ""),
)


def printed(values: tuple[tuple[str, str, str, str], ...] = VALUES, *, whole: bool = True) -> str:
    """What the line prints: values, and the localized sentence that ends every search."""
    found = "".join(f"\r\n{key}\r\n    {name}    {kind}    {data}\r\n\r\n" for key, name, kind, data in values)
    closing = "Fin de la recherche : 2 correspondances trouvées.\r\n"
    return f"@@A1-REG 1 \r\n{found}{closing}" + ("@@A1-REG end\r\n" if whole else "")


OEM = printed().encode("cp850")


def read(stdout: bytes, *, cut: Cut | None = None) -> HostSnapshot | None:
    return degraded.read(TARGET, stdout, taken_at=TAKEN_AT, reason=GapReason.DENIED, because="test", cut=cut)


class TestReading:
    @pytest.mark.parametrize("encoding", ["cp850", "utf-8"])
    def test_identity_and_programs_are_read_in_either_code_page(self, encoding: str) -> None:
        seen = read(printed().encode(encoding))
        assert seen is not None
        assert seen.operating_system is not None
        assert seen.operating_system.pretty_name == "Windows 10 IoT Enterprise LTSC 2021"
        assert seen.operating_system.version_id == "10.0.19044.6456"
        assert seen.operating_system.machine_id == "4c4c4544-0042-3510-8052-b4c04f4e3233"
        assert release_of(seen.operating_system) == "windows:19044-client"
        programs = [(row.name, row.version, row.architecture, row.noise) for row in seen.applications]
        assert programs == [
            ("7-Zip 23.01 (x64 édition)", "23.01", "x64", False),
            ("Office 16 Click-to-Run", "", "x64", True),
            ("Mozilla Firefox ESR (x86 fr)", "", "x86", False),
        ]

    def test_everything_else_is_a_gap(self) -> None:
        seen = read(OEM)
        assert seen is not None
        assert seen.windows is not None
        assert {gap.kind for gap in seen.gaps} == set(KINDS) - {FactKind.OPERATING_SYSTEM, FactKind.APPLICATIONS}
        assert {gap.reason for gap in seen.gaps} == {GapReason.DENIED}
        assert seen.windows.system.language_mode == ""

    def test_without_a_build_nothing_is_told(self) -> None:
        assert read(printed(VALUES[1:]).encode("cp850")) is None
        assert read(b"") is None
        assert read(b"Acc\x8as refus\x82.\r\n") is None

    def test_an_answer_that_ends_early_keeps_its_programs_and_says_so(self) -> None:
        seen = read(printed(VALUES[:15], whole=False).encode("cp850"))
        assert seen is not None
        assert len(seen.applications) == 1
        assert [gap.reason for gap in seen.gaps_of(FactKind.APPLICATIONS)] == [GapReason.TRUNCATED]

    def test_no_program_at_all_is_not_believed(self) -> None:
        seen = read(printed(VALUES[:13]).encode("cp850"))
        assert seen is not None
        assert [gap.reason for gap in seen.gaps_of(FactKind.APPLICATIONS)] == [GapReason.FAILED]

    @given(st.integers(0, len(OEM)))
    def test_whatever_is_cut_off_programs_are_never_few_in_silence(self, keep: int) -> None:
        seen = read(OEM[:keep])
        if seen is not None and len(seen.applications) < 3:
            assert seen.gaps_of(FactKind.APPLICATIONS)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_an_answer_or_none(self, noise: bytes) -> None:
        assert read(noise) is None
        seen = read(b"@@A1-REG 1\r\n" + noise + OEM)
        assert seen is None or seen.operating_system is not None

    def test_the_line_fits_cmd_exe(self) -> None:
        assert degraded.COMMAND.isascii()
        assert len(degraded.COMMAND) < 8191
        assert "\n" not in degraded.COMMAND
        assert degraded.recognises(OEM)
        assert not degraded.recognises(answer(CLIENT))


def runs(output: ScriptOutput | Exception) -> RunScript:
    def run(
        target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
    ) -> ScriptOutput:
        if isinstance(output, Exception):
            raise output
        return output

    return run


def visited(
    powershell: ScriptOutput | Exception, reg: ScriptOutput | Exception | None, *, protocol: Protocol = Protocol.WINRM
) -> HostSnapshot:
    transport = Transport(
        protocol=protocol,
        run=runs(powershell),
        interpreter=Interpreter.SH if protocol is Protocol.REPLAY else Interpreter.POWERSHELL,
        run_command=None if reg is None else runs(reg),
    )
    return visit(TARGET, transport=transport, credential=Credential(), policy=ConnectionPolicy(), taken_at=TAKEN_AT)


CLIXML = b'#< CLIXML\r\n<Objs Version="1.1.0.1"><S S="Error">Impossible d\'appeler la m\xc3\xa9thode.</S></Objs>'
MUTE = ScriptOutput(stdout=b"", stderr=CLIXML, exit_status=1)
REG = ScriptOutput(stdout=OEM, exit_status=0)


class TestVisit:
    def test_constrained_language_mode_is_degraded_and_said(self) -> None:
        seen = visited(MUTE, REG)
        assert seen.operating_system is not None
        assert len(seen.applications) == 3
        gap = seen.gaps_of(FactKind.AVAILABLE_UPDATES)[0]
        assert gap.reason is GapReason.DENIED
        assert "Constrained Language Mode" in gap.detail

    def test_an_old_powershell_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("collectors.scan.new_nonce", lambda: NONCE)
        seen = visited(ScriptOutput(stdout=hello("windows 1 2.0 FullLanguage") + end(), exit_status=0), REG)
        gap = seen.gaps_of(FactKind.REBOOT)[0]
        assert gap.reason is GapReason.MISSING
        assert "PowerShell 2.0 is older than 3.0" in gap.detail
        assert seen.operating_system is not None

    def test_where_reg_exe_is_refused_too_the_machine_is_not_seen(self) -> None:
        for refused in (ScriptOutput(stdout=b"", exit_status=1), LoginDenied("borne", "access denied"), None):
            seen = visited(MUTE, refused)
            assert not seen.reached
            assert seen.gaps[0].reason is GapReason.DENIED
            assert "CLIXML" not in seen.gaps[0].detail

    @pytest.mark.parametrize(
        ("output", "reason"),
        [
            (ScriptOutput(stdout=b"", timed_out=True), GapReason.TIMED_OUT),
            (ScriptOutput(stdout=b"", truncated=True), GapReason.TRUNCATED),
            (ScriptOutput(stdout=b""), GapReason.FAILED),
        ],
    )
    def test_a_silence_of_another_cause_asks_nothing_more(self, output: ScriptOutput, reason: GapReason) -> None:
        seen = visited(output, REG)
        assert not seen.reached
        assert seen.gaps[0].reason is reason

    def test_a_machine_that_cannot_be_reached_is_not_asked_twice(self) -> None:
        assert visited(Unreachable("borne", "no route"), REG).gaps[0].reason is GapReason.UNREACHABLE

    def test_a_recording_of_such_a_visit_is_played_back(self) -> None:
        seen = visited(REG, None, protocol=Protocol.REPLAY)
        assert seen.operating_system is not None
        assert seen.operating_system.hostname == "BORNE"

    def test_an_answer_of_reg_exe_cut_short_says_why(self) -> None:
        half = ScriptOutput(stdout=printed(VALUES[:15], whole=False).encode("cp850"), timed_out=True)
        seen = visited(MUTE, half)
        assert seen.gaps_of(FactKind.APPLICATIONS)[0].reason is GapReason.TIMED_OUT
