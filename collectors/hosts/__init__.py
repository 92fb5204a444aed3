"""Sources of host facts, one file each. A module declares `COLLECTOR`; `discover()` finds it."""
