"""The assembled script in the shells real hosts have."""

import shutil
import subprocess
from pathlib import Path

import pytest

from collectors.hosts import discover
from collectors.hosts.base import Facts, Family, HostCollector
from collectors.script import Delivery, build_script, read_sections
from tests.collectors.frames import NONCE

SHELLS = {
    "sh": ["sh", "-s"],
    "dash": ["dash", "-s"],
    "bash": ["bash", "-s"],
    "bash_posix": ["bash", "--posix", "-s"],
    "busybox": ["busybox", "sh", "-s"],
    "mksh": ["mksh", "-s"],
    "ksh93": ["ksh93", "-s"],
}
# 3,000 lines of 42 bytes, two of which make one character: lengths are counted in bytes.
BIG = r"i=0; while [ $i -lt 3000 ]; do printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \303\251\n'; i=$((i+1)); done"


def one(name: str, command: str, **more: object) -> HostCollector:
    return HostCollector(name=name, kinds=(), command=command, parse=lambda _: Facts(), **more)  # type: ignore[arg-type]


COLLECTORS = (
    one("plain", "echo hi; echo oops >&2; exit 3"),
    one("no_newline", "printf 'no newline'"),
    one("quotes", """echo 'it'"'"'s "quoted" $HOME `x` \\\\n'"""),
    one("big", BIG),
    one("reads_stdin", "cat; echo eof"),
    one("missing", "nosuch", needs=("nosuch", "sh")),
    one("condition_false", "echo never", when="have nosuch"),
    one("condition_true", "echo there", when="have sh && ! have nosuch"),
    one("other_family", "echo never", families=frozenset({Family.UNKNOWN})),
    one("forger", f"printf '\\n@@A1 {NONCE} plain ran 1\\nx\\n'"),
    one("hang", "echo begun; sleep 30 & sleep 30", slow=True, timeout_s=1),
    one("last", "echo last", slow=True),
)


def run(shell: str, script: bytes) -> bytes:
    command = SHELLS[shell]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, input=script, capture_output=True, check=True, timeout=60).stdout


def without_packing(script: bytes) -> bytes:
    assert script.count(b"have gzip &&") == 1
    return script.replace(b"have gzip &&", b"have nogzip &&")


def without_timeout(script: bytes) -> bytes:
    assert script.count(b"if timeout -k") == 1
    return (
        script.replace(b"timeout -k 2 5 true", b"false")
        .replace(b"timeout 5 true", b"false")
        .replace(b"timeout -t 5 true", b"false")
    )


@pytest.mark.peer
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("packing", [True, False], ids=["packed", "plain"])
def test_every_shell_prints_the_same_sections(shell: str, packing: bool) -> None:
    script = build_script(COLLECTORS, nonce=NONCE)
    if not packing:
        script = without_packing(build_script([source for source in COLLECTORS if source.name != "hang"], nonce=NONCE))
    read = read_sections(run(shell, script), nonce=NONCE)
    assert_read(read)
    if packing:
        assert read.sections["hang"].timed_out
        assert read.sections["hang"].stdout == "begun\n"


@pytest.mark.peer
@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_a_host_without_timeout_still_answers_section_by_section(shell: str) -> None:
    script = without_timeout(build_script([source for source in COLLECTORS if source.name != "hang"], nonce=NONCE))
    answer = run(shell, script)
    assert b" pack z " not in answer
    assert_read(read_sections(answer, nonce=NONCE))


def assert_read(read: Delivery) -> None:
    sections = read.sections
    assert (read.answered, read.complete, read.cut, read.damaged) == (True, True, (), 0)
    assert (sections["plain"].stdout, sections["plain"].stderr, sections["plain"].exit_status) == ("hi\n", "oops", 3)
    assert sections["no_newline"].stdout == "no newline"
    assert sections["quotes"].stdout.startswith('it\'s "quoted" $HOME `x`')
    assert sections["big"].stdout == ("a" * 38 + " é\n") * 3000
    assert sections["reads_stdin"].stdout == "eof\n"
    assert sections["missing"].missing == "nosuch"
    assert sections["condition_false"].skipped
    assert sections["condition_true"].stdout == "there\n"
    assert sections["other_family"].skipped
    assert sections["last"].stdout == "last\n"


@pytest.mark.peer
@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "mksh", "ksh93"])
def test_the_whole_collection_is_valid_in_every_shell(shell: str) -> None:
    """Only the fast half runs here: the package manager's resolver takes seconds."""
    fast = [source for source in discover() if not source.slow]
    read = read_sections(run(shell, build_script(fast, nonce=NONCE)), nonce=NONCE)
    assert read.complete
    assert set(read.sections) == {source.name for source in fast}
    gaps = {source.name: source.read(read.sections[source.name]).gaps for source in fast}
    assert not gaps["identity"]


@pytest.mark.peer
@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_every_command_is_valid_syntax(shell: str) -> None:
    for source in discover():
        checked = subprocess.run(
            [*SHELLS[shell][:-1], "-n", "-c", source.command] if shell != "busybox" else ["busybox", "sh", "-n"],
            input=source.command.encode(),
            capture_output=True,
            check=False,
        )
        assert checked.returncode == 0, (source.name, checked.stderr)
        assert not checked.stderr, source.name


@pytest.mark.peer
def test_the_noise_of_a_login_shell_changes_nothing() -> None:
    script = b"echo 'Welcome to the lab'; printf 'no newline at the end'\n" + build_script(COLLECTORS[:3], nonce=NONCE)
    read = read_sections(run("sh", script), nonce=NONCE)
    assert read.sections["plain"].stdout == "hi\n"


@pytest.mark.parametrize(
    ("os_release", "family"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "deb"),
        ('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n', "deb"),
        ("ID=raspbian\nID_LIKE=debian\n", "deb"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "rhel"),
        ("ID='ol'\nID_LIKE='fedora'\n", "rhel"),
        ("ID=fedora", "rhel"),
        ('ID="sles"\nID_LIKE="suse"\n', "suse"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "suse"),
        ("ID=alpine\n", "apk"),
        ("ID=arch\n", "unknown"),
        ('# ID=debian\nID="$(touch /nonexistent/x)"\n', "unknown"),
    ],
)
def test_the_family_is_told_by_os_release(tmp_path: Path, os_release: str, family: str) -> None:
    """Package databases of this machine are hidden, so that the file alone decides."""
    script = build_script((), nonce=NONCE).decode()
    (tmp_path / "os-release").write_text(os_release)
    path = f"{tmp_path}/os-release"
    for real in (
        "/etc/os-release /usr/lib/os-release",
        "/var/lib/dpkg/status",
        "/var/lib/rpm",
        "/usr/lib/sysimage/rpm",
    ):
        assert real in script
        script = script.replace(real, path if "os-release" in real else "/nonexistent")
    answer = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=True).stdout
    assert read_sections(answer, nonce=NONCE).family == family
