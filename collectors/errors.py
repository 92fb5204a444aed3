"""Errors of the collecting layer.

CollectorError                who was asked, what was tried, why it failed, what to do next
|- HostError                  one host; becomes a Gap of kind HOST, never stops the run
|  |- Unreachable             no connection: refused, no route, unknown name, probe timed out
|  |- HostKeyUnknown          first visit; the hint carries the command that accepts the key
|  |- HostKeyChanged          the key differs from known_hosts: refused loudly
|  |- LoginDenied             every way to authenticate was refused
|  |- NotSupported            the server offers only what we do not speak
|  |- ConversationFailed      connected, then nonsense, a reset or a hang
|  `- DeadlineExceeded        the host's overall deadline passed
|- FeedError                  one feed; the last good copy stays in place
|  |- FeedUnreachable         download failed
|  |- FeedInvalid             broken, truncated, hostile or of another shape
|  `- BundleInvalid           an imported bundle does not check
`- RecordingError             a recording to replay is absent or damaged
"""

from typing import ClassVar

from collectors.model import GapReason


class CollectorError(Exception):
    """Base: `subject` is the host or feed, `problem` one sentence, `hint` what to do next ("" when nothing helps)."""

    def __init__(self, subject: str, problem: str, *, hint: str = "") -> None:
        super().__init__(subject, problem, hint)
        self.subject = subject
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.subject}: {self.problem}"
        return f"{text} {self.hint}" if self.hint else text


class HostError(CollectorError):
    """One host could not be visited; `reason` is what its gap will say."""

    reason: ClassVar[GapReason] = GapReason.FAILED


class Unreachable(HostError):
    """No TCP connection could be made."""

    reason = GapReason.UNREACHABLE


class HostKeyUnknown(HostError):
    """The host key is not in known_hosts and first visits were not allowed."""

    reason = GapReason.REFUSED


class HostKeyChanged(HostError):
    """The host key differs from the one recorded: another machine, or someone in between."""

    reason = GapReason.REFUSED


class LoginDenied(HostError):
    """The host refused every credential we were given; none is tried twice."""

    reason = GapReason.DENIED


class NotSupported(HostError):
    """The server speaks no algorithm or protocol that we do."""

    reason = GapReason.UNSUPPORTED


class ConversationFailed(HostError):
    """The connection stood, then broke or answered nonsense."""

    reason = GapReason.FAILED


class DeadlineExceeded(HostError):
    """The overall deadline of the host passed before anything useful came back."""

    reason = GapReason.TIMED_OUT


class FeedError(CollectorError):
    """One feed could not be renewed; the last good copy stays."""


class FeedUnreachable(FeedError):
    """The download failed or was refused."""


class FeedInvalid(FeedError):
    """The download is broken, truncated, hostile or not of the expected shape."""


class BundleInvalid(FeedError):
    """An imported bundle fails its checks."""


class RecordingError(CollectorError):
    """A recording to replay is absent or damaged."""
