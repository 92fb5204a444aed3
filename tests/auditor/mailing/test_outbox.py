"""The outbox: kept before anything is sent, never twice for one client and month, whatever dies in between."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.errors import OutboxError
from auditor.mailing.carrier import Fate, Receipt
from auditor.mailing.outbox import Outbox, Overtaken, State
from auditor.mailing.postman import Trouble
from tests.auditor.mailing.parcels import AT, COPY, LATER, TO, ToldCarrier, draft, kept, postman, settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def test_a_message_is_there_before_it_is_sent_and_loses_its_content_afterwards(file: Path) -> None:
    carrier = ToldCarrier()
    with Outbox(file) as outbox:
        entry = kept(outbox)
        assert (entry.state, outbox.content(entry)) == (State.QUEUED, draft().content)
        sent = postman(carrier).deliver(outbox, entry)
        assert (sent.state, sent.accepted, sent.attempts) == (State.SENT, (TO,), 1)
        with pytest.raises(OutboxError, match="no longer kept"):
            outbox.content(sent)
    assert carrier.carried[0].content == draft().content
    assert draft().content[:60] not in file.read_bytes(), "nothing of a report stays in the file"


def test_only_its_owner_reads_the_file(file: Path) -> None:
    Outbox(file).__exit__(None, None, None)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_month_is_sent_once(file: Path) -> None:
    carrier = ToldCarrier()
    with Outbox(file) as outbox:
        postman(carrier).deliver(outbox, kept(outbox))
        again = outbox.keep(draft(run=2), hold=False, at=AT)
        assert not again.new
        assert again.entry.state is State.SENT
        assert len(outbox.entries()) == 1


def test_a_newer_report_replaces_one_that_nobody_got(file: Path) -> None:
    with Outbox(file) as outbox:
        old = kept(outbox, hold=True)
        new = outbox.keep(draft(number="2", run=2), hold=True, at=AT)
        assert new.new
        assert [entry.run for entry in outbox.entries()] == [2]
        with pytest.raises(OutboxError, match=f"no message {old.id}"):
            outbox.entry(old.id)


def test_what_nobody_ever_sent_is_dropped_when_the_time_of_personal_data_is_over(file: Path) -> None:
    with Outbox(file) as outbox:
        kept(outbox, hold=True)
        both = draft(settings(to=(TO, COPY)))
        some = outbox.keep(replace(both, period="2026-07"), hold=False, at=AT).entry
        content = outbox.content(some)[200:260]
        some = outbox.move(some, State.QUEUED, at=AT, problem=f"{COPY}: 450 later", accepted=(TO,))
        assert outbox.expire(AT) == 0
        assert outbox.expire(AT + timedelta(seconds=1)) == 2
        (left,) = outbox.entries()
        assert (left.id, left.state, left.accepted, left.problem) == (some.id, State.SENT, (TO,), f"{COPY}: 450 later")
        assert not outbox.keep(replace(both, period="2026-07"), hold=False, at=AT).new
    assert content not in file.read_bytes()


def test_another_month_and_another_client_have_reports_of_their_own(file: Path) -> None:
    carrier = ToldCarrier()
    with Outbox(file) as outbox:
        postman(carrier).deliver(outbox, kept(outbox))
        assert outbox.keep(replace(draft(), period="2026-09"), hold=False, at=AT).new
        assert outbox.keep(replace(draft(), client="Cabinet Martin"), hold=False, at=AT).new


def test_sent_again_on_purpose_it_is_a_further_copy(file: Path) -> None:
    carrier = ToldCarrier()
    with Outbox(file) as outbox:
        postman(carrier).deliver(outbox, kept(outbox))
        further = outbox.keep_again(draft(number="copy"), at=AT)
        assert (further.copy, further.state) == (1, State.QUEUED)
        assert not outbox.keep(draft(), hold=False, at=AT).new, "it does not open the month again"


def test_what_waits_is_not_doubled_by_sending_again(file: Path) -> None:
    with Outbox(file) as outbox:
        kept(outbox, hold=True)
        assert outbox.keep_again(draft(number="copy"), at=AT).copy == 0
        assert len(outbox.entries()) == 1


def test_an_attempt_that_failed_before_anything_was_handed_over_is_tried_again(file: Path) -> None:
    waited: list[float] = []
    carrier = ToldCarrier([LATER, LATER])
    with Outbox(file) as outbox:
        sent = postman(carrier, waited).deliver(outbox, kept(outbox))
    assert (sent.state, sent.attempts) == (State.SENT, 3)
    assert waited == [5.0, 20.0]


def test_patience_is_bounded_and_what_cannot_go_stays(file: Path) -> None:
    waited: list[float] = []
    carrier = ToldCarrier([LATER] * 9)
    with Outbox(file) as outbox:
        left = postman(carrier, waited).deliver(outbox, kept(outbox))
        assert (left.state, left.attempts, left.problem) == (State.QUEUED, 4, LATER.problem)
        assert waited == [5.0, 20.0, 60.0]
        assert outbox.content(left) == draft().content


def test_a_dead_server_costs_the_next_client_no_wait(file: Path, tmp_path: Path) -> None:
    waited: list[float] = []
    trouble = Trouble()
    with Outbox(file) as outbox, Outbox(tmp_path / "other.sqlite") as other:
        postman(ToldCarrier([LATER] * 9), waited, trouble=trouble).deliver(outbox, kept(outbox))
        waited.clear()
        left = postman(ToldCarrier([LATER] * 9), waited, trouble=trouble).deliver(other, kept(other))
    assert (left.attempts, waited) == (1, [])


@pytest.mark.parametrize(
    ("receipt", "state"),
    [
        (Receipt(fate=Fate.REFUSED, problem="550 no such user"), State.REFUSED),
        (Receipt(fate=Fate.OURS, problem="wrong password"), State.QUEUED),
        (Receipt(fate=Fate.UNCLEAR, problem="no answer"), State.UNCLEAR),
    ],
)
def test_what_cannot_be_mended_by_waiting_is_tried_once(file: Path, receipt: Receipt, state: State) -> None:
    waited: list[float] = []
    with Outbox(file) as outbox:
        left = postman(ToldCarrier([receipt]), waited).deliver(outbox, kept(outbox))
    assert (left.state, left.problem, waited) == (state, receipt.problem, [])


def test_those_who_got_it_do_not_get_it_again(file: Path) -> None:
    how = settings(to=(TO, COPY))
    partly = Receipt(fate=Fate.ACCEPTED, later={COPY: "450 come back later"})
    carrier = ToldCarrier([partly])
    with Outbox(file) as outbox:
        sent = postman(carrier, recipients=(TO, COPY)).deliver(outbox, kept(outbox, draft(how)))
    assert [parcel.recipients for parcel in carrier.carried] == [(TO, COPY), (COPY,)]
    assert (sent.state, sent.accepted, sent.problem) == (State.SENT, (TO, COPY), "")


def test_one_who_is_refused_costs_the_others_nothing_and_is_told(file: Path) -> None:
    how = settings(to=(TO, COPY))
    carrier = ToldCarrier([Receipt(fate=Fate.ACCEPTED, refused={COPY: "550 no such user"})])
    with Outbox(file) as outbox:
        sent = postman(carrier, recipients=(TO, COPY)).deliver(outbox, kept(outbox, draft(how)))
    assert (sent.state, sent.accepted) == (State.SENT, (TO,))
    assert sent.problem == f"{COPY}: 550 no such user"


def test_partly_sent_is_sent_a_newer_report_does_not_replace_it(file: Path) -> None:
    how = settings(to=(TO, COPY))
    carrier = ToldCarrier([Receipt(fate=Fate.ACCEPTED, later={COPY: "450 later"}), LATER, LATER, LATER])
    with Outbox(file) as outbox:
        left = postman(carrier, recipients=(TO, COPY)).deliver(outbox, kept(outbox, draft(how)))
        assert (left.state, left.remaining) == (State.QUEUED, (COPY,))
        assert not outbox.keep(draft(how, number="2"), hold=False, at=AT).new


@pytest.mark.parametrize(
    "changed",
    [{"client": "Cabinet Martin"}, {"recipients": (COPY,)}, {"recipients": (TO, COPY)}, {"sender": "x@other.example"}],
)
def test_a_message_that_no_longer_fits_the_clients_file_is_not_sent(file: Path, changed: dict[str, object]) -> None:
    carrier = ToldCarrier()
    with Outbox(file) as outbox:
        left = postman(carrier, **changed).deliver(outbox, kept(outbox))
        assert (left.state, carrier.carried) == (State.QUEUED, [])
        assert "nothing is sent" in left.problem


def test_a_content_changed_on_disk_is_not_sent(file: Path) -> None:
    carrier = ToldCarrier()
    with Outbox(file) as outbox:
        entry = kept(outbox)
        with sqlite3.connect(file) as connection:
            content = draft().content.replace(TO.encode(), b"direction@evil123.example", 1)
            connection.execute("UPDATE messages SET content = ?", (content,))
        connection.close()
        assert "addressed to direction@evil123.example" in postman(carrier).deliver(outbox, entry).problem
    assert carrier.carried == []


def test_whoever_was_overtaken_hands_nothing_over(file: Path) -> None:
    """A newer report replaces the message between the conversation's beginning and the message itself."""
    with Outbox(file) as outbox, Outbox(file) as second:
        entry = kept(outbox)
        carrier = ToldCarrier(before=lambda: second.keep(draft(number="2", run=2), hold=True, at=AT) and None)
        with pytest.raises(Overtaken, match="replaced by another auditor"):
            postman(carrier).deliver(outbox, entry)
        assert carrier.carried == []
        assert [(entry.run, entry.state) for entry in outbox.entries()] == [(2, State.HELD)]


