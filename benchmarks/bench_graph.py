"""A tenant of 20,000 users and 60 SKUs, and a hundred tenants at once, against the loopback Graph.

The lab is a process of its own (`python -m tests.lab.graph`), so that time on its side is shared by both contestants
and memory is the client's alone. The naive client is what such scripts look like: requests, pages of Graph's default
size, one licenseDetails call per user. It gets the same token and the same keep-alive connection. Both are measured in
one run, each in a process of its own, and printed as a ratio; the naive one asks every user of a sample and is scaled
up (--sample 0 asks them all).

The hundred tenants belong to one application, as a provider's do; the lab refuses a tenant's calls beyond a limit with
429 and Retry-After. Printed are the calls refused, the waits, and whether any documented limit was exceeded.

    python benchmarks/bench_graph.py
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROOT = Path(__file__).resolve().parent.parent
GOAL_MEMORY_MB = 200
CALLS_PER_REPORT_LIMIT = 14  # calls in ten minutes, of one report, application and tenant
CALLS_PER_SECOND_LIMIT = 2000  # of one application over all tenants


class Lab:
    """The lab's process."""

    def __init__(self, process: "subprocess.Popen[str]", told: dict[str, Any]) -> None:
        self.process = process
        self.told = told

    def counters(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("counters\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert not answer["violations"], answer["violations"]
        return answer


@contextlib.contextmanager
def lab(**options: object) -> Iterator[Lab]:
    arguments = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.graph", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Lab(process, json.loads(process.stdout.readline()))
    finally:
        process.communicate("stop\n", timeout=60)


def in_a_process(kind: str, told: dict[str, Any], **options: object) -> dict[str, Any]:
    """Run one contestant in a fresh process, whose peak memory is then its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--client", kind],
        input=json.dumps({**told, **options}),
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def client_ours(told: dict[str, Any]) -> dict[str, Any]:
    from collectors.cloud.visit import visit_tenant

    snapshot = visit_tenant(**_visit(told, told["tenants"][0]))
    return {
        "users": len(snapshot.users),
        "skus": len(snapshot.skus),
        "usage": len(snapshot.usage),
        "sign_ins": sum(user.sign_in is not None for user in snapshot.users),
        "gaps": [f"{gap.kind}: {gap.detail}" for gap in snapshot.gaps if gap.collector != "mailbox-types"],
        "requests": snapshot.requests,
    }


def _visit(told: dict[str, Any], tenant: str) -> dict[str, Any]:
    from collectors.cloud.credentials import CloudCredential, CloudEndpoints
    from collectors.cloud.policy import CloudPolicy
    from collectors.credentials import Secret
    from collectors.model import Protocol, Target

    scope = "https://graph.microsoft.com/.default"
    endpoints = CloudEndpoints(login=told["login"], graph=told["graph"], scope=scope)
    return {
        "target": Target(name=tenant, protocol=Protocol.M365, address=tenant),
        "credential": CloudCredential(
            tenant=tenant, client_id=told["client_id"], secret=Secret(told["secret"]), endpoints=endpoints
        ),
        "policy": CloudPolicy(ca_bundle=Path(told["ca_file"]), proxies={}),
        "taken_at": datetime.now(UTC),
    }


def client_naive(told: dict[str, Any]) -> dict[str, Any]:
    """Everything in lists of dictionaries, one call per user; `sample` users are asked (0: all)."""
    import requests

    session = requests.Session()
    session.trust_env = False
    tenant = told["tenants"][0]
    form = {
        "client_id": told["client_id"],
        "client_secret": told["secret"],
        "grant_type": "client_credentials",
        "scope": "https://graph.microsoft.com/.default",
    }
    token = session.post(
        f"{told['login']}/{tenant}/oauth2/v2.0/token", data=form, verify=told["ca_file"], timeout=60
    ).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    calls = 0

    def get(url: str) -> Any:
        nonlocal calls
        calls += 1
        return session.get(url, timeout=60).json()

    def every(path: str) -> list[Any]:
        url, rows = f"{told['graph']}{path}", []
        while url:
            page = get(url)
            rows += page["value"]
            url = page.get("@odata.nextLink", "")
        return rows

    started = time.perf_counter()
    skus = every("/subscribedSkus")
    users = every("/users")
    listed_s, listed = time.perf_counter() - started, calls
    sample = users[: told["sample"]] if told["sample"] else users
    started = time.perf_counter()
    licenses = {user["id"]: get(f"{told['graph']}/users/{user['id']}/licenseDetails")["value"] for user in sample}
    per_user_s = (time.perf_counter() - started) / len(sample)
    assert len(licenses) == len(sample)
    return {
        "users": len(users),
        "skus": len(skus),
        "sampled": len(sample),
        "requests": listed + len(users),
        "wall_s": listed_s + per_user_s * len(users),
    }


def client_hundred(told: dict[str, Any]) -> dict[str, Any]:
    from collectors.cloud.visit import scan_tenants, visit_tenant
    from collectors.model import Protocol, Target

    targets = [Target(name=tenant, protocol=Protocol.M365, address=tenant) for tenant in told["tenants"]]
    with ThreadPoolExecutor(told["width"]) as pool:
        snapshots = list(scan_tenants(targets, lambda one: visit_tenant(**_visit(told, one.address)), executor=pool))
    return {
        "reached": sum(one.reached for one in snapshots),
        "whole": sum(not [gap for gap in one.gaps if gap.collector != "mailbox-types"] for one in snapshots),
        "users": sum(len(one.users) for one in snapshots),
        "requests": sum(one.requests for one in snapshots),
        "slowest_s": max(one.duration_s for one in snapshots),
    }


def large(options: argparse.Namespace) -> None:
    with lab(users=options.users, skus=options.skus, latency=options.latency / 1000) as running:
        print(
            f"One tenant of {options.users:,} users and {options.skus} SKUs; every answer takes {options.latency:g} ms "
            f"more than it does on loopback; {os.cpu_count()} cores for both sides"
        )
        pairs = []
        for number in range(options.repeats):
            order = ("ours", "naive") if number % 2 else ("naive", "ours")  # whoever goes first has no advantage
            both = {kind: in_a_process(kind, running.told, sample=options.sample) for kind in order}
            pairs.append((both["naive"], both["ours"]))
            assert running.counters()["most_calls_of_one_report"] <= 1
        for naive, ours in pairs:
            assert ours["users"] == naive["users"] == options.users, (ours, naive)
            assert ours["gaps"] == [], ours["gaps"]
            assert ours["sign_ins"] == options.users
        naive, ours = pairs[-1]
        print(
            f"  naive   {naive['requests']:,} requests, {_span([one['wall_s'] for one, _ in pairs])} s "
            f"(SKUs, users, their licenses; {naive['sampled']:,} of the per-user calls measured)"
        )
        print(
            f"  ours    {ours['requests']:,} requests, {_span([one['wall_s'] for _, one in pairs])} s, peak memory "
            f"{_span([one['peak_mb'] for _, one in pairs])} MB (goal < {GOAL_MEMORY_MB}), of which "
            f"{ours['start_mb']:.0f} MB before the visit (everything: sign-ins, four reports, groups, devices)"
        )
        print(f"  ratio   requests {naive['requests'] / ours['requests']:,.0f} x fewer, ", end="")
        print(f"time {_span([one['wall_s'] / two['wall_s'] for one, two in pairs])} x")


def hundred(options: argparse.Namespace) -> None:
    with lab(tenants=options.tenants, users=options.small, skus=5, calls=options.calls, window=1) as running:
        done = in_a_process("hundred", running.told, width=options.width)
        seen = running.counters()
    print(
        f"\n{options.tenants} tenants of {options.small} users, one application, {options.width} at once; a tenant may "
        f"send {options.calls} calls a second"
    )
    print(
        f"  {done['whole']} of {options.tenants} tenants whole, {done['requests']:,} calls in {done['wall_s']:.1f} s "
        f"({seen['refused']:,} refused with 429 and asked again), slowest tenant {done['slowest_s']:.1f} s, "
        f"peak memory {done['peak_mb']:.0f} MB"
    )
    print(
        f"  limits: busiest second {seen['busiest_second']:,} calls (at most {CALLS_PER_SECOND_LIMIT:,}), "
        f"most calls of one report and tenant {seen['most_calls_of_one_report']} (at most {CALLS_PER_REPORT_LIMIT}), "
        f"{seen['tokens']} sign-ins"
    )
    assert done["whole"] == options.tenants, done
    assert done["users"] == options.tenants * options.small
    assert seen["busiest_second"] <= CALLS_PER_SECOND_LIMIT
    assert seen["most_calls_of_one_report"] <= CALLS_PER_REPORT_LIMIT
    assert seen["tokens"] == options.tenants


def client(kind: str) -> None:
    told = json.load(sys.stdin)
    import msal
    import requests  # noqa: F401 - both sides pay for their libraries before the clock starts

    assert msal
    if kind != "naive":
        import collectors.cloud.visit

        collectors.cloud.visit.discover()
    start_mb = _peak_mb()
    started = time.perf_counter()
    answer = {"ours": client_ours, "naive": client_naive, "hundred": client_hundred}[kind](told)
    answer.setdefault("wall_s", time.perf_counter() - started)
    print(json.dumps({**answer, "peak_mb": _peak_mb(), "start_mb": start_mb}))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _span(values: list[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2]:,.1f} [{ordered[0]:,.1f} - {ordered[-1]:,.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--skus", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sample", type=int, default=500, help="users the naive client asks one by one; 0 for all")
    parser.add_argument(
        "--latency", type=float, default=20.0, help="milliseconds before every answer of the one tenant"
    )
    parser.add_argument("--tenants", type=int, default=100, help="0 leaves that part out")
    parser.add_argument("--small", type=int, default=40, help="users of each of the many tenants")
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--calls", type=int, default=4, help="calls a second the lab allows each of the many tenants")
    parser.add_argument("--client", choices=("ours", "naive", "hundred"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        client(options.client)
        return
    large(options)
    if options.tenants:
        hundred(options)


if __name__ == "__main__":
    main()
