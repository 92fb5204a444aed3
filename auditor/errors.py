"""Errors of the outer layer: files, settings, history, delivery.

AuditorError                  subject (file, option, host), problem, hint; shown once, at the edge, by `auditor.cli`
|- SettingsError              client.toml or a command line that does not say what it means
|- SecretError                a reference that cannot be resolved; never carries the secret
|- HistoryError               the history file cannot be read or written
|  `- HistoryFull             no room left on its disk (or its quota)
`- DeliveryError              a report could not be written anywhere beside its place
"""

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


class SettingsError(AuditorError):
    """A client file, inventory or command line is wrong; `subject` names the file and `problem` the key."""


class SecretError(AuditorError):
    """A secret reference (`env:`, `file:`, `keyring:`, `prompt:`) leads nowhere."""


class HistoryError(AuditorError):
    """The history is locked, damaged, newer than this program or not ours."""


class HistoryFull(HistoryError):
    """The disk of the history is full."""


class DeliveryError(AuditorError):
    """A report could not be written; the run itself is in the history."""
