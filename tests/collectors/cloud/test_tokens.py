"""Signing in: whose token it is, what is wrong with a credential, and that nothing secret is told."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msal
import pytest

from collectors.cloud.policy import CloudPolicy
from collectors.cloud.sign_in_errors import REFUSALS, explain
from collectors.cloud.sign_in_wire import SignInWire
from collectors.cloud.tokens import EntraTokens, claims_of, shared_cache
from collectors.credentials import Secret
from collectors.errors import ConsentMissing, SignInFailed, TenantError, TenantUnreachable, WrongTenant
from collectors.model import GapReason
from tests.lab.graph import LabTenant, LoopbackGraph, loopback_graph
from tests.lab.keys import app_certificate, other_key


def test_a_secret_gives_a_token_with_its_permissions() -> None:
    tenant = LabTenant(granted=frozenset({"User.Read.All"}))
    with loopback_graph(tenant) as lab:
        token = lab.tokens(tenant).token()
    assert (token.tenant_id, token.granted, token.delegated) == (tenant.id, {"User.Read.All"}, False)


def test_a_token_is_asked_for_once_and_then_comes_from_memory() -> None:
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        source = lab.tokens(tenant)
        assert source.token().value.reveal() == source.token().value.reveal()
        assert lab.sign_in.asked == 1


def test_a_wrong_secret_is_told_plainly_and_never_tried_again() -> None:
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        with pytest.raises(SignInFailed, match="the client secret is wrong") as refused:
            lab.tokens(tenant, secret=Secret("wr0ng")).token()
        assert lab.sign_in.asked == 1
    assert refused.value.code == "7000215"
    assert refused.value.reason is GapReason.DENIED
    assert "value, not its id" in refused.value.hint
    assert refused.value.correlation_id


@pytest.mark.parametrize("way", ["two files", "one file", "locked key", "pfx", "locked pfx"])
def test_a_certificate_signs_with_ps256(way: str, tmp_path: Path) -> None:
    app = app_certificate()
    tenant = LabTenant(certificate=app.pem)
    certificate, key = app.written(tmp_path, "p4ss" if way == "locked key" else "")
    both, pfx, locked = tmp_path / "both.pem", tmp_path / "app.pfx", tmp_path / "locked.pfx"
    both.write_bytes(app.key_pem() + app.pem)
    pfx.write_bytes(app.pfx())
    locked.write_bytes(app.pfx("p4ss"))
    how = {
        "two files": {"certificate_file": certificate, "key_file": key},
        "one file": {"certificate_file": both},
        "locked key": {"certificate_file": certificate, "key_file": key, "passphrase": Secret("p4ss")},
        "pfx": {"pfx_file": pfx},
        "locked pfx": {"pfx_file": locked, "passphrase": Secret("p4ss")},
    }[way]
    with loopback_graph(tenant) as lab:
        assert lab.tokens(tenant, **how).token().tenant_id == tenant.id
        assert lab.sign_in.algorithms == ["PS256"]


def test_a_key_with_a_thumbprint_signs_with_rs256(tmp_path: Path) -> None:
    app = app_certificate()
    tenant = LabTenant(certificate=app.pem)
    _, key = app.written(tmp_path)
    with loopback_graph(tenant) as lab:
        assert lab.tokens(tenant, key_file=key, thumbprint=app.sha1.lower()).token().tenant_id == tenant.id
        assert lab.sign_in.algorithms == ["RS256"]


def test_a_certificate_that_is_not_registered_is_told_so(tmp_path: Path) -> None:
    certificate, key = app_certificate().written(tmp_path)
    tenant = LabTenant(certificate=app_certificate().pem)
    with loopback_graph(tenant) as lab, pytest.raises(SignInFailed, match="not registered with the application"):
        lab.tokens(tenant, certificate_file=certificate, key_file=key).token()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("certificate alone", "holds no private key"),
        ("pfx without key", "holds no private key"),
        ("absent", "cannot be read: No such file"),
        ("locked key", "is locked, and no passphrase is given"),
        ("wrong passphrase", "is damaged, or its passphrase is wrong"),
        ("wrong pfx passphrase", "its passphrase is missing or wrong"),
        ("other key", "the private key is not the certificate's"),
        ("expired", "the certificate expired on 20"),
        ("not yet", "the certificate is valid from 20"),
        ("elliptic", "is not RSA"),
        ("no pem", "holds no certificate in PEM form"),
        ("nothing", "neither a certificate with its key nor a secret"),
    ],
)
def test_bad_certificates_are_refused_before_anything_is_sent(wrong: str, words: str, tmp_path: Path) -> None:
    app = app_certificate(
        days=-1 if wrong == "expired" else 30,
        age_days=-3 if wrong == "not yet" else 9,
        kind="ec" if wrong == "elliptic" else "rsa",
    )
    certificate, key = app.written(tmp_path, "p4ss" if wrong in ("locked key", "wrong passphrase") else "")
    pfx = tmp_path / "app.pfx"
    pfx.write_bytes(app.pfx("" if wrong == "pfx without key" else "p4ss", with_key=wrong != "pfx without key"))
    if wrong == "other key":
        key.write_bytes(other_key())
    if wrong == "no pem":
        certificate.write_bytes(b"no certificate at all")
    pair = {"certificate_file": certificate, "key_file": key}
    how = {
        "certificate alone": {"certificate_file": certificate},
        "pfx without key": {"pfx_file": pfx},
        "absent": {"certificate_file": tmp_path / "absent.pem"},
        "wrong passphrase": {**pair, "passphrase": Secret("wr0ng")},
        "wrong pfx passphrase": {"pfx_file": pfx, "passphrase": Secret("wr0ng")},
        "nothing": {"secret": None},
    }.get(wrong, pair)
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        with pytest.raises(SignInFailed, match=words) as refused:
            lab.tokens(tenant, **how).token()
        assert lab.sign_in.asked == 0
    assert "p4ss" not in str(refused.value)


def test_an_unknown_tenant_is_told_by_the_service_itself() -> None:
    with loopback_graph(LabTenant()) as lab, pytest.raises(SignInFailed, match="the tenant does not exist") as refused:
        lab.tokens(LabTenant()).token()
    assert refused.value.code == "90002"


def test_a_missing_consent_names_the_page_that_grants_it() -> None:
    tenant = LabTenant()
    with loopback_graph(tenant) as lab, pytest.raises(ConsentMissing, match="not known in this tenant") as refused:
        lab.tokens(tenant, client_id="other-app").token()
    assert f"{lab.login}/{tenant.id}/adminconsent?client_id=other-app" in refused.value.hint


def test_a_token_of_another_tenant_is_never_used() -> None:
    tenant, other = LabTenant(), LabTenant()
    tenant.token_tenant = other.id
    with loopback_graph(tenant, other) as lab:
        with pytest.raises(WrongTenant, match=other.id) as refused:
            lab.client(tenant).get("/organization")
        assert lab.requests == []
    assert refused.value.reason is GapReason.REFUSED


def test_a_domain_stands_for_the_tenant_it_resolves_to() -> None:
    tenant = LabTenant(domain="boulangerie.test")
    with loopback_graph(tenant) as lab:
        assert lab.tokens(tenant, tenant="Boulangerie.test").token().tenant_id == tenant.id
        tenant.token_tenant = LabTenant().id
        with pytest.raises(WrongTenant):
            lab.tokens(tenant, tenant="boulangerie.test").token()


@pytest.mark.parametrize(
    "tenant", ["common", "organizations", "", "a b", "contoso.test/../other", "contoso.test?x", "[::1]", "x" * 300]
)
def test_a_tenant_that_is_no_id_and_no_domain_is_refused_before_anything_is_sent(
    lab: LoopbackGraph, tenant: str
) -> None:
    with pytest.raises(SignInFailed, match="is neither"):
        lab.tokens(LabTenant(), tenant=tenant).token()


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.bm90IGpzb24.c", "a.W10.c", ""])
def test_a_token_that_tells_no_tenant_says_nothing(token: str) -> None:
    assert claims_of(token) == {}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, b"<html>captive portal</html>"), "did not answer as a Microsoft sign-in service"),
        ((200, b"{}"), "did not answer as a Microsoft sign-in service"),
        ((404, b""), "did not answer as a Microsoft sign-in service"),
        ((302, b""), "did not answer as a Microsoft sign-in service"),
    ],
)
def test_whatever_else_answers_for_the_service_is_told_so(answer: tuple[int, bytes], words: str) -> None:
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        lab.sign_in.answers.append(answer)
        with pytest.raises(SignInFailed, match=words) as refused:
            lab.tokens(tenant).token()
    assert refused.value.reason is GapReason.UNPARSABLE


def test_a_busy_service_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("collectors.cloud.tokens.SignInWire", lambda policy: SignInWire(policy, sleep=waits.append))
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        lab.sign_in.answers += [(503, b""), (429, b"")]
        assert lab.tokens(tenant).token().tenant_id == tenant.id
    assert len(waits) == 2


def test_a_service_that_stays_busy_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.cloud.tokens.SignInWire", lambda policy: SignInWire(policy, sleep=lambda _: None))
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        lab.sign_in.answers += [(503, b"")] * 9
        with pytest.raises(TenantUnreachable, match="out of order"):
            lab.tokens(tenant).token()


def test_an_authority_nobody_trusts_is_refused() -> None:
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        source = EntraTokens(lab.credential(tenant), policy=CloudPolicy(proxies={}), cache=msal.TokenCache())
        with pytest.raises(TenantUnreachable, match="certificate was not accepted") as refused:
            source.token()
    assert "CA bundle" in refused.value.hint


def test_the_environment_decides_neither_trust_nor_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(empty))
    for name in ("NO_PROXY", "no_proxy"):  # which would keep anybody off the proxy
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("MSAL_FORCE_REGION", "westeurope")
    tenant = LabTenant()
    with loopback_graph(tenant, tls=True) as lab:
        assert lab.client(tenant).get("/organization")["value"][0]["id"] == tenant.id


def test_renewing_one_tenant_leaves_the_others_of_the_same_application_alone() -> None:
    client_id, cache = "one-msp-app", msal.TokenCache()
    tenants = [LabTenant(client_id=client_id) for _ in range(3)]
    with loopback_graph(*tenants) as lab:
        sources = [EntraTokens(lab.credential(t), policy=lab.policy(), cache=cache) for t in tenants]
        before = [source.token().value.reveal() for source in sources]
        renewed = sources[0].renew(sources[0].token())
        assert renewed.value.reveal() != before[0]
        assert [source.token().value.reveal() for source in sources] == [renewed.value.reveal(), *before[1:]]
        assert lab.sign_in.asked == 4


def test_a_hundred_tenants_in_parallel_share_one_cache_and_never_mix_tokens() -> None:
    cache, client_id = msal.TokenCache(), "one-msp-app"
    tenants = [LabTenant(client_id=client_id) for _ in range(100)]
    barrier = threading.Barrier(20)

    def sign_in(tenant: LabTenant) -> set[str]:
        barrier.wait(timeout=240)
        source = EntraTokens(lab.credential(tenant), policy=lab.policy(), cache=cache)
        return {source.token().tenant_id for _ in range(3)}

    with loopback_graph(*tenants) as lab, ThreadPoolExecutor(20) as pool:
        assert list(pool.map(sign_in, tenants)) == [{tenant.id} for tenant in tenants]
        assert lab.sign_in.asked == 100


def test_the_cache_of_a_run_is_one_and_in_memory() -> None:
    assert shared_cache() is shared_cache()
    assert not isinstance(shared_cache(), msal.SerializableTokenCache)


def test_without_a_person_a_device_code_is_refused() -> None:
    tenant = LabTenant()
    with loopback_graph(tenant) as lab, pytest.raises(SignInFailed, match="needs a person"):
        lab.tokens(tenant, device_code=True).token()


def test_no_secret_and_no_token_in_repr_log_or_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tenant = LabTenant()
    with loopback_graph(tenant) as lab:
        source, client = lab.tokens(tenant), lab.client(tenant)
        token = source.token()
        client.get("/organization")
        tenant.csv["getOffice365ActiveUserDetail"] = b""
        client.report("/reports/getOffice365ActiveUserDetail(period='D180')")
        with pytest.raises(TenantError) as refused:
            lab.tokens(tenant, secret=Secret("wr0ng-s3cr3t")).token()
        told = f"{source!r} {client!r} {token!r} {lab.credential(tenant)!r} {lab.policy()!r} {refused.value!r}"
        issued = list(lab.sign_in.issued)
    for text in (told, caplog.text):
        assert tenant.secret not in text
        assert "wr0ng-s3cr3t" not in text
        assert not any(value in text or value.split(".")[2] in text for value in issued)
        assert "data/download" not in text


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_known_refusal_says_what_it_is_and_what_to_do(lab: LoopbackGraph, code: str) -> None:
    answer = {"error": "invalid_client", "error_codes": [int(code)], "error_description": f"AADSTS{code}: words"}
    error = explain("contoso", answer, lab.credential(LabTenant()))
    assert f"(AADSTS{code})" in error.problem
    assert error.hint
    assert isinstance(error, ConsentMissing) == REFUSALS[code].consent


def test_an_unknown_refusal_keeps_its_first_words_its_number_and_its_correlation_id(lab: LoopbackGraph) -> None:
    answer = {
        "error": "invalid_grant",
        "error_description": "AADSTS999999: Something \x1b[31mnew.\r\nTrace ID: 1\r\nCorrelation ID: 2",
        "correlation_id": "c0ffee",
    }
    error = explain("contoso", answer, lab.credential(LabTenant()))
    assert isinstance(error, SignInFailed)
    assert error.problem == "signing in failed: AADSTS999999: Something [31mnew."
    assert error.code == "999999"
    assert "c0ffee" in error.hint


def test_a_service_that_echoes_the_secret_does_not_get_it_into_our_words(lab: LoopbackGraph) -> None:
    tenant = LabTenant()
    answer = {"error": "invalid_client", "error_description": f"no good: {tenant.secret}"}
    assert tenant.secret not in str(explain("contoso", answer, lab.credential(tenant)))


@pytest.fixture(scope="module")
def lab():
    with loopback_graph() as running:
        yield running
