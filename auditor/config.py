"""client.toml -> `ClientSettings`. Every complaint names the file, the key's path and what would be right.

What a person writes is read with msgspec structs that refuse unknown keys, table by table, so that `seatz = 12` is an
error with a path and a suggestion instead of a setting silently ignored.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

import msgspec

from auditor.errors import SettingsError
from auditor.paths import known_hosts
from auditor.secrets import check_reference
from auditor.settings import DEFAULT_WIDTH, ClientSettings, ConnectionSettings, CredentialSettings
from collectors.model import Protocol, Target
from rules.contract import Contract, Sla

FILE_NAME = "client.toml"
FORMAT = 1

Days = Annotated[int, msgspec.Meta(ge=0, le=3650)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Width = Annotated[int, msgspec.Meta(ge=1, le=512)]
Threshold = Literal["critical", "high", "medium", "low", "never"]
Sudo = Literal["never", "try", "require"]


class _Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of what a person writes: an unknown key is an error."""


class _ClientTable(_Table):
    name: Name
    language: str = "fr"
    fail_on: Threshold = "low"


class _SlaTable(_Table):
    critical: Days = 14
    high: Days = 14
    medium: Days = 60
    low: Days = 90
    kev: bool = True
    cyber_essentials: bool = False


class _LimitsTable(_Table):
    package_lists_max_age_days: Days = 7
    end_of_support_horizon_days: Days = 180
    reboot_grace_days: Days = 7
    feed_max_age_days: dict[str, Days] = {}


class _ConnectionTable(_Table):
    credential: str = ""
    known_hosts: str = "known_hosts"
    width: Width = DEFAULT_WIDTH
    host_deadline_s: Seconds = 120.0
    connect_timeout_s: Seconds = 15.0
    probe_timeout_s: Seconds = 3.0


class _CredentialTable(_Table):
    user: str = ""
    password: str = ""
    key_file: str = ""
    passphrase: str = ""
    certificate_file: str = ""
    agent: bool = False
    sudo: Sudo = "never"
    sudo_password: str = ""
    ssh_config: str = ""


class _MachineTable(_Table):
    name: Name
    address: str = ""
    protocol: Literal["ssh", "local", "replay"] = "ssh"
    port: Port | None = None
    user: str = ""
    credential: str = ""
    site: str = ""
    exposure: Literal["", "internet", "internal"] = ""
    labels: tuple[str, ...] = ()


