"""What an export declares: another form of the same assessment, for another reader than the manager."""

from collections.abc import Callable
from dataclasses import dataclass

from collectors.model import HostSnapshot
from rules.model import Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export module's `EXPORT`.

    `name` is what a user asks for ("csv"); `suffix` ends the file's name, with its dot; `render` takes the assessment
    and a language and returns the bytes of the file, the same for the same input; `file_name` names it.
    """

    name: str
    suffix: str
    media_type: str
    render: Callable[[Assessment, str], bytes]
    file_name: Callable[[Assessment, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineExport:
    """The `EXPORT` of a module that gives one file per machine.

    `render` takes what was seen of a machine and the assessment it is part of, and returns the bytes of its file, the
    same for the same input; `path` names folder and file.
    """

    name: str
    media_type: str
    render: Callable[[HostSnapshot, Assessment], bytes]
    path: Callable[[Assessment, str], tuple[str, str]]
