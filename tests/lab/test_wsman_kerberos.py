"""The WS-Man peer with Kerberos: a private MIT KDC, stock pywinrm and pypsrp as clients."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab import kdc, wsman
from tests.lab.kdc import Realm
from tests.lab.wsman import Authentication, Peer

pytestmark = pytest.mark.peer
KERBEROS = frozenset({Authentication.NEGOTIATE, Authentication.KERBEROS})


@pytest.fixture(autouse=True)
def no_certificate_authorities_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def realm(tmp_path: Path) -> Iterator[Realm]:
    kdc.require()
    pytest.importorskip("kerberos", reason="pykerberos is not installed: make kerberos")
    with kdc.realm(tmp_path / "kdc") as made:
        yield made


@contextmanager
def serve(**options: Any) -> Iterator[Peer]:
    with wsman.serve(tls=True, authentication=KERBEROS, runner=wsman.CommandPrompt(), **options) as peer:
        yield peer


def pywinrm(url: str, **options: Any) -> bytes:
    from winrm.protocol import Protocol

    protocol = Protocol(
        endpoint=url,
        **{
            "transport": "kerberos",
            "username": f"{kdc.USER}@{kdc.REALM}",
            "kerberos_hostname_override": kdc.HOST,
            **options,
        },
    )
    shell = protocol.open_shell()
    running = protocol.run_command(shell, "echo Bonjour")
    stdout: bytes = protocol.get_command_output(shell, running)[0]
    protocol.cleanup_command(shell, running)
    protocol.close_shell(shell)
    return stdout


@pytest.mark.parametrize("encryption", ["auto", "always"])
@pytest.mark.parametrize("tls", [False, True])
def test_pywinrm_with_a_ticket(realm: Realm, tls: bool, encryption: str) -> None:
    realm.login()
    with serve() as peer:
        options = {"ca_trust_path": str(peer.ca_file)} if tls else {}
        assert pywinrm(peer.tls_url if tls else peer.url, message_encryption=encryption, **options) == b"Bonjour\r\n"
        assert (peer.counters.sealed > 0) is (not tls or encryption == "always")
        assert peer.open_shells == 0


@pytest.mark.parametrize(("kind", "tls"), [("kerberos", False), ("negotiate", False), ("negotiate", True)])
def test_pypsrp_with_a_ticket(realm: Realm, kind: str, tls: bool) -> None:
    shells, connections = pytest.importorskip("pypsrp.shell"), pytest.importorskip("pypsrp.wsman")
    realm.login()
    with serve() as peer:
        connection = connections.WSMan(
            peer.address,
            port=peer.tls_port if tls else peer.port,
            ssl=tls,
            auth=kind,
            username=f"{kdc.USER}@{kdc.REALM}",
            path="wsman",
            negotiate_service="HTTP",
            negotiate_hostname_override=kdc.HOST,
            **({"cert_validation": str(peer.ca_file)} if tls else {}),
        )
        with connection, shells.WinRS(connection) as shell:
            process = shells.Process(shell, "echo Bonjour")
            process.invoke()
        assert process.stdout == b"Bonjour\r\n"


def test_a_wrong_password_gets_no_ticket(realm: Realm) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        realm.login(password="wrong")
    assert "Password incorrect" in caught.value.stderr
    assert not realm.cache.exists()


def test_a_locked_principal_gets_no_ticket(realm: Realm) -> None:
    realm.add("locked", kdc.PASSWORD, "-allow_tix")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        realm.login("locked")
    assert "revoked" in caught.value.stderr


def test_without_a_ticket_nobody_gets_in(realm: Realm) -> None:
    from winrm.vendor.requests_kerberos.exceptions import KerberosExchangeError

    with serve() as peer:
        with pytest.raises(KerberosExchangeError):
            pywinrm(peer.url)
        assert peer.counters.logins == 0


def test_a_principal_that_is_no_account_is_refused(realm: Realm) -> None:
    from winrm.exceptions import InvalidCredentialsError

    realm.add("stranger", kdc.PASSWORD)
    realm.login("stranger")
    with serve() as peer, pytest.raises(InvalidCredentialsError):
        pywinrm(peer.url, username=f"stranger@{kdc.REALM}")


def test_a_clock_that_is_too_far_off_is_refused(realm: Realm) -> None:
    from winrm.exceptions import InvalidCredentialsError

    realm.login()
    with serve() as peer:
        assert pywinrm(peer.url) == b"Bonjour\r\n"  # the service ticket is in the cache from now on
        realm.clock_offset(15 * 60)
        with pytest.raises(InvalidCredentialsError):
            pywinrm(peer.url)
        realm.clock_offset(60)
        assert pywinrm(peer.url) == b"Bonjour\r\n"


def test_the_kdc_itself_tells_of_a_clock_that_is_too_far_off(realm: Realm) -> None:
    import gssapi

    realm.login()
    realm.clock_offset(15 * 60)
    name = gssapi.Name(f"HTTP@{kdc.HOST}", gssapi.NameType.hostbased_service)
    with pytest.raises(gssapi.exceptions.GSSError, match="Clock skew too great"):
        gssapi.SecurityContext(name=name, usage="initiate").step()
