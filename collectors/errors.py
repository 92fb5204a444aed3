"""Errors of the collecting layer.

CollectorError                who was asked, what was tried, why it failed, what to do next
|- HostError                  one host; becomes a Gap of kind HOST, never stops the run
|  |- Unreachable             no connection: refused, no route, unknown name, probe timed out
|  |- HostKeyUnknown          first visit; the hint carries the command that accepts the key
|  |- HostKeyChanged          the key differs from known_hosts: refused loudly
|  |- CertificateUnknown      TLS: neither a trusted authority nor a pinned fingerprint; the hint accepts it
|  |- CertificateChanged      TLS: another certificate than the one pinned: refused loudly
|  |- UnsafeProtocol          would send a password in clear: refused
|  |- LoginDenied             every way to authenticate was refused
|  |- NotSupported            the server offers only what we do not speak
|  |- ConversationFailed      connected, then nonsense, a reset or a hang
|  `- DeadlineExceeded        the host's overall deadline passed
|- TenantError                one Microsoft 365 tenant, or one question about it; becomes a TenantGap
|  |- SignInFailed            no token: secret, certificate, conditional access, device code not entered
|  |  `- ConsentMissing       the application is not known in the tenant, or nobody consented
|  |- WrongTenant             the token is of another tenant than the one asked for: refused
|  |- TenantUnreachable       no connection to the sign-in service or to Graph
|  |- Throttled               asked to wait longer than we may
|  `- GraphError              Graph refused or answered nonsense
|     `- PermissionMissing    the application lacks a permission, which `permission` names
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


class CertificateUnknown(HostError):
    """The TLS certificate is signed by no trusted authority, is expired or names another host, and is not pinned."""

    reason = GapReason.REFUSED


class CertificateChanged(HostError):
    """The TLS certificate differs from the one pinned on the first visit: renewed, or someone in between."""

    reason = GapReason.REFUSED


class UnsafeProtocol(HostError):
    """What was asked would send a secret or facts in clear."""

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


class TenantError(CollectorError):
    """One tenant could not be asked, or one question about it; `reason` is what its gap will say.

    `subject` is the tenant as the client file names it. `permission` is the Graph permission that is missing where
    that is the cause, else "".
    """

    usual_reason: ClassVar[GapReason] = GapReason.FAILED

    def __init__(
        self, subject: str, problem: str, *, hint: str = "", permission: str = "", reason: GapReason | None = None
    ) -> None:
        super().__init__(subject, problem, hint=hint)
        self.permission = permission
        self.reason = reason or self.usual_reason


class SignInFailed(TenantError):
    """No token was given. `code` is the AADSTS number as text ("7000215"; "" when there is none).

    `correlation_id` is what Microsoft's support asks for.
    """

    usual_reason = GapReason.DENIED

    def __init__(
        self,
        subject: str,
        problem: str,
        *,
        hint: str = "",
        code: str = "",
        correlation_id: str = "",
        reason: GapReason | None = None,
    ) -> None:
        super().__init__(subject, problem, hint=hint, reason=reason)
        self.code = code
        self.correlation_id = correlation_id


class ConsentMissing(SignInFailed):
    """The application is not known in the tenant, or an administrator has not consented to it."""


class WrongTenant(TenantError):
    """The token or the organization is another tenant's than the one asked for: nothing more is asked."""

    usual_reason = GapReason.REFUSED


class TenantUnreachable(TenantError):
    """The sign-in service or Graph could not be reached."""

    usual_reason = GapReason.UNREACHABLE


class Throttled(TenantError):
    """Graph kept asking us to wait, longer than the limit of the run; what had been read is partial."""

    usual_reason = GapReason.TIMED_OUT


class GraphError(TenantError):
    """Graph refused a call or answered what cannot be understood.

    `status` is the HTTP status, `code` and `message` those of Graph's error body ("" where it had none), `request_id`
    what Microsoft's support asks for, `path` what was asked, without the base address.
    """

    def __init__(
        self,
        subject: str,
        problem: str,
        *,
        hint: str = "",
        permission: str = "",
        reason: GapReason | None = None,
        status: int = 0,
        code: str = "",
        message: str = "",
        request_id: str = "",
        path: str = "",
    ) -> None:
        super().__init__(subject, problem, hint=hint, permission=permission, reason=reason)
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.path = path


class PermissionMissing(GraphError):
    """Graph answered that the application may not; `permission` names what it lacks."""

    usual_reason = GapReason.DENIED


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
