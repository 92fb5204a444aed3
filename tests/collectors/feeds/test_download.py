"""Downloading over real sockets: conditional, whole or not at all, and never past its limits."""

import gzip
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.errors import FeedError, FeedInvalid, FeedUnreachable
from collectors.feeds.download import HttpSettings, PartAbsent, download, shown
from collectors.feeds.feed import Part
from collectors.feeds.sidecar import PartState
from tests.lab.http_server import FeedServer, busy_then, cut_off, cut_off_chunked, drip, feed_server, hang
from tests.lab.made_up_feeds import HTTP

NOW = datetime(2026, 8, 22, 12, tzinfo=UTC)
TEXT = b"advisories, " * 5000


@pytest.fixture
def server():
    with feed_server() as running:
        yield running


def fetch(
    url: str, into: Path, previous: PartState | None = None, *, http: HttpSettings = HTTP, **part: object
) -> PartState | None:
    wanted = Part(name="part", url=url, **part)  # type: ignore[arg-type]
    return download("plain", wanted, into=into, previous=previous, http=http, fetched_at=NOW)


def test_a_download_is_kept_as_served_with_what_the_server_said(server: FeedServer, tmp_path):
    url = server.serve("/rows", TEXT)
    state = fetch(url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == TEXT
    assert state is not None
    assert (state.url, state.size_bytes, state.fetched_at) == (url, len(TEXT), NOW)
    assert state.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert state.etag
    assert state.last_modified.endswith("GMT")


def test_an_unchanged_part_is_not_sent_again(server: FeedServer, tmp_path):
    url = server.serve("/rows", TEXT)
    previous = fetch(url, tmp_path / "part")
    assert previous is not None
    assert fetch(url, tmp_path / "again", previous) is None
    assert not (tmp_path / "again").exists()
    second = server.asked("/rows")[1]
    assert second["If-None-Match"] == previous.etag
    assert second["If-Modified-Since"] == previous.last_modified


def test_a_condition_set_by_another_address_is_not_sent(server: FeedServer, tmp_path):
    previous = fetch(server.serve("/old", TEXT), tmp_path / "part")
    assert fetch(server.serve("/new", TEXT), tmp_path / "part", previous) is not None
    assert "If-None-Match" not in server.asked("/new")[0]


@pytest.mark.parametrize("etag", ['"a\r\nX-Evil: 1"', '"\u201cquoted\u201d"', '"\x00"'])
def test_a_validator_no_header_can_hold_is_left_out_rather_than_fail_for_ever(server: FeedServer, tmp_path, etag):
    """It may come from a bundle, and would stand in the way of every later download."""
    url = server.serve("/rows", TEXT)
    previous = fetch(url, tmp_path / "part")
    assert previous is not None
    assert fetch(url, tmp_path / "again", previous._replace(etag=etag)) is not None
    second = server.asked("/rows")[1]
    assert "If-None-Match" not in second
    assert second["If-Modified-Since"] == previous.last_modified


def test_a_weak_validator_is_sent_back_as_it_came(server: FeedServer, tmp_path):
    url = server.serve("/rows", TEXT, headers={"ETag": 'W/"1"'})
    previous = fetch(url, tmp_path / "part")
    assert fetch(url, tmp_path / "again", previous) is None
    assert server.asked("/rows")[1]["If-None-Match"] == 'W/"1"'


@pytest.mark.parametrize("status", [206, 304])
def test_an_answer_to_a_question_not_asked_is_no_download(server: FeedServer, tmp_path, status):
    url = server.serve("/rows", TEXT, status=status, validators=False)
    with pytest.raises(FeedUnreachable, match=f"HTTP {status}"):
        fetch(url, tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_a_compressed_answer_is_stored_decompressed_and_checked_so(server: FeedServer, tmp_path):
    state = fetch(server.serve("/rows", TEXT, compressed=True), tmp_path / "part")
    assert state is not None
    assert state.size_bytes == len(TEXT)
    assert (tmp_path / "part").read_bytes() == TEXT


def test_gzip_of_several_members_is_read_to_its_end(server: FeedServer, tmp_path):
    packed = gzip.compress(TEXT) + gzip.compress(b"tail")
    fetch(server.serve("/rows", packed, headers={"Content-Encoding": "gzip"}), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == TEXT + b"tail"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"behave": cut_off(len(TEXT), TEXT[:777])}, "cut off"),
        ({"behave": cut_off_chunked(TEXT)}, "cut off"),
        ({"body": gzip.compress(TEXT)[:-30], "headers": {"Content-Encoding": "gzip"}}, "compressed data ends early"),
        ({"body": b"", "headers": {}}, "an empty file"),
        ({"body": b"not gzip", "headers": {"Content-Encoding": "gzip"}}, "gzip encoding is damaged"),
        ({"body": TEXT, "headers": {"Content-Encoding": "br"}}, "not asked for"),
        ({"body": b"gone", "status": 404}, "HTTP 404"),
        ({"body": b"no", "status": 403}, "HTTP 403"),
        ({"body": b"later", "status": 503, "headers": {"Retry-After": "0"}}, "HTTP 503"),
        ({"behave": hang(60)}, "no answer in time"),
        ({"behave": drip(60)}, "not complete after"),
        ({"status": 304, "validators": False}, "HTTP 304"),
    ],
)
def test_half_an_answer_is_an_error_that_leaves_no_file(server: FeedServer, tmp_path, how, words):
    url = server.serve("/rows", **how)
    impatient = {"no answer in time": {"read_timeout_s": 0.4}, "not complete after": {"deadline_s": 1}}
    with pytest.raises((FeedUnreachable, FeedInvalid), match=words) as caught:
        fetch(url, tmp_path / "part", http=replace(HTTP, **impatient.get(words, {})))
    assert list(tmp_path.iterdir()) == []
    assert caught.value.subject == "plain"


