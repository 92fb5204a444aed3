"""A session that is dropped: what it ends depends on whether the visits have begun, go on, or are over."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from auditor import pipeline, session
from auditor.exits import Exit
from auditor.history.store import Store
from auditor.stopping import interruptible, outliving_the_terminal

Auditor = Callable[..., Result]
MACHINE = '[[machines]]\nname = "gone"\nprotocol = "replay"\naddress = "gone.recording"\n'


@pytest.fixture(autouse=True)
def hangups_are_heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hang-up stays ignored to the end of a process, and takes the terminal along: not those of the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    monkeypatch.setattr("auditor.stopping.os.isatty", lambda _: False)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def client(tmp_path: Path) -> Path:
    folder = tmp_path / "fournil"
    folder.mkdir()
    (folder / "client.toml").write_text(f'[client]\nname = "Fournil"\n{MACHINE}', "utf-8")
    return folder


def dropped(work: Callable[..., Any]) -> Callable[..., Any]:
    """The session is dropped just before some work."""

    def drops(*arguments: Any, **more: Any) -> Any:
        os.kill(os.getpid(), signal.SIGHUP)
        return work(*arguments, **more)

    return drops


def test_before_the_visits_it_ends_the_run_and_nothing_is_reported(
    client: Path, auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "collect", dropped(session.collect))
    assert auditor("audit", client).exit_code == Exit.INTERRUPTED
    assert not list((client / "reports").glob("*.xlsx"))


def test_while_the_feeds_are_renewed_it_ends_nothing(
    client: Path, auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "refresh_feeds", dropped(lambda *_: None))
    done = auditor("audit", client, "--update-feeds")
    assert done.exit_code == Exit.INCOMPLETE, done.stderr
    assert len(list((client / "reports").glob("*.xlsx"))) == 2
    with Store(client / "history.sqlite") as store:
        assert store.latest().state == "finished"


def test_under_nohup_it_ends_nothing_before_the_visits_either() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with outliving_the_terminal():
        os.kill(os.getpid(), signal.SIGHUP)
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)


def test_each_run_of_a_process_has_visits_of_its_own() -> None:
    with outliving_the_terminal(), interruptible():
        pass
    with pytest.raises(KeyboardInterrupt), outliving_the_terminal():
        os.kill(os.getpid(), signal.SIGHUP)


def test_the_second_hang_up_of_one_end_is_not_heard() -> None:
    """The shell sends one and the system another; the second must not cost what the first one left to be done."""
    with outliving_the_terminal():
        with pytest.raises(KeyboardInterrupt), interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
