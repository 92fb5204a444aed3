"""Windows machines from one end to the other: our transport, a WS-Man peer on loopback, the snapshot of the visit."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from collectors.credentials import Credential, Secret
from collectors.model import FactKind, GapReason, HostSnapshot, Protocol, Target
from collectors.releases import release_of
from collectors.scan import visit
from collectors.transports import winrm
from collectors.transports.base import ConnectionPolicy
from collectors.windows import degraded
from tests.collectors.windows.frames import FRENCH_SERVER, PLAIN_LAPTOP, PLAIN_USER, answer
from tests.collectors.windows.test_degraded import OEM
from tests.lab import wsman

TAKEN_AT = datetime(2026, 11, 10, 8, 0, tzinfo=UTC)


def nonce_of(script: str) -> str:
    found = re.search("Nonce = '([0-9a-f]{16})'", script)
    assert found is not None
    return found[1]


def seen_over(peer: wsman.Peer, *, tls: bool, deadline_s: float = 40.0) -> HostSnapshot:
    target = Target(
        name="srv",
        protocol=Protocol.WINRM,
        address=peer.address,
        port=peer.tls_port if tls else peer.port,
        tls=tls,
    )
    policy = ConnectionPolicy(ca_file=peer.ca_file if tls else None, host_deadline_s=deadline_s)
    credential = Credential(user="audit", password=Secret(wsman.PASSWORD), auth="ntlm")
    return visit(target, transport=winrm.TRANSPORT, credential=credential, policy=policy, taken_at=TAKEN_AT)


def machine(reply: Callable[[str], bytes | wsman.Answer], **otherwise: bytes) -> wsman.RecordedPowerShell:
    programs = {degraded.COMMAND: otherwise["reg"]} if otherwise else {}
    return wsman.RecordedPowerShell(reply, otherwise=wsman.CommandPrompt(programs=programs))


def test_a_french_server_is_told_over_https_in_one_shell_and_one_command() -> None:
    runner = machine(lambda script: answer(FRENCH_SERVER, nonce=nonce_of(script)))
    with wsman.serve(runner=runner, tls=True, authentication=frozenset({wsman.Authentication.NTLM})) as peer:
        seen = seen_over(peer, tls=True)
        assert (peer.counters.shells, peer.counters.commands, peer.open_shells) == (1, 1, 0)
    assert seen.operating_system is not None
    assert seen.operating_system.hostname == "SRV-AD"
    assert release_of(seen.operating_system) == "windows:20348-server"
    assert seen.windows is not None
    titles = [update.title for search in seen.windows.search for update in search.updates]
    assert titles == ["2026-11 Mise à jour cumulative pour Windows 11, version 24H2 (KB5068861) (26100.7171)"]
    assert seen.privileged


def test_a_plain_user_over_sealed_http_sees_the_build() -> None:
    runner = machine(lambda script: answer(PLAIN_LAPTOP, PLAIN_USER, nonce=nonce_of(script)))
    with wsman.serve(runner=runner) as peer:
        seen = seen_over(peer, tls=False)
    assert seen.operating_system is not None
    assert not seen.gaps_of(FactKind.OPERATING_SYSTEM)
    assert {gap.reason for gap in seen.gaps_of(FactKind.AVAILABLE_UPDATES)} == {GapReason.DENIED}


def test_what_had_arrived_before_a_machine_hung_is_kept() -> None:
    def hangs(script: str) -> wsman.Answer:
        whole = answer(FRENCH_SERVER, nonce=nonce_of(script))
        return wsman.Answer(steps=(whole[: whole.index(b" update_search ")], 60.0))

    with wsman.serve(runner=machine(hangs)) as peer:
        seen = seen_over(peer, tls=False, deadline_s=8.0)
    assert seen.operating_system is not None
    assert {gap.reason for gap in seen.gaps_of(FactKind.AVAILABLE_UPDATES)} == {GapReason.TIMED_OUT}
    assert not seen.gaps_of(FactKind.UPDATE_POLICY)


def test_W31_a_machine_in_constrained_language_mode_is_asked_through_reg_exe() -> None:
    mute = wsman.Answer(stderr=wsman.CLIXML_PROGRESS, exit_code=1)
    with wsman.serve(runner=machine(lambda _: mute, reg=OEM)) as peer:
        seen = seen_over(peer, tls=False)
        assert peer.open_shells == 0
    assert seen.operating_system is not None
    assert seen.operating_system.hostname == "BORNE"
    assert next(row.name for row in seen.applications if not row.noise) == "7-Zip 23.01 (x64 édition)"
    assert "Constrained Language Mode" in seen.gaps_of(FactKind.AVAILABLE_UPDATES)[0].detail


def test_what_the_transport_knows_comes_before_guesses_about_powershell() -> None:
    failures = {wsman.Operation.COMMAND: wsman.Fault(code=2147942402)}
    with wsman.serve(runner=machine(lambda script: b""), failures=failures) as peer:
        seen = seen_over(peer, tls=False)
    (gap,) = seen.gaps
    assert (gap.reason, gap.kind) == (GapReason.DENIED, FactKind.HOST)
    assert "powershell.exe was not found on it (2)" in gap.detail
    assert "Constrained" not in gap.detail


def test_a_shell_that_a_quota_or_a_restart_ends_leaves_the_reason_in_the_gap() -> None:
    failures = {wsman.Operation.RECEIVE: wsman.Fault(code=2150858843)}
    with wsman.serve(runner=machine(lambda script: b""), failures=failures) as peer:
        seen = seen_over(peer, tls=False)
    (gap,) = seen.gaps
    assert gap.reason is GapReason.TRUNCATED
    assert "the shell is gone" in gap.detail
    assert "Try again" in gap.detail
