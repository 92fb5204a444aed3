"""WinRM: one visit and one shell per host, sealed or in TLS, no credential tried twice, one deadline over everything.

pywinrm writes the messages, everything around them is `collectors.transports.wsman`.
"""

import sys

from collectors.credentials import Credential
from collectors.model import Protocol, Target
from collectors.transports.base import ConnectionPolicy, Deadline, Interpreter, ScriptOutput, Transport

_PACKAGE = "collectors.transports.wsman"


def run(
    target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> ScriptOutput:
    """Run a PowerShell script (UTF-8, any size) on the target; see `RunScript`.

    Where powershell.exe is missing or forbidden, that is told by the output: an exit status, a note, no frame.
    """
    from collectors.transports.wsman.visit import run_script

    return run_script(target, script, credential=credential, policy=policy, deadline=deadline)


def run_command(
    target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> ScriptOutput:
    """Run one line of cmd.exe (ASCII, at most 8,191 characters) on the target, in code page 65001; see `RunScript`."""
    from collectors.transports.wsman.visit import run_line

    return run_line(target, script, credential=credential, policy=policy, deadline=deadline)


def close() -> None:
    """End visits under way, forget hashes of passwords, tickets, pinned certificates and trust stores read so far."""
    for module, name in (("connection", "hang_up_all"), ("authentication", "forget"), ("certificates", "forget")):
        # Not there: nothing was visited yet. Half there: a thread of an interrupted run is importing it just now.
        function = getattr(sys.modules.get(f"{_PACKAGE}.{module}"), name, None)
        if function is not None:
            function()


TRANSPORT = Transport(
    protocol=Protocol.WINRM,
    run=run,
    interpreter=Interpreter.POWERSHELL,
    run_command=run_command,
    default_port=5986,
    close=close,
)
