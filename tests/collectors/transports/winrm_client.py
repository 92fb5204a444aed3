"""Short ways to visit the loopback WS-Man peer."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from collectors.credentials import Credential, Secret
from collectors.model import Protocol, Target
from collectors.transports import winrm
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from tests.collectors.transports.conftest import within_patience
from tests.lab import wsman

SCRIPT = b"'ran'"


def echo(script: str) -> bytes:
    """Stands for a script that prints itself."""
    return script.encode()


def target(peer: wsman.Peer, *, tls: bool = False, **changes: Any) -> Target:
    one = Target(
        name="pc1",
        address=peer.address,
        port=peer.tls_port if tls else peer.port,
        protocol=Protocol.WINRM,
        tls=tls,
    )
    return dataclasses.replace(one, **changes)


def visit(
    peer: wsman.Peer,
    script: bytes = SCRIPT,
    *,
    tls: bool = False,
    at: Target | None = None,
    policy: ConnectionPolicy | None = None,
    deadline_s: float = 40.0,
    run: Callable[..., ScriptOutput] = winrm.run,
    **credential: Any,
) -> ScriptOutput:
    """Visit as "audit" with the lab's password over NTLM, unless told otherwise; a hang fails the test."""
    if policy is None:
        policy = ConnectionPolicy(ca_file=peer.ca_file) if tls else ConnectionPolicy()
    settings = {"user": "audit", "password": Secret(wsman.PASSWORD), "auth": "ntlm"} | credential
    output: ScriptOutput = within_patience(
        run,
        at or target(peer, tls=tls),
        script,
        credential=Credential(**settings),
        policy=policy,
        deadline=Deadline.after(deadline_s),
    )
    return output


class Later(dict[wsman.Operation, wsman.Failure]):
    """Failures of a peer that begin with the second message of that operation."""

    def __init__(self, operation: wsman.Operation, failure: wsman.Failure) -> None:
        super().__init__({operation: failure})
        self.seen = 0

    def get(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            return default
        self.seen += 1
        return self[key] if self.seen > 1 else default


@contextmanager
def powershell(answer: Any = echo, **settings: Any) -> Iterator[wsman.Peer]:
    """A peer whose PowerShell answers as told; fails the test when a shell stays open."""
    with wsman.serve(runner=wsman.RecordedPowerShell(answer), **settings) as peer:
        yield peer
        assert peer.open_shells == 0
