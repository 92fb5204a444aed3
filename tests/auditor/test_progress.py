"""What the operator sees: plain lines, safe for a terminal whatever a machine says."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from auditor.progress import FeedVoice, Plain, outcome, printable
from collectors.feeds.updates import FeedProgress
from collectors.model import Application, FactKind, Gap, GapReason, HostSnapshot, OperatingSystem, Target
from collectors.windows.facts import WindowsFacts, WindowsSystem
from tests.lab.snapshots import debian_host

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fournil des Terreaux – « é » ✓", "Fournil des Terreaux – « é » ✓"),
        ("a\x1b]0;title\x07b", "a?]0;title?b"),
        ("two\nlines\tand\rback", "two lines and back"),
        ("\u202eright to left", "?right to left"),
        ("\udcff", "?"),
        ("5\u202f000\u00a0€", "5\u202f000\u00a0€"),
    ],
)
def test_nothing_a_terminal_would_act_on_gets_through(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_machine_is_told_in_one_line() -> None:
    stream = io.StringIO()
    voice = Plain(stream)
    voice.start(2)
    voice.visited(replace(debian_host(), target=Target(name="web"), duration_s=1.26))
    gap = Gap(kind=FactKind.HOST, collector="ssh", reason=GapReason.UNREACHABLE, detail="no answer\non port 22")
    voice.visited(HostSnapshot(target=Target(name="gone"), taken_at=NOW, gaps=(gap,)))
    first, second = stream.getvalue().splitlines()
    assert first.startswith("[1/2] web: Debian GNU/Linux 12")
    assert first.endswith("(1.3 s)")
    assert second == "[2/2] gone: not audited: no answer on port 22 (0.0 s)"


def test_a_windows_machine_is_told_with_its_build_and_its_programs() -> None:
    system = OperatingSystem(id="windows", version_id="10.0.26100.6899", pretty_name="Windows 11 Pro 24H2")
    facts = WindowsFacts(system=WindowsSystem(build=26100, ubr=6899, product_type=None))
    programs = tuple(
        Application(name=name, version="1", scope="machine", noise=noise)
        for name, noise in (("7-Zip", False), ("x", True))
    )
    seen = HostSnapshot(
        target=Target(name="pc"), taken_at=NOW, operating_system=system, windows=facts, applications=programs
    )
    assert outcome(seen) == "Windows 11 Pro 24H2 26100.6899, 1 program"


def test_areas_not_seen_are_counted() -> None:
    gap = Gap(kind=FactKind.KERNELS, collector="kernels", reason=GapReason.DENIED, detail="denied")
    assert outcome(replace(debian_host(), gaps=(gap,))).endswith(", 1 not seen")


def test_a_feed_is_told_once_per_part_and_once_when_compiled() -> None:
    stream = io.StringIO()
    voice = FeedVoice(stream)
    for received in (0, 500_000, 1_000_000):
        voice.heard(FeedProgress(feed="epss", part="scores", received_bytes=received, total_bytes=2_000_000))
    voice.heard(FeedProgress(feed="epss"))
    assert stream.getvalue().splitlines() == ["epss: downloading scores (2.0 MB)", "epss: compiling"]
