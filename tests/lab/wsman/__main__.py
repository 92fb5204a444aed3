"""The peer as a process of its own, for benchmarks: prints one line of JSON when it serves, ends with its input.

    python -m tests.lab.wsman --hosts 1000 --output 200000

The line holds the addresses' count, the ports, the authority's file and this process's id. A line "counters" on
standard input prints the counters; anything else, or the end of input, stops it.
"""

import argparse
import hashlib
import json
import os
import sys
from dataclasses import asdict

from tests.lab import wsman
from tests.lab.wsman.server import addresses_of


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.wsman", description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=1, help="machines, on 127.0.10.1 and up when more than one")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", action="store_true", help="serve HTTPS too")
    parser.add_argument("--tls-port", type=int, default=0)
    parser.add_argument("--basic", action="store_true", help="allow Basic (over TLS)")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--output", type=int, default=200_000, help="bytes the command prints")
    chosen = parser.parse_args()
    enabled = {wsman.Authentication.NTLM, wsman.Authentication.NEGOTIATE}
    if chosen.basic:
        enabled.add(wsman.Authentication.BASIC)
    printed = filler(chosen.output)
    with wsman.serve(
        runner=wsman.RecordedPowerShell(lambda script: printed, otherwise=wsman.Played(wsman.Answer(stdout=printed))),
        hosts=chosen.hosts,
        port=chosen.port,
        tls=chosen.tls,
        tls_port=chosen.tls_port,
        message_delay_s=chosen.delay,
        authentication=frozenset(enabled),
    ) as peer:
        ready = {
            "pid": os.getpid(),
            "hosts": chosen.hosts,
            "first": addresses_of(chosen.hosts)[0] if chosen.hosts > 1 else peer.address,
            "last": peer.machines[-1].address,
            "port": peer.port,
            "tls_port": peer.tls_port,
            "ca_file": str(peer.ca_file) if chosen.tls else "",
            "user": "audit",
            "password": wsman.PASSWORD,
        }
        print(json.dumps(ready), flush=True)
        for line in sys.stdin:
            if line.strip() != "counters":
                break
            print(json.dumps({**asdict(peer.counters), "open_shells": peer.open_shells}), flush=True)


def filler(size: int) -> bytes:
    """`size` bytes of ASCII lines that do not compress to nothing."""
    lines, total = [], 0
    while total < size:
        digest = hashlib.sha256(str(total).encode()).hexdigest().encode() + b"\n"
        lines.append(digest)
        total += len(digest)
    return b"".join(lines)[:size]


if __name__ == "__main__":
    main()
