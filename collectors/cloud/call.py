"""One question to Graph, as an address and what goes with it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from collectors.cloud.credentials import is_plain

_UNTOUCHED = "$,()'=:/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked: `path` is relative to the base and fit to be shown, `url` is where it goes.

    `consistency` asks for ConsistencyLevel: eventual, on every page. `again_on` are error codes that come and go.
    `etag` is that of a report already at hand.
    """

    path: str
    url: str
    select: str = ""
    consistency: bool = False
    again_on: Collection[str] = ()
    etag: str = ""

    @property
    def is_report(self) -> bool:
        """Whether it asks for a usage report."""
        return self.path.startswith("/reports/")

    def following(self, url: str) -> "Call":
        """The same call for its next page."""
        return replace(self, url=url)

    def with_top(self, rows: int) -> "Call":
        """The same call for pages of so many rows."""
        return replace(self, url=f"{self.url}{'&' if urlsplit(self.url).query else '?'}$top={rows}")


def call_to(
    base: str,
    path: str,
    params: Mapping[str, str] | None,
    *,
    consistency: bool = False,
    again_on: Collection[str] = (),
    etag: str = "",
) -> Call:
    """Make a call; raises ValueError for signInActivity with ConsistencyLevel: that comes back empty for many users."""
    given = dict(params or {})
    if not path.startswith("/") or "?" in path or ".." in path:
        message = f"{path!r} is no path below the base"
        raise ValueError(message)
    if consistency and any("signInActivity" in value for value in given.values()):
        message = "signInActivity is never asked with ConsistencyLevel"
        raise ValueError(message)
    query = "&".join(f"{quote(name, safe='$')}={quote(value, safe=_UNTOUCHED)}" for name, value in given.items())
    return Call(
        path=path,
        url=f"{base}{quote(path, safe=_UNTOUCHED)}{'?' + query if query else ''}",
        select=given.get("$select", ""),
        consistency=consistency,
        again_on=again_on,
        etag=etag if etag.isascii() and etag.isprintable() else "",
    )


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address. Raises ValueError for one that names a user or can be read in two ways."""
    parts = urlsplit(url)
    if not is_plain(url):
        message = "an address that libraries may read differently"
        raise ValueError(message)
    default = 443 if parts.scheme == "https" else 80
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default
