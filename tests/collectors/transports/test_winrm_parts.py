"""Parts of the WinRM transport on their own: the bootstrap, the envelopes, HTTP."""

import base64
import re
from typing import Any

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st
from winrm.protocol import Protocol as Stock

from collectors.errors import ConversationFailed
from collectors.transports.wsman import envelopes, http
from collectors.transports.wsman.bootstrap import BOOTSTRAP, COMMAND
from collectors.transports.wsman.endpoint import Endpoint
from collectors.transports.wsman.http import Answer, Http, printable

# ---- the bootstrap


def test_the_bootstrap_parses_as_powershell() -> None:
    tree_sitter = pytest.importorskip("tree_sitter", reason="tree-sitter is not installed")
    powershell = pytest.importorskip("tree_sitter_powershell", reason="tree-sitter-powershell is not installed")
    parser = tree_sitter.Parser(tree_sitter.Language(powershell.language()))
    assert not parser.parse(BOOTSTRAP.encode()).root_node.has_error


def test_the_bootstrap_is_valid_since_powershell_3() -> None:
    assert BOOTSTRAP.isascii()
    assert not re.search(r"&&|\|\||\?\?|::new\(|\bclass\b", BOOTSTRAP)


def test_the_bootstrap_leaves_standard_input_to_itself() -> None:
    """powershell.exe reads standard input for a command that mentions $input, before the command can."""
    assert "$input" not in BOOTSTRAP.lower()


def test_the_command_line_carries_the_bootstrap_and_fits() -> None:
    encoded = COMMAND.rpartition(" ")[2]
    assert base64.b64decode(encoded).decode("utf-16-le") == BOOTSTRAP
    assert len(COMMAND) == 930
    assert "-NoProfile" in COMMAND


# ---- envelopes


class Recorder:
    """A transport that keeps what it is given; nothing of an answer is looked at."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def send_message(self, message: str) -> bytes:
        self.said.append(message)
        return (
            b'<r><a Name="ShellId">S&lt;1</a><CommandId>C</CommandId><ExitCode>0</ExitCode>'
            b'<c State="x/CommandState/Done"/><RelatesTo>uuid:00000000-0000-0000-0000-000000000000</RelatesTo></r>'
        )

    def close_session(self) -> None:
        """Nothing to close."""


def everything_said(protocol_class: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    import uuid

    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=0))
    protocol = protocol_class.__new__(protocol_class)
    recorder = Recorder()
    protocol.transport, protocol.operation_timeout_sec = recorder, 5
    shell = protocol.open_shell(codepage=65001, noprofile=True, idle_timeout="PT99S", env_vars={"A": "é<&\"'\n€"})
    command = protocol.run_command(shell, 'reg query "HKLM\\X" & echo <é>', ("a", b"b"), console_mode_stdin=False)
    protocol.send_command_input(shell, command, b"\x00\xff" * 300, end=True)
    protocol.get_command_output_raw(shell, command)
    protocol.cleanup_command(shell, command)
    protocol.close_shell(shell, close_session=False)
    return recorder.said


def test_our_pen_writes_what_pywinrm_s_writes_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = everything_said(envelopes.PROTOCOL, monkeypatch), everything_said(Stock, monkeypatch)
    assert len(theirs) == 6
    assert ours == theirs


def test_stock_pywinrm_keeps_its_own_pen() -> None:
    from winrm import protocol

    assert protocol.xmltodict is xmltodict
    assert envelopes.PROTOCOL is not Stock


_texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)


@given(_texts, _texts)
def test_any_text_is_written_as_xmltodict_writes_it(text: str, attribute: str) -> None:
    document = {"a:b": {"@x": attribute, "c": text, "d": [{"#text": text, "@y": "1"}, {"#text": "2"}]}}
    assert envelopes.unparse(document) == xmltodict.unparse(document)


# ---- HTTP


class Pieces:
    """A connection that gives its bytes in pieces."""

    subject, during = "pc1", "the test"

    def __init__(self, data: bytes, size: int) -> None:
        self.pieces = [data[i : i + size] for i in range(0, len(data), size)]
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data

    def receive(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def lost(self, why: str) -> ConversationFailed:
        return ConversationFailed("pc1", why)


def answered(data: bytes, size: int = 65536) -> tuple[Http, Answer]:
    speaker = Http(Pieces(data, size), Endpoint("::1", 5985, tls=False))  # type: ignore[arg-type]
    return speaker, speaker.post(b"hello")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 65536])
@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: t\r\n\r\nworld",
        b"HTTP/1.1 200\r\ncontent-length:5\r\nCONTENT-TYPE:  t \r\n\r\nworld",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: t\r\nContent-Length: 5\r\n\r\nworld",
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: t\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x=y\r\nwor\r\n2\r\nld\r\n0\r\nT: z\r\n\r\n"
        ),
        b"HTTP/1.0 200 OK\r\nContent-Type: t\r\n\r\nworld",
    ],
    ids=["length", "sloppy", "continue", "chunked", "to the end"],
)
def test_answers_are_read_however_they_come(data: bytes, size: int) -> None:
    _, answer = answered(data, size)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"world", "t")


def test_two_answers_in_one_piece_are_told_apart() -> None:
    one = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    speaker, first = answered(one + b"abc" + one + b"def")
    assert (first.body, speaker.post(b"").body) == (b"abc", b"def")


def test_an_announced_end_is_not_spoken_after() -> None:
    speaker, _ = answered(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(ConversationFailed, match="closed by the server"):
        speaker.post(b"")


def test_a_request_names_the_host_in_brackets_and_its_length() -> None:
    speaker, _ = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    sent: bytes = speaker.connection.sent  # type: ignore[attr-defined]
    assert sent.startswith(b"POST /wsman HTTP/1.1\r\nHost: [::1]:5985\r\n")
    assert b"\r\nContent-Length: 5\r\n" in sent
    assert sent.endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize(
    ("value", "offered", "token"),
    [
        ("Negotiate", "Negotiate", None),
        ("Negotiate TlRM", "Negotiate", "TlRM"),
        ('Negotiate, Kerberos, Basic realm="WSMAN", CredSSP', "Negotiate, Kerberos, Basic, CredSSP", None),
        ('Basic realm="a, b", charset="UTF-8", negotiate TlRM==', 'Basic, b", negotiate', "TlRM=="),
        ("", "", None),
    ],
)
def test_challenges_are_read(value: str, offered: str, token: str | None) -> None:
    answer = Answer(401, {"www-authenticate": value}, b"")
    assert answer.offered() == offered
    assert answer.token("Negotiate") == token


def test_words_of_a_server_cannot_move_the_cursor_or_fill_the_screen() -> None:
    assert printable("a\x1b[2J\r\n b\u202e\x00 c") == "a [2J b c"
    assert printable("x" * 1000, 10) == "x" * 9 + "…"


@pytest.mark.parametrize("name", ["_HEAD_LIMIT_BYTES", "_BODY_LIMIT_BYTES"])
def test_answers_have_a_limit(name: str) -> None:
    assert getattr(http, name) < 16 * 1024 * 1024
