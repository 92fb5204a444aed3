"""The dialogue with sudo, word by word, however its words are cut into pieces."""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from collectors.credentials import Secret
from collectors.transports import become
from collectors.transports.become import SILENCE, Dialogue, Speech

SCRIPT = b"echo hello\n"


def words_of(dialogue: Dialogue) -> tuple[bytes, bytes]:
    """The marker and the prompt, read from the command as the host would."""
    marker = re.search(r"echo (auditor-root-\S+) >&2", dialogue.command)
    prompt = re.search(r"-p (\S+)", dialogue.command)
    assert marker
    return marker[1].encode(), prompt[1].encode() if prompt else b""


def hear_in_pieces(dialogue: Dialogue, said: bytes, cuts: list[int]) -> tuple[bytes, list[Speech]]:
    kept, answers, places = b"", [], sorted({min(cut, len(said)) for cut in cuts} | {0, len(said)})
    for start, end in itertools.pairwise(places):
        part, speech = dialogue.hear(said[start:end])
        kept += part
        if speech != SILENCE:
            answers.append(speech)
    return kept, answers


cuts = st.lists(st.integers(0, 300), max_size=8)


@given(cuts)
def test_after_the_marker_standard_error_belongs_to_the_script(at: list[int]) -> None:
    dialogue = become.sudo(SCRIPT, None)
    assert dialogue.opening() == Speech(SCRIPT, end=True)
    marker, _ = words_of(dialogue)
    kept, answers = hear_in_pieces(dialogue, b"lecture\n" + marker + b"\nfrom the script " + marker, at)
    assert dialogue.started
    assert kept.removeprefix(b"\n") == b"from the script " + marker
    assert answers == []


@given(cuts)
def test_the_password_is_said_once_and_the_script_only_to_a_started_shell(at: list[int]) -> None:
    dialogue = become.sudo(SCRIPT, Secret("pässword"))
    assert dialogue.opening() == SILENCE
    marker, prompt = words_of(dialogue)
    assert hear_in_pieces(dialogue, b"lecture " + prompt, at) == (b"", [Speech("pässword\n".encode())])
    kept, answers = hear_in_pieces(dialogue, b"\n" + marker + b"\nerr", at)
    assert answers == [Speech(SCRIPT, end=True)]
    assert kept.removeprefix(b"\n") == b"err"


@given(cuts)
def test_a_second_prompt_is_answered_by_closing(at: list[int]) -> None:
    dialogue = become.sudo(SCRIPT, Secret("wrong"))
    _, prompt = words_of(dialogue)
    said = prompt + b"Sorry, try again.\n" + prompt
    _, answers = hear_in_pieces(dialogue, said, [*at, len(prompt) + 5])
    assert answers == [Speech(b"wrong\n"), Speech(end=True)]
    assert not dialogue.started
    assert dialogue.refusal() == "sudo refused the password"


def test_a_host_cannot_guess_the_marker() -> None:
    assert words_of(become.sudo(SCRIPT, None)) != words_of(become.sudo(SCRIPT, None))


def test_endless_talk_before_the_marker_is_not_kept() -> None:
    dialogue = become.sudo(SCRIPT, None)
    for _ in range(100):
        dialogue.hear(b"x" * 10_000)
    assert len(dialogue._held) <= 64 * 1024


def test_the_password_is_in_no_representation() -> None:
    dialogue = become.sudo(SCRIPT, Secret("hunter2"))
    dialogue.hear(words_of(dialogue)[1])
    assert "hunter2" not in repr(dialogue)
    assert "hunter2" not in dialogue.command


def test_which_dialogues_are_held() -> None:
    def commands(mode: str, root: bool = False) -> list[bool]:
        held = become.attempts(SCRIPT, sudo_mode=mode, sudo_password=None, root=root)
        return [dialogue.through_sudo for dialogue in held]

    assert commands("never") == [False]
    assert commands("try") == [True, False]
    assert commands("require") == [True]
    assert commands("require", root=True) == [False]
