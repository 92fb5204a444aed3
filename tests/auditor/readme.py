"""docs/commands.md, made of every command's own `--help`: `python -m tests.auditor.readme` writes it anew."""

from pathlib import Path

import click
from click.testing import CliRunner

from auditor.cli import cli

DOCUMENT = Path(__file__).parents[2] / "docs" / "commands.md"
WIDTH = 110
_HEAD = """\
# Every command

What `--help` says of each; `python -m tests.auditor.readme` writes this file anew, and a test compares them.
"""


def help_of(words: tuple[str, ...]) -> str:
    """What `auditor WORDS --help` prints on a terminal of fixed width."""
    result = CliRunner().invoke(cli, [*words, "--help"], prog_name="auditor", terminal_width=WIDTH)
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.stdout.splitlines()) + "\n"


def document() -> str:
    """The whole file, as it would be written now."""
    return "\n".join([_HEAD, *(_block(words) for words in commands())])


def _block(words: tuple[str, ...]) -> str:
    title = " ".join(("auditor", *words))
    return f"{'#' * (2 + (len(words) > 1))} {title}\n\n```console\n$ {title} --help\n{help_of(words)}```\n"


def commands(group: click.Command = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command there is in the order of `auditor --help`, subcommands included."""
    found = [path]
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            found += commands(command, (*path, name))
    return found


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
