"""The client folders of a provider: which there are below one folder."""

import os
from pathlib import Path

from auditor.config import FILE_NAME
from auditor.errors import SettingsError
from auditor.suggested import typed


def client_folders(folder: Path) -> list[Path]:
    """Every folder directly below `folder` that holds a client.toml, by name. Raises SettingsError when none does.

    A folder that cannot be looked into, and a link to one that is not there (a share that is not mounted), are among
    them: reading its client file refuses it by name, where leaving it out would be a client silently not audited.
    """
    if not folder.is_dir():
        raise SettingsError(str(folder), "no such folder.", hint="Name the folder that holds the client folders.")
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and _may_be_client(path))
    except OSError as error:
        raise SettingsError(str(folder), f"cannot be read: {error.strerror}.") from None
    if not found:
        hint = f"`{typed('auditor', 'init', folder / 'NAME')}` writes the first one."
        if (folder / FILE_NAME).is_file():
            hint = f"This is one client's folder: {typed('auditor', 'audit', folder)}"
        raise SettingsError(str(folder), f"no folder below it holds a {FILE_NAME}.", hint=hint)
    return found


def _may_be_client(path: Path) -> bool:
    if not path.is_dir():
        return path.is_symlink() and not path.exists()
    try:
        return FILE_NAME in os.listdir(path)  # noqa: PTH208 - names alone; what they lead to is told on reading
    except OSError:
        return True
