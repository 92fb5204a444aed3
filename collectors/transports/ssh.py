"""SSH: one visit per host, checked host keys, no credential tried twice, one deadline over everything.

The route (ssh_config, ProxyJump) is worked out first, then the target is dialed; a key is offered the fast way
(`secure_shell.fast`), everything else the ordinary way (`secure_shell.ordinary`).
"""

import sys

from collectors.credentials import Credential
from collectors.model import Protocol, Target
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput, Transport
from collectors.transports.secure_shell import client_config, keys, known_hosts, sockets


def run(
    target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> ScriptOutput:
    """Run `script` with `sh -s` on the target; see `RunScript`."""
    from collectors.transports.secure_shell.visit import visit

    return visit(target, script, credential=credential, policy=policy, deadline=deadline)


def close() -> None:
    """End visits under way, hang up on jump hosts, forget keys, ssh_config and known_hosts files read so far."""
    jumps = sys.modules.get("collectors.transports.secure_shell.jumps")
    # Not there: nothing was visited yet. Half there: a thread of an interrupted run is importing it just now.
    hang_up = getattr(jumps, "hang_up", None)
    if hang_up is not None:
        hang_up()
    sockets.hang_up_all()
    keys.forget()
    client_config.forget()
    known_hosts.forget()


TRANSPORT = Transport(protocol=Protocol.SSH, run=run, default_port=22, close=close)
