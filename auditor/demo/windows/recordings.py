"""Described Windows machines -> recordings, in exactly the form a real visit leaves."""

import hashlib
from pathlib import Path

from auditor.demo.frames import write_windows_frames
from auditor.demo.windows.answers import answers
from auditor.demo.windows.described import Machine
from auditor.demo.windows.registry import registry
from collectors.transports.base import ScriptOutput
from collectors.transports.replay import Recording, file_name, write_recording


def write(machine: Machine, folder: Path) -> Path:
    """Write one machine's recording into `folder` and return its path."""
    path = folder / file_name(machine.name)
    write_recording(path, Recording(taken_at=machine.described.taken_at, output=output(machine)))
    return path


def output(machine: Machine) -> ScriptOutput:
    """What a visit brought home; from a machine whose PowerShell runs nothing of ours, reg.exe's words (W31)."""
    described = machine.described
    if described.language_mode == "ConstrainedLanguage":
        return ScriptOutput(stdout=registry(machine), exit_status=0)
    stdout = frames(machine, hashlib.sha256(machine.name.encode()).hexdigest()[:16])
    cut = bool(described.cut_in)
    if cut:
        begin = stdout.index(f" {described.cut_in} z ".encode())
        stdout = stdout[: (begin + stdout.index(b"\n@@A1 ", begin)) // 2]
    return ScriptOutput(stdout=stdout, exit_status=None if cut else 0, truncated=cut, privileged=described.elevated)


def frames(machine: Machine, nonce: str) -> bytes:
    """Everything the script of a visit with this nonce would have printed."""
    described = machine.described
    hello = f"windows {int(described.elevated)} {machine.system.powershell} {described.language_mode}"
    return write_windows_frames(nonce, hello, ((name, one.envelope()) for name, one in answers(machine).items()))
