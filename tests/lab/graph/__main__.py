"""The lab as a process of its own, for benchmarks: prints one line of JSON when it serves, ends with its input.

    python -m tests.lab.graph --users 20000 --skus 60

A line "counters" on standard input prints what was asked since the last such line; anything else, or the end of input,
stops it.
"""

import argparse
import json
import os
import resource
import sys
from collections import Counter

from tests.lab.graph import Throttle, loopback_graph, made_tenant


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.graph", description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--skus", type=int, default=3)
    parser.add_argument("--tenants", type=int, default=1, help="tenants of one application")
    parser.add_argument("--calls", type=int, default=0, help="calls a tenant may send in a window; 0 for no limit")
    parser.add_argument("--window", type=float, default=1.0, help="seconds")
    parser.add_argument("--retry-after", default="1")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    chosen = parser.parse_args()
    throttle = Throttle(calls=chosen.calls, window_s=chosen.window, retry_after=chosen.retry_after)
    shared = {"client_id": "99999999-8888-4777-8666-555555555555", "secret": "lab-s3cr3t~of-one-application"}
    tenants = [
        made_tenant(users=chosen.users, skus=chosen.skus, domain=f"client{number:03}.test", **shared)
        for number in range(chosen.tenants)
    ]
    with loopback_graph(*tenants, throttle=throttle if chosen.calls else None) as lab:
        lab.latency_s = chosen.latency
        ready = {
            "pid": os.getpid(),
            "login": lab.login,
            "graph": lab.graph,
            "ca_file": str(lab.ca_file),
            "tenants": [tenant.id for tenant in tenants],
            **shared,
        }
        print(json.dumps(ready), flush=True)
        for line in sys.stdin:
            if line.strip() != "counters":
                break
            print(json.dumps(_counters(lab)), flush=True)


def _counters(lab: object) -> dict[str, object]:
    from tests.lab.graph import LoopbackGraph

    assert isinstance(lab, LoopbackGraph)
    per_report = Counter((seen.tenant, seen.path) for seen in lab.requests if seen.path.startswith("/reports/"))
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "requests": len(lab.requests),
        "downloads": len(lab.downloads),
        "tokens": lab.sign_in.asked,
        "refused": lab.refused,
        "per_path": dict(Counter(seen.path for seen in lab.requests).most_common(20)),
        "most_calls_of_one_report": max(per_report.values(), default=0),
        "busiest_second": lab.busiest_second(),
        "violations": list(lab.violations),
        "cpu_s": used.ru_utime + used.ru_stime,
    }
    lab.requests.clear()
    lab.downloads.clear()
    lab.refused = 0
    return told


if __name__ == "__main__":
    main()
