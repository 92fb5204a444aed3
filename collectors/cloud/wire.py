"""One GET over HTTPS: the only thing this product can send to Graph.

The session is our own: environment variables and .netrc decide neither whom we trust nor what is sent with a call.
"""

import logging
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Protocol as Interface

from collectors.cloud.policy import CloudPolicy

if TYPE_CHECKING:
    import requests

_BLOCK = 1 << 16
MAX_BODY_BYTES = 128 * 1024 * 1024  # the report of two hundred thousand users is half of it
_GZIP = 31  # zlib's number for a gzip stream with its header and checksum
_LONGEST_LENGTH = 19  # digits; more are no length
_WITHOUT_BODY = frozenset({204, 304})  # these may tell the length of what they do not send


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back. Names of `headers` are lower case; `body` is decoded from its transfer encoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class WireBroken(Exception):
    """No reply came. `problem` is a phrase fit for a report; `again` says whether asking again may help."""

    def __init__(self, problem: str, *, again: bool, hint: str = "Check the connection and the proxy.") -> None:
        super().__init__(problem)
        self.problem = problem
        self.again = again
        self.hint = hint


class Wire(Interface):
    """Something that answers a GET: the network, or a recording of it."""

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Ask once, following no redirect. Raises WireBroken."""

    def close(self) -> None:
        """Let go of connections."""


class _Keys(threading.local):
    """Whether the address that this thread asks for opens by itself."""

    under_way = False


class _WithoutKeys(logging.Filter):
    """Keeps the address of a report download, which is a key to it, out of urllib3's debug lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _KEYS.under_way and isinstance(record.args, tuple):
            record.args = tuple("/…" if isinstance(arg, str) and arg.startswith("/") else arg for arg in record.args)
        return True


_KEYS = _Keys()
logging.getLogger("urllib3.connectionpool").addFilter(_WithoutKeys())


OpenWire = Callable[[CloudPolicy], Wire]


def open_wire(policy: CloudPolicy) -> "RequestsWire":
    """A wire over a fresh session, without cookies, tokens or anything else of an earlier one."""
    return RequestsWire(policy)


class RequestsWire:
    """GET through the requests library."""

    def __init__(self, policy: CloudPolicy) -> None:
        self._policy = policy
        self._session = new_session(policy)

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """See `Wire`."""
        import requests

        _KEYS.under_way = "Authorization" not in headers
        try:
            response = self._session.get(
                url,
                headers=dict(headers),
                proxies=proxies_for(url, self._policy),
                stream=True,
                allow_redirects=False,
                timeout=(self._policy.connect_timeout_s, self._policy.read_timeout_s),
            )
            with response:
                body = read_body(response, time.monotonic() + self._policy.answer_deadline_s, MAX_BODY_BYTES)
        except requests.exceptions.RequestException as error:
            raise broken(error) from error
        finally:
            _KEYS.under_way = False
        return Reply(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
        )

    def close(self) -> None:
        """See `Wire`."""
        self._session.close()


def new_session(policy: CloudPolicy) -> "requests.Session":
    """A session that trusts certifi's authorities or `policy.ca_bundle`, whatever the environment says."""
    import requests

    session = requests.Session()
    session.trust_env = False
    session.verify = True if policy.ca_bundle is None else str(policy.ca_bundle)
    session.headers["User-Agent"] = policy.user_agent
    session.headers["Accept-Encoding"] = "gzip"
    return session


def proxies_for(url: str, policy: CloudPolicy) -> dict[str, str]:
    """The proxies of the policy, else those of the environment with its exceptions."""
    from requests.utils import get_environ_proxies

    return get_environ_proxies(url) if policy.proxies is None else dict(policy.proxies)


def broken(error: Exception) -> WireBroken:
    """Words for a failure of the requests library; none of them holds a header or an address with a secret."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return WireBroken(
            f"the certificate was not accepted ({_reason(error)})",
            again=False,
            hint="Behind an inspecting proxy, name its certificate as CA bundle.",
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return WireBroken(f"the proxy cannot be used ({_reason(error)})", again=True, hint="Check the proxy.")
    if isinstance(error, requests.exceptions.Timeout):
        return WireBroken("no answer in time", again=True)
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError):
        reason = _reason(error)
        return WireBroken("the connection broke" if reason == type(error).__name__ else reason, again=True)
    return WireBroken(_reason(error), again=False)


def read_body(response: "requests.Response", deadline: float, max_bytes: int) -> bytes:
    """The body of a streamed response, whole: raises WireBroken for one that is cut, larger, or late (monotonic)."""
    import urllib3

    announced = "" if response.status_code in _WITHOUT_BODY else response.headers.get("Content-Length", "")
    unpacker = _Unpacker(response.headers.get("Content-Encoding", ""))
    body = bytearray()
    while True:
        if time.monotonic() > deadline:
            raise WireBroken("the answer was not complete in time", again=False)
        try:
            # read1 hands over what has arrived: a server that drips cannot keep us past the deadline.
            block = response.raw.read1(_BLOCK, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise WireBroken("it stopped sending", again=True) from error
        except urllib3.exceptions.HTTPError as error:
            raise WireBroken(f"the answer was cut off after {len(body):,} bytes", again=True) from error
        if not block:
            break
        body += unpacker.unpacked(block, max_bytes - len(body))
        if len(body) > max_bytes:
            raise WireBroken(f"the answer is larger than {max_bytes:,} bytes", again=False)
    short = announced.isdecimal() and len(announced) < _LONGEST_LENGTH and response.raw.tell() < int(announced)
    if short or not unpacker.whole:
        raise WireBroken(f"the answer was cut off after {len(body):,} bytes", again=True)
    return bytes(body)


class _Unpacker:
    """Unpacks what was compressed by gzip, a little more than there is room for at most; anything else it passes on.

    Not left to urllib3: it takes a stream that breaks off for a whole one.
    """

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise WireBroken("the answer is packed in a way that was not asked for", again=False)
        self._packed = encoding.endswith("gzip")
        self._stream: zlib._Decompress | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is missing at the end."""
        return self._stream is None or self._stream.eof

    def unpacked(self, block: bytes, room: int) -> bytes:
        """What comes with the next block. Raises WireBroken for damage."""
        if not self._packed:
            return block
        found = bytearray()
        while block and len(found) <= room:
            if self._stream is None or self._stream.eof:
                self._stream = zlib.decompressobj(_GZIP)
            try:
                found += self._stream.decompress(block, room - len(found) + 1)
            except zlib.error as error:
                raise WireBroken("the answer was damaged on its way", again=True) from error
            block = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
        return bytes(found)


def _reason(error: BaseException) -> str:
    """The plainest words in a chain of library exceptions: the operating system's, else the class of the failure."""
    seen: set[int] = set()
    pending: list[BaseException] = [error]
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, OSError) and current.strerror:
            return current.strerror
        inner = [*current.args, getattr(current, "reason", None), current.__cause__, current.__context__]
        pending += [item for item in inner if isinstance(item, BaseException)]
    return type(error).__name__
