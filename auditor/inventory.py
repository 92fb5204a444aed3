"""Target expressions of `auditor scan`: what a person types, or hands over as a file, becomes targets.

Nothing that was named is dropped: what cannot be visited comes back as `Unvisitable` (see `auditor.selection`).
"""

import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from auditor import ansible
from auditor.addresses import from_host, from_url, has_scheme, is_address
from auditor.errors import SettingsError
from auditor.selection import Gathered, Selection, is_text
from auditor.settings import ClientSettings
from auditor.tables import suggestion
from collectors.model import Protocol, Target

_RECORDINGS = ("*.rec", "*.m365")  # of machines, of tenants


def select(expressions: Iterable[str], *, client: ClientSettings | None = None) -> Selection:
    """Read target expressions; see README, "Naming machines". Raises SettingsError on the first that means nothing."""
    gathered = Gathered()
    for expression in expressions:
        _read(expression.strip(), client, gathered)
    return gathered.selection()


def _read(expression: str, client: ClientSettings | None, gathered: Gathered, *, source: str = "") -> None:
    source = source or expression
    if not is_text(expression):
        raise SettingsError("TARGET", "a target whose name is not valid text (UTF-8).")
    if not expression:
        raise SettingsError("TARGET", "an empty target names no machine.")
    if expression == "local":
        gathered.add(local_target(), source)
    elif has_scheme(expression):
        gathered.add(from_url(expression, source), source)
    elif expression.startswith("replay:"):
        _replay(expression.removeprefix("replay:"), gathered)
    elif expression.startswith("@"):
        _label(expression[1:], client, gathered)
    elif client is not None and (known := _named(client, expression)) is not None:
        gathered.add(known, source)
    elif Path(expression).is_file():
        _file(Path(expression), client, gathered)
    elif client is not None and not is_address(expression):
        names = [target.name for target in client.everything]
        hint = suggestion(expression, names) or "`ssh://HOST` visits a machine that is not in the client file."
        raise SettingsError(expression, f"nothing of this name in {client.file}.", hint=hint)
    else:
        gathered.add(from_host(expression, source), source)


def local_target() -> Target:
    """This machine, by its own name."""
    return Target(name=socket.gethostname() or "local", protocol=Protocol.LOCAL)


def _named(client: ClientSettings, name: str) -> Target | None:
    folded = name.casefold()
    return next((target for target in client.everything if target.name.casefold() == folded), None)


def _label(label: str, client: ClientSettings | None, gathered: Gathered) -> None:
    if client is None:
        raise SettingsError(f"@{label}", "labels belong to a client file.", hint="Name it: --client DIR.")
    found = [target for target in client.everything if label in target.labels]
    if not found:
        labels = sorted({known for target in client.everything for known in target.labels})
        hint = suggestion(label, labels) or (f"Known labels: {', '.join(labels)}." if labels else "It has no labels.")
        raise SettingsError(f"@{label}", f"nothing in {client.file} carries this label.", hint=hint)
    for target in found:
        gathered.add(target, f"@{label}")


def _replay(text: str, gathered: Gathered) -> None:
    path = Path(text)
    if path.is_dir():
        recordings = sorted(file for pattern in _RECORDINGS for file in path.glob(pattern))
        if not recordings:
            raise SettingsError(f"replay:{text}", f"this folder holds no recording ({', '.join(_RECORDINGS)}).")
    elif path.is_file():
        recordings = [path]
    else:
        raise SettingsError(f"replay:{text}", "no such recording or folder.")
    for recording in recordings:
        if not is_text(str(recording)):
            raise SettingsError(f"replay:{text}", "it holds a recording whose name is not valid text (UTF-8).")
        gathered.add(replay_target(recording), f"replay:{text}")


def replay_target(recording: Path) -> Target:
    """The target that replays a recording, named as the machine was (file names are percent-encoded)."""
    return Target(name=unquote(recording.stem), protocol=Protocol.REPLAY, address=str(recording))


def _file(path: Path, client: ClientSettings | None, gathered: Gathered) -> None:
    """Read an Ansible inventory (`ansible-inventory --list`) or a list with one expression a line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(str(path), "not a text file.", hint="For a recording write replay:PATH.") from None
    except OSError as error:
        raise SettingsError(str(path), f"cannot be read: {error.strerror}.") from None
    if text.lstrip().startswith("{"):
        ansible.read(path, text, gathered)
        return
    found = False
    for number, line in enumerate(text.splitlines(), start=1):
        expression = line.partition("#")[0].strip()
        if not expression:
            continue
        found = True
        if " " in expression or Path(expression).is_file():
            hint = "An Ansible inventory in INI or YAML form: hand over `ansible-inventory --list` instead."
            raise SettingsError(f"{path}:{number}", "one target expression a line.", hint=hint)
        try:
            _read(expression, client, gathered, source=f"{path}:{number}")
        except SettingsError as error:
            raise SettingsError(f"{path}:{number}", f"{error.subject}: {error.problem}", hint=error.hint) from None
    if not found:
        raise SettingsError(str(path), "this list names no machine.")
