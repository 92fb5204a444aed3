"""sendMail of Microsoft Graph: an application of its own that may send from one mailbox, and do nothing else.

The collectors' client only reads, by promise; this one only sends. A workbook above 3 MB needs a draft with an upload
session, and so the permission Mail.ReadWrite beside Mail.Send.
Source: "user: sendMail", "attachment: createUploadSession", "message: send" (Microsoft Graph v1.0); "Limiting
application permissions to specific Exchange Online mailboxes".
"""

import base64
import json
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from auditor.mailing.carrier import Fate, Parcel, Receipt
from auditor.mailing.compose import Attachment, attachment_of, parsed
from collectors.cloud.credentials import safe_address
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.throttle import retry_after_s
from collectors.cloud.tokens import Token, TokenSource
from collectors.cloud.wire import WireBroken, broken, new_session, proxies_for, read_body
from collectors.errors import TenantError, TenantUnreachable

_log = logging.getLogger(__name__)
SMALL_BYTES = 3 * 1024 * 1024 - 64 * 1024  # what fits into one request of 4 MB once it is base64
_SLICE = 10 * 327_680  # a multiple of 320 kB, as upload sessions want, below their 4 MB
_MAX_ANSWER = 1 << 20
_OK = range(200, 300)
_BUSY = frozenset({429, 503})
_BROKEN = frozenset({500, 502, 504})
_SEND, _DRAFTS = "Mail.Send", "Mail.ReadWrite"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Mapping[str, Any]:
        """The JSON object that came; {} for anything else."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def error(self) -> tuple[str, str]:
        """Graph's code and message, "" where it told none."""
        found = self.document.get("error")
        if not isinstance(found, dict):
            return "", ""
        return str(found.get("code") or ""), str(found.get("message") or "")[:300]


