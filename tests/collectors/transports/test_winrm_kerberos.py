"""Kerberos logins against a real KDC, and what happens where there is no ticket to be had."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from collectors.credentials import Secret
from collectors.errors import ConversationFailed, LoginDenied, NotSupported
from collectors.transports import winrm
from collectors.transports.base import Deadline
from collectors.transports.wsman import authentication, kerberos
from collectors.transports.wsman.endpoint import Endpoint
from tests.collectors.transports.test_winrm_bad_servers import says, status
from tests.collectors.transports.winrm_client import SCRIPT, powershell, target, visit
from tests.lab import bad_servers, kdc, wsman
from tests.lab.wsman import Authentication

BOTH = frozenset({Authentication.NTLM, Authentication.NEGOTIATE, Authentication.KERBEROS})
USER = f"{kdc.USER}@{kdc.REALM}"


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kdc.Realm]:
    kdc.require()
    with kdc.realm(tmp_path_factory.mktemp("realm")) as made:
        made.add("late", kdc.PASSWORD, "-pwexpire", "yesterday")
        made.add("locked", kdc.PASSWORD, "-allow_tix")
        yield made


@pytest.fixture
def _no_memory(realm: kdc.Realm, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lab's machine has a name, nobody is logged in, nothing of a test before is remembered."""
    honest = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **settings: Any) -> Any:
        return honest("127.0.0.1" if host in (kdc.HOST, "other.lab.test") else host, *arguments, **settings)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    realm.logout()
    winrm.close()
    yield
    winrm.close()


def lab(peer: wsman.Peer, *, tls: bool = False, host: str = kdc.HOST) -> Any:
    return target(peer, tls=tls, address=host)


pytestmark = [pytest.mark.peer, pytest.mark.usefixtures("_no_memory")]


@pytest.mark.parametrize("tls", [False, True], ids=["sealed http", "https"])
def test_a_password_gets_a_ticket_and_the_ticket_opens(tls: bool) -> None:
    with powershell(tls=True, authentication=BOTH) as peer:
        output = visit(peer, tls=tls, at=lab(peer, tls=tls), auth="kerberos", user=USER, password=Secret(kdc.PASSWORD))
        assert output.stdout == SCRIPT
        assert peer.counters.auth_legs == 1, "Kerberos needs no challenge"
        assert tls or peer.counters.plain == 0


def test_large_answers_arrive_sealed_by_kerberos() -> None:
    answer = bytes(range(256)) * 2000
    with powershell(lambda _: answer, authentication=BOTH) as peer:
        output = visit(peer, at=lab(peer), auth="kerberos", user=USER, password=Secret(kdc.PASSWORD))
        assert output.stdout == answer
        assert peer.counters.plain == 0


def test_the_realm_may_be_written_in_small_letters() -> None:
    with powershell(authentication=BOTH) as peer:
        assert visit(peer, at=lab(peer), auth="kerberos", user=USER.lower()).stdout == SCRIPT


@pytest.mark.parametrize("auth", ["kerberos", "auto"])
def test_a_ticket_of_kinit_opens_without_a_password(realm: kdc.Realm, auth: str) -> None:
    realm.login()
    with powershell(authentication=frozenset({Authentication.KERBEROS, Authentication.NEGOTIATE})) as peer:
        assert visit(peer, at=lab(peer), auth=auth, user="", password=None).stdout == SCRIPT
        assert peer.counters.auth_legs == 1


def test_auto_takes_kerberos_where_the_user_names_a_realm() -> None:
    with powershell(authentication=BOTH) as peer:
        assert visit(peer, at=lab(peer), auth="auto", user=USER).stdout == SCRIPT
        assert peer.counters.auth_legs == 1


def test_one_login_at_the_kdc_serves_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    logins: list[str] = []
    honest = kerberos._log_in
    monkeypatch.setattr(kerberos, "_log_in", lambda user, password: (logins.append(user), honest(user, password))[1])
    with powershell(authentication=BOTH) as peer:
        for _ in range(3):
            visit(peer, at=lab(peer), auth="kerberos", user=USER)
    assert logins == [USER]


@pytest.mark.parametrize("auth", ["kerberos", "auto"])
def test_a_password_the_kdc_refuses_is_tried_nowhere_else_and_never_again(
    auth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins: list[str] = []
    honest = kerberos._log_in
    monkeypatch.setattr(kerberos, "_log_in", lambda user, password: (logins.append(user), honest(user, password))[1])
    with powershell(authentication=BOTH) as peer:
        for _ in range(3):
            with pytest.raises(LoginDenied, match="the password was refused by the domain"):
                visit(peer, at=lab(peer), auth=auth, user=USER, password=Secret("wr0ng"))
        assert logins == [USER]
        assert peer.counters.connections == 0


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("nobody@LAB.TEST", "does not know this user"),
        ("late@LAB.TEST", "password has expired"),
        ("locked@LAB.TEST", "locked, disabled or expired"),
        ("audit@ELSE.WHERE", "no domain controller of the realm|realm is not known"),
    ],
)
def test_what_the_kdc_answers_is_told_in_words(user: str, words: str) -> None:
    with powershell(authentication=BOTH) as peer, pytest.raises(LoginDenied, match=words) as caught:
        visit(peer, at=lab(peer), auth="kerberos", user=user)
    assert caught.value.hint


