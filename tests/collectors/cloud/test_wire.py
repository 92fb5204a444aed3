"""One GET over a socket: cut off, dripping, oversized and compressed answers, and names of clouds."""

import pytest

from collectors.cloud.credentials import CLOUDS, CloudEndpoints, is_loopback, safe_address
from collectors.cloud.permissions import PERMISSIONS, missing_for, needed_for
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.wire import WireBroken, open_wire
from tests.lab.graph import EVERY_PERMISSION
from tests.lab.http_server import Answer, cut_off, cut_off_chunked, drip, feed_server, hang


def fetch(answer: Answer, **how: object) -> bytes:
    policy = CloudPolicy(**{"proxies": {}, "read_timeout_s": 30.0, **how})
    with feed_server() as server:
        server.answers["/x"] = answer
        wire = open_wire(policy)
        try:
            return wire.get(f"{server.url}/x", {}).body
        finally:
            wire.close()


def test_a_compressed_answer_is_decoded() -> None:
    assert fetch(Answer(body=b"x" * 100_000, compressed=True)) == b"x" * 100_000


@pytest.mark.parametrize(
    ("behave", "patience", "words", "again"),
    [
        (cut_off(1000, b"{"), {}, "cut off after", True),
        (cut_off_chunked(b"{"), {}, "cut off after", True),
        (hang(60), {"read_timeout_s": 0.3}, "no answer in time|stopped|closed|RemoteDisconnected|reset", True),
        (drip(60), {"answer_deadline_s": 0.5}, "not complete in time", False),
    ],
)
def test_an_answer_that_does_not_arrive_whole_is_broken(
    behave, patience: dict[str, float], words: str, again: bool
) -> None:
    with pytest.raises(WireBroken, match=words) as broken:
        fetch(Answer(behave=behave), **patience)
    assert broken.value.again is again


def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.cloud.wire.MAX_BODY_BYTES", 1000)
    with pytest.raises(WireBroken, match="larger than 1,000 bytes"):
        fetch(Answer(body=b"x" * 2000))


def test_a_proxy_of_the_policy_is_used_and_its_password_not_told() -> None:
    with pytest.raises(WireBroken, match=r"proxy|refused") as broken:
        fetch(Answer(body=b"x"), proxies={"http": "http://user:pr0xy-pass@127.0.0.1:9"})
    assert "pr0xy-pass" not in str(broken.value)
    assert "pr0xy-pass" not in repr(CloudPolicy(proxies={"http": "http://user:pr0xy-pass@127.0.0.1:9"}))


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://graph.microsoft.com/v1.0", True),
        ("http://graph.microsoft.com/v1.0", False),
        ("http://localhost:8080/v1.0", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost.evil.example", False),
        ("https://user:pass@graph.microsoft.com", False),
        ("https://", False),
        ("graph.microsoft.com", False),
        ("https://host:notaport", False),
        ("", False),
    ],
)
def test_a_token_goes_over_https_or_stays_on_this_machine(url: str, safe: bool) -> None:
    assert safe_address(url) is safe
    if not safe:
        with pytest.raises(ValueError, match="must begin with https"):
            CloudEndpoints(graph=url)


def test_only_names_of_this_machine_are_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "LOCALHOST", "10.0.0.1", "127.0.0.1.nip.example")] == [
        True, True, True, False, False
    ]  # fmt: skip


def test_each_cloud_asks_a_token_for_its_own_graph() -> None:
    assert CLOUDS["global"].token_scope == "https://graph.microsoft.com/.default"
    assert CLOUDS["china"].token_scope == "https://microsoftgraph.chinacloudapi.cn/.default"
    assert CLOUDS["us-defense"].consent_url("t", "c") == "https://login.microsoftonline.us/t/adminconsent?client_id=c"


def test_every_permission_that_may_be_named_missing_can_be_granted_by_onboarding() -> None:
    assert {permission.name for permission in PERMISSIONS} == EVERY_PERMISSION
    assert len({permission.role_id for permission in PERMISSIONS}) == len(PERMISSIONS)
    assert not any(".ReadWrite" in permission.name for permission in PERMISSIONS)


def test_a_stronger_permission_that_was_granted_is_enough() -> None:
    assert missing_for("/users", "id", {"Directory.Read.All"}) == ""
    assert missing_for("/users", "id,signInActivity", {"Directory.Read.All"}) == "AuditLog.Read.All"
    assert missing_for("/subscribedSkus", "", {"Organization.Read.All"}) == ""
    assert needed_for("/nothing/we/ask") == ()
