"""What stands between us and Microsoft lies, breaks off, floods and stalls: it gets no secret and keeps nobody."""

import gzip
import json
import logging
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from collectors.cloud.call import origin
from collectors.cloud.credentials import CloudEndpoints, safe_address
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.report_download import ReportDownload
from collectors.cloud.sign_in_errors import explain
from collectors.cloud.sign_in_wire import SignInWire
from collectors.cloud.throttle import Patience
from collectors.cloud.wire import Reply, WireBroken, open_wire
from collectors.credentials import Secret
from collectors.errors import GraphError, SignInFailed, TenantUnreachable
from collectors.model import GapReason
from tests.collectors.cloud.answered import NOW, Wire
from tests.lab.graph import LabTenant, LoopbackGraph, loopback_graph, made_tenant
from tests.lab.http_server import Answer, drip, feed_server

# urllib3 ends a host at a backslash, urlsplit does not: the second of these was fetched from evil.example.
TWO_WAYS = [
    "https://evil.example%5c.office.com/x",
    "https://evil.example\\.office.com/x",
    "https://evil.example%2f.office.com/x",
    "https://evil.example%00.office.com/x",
    "https://evil.example .office.com/x",
    "https://evil.example;.office.com/x",
    "https://evil.example\x01.office.com/x",
    "https://.office.com/x",
    "https://evil.example／.office.com/x",
    "https://user@reports.office.com/x",
    "https://reports.office.com:0x50/x",
]


def download(location: str, wire: Wire) -> Reply:
    from collectors.cloud.call import call_to

    following = ReportDownload(
        "contoso", CloudEndpoints(), open_wire=lambda: wire, patience=Patience(longest_s=0), count=lambda: None
    )
    call = call_to("https://graph.microsoft.com/v1.0", "/reports/x", None)
    return following.follow(call, Reply(status=302, headers={"location": location}), pytest.fail)


@pytest.mark.parametrize("location", TWO_WAYS)
def test_a_report_host_that_can_be_read_in_two_ways_is_refused(location: str) -> None:
    wire = Wire({})
    with pytest.raises(GraphError, match="refused"):
        download(location, wire)
    assert wire.asked == []
    assert not safe_address(location)


@pytest.mark.parametrize(
    "url", [*TWO_WAYS, "\x01https://graph.microsoft.com/", "https://graph.microsoft.com\\@evil.example/"]
)
def test_a_next_link_that_can_be_read_in_two_ways_has_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        origin(url)


def test_ports_and_case_make_no_difference_to_an_origin() -> None:
    assert origin("HTTPS://Graph.Microsoft.com:443/a?q=é") == origin("https://graph.microsoft.com/b")
    assert origin("https://graph.microsoft.com:8443/") != origin("https://graph.microsoft.com/")


def packed(body: bytes, **headers: str) -> Answer:
    return Answer(body=body, headers={"Content-Encoding": "gzip", **headers}, validators=False)


def fetch(answer: Answer) -> Reply:
    with feed_server() as server:
        server.answers["/x"] = answer
        wire = open_wire(CloudPolicy(proxies={}, read_timeout_s=5.0))
        try:
            return wire.get(f"{server.url}/x", {"Authorization": "Bearer t"})
        finally:
            wire.close()


def test_a_packed_answer_that_breaks_off_is_no_whole_one() -> None:
    """Its length is right, and what can be unpacked ends between two rows."""
    stream = zlib.compressobj(wbits=31)
    half = stream.compress(b"a,b\r\n" * 1000) + stream.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(WireBroken, match="cut off after 5,000 bytes") as broken:
        fetch(packed(half))
    assert broken.value.again


def test_packed_answers_in_parts_and_empty_ones_are_read() -> None:
    assert fetch(packed(gzip.compress(b"ab") + gzip.compress(b"cd"))).body == b"abcd"
    assert fetch(packed(b"")).body == b""


def test_a_damaged_packed_answer_is_asked_again() -> None:
    body = bytearray(gzip.compress(b"hello" * 1000))
    body[-6] ^= 255  # its checksum
    with pytest.raises(WireBroken, match="damaged"):
        fetch(packed(bytes(body)))


def test_a_bomb_is_not_unpacked_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.cloud.wire.MAX_BODY_BYTES", 100_000)
    with pytest.raises(WireBroken, match="larger than 100,000 bytes"):
        fetch(packed(gzip.compress(b"\0" * 50_000_000)))


def test_an_answer_packed_otherwise_is_refused() -> None:
    with pytest.raises(WireBroken, match="not asked for"):
        fetch(Answer(body=b"abc", headers={"Content-Encoding": "br"}, validators=False))