def test_a_machine_the_domain_does_not_know_is_told() -> None:
    with powershell(authentication=BOTH) as peer, pytest.raises(LoginDenied, match="knows no service of this machine"):
        visit(peer, at=lab(peer, host="other.lab.test"), auth="kerberos", user=USER)


def test_auto_takes_ntlm_for_a_machine_the_domain_does_not_know() -> None:
    """The domain has accepted the password: trying it by NTLM risks nothing."""
    with powershell(authentication=BOTH, accounts=(wsman.Account(domain="LAB"),)) as peer:
        at = lab(peer, host="other.lab.test")
        assert visit(peer, at=at, auth="auto", user=USER).stdout == SCRIPT
        assert peer.counters.auth_legs == 2


def test_no_ticket_and_no_password_is_told() -> None:
    with powershell(authentication=BOTH) as peer:
        with pytest.raises(LoginDenied, match="there is no ticket") as caught:
            visit(peer, at=lab(peer), auth="kerberos", user="", password=None)
        assert "kinit" in caught.value.hint
        with pytest.raises(
            LoginDenied, match=r"no user is configured .*Kerberos cannot be used instead: there is no ticket"
        ):
            visit(peer, at=lab(peer), auth="auto", user="", password=None)
        assert peer.counters.connections == 0


def test_a_clock_that_is_off_is_told_by_the_domain(realm: kdc.Realm) -> None:
    realm.login()
    realm.clock_offset(3600)
    with powershell(authentication=BOTH) as peer, pytest.raises(LoginDenied, match=r"clocks .* differ") as caught:
        visit(peer, at=lab(peer), auth="kerberos", user="", password=None)
    assert "NTP" in caught.value.hint


def test_a_machine_whose_clock_is_off_refuses_and_the_hint_names_clocks(realm: kdc.Realm) -> None:
    realm.login()
    with powershell(authentication=BOTH) as peer:
        visit(peer, at=lab(peer), auth="kerberos", user="", password=None)  # the ticket for the machine is there now
        realm.clock_offset(3600)
        with pytest.raises(LoginDenied, match="login as the ticket's owner by Kerberos was refused") as caught:
            visit(peer, at=lab(peer), auth="kerberos", user="", password=None)
        assert "clock" in caught.value.hint


def test_a_user_with_a_short_domain_is_told_the_form_kerberos_needs() -> None:
    with powershell(authentication=BOTH) as peer, pytest.raises(NotSupported, match="in this form") as caught:
        visit(peer, at=lab(peer), auth="kerberos", user="LAB\\audit")
    assert "user@REALM" in caught.value.hint


def test_an_address_has_no_ticket() -> None:
    with powershell(authentication=BOTH) as peer:
        with pytest.raises(NotSupported, match="by name, not by address"):
            visit(peer, auth="kerberos", user=USER)
        assert visit(peer, auth="auto", user="audit").stdout == SCRIPT


def test_a_domain_controller_that_does_not_answer_does_not_hold_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import threading

    release = threading.Event()
    monkeypatch.setattr(kerberos, "_log_in", lambda *_: release.wait(60))
    try:
        words = "no domain controller answered in time"
        with powershell(authentication=BOTH) as peer, pytest.raises(LoginDenied, match=words):
            visit(peer, at=lab(peer), auth="kerberos", user=USER, deadline_s=2.0)
    finally:
        release.set()


def test_closing_forgets_tickets(realm: kdc.Realm) -> None:
    deadline = Deadline.after(20)
    where = Endpoint(kdc.HOST, 5985, tls=False)
    # By the name of the module that every visit goes through: only where it was loaded does close() find it.
    service = authentication.kerberos.service("pc1", where, USER, Secret(kdc.PASSWORD), deadline)
    winrm.close()
    with pytest.raises(kerberos.NoTicket):
        kerberos.step("pc1", service, None, deadline)


@pytest.mark.parametrize(
    "answers",
    [
        (status("200 OK"),),
        (status("200 OK", "WWW-Authenticate: Negotiate AAAA"),),
        (status("401 Unauthorized", "WWW-Authenticate: Negotiate AAAA"),),
    ],
    ids=["no last word", "another last word", "no word of Kerberos"],
)
def test_an_answer_that_proves_nothing_is_the_machine_s_and_not_the_ticket_s(answers: tuple[bytes, ...]) -> None:
    """Whoever does not hold the machine's key cannot answer a ticket; what it says meanwhile is not believed."""
    with bad_servers.serve(says(*answers)) as server, powershell(authentication=BOTH) as peer:
        at = target(peer, address=kdc.HOST, port=server.port)
        with pytest.raises(ConversationFailed, match="login by Kerberos makes no sense"):
            visit(peer, at=at, auth="kerberos", user=USER, password=Secret(kdc.PASSWORD))
