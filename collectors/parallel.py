"""Many visits at once over any executor, handed over as they finish; what becomes of them when a run is stopped."""

from collections.abc import Callable, Generator
from concurrent.futures import Future, as_completed
from typing import TypeVar

Answer = TypeVar("Answer")
Subject = TypeVar("Subject")
Outcome = TypeVar("Outcome")


def as_finished(
    pending: dict[Future[Answer], Subject], settle: Callable[[Future[Answer], Subject], Outcome]
) -> Generator[Outcome, None, None]:
    """Yield what `settle` makes of each future and its subject, as they finish.

    `pending` is emptied on the way: a future holds its answer, and nothing handed over may stay in memory.

    On KeyboardInterrupt what is not yet begun is cancelled, everything left is settled as it stands (finished,
    cancelled or still running), and the interruption is raised again at the end. A running visit is not waited for.
    """
    try:
        for future in as_completed(list(pending)):
            yield settle(future, pending.pop(future))
    except KeyboardInterrupt:
        for future in pending:
            future.cancel()
        for future, subject in pending.items():
            yield settle(future, subject)
        raise
