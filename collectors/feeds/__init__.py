"""Advisory, exploitation and lifecycle feeds, one file each. A module declares `FEED`; `discover()` finds it."""
