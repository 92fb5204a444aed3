"""The SSH lab of these tests: accounts, keys and daemons, made once per test process."""

import contextlib
import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from collectors.credentials import Credential
from collectors.model import Target
from collectors.transports import ssh
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from tests.lab import sshd as lab_sshd
from tests.lab.sshd import Sshd

PATIENCE_S = 60.0  # far beyond any deadline in these tests: only a hang gets there


def within_patience(call: Any, *args: Any, **kwargs: Any) -> Any:
    """Call in a thread, so that a hang fails the test instead of stopping the suite."""
    executor = ThreadPoolExecutor(1)
    try:
        return executor.submit(call, *args, **kwargs).result(PATIENCE_S)
    finally:
        executor.shutdown(wait=False)


@dataclass
class Lab:
    """Daemons made on demand, and short ways to visit them."""

    directory: Path
    key: Path
    stack: contextlib.ExitStack
    _daemons: dict[str, Sshd] = field(default_factory=dict)

    def daemon(self, name: str = "plain", **settings: Any) -> Sshd:
        """The daemon of that name, started with these settings the first time; every lab account may use our key."""
        if name not in self._daemons:
            running = self.stack.enter_context(lab_sshd.sshd(self.directory / name, **settings))
            for kind in lab_sshd._SHELLS:
                running.authorize(lab_sshd.user(kind), Path(f"{self.key}.pub"))
            self._daemons[name] = running
        return self._daemons[name]

    def known_hosts(self, *daemons: Sshd, extra: str = "") -> Path:
        """A fresh known_hosts file with the keys of these daemons."""
        number = len(list(self.directory.glob("known_*")))
        path = self.directory / f"known_{number}"
        path.write_text("".join(daemon.known_hosts_lines() for daemon in daemons) + extra)
        return path

    def policy(self, *daemons: Sshd, **changes: Any) -> ConnectionPolicy:
        """A policy that knows the keys of these daemons."""
        changes.setdefault("known_hosts", (self.known_hosts(*daemons),))
        return ConnectionPolicy(**changes)

    def target(self, daemon: Sshd, kind: str = "user", **changes: Any) -> Target:
        target = Target(name="srv1", address=daemon.address, port=daemon.port, user=lab_sshd.user(kind))
        return dataclasses.replace(target, **changes)

    def visit(
        self,
        daemon: Sshd,
        script: bytes = b"id -un\n",
        *,
        kind: str = "user",
        target: Target | None = None,
        policy: ConnectionPolicy | None = None,
        deadline_s: float = 40.0,
        **credential: Any,
    ) -> ScriptOutput:
        """Run the script there, with our key unless another way to log in is given."""
        if not credential.keys() & {"key_file", "password", "agent"}:
            credential["key_file"] = self.key
        output: ScriptOutput = within_patience(
            ssh.run,
            target or self.target(daemon, kind),
            script,
            credential=Credential(**credential),
            policy=policy or self.policy(daemon),
            deadline=Deadline.after(deadline_s),
        )
        return output


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    lab_sshd.require_lab()
    lab_sshd.make_accounts()
    with lab_sshd.lab_directory() as directory, contextlib.ExitStack() as stack:
        yield Lab(directory, lab_sshd.make_key(directory / "user_key"), stack)
        ssh.close()
