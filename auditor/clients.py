"""The client folders of a provider: which there are below one folder."""

from pathlib import Path

from auditor.config import FILE_NAME
from auditor.errors import SettingsError


def client_folders(folder: Path) -> list[Path]:
    """Every folder directly below `folder` that holds a client.toml, by name. Raises SettingsError when none does."""
    if not folder.is_dir():
        raise SettingsError(str(folder), "no such folder.", hint="Name the folder that holds the client folders.")
    try:
        found = sorted(path.parent for path in folder.glob(f"*/{FILE_NAME}") if not path.parent.name.startswith("."))
    except OSError as error:
        raise SettingsError(str(folder), f"cannot be read: {error.strerror}.") from None
    if not found:
        hint = f"`auditor init {folder / 'NAME'}` writes the first one."
        if (folder / FILE_NAME).is_file():
            hint = f"This is one client's folder: auditor audit {folder}"
        raise SettingsError(str(folder), f"no folder below it holds a {FILE_NAME}.", hint=hint)
    return found