def test_more_than_the_cap_is_refused_before_or_while_it_arrives(server: FeedServer, tmp_path):
    for how in ({}, {"compressed": True}):
        url = server.serve("/rows", b"0" * 50_000, **how)
        with pytest.raises(FeedInvalid, match="larger than the 10,000 bytes allowed"):
            fetch(url, tmp_path / "part", max_bytes=10_000)
    assert list(tmp_path.iterdir()) == []


def test_a_gzip_bomb_is_stopped_at_the_cap(server: FeedServer, tmp_path):
    bomb = gzip.compress(b"\0" * (64 << 20))
    assert len(bomb) < 100_000
    url = server.serve("/rows", bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FeedInvalid, match="larger than"):
        fetch(url, tmp_path / "part", max_bytes=1 << 20)
    assert not (tmp_path / "part").exists()


def test_a_busy_server_is_asked_again(server: FeedServer, tmp_path):
    server.serve("/rows", behave=busy_then(1, TEXT))
    assert fetch(f"{server.url}/rows", tmp_path / "part") is not None
    assert len(server.asked("/rows")) == 2


def test_an_hour_of_retry_after_is_not_waited(server: FeedServer, tmp_path):
    server.serve("/rows", behave=busy_then(1, TEXT, retry_after="3600"))
    assert fetch(f"{server.url}/rows", tmp_path / "part") is not None


def test_a_closed_port_is_told_in_plain_words(tmp_path):
    with feed_server() as gone:
        url = f"{gone.url}/rows"
    with pytest.raises(FeedUnreachable, match="Connection refused"):
        fetch(url, tmp_path / "part")


def test_fallbacks_are_asked_in_order_and_the_one_that_answered_is_remembered(server: FeedServer, tmp_path):
    current = server.serve("/current", TEXT)
    state = fetch(f"{server.url}/2026-08-22", tmp_path / "part", fallbacks=(f"{server.url}/2026-08-21", current))
    assert state is not None
    assert state.url == current
    assert [path for path, _ in server.requests] == ["/2026-08-22", "/2026-08-21", "/current"]


def test_when_no_address_answers_each_is_named(server: FeedServer, tmp_path):
    with pytest.raises(FeedUnreachable, match=r"/one could not.*Then: .*/two could not"):
        fetch(f"{server.url}/one", tmp_path / "part", fallbacks=(f"{server.url}/two",))


@pytest.mark.parametrize("fallbacks", [(), ("/two",)])
def test_an_absent_file_is_told_from_one_that_cannot_be_had(server: FeedServer, tmp_path, fallbacks):
    elsewhere = tuple(f"{server.url}{path}" for path in fallbacks)
    with pytest.raises(PartAbsent):
        fetch(f"{server.url}/one", tmp_path / "part", fallbacks=elsewhere)
    server.serve("/one", behave=busy_then(99, TEXT))
    with pytest.raises(FeedUnreachable) as raised:
        fetch(f"{server.url}/one", tmp_path / "part", fallbacks=elsewhere)
    assert not isinstance(raised.value, PartAbsent)


def test_a_part_says_which_media_type_it_wants(server: FeedServer, tmp_path):
    fetch(server.serve("/rows", TEXT), tmp_path / "part", accept="application/json")
    fetch(f"{server.url}/rows", tmp_path / "part")
    assert [headers["Accept"] for headers in server.asked("/rows")] == ["application/json", "*/*"]


