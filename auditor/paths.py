"""Where the product keeps its own files: feeds shared by all clients, history of ad hoc scans, accepted host keys.

`AUDITOR_HOME` decides; otherwise the platform's folder for application data. Client folders keep their own history,
reports and known_hosts, so that a client can be handed over, or deleted, as one folder.
"""

import os
import sys
from pathlib import Path


def home() -> Path:
    """Folder of the product's own data; created by whoever writes first."""
    chosen = os.environ.get("AUDITOR_HOME")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "auditor"
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "auditor"


def feeds_folder() -> Path:
    """Folder of downloaded and compiled feeds, shared by all clients of this provider."""
    return home() / "feeds"


def scan_history() -> Path:
    """History of `auditor scan`, which belongs to no client."""
    return home() / "scans.sqlite"


def demo_folder() -> Path:
    """Recordings, feeds and history of the last `auditor demo`, for `auditor explain --demo`."""
    return home() / "demo"


def known_hosts(own: Path) -> tuple[Path, ...]:
    """known_hosts files in reading order: `own` (it receives newly accepted keys), the user's, the machine's."""
    return (own, Path.home() / ".ssh" / "known_hosts", Path("/etc/ssh/ssh_known_hosts"))
