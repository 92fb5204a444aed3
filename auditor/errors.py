"""Errors of the outer layer: files, settings, history, delivery.

AuditorError                  subject (file, option, host), problem, hint; shown once, at the edge, by `auditor.cli`
|- SettingsError              client.toml or a command line that does not say what it means
|  `- FileRefused             a list of a client's with several mistakes, all of them told
|- SecretError                a reference that cannot be resolved; never carries the secret
|- HistoryError               the history file cannot be read or written
|  |- HistoryFull             no room left on its disk (or its quota)
|  `- HistoryDamaged          its content is no longer what was written
|- DeliveryError              a report could not be written anywhere beside its place
`- MailError                  a message that is not, or cannot be, sent
   `- OutboxError             the file of a client's messages cannot be read or written
"""

from collections.abc import Sequence

from auditor.exits import Exit


class AuditorError(Exception):
    """Base: `subject` is the file, option or host concerned; `problem` and `hint` are sentences for the operator."""

    exit_code = Exit.USAGE

    def __init__(self, subject: str, problem: str, *, hint: str = "") -> None:
        super().__init__(subject, problem, hint)
        self.subject = subject
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.subject}: {self.problem}"
        return f"{text} {self.hint}" if self.hint else text

    def lines(self) -> list[str]:
        """The message as lines to show."""
        return [str(self)]


class SettingsError(AuditorError):
    """A client file, inventory or command line is wrong; `subject` names the file and `problem` the key."""


class FileRefused(SettingsError):
    """A file of rows with several mistakes; `mistakes` are all of them, each with its place and what to do."""

    TOLD = 20

    def __init__(self, subject: str, mistakes: Sequence[str]) -> None:
        told = [*mistakes[: self.TOLD]]
        if len(mistakes) > self.TOLD:
            told.append(f"and {len(mistakes) - self.TOLD} more.")
        super().__init__(subject, f"{len(mistakes)} mistakes. " + " | ".join(told))
        self.mistakes = tuple(mistakes)
        self._told = tuple(told)

    def lines(self) -> list[str]:
        """The file, then one line for each mistake (the first 20)."""
        return [f"{self.subject}: {len(self.mistakes)} mistakes:", *(f"  {mistake}" for mistake in self._told)]


class SecretError(AuditorError):
    """A secret reference (`env:`, `file:`, `keyring:`, `prompt:`) leads nowhere."""


class HistoryError(AuditorError):
    """The history is locked, damaged, newer than this program or not ours."""


class HistoryFull(HistoryError):
    """The disk of the history is full."""


class HistoryDamaged(HistoryError):
    """The history is damaged: what it holds cannot be trusted."""


class DeliveryError(AuditorError):
    """A report could not be written; the run itself is in the history."""


class MailError(AuditorError):
    """A message that cannot be composed or must not be sent; nothing was."""


class OutboxError(MailError):
    """A client's outbox is locked, damaged, newer than this program or not ours."""
