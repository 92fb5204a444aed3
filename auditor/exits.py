"""What the process answers to the one who started it.

When several hold, the first of this order wins: 130, 2, 3, 1, 0. Incomplete (3) beats findings (1) on purpose: a run
that did not see everything cannot say how bad things are, and a scheduler that only knows 1 would take a dead network
for ordinary news. What was found is in the workbook, in the history and in `--json` all the same.
"""

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    COMPLIANT = 0  # everything asked was answered, nothing at or above the threshold
    FINDINGS = 1  # at least one finding at or above --fail-on
    USAGE = 2  # wrong command line, configuration, missing rights on our side: nothing was audited or nothing written
    INCOMPLETE = 3  # a machine, tenant, rule or feed could not be seen, or is too old to conclude
    INTERRUPTED = 130  # Ctrl-C, SIGTERM, a dropped session: what was collected is kept and rendered


_ORDER = (Exit.INTERRUPTED, Exit.USAGE, Exit.INCOMPLETE, Exit.FINDINGS, Exit.COMPLIANT)


def first_of(codes: Iterable[Exit]) -> Exit:
    """The code that holds for several results together; COMPLIANT for none."""
    return min(codes, key=_ORDER.index, default=Exit.COMPLIANT)
