"""`auditor completion SHELL`: the script that lets a shell complete commands, options and client folders."""

import click

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_AUDITOR_COMPLETE"
# click's own with two differences: each answer is taken as it is, and a client's folder is completed as the name of a
# file is, so that bash puts what its spaces, apostrophes and ampersands need; words of ours are no files.
_BASH = """\
%(complete_func)s() {
    local type value response
    response=$(IFS=$'\\n'; env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD %(complete_var)s=bash_complete "$1")
    while IFS=, read -r type value; do
        if [[ $type == dir ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == file ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == plain ]]; then
            COMPREPLY+=("$value")
            if (( COMP_CWORD > 1 )) && [[ -e $value/client.toml ]]; then
                compopt -o filenames
            fi
        fi
    done <<< "$response"
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


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
    script = kind(cli, {}, "auditor", _VARIABLE)
    text = script.source()  # which says where a bash is too old for it
    click.echo(_BASH % script.source_vars() if shell == "bash" else text)
