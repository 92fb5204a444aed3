"""A tenant of 20,000 users and 60 SKUs: what a visit costs in calls and in memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

USERS = 20_000
STATUS = Path("/proc/self/status")

VISIT = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from collectors.cloud.credentials import CloudCredential, CloudEndpoints
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.visit import visit_tenant
from collectors.credentials import Secret
from collectors.model import Protocol, Target

lab = json.loads(sys.argv[1])
endpoints = CloudEndpoints(login=lab["login"], graph=lab["graph"], scope="https://graph.microsoft.com/.default")
(tenant,) = lab["tenants"]
snapshot = visit_tenant(
    Target(name="large", protocol=Protocol.M365, address=tenant),
    credential=CloudCredential(
        tenant=tenant, client_id=lab["client_id"], secret=Secret(lab["secret"]), endpoints=endpoints
    ),
    policy=CloudPolicy(ca_bundle=Path(lab["ca_file"]), proxies={}),
    taken_at=datetime.now(UTC),
)
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps({
    "users": len(snapshot.users), "skus": len(snapshot.skus), "usage": len(snapshot.usage),
    "known": sum(user.sign_in is not None for user in snapshot.users),
    "gaps": sorted({gap.kind for gap in snapshot.gaps}), "requests": snapshot.requests,
    "peak_mb": int(peak.split()[1]) / 1024,
}))
"""


def test_a_visit_of_20000_users_takes_75_calls_and_less_than_200_mb():
    if not STATUS.exists():
        pytest.skip("the peak of a process is read from /proc")
    serving = [sys.executable, "-m", "tests.lab.graph", "--users", str(USERS), "--skus", "60"]
    with subprocess.Popen(serving, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdin is not None
        assert lab.stdout is not None
        done = subprocess.run(
            [sys.executable, "-c", VISIT, lab.stdout.readline()], capture_output=True, text=True, check=False
        )
        lab.stdin.close()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    peak_mb = told.pop("peak_mb")
    # Users by 999, sign-ins by 500, and four reports with their downloads: no call per user.
    assert told == {
        "users": USERS,
        "skus": 60,
        "usage": USERS,
        "known": USERS,
        "gaps": ["mailbox_types"],
        "requests": 21 + 40 + 14,
    }
    assert peak_mb < 200
