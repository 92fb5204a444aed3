"""A mail server: what it takes, and each way it can fail, told apart. Real sockets and real TLS on loopback."""

import base64
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auditor.errors import SettingsError
from auditor.mail_settings import Mailbox, Security, SmtpSettings
from auditor.mailing.carrier import Fate, Parcel, Receipt
from auditor.mailing.smtp import SmtpCarrier, Times
from collectors.credentials import Secret
from tests.auditor.mailing.parcels import COPY, TO, draft, settings, smtp
from tests.lab.smtp import CLOSE, HANG, PASSWORD, USER, mail_server, odd_server
from tests.lab.wsman.certificates import CertificateKind

# aiosmtpd does not know that TLS from the first byte is TLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
# A server that hangs is waited for this long; what one that answers needs is never cut short.
STEP = Times(step_s=0.5)
ANSWER = Times(answer_s=0.5)


class Committed:
    """Counts how often a carrier said that it hands over."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def carry(
    where: SmtpSettings,
    *,
    to: tuple[str, ...] = (TO,),
    password: str = PASSWORD,
    times: Times | None = None,
    content: bytes = b"",
) -> tuple[Receipt, int]:
    committed = Committed()
    secret = Secret(password) if where.user else None
    parcel = Parcel(sender=USER, recipients=to, content=content or draft(settings(to=to)).content)
    return SmtpCarrier(where, secret, times).carry(parcel, committed), committed.count


def odd(port: int) -> SmtpSettings:
    return smtp(port, security=Security.NONE, login=False)


@pytest.mark.parametrize("implicit", [False, True])
def test_a_message_goes_over_tls_with_a_login_and_arrives_byte_for_byte(tmp_path: Path, implicit: bool) -> None:
    security = Security.TLS if implicit else Security.STARTTLS
    with mail_server(tmp_path, implicit=implicit) as server:
        receipt, committed = carry(smtp(server.port, server.ca_file, security=security), to=(TO, COPY))
    assert (receipt.fate, committed) == (Fate.ACCEPTED, 1)
    assert receipt.answer == "250 2.0.0 Ok: queued as LAB1"
    (received,) = server.received
    assert received.content == draft(settings(to=(TO, COPY))).content
    assert (received.sender, received.recipients, received.user) == (USER, (TO, COPY), USER)
    assert received.tls


def test_where_plain_is_not_offered_login_is_used(tmp_path: Path) -> None:
    with mail_server(tmp_path, without=("PLAIN",)) as server:
        receipt, _ = carry(smtp(server.port, server.ca_file))
    assert (receipt.fate, server.logins) == (Fate.ACCEPTED, ["LOGIN"])


def test_lines_that_begin_with_a_dot_arrive_as_they_were(tmp_path: Path) -> None:
    content = b"Subject: x\r\n\r\n.\r\n..two\r\n.one\nbare\rend"
    with mail_server(tmp_path) as server:
        carry(smtp(server.port, server.ca_file), content=content)
    assert server.received[0].content == b"Subject: x\r\n\r\n.\r\n..two\r\n.one\r\nbare\r\nend\r\n"


def test_a_wrong_password_is_ours_to_mend_and_is_not_repeated(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        receipt, committed = carry(smtp(server.port, server.ca_file), password="hunter2-wrong")
    assert (receipt.fate, committed) == (Fate.OURS, 0)
    assert f"refuses user {USER} or the password (535" in receipt.problem
    assert "mail.password" in receipt.hint
    assert "hunter2" not in repr(receipt)
    assert server.received == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (CertificateKind.EXPIRED, "certificate has expired"),
        (CertificateKind.WRONG_NAME, "Hostname mismatch"),
        (CertificateKind.SELF_SIGNED, "self.signed certificate"),
        (CertificateKind.OTHER_AUTHORITY, "unable to get local issuer certificate"),
    ],
)
@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_that_does_not_hold_stops_everything(
    tmp_path: Path, kind: CertificateKind, reason: str, implicit: bool
) -> None:
    security = Security.TLS if implicit else Security.STARTTLS
    with mail_server(tmp_path, kind=kind, implicit=implicit) as server:
        receipt, committed = carry(smtp(server.port, server.ca_file, security=security))
    assert (receipt.fate, committed) == (Fate.OURS, 0)
    assert "its certificate is not accepted" in receipt.problem
    assert re.search(reason, receipt.problem)
    assert ("mail.server" if kind is CertificateKind.WRONG_NAME else "mail.ca_file") in receipt.hint
    assert server.logins == server.received == []


def test_the_systems_authorities_do_not_vouch_for_the_lab(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        receipt, _ = carry(smtp(server.port, None))
    assert receipt.fate is Fate.OURS


def test_a_server_without_starttls_is_sent_nothing_in_clear() -> None:
    with odd_server() as server:
        receipt, _ = carry(smtp(server.port))
    assert (receipt.fate, receipt.hint) == (Fate.OURS, 'Is it the right port? With port 465: security = "tls".')
    assert "offers no STARTTLS" in receipt.problem
    assert [line.split()[0].upper() for line in server.heard] == ["EHLO", "QUIT"]


def test_starttls_that_is_offered_and_refused_is_no_reason_to_go_on() -> None:
    with odd_server(features=("STARTTLS", "AUTH PLAIN"), replies={"STARTTLS": ["502 not today"]}) as server:
        receipt, _ = carry(smtp(server.port))
    assert receipt.fate is Fate.OURS
    assert not [line for line in server.heard if line.startswith(("AUTH", "MAIL"))]


def test_tls_against_a_port_that_speaks_plainly_is_told(tmp_path: Path) -> None:
    with odd_server() as server:
        receipt, _ = carry(smtp(server.port, security=Security.TLS))
    assert receipt.fate is Fate.OURS
    assert "no secure connection" in receipt.problem
    assert '"starttls"' in receipt.hint


def test_somebody_unknown_is_refused_and_the_others_get_it(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        server.rcpt[COPY] = ["550 5.1.1 no such user"]
        receipt, _ = carry(smtp(server.port, server.ca_file), to=(TO, COPY))
    assert receipt.fate is Fate.ACCEPTED
    assert receipt.refused == {COPY: "550 5.1.1 no such user"}
    assert server.received[0].recipients == (TO,)


def test_when_nobody_is_known_the_message_is_refused(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        server.rcpt[TO] = ["550 5.1.1 no such user"]
        receipt, committed = carry(smtp(server.port, server.ca_file))
    assert (receipt.fate, committed) == (Fate.REFUSED, 0)
    assert f"{TO}: 550 5.1.1 no such user" in receipt.problem


def test_a_server_that_greylists_is_asked_again_later(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        server.rcpt[TO] = ["451 4.7.1 Greylisted, come back in 300 seconds"]
        receipt, committed = carry(smtp(server.port, server.ca_file))
        assert (receipt.fate, committed) == (Fate.LATER, 0)
        assert "greylisting" in receipt.hint
        assert carry(smtp(server.port, server.ca_file))[0].fate is Fate.ACCEPTED


@pytest.mark.parametrize(
    ("answer", "fate"),
    [("451 4.3.0 try later", Fate.LATER), ("552 5.3.4 too big", Fate.REFUSED), ("554 5.6.0 virus", Fate.REFUSED)],
)
def test_an_answer_to_the_message_itself_settles_it(tmp_path: Path, answer: str, fate: Fate) -> None:
    with mail_server(tmp_path) as server:
        server.data.append(answer)
        receipt, _ = carry(smtp(server.port, server.ca_file))
    assert receipt.fate is fate
    assert answer in receipt.problem


def test_a_message_the_server_would_not_take_is_not_sent(tmp_path: Path) -> None:
    with mail_server(tmp_path, size_limit=5_000) as server:
        receipt, committed = carry(smtp(server.port, server.ca_file))
    assert (receipt.fate, committed) == (Fate.REFUSED, 0)
    assert "takes messages up to 5,000 bytes" in receipt.problem


def test_nothing_listening_is_told_and_worth_another_try() -> None:
    receipt, _ = carry(odd(1))
    assert receipt.fate is Fate.LATER
    assert "nothing listens there (connection refused)" in receipt.problem
    assert "mail.port" in receipt.hint


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("act", [HANG, CLOSE])
def test_a_server_that_falls_silent_before_the_message_has_not_got_it(verb: str, act: str) -> None:
    with odd_server(replies={verb: [act]}) as server:
        receipt, committed = carry(odd(server.port), times=STEP if act is HANG else None)
        assert (receipt.fate, committed) == (Fate.LATER, 0)
        assert ("no answer came in time" if act is HANG else "hung up") in receipt.problem
    assert server.messages == []


@pytest.mark.parametrize("act", [HANG, CLOSE])
def test_a_server_that_falls_silent_after_the_message_may_have_taken_it(act: str) -> None:
    with odd_server(after_data=[act]) as server:
        receipt, committed = carry(odd(server.port), times=ANSWER)
    assert (receipt.fate, committed) == (Fate.UNCLEAR, 1)
    assert "it may have been accepted" in receipt.problem
    assert len(server.messages) == 1


@pytest.mark.parametrize("greeting", [HANG, CLOSE, "421 4.3.2 shutting down"])
def test_a_server_that_does_not_greet_is_tried_again(greeting: str) -> None:
    with odd_server(greeting=greeting) as server:
        receipt, _ = carry(odd(server.port), times=STEP)
    assert receipt.fate is Fate.LATER


def test_a_server_that_takes_forever_is_left_in_the_end() -> None:
    """Each step in time, all of them together never: one continuation line after another."""
    with _endless() as port:
        receipt, _ = carry(odd(port), times=Times(step_s=5.0, answer_s=5.0, all_s=0.5))
    assert receipt.fate is Fate.LATER
    assert "not done within 0.5 s" in receipt.problem


@contextmanager
def _endless() -> Iterator[int]:
    import threading
    import time

    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            try:
                while not ended.is_set():
                    peer.sendall(b"220-still greeting\r\n")
                    time.sleep(0.05)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        listener.close()
        thread.join(5)


def test_a_relay_that_wants_a_login_says_so() -> None:
    refusal = "554 5.7.1 Relay access denied"
    with odd_server(replies={"RCPT": [refusal]}) as server:
        receipt, _ = carry(odd(server.port))
    assert receipt.fate is Fate.OURS
    assert "mail.user and mail.password are not set" in receipt.hint


def test_logins_that_cannot_be_checked_now_are_tried_later() -> None:
    with odd_server(features=("AUTH PLAIN",), replies={"AUTH": ["454 4.7.0 Temporary failure"]}) as server:
        receipt, _ = carry(smtp(server.port, security=Security.NONE))
    assert receipt.fate is Fate.LATER
    assert "cannot check logins at the moment" in receipt.problem


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("code", ["535", "454"])
def test_a_server_that_repeats_the_login_it_refuses_does_not_give_it_away(mechanism: str, code: str) -> None:
    """What a server says is told, and kept in the outbox; some quote the line they did not understand, in capitals."""
    plain = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    line = base64.b64encode(PASSWORD.encode()).decode()
    answer = f"{code} 5.5.1 what is {plain}, {line.upper()} or {PASSWORD}?"
    replies = {"AUTH": [answer]} if mechanism == "PLAIN" else {"AUTH": ["334 UGFzc3dvcmQ6"], line.upper(): [answer]}
    with odd_server(features=(f"AUTH {mechanism}",), replies=replies) as server:
        receipt, _ = carry(smtp(server.port, security=Security.NONE))
    assert "what is ***, *** or ***?" in receipt.problem
    assert PASSWORD not in repr(receipt)


@pytest.mark.parametrize(("features", "problem"), [((), "takes no login"), (("AUTH XOAUTH2",), "no login we know")])
def test_a_server_without_a_login_we_know_is_told(features: tuple[str, ...], problem: str) -> None:
    with odd_server(features=features) as server:
        receipt, _ = carry(smtp(server.port, security=Security.NONE))
    assert receipt.fate is Fate.OURS
    assert problem in receipt.problem


def test_a_servers_words_are_shown_on_one_line_and_not_endless() -> None:
    with odd_server(after_data=[f"554 \x1b[31mno\x07 {'x' * 5000}"]) as server:
        receipt, _ = carry(odd(server.port))
    assert receipt.problem.isprintable()
    assert len(receipt.problem) < 400


def test_a_name_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    receipt, _ = carry(SmtpSettings(server="absent.example", port=587))
    assert receipt.fate is Fate.LATER
    assert "the name is not known" in receipt.problem


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_of_authorities_that_is_none_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"mail\.ca_file"):
        carry(smtp(1, file))


def test_reaching_a_server_sends_nothing(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        carrier = SmtpCarrier(smtp(server.port, server.ca_file), Secret(PASSWORD))
        assert carrier.reach().fate is Fate.ACCEPTED
        assert SmtpCarrier(smtp(server.port, server.ca_file), Secret("wrong")).reach().fate is Fate.OURS
    assert server.received == []


def test_a_sender_the_server_does_not_know_is_refused() -> None:
    with odd_server(replies={"MAIL": ["553 5.7.1 not owned by you"]}) as server:
        receipt, _ = carry(odd(server.port))
    assert receipt.fate is Fate.REFUSED
    assert f"refuses the sender {USER}" in receipt.problem


def test_no_old_tls_is_spoken(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        context = SmtpCarrier(smtp(server.port, server.ca_file), Secret(PASSWORD))
        assert context.place == f"localhost:{server.port}"
    from auditor.mailing import smtp as module

    made = module._Conversation(smtp(1, server.ca_file), None, Times(), "x")._context()
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_the_display_name_is_no_address() -> None:
    assert str(Mailbox(address=TO, name="Anne")) == f"Anne <{TO}>"
