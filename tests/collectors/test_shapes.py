"""Two threads that decode into a class for the first time end the process: classes are worked out beforehand."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from collectors import scan, shapes
from collectors.cloud import discover as questions
from collectors.cloud import recording, visit
from collectors.errors import RecordingError
from collectors.model import Target
from collectors.shapes import _below, _ready, make_ready
from collectors.transports import replay
from collectors.windows import blocks

# Many classes, each decoded into by four threads at once; a switch of threads nearly after every step.
_THREADS = """
import sys, threading
import msgspec
from collectors.shapes import make_ready
sys.setswitchinterval(1e-6)
made = []
for number in range(200):
    inner = msgspec.defstruct(f"I{number}", [(f"a{field}", str, "") for field in range(30)], module="collectors.shapes")
    made.append(msgspec.defstruct(f"O{number}", [("x", list[inner])], module="collectors.shapes"))
if sys.argv[1] == "ready":
    make_ready()
for kind in made:
    gate = threading.Barrier(4)
    def read():
        gate.wait()
        msgspec.convert({"x": [{"a0": "x"}]}, kind)
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("whole")
"""


def test_classes_that_were_made_ready_are_decoded_into_by_several_threads() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _THREADS, "ready"], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr


def test_every_class_that_visits_decode_into_is_made_ready() -> None:
    blocks.discover()
    questions()
    make_ready()
    ours = {kind for kind in _below(msgspec.Struct) if kind.__module__.startswith("collectors.")}
    assert ours <= _ready
    assert {kind.__module__ for kind in ours} >= {replay.__name__, "collectors.windows.blocks.update_search"}


@pytest.mark.parametrize("read", [replay.read_recording, recording.read_recording])
def test_whoever_reads_a_recording_makes_them_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    ready = set[type]()
    monkeypatch.setattr(shapes, "_ready", ready)
    (tmp_path / "damaged").write_bytes(b"x\nx\nx\n")
    with pytest.raises(RecordingError):
        read(tmp_path / "damaged")
    assert ready


@pytest.mark.parametrize("module", [scan, visit])
def test_whoever_visits_makes_them_ready(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
    class Reached(BaseException):
        """Ends the visit right there."""

    def reached() -> None:
        raise Reached

    monkeypatch.setattr(module, "make_ready", reached)
    go = getattr(module, "visit" if module is scan else "visit_tenant")
    with pytest.raises(Reached):
        go(
            Target(name="x"),
            credential=None,
            policy=None,
            taken_at=None,
            **({"transport": None} if module is scan else {}),
        )