def raw(text: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(text)
        handler.close_connection = True

    return behave


def test_not_modified_may_tell_the_length_of_what_it_does_not_send() -> None:
    told = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n"
    assert fetch(Answer(behave=raw(told))).status == 304


@pytest.mark.parametrize("length", [b"9" * 5000, b"-5", b"abc"])
def test_an_absurd_length_is_no_length(length: bytes) -> None:
    told = b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\nabc"
    assert fetch(Answer(behave=raw(told))).body == b"abc"


def test_an_address_that_opens_by_itself_is_in_no_log_whatever_its_path(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")  # `auditor --debug` turns it down for the whole process
    with feed_server() as server:
        wire = open_wire(CloudPolicy(proxies={}))
        assert wire.get(f"{server.url}/elsewhere?sig=K3Y", {"Accept": "*/*"}).status == 404
        assert wire.get(f"{server.url}/v1.0/users?q=1", {"Authorization": "Bearer T0K3N"}).status == 404
        wire.close()
    assert "K3Y" not in caplog.text
    assert "T0K3N" not in caplog.text
    assert "/v1.0/users?q=1" in caplog.text


# The sign-in service.


def described(lab: LoopbackGraph, tenant: LabTenant, **changed: str) -> bytes:
    return json.dumps(lab.sign_in.configuration(lab.login, tenant.id)[1] | changed).encode()


def test_a_token_that_is_cut_short_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """msal writes what is no JSON to its log whole."""
    caplog.set_level(logging.DEBUG)
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        lab.sign_in.answers += [(200, described(lab, tenant)), (200, b'{"access_token":"T0K3N.a.b","token_ty')]
        with pytest.raises(SignInFailed, match="did not answer as a Microsoft sign-in service") as refused:
            lab.tokens(tenant).token()
    assert "T0K3N" not in caplog.text
    assert "T0K3N" not in repr(refused.value.__cause__)


@pytest.mark.parametrize("status", [500, 501, 505, 520])
def test_a_service_out_of_order_is_told_in_its_own_words(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.cloud.tokens.SignInWire", lambda policy: SignInWire(policy, sleep=lambda _: None))
    told = b'{"error":"temporarily_unavailable","error_description":"AADSTS90033: A transient error has occurred."}'
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        lab.sign_in.answers += [(200, described(lab, tenant)), *[(status, told)] * 4]
        with pytest.raises(TenantUnreachable, match="AADSTS90033: A transient error") as refused:
            lab.tokens(tenant).token()
    assert refused.value.reason is GapReason.UNREACHABLE
    assert refused.value.hint


def test_a_page_in_place_of_the_service_is_one_gap_and_not_asked_for_ever() -> None:
    from collectors.cloud.visit import visit_tenant
    from collectors.model import Protocol, Target

    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        lab.sign_in.answers += [(200, b"<html>captive portal</html>")] * 50
        target = Target(name="contoso", protocol=Protocol.M365, address=tenant.id)
        snapshot = visit_tenant(target, credential=lab.credential(tenant), policy=lab.policy(), taken_at=NOW)
        assert len(lab.sign_in.answers) > 45
    assert not snapshot.reached
    assert [gap.reason for gap in snapshot.gaps] == [GapReason.UNPARSABLE]


def test_a_service_that_sends_secrets_elsewhere_without_https_is_not_followed() -> None:
    tenant = LabTenant()
    with loopback_graph(tenant) as lab, feed_server() as elsewhere:
        plain = elsewhere.url.replace("127.0.0.1", "sign-in.example")
        lab.sign_in.answers.append((200, described(lab, tenant, token_endpoint=f"{plain}/token")))
        with pytest.raises(SignInFailed, match="did not answer as"):
            lab.tokens(tenant).token()
        assert elsewhere.requests == []


def test_a_service_that_drips_or_floods_keeps_nobody() -> None:
    drips, floods = Answer(behave=drip(60)), Answer(body=b"x" * 2_000_000)
    for answer, words, deadline_s in ((drips, "not complete in time", 0.4), (floods, "larger", 60.0)):
        with feed_server() as server:
            server.answers["/token"] = answer
            policy = CloudPolicy(proxies={}, answer_deadline_s=deadline_s, longest_wait_s=0)
            wire = SignInWire(policy)
            with pytest.raises(WireBroken, match=words):
                wire.get(f"{server.url}/token")
            wire.close()


def test_a_secret_that_is_echoed_as_it_was_sent_stays_out_of_our_words() -> None:
    tenant = LabTenant(secret="a+b/c d~é")
    with loopback_graph() as lab:
        credential = lab.credential(tenant, secret=Secret(tenant.secret))
    for echoed in ("a%2Bb%2Fc%20d~%C3%A9", "a%2Bb%2Fc+d~%C3%A9", "a+b/c d~é"):
        answer = {"error": "invalid_client", "error_description": f"no good: client_secret={echoed}"}
        assert echoed not in str(explain("contoso", answer, credential))


def test_msal_does_not_log_what_came_of_a_sign_in(caplog: pytest.LogCaptureFixture) -> None:
    """It blanks tokens there, but not the device code."""
    caplog.set_level(logging.DEBUG)
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        lab.tokens(tenant).token()
    assert "event=" not in caplog.text
