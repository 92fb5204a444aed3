"""Who answers over TLS: authorities, pinned fingerprints, and every way a certificate can be wrong."""

import contextlib
import hashlib
import logging
import os
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from collectors.credentials import Secret
from collectors.errors import CertificateChanged, CertificateUnknown, ConversationFailed, NotSupported
from collectors.transports import files, winrm
from collectors.transports.base import ConnectionPolicy
from collectors.transports.wsman import pins
from collectors.transports.wsman.certificates import _context, channel_binding, fingerprint
from tests.collectors.transports.winrm_client import SCRIPT, powershell, target, visit
from tests.lab import bad_servers, wsman
from tests.lab.wsman import Authentication, CertificateKind


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    winrm.close()


def pinning(path: Path, **changes: Any) -> ConnectionPolicy:
    return ConnectionPolicy(known_certificates=path, **changes)


@pytest.mark.parametrize(
    ("kind", "why", "cure"),
    [
        (CertificateKind.SELF_SIGNED, "signed by itself", "ca_file"),
        (CertificateKind.OTHER_AUTHORITY, "no authority that is trusted here has signed it", "ca_file"),
        (CertificateKind.EXPIRED, "it has expired", "Renew the certificate"),
        (CertificateKind.WRONG_NAME, "it does not name this address", "Use a name that the certificate carries"),
    ],
)
def test_a_certificate_nobody_vouches_for_is_refused_in_words(kind: CertificateKind, why: str, cure: str) -> None:
    with powershell(tls=True, certificate=kind) as peer:
        assert peer.certificate is not None
        policy = ConnectionPolicy(ca_file=peer.ca_file, accept_certificates_command="auditor run --accept-it")
        with pytest.raises(CertificateUnknown, match=why) as caught:
            visit(peer, tls=True, policy=policy)
        assert f"sha256:{peer.certificate.sha256}" in caught.value.problem
        assert cure in caught.value.hint
        assert "`auditor run --accept-it`" in caught.value.hint
        assert peer.counters.auth_legs == 0, "nothing was said to it"


def test_a_name_that_the_certificate_does_not_carry_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: honest("127.0.0.1", *a, **k))
    with powershell(tls=True) as peer:
        at = target(peer, tls=True, address="other.example")
        with pytest.raises(CertificateUnknown, match="it names another host"):
            visit(peer, tls=True, at=at)


def test_without_a_ca_file_the_machine_s_own_authorities_decide() -> None:
    with powershell(tls=True) as peer, pytest.raises(CertificateUnknown, match="no authority") as caught:
        visit(peer, tls=True, policy=ConnectionPolicy())
    assert f"auditor scan winrm://127.0.0.1:{peer.tls_port} --accept-new-certificates" in caught.value.hint


def test_the_first_visit_pins_and_the_next_one_needs_no_leave(tmp_path: Path) -> None:
    path = tmp_path / "new" / "certificates"
    with powershell(tls=True, certificate=CertificateKind.SELF_SIGNED) as peer:
        assert peer.certificate is not None
        days = [datetime.now(UTC).date().isoformat()]
        assert visit(peer, tls=True, policy=pinning(path, accept_new_certificates=True)).stdout == SCRIPT
        days.append(datetime.now(UTC).date().isoformat())  # another one at midnight
        known = f"127.0.0.1:{peer.tls_port} sha256:{peer.certificate.sha256}"
        assert path.read_text() in {f"{known} {day}\n" for day in days}
        assert path.stat().st_mode & 0o077 == 0
        assert visit(peer, tls=True, policy=pinning(path)).stdout == SCRIPT
        assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize("kind", [CertificateKind.EXPIRED, CertificateKind.WRONG_NAME, CertificateKind.OTHER_AUTHORITY])
def test_a_pinned_certificate_is_accepted_whatever_else_it_says(kind: CertificateKind, tmp_path: Path) -> None:
    path = tmp_path / "certificates"
    with powershell(tls=True, certificate=kind) as peer:
        assert peer.certificate is not None
        path.write_text(f"# ours\n\n127.0.0.1:{peer.tls_port} SHA256:{_colons(peer.certificate.sha256)} 2026-01-01\n")
        assert visit(peer, tls=True, policy=pinning(path, ca_file=peer.ca_file)).stdout == SCRIPT


def _colons(digits: str) -> str:
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2)).upper()


def test_an_ipv6_address_is_pinned_in_brackets(tmp_path: Path) -> None:
    path = tmp_path / "certificates"
    with powershell(tls=True, certificate=CertificateKind.SELF_SIGNED, address="::1") as peer:
        visit(peer, tls=True, policy=pinning(path, accept_new_certificates=True))
        assert path.read_text().startswith(f"[::1]:{peer.tls_port} sha256:")
        assert visit(peer, tls=True, policy=pinning(path)).stdout == SCRIPT


