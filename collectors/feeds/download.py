"""Downloading one part of a feed: conditional, streamed, capped, and whole or not at all."""

import hashlib
import logging
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin, urlsplit, urlunsplit

from collectors.errors import FeedError, FeedInvalid, FeedUnreachable
from collectors.feeds.feed import Part
from collectors.feeds.sidecar import PartState

if TYPE_CHECKING:
    import requests

_LOG = logging.getLogger(__name__)
_BLOCK = 1 << 16
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_NOT_MODIFIED = 304
_OK = 200
_ABSENT = frozenset({400, 404, 410})  # 400: some services answer so for a name they do not know


class PartAbsent(FeedUnreachable):
    """The server says that it has no such file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How the internet is reached; all times in seconds.

    `proxies` maps "http" and "https" to a proxy URL; None takes them, with their exceptions, from the environment. The
    certificate store is certifi's or `ca_bundle`; environment variables never change it. `deadline_s` ends a download
    that drips. `retries` is how often a busy or broken server is asked again.
    """

    proxies: Mapping[str, str] | None = None
    ca_bundle: Path | None = None
    connect_timeout_s: float = 15.0
    read_timeout_s: float = 60.0
    deadline_s: float = 1800.0
    retries: int = 2
    retry_wait_s: float = 2.0
    longest_wait_s: float = 30.0
    user_agent: str = "patch-license-auditor"

    def __repr__(self) -> str:
        return f"HttpSettings(ca_bundle={self.ca_bundle}, deadline_s={self.deadline_s})"  # a proxy may hold a password


