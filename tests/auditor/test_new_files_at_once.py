"""Processes that open a history or an outbox for the first time in the same instant: one makes it, all may use it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = 60
OPENING = """
import sys
from pathlib import Path
from {module} import {name}
print("ready", flush=True)
for line in sys.stdin:
    try:
        with {name}(Path(line.strip())):
            print("ok", flush=True)
    except Exception as error:
        print(repr(error), flush=True)
"""


@pytest.mark.parametrize(("module", "name"), [("auditor.history.store", "Store"), ("auditor.mailing.outbox", "Outbox")])
def test_a_file_that_another_process_makes_in_the_same_instant_is_never_taken_for_a_foreign_one(
    tmp_path: Path, module: str, name: str
) -> None:
    root = Path(__file__).parents[2]
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", OPENING.format(module=module, name=name)],
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    answers = []
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for number in range(FILES):
        for opener in openers:
            assert opener.stdin is not None
            opener.stdin.write(f"{tmp_path / f'{number}.sqlite'}\n")
            opener.stdin.flush()
        answers += [opener.stdout.readline() for opener in openers if opener.stdout is not None]
    for opener in openers:
        opener.communicate()
    assert answers == ["ok\n"] * FILES * 3
