"""Rules for the whole suite: where the peers were installed on purpose, a peer test that skips is a failure.

`.ci/run` installs the programs and sets AUDITOR_CI_PEERS=1. On a developer's machine the variable is absent and a
missing program is an ordinary skip with its reason.
"""

import logging
import os
import re
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.quality.scoreboard import pytest_terminal_summary  # noqa: F401  # prints the table of scores

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs with Ctrl-C ignored, and they hand that on: tests that press it would wait.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # nohup does the same with a hang-up. A handler is not handed on; what is started here can be hung up on again.
    signal.signal(signal.SIGHUP, lambda *_: None)

# Servers of the tests are on loopback: no proxy of the environment leads there.
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "localhost,127.0.0.1,::1,127.0.0.0/8")))

# Every run draws the same examples and none is timed: a slow machine or an unlucky draw must not refuse a change.
# `pytest -m hypothesis --hypothesis-profile=search` looks for more: it draws anew each time.
_UNTIMED = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, **_UNTIMED)
settings.register_profile("search", derandomize=False, max_examples=1500, **_UNTIMED)
settings.load_profile("steady")

_MARKERS = ("peer", "chroot")
# Reasons that hold in continuous integration too: what no Debian package brings, and data that is not published.
_ACCEPTED = re.compile(
    r"shared test data|sample data|shared/data"  # the labelled estate lies beside the checkout, or nowhere
    r"|ooxml-validator|node"  # the Open XML SDK validator is an npm package, installed where the registry answers
    r"|mksh|ksh93"  # further shells, where a release does not package one
)


# What `auditor` sets for its whole process, which here is that of many tests.
_LOGGERS = ("", "auditor", "collectors", "rules", "reports", "paramiko", "msal", "msoffcrypto", "urllib3")


@pytest.fixture(autouse=True)
def _log_levels() -> Iterator[None]:
    """Give back the levels a command line that ran in a test has set: what a test logs must not depend on the order."""
    levels = [(logging.getLogger(name), logging.getLogger(name).level) for name in _LOGGERS]
    yield
    for logger, level in levels:
        logger.setLevel(level)


def _must_run() -> bool:
    return os.environ.get("AUDITOR_CI_PEERS") == "1"


def _reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skip of a peer test into a failure where the peers are meant to be there."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.skipped and not hasattr(report, "wasxfail") and _must_run() and _is_peer(item):
        reason = _reason(report)
        if not _ACCEPTED.search(reason):
            report.outcome = "failed"
            report.longrepr = f"a peer that .ci/run installs is missing: {reason}"
    return report  # type: ignore[return-value]


def _is_peer(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(marker) is not None for marker in _MARKERS)