_TOP = ("format", "client", "sla", "limits", "connection", "credentials", "machines", "feeds")
_T = TypeVar("_T", bound=_Table)
_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]*)`")
_ABSENT = re.compile(r"missing required field `(?P<key>[^`]*)`")
_TYPE = re.compile(r"`([a-z]+)`")
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "bool": "true or false (without quotes)",
    "array": 'a list in brackets (["a", "b"])',
    "object": "a table",
}
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


def client_file(path: Path) -> Path:
    """The client.toml that `path` (a client folder or the file itself) means; raises SettingsError when absent."""
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        folder = path.parent if path.name == FILE_NAME else path
        hint = f"`auditor init {folder}` writes a commented one to start from."
        if folder.suffix == ".toml":
            hint = f"The file of a client is named {FILE_NAME}."
        raise SettingsError(
            str(path),
            f"there is no {FILE_NAME} here." if path.is_dir() else "no such client folder or file.",
            hint=hint,
        )
    return file


def load(path: Path, *, languages: tuple[str, ...] = ("en", "fr")) -> ClientSettings:
    """Read a client folder (or its client.toml). Relative paths in it are relative to the folder.

    Raises SettingsError naming file, key and problem; nothing secret is resolved or repeated.
    """
    file = client_file(path)
    return _Reader(file, languages).read(_parse(file))


def suggestion(word: str, known: "list[str] | tuple[str, ...]") -> str:
    """Return " Did you mean …?" when a known word is close, "" otherwise."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean `{close[0]}`?" if close else ""


def _plain(problem: str, kind: type[_Table], key: str) -> str:
    """Say in everyday words what msgspec says in Python's: "expected a whole number, got a text"."""
    absent = _ABSENT.search(problem)
    if absent is not None:
        return f"`{absent['key']}` is missing."
    if problem.startswith("Invalid enum value"):
        value = problem.removeprefix("Invalid enum value ")
        known = [str(choice) for choice in get_args(get_type_hints(kind).get(key)) if choice]
        return f"{value} is not one of {', '.join(known)}." if known else f"{value} is not known here."
    worded = _TYPE.sub(lambda found: _TYPES.get(found[1], found[0]), problem)
    for sign, words in (
        (" of length >= 1", ", and not an empty one"),
        (" of length >=", " of at least"),
        (" of length <=", " no longer than"),
        (" >=", " of at least"),
        (" <=", " of at most"),
        (" > ", " above "),
    ):
        worded = worded.replace(sign, words)
    return f"{worded[0].lower()}{worded[1:]}."


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        hint = 'Texts stand in quotes ("…"), a table starts with its name in brackets ([client]).'
        raise SettingsError(str(file), f"not valid TOML: {error}.", hint=hint) from None
    except UnicodeDecodeError as error:
        raise SettingsError(str(file), f"not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(str(file), f"cannot be read: {error.strerror}.") from None


class _Reader:
    """Turns the tables of one file into settings; holds the file's name for its complaints."""

    def __init__(self, file: Path, languages: tuple[str, ...]) -> None:
        self._file = file
        self._languages = languages

    def read(self, data: dict[str, Any]) -> ClientSettings:
        self._check_top(data)
        client = self._table(data, "client", _ClientTable)
        if client.language not in self._languages:
            raise self._error("client.language", f"{client.language!r} is not one of {', '.join(self._languages)}.")
        sla = self._table(data, "sla", _SlaTable)
        limits = self._table(data, "limits", _LimitsTable)
        connection = self._table(data, "connection", _ConnectionTable)
        credentials = self._credentials(data.get("credentials", {}))
        if connection.credential:
            self._known_credential("connection.credential", connection.credential, credentials)
        return ClientSettings(
            file=self._file,
            contract=Contract(
                client=client.name,
                language=client.language,
                sla=Sla(**msgspec.structs.asdict(sla)),
                **msgspec.structs.asdict(limits),
            ),
            targets=self._machines(data.get("machines", []), connection.credential, credentials),
            credentials=credentials,
            connection=ConnectionSettings(
                known_hosts=known_hosts(self._path(connection.known_hosts)),
                width=connection.width,
                host_deadline_s=connection.host_deadline_s,
                connect_timeout_s=connection.connect_timeout_s,
                probe_timeout_s=connection.probe_timeout_s,
            ),
            feeds=self._feeds(data.get("feeds", {}), limits.feed_max_age_days),
            fail_on=client.fail_on,
        )

    def _check_top(self, data: dict[str, Any]) -> None:
        for key in data:
            if key not in _TOP:
                raise self._error(key, "unknown key.", suggestion(key, _TOP))
        if data.get("format", FORMAT) != FORMAT:
            raise self._error("format", f"this auditor reads format {FORMAT}, the file says {data['format']!r}.")
        if "client" not in data:
            raise self._error("client", "this table is missing.", 'Add [client] with name = "…".')

    def _table(self, data: dict[str, Any], key: str, kind: type[_T]) -> _T:
        return self._convert(data.get(key, {}), key, kind)

    def _convert(self, value: object, path: str, kind: type[_T]) -> _T:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise self._explain(str(error), path, kind) from None

    def _explain(self, text: str, path: str, kind: type[_Table]) -> SettingsError:
        """Reword msgspec's complaint: its `$.sla.high` becomes our path, an unknown key gets a suggestion."""
        found = _AT.search(text)
        inner = found["path"] if found else ""
        where = f"{path}.{inner}" if inner and not inner.startswith("[") else path + inner
        problem = text[: found.start()] if found else text
        unknown = _UNKNOWN.search(problem)
        if unknown is None:
            return self._error(where, _plain(problem, kind, inner))
        known = kind.__struct_fields__
        hint = suggestion(unknown["key"], known) or f"Known keys: {', '.join(known)}."
        return self._error(f"{where}.{unknown['key']}", "unknown key.", hint)

    def _credentials(self, value: object) -> dict[str, CredentialSettings]:
        if not isinstance(value, Mapping):
            raise self._error("credentials", "expected tables [credentials.NAME].")
        found = {}
        for name, table in value.items():
            path = f"credentials.{name}"
            written = self._convert(table, path, _CredentialTable)
            for key in ("password", "passphrase", "sudo_password"):
                problem = check_reference(getattr(written, key))
                if problem:
                    raise self._error(f"{path}.{key}", problem)
            found[name] = CredentialSettings(
                name=name,
                user=written.user,
                password=self._reference(written.password),
                key_file=self._path(written.key_file) if written.key_file else None,
                passphrase=self._reference(written.passphrase),
                certificate_file=self._path(written.certificate_file) if written.certificate_file else None,
                agent=written.agent,
                sudo=written.sudo,
                sudo_password=self._reference(written.sudo_password),
                ssh_config=self._path(written.ssh_config) if written.ssh_config else None,
            )
        return found

    def _reference(self, text: str) -> str:
        """Make the path of a `file:` reference absolute: it is relative to the client folder."""
        scheme, _, rest = text.partition(":")
        return f"file:{self._path(rest)}" if scheme == "file" else text

    def _machines(
        self, value: object, default: str, credentials: Mapping[str, CredentialSettings]
    ) -> tuple[Target, ...]:
        if not isinstance(value, list):
            raise self._error("machines", "expected tables [[machines]], in double brackets.")
        seen: dict[str, str] = {}
        places: dict[tuple[str, str, int | None], str] = {}
        targets = []
        for number, table in enumerate(value, start=1):
            target, path = self._machine(table, number, default, credentials)
            if target.name.casefold() in seen:
                raise self._error(
                    f"{path}.name",
                    f"duplicate host: {target.name!r} is also {seen[target.name.casefold()]}.",
                    "Every machine needs a name of its own.",
                )
            seen[target.name.casefold()] = path
            place = (target.protocol.value, target.address.casefold(), target.port)
            if target.protocol is not Protocol.REPLAY and place in places:
                raise self._error(
                    f"{path}.address", f"duplicate host: same address and port as {places[place]}.", "Remove one."
                )
            places[place] = path
            targets.append(target)
        return tuple(targets)

    def _machine(
        self, table: object, number: int, default: str, credentials: Mapping[str, CredentialSettings]
    ) -> tuple[Target, str]:
        name = table.get("name") if isinstance(table, Mapping) else None
        path = f'machines[{number}] ("{name}")' if isinstance(name, str) else f"machines[{number}]"
        written = self._convert(table, path, _MachineTable)
        credential = written.credential or default
        if credential:
            self._known_credential(f"{path}.credential", credential, credentials)
        if "@" in written.name[:1]:
            raise self._error(f"{path}.name", "a name cannot start with @ (that means a label).")
        protocol = Protocol(written.protocol)
        address = written.address
        if protocol is Protocol.SSH:
            address = (address or written.name).removeprefix("[").removesuffix("]")
        elif protocol is Protocol.REPLAY:
            if not address:
                raise self._error(f"{path}.address", "a replayed machine needs the path of its recording.")
            address = str(self._path(address))
        return (
            Target(
                name=written.name,
                protocol=protocol,
                address=address,
                port=written.port,
                user=written.user,
                credential=credential,
                site=written.site,
                exposure=written.exposure,
                labels=written.labels,
            ),
            path,
        )

    def _known_credential(self, path: str, name: str, credentials: Mapping[str, CredentialSettings]) -> None:
        if name not in credentials:
            hint = suggestion(name, list(credentials)) or f"Write a table [credentials.{name}]."
            raise self._error(path, f"there is no credential {name!r}.", hint)

    def _feeds(self, value: object, limits: Mapping[str, int]) -> dict[str, dict[str, str]]:
        """Settings by feed, checked against what each feed module declares."""
        from collectors.feeds import discover
        from collectors.feeds.feed import COMMON_SETTINGS

        declared = {feed.name: feed for feed in discover()}
        for name in limits:
            if name not in declared:
                raise self._error(f"limits.feed_max_age_days.{name}", "no such feed.", suggestion(name, list(declared)))
        if not isinstance(value, Mapping):
            raise self._error("feeds", "expected tables [feeds.NAME].")
        found: dict[str, dict[str, str]] = {}
        for name, table in value.items():
            if name not in declared:
                hint = suggestion(name, list(declared)) or f"Known feeds: {', '.join(declared)}."
                raise self._error(f"feeds.{name}", "no such feed.", hint)
            if not isinstance(table, Mapping):
                raise self._error(f"feeds.{name}", "expected a table.")
            known = [*declared[name].settings, *COMMON_SETTINGS]
            for key, setting in table.items():
                if key not in known:
                    hint = suggestion(key, known) or f"Known keys: {', '.join(known)}."
                    raise self._error(f"feeds.{name}.{key}", "unknown key.", hint)
                if not isinstance(setting, str):
                    raise self._error(f"feeds.{name}.{key}", f"expected a text, got {setting!r}.")
            found[name] = dict(table)
        return found

    def _path(self, text: str) -> Path:
        path = Path(text).expanduser()
        return path if path.is_absolute() else self._file.parent / path

    def _error(self, path: str, problem: str, hint: str = "") -> SettingsError:
        return SettingsError(str(self._file), f"{path}: {problem}", hint=hint)
