"""Tables a person wrote in TOML, read strictly: every complaint names the file, the key's path and what would be right.

Tables are read with msgspec structs that refuse unknown keys, table by table, so that `seatz = 12` is an error with a
path and a suggestion instead of a setting silently ignored.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import msgspec

from auditor.errors import SettingsError

Days = Annotated[int, msgspec.Meta(ge=0, le=3650)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of what a person writes: an unknown key is an error."""


_T = TypeVar("_T", bound=Table)
_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]*)`")
_ABSENT = re.compile(r"missing required field `(?P<key>[^`]*)`")
_TYPE = re.compile(r"`([a-z]+)(?: \| null)?`")
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "bool": "true or false (without quotes)",
    "array": 'a list in brackets (["a", "b"])',
    "object": "a table",
    "date": "a date (2027-06-30, without quotes)",
}
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


# What would end a line of a file, a header of a mail, or turn the reading direction of what follows.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def line_problem(text: str) -> str:
    """What is wrong with a text that stands on one line; "" when nothing is."""
    return "holds a line break or another control character." if _CONTROL.search(text) else ""


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return "Did you mean …?" when a known word is close, "" otherwise."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean `{close[0]}`?" if close else ""


def parse(file: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises SettingsError naming the file, and line and column of what is no TOML."""
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        hint = 'Texts stand in quotes ("…"), a table starts with its name in brackets ([client]).'
        raise SettingsError(str(file), f"not valid TOML: {error}.", hint=hint) from None
    except UnicodeDecodeError as error:
        raise SettingsError(str(file), f"not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(str(file), f"cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(str(file), f"not TOML that can be read: {error}.") from None


def stands(file: Path) -> bool:
    """Whether a file is there. Raises SettingsError where a broken link, a folder or a device has its name.

    What was meant to be there and cannot be read must not pass for what was never written.
    """
    if file.is_file():
        return True
    if os.path.lexists(file):
        problem = "leads nowhere (a link to what is not there)" if file.is_symlink() else "is not a file"
        raise SettingsError(str(file), f"{problem}.", hint="Put the file there, or take away what bears its name.")
    return False


class Complaints:
    """Reads tables of one file, and words what is wrong with them."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def error(self, path: str, problem: str, hint: str = "") -> SettingsError:
        """What is wrong with the key at `path`."""
        return SettingsError(str(self.file), f"{path}: {problem}", hint=hint)

    def check_keys(self, data: dict[str, Any], known: Sequence[str], format_: int) -> None:
        """Refuse a top-level key that means nothing, and a file of another format."""
        for key in data:
            if key not in known:
                raise self.error(key, "unknown key.", suggestion(key, known))
        if data.get("format", format_) != format_:
            raise self.error("format", f"this auditor reads format {format_}, the file says {data['format']!r}.")

    def convert(self, value: object, path: str, kind: type[_T]) -> _T:
        """Read one table."""
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise self._explain(str(error), path, kind) from None

    def rows(self, value: object, path: str) -> list[Any]:
        """The tables of an array of tables, written `[[path]]`."""
        if not isinstance(value, list):
            raise self.error(path, f"expected tables [[{path}]], in double brackets.")
        return value

    def path(self, text: str) -> Path:
        """A path as written; relative ones are relative to the file's folder."""
        path = Path(text).expanduser()
        return path if path.is_absolute() else self.file.parent / path

    def optional_path(self, text: str) -> Path | None:
        """The same; None where nothing is written."""
        return self.path(text) if text else None

    def reference(self, text: str) -> str:
        """Make the path of a `file:` reference absolute: it is relative to the file's folder."""
        scheme, _, rest = text.partition(":")
        return f"file:{self.path(rest)}" if scheme == "file" else text

    def _explain(self, text: str, path: str, kind: type[Table]) -> SettingsError:
        """Reword msgspec's complaint: its `$.sla.high` becomes our path, an unknown key gets a suggestion."""
        found = _AT.search(text)
        inner = found["path"] if found else ""
        where = f"{path}.{inner}" if inner and not inner.startswith("[") else path + inner
        problem = text[: found.start()] if found else text
        unknown = _UNKNOWN.search(problem)
        if unknown is None:
            return self.error(where, _plain(problem, kind, inner))
        known = kind.__struct_fields__
        hint = suggestion(unknown["key"], known) or f"Known keys: {', '.join(known)}."
        return self.error(f"{where}.{unknown['key']}", "unknown key.", hint)


def _plain(problem: str, kind: type[Table], key: str) -> str:
    """Say in everyday words what msgspec says in Python's: "expected a whole number, got a text"."""
    absent = _ABSENT.search(problem)
    if absent is not None:
        return f"`{absent['key']}` is missing."
    if problem.startswith("Invalid enum value"):
        value = problem.removeprefix("Invalid enum value ")
        known = [str(choice) for choice in get_args(get_type_hints(kind).get(key)) if choice]
        return f"{value} is not one of {', '.join(known)}." if known else f"{value} is not known here."
    if problem == "Invalid RFC3339 encoded date":
        return f"expected {_TYPES['date']}."
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
