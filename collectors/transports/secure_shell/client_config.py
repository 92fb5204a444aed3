"""From a target to the machines on the way: ssh_config(5) with HostName, Port, User, IdentityFile and ProxyJump."""

import getpass
import glob
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.credentials import Credential
from collectors.errors import NotSupported
from collectors.model import Target

if TYPE_CHECKING:
    from paramiko import SSHConfig

DEFAULT_PORT = 22
_MAX_JUMPS = 8
_MAX_INCLUDES = 16
_HEADER = re.compile(r"^\s*(host|match)\b", re.IGNORECASE)
_INCLUDE = re.compile(r"^\s*include(?:\s*=\s*|\s+)(.+?)\s*$", re.IGNORECASE)
_JUMP = re.compile(r"^(?:ssh://)?(?:(?P<user>[^@]+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:@\s]+))(?::(?P<port>\d+))?/?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One machine to log in to, on the way or at its end. `key_files` and `certificate_files` are from ssh_config."""

    host: str
    port: int
    user: str
    host_key_alias: str = ""
    key_files: tuple[Path, ...] = ()
    certificate_files: tuple[Path, ...] = ()


def route(target: Target, credential: Credential) -> tuple[Hop, ...]:
    """Every machine to pass through, the target last.

    What the target or the credential states beats ssh_config. Raises `NotSupported` when the file cannot be read or
    asks for something we do not do (ProxyCommand).
    """
    address = (target.address or target.name).removeprefix("[").removesuffix("]")
    config = _read(target.name, credential.ssh_config)
    return _expand(target.name, config, address, target.user or credential.user, target.port, depth=0)


def _expand(
    subject: str, config: "SSHConfig | None", name: str, user: str, port: int | None, *, depth: int
) -> tuple[Hop, ...]:
    if depth > _MAX_JUMPS:
        raise NotSupported(subject, f"ProxyJump in ssh_config leads in a circle or over more than {_MAX_JUMPS} hosts.")
    options: Any = _look_up(subject, config, name) if config is not None else {}
    if options.get("proxycommand") and not options.get("proxyjump"):
        raise NotSupported(
            subject,
            f"ssh_config reaches {name} through ProxyCommand, which auditor does not run.",
            hint="Use ProxyJump for this host.",
        )
    configured_port = options.get("port")
    if configured_port is not None and not str(configured_port).isdigit():
        raise NotSupported(subject, f"ssh_config gives {name} the port {configured_port!r}, which is no number.")
    hop = Hop(
        host=options.get("hostname", name),
        port=port or int(configured_port or DEFAULT_PORT),
        user=user or options.get("user") or _our_user(subject),
        host_key_alias=options.get("hostkeyalias", ""),
        key_files=_paths(options.get("identityfile")),
        certificate_files=_paths(options.get("certificatefile")),
    )
    jumps = options.get("proxyjump", "none")
    if jumps.lower() == "none":
        return (hop,)
    before: tuple[Hop, ...] = ()
    for number, text in enumerate(part.strip() for part in jumps.split(",")):
        match = _JUMP.match(text)
        if match is None:
            raise NotSupported(subject, f"ssh_config names the jump host {text!r}, which is not [user@]host[:port].")
        jump_port = int(match["port"]) if match["port"] else None
        through = _expand(
            subject, config, match["v6"] or match["host"], match["user"] or "", jump_port, depth=depth + 1
        )
        # ssh(1) visits a list in order; only its first host may have a ProxyJump of its own.
        before += through if number == 0 else through[-1:]
    return (*before, hop)


def _look_up(subject: str, config: "SSHConfig", name: str) -> object:
    from paramiko import SSHException

    try:
        return config.lookup(name)
    except (SSHException, ImportError, KeyError, ValueError, OSError) as error:
        raise NotSupported(subject, f"ssh_config cannot be applied to {name} ({error!r}).") from error


def _our_user(subject: str) -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise NotSupported(subject, "no user is stated to log in as.", hint="Set `user`.") from error


def _paths(value: object) -> tuple[Path, ...]:
    if value is None:
        return ()
    texts = value if isinstance(value, list) else [value]
    return tuple(Path(str(text)).expanduser() for text in texts if str(text).lower() != "none")


_configs: dict[Path, tuple[float, "SSHConfig"]] = {}
_lock = threading.Lock()


def _read(subject: str, path: Path | None) -> "SSHConfig | None":
    if path is None:
        return None
    from paramiko import SSHConfig
    from paramiko.ssh_exception import ConfigParseError

    path = path.expanduser()
    with _lock:
        try:
            changed_at = path.stat().st_mtime
            known = _configs.get(path)
            if known is None or known[0] != changed_at:
                text = "\n".join(_lines(path, depth=0))
                known = _configs[path] = (changed_at, SSHConfig.from_text(text))
        except FileNotFoundError:
            return None  # ssh(1) does without it too
        except OSError as error:
            raise NotSupported(subject, f"{path} cannot be read ({error.strerror}).") from error
        except (ConfigParseError, UnicodeDecodeError) as error:
            raise NotSupported(subject, f"{path} is not a valid ssh_config: {error}.") from error
        return known[1]


def _lines(path: Path, *, depth: int) -> list[str]:
    """Lines of the file with `Include` resolved, which paramiko does not do."""
    lines: list[str] = []
    header = "Host *"
    for line in path.read_text(encoding="utf-8").splitlines():
        if _HEADER.match(line):
            header = line
        include = _INCLUDE.match(line)
        if include is None:
            lines.append(line)
        elif depth < _MAX_INCLUDES:
            for pattern in include[1].split():
                for name in sorted(glob.glob(str(_included(pattern.strip('"'), path)))):  # noqa: PTH207  absolute patterns
                    lines += _lines(Path(name), depth=depth + 1)
            lines.append(header)  # an included file may end inside a Host block of its own
    return lines


def _included(pattern: str, path: Path) -> Path:
    wanted = Path(pattern).expanduser()
    return wanted if wanted.is_absolute() else path.parent / wanted


def forget() -> None:
    """Drop what was read, so that the next target reads the files again."""
    with _lock:
        _configs.clear()