def test_a_message_that_was_replaced_before_it_was_read_is_not_sent_either(file: Path) -> None:
    carrier = ToldCarrier()
    with Outbox(file) as outbox:
        entry = kept(outbox)
        kept(outbox, draft(number="2", run=2))
        with pytest.raises(Overtaken, match="replaced by another auditor"):
            postman(carrier).deliver(outbox, entry)
    assert carrier.carried == []


def test_one_process_sends_at_a_time(file: Path) -> None:
    with Outbox(file) as outbox, Outbox(file) as second:
        with outbox.sending_alone() as alone, second.sending_alone(wait_s=0.01) as too:
            assert (alone, too) == (True, False)
        with second.sending_alone(wait_s=0.01) as now:
            assert now


_DYING = """
import os, signal, sys
from pathlib import Path
from auditor.mailing.carrier import Receipt, Fate
from auditor.mailing.outbox import Outbox
from tests.auditor.mailing.parcels import ToldCarrier, draft, postman, AT

class Dying(ToldCarrier):
    def carry(self, parcel, committing):
        if sys.argv[2] == "after":
            committing()
        os.kill(os.getpid(), signal.SIGKILL)

with Outbox(Path(sys.argv[1])) as outbox:
    entry = outbox.keep(draft(), hold=False, at=AT).entry
    with outbox.sending_alone():
        postman(Dying()).deliver(outbox, entry)
"""


