"""Running the script plainly or through sudo, as a dialogue without input or output of its own.

A `Dialogue` names the command to run, says what to write on its standard input, and listens to its standard error.
The command is understood alike by sh, csh and fish, because the login shell reads it. Through sudo, the inner shell
first prints a marker on standard error; only then is the script sent when a password was in play, so that a password
which sudo did not ask for can never reach a shell. A password is sent once: a second prompt ends the dialogue.

Source: sudo(8), options -n, -S and -p.
"""

import secrets
from dataclasses import dataclass, field

from collectors.credentials import Secret

PLAIN_COMMAND = "sh -s"
_HELD_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Speech:
    """What to write on standard input next; `end` closes it afterwards."""

    data: bytes = b""
    end: bool = False


SILENCE = Speech()


@dataclass(slots=True)
class Dialogue:
    """One attempt to run the script; `started` tells whether a shell took it, `password_refused` why sudo did not."""

    command: str
    script: bytes
    password: Secret | None = None
    through_sudo: bool = False
    started: bool = True
    password_refused: bool = False
    _marker: bytes = b""
    _prompt: bytes = b""
    _held: bytearray = field(default_factory=bytearray)
    _asked: bool = False

    def opening(self) -> Speech:
        """What may be written as soon as the command runs."""
        if self.password is None:
            return Speech(self.script, end=True)
        return SILENCE

    def hear(self, stderr: bytes) -> tuple[bytes, Speech]:
        """Listen to standard error: what of it belongs to the script, and what to write in return."""
        if self.started:
            return stderr, SILENCE
        self._held += stderr
        if (place := self._held.find(self._marker)) >= 0:
            self.started = True
            rest = bytes(self._held[place + len(self._marker) :]).removeprefix(b"\n")
            self._held.clear()
            return rest, Speech(self.script, end=True) if self.password is not None else SILENCE
        if self._prompt and (place := self._held.find(self._prompt)) >= 0:
            del self._held[: place + len(self._prompt)]
            return b"", self._answer()
        if len(self._held) > _HELD_LIMIT_BYTES:
            del self._held[:-_HELD_LIMIT_BYTES]
        return b"", SILENCE

    def _answer(self) -> Speech:
        if self._asked or self.password is None:
            self.password_refused = True
            return Speech(end=True)
        self._asked = True
        return Speech(self.password.reveal().encode() + b"\n")

    def refusal(self) -> str:
        """Why sudo did not run the script, in its own words where it gave some."""
        if self.password_refused:
            return "sudo refused the password"
        lines = [line.strip() for line in self._held.decode(errors="replace").splitlines() if line.strip()]
        return f"sudo said: {lines[-1][:200]}" if lines else "sudo did not start a shell"


def plain(script: bytes) -> Dialogue:
    """Run the script as the user we logged in as."""
    return Dialogue(command=PLAIN_COMMAND, script=script)


def sudo(script: bytes, password: Secret | None) -> Dialogue:
    """Run the script as root through sudo; without a password sudo is told not to ask (`-n`)."""
    nonce = secrets.token_hex(8)
    marker = f"auditor-root-{nonce}"
    prompt = f"auditor-sudo-{nonce}:"
    asking = "-n" if password is None else f"-S -p {prompt}"
    return Dialogue(
        command=f"sudo {asking} sh -c 'echo {marker} >&2; exec sh -s'",
        script=script,
        password=password,
        through_sudo=True,
        started=False,
        _marker=marker.encode(),
        _prompt=prompt.encode() if password is not None else b"",
    )


def attempts(script: bytes, *, sudo_mode: str, sudo_password: Secret | None, root: bool) -> tuple[Dialogue, ...]:
    """The dialogues to hold in turn until one starts; `sudo_mode` is `Credential.sudo`, `root` needs no sudo."""
    if root or sudo_mode == "never":
        return (plain(script),)
    if sudo_mode == "require":
        return (sudo(script, sudo_password),)
    return (sudo(script, sudo_password), plain(script))
