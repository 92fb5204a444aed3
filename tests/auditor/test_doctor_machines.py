"""`auditor doctor` and machines: real visits over a real sshd and the WS-Man peer, found as an audit would find it."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from auditor.checkup.checks import Check, State
from auditor.checkup.clock import LIMIT_S, Reading, clock_section, of_machines
from auditor.checkup.machines import Seen, section_of, visit_machines
from auditor.demo.described import machines as linux_machines
from auditor.demo.recordings import write as write_linux
from auditor.demo.windows.described import machines as windows_machines
from auditor.demo.windows.recordings import frames
from auditor.demo.windows.recordings import write as write_windows
from auditor.exits import Exit
from collectors.credentials import Credential
from collectors.model import GapReason, HostSnapshot, OperatingSystem, Protocol, Target
from collectors.transports.base import ConnectionPolicy
from tests.lab import sshd as lab_sshd
from tests.lab import wsman

Auditor = Callable[..., Result]
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
_WINDOWS = {machine.name: machine for machine in windows_machines()}
_NONCE = re.compile(r"Nonce = '([0-9a-f]+)'")


def _client(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "client.toml").write_text(f'[client]\nname = "Fournil"\nlanguage = "en"\n{text}', "utf-8")
    return folder


def _machine(name: str, port: int, *, protocol: str = "ssh", credential: str = "main", more: str = "") -> str:
    return (
        f'[[machines]]\nname = "{name}"\nprotocol = "{protocol}"\naddress = "127.0.0.1"\nport = {port}\n'
        f'credential = "{credential}"\n{more}'
    )


def _checks(result: Result, name: str) -> list[dict[str, str]]:
    (client,) = json.loads(result.stdout)["clients"]
    return [check for check in client["checks"] if check["name"] == name]


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[wsman.Peer]:
    monkeypatch.setenv("AUDIT_PASSWORD", wsman.PASSWORD)

    def plays(script: str) -> bytes:
        found = _NONCE.search(script)
        assert found is not None
        return frames(_WINDOWS["pc-accueil"], found[1])

    with wsman.serve(runner=wsman.RecordedPowerShell(plays), tls=True) as served:
        yield served


_WINDOWS_LOGIN = '[credentials.windows]\nuser = "audit"\npassword = "env:AUDIT_PASSWORD"\nauth = "ntlm"\n'


def test_a_windows_machine_that_lets_us_in_is_told_and_left_without_a_trace(
    auditor: Auditor, peer: wsman.Peer, tmp_path: Path
) -> None:
    text = f'[connection]\nca_file = "{peer.ca_file}"\n{_WINDOWS_LOGIN}'
    client = _client(tmp_path / "c", text + _machine("pc", peer.tls_port, protocol="winrm", credential="windows"))
    done = auditor("doctor", client, "--json")
    (check,) = _checks(done, "machine.reached")
    assert (check["state"], check["about"]) == ("ok", f"Machine pc (winrm 127.0.0.1:{peer.tls_port})")
    assert "Windows 11 Pro 24H2" in check["text"]
    assert (peer.open_shells, peer.counters.logins) == (0, 1), "one visit"
    assert sorted(path.name for path in client.iterdir()) == ["client.toml"], "nothing is changed"
    assert wsman.PASSWORD not in done.output


def test_an_unknown_certificate_a_wrong_password_and_a_missing_shell_right_have_each_their_cure(
    auditor: Auditor, peer: wsman.Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _WINDOWS_LOGIN + _machine("pc", peer.tls_port, protocol="winrm", credential="windows")
    client = _client(tmp_path / "c", text)

    def told() -> dict[str, str]:
        (check,) = _checks(auditor("doctor", client, "--json"), "machine.reached")
        assert (check["state"], check["code"]) == ("failed", Exit.INCOMPLETE)
        return check

    assert f"auditor audit {client} --accept-new-certificates" in told()["text"]
    plain = _client(tmp_path / "plain", text.replace(str(peer.tls_port), str(peer.port)) + "tls = false\n")
    client = plain
    monkeypatch.setenv("AUDIT_PASSWORD", "Wrong-Pass1!")
    refused = told()
    assert "password" in refused["text"].lower()
    assert "docs/windows.md" in refused["todo"]
    monkeypatch.setenv("AUDIT_PASSWORD", wsman.PASSWORD)
    peer.settings.accounts = (wsman.Account(shell_right=False),)
    assert "shell" in told()["text"]


def test_a_port_that_does_not_answer_and_a_name_nobody_knows(auditor: Auditor, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        text = _machine("srv", port).replace('credential = "main"\n', "")
        text += '[[machines]]\nname = "gone"\naddress = "gone.invalid."\n'
        done = auditor("doctor", _client(tmp_path / "c", text), "--json")
    assert done.exit_code == Exit.INCOMPLETE
    first, second = _checks(done, "machine.reached")
    assert f"nothing answers on port {port}" in first["text"]
    assert "cannot be resolved" in second["text"]
    assert "docs/linux.md" in first["todo"]


def test_one_machine_is_checked_alone(auditor: Auditor, peer: wsman.Peer, tmp_path: Path) -> None:
    text = _WINDOWS_LOGIN + _machine("pc", peer.port, protocol="winrm", credential="windows", more="tls = false\n")
    client = _client(tmp_path / "c", text + '[[machines]]\nname = "gone"\naddress = "gone.invalid."\n')
    done = auditor("doctor", client, "--machine", "PC", "--json")
    (check,) = _checks(done, "machine.reached")
    assert check["state"] == "ok"
    assert {one["group"] for one in json.loads(done.stdout)["clients"][0]["checks"]} <= {
        "credentials",
        "machine",
        "feeds",
        "clock",
    }
    wrong = auditor("doctor", client, "--machine", "pcc")
    assert wrong.exit_code == Exit.USAGE
    assert "Did you mean `pc`?" in wrong.stderr


def test_offline_nobody_is_asked(auditor: Auditor, peer: wsman.Peer, tmp_path: Path) -> None:
    text = _WINDOWS_LOGIN + _machine("pc", peer.port, protocol="winrm", credential="windows", more="tls = false\n")
    mail = '[mail]\nto = ["a@b.example"]\nfrom = "c@d.example"\nserver = "gone.invalid"\n'
    done = auditor("doctor", _client(tmp_path / "c", text + mail), "--offline", "--json")
    assert peer.counters.connections == 0
    assert _checks(done, "machine.reached") == []
    (way,) = _checks(done, "mail.way")
    assert way["state"] == "note"


@pytest.mark.peer
def test_a_real_sshd_is_visited_as_an_audit_would(
    auditor: Auditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab_sshd.require_lab()
    lab_sshd.make_accounts()
    with lab_sshd.lab_directory() as directory, lab_sshd.sshd(directory) as running:
        key = lab_sshd.make_key(tmp_path / "id")
        running.authorize(lab_sshd.user("user"), Path(f"{key}.pub"))
        login = f'[credentials.main]\nuser = "{lab_sshd.user("user")}"\nkey_file = "{key}"\n'
        client = _client(tmp_path / "c", login + _machine("srv", running.port))
        unknown = auditor("doctor", client, "--json")
        (check,) = _checks(unknown, "machine.reached")
        assert f"auditor audit {client} --accept-new-host-keys" in check["text"]
        (client / "known_hosts").write_text(running.known_hosts_lines())
        done = auditor("doctor", client, "--json")
        assert [check["state"] for check in _checks(done, "machine.reached")] == ["ok"], done.stdout
        assert [check["state"] for check in _checks(done, "clock")] == ["ok"]
        key.chmod(0o644)
        told = auditor("doctor", client, "--offline", "--json")
        assert any("other users may read" in check["text"] for check in _checks(told, "credential"))
        key.chmod(0o600)
        (client / "client.toml").write_text((client / "client.toml").read_text().replace(str(key), "absent.pem"))
        (absent, *_) = _checks(auditor("doctor", client, "--offline", "--json"), "credential")
        assert (absent["state"], "absent.pem" in absent["text"]) == ("failed", True)


def _recordings(folder: Path) -> None:
    for machine in linux_machines():
        write_linux(machine, folder)
    for windows in windows_machines():
        write_windows(windows, folder)


def test_what_doctor_says_is_not_read_is_what_an_audit_lists_as_not_read(tmp_path: Path) -> None:
    """Of every demonstration machine: no gap is foretold that an audit does not find, and none of rights is missed."""
    from collectors.scan import visit
    from collectors.transports import discover

    _recordings(tmp_path)
    targets = [
        Target(name=file.stem, protocol=Protocol.REPLAY, address=str(file)) for file in sorted(tmp_path.glob("*.rec"))
    ]
    assert len(targets) > 10
    policy, nobody = ConnectionPolicy(), Credential()
    seen = visit_machines(targets, {"": nobody}, policy, clock=lambda: NOW, width=4)
    replays = discover()[Protocol.REPLAY]
    for one in seen:
        audited = visit(one.target, transport=replays, credential=nobody, policy=policy, taken_at=NOW)
        foretold = {gap.kind for gap in one.snapshot.gaps if not gap.is_limit}
        found = {gap.kind for gap in audited.gaps if not gap.is_limit}
        assert foretold <= found, one.target.name
        denied = {gap.kind for gap in audited.gaps if gap.reason is GapReason.DENIED}
        assert denied <= foretold, one.target.name
        if audited.reached and foretold:
            assert any(check.code is Exit.INCOMPLETE for check in one.section.checks), one.target.name


def _seen(snapshot: HostSnapshot) -> Seen:
    return Seen(target=snapshot.target, snapshot=snapshot, section=section_of(snapshot))


def _snapshot(skew_s: int | None, duration_s: float = 2.0, name: str = "srv") -> HostSnapshot:
    system = OperatingSystem(id="debian", version_id="12", clock_skew_s=skew_s)
    target = Target(name=name, protocol=Protocol.SSH, address="192.0.2.1")
    return HostSnapshot(target=target, taken_at=NOW, operating_system=system, duration_s=duration_s)


def test_a_clock_outside_the_visits_window_is_reckoned_from_the_visits_end() -> None:
    """A machine 360 s ahead lies 300 s beyond a window of 60 s; the visit took 2 s."""
    (ahead,) = of_machines([_seen(_snapshot(300))], 60.0)
    assert ahead.ahead_s == 358
    (behind,) = of_machines([_seen(_snapshot(-301))], 60.0)
    assert behind.ahead_s == -301
    assert of_machines([_seen(_snapshot(None))], 60.0) == []


def _clock(*readings: Reading) -> list[Check]:
    return list(clock_section(readings, NOW).checks)


@pytest.mark.parametrize(("ahead_s", "name"), [(LIMIT_S, "clock"), (LIMIT_S + 1, "clock.machine"), (-LIMIT_S, "clock")])
def test_five_minutes_are_what_kerberos_tolerates(ahead_s: int, name: str) -> None:
    (check,) = _clock(Reading(name="a", ahead_s=ahead_s), Reading(name="b", ahead_s=0))
    assert check.name == name
    assert check.state is (State.OK if name == "clock" else State.WARNING)


def test_it_is_our_own_clock_when_most_or_a_trusted_one_differ_in_one_direction() -> None:
    (check,) = _clock(Reading(name="a", ahead_s=900), Reading(name="b", ahead_s=910), Reading(name="c", ahead_s=0))
    assert check.name == "clock.own"
    (trusted,) = _clock(Reading(name="https://graph", ahead_s=900, trusted=True), Reading(name="b", ahead_s=0))
    assert trusted.name == "clock.own"
    apart = _clock(Reading(name="a", ahead_s=900), Reading(name="b", ahead_s=-900))
    assert [check.name for check in apart] == ["clock.machine", "clock.machine"]
    assert _clock() == []


def test_sudo_that_gave_nothing_and_a_system_nobody_judges_are_told() -> None:
    plain = _snapshot(0)
    assert [check.name for check in section_of(plain, sudo="try").checks][:2] == ["machine.reached", "machine.sudo"]
    assert "machine.sudo" not in [
        check.name for check in section_of(replace(plain, privileged=True), sudo="try").checks
    ]
    strange = replace(plain, operating_system=OperatingSystem(id="arch", pretty_name="Arch Linux"))
    (check,) = [check for check in section_of(strange).checks if check.name == "machine.unsupported"]
    assert check.code is Exit.INCOMPLETE


@pytest.mark.parametrize("skew", [timedelta(minutes=20), timedelta(minutes=-20)])
def test_the_date_of_microsofts_servers_is_compared(skew: timedelta) -> None:
    from auditor.checkup.clock import of_clouds
    from auditor.settings import AppSettings, TenantSettings
    from collectors.cloud.policy import CloudPolicy
    from tests.lab.graph import loopback_graph, made_tenant

    with loopback_graph() as lab:
        lab.add(made_tenant(users=1))
        target = Target(name="cloud", protocol=Protocol.M365, address="contoso.test")
        endpoints = replace(TenantSettings(target=target, app=AppSettings(name="a"), client_id="x").endpoints)
        endpoints = replace(endpoints, graph=lab.graph)
        tenant = TenantSettings(target=target, app=AppSettings(name="a"), client_id="x", endpoints=endpoints)
        (reading,) = of_clouds([tenant], CloudPolicy(), lambda: datetime.now(UTC) - skew)
    assert reading.trusted
    assert abs(reading.ahead_s - skew.total_seconds()) < 60