@pytest.mark.parametrize("accept", [False, True])
def test_a_changed_certificate_is_refused_loudly_also_on_a_first_visit(tmp_path: Path, accept: bool) -> None:
    path = tmp_path / "certificates"
    with powershell(tls=True) as peer:  # one that the authority vouches for: the pin decides all the same
        path.write_text(f"127.0.0.1:{peer.tls_port} sha256:{'0' * 64} 2026-01-01\n")
        policy = pinning(path, ca_file=peer.ca_file, accept_new_certificates=accept)
        with pytest.raises(CertificateChanged, match="ITS CERTIFICATE HAS CHANGED") as caught:
            visit(peer, tls=True, policy=policy)
        assert f"remove {path}:1" in caught.value.hint
        assert "sha256:000000" in caught.value.problem
        assert peer.counters.auth_legs == 0


def test_a_line_that_is_no_fingerprint_trusts_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "certificates"
    with powershell(tls=True) as peer:
        path.write_text(f"127.0.0.1:{peer.tls_port} sha1:abcd\n")
        with pytest.raises(CertificateChanged, match="records nothing readable"):
            visit(peer, tls=True, policy=pinning(path, ca_file=peer.ca_file))
    assert "not a line of pinned certificates" in caplog.text


def test_a_certificate_of_a_trusted_authority_is_not_pinned(tmp_path: Path) -> None:
    path = tmp_path / "certificates"
    with powershell(tls=True) as peer:
        policy = pinning(path, ca_file=peer.ca_file, accept_new_certificates=True)
        assert visit(peer, tls=True, policy=policy).stdout == SCRIPT
        assert not path.exists()


def test_a_pin_that_cannot_be_written_is_told_and_nothing_is_said_to_the_host(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "certificates"
    with powershell(tls=True, certificate=CertificateKind.SELF_SIGNED) as peer:
        with pytest.raises(CertificateUnknown, match=r"cannot be (recorded|checked)"):
            visit(peer, tls=True, policy=pinning(path, accept_new_certificates=True))
        assert peer.counters.auth_legs == 0


def test_two_first_visits_at_once_pin_one_line(tmp_path: Path) -> None:
    path = tmp_path / "certificates"
    with powershell(tls=True, certificate=CertificateKind.SELF_SIGNED) as peer, ThreadPoolExecutor(8) as pool:
        policy = pinning(path, accept_new_certificates=True)
        outputs = list(pool.map(lambda _: visit(peer, tls=True, policy=policy).stdout, range(8)))
        assert outputs == [SCRIPT] * 8
        assert len(path.read_text().splitlines()) == 1


def test_a_pin_added_meanwhile_by_another_process_decides(tmp_path: Path) -> None:
    path = tmp_path / "certificates"
    assert pins.pin(path, "a:5986", "sha256:" + "1" * 64) == []
    (already,) = pins.pin(path, "A:5986", "sha256:" + "2" * 64)
    assert already.fingerprint == "sha256:" + "1" * 64
    assert already.where == f"{path}:1"


def test_half_a_line_on_a_full_disk_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "certificates"
    pins.pin(path, "a:5986", "sha256:" + "1" * 64)
    before, honest = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, data: honest(file, data[:20]))
    with pytest.raises(OSError, match="No space left"):
        pins.pin(path, "b:5986", "sha256:" + "2" * 64)
    assert path.read_bytes() == before


def test_a_file_that_another_process_keeps_locked_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="no advisory locks here")
    monkeypatch.setattr(files, "_LOCK_PAUSE_S", 0.001)
    path = tmp_path / "certificates"
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another process keeps it locked"):
            pins.pin(path, "a:5986", "sha256:" + "1" * 64)
    assert pins.pin(path, "a:5986", "sha256:" + "1" * 64) == []


def test_a_new_pin_is_said_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        pins.pin(tmp_path / "certificates", "a:5986", "sha256:" + "1" * 64)
    assert "new certificate of a:5986 pinned" in caplog.text


def test_a_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    absent, empty = tmp_path / "absent.pem", tmp_path / "empty.pem"
    empty.write_text("no certificate")
    with powershell(tls=True) as peer:
        for path in (absent, empty):
            with pytest.raises(CertificateUnknown, match=rf"trusted authorities {path} cannot be used"):
                visit(peer, tls=True, policy=ConnectionPolicy(ca_file=path))