def shown(url: str) -> str:
    """Return a URL without user information, fit for reports and errors."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "(an unreadable address)"
    return urlunsplit(
        (parts.scheme, f"[{host}]{port}" if ":" in host else f"{host}{port}", parts.path, parts.query, "")
    )


def download(
    feed: str,
    part: Part,
    *,
    into: Path,
    previous: PartState | None,
    http: HttpSettings,
    fetched_at: datetime,
    on_bytes: Callable[[int, int | None], None] | None = None,
) -> PartState | None:
    """Download one part to the file `into`, which is complete or absent afterwards.

    Returns None when the server says that the `previous` copy is still the newest. The part's fallbacks are asked
    when its own URL cannot be had. Raises FeedUnreachable (PartAbsent when no address has it), FeedInvalid (truncated,
    too large, not what was announced) or FeedError (our disk).
    """
    problems: list[FeedUnreachable] = []
    for url in (part.url, *part.fallbacks):
        known = previous if previous is not None and previous.url == shown(url) else None
        try:
            return _Attempt(feed, part, url, http, on_bytes).run(into, known, fetched_at)
        except FeedUnreachable as error:
            into.unlink(missing_ok=True)
            problems.append(error)
        except BaseException:
            into.unlink(missing_ok=True)
            raise
    if len(problems) == 1:
        raise problems[0]
    absent = all(isinstance(error, PartAbsent) for error in problems)
    told = " Then: ".join(error.problem for error in problems)
    raise (PartAbsent if absent else FeedUnreachable)(feed, told, hint=problems[-1].hint)


class _Attempt:
    """One URL, asked as often as `retries` allows."""

    def __init__(
        self,
        feed: str,
        part: Part,
        url: str,
        http: HttpSettings,
        on_bytes: Callable[[int, int | None], None] | None,
    ) -> None:
        self._feed = feed
        self._part = part
        self._url = url
        self._http = http
        self._on_bytes = on_bytes
        self._deadline = time.monotonic() + http.deadline_s

    def run(self, into: Path, known: PartState | None, fetched_at: datetime) -> PartState | None:
        import requests

        with requests.Session() as session:
            session.trust_env = False  # REQUESTS_CA_BUNDLE and .netrc must not decide whom we trust
            session.headers.update({"User-Agent": self._http.user_agent, "Accept-Encoding": "gzip"})
            if self._part.accept:
                session.headers["Accept"] = self._part.accept
            session.verify = True if self._http.ca_bundle is None else str(self._http.ca_bundle)
            for attempt in range(self._http.retries + 1):
                last = attempt == self._http.retries
                try:
                    with self._open(session, known) as response:
                        if response.status_code in _TRY_AGAIN and not last:
                            self._wait(attempt, response.headers.get("Retry-After", ""))
                            continue
                        return self._receive(response, into, known, fetched_at)
                except _Broken as error:
                    if last:
                        raise self._unreachable(error.problem) from error
                    _LOG.debug("%s: %s failed (%s), asking again", self._feed, shown(self._url), error.problem)
                    self._wait(attempt, "")
        raise AssertionError("unreachable")

    def _open(self, session: "requests.Session", known: PartState | None) -> "requests.Response":
        conditions = {} if known is None else {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
        # What no header can hold would make every request fail from now on.
        headers = {
            name: value for name, value in conditions.items() if value.isascii() and value.isprintable() and value
        }
        url = self._url
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._get(session, url, headers)
            if response.status_code not in _REDIRECTS:
                return response
            location = response.headers.get("Location", "")
            response.close()
            following = urljoin(url, location)
            scheme = urlsplit(following).scheme
            if scheme not in {"http", "https"} or (urlsplit(url).scheme == "https" and scheme != "https"):
                raise FeedUnreachable(
                    self._feed, f"{shown(url)} redirects to {shown(following)}, which is not a safe address; refused."
                )
            url = following
        raise self._unreachable(f"more than {_MAX_REDIRECTS} redirects")

    def _get(self, session: "requests.Session", url: str, headers: Mapping[str, str]) -> "requests.Response":
        import requests
        from requests.utils import get_environ_proxies

        proxies = get_environ_proxies(url) if self._http.proxies is None else dict(self._http.proxies)
        try:
            return session.get(
                url,
                headers=headers,
                proxies=proxies,
                stream=True,
                allow_redirects=False,
                timeout=(self._http.connect_timeout_s, self._http.read_timeout_s),
            )
        except requests.exceptions.SSLError as error:
            raise self._unreachable(
                f"the certificate was not accepted ({_reason(error)})",
                hint="Behind an inspecting proxy, name its certificate as CA bundle.",
            ) from error
        except requests.exceptions.Timeout as error:
            raise _Broken("no answer in time") from error
        except requests.exceptions.ConnectionError as error:
            raise _Broken(_reason(error)) from error
        except (requests.exceptions.RequestException, OSError, ValueError) as error:
            raise self._unreachable(_reason(error)) from error

    def _wait(self, attempt: int, retry_after: str) -> None:
        wait = self._http.retry_wait_s * 2**attempt
        if retry_after.isdecimal():
            wait = max(wait, int(retry_after[:6]))
        time.sleep(min(wait, self._http.longest_wait_s))

    def _receive(
        self, response: "requests.Response", into: Path, known: PartState | None, fetched_at: datetime
    ) -> PartState | None:
        if response.status_code == _NOT_MODIFIED and known is not None:
            return None
        if response.status_code != _OK:
            refused = self._unreachable(f"HTTP {response.status_code} {response.reason or ''}".strip())
            if response.status_code in _ABSENT:
                raise PartAbsent(refused.subject, refused.problem, hint=refused.hint)
            raise refused
        try:
            with into.open("wb") as target:
                size, digest = self._stream(response, target)
        except OSError as error:
            raise FeedError(
                self._feed, f"{into} cannot be written: {error.strerror}.", hint="Check space and permissions."
            ) from error
        if size == 0:
            raise FeedInvalid(self._feed, f"{shown(self._url)} answered with an empty file.")
        return PartState(
            name=self._part.name,
            url=shown(self._url),
            sha256=digest,
            size_bytes=size,
            fetched_at=fetched_at,
            etag=response.headers.get("ETag", ""),
            last_modified=response.headers.get("Last-Modified", ""),
        )

    def _stream(self, response: "requests.Response", target: BinaryIO) -> tuple[int, str]:
        """Copy the body, decoded, to `target`; return its size and sha256."""
        announced = response.headers.get("Content-Length", "")
        expected = int(announced) if announced.isdecimal() and len(announced) < 20 else None
        if expected is not None and expected > self._part.max_bytes:
            raise self._too_large()
        decoder = self._decoder(response.headers.get("Content-Encoding", "").strip().lower())
        digest = hashlib.sha256()
        received = written = 0
        while block := self._block(response, received):
            received += len(block)
            for piece in decoder.decode(block):
                written += len(piece)
                if written > self._part.max_bytes:
                    raise self._too_large()
                digest.update(piece)
                target.write(piece)
            if self._on_bytes is not None:
                self._on_bytes(received, expected)
        if expected is not None and received != expected:
            raise _Broken(f"cut off after {received:,} of {expected:,} bytes")
        if not decoder.complete:
            raise _Broken(f"cut off: its compressed data ends early after {received:,} bytes")
        return written, digest.hexdigest()

    def _block(self, response: "requests.Response", received: int) -> bytes:
        import urllib3

        if time.monotonic() > self._deadline:
            raise self._unreachable(f"not complete after {self._http.deadline_s:.0f} s")
        try:
            # read1 hands over what has arrived: a server that drips cannot keep us past the deadline.
            return bytes(response.raw.read1(_BLOCK, decode_content=False) or b"")
        except urllib3.exceptions.ReadTimeoutError as error:
            raise _Broken("it stopped sending") from error
        except urllib3.exceptions.HTTPError as error:
            raise _Broken(f"cut off after {received:,} bytes") from error

    def _decoder(self, encoding: str) -> "_Plain | _Gzip":
        if encoding in {"", "identity"}:
            return _Plain()
        if encoding in {"gzip", "x-gzip"}:
            return _Gzip(self._feed)
        raise FeedInvalid(self._feed, f"{shown(self._url)} is sent as {encoding[:40]!r}, which was not asked for.")

    def _too_large(self) -> FeedInvalid:
        return FeedInvalid(
            self._feed, f"{shown(self._url)} is larger than the {self._part.max_bytes:,} bytes allowed for it."
        )

    def _unreachable(self, reason: str, *, hint: str = "Check the connection and the proxy.") -> FeedUnreachable:
        return FeedUnreachable(self._feed, f"{shown(self._url)} could not be downloaded: {reason}.", hint=hint)


class _Broken(Exception):
    """The connection or the body broke; asking again may help."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class _Plain:
    complete = True

    def decode(self, block: bytes) -> Iterator[bytes]:
        yield block


class _Gzip:
    """Decodes gzip, also of several members, never holding more than a block of output."""

    def __init__(self, feed: str) -> None:
        self._feed = feed
        self._inflate = zlib.decompressobj(wbits=31)

    @property
    def complete(self) -> bool:
        return self._inflate.eof

    def decode(self, block: bytes) -> Iterator[bytes]:
        while True:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(wbits=31)
            try:
                piece = self._inflate.decompress(block, _BLOCK)
            except zlib.error as error:
                raise FeedInvalid(self._feed, f"its gzip encoding is damaged ({error}).") from error
            yield piece
            block = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            if not block and (self._inflate.eof or len(piece) < _BLOCK):
                return


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
    return f"{type(error).__name__}"
