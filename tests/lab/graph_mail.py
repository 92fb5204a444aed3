"""The part of Microsoft Graph that sends mail, on loopback: sendMail, drafts, upload sessions, and its refusals.

Apart from `tests.lab.graph`, which fails for any request that is no GET: this one is meant to be written to. Tokens are
of the same sign-in service. Source: "user: sendMail", "attachment: createUploadSession", "message: send".
"""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from collectors.cloud.credentials import CloudCredential, CloudEndpoints
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.tokens import EntraTokens
from collectors.credentials import Secret
from tests.lab.graph.sign_in import SignInService
from tests.lab.graph.tenant import LabTenant
from tests.lab.wsman.certificates import Certificates

LARGEST_REQUEST = 4 * 1024 * 1024
_STEP = 327_680


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """An answer to give instead, to calls whose path ends with `end`; `hang_up` sends none."""

    end: str
    status: int = 500
    code: str = ""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    done: bool = False  # the call is carried out all the same


@dataclass(slots=True)
class GraphMailLab:
    """The running lab: `sent` holds Graph's own message documents with their attachments' bytes under "files"."""

    url: str
    ca_file: Path
    tenant: LabTenant
    sign_in: SignInService
    mailboxes: set[str] = field(default_factory=set)
    sent: list[dict[str, Any]] = field(default_factory=list)
    drafts: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: list[Refuse] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    @property
    def endpoints(self) -> CloudEndpoints:
        """Where this cloud is."""
        return CloudEndpoints(login=self.url, graph=f"{self.url}/v1.0", scope="https://graph.microsoft.com/.default")

    def policy(self, **how: Any) -> CloudPolicy:
        """A policy that trusts the lab."""
        return CloudPolicy(**{"ca_bundle": self.ca_file, "proxies": {}, **how})

    def tokens(self, secret: str = "") -> EntraTokens:
        """What signs in, with a token cache of its own."""
        import msal

        credential = CloudCredential(
            tenant=self.tenant.id,
            client_id=self.tenant.client_id,
            endpoints=self.endpoints,
            secret=Secret(secret or self.tenant.secret),
        )
        return EntraTokens(credential, policy=self.policy(), tenant="post", cache=msal.TokenCache())

    def answer(self, verb: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Answer a call of Graph."""
        if path.startswith("/upload/"):
            return self._upload(path.removeprefix("/upload/"), headers, body)
        if self.sign_in.spend(headers.get("authorization", "")) is None:
            return refused(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
        if len(body) > LARGEST_REQUEST:
            return refused(413, "RequestEntityTooLarge", "The request is too large.")
        parts = [unquote(part) for part in path.removeprefix("/v1.0/").split("/")]
        if parts[0] != "users" or parts[1] not in self.mailboxes:
            return refused(404, "ErrorInvalidUser", f"The requested user '{parts[1]}' is invalid.")
        document = json.loads(body) if body else {}
        needed = "Mail.Send" if parts[-1] in ("sendMail", "send") else "Mail.ReadWrite"
        if needed not in self.tenant.granted:
            return refused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        return self._granted(verb, parts[2:], document)

    def _granted(self, verb: str, parts: list[str], document: dict[str, Any]) -> tuple[int, Any]:
        match verb, parts:
            case "POST", ["sendMail"]:
                message = document["message"]
                found = [(item["name"], base64.b64decode(item["contentBytes"])) for item in message["attachments"]]
                self.sent.append({**message, "files": found})
                return 202, None
            case "POST", ["messages"]:
                number = f"AAMkAG={len(self.drafts)}/x"
                self.drafts[number] = {**document, "files": []}
                return 201, {"id": number, "isDraft": True}
            case "POST", ["messages", number, "attachments", "createUploadSession"]:
                key = f"session{len(self.uploads)}"
                self.uploads[key] = {"draft": number, "item": document["AttachmentItem"], "content": bytearray()}
                return 201, {"uploadUrl": f"{self.url}/upload/{key}?authtoken=secret", "nextExpectedRanges": ["0-"]}
            case "POST", ["messages", number, "send"]:
                self.sent.append(self.drafts.pop(number))
                return 202, None
            case "DELETE", ["messages", number]:
                self.drafts.pop(number)
                return 204, None
        return refused(400, "BadRequest", f"{verb} {parts}")

    def _upload(self, key: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if "authorization" in headers:
            self.leaks.append("a token was shown to the upload address, which opens by itself")
        session = self.uploads[key]
        span, _, size = headers["content-range"].removeprefix("bytes ").partition("/")
        first, _, last = span.partition("-")
        content, total = session["content"], session["item"]["size"]
        whole = int(last) + 1 == total
        if int(first) != len(content) or int(size) != total or int(last) - int(first) + 1 != len(body):
            return refused(416, "InvalidRange", span)
        if len(body) > LARGEST_REQUEST or (len(body) % _STEP and not whole):
            return refused(400, "InvalidRange", "not a multiple of 320 KiB")
        content += body
        if whole:
            self.drafts[session["draft"]]["files"].append((session["item"]["name"], bytes(content)))
        return (201, {}) if whole else (200, {"nextExpectedRanges": [f"{len(content)}-"]})


def refused(status: int, code: str, message: str) -> tuple[int, Any]:
    """Graph's error body."""
    return status, {"error": {"code": code, "message": message}}


@contextmanager
def graph_mail(
    folder: Path, *mailboxes: str, granted: frozenset[str] = frozenset({"Mail.Send"})
) -> Iterator[GraphMailLab]:
    """Serve one tenant with these mailboxes over TLS until the block ends; then fail where a token was shown around."""
    folder.mkdir(parents=True, exist_ok=True)
    certificates = Certificates(folder)
    pem = certificates.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem.certificate, pem.key)
    tenant = LabTenant(granted=granted)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            self._send(*lab.sign_in.configuration(lab.url, urlsplit(self.path).path.split("/")[1]), {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            if path.endswith("/oauth2/v2.0/token"):
                self._send(*lab.sign_in.token(path.split("/")[1], body, f"{lab.url}{path}"), {})
                return
            lab.calls.append(f"{self.command} {path}")
            headers = {name.lower(): value for name, value in self.headers.items()}
            refusal = next((found for found in lab.refusals if path.endswith(found.end)), None)
            if refusal is None:
                self._send(*lab.answer(self.command, path, headers, body), {})
                return
            lab.refusals.remove(refusal)
            if refusal.done:
                lab.answer(self.command, path, headers, body)
            if refusal.hang_up:
                self.close_connection = True
                return
            self._send(*refused(refusal.status, refusal.code, refusal.message), refusal.headers)

        def do_PUT(self) -> None:
            self.do_POST()

        def do_DELETE(self) -> None:
            self.do_POST()

        def _send(self, status: int, document: Any, headers: dict[str, str]) -> None:
            body = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Stay silent."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    lab = GraphMailLab(
        url=f"https://localhost:{httpd.server_address[1]}",
        ca_file=certificates.ca_file,
        tenant=tenant,
        sign_in=SignInService(tenants={tenant.id: tenant}),
        mailboxes=set(mailboxes),
    )
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield lab
        assert not lab.leaks, lab.leaks
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(timeout=5)