def issued(name: str, issuer: tuple[Any, x509.Name] | None, *, authority: bool) -> tuple[Any, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, by = issuer or (key, subject)
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return key, builder.sign(signer, hashes.SHA256())


def test_the_authority_that_issues_is_enough_without_the_one_above_it(tmp_path: Path) -> None:
    """A domain's issuing authority is what its administrator has at hand; the root may be locked away."""
    root_key, root = issued("root.example", None, authority=True)
    issuing_key, issuing = issued("issuing.example", (root_key, root.subject), authority=True)
    key, own = issued("pc1.example", (issuing_key, issuing.subject), authority=False)
    pem = serialization.Encoding.PEM
    ca_file, machine = tmp_path / "issuing.pem", tmp_path / "pc1.pem"
    ca_file.write_bytes(issuing.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    machine.write_bytes(own.public_bytes(pem) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(machine)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = _context("pc1", ConnectionPolicy(ca_file=ca_file), None, verified=True)
    ours = context.wrap_bio(to_client, to_server, server_hostname="pc1.example")
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (ours, theirs, ours, theirs):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert ours.getpeercert(binary_form=True) == own.public_bytes(serialization.Encoding.DER)


# ---- what is no TLS, or not ours


def test_tls_on_a_port_of_plain_http_is_told() -> None:
    with bad_servers.serve(bad_servers.speaks_http) as server, powershell(tls=True) as peer:
        at = target(peer, tls=True, port=server.port)
        with pytest.raises(ConversationFailed, match="speaks no TLS") as caught:
            visit(peer, at=at)
        assert "5985" in caught.value.hint


def test_plain_http_on_a_port_of_tls_is_told() -> None:
    def alert(connection: socket.socket, stop: Any) -> None:
        connection.recv(4096)
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")
        connection.close()

    with bad_servers.serve(alert) as server, powershell() as peer:
        at = target(peer, port=server.port)
        with pytest.raises(ConversationFailed, match="speaks TLS, where plain HTTP was expected"):
            visit(peer, at=at)


def test_a_server_of_tls_1_1_only_is_told_the_cure() -> None:
    def too_old(connection: socket.socket, stop: Any) -> None:
        connection.recv(4096)
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")  # fatal alert 70: protocol_version
        connection.close()

    with bad_servers.serve(too_old) as server, powershell(tls=True) as peer:
        with pytest.raises(NotSupported, match=r"speaks no TLS 1.2") as caught:
            visit(peer, tls=True, at=target(peer, tls=True, port=server.port))
        assert "5985" in caught.value.hint


def test_a_server_with_no_cipher_in_common_is_told() -> None:
    def picky(connection: socket.socket, stop: Any) -> None:
        connection.recv(4096)
        connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal alert 40: handshake_failure
        connection.close()

    with bad_servers.serve(picky) as server, powershell(tls=True) as peer:
        at = target(peer, tls=True, port=server.port)
        with pytest.raises(NotSupported, match="no cipher"):
            visit(peer, tls=True, at=at)


def test_a_listener_without_a_certificate_hangs_up_and_is_told() -> None:
    with bad_servers.serve(bad_servers.closes_at_once) as server, powershell(tls=True) as peer:
        at = target(peer, tls=True, port=server.port)
        with pytest.raises(ConversationFailed, match=r"ended the connection during the TLS handshake|broke during"):
            visit(peer, tls=True, at=at)


def test_a_handshake_that_never_ends_ends_with_the_connect_timeout() -> None:
    policy = ConnectionPolicy(connect_timeout_s=0.5)
    with bad_servers.serve(bad_servers.says_nothing) as server, powershell(tls=True) as peer:
        at = target(peer, tls=True, port=server.port)
        with pytest.raises(ConversationFailed, match="nothing speaks on it"):
            visit(peer, tls=True, at=at, policy=policy)


def test_the_oldest_protocol_accepted_is_tls_1_2() -> None:
    for verified in (True, False):
        context = _context("pc1", ConnectionPolicy(), None, verified=verified)
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_basic_password_never_reaches_a_host_that_is_not_known() -> None:
    enabled = frozenset({Authentication.BASIC})
    with powershell(tls=True, certificate=CertificateKind.SELF_SIGNED, authentication=enabled) as peer:
        with pytest.raises(CertificateUnknown):
            visit(peer, tls=True, auth="basic", password=Secret(wsman.PASSWORD))
        assert peer.counters.requests == 0


# ---- channel bindings


def certificate(key: Any, algorithm: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("algorithm", "used"), [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")]
)
def test_the_binding_uses_the_hash_the_certificate_is_signed_with(algorithm: Any, used: str) -> None:
    for key in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)):
        der = certificate(key, algorithm)
        data = channel_binding(der).application_data
        assert data == b"tls-server-end-point:" + hashlib.new(used, der).digest()


def test_a_certificate_whose_hash_cannot_be_told_is_bound_with_sha_256() -> None:
    """Source: RFC 5929 4.1: MD5 and SHA-1 are replaced by SHA-256; what has no hash of its own follows them here."""
    assert channel_binding(b"not DER").application_data[21:] == hashlib.sha256(b"not DER").digest()


def test_fingerprints_are_written_as_pinned() -> None:
    assert fingerprint(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
