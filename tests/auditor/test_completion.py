"""`auditor completion`: what a real shell offers after Tab."""

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from auditor.cli import COMMANDS
from auditor.commands.completion import SHELLS

Auditor = Callable[..., Result]
# What each shell is told to do: load the script, then show what it would offer for the words given.
_BASH = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
compopt() {{ :; }}
_auditor_completion auditor
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
_FISH = """
source {script}
complete -C '{line}' | string replace -r '\\t.*' ''
true
"""
_ZSH = """
compdef() {{ :; }}
source {script}
_describe() {{ local name=$3; print -rl -- "${{(@P)name%%:*}}" }}
compadd() {{ local name=$argv[-1]; print -rl -- "${{(@P)name}}" }}
_path_files() {{ :; }}
words=({words}); CURRENT=${{#words}}
_auditor_completion
"""


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    for name in ("clients/fournil", "clients/garage", "clients/archive"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("fournil", "garage"):
        (tmp_path / "clients" / name / "client.toml").write_text("")
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


@pytest.fixture
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an `auditor` that is this checkout's, for the shell to call."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "auditor"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m auditor "$@"\n')
    program.chmod(0o755)
    return folder


def _offered(shell: str, line: str, script: Path, place: Path, command: Path) -> list[str]:
    """What the shell would offer at the end of a line typed in the folder `place`."""
    words = " ".join(f"'{word}'" for word in line.split(" "))
    text = {"bash": _BASH, "fish": _FISH, "zsh": _ZSH}[shell].format(script=script, words=words, line=line)
    root = Path(__file__).parents[2]
    environment = os.environ | {"PATH": f"{command}:{os.environ['PATH']}", "PYTHONPATH": str(root)}
    environment |= dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(command))
    options = {"bash": ["--norc", "--noprofile"], "fish": [], "zsh": ["-f"]}[shell]
    done = subprocess.run(
        [shell, *options, "-c", text], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [word for word in done.stdout.splitlines() if word]


@pytest.mark.parametrize("shell", ["zsh", *(pytest.param(one, marks=pytest.mark.peer) for one in ("bash", "fish"))])
def test_a_real_shell_completes_commands_options_and_client_folders(
    auditor: Auditor, clients: Path, command: Path, shell: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    script = clients / "completion"
    script.write_text(auditor("completion", shell).stdout)

    def offered(line: str) -> list[str]:
        return _offered(shell, line, script, clients, command)

    assert set(offered("auditor d")) >= {"doctor", "demo"}
    assert offered("auditor doc") == ["doctor"]
    assert set(offered("auditor audit --acc")) == {"--accept-new-host-keys", "--accept-new-certificates"}
    assert offered("auditor feeds up") == ["update"]
    assert offered("auditor audit clients/") == ["clients/fournil", "clients/garage"]
    assert offered("auditor doctor clients/g") == ["clients/garage"]


@pytest.mark.peer
def test_after_tab_in_a_real_bash_a_client_folder_is_one_word_whatever_its_name_holds(
    auditor: Auditor, tmp_path: Path, command: Path
) -> None:
    """Otherwise Enter would run what follows an ampersand, in the background."""
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    for name in ("Boulangerie Éloïse & fils", "Zed Dé", "L'Atelier", "doctor"):
        (tmp_path / "clients" / name).mkdir(parents=True)
        (tmp_path / "clients" / name / "client.toml").touch()
    (tmp_path / "script").write_text(auditor("completion", "bash").stdout)
    (tmp_path / "rc").write_text(f"PS1='READY> '\nbind 'set bell-style none'\nsource '{tmp_path / 'script'}'\n")
    program = command / "auditor"  # completes as ours does, and else tells what it was given
    told = 'printf "<%s>" "$@" >> "$TOLD"; echo >> "$TOLD"'
    program.write_text(
        f'#!/bin/sh\n[ -z "$_AUDITOR_COMPLETE" ] || exec "{sys.executable}" -m auditor "$@"\n{told}\n', "utf-8"
    )
    typed = {
        "audit clients/Boul\t": "<audit><clients/Boulangerie Éloïse & fils/>",
        "audit clients/Zed\\ D\t --list": "<audit><clients/Zed Dé/><--list>",
        "audit 'clients/Zed D\t": "<audit><clients/Zed Dé/>",
        "audit clients/L\t": "<audit><clients/L'Atelier/>",
        "doct\t": "<doctor>",
    }
    _typed_in_bash([f"auditor {words}" for words in typed], tmp_path, command)
    assert (tmp_path / "told").read_text("utf-8").splitlines() == list(typed.values())


def _typed_in_bash(lines: list[str], place: Path, command: Path) -> None:
    """Type lines into a bash on a terminal of its own, each when the prompt stands."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"PATH": f"{command}:{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}
    environment |= {"TOLD": str(place / "told"), "TERM": "dumb", "LC_ALL": "C.UTF-8", "INPUTRC": os.devnull}
    shell = subprocess.Popen(
        ["bash", "--noprofile", "--rcfile", str(place / "rc"), "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=place,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        for line in (*lines, "exit"):
            shown = b""
            while not shown.endswith(b"READY> "):
                shown += os.read(ours, 4096)
            os.write(ours, f"{line}\n".encode())
        assert shell.wait(timeout=120) == 0
    finally:
        shell.kill()
        os.close(ours)


def test_client_folders_are_offered_and_nothing_hides_other_files(
    clients: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    from auditor.commands.options import ANY_PATH

    monkeypatch.chdir(clients)
    context = click.Context(click.Command("x"))

    def offered(text: str) -> list[tuple[str, str]]:
        found = ANY_PATH.shell_complete(context, click.Argument(["x"]), text)
        return [(item.value, item.type) for item in found]

    assert offered("") == [("clients/fournil", "plain"), ("clients/garage", "plain")]
    assert offered("clients/f") == [("clients/fournil", "plain")]
    assert offered(f"{clients}/clients/g") == [(f"{clients}/clients/garage", "plain")]
    assert offered("no") == [("no", "file")], "the shell itself completes what is no client folder"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_the_shells_own(auditor: Auditor, shell: str) -> None:
    done = auditor("completion", shell)
    assert done.exit_code == 0
    assert "_AUDITOR_COMPLETE" in done.stdout


def test_another_shell_is_refused_with_those_that_are_known(auditor: Auditor) -> None:
    done = auditor("completion", "tcsh")
    assert done.exit_code == 2
    assert all(shell in done.stderr for shell in SHELLS)
    assert "completion" in COMMANDS