class _Refusal(Exception):
    """A step that Graph did not take."""

    def __init__(self, answer: _Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class GraphCarrier:
    """Microsoft Graph as a way out, from one mailbox."""

    def __init__(self, tokens: TokenSource, policy: CloudPolicy, *, mailbox: str) -> None:
        self._tokens = tokens
        self._policy = policy
        self._mailbox = mailbox
        self._base = f"{tokens.endpoints.graph.rstrip('/')}/users/{quote(mailbox, safe='')}"
        self.place = f"Microsoft Graph ({tokens.tenant})"

    def carry(self, parcel: Parcel, committing: Callable[[], None]) -> Receipt:
        """See `Carrier`. Graph takes a message for all recipients or for none."""
        way = _Way(self._tokens, self._policy)
        try:
            return self._carry(way, parcel, committing)
        except TenantUnreachable as error:
            return Receipt(fate=Fate.LATER, problem=f"{self.place}: {error.problem}", hint=error.hint)
        except TenantError as error:
            return Receipt(fate=Fate.OURS, problem=f"{self.place}: {error.problem}", hint=error.hint)
        except _Refusal as refusal:
            return self._refused(refusal.answer, way)
        except WireBroken as error:
            if way.handed_over:
                problem = f"{self.place}: the message was handed over, then {error.problem}; it may have been accepted."
                return Receipt(fate=Fate.UNCLEAR, problem=problem)
            fate = Fate.LATER if error.again else Fate.OURS
            return Receipt(fate=fate, problem=f"{self.place}: {error.problem}.", hint=error.hint)
        finally:
            way.close()

    def reach(self) -> Receipt:
        """Sign in and send nothing."""
        try:
            granted = self._tokens.token().granted
        except TenantError as error:
            return Receipt(fate=Fate.OURS, problem=f"{self.place}: {error.problem}", hint=error.hint)
        if _SEND not in granted:
            problem = f"{self.place}: the application does not hold {_SEND}, or holds it for single mailboxes only."
            return Receipt(fate=Fate.ACCEPTED, problem=problem, hint="`auditor mail test` proves it.")
        return Receipt(fate=Fate.ACCEPTED)

    def _carry(self, way: "_Way", parcel: Parcel, committing: Callable[[], None]) -> Receipt:
        message, attachment = as_graph(parcel.content, parcel.recipients)
        if attachment is None or len(attachment.content) <= SMALL_BYTES:
            if attachment is not None:
                message["attachments"] = [_inline(attachment)]
            document = {"message": message, "saveToSentItems": True}
            way.post(f"{self._base}/sendMail", document, before=committing)
            return Receipt(fate=Fate.ACCEPTED, answer="202 Accepted")
        draft = str(way.post(f"{self._base}/messages", message).document.get("id") or "")
        if not draft:
            return Receipt(fate=Fate.LATER, problem=f"{self.place}: the draft it made has no id.")
        where = f"{self._base}/messages/{quote(draft, safe='')}"
        try:
            self._upload(way, where, attachment)
            way.post(f"{where}/send", None, before=committing)
        except (_Refusal, WireBroken, TenantError):
            if not way.handed_over:
                way.forget(where)
            raise
        return Receipt(fate=Fate.ACCEPTED, answer="202 Accepted")

    def _upload(self, way: "_Way", where: str, attachment: Attachment) -> None:
        size = len(attachment.content)
        item = {"attachmentType": "file", "name": attachment.name, "size": size}
        opened = way.post(f"{where}/attachments/createUploadSession", {"AttachmentItem": item})
        url = str(opened.document.get("uploadUrl") or "")
        if not safe_address(url):
            raise WireBroken("no usable address came back for the workbook", again=True)
        for start in range(0, size, _SLICE):
            part = attachment.content[start : start + _SLICE]
            way.put(url, part, f"bytes {start}-{start + len(part) - 1}/{size}")

    def _refused(self, answer: _Answer, way: "_Way") -> Receipt:
        code, words = answer.error
        said = ": ".join(filter(None, (code, words))) or f"HTTP {answer.status}"
        if answer.status in _BUSY:
            wait_s = retry_after_s(answer.headers.get("retry-after", ""), way.now())
            return Receipt(fate=Fate.LATER, problem=f"{self.place} is busy ({said}).", wait_s=wait_s)
        if answer.status in _BROKEN:
            if way.handed_over:
                problem = f"{self.place} broke off over the message ({said}); it may have been accepted."
                return Receipt(fate=Fate.UNCLEAR, problem=problem)
            return Receipt(fate=Fate.LATER, problem=f"{self.place} is out of order ({said}).")
        problem = f"{self.place} refuses to send from {self._mailbox} ({said})."
        if answer.status in (401, 403):
            return Receipt(fate=Fate.OURS, problem=problem, hint=self._cure(code, words, way))
        if answer.status == 404:
            hint = "mail.from must be a mailbox of this tenant, with Exchange Online."
            return Receipt(fate=Fate.OURS, problem=problem, hint=hint)
        return Receipt(fate=Fate.REFUSED, problem=problem)

    def _cure(self, code: str, words: str, way: "_Way") -> str:
        """What an administrator must do, by how Graph worded its refusal."""
        if "AccessPolicy" in words or "RAOP" in words:
            return (
                f"An application access policy keeps the application away from {self._mailbox}: add this mailbox to"
                " the policy's group (New-ApplicationAccessPolicy), or use one that is in it."
            )
        if code == "ErrorSendAsDenied":
            return f"mail.from must be the mailbox itself: {self._mailbox} is not."
        needed = _DRAFTS if way.drafting else _SEND
        reason = ", which a workbook above 3 MB needs" if way.drafting else ""
        return (
            f"Grant the application {needed} (application permission, with an administrator's consent){reason}; limit"
            f" it to {self._mailbox} with RBAC for applications or an application access policy."
        )


class _Way:
    """The calls of one attempt, over a session of their own. `handed_over`: Graph may have taken the message."""

    def __init__(self, tokens: TokenSource, policy: CloudPolicy) -> None:
        self._tokens = tokens
        self._policy = policy
        self._session = new_session(policy)
        self.handed_over = False
        self.drafting = False

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def now(self) -> Any:
        """The present moment, for Retry-After dates."""
        from datetime import UTC, datetime

        return datetime.now(UTC)

    def post(self, url: str, document: object, *, before: Callable[[], None] | None = None) -> _Answer:
        """POST once, with a fresh token where the first was rejected; `before` is called when it sends the message."""
        path = urlsplit(url).path
        self.drafting = "/messages" in path and not path.endswith("/send")
        body = b"" if document is None else json.dumps(document).encode()
        token = self._tokens.token()
        if before is not None:
            before()
            self.handed_over = True
        answer = self._call("POST", url, body, self._headers(token))
        if answer.status == 401:
            self.handed_over = False  # it said no, and the sign-in may fail now
            token = self._tokens.renew(token)
            self.handed_over = before is not None
            answer = self._call("POST", url, body, self._headers(token))
        return self._taken(answer)

    def put(self, url: str, part: bytes, span: str) -> None:
        """Upload a slice; its address opens by itself, so no token is shown there."""
        headers = {"Content-Type": "application/octet-stream", "Content-Range": span}
        self._taken(self._call("PUT", url, part, headers))

    def forget(self, url: str) -> None:
        """Delete a draft that was not sent, as far as that works."""
        try:
            self._call("DELETE", url, b"", self._headers(self._tokens.token()))
        except (WireBroken, TenantError) as error:
            _log.debug("a draft was left behind: %s", error)

    def _taken(self, answer: _Answer) -> _Answer:
        if answer.status not in _OK:
            if answer.status not in _BROKEN:
                self.handed_over = False  # it said no: what became of the message is known
            raise _Refusal(answer)
        return answer

    def _headers(self, token: Token) -> dict[str, str]:
        return {"Authorization": f"Bearer {token.value.reveal()}", "Content-Type": "application/json"}

    def _call(self, verb: str, url: str, body: bytes, headers: Mapping[str, str]) -> _Answer:
        import requests

        policy = self._policy
        try:
            response = self._session.request(
                verb,
                url,
                data=body,
                headers=dict(headers),
                proxies=proxies_for(url, policy),
                stream=True,
                allow_redirects=False,  # a redirect could carry token and report elsewhere
                timeout=(policy.connect_timeout_s, policy.read_timeout_s),
            )
            with response:
                content = read_body(response, time.monotonic() + policy.answer_deadline_s, _MAX_ANSWER)
        except requests.exceptions.RequestException as error:
            if _never_connected(error):
                self.handed_over = False
            raise broken(error) from error
        return _Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
        )


