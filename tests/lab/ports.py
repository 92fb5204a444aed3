"""Ports for servers that are told where to listen before they do."""

import contextlib
import itertools
import os
import random
import re
import socket

_FIRST, _LAST, _SHARES = 20_000, 32_000, 6  # below what systems give to outgoing connections and to "any port"


def _share() -> list[int]:
    """The ports of this process of the test run: its neighbours look for theirs elsewhere."""
    worker = re.search(r"\d+", os.environ.get("PYTEST_XDIST_WORKER", ""))
    number = int(worker[0]) % (_SHARES - 1) + 1 if worker else 0
    size = (_LAST - _FIRST) // _SHARES
    ports = list(range(_FIRST + number * size, _FIRST + (number + 1) * size))
    random.Random().shuffle(ports)  # another test run on this machine must not walk through them in step
    return ports


_ports = itertools.cycle(_share())


def free_port(address: str = "127.0.0.1") -> int:
    """A port nobody listens on at that address just now; nobody is given it in the meantime, nor again soon."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in itertools.islice(_ports, 200):
        with contextlib.suppress(OSError), socket.create_server((address, port), family=family):
            return port
    raise RuntimeError(f"no port is free at {address}")
