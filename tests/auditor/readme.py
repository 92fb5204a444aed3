"""README's `--help` blocks, renewed: `python -m tests.auditor.readme`."""

import re
from pathlib import Path

import click
from click.testing import CliRunner

from auditor.cli import cli

README = Path(__file__).parents[2] / "README.md"
WIDTH = 110
_BLOCK = re.compile(r"```console\n\$ auditor(?P<words>[^\n]*?) --help\n.*?```", re.DOTALL)


def help_of(words: tuple[str, ...]) -> str:
    """What `auditor WORDS --help` prints on a terminal of fixed width."""
    result = CliRunner().invoke(cli, [*words, "--help"], prog_name="auditor", terminal_width=WIDTH)
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.stdout.splitlines()) + "\n"


def renewed(text: str) -> str:
    """README with every help block as it is now."""

    def block(match: re.Match[str]) -> str:
        words = match["words"]
        return f"```console\n$ auditor{words} --help\n{help_of(tuple(words.split()))}```"

    return _BLOCK.sub(block, text)


def documented(text: str) -> set[tuple[str, ...]]:
    """Commands that have a help block."""
    return {tuple(match["words"].split()) for match in _BLOCK.finditer(text)}


def commands(group: click.Command = cli, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every command there is, subcommands included."""
    found = {path}
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            found |= commands(command, (*path, name))
    return found


if __name__ == "__main__":
    README.write_text(renewed(README.read_text("utf-8")), "utf-8")
