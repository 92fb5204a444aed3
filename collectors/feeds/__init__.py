"""Advisory, exploitation and lifecycle feeds, one file each. A module declares `FEED`; `discover()` finds it.

Loading rows for a run starts here too, and is felt by whoever waits: `cache` and `database` import at the top only what
loading needs, and everything about downloading where it is used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.feeds.feed import Feed


def discover() -> "tuple[Feed, ...]":
    """Return the `FEED` of every module in this package, by name. Raises ValueError when two share a name."""
    import importlib
    import pkgutil

    from collectors.feeds.feed import Feed

    feeds: dict[str, Feed] = {}
    for module in pkgutil.iter_modules(__path__):
        feed = getattr(importlib.import_module(f"{__name__}.{module.name}"), "FEED", None)
        if not isinstance(feed, Feed):
            continue
        if feed.name in feeds:
            raise ValueError(f"two feeds are named {feed.name!r}; the second is in {module.name}.py")
        feeds[feed.name] = feed
    return tuple(feeds[name] for name in sorted(feeds))
