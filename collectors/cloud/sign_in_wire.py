"""What msal talks through: a session of our own, patient with a busy service and never with a refused secret.

What msal cannot bear does not reach it: it writes an answer that is no JSON to the log whole, a token cut short
included, and raises errors of its own, without the service's words, for a status of 500 and more.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.cloud.credentials import safe_address
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.throttle import Patience
from collectors.cloud.wire import WireBroken, broken, new_session, proxies_for, read_body

if TYPE_CHECKING:
    import requests

_BUSY = frozenset({429, 500, 502, 503, 504})
_BROKEN = 500
_RETRIES = 3
_LONGEST_WAIT_S = 60.0
_MAX_BYTES = 1 << 20  # a token is 3 kB, the service's description of itself 2


class StrangeAnswer(ValueError):
    """What answered is no sign-in service; nothing of its answer is in the text."""


@dataclass(frozen=True, slots=True)
class SignInReply:
    """What msal reads of an answer; its status is never 500 or more."""

    status_code: int
    headers: Mapping[str, str]
    text: str

    def raise_for_status(self) -> None:
        """See msal.oauth2cli.http.Response. Raises StrangeAnswer for a status of 400 or more."""
        if self.status_code >= 400:
            raise StrangeAnswer(f"HTTP {self.status_code}")


class SignInWire:
    """The three methods msal asks of an `http_client`. A WireBroken from here passes through msal untouched.

    `last_words` are the error fields of the last answer, {} when it was none.
    """

    def __init__(self, policy: CloudPolicy, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._policy = policy
        self._session = new_session(policy)
        self._sleep = sleep
        self.last_words: Mapping[str, Any] = {}

    def get(self, url: str, params: Any = None, headers: Any = None, **_ignored: Any) -> SignInReply:
        """See msal.oauth2cli.http.HttpClient."""
        return self._send(url, lambda how: self._session.get(url, params=params, headers=headers, **how))

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_ignored: Any) -> SignInReply:
        """See msal.oauth2cli.http.HttpClient. Raises StrangeAnswer for an answer that is no JSON object."""
        reply = self._send(url, lambda how: self._session.post(url, params=params, data=data, headers=headers, **how))
        if _object_of(reply.text) is None:
            raise StrangeAnswer("no JSON object")
        return reply

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _send(self, url: str, send: Callable[[Mapping[str, Any]], "requests.Response"]) -> SignInReply:
        self.last_words = {}
        if not safe_address(url):  # the service names the address of its tokens itself
            raise StrangeAnswer("an address without https")
        patience = Patience(longest_s=min(_LONGEST_WAIT_S, self._policy.longest_wait_s), sleep=self._sleep)
        # A redirect could carry the secret elsewhere.
        how: Mapping[str, Any] = {
            "proxies": proxies_for(url, self._policy),
            "timeout": (self._policy.connect_timeout_s, self._policy.read_timeout_s),
            "allow_redirects": False,
            "stream": True,
        }
        for attempt in range(_RETRIES + 1):
            last = attempt == _RETRIES
            try:
                reply = self._read(send, how)
            except WireBroken as failure:
                if last or not failure.again or not patience.wait(attempt):
                    raise
                continue
            if reply.status_code not in _BUSY or last:
                break
            if not patience.wait(attempt, reply.headers.get("retry-after", "")):
                break
        self.last_words = _error_of(reply.text)
        if reply.status_code >= _BROKEN or (reply.status_code in _BUSY and not self.last_words):
            raise WireBroken(f"it is out of order (HTTP {reply.status_code})", again=False, hint="Try again later.")
        return reply

    def _read(self, send: Callable[[Mapping[str, Any]], "requests.Response"], how: Mapping[str, Any]) -> SignInReply:
        import requests

        try:
            with send(how) as response:
                body = read_body(response, time.monotonic() + self._policy.answer_deadline_s, _MAX_BYTES)
        except requests.exceptions.RequestException as error:
            raise broken(error) from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return SignInReply(response.status_code, headers, body.decode(errors="replace"))


def _object_of(text: str) -> Mapping[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _error_of(text: str) -> Mapping[str, Any]:
    document = _object_of(text)
    return document if document is not None and "error" in document else {}
