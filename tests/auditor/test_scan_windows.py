"""`auditor scan winrm://…` from the command line to the report, against a WS-Man peer that plays a recorded machine."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from auditor.demo.windows.described import machines
from auditor.demo.windows.recordings import frames
from auditor.exits import Exit
from tests.lab import wsman

_MACHINES = {machine.name: machine for machine in machines()}
_NONCE = re.compile(r"Nonce = '([0-9a-f]+)'")


def _plays(script: str) -> bytes:
    """What PC-ACCUEIL would print: the frames of this very visit."""
    found = _NONCE.search(script)
    assert found is not None
    return frames(_MACHINES["pc-accueil"], found[1])


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[wsman.Peer]:
    monkeypatch.setenv("AUDIT_PASSWORD", wsman.PASSWORD)
    with wsman.serve(runner=wsman.RecordedPowerShell(_plays), tls=True) as served:
        yield served


def _machine(result: Result) -> dict[str, object]:
    (machine,) = json.loads(result.stdout)["assessment"]["machines"]
    return machine


def _but_the_clock(machine: dict[str, Any]) -> dict[str, object]:
    """The system as seen; a recording is dated when its visit began, a moment after the scan did."""
    return {**machine["operating_system"], "clock_skew_s": None}


def test_a_windows_machine_is_scanned_over_sealed_http(
    auditor: Callable[..., Result], peer: wsman.Peer, tmp_path: Path
) -> None:
    target = f"winrm+http://audit@127.0.0.1:{peer.port}"
    login = ("--auth", "ntlm", "--password-from", "env:AUDIT_PASSWORD")
    done = auditor("scan", target, *login, "--record", "taped", "--json")
    assert done.exit_code == Exit.INCOMPLETE, "no feed was ever downloaded: nothing may look fine"
    seen = _machine(done)
    assert seen["reached"], done.stderr
    assert seen["operating_system"]["version_id"] == "10.0.26100.6899"  # type: ignore[index]
    assert wsman.PASSWORD not in done.output
    assert peer.open_shells == 0
    (recording,) = (tmp_path / "taped").iterdir()
    assert wsman.PASSWORD.encode() not in recording.read_bytes()
    again = auditor("scan", f"replay:{recording}", "--json", "--as-of", "2025-11-03")
    assert _but_the_clock(_machine(again)) == _but_the_clock(seen)


def test_an_unknown_certificate_is_refused_with_the_command_that_accepts_it(
    auditor: Callable[..., Result], peer: wsman.Peer, home: Path
) -> None:
    target = f"winrm://audit@127.0.0.1:{peer.tls_port}"
    login = ("--auth", "ntlm", "--password-from", "env:AUDIT_PASSWORD")
    refused = auditor("scan", target, *login, "--json")
    (gap,) = _machine(refused)["gaps"]  # type: ignore[misc]
    assert gap["reason"] == "refused"
    assert f"auditor scan {target}" in gap["detail"]
    assert "--accept-new-certificates" in gap["detail"]
    accepted = auditor("scan", target, *login, "--accept-new-certificates", "--json")
    assert _machine(accepted)["reached"], accepted.stderr
    assert (home / "known_certificates").is_file()
    assert _machine(auditor("scan", target, *login, "--json"))["reached"], "the second visit needs no option"


def test_the_authority_of_ca_file_is_trusted(auditor: Callable[..., Result], peer: wsman.Peer, home: Path) -> None:
    target = f"winrm://audit@127.0.0.1:{peer.tls_port}"
    login = ("--auth", "ntlm", "--password-from", "env:AUDIT_PASSWORD", "--ca-file", peer.ca_file)
    assert _machine(auditor("scan", target, *login, "--json"))["reached"]
    assert not (home / "known_certificates").exists()


def test_a_wrong_password_is_one_refused_login_and_a_gap(
    auditor: Callable[..., Result], peer: wsman.Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_PASSWORD", "Wrong-été-€")
    target = f"winrm+http://audit@127.0.0.1:{peer.port}"
    done = auditor("scan", target, "--auth", "ntlm", "--password-from", "env:AUDIT_PASSWORD", "--json")
    (gap,) = _machine(done)["gaps"]  # type: ignore[misc]
    assert (done.exit_code, gap["reason"]) == (Exit.INCOMPLETE, "denied")
    assert "Wrong" not in done.output


def test_a_client_file_names_windows_machines(auditor: Callable[..., Result], peer: wsman.Peer, tmp_path: Path) -> None:
    folder = tmp_path / "fournil"
    folder.mkdir()
    (folder / "client.toml").write_text(
        f"""
[client]
name = "Fournil"
[connection]
ca_file = "{peer.ca_file}"
[credentials.windows]
user = "audit"
password = "env:AUDIT_PASSWORD"
auth = "ntlm"
[[machines]]
name = "pc-accueil"
protocol = "winrm"
address = "127.0.0.1"
port = {peer.tls_port}
credential = "windows"
site = "Siège"
"""
    )
    done = auditor("audit", folder, "--json")
    seen = _machine(done)
    assert seen["reached"], done.stderr
    assert (seen["target"]["name"], seen["target"]["site"]) == ("pc-accueil", "Siège")  # type: ignore[index]
