"""Threads that a run does not wait for when it ends: after a stop, a visit that only reads is simply dropped."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

_T = TypeVar("_T")
_Work = tuple["Future[Any]", Callable[[], Any]]


class Droppable(Executor):
    """An executor whose threads end with the process, at whatever they are: for work that leaves nothing behind.

    The standard library's waits for its threads when the process ends: a tenant that makes us wait ten minutes would
    keep the terminal that long after Ctrl-C.
    """

    def __init__(self, width: int, name: str) -> None:
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._labour, name=f"{name}_{number}", daemon=True) for number in range(width)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> "Future[_T]":
        """See concurrent.futures.Executor."""
        future: Future[_T] = Future()
        self._work.put((future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - its base's
        """End the threads once the queue is empty; with `cancel_futures` what is not begun is cancelled first."""
        while cancel_futures:
            try:
                work = self._work.get_nowait()
            except queue.Empty:
                break
            if work is not None:
                work[0].cancel()
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _labour(self) -> None:
        while (work := self._work.get()) is not None:
            future, do = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(do())
            except BaseException as error:  # noqa: BLE001 - handed over to whoever asks for the result
                future.set_exception(error)
