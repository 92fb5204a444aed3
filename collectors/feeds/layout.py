"""Where the files of a feed store are."""

from pathlib import Path


class Layout:
    """The paths below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.database = directory / "feeds.sqlite"
        self.sidecar = directory / "state.json"
        self.lock = directory / "lock"

    def raw(self, feed: str, part: str) -> Path:
        """A part in service."""
        return self.directory / "raw" / feed / part

    def waiting(self, feed: str, part: str) -> Path:
        """A part that was downloaded and has not compiled yet."""
        return self.directory / "incoming" / feed / part

    def forget_waiting(self, feed: str = "") -> None:
        """Remove the downloads of a feed ("": of all) that did not come into service."""
        import shutil

        shutil.rmtree(self.directory / "incoming" / feed, ignore_errors=True)
