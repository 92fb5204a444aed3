"""What became of one script on one host, gathered while it runs; the same for the fast and the ordinary way."""

from collectors.errors import HostError, LoginDenied
from collectors.transports.base import Deadline, ScriptOutput
from collectors.transports.become import Dialogue, Speech
from collectors.transports.capture import Capture

SUDO_PATIENCE_S = 20.0


def sudo_deadline(deadline: Deadline) -> Deadline:
    """Until when sudo may stay silent: it may ask in words we do not know, and would wait for ever."""
    return min(deadline, Deadline.after(SUDO_PATIENCE_S), key=lambda one: one.at)


class Visit:
    """Holds dialogues in turn: through sudo first where wanted, plainly when sudo refused and may be done without.

    `running` is true from the moment a command was accepted: from then on, losing the host loses nothing already
    heard. `ended` is true when nothing more is to be waited for.
    """

    def __init__(self, subject: str, dialogues: tuple[Dialogue, ...], *, limit_bytes: int, root: bool) -> None:
        self._subject = subject
        self._dialogues = dialogues
        self._limit_bytes = limit_bytes
        self._root = root
        self._notes: list[str] = []
        self._capture = Capture(limit_bytes)
        self._turn = 0
        self.exit_status: int | None = None
        self.running = False
        self.ended = False

    @property
    def dialogue(self) -> Dialogue:
        """The dialogue whose turn it is."""
        return self._dialogues[self._turn]

    def begin(self) -> None:
        """A command was accepted: start listening afresh."""
        self.running = True
        self.exit_status = None
        self._capture = Capture(self._limit_bytes)

    def note(self, text: str) -> None:
        """Add a sentence for `ScriptOutput.notes`."""
        self._notes.append(text)

    def hear_output(self, data: bytes) -> bool:
        """Take standard output; False when the limit is reached and listening should end."""
        return self._capture.output(data)

    def hear_error(self, data: bytes) -> Speech | None:
        """Take standard error: what to write in return, None when the limit is reached."""
        kept, speech = self.dialogue.hear(data)
        return speech if self._capture.error(kept) else None

    def close(self) -> bool:
        """The command ended: True when that was the script, False when the next dialogue shall be held.

        Raises `LoginDenied` when sudo is required and did not start the script.
        """
        dialogue = self.dialogue
        if dialogue.started:
            self.ended = True
            return True
        self.drop_sudo(dialogue.refusal())
        return False

    def sudo_is_silent(self, deadline: Deadline) -> bool:
        """Whether waiting ended because of sudo rather than the host; the next dialogue then has its turn."""
        if self.dialogue.started or deadline.passed:
            return False
        self.drop_sudo(f"sudo gave no answer within {SUDO_PATIENCE_S:g} s")
        return True

    def drop_sudo(self, why: str) -> None:
        """Go on without sudo, or raise `LoginDenied` when that is not wanted."""
        if self._turn + 1 == len(self._dialogues):
            raise LoginDenied(
                self._subject,
                f"sudo is required and was not granted: {why}.",
                hint='Allow this user to run sudo, correct the sudo password, or set sudo = "try".',
            )
        self.note(f"ran without root: {why}")
        self._turn += 1
        self.running = False

    def output(self) -> ScriptOutput:
        """The result when the script ended by itself or at the limit."""
        if self._capture.truncated:
            self.note("it printed more than is kept")
        return self._output(timed_out=False, cut=self._capture.truncated)

    def cut_off(self, *, timed_out: bool, error: BaseException | None) -> ScriptOutput:
        """The result when the deadline passed or the connection was lost while the script ran."""
        if isinstance(error, HostError) and error.subject:
            raise error
        if not timed_out:
            self.note("the connection was lost while the script ran")
        return self._output(timed_out=timed_out, cut=True)

    def _output(self, *, timed_out: bool, cut: bool) -> ScriptOutput:
        return ScriptOutput(
            stdout=self._capture.stdout,
            stderr=self._capture.stderr,
            exit_status=None if cut else self.exit_status,
            timed_out=timed_out,
            truncated=cut and not timed_out,
            privileged=self._root or (self.dialogue.through_sudo and self.dialogue.started),
            notes=tuple(self._notes),
        )