def test_redirects_are_followed_but_not_for_ever(server: FeedServer, tmp_path):
    server.serve("/end", TEXT)
    server.serve("/start", status=302, headers={"Location": "/end"})
    state = fetch(f"{server.url}/start", tmp_path / "part")
    assert state is not None
    assert state.url == f"{server.url}/start"
    server.serve("/loop", status=302, headers={"Location": "/loop"})
    with pytest.raises(FeedUnreachable, match="more than 5 redirects"):
        fetch(f"{server.url}/loop", tmp_path / "part")


@pytest.mark.parametrize("target", ["ftp://feed.example/x", "file:///etc/passwd", "javascript:0"])
def test_a_redirect_to_anything_but_http_is_refused(server: FeedServer, tmp_path, target):
    server.serve("/start", status=302, headers={"Location": target})
    with pytest.raises(FeedUnreachable, match="not a safe address"):
        fetch(f"{server.url}/start", tmp_path / "part")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of our own for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    command += " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), check=True, capture_output=True, cwd=folder)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls_server(certificate: tuple[Path, Path]):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with feed_server(context) as running:
        yield running


def with_bundle(bundle: Path | None) -> HttpSettings:
    return HttpSettings(proxies={}, ca_bundle=bundle, read_timeout_s=60, retries=0)


def test_a_certificate_nobody_vouches_for_is_refused_whatever_the_environment_says(
    tls_server: FeedServer, certificate, tmp_path, monkeypatch
):
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, str(certificate[0]))
    url = tls_server.serve("/rows", TEXT)
    with pytest.raises(FeedUnreachable, match="certificate was not accepted"):
        fetch(url, tmp_path / "part", http=with_bundle(None))


def test_a_ca_bundle_of_the_operator_is_trusted(tls_server: FeedServer, certificate, tmp_path):
    url = tls_server.serve("/rows", TEXT)
    assert fetch(url, tmp_path / "part", http=with_bundle(certificate[0])) is not None


def test_a_ca_bundle_that_is_not_there_is_named(tls_server: FeedServer, tmp_path):
    url = tls_server.serve("/rows", TEXT)
    with pytest.raises(FeedUnreachable, match="could not be downloaded"):
        fetch(url, tmp_path / "part", http=with_bundle(tmp_path / "absent.pem"))


def test_https_never_becomes_http(tls_server: FeedServer, server: FeedServer, certificate, tmp_path):
    target = server.serve("/rows", TEXT)
    tls_server.serve("/start", status=301, headers={"Location": target})
    with pytest.raises(FeedUnreachable, match="not a safe address"):
        fetch(f"{tls_server.url}/start", tmp_path / "part", http=with_bundle(certificate[0]))
    assert server.requests == []


def test_the_proxy_of_the_environment_is_used_and_its_password_never_shown(server: FeedServer, tmp_path, monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "http://user:hunter2@"))
    with pytest.raises(FeedUnreachable) as caught:
        fetch("http://feed.example/rows", tmp_path / "part", http=HttpSettings(retries=0))
    assert server.requests[0][0].startswith("http://feed.example")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(HttpSettings(proxies={"http": "http://user:hunter2@proxy.example"}))


def test_user_information_of_an_address_is_used_and_never_shown(server: FeedServer, tmp_path):
    server.serve("/rows", TEXT)
    url = f"{server.url}/rows".replace("http://", "http://user:hunter2@")
    state = fetch(url, tmp_path / "part")
    assert state is not None
    assert "hunter2" not in repr(state)
    assert server.asked("/rows")[0]["Authorization"].startswith("Basic ")
    assert shown("https://u:p@[::1]:8443/a?b=c#d") == "https://[::1]:8443/a?b=c"


def test_an_unwritable_folder_is_named(server: FeedServer, tmp_path):
    url = server.serve("/rows", TEXT)
    with pytest.raises(FeedError, match=r"absent/part cannot be written: No such file"):
        fetch(url, tmp_path / "absent" / "part")


LIMITED = """
import resource, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from collectors.errors import FeedError
from collectors.feeds.download import HttpSettings, download
from collectors.feeds.feed import Part
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    download("plain", Part(name="part", url=sys.argv[1]), into=Path(sys.argv[2]), previous=None,
             http=HttpSettings(proxies={}), fetched_at=datetime.now(UTC))
except FeedError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs setrlimit")
def test_a_disk_that_takes_no_more_is_told_with_the_file(server: FeedServer, tmp_path):
    url = server.serve("/rows", TEXT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    told = subprocess.run(
        [sys.executable, "-c", LIMITED, url, str(tmp_path / "part")], env=environment, capture_output=True, check=True
    ).stdout.decode()
    assert f"{tmp_path / 'part'} cannot be written: File too large. Check space" in told
    assert list(tmp_path.iterdir()) == []
