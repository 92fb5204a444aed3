"""Options several commands share, worded once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from auditor.settings import DEFAULT_WIDTH

_F = TypeVar("_F", bound=Callable[..., Any])
Decorator = Callable[[_F], _F]

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


class ClientPath(click.Path):
    """A client's folder, or a file of it; a shell is offered the client folders that there are."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Client folders from here on, two levels deep; where none begins that way, files and folders as ever."""
        base = incomplete.rpartition("/")[0]
        above = Path(f"{base}/" if base or incomplete.startswith("/") else ".")
        found = []
        for pattern in ("*/client.toml", "*/*/client.toml"):
            try:
                folders = sorted(file.parent.as_posix() for file in above.glob(pattern))
            except OSError:
                folders = []
            found += [folder for folder in folders if folder.startswith(incomplete)]
        return [CompletionItem(folder) for folder in found] or super().shell_complete(ctx, param, incomplete)


ANY_PATH = ClientPath(path_type=Path)


def stacked(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    """Apply options so that the help shows them in the order given."""

    def apply(function: _F) -> _F:
        for option in reversed(options):
            function = option(function)
        return function

    return apply


def rendering(where: str) -> Callable[[_F], _F]:
    """Options of commands that write reports; `where` says the default folder."""
    return stacked(
        click.option("--output", "-o", type=FOLDER, help=f"Folder for the reports (default: {where})."),
        click.option(
            "--lang", "languages", multiple=True, metavar="CODE", help="Language of the reports: fr or en; repeatable."
        ),
        click.option(
            "--export",
            "exports",
            multiple=True,
            metavar="NAME",
            help="Also write this beside the workbook: csv, json or cyclonedx; repeatable.",
        ),
        click.option("--no-annex", is_flag=True, help="Write the manager's workbook without the technician's."),
    )


def judging() -> Callable[[_F], _F]:
    """Options of commands that judge."""
    return stacked(
        click.option(
            "--fail-on",
            type=click.Choice(["critical", "high", "medium", "low", "never"]),
            help="Severity from which findings give exit code 1 (default: low, or the client file's fail_on).",
        ),
        click.option("--update-feeds", is_flag=True, help="Renew the feeds that the machines seen need, then judge."),
        click.option("--feeds", "feeds_folder", type=FOLDER, help="Folder of the feeds (default: the provider's own)."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."),
    )


def visiting() -> Callable[[_F], _F]:
    """Options of commands that visit machines."""
    return stacked(
        click.option(
            "--accept-new-host-keys", is_flag=True, help="First visit: record unknown host keys (a changed one never)."
        ),
        click.option(
            "--accept-new-certificates",
            is_flag=True,
            help="First visit: record unknown WinRM certificates (a changed one never).",
        ),
        click.option(
            "--ca-file", type=FILE, help="Authorities that sign WinRM certificates (PEM; default: the system's)."
        ),
        click.option(
            "--width",
            type=click.IntRange(1, 512),
            help=f"Machines, and tenants, visited at once (default {DEFAULT_WIDTH}).",
        ),
        click.option(
            "--deadline", type=click.FloatRange(1), metavar="SECONDS", help="Limit per machine (default 120)."
        ),
        click.option(
            "--record", "record_into", type=FOLDER, help="Keep what each machine and tenant answered, for replay:DIR."
        ),
    )
