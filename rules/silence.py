"""The one law of all engines: silence is never an answer.

A rule that found nothing wrong has only passed when everything it needs was seen. Where something was not, its PASS
becomes the unknown that says so; a FAIL stays a FAIL, and beside it stands that unknown, since more may be hidden.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rules.messages import Message
from rules.model import Finding, Outcome


def corrected(answer: Iterable[Finding], blind: Finding, nothing_seen: Message | None = None) -> Iterator[Finding]:
    """The answer of a rule that could not see everything; `blind` is the unknown that says what it could not.

    `nothing_seen` is said in place of a PASS, where that is something else than what `blind` says.
    """
    told = False
    keys = set()
    for found in answer:
        keys.add(found.key)
        if found.outcome is Outcome.PASS:
            told = True
            yield replace(blind, key=found.key, message=nothing_seen or blind.message)
        elif found.outcome is Outcome.UNKNOWN and found.key == "":
            told = True  # the rule's own doubt about the whole question; what else could not be seen goes with it
            yield replace(found, evidence=(*found.evidence, *blind.evidence), gaps=(*found.gaps, *blind.gaps))
        else:
            yield found
    if not told:  # what is wrong is listed; more of it may be hidden
        yield replace(blind, key="incomplete" if "" in keys else "")