def die(file: Path, when: str) -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", _DYING, str(file), when],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_while_handing_over_nobody_sends_it_again_unasked(file: Path) -> None:
    die(file, "after")
    with Outbox(file) as outbox:
        assert outbox.entries()[0].state is State.SENDING
        with outbox.sending_alone() as alone:
            assert alone, "the lock fell with the process"
            (unclear,) = outbox.settle(at=AT)
        assert unclear.state is State.UNCLEAR
        assert "stopped while it handed the message over" in unclear.problem
        assert not outbox.keep(draft(number="2"), hold=False, at=AT).new


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_before_that_it_still_waits(file: Path) -> None:
    die(file, "before")
    with Outbox(file) as outbox, outbox.sending_alone() as alone:
        assert alone
        assert outbox.settle(at=AT) == ()
        sent = postman(ToldCarrier()).deliver(outbox, outbox.entries()[0])
        assert sent.state is State.SENT


_RACING = """
import sys
from contextlib import suppress
from pathlib import Path
from auditor.mailing.outbox import Outbox, Overtaken, State
from tests.auditor.mailing.parcels import AT, ToldCarrier, draft, postman

class Counting(ToldCarrier):
    def carry(self, parcel, committing):
        receipt = super().carry(parcel, committing)
        with Path(sys.argv[2]).open("a") as out:
            out.write(f"{parcel.recipients[0]}\\n")
        return receipt

made = draft()
print("ready", flush=True)
sys.stdin.readline()
with Outbox(Path(sys.argv[1])) as outbox:
    outbox.keep(made, hold=False, at=AT)
    with outbox.sending_alone() as alone:
        assert alone
        for entry in [entry for entry in outbox.entries() if entry.state is State.QUEUED]:
            with suppress(Overtaken):  # a racer that comes later replaces the message, and sends its own
                postman(Counting()).deliver(outbox, entry)
"""


def test_three_processes_at_once_send_one_message(file: Path, tmp_path: Path) -> None:
    root, counted = Path(__file__).parents[3], tmp_path / "counted"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACING, str(file), str(counted)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        racer.communicate(timeout=240)
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert counted.read_text() == f"{TO}\n"


def test_a_file_that_is_no_outbox_is_refused_and_left_alone(file: Path) -> None:
    file.write_bytes(b"no database at all " * 100)
    before = file.read_bytes()
    with pytest.raises(OutboxError, match="damaged, or no outbox of ours"):
        Outbox(file)
    assert file.read_bytes() == before
    other = file.with_name("other.sqlite")
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(OutboxError, match="database of another program"):
        Outbox(other)


def test_an_outbox_of_a_newer_auditor_is_refused(file: Path) -> None:
    Outbox(file).__exit__(None, None, None)
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(OutboxError, match=r"newer auditor \(form 99\)"):
        Outbox(file)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="cannot be written"):
        Outbox(tmp_path / "absent" / "outbox.sqlite")
