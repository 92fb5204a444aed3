"""A host is who it says, or nothing is sent to it. ssh-keygen is the second opinion on known_hosts files."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import HostKeyChanged, HostKeyUnknown
from collectors.transports.base import ConnectionPolicy
from collectors.transports.secure_shell import known_hosts
from collectors.transports.secure_shell.known_hosts import HostKeyCheck
from tests.collectors.transports.conftest import Lab
from tests.lab import sshd as lab_sshd
from tests.lab.sshd import make_key, user

peer = pytest.mark.peer
ME = user("user").encode() + b"\n"


@peer
def test_an_unknown_host_is_refused_with_its_fingerprint_and_the_command_that_accepts_it(lab: Lab) -> None:
    daemon = lab.daemon()
    with pytest.raises(HostKeyUnknown) as caught:
        lab.visit(daemon, policy=lab.policy())
    assert lab_sshd.fingerprint(Path(f"{daemon.host_keys[0]}.pub")) in caught.value.problem
    assert f"auditor scan ssh://auditlab-user@127.0.0.1:{daemon.port} --accept-new-host-keys" in caught.value.hint


@peer
def test_nothing_is_attempted_on_an_unknown_host(lab: Lab) -> None:
    daemon = lab.daemon("unvisited", options={"LogLevel": "DEBUG1"})
    with pytest.raises(HostKeyUnknown):
        lab.visit(daemon, policy=lab.policy())
    assert "userauth-request" not in daemon.log.read_text()


@peer
@pytest.mark.parametrize("way", [{}, {"password": lab_sshd.PASSWORD}], ids=["key", "password"])
def test_a_first_visit_records_the_key_and_the_next_needs_no_permission(
    lab: Lab, tmp_path: Path, way: dict[str, str]
) -> None:
    from collectors.credentials import Secret

    daemon = lab.daemon()
    credential = {name: Secret(value) for name, value in way.items()}
    file = tmp_path / "new" / "known_hosts"
    first = lab.policy(daemon, known_hosts=(file,), accept_new_host_keys=True)
    assert lab.visit(daemon, policy=first, **credential).stdout == ME
    assert file.stat().st_mode & 0o777 == 0o600
    assert lab.visit(daemon, policy=lab.policy(daemon, known_hosts=(file,)), **credential).stdout == ME
    found = subprocess.run(
        ["ssh-keygen", "-F", f"[127.0.0.1]:{daemon.port}", "-f", str(file)], capture_output=True, text=True, check=True
    )
    assert found.stdout.count("ssh-ed25519") == 1


@peer
def test_a_changed_key_is_refused_loudly_even_where_new_ones_are_accepted(lab: Lab, tmp_path: Path) -> None:
    daemon = lab.daemon()
    other = make_key(tmp_path / "other")
    kind, key = Path(f"{other}.pub").read_text().split()[:2]
    file = tmp_path / "known_hosts"
    file.write_text(f"# comment\n[127.0.0.1]:{daemon.port} {kind} {key}\n")
    with pytest.raises(HostKeyChanged) as caught:
        lab.visit(daemon, policy=lab.policy(known_hosts=(file,), accept_new_host_keys=True))
    text = str(caught.value)
    assert "HAS CHANGED" in text
    assert f"{file}:2" in text
    assert lab_sshd.fingerprint(Path(f"{other}.pub")) in text
    assert lab_sshd.fingerprint(Path(f"{daemon.host_keys[0]}.pub")) in text
    assert file.read_text().count("ssh-ed25519") == 1


@peer
def test_another_type_of_key_than_the_recorded_one_is_a_change_too(lab: Lab, tmp_path: Path) -> None:
    daemon = lab.daemon()
    kind, key = Path(f"{make_key(tmp_path / 'rsa', 'rsa')}.pub").read_text().split()[:2]
    policy = lab.policy(known_hosts=(lab.known_hosts(extra=f"[127.0.0.1]:{daemon.port} {kind} {key}\n"),))
    with pytest.raises(HostKeyChanged, match=r"ssh-rsa SHA256.*ssh-ed25519 SHA256"):
        lab.visit(daemon, policy=policy)


@peer
@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_of_several_host_keys_the_recorded_one_is_asked_for(lab: Lab, kind: str) -> None:
    keys = tuple(lab.directory / f"many_{one}" for one in ("ed25519", "ecdsa", "rsa"))
    for path in keys:
        if not path.exists():
            make_key(path, path.name.removeprefix("many_"))
    daemon = lab.daemon("many-keys", host_keys=keys)
    public = Path(f"{lab.directory / f'many_{kind}'}.pub").read_text()
    policy = lab.policy(known_hosts=(lab.known_hosts(extra=f"[127.0.0.1]:{daemon.port} {public}"),))
    assert lab.visit(daemon, policy=policy).stdout == ME


@peer
def test_hashed_entries_are_understood(lab: Lab) -> None:
    daemon = lab.daemon()
    file = lab.known_hosts(daemon)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    assert "127.0.0.1" not in file.read_text()
    assert lab.visit(daemon, policy=lab.policy(known_hosts=(file,))).stdout == ME


@peer
def test_a_certificate_authority_line_does_not_break_the_file(lab: Lab, tmp_path: Path) -> None:
    daemon = lab.daemon()
    authority = Path(f"{make_key(tmp_path / 'ca')}.pub").read_text()
    file = lab.known_hosts(daemon, extra=f"@cert-authority * {authority}not a line\n@revoked\nx y !!!\n\n")
    assert lab.visit(daemon, policy=lab.policy(known_hosts=(file,))).stdout == ME


@peer
def test_a_host_known_only_by_its_authority_is_unknown_and_told_why(lab: Lab, tmp_path: Path) -> None:
    daemon = lab.daemon()
    authority = Path(f"{make_key(tmp_path / 'ca')}.pub").read_text()
    file = lab.known_hosts(extra=f"@cert-authority [127.0.0.*]:{daemon.port} {authority}")
    with pytest.raises(HostKeyUnknown, match=rf"{file}:1 trusts a certificate authority"):
        lab.visit(daemon, policy=lab.policy(known_hosts=(file,)))


@peer
def test_a_revoked_key_is_refused_though_recorded(lab: Lab) -> None:
    daemon = lab.daemon()
    public = Path(f"{daemon.host_keys[0]}.pub").read_text()
    file = lab.known_hosts(daemon, extra=f"@revoked * {public}")
    policy = lab.policy(known_hosts=(file,), accept_new_host_keys=True)
    with pytest.raises(HostKeyChanged, match=r"REVOKED: .*:2 forbids"):
        lab.visit(daemon, policy=policy)


@peer
def test_many_first_visits_at_once_record_each_host_once(lab: Lab, tmp_path: Path) -> None:
    addresses = tuple(f"127.0.7.{number}" for number in range(1, 9))
    daemon = lab.daemon("crowd", addresses=addresses)
    file = tmp_path / "known_hosts"
    file.write_text("# no newline at the end")
    policy = ConnectionPolicy(known_hosts=(file,), accept_new_host_keys=True)
    targets = [lab.target(daemon, address=address) for address in addresses * 3]
    with ThreadPoolExecutor(12) as pool:
        outputs = list(pool.map(lambda target: lab.visit(daemon, target=target, policy=policy), targets))
    assert {output.stdout for output in outputs} == {ME}
    lines = file.read_text().splitlines()
    assert lines[0] == "# no newline at the end"
    assert sorted(line.split()[0] for line in lines[1:]) == sorted(
        f"[{address}]:{daemon.port}" for address in addresses
    )


@peer
def test_keys_are_looked_for_in_every_file_and_recorded_in_the_first(lab: Lab, tmp_path: Path) -> None:
    daemon = lab.daemon()
    first, second = tmp_path / "first", lab.known_hosts(daemon)
    policy = lab.policy(known_hosts=(first, second), accept_new_host_keys=True)
    assert lab.visit(daemon, policy=policy).stdout == ME
    assert not first.exists()


@peer
def test_where_no_file_can_record_the_key_it_is_not_accepted(lab: Lab, tmp_path: Path) -> None:
    daemon = lab.daemon()
    with pytest.raises(HostKeyUnknown):
        lab.visit(daemon, policy=lab.policy(known_hosts=(), accept_new_host_keys=True))
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(HostKeyUnknown, match="cannot be"):
        lab.visit(daemon, policy=lab.policy(known_hosts=(blocked / "known_hosts",), accept_new_host_keys=True))


def check(file: Path, host: str, port: int = 22, *, accept: bool = False, alias: str = "") -> HostKeyCheck:
    policy = ConnectionPolicy(known_hosts=(file,), accept_new_host_keys=accept)
    return HostKeyCheck(subject="srv1", host=host, port=port, user="u", policy=policy, alias=alias)


KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"


def blob(key: str = KEY) -> bytes:
    import base64

    return base64.b64decode(key)


@pytest.mark.parametrize(
    ("names", "host", "port", "known"),
    [
        ("srv", "srv", 22, True),
        ("srv", "SRV", 22, True),
        ("SRV", "srv", 22, True),
        ("a,srv,b", "srv", 22, True),
        ("srv", "srv2", 22, False),
        ("[srv]:2222", "srv", 2222, True),
        ("[srv]:2222", "srv", 22, False),
        ("srv", "srv", 2222, True),  # as ssh(1): the same key under the bare name
        ("*.example.com", "a.example.com", 22, True),
        ("*.example.com,!b.example.com", "b.example.com", 22, False),
        ("[*.example.com]:2222", "a.example.com", 2222, True),
        ("srv?", "srv1", 22, True),
        ("2001:db8::1", "2001:db8::1", 22, True),
        ("[2001:db8::1]:22022", "2001:db8::1", 22022, True),
    ],
)
def test_names_are_matched_as_sshd_8_says(tmp_path: Path, names: str, host: str, port: int, known: bool) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{names} ssh-ed25519 {KEY} comment\n")
    if known:
        check(file, host, port).verify("ssh-ed25519", blob())
    else:
        with pytest.raises(HostKeyUnknown):
            check(file, host, port).verify("ssh-ed25519", blob())


def test_an_alias_replaces_host_and_port(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"cluster ssh-ed25519 {KEY}\n")
    check(file, "10.0.0.1", 2222, alias="cluster").verify("ssh-ed25519", blob())


def test_a_file_changed_meanwhile_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    with pytest.raises(HostKeyUnknown):
        check(file, "srv").verify("ssh-ed25519", blob())
    file.write_text(f"srv ssh-ed25519 {KEY}\n")
    check(file, "srv").verify("ssh-ed25519", blob())


def test_a_key_recorded_meanwhile_by_another_is_not_overridden(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    check(file, "srv", accept=True).verify("ssh-ed25519", blob())
    with pytest.raises(HostKeyChanged):
        check(file, "srv", accept=True).verify("ssh-ed25519", blob(KEY[:-4] + "MDEx"))
    assert file.read_text() == f"srv ssh-ed25519 {KEY}\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_refuses_rather_than_accepts(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"srv ssh-ed25519 {KEY}\n")
    file.chmod(0)
    with pytest.raises(HostKeyUnknown, match="cannot be read"):
        check(file, "srv", accept=True).verify("ssh-ed25519", blob())


def test_a_folder_in_place_of_the_file_refuses_rather_than_accepts(tmp_path: Path) -> None:
    with pytest.raises(HostKeyUnknown, match="cannot be read"):
        check(tmp_path, "srv", accept=True).verify("ssh-ed25519", blob())


@given(st.binary(max_size=400))
def test_any_content_is_read_without_failing(content: bytes) -> None:
    parsed = [known_hosts._parse_line(line, "f:1") for line in content.decode(errors="replace").splitlines()]
    for entry in filter(None, parsed):
        entry.matches("[srv]:22")