def _never_connected(error: BaseException) -> bool:
    """Whether a call failed before any of it was sent: nobody there, or not who we asked for."""
    import urllib3

    before = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        ssl.SSLCertVerificationError,
    )
    pending, seen = [error], set[int]()
    while pending:
        current = pending.pop()
        if isinstance(current, before):
            return True
        seen.add(id(current))
        inner = [*current.args, getattr(current, "reason", None), current.__cause__, current.__context__]
        pending += [item for item in inner if isinstance(item, BaseException) and id(item) not in seen]
    return False


def as_graph(content: bytes, recipients: tuple[str, ...]) -> tuple[dict[str, Any], Attachment | None]:
    """A stored message in Graph's form, for those of its recipients who have not got it, and its workbook."""
    mail = parsed(content)
    page = mail.get_body(("html",))
    wanted = {address.casefold() for address in recipients}
    message: dict[str, Any] = {
        "subject": str(mail["Subject"]),
        "body": {"contentType": "HTML", "content": page.get_content() if page is not None else ""},
        "toRecipients": [box for box in _boxes(mail, "To") if _address(box) in wanted],
        "ccRecipients": [box for box in _boxes(mail, "Cc") if _address(box) in wanted],
        "replyTo": list(_boxes(mail, "Reply-To")),
        "internetMessageHeaders": [{"name": "x-auditor-message", "value": str(mail["Message-ID"]).strip("<>")}],
    }
    return message, attachment_of(mail)


def _boxes(mail: Any, name: str) -> Iterator[dict[str, Any]]:
    for value in mail.get_all(name, []):
        for box in value.addresses:
            named = {"name": box.display_name} if box.display_name else {}
            yield {"emailAddress": {"address": box.addr_spec, **named}}


def _address(box: Mapping[str, Any]) -> str:
    return str(box["emailAddress"]["address"]).casefold()


def _inline(attachment: Attachment) -> dict[str, str]:
    from auditor.mailing.compose import WORKBOOK

    return {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": attachment.name,
        "contentType": WORKBOOK,
        "contentBytes": base64.b64encode(attachment.content).decode(),
    }
