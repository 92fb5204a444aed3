"""`auditor completion SHELL`: the script that lets a shell complete commands, options and client folders."""

import click

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_AUDITOR_COMPLETE"


@click.command(name="completion", short_help="Print what lets a shell complete commands, options and folders.")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print what lets a shell complete commands, options and client folders.

    \b
    bash:  auditor completion bash > ~/.local/share/bash-completion/completions/auditor
    zsh:   auditor completion zsh > ~/.zfunc/_auditor     (fpath+=~/.zfunc before compinit in ~/.zshrc)
    fish:  auditor completion fish > ~/.config/fish/completions/auditor.fish
    """  # noqa: D301 - click needs the real backspace character
    from click.shell_completion import get_completion_class

    from auditor.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None, "click knows each of SHELLS"
    click.echo(kind(cli, {}, "auditor", _VARIABLE).source())
