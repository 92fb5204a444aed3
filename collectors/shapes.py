"""Makes msgspec's classes ready before threads use them.

msgspec works out what is in a class when it is first decoded into, and lets no other thread wait meanwhile: two visits
that read their first answer at the same moment end the process with a segmentation fault (seen with 0.22.0). A class
that was worked out once is safe.
"""

import sys
import threading
from collections.abc import Iterator

import msgspec

_lock = threading.Lock()
_ready = set[type]()


def make_ready() -> None:
    """Work out every class of ours that is loaded; the first call costs milliseconds, any further one next to nothing.

    Whoever decodes in a thread calls it after the modules that declare the classes were imported.
    """
    with _lock:
        for kind in _below(msgspec.Struct):
            if kind not in _ready and _is_declared(kind):
                msgspec.json.Decoder(kind)
                _ready.add(kind)


def _is_declared(kind: type) -> bool:
    """Whether a class is ours, and its module whole: another thread may be importing it, and calls us afterwards."""
    spec = sys.modules[kind.__module__].__spec__ if kind.__module__.startswith("collectors.") else None
    return spec is not None and not getattr(spec, "_initializing", False)


def _below(kind: type) -> Iterator[type]:
    classes: list[type] = kind.__subclasses__()
    for found in classes:
        yield found
        yield from _below(found)
