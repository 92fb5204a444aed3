"""What the tests of the command line share: a home of their own, and a command that runs in this process."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from auditor.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test's history, feeds and host keys to itself, and its terminal in English."""
    folder = tmp_path / "home"
    monkeypatch.setenv("AUDITOR_HOME", str(folder))
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture(autouse=True)
def logging_as_found() -> Iterator[None]:
    """Undo what a command run in this process does to logging, for the tests that come after."""
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("auditor", "collectors", "rules", "reports", "paramiko"))]
    levels, handlers = [logger.level for logger in loggers], list(root.handlers)
    yield
    root.handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def auditor(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run `auditor ARGUMENTS` and return exit code, standard output and standard error, errors handled as in life."""

    def run(*arguments: str | Path, input: str | None = None) -> Result:  # noqa: A002 - CliRunner's word
        runner = CliRunner()
        with runner.isolation(input=input) as (out, err, _output):
            code = main([str(argument) for argument in arguments])
            stdout, stderr = out.getvalue(), err.getvalue()
        return Result(
            runner=runner,
            stdout_bytes=stdout,
            stderr_bytes=stderr,
            output_bytes=stdout + stderr,
            return_value=None,
            exit_code=code,
            exception=None,
        )

    return run
