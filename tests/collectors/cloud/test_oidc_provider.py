"""Signing in against npm's oidc-provider, a certified OAuth server over TLS: every way a tenant can be entered."""

from collections.abc import Iterator
from pathlib import Path

import msal
import pytest

from collectors.cloud.policy import DeviceCode
from collectors.cloud.tokens import EntraTokens
from collectors.credentials import Secret
from collectors.errors import SignInFailed
from collectors.model import GapReason
from tests.lab.oidc import CLIENT, SECRET, TENANT, OidcProvider, oidc_provider

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    folder = tmp_path_factory.mktemp("oidc")
    with oidc_provider(folder, roles=("User.Read.All", "Reports.Read.All"), scopes=("User.Read.All",)) as running:
        yield running


def tokens(provider: OidcProvider, **how: object) -> EntraTokens:
    return EntraTokens(provider.credential(**how), policy=provider.policy, cache=msal.TokenCache())


def test_a_secret_signs_in_and_the_roles_of_the_token_are_read(provider: OidcProvider) -> None:
    source = tokens(provider, secret=Secret(SECRET))
    token = source.token()
    assert token.tenant_id == TENANT
    assert token.granted == {"User.Read.All", "Reports.Read.All"}
    assert not token.delegated
    assert source.token() == token or source.token().value.reveal() == token.value.reveal()


def test_a_wrong_secret_is_refused_in_words(provider: OidcProvider) -> None:
    with pytest.raises(SignInFailed, match="signing in failed") as refused:
        tokens(provider, secret=Secret("wr0ng~secret")).token()
    assert "wr0ng" not in str(refused.value)
    assert refused.value.reason is GapReason.DENIED


def test_a_certificate_signs_with_ps256(provider: OidcProvider, tmp_path: Path) -> None:
    certificate, key = provider.certificate.written(tmp_path)
    how = {"client_id": f"{CLIENT}-certificate", "certificate_file": certificate, "key_file": key}
    assert tokens(provider, **how).token().tenant_id == TENANT


def test_a_pfx_with_passphrase_signs_in(provider: OidcProvider, tmp_path: Path) -> None:
    pfx = tmp_path / "app.pfx"
    pfx.write_bytes(provider.certificate.pfx("p4ssphrase"))
    how = {"client_id": f"{CLIENT}-certificate", "pfx_file": pfx, "passphrase": Secret("p4ssphrase")}
    assert tokens(provider, **how).token().granted == {"User.Read.All", "Reports.Read.All"}


def test_a_key_with_a_thumbprint_signs_with_rs256(provider: OidcProvider, tmp_path: Path) -> None:
    _, key = provider.certificate.written(tmp_path)
    how = {"client_id": f"{CLIENT}-certificate", "key_file": key, "thumbprint": provider.certificate.sha1}
    assert tokens(provider, **how).token().tenant_id == TENANT


def test_the_wrong_certificate_is_refused(provider: OidcProvider, tmp_path: Path) -> None:
    from tests.lab.keys import other_key

    key = tmp_path / "other.key"
    key.write_bytes(other_key())
    how = {"client_id": f"{CLIENT}-certificate", "key_file": key, "thumbprint": provider.certificate.sha1}
    with pytest.raises(SignInFailed, match="signing in failed"):
        tokens(provider, **how).token()


def device_tokens(provider: OidcProvider, verb: str, shown: list[DeviceCode]) -> EntraTokens:
    from dataclasses import replace

    def show(code: DeviceCode) -> None:
        shown.append(code)
        if verb:
            provider.decide(verb, code.code)

    policy = replace(provider.policy, show_device_code=show, device_code_wait_s=30 if verb else 0.5)
    credential = provider.credential(client_id=f"{CLIENT}-device", device_code=True)
    return EntraTokens(credential, policy=policy, cache=msal.TokenCache())


def test_a_device_code_is_shown_and_the_persons_rights_are_read(provider: OidcProvider) -> None:
    shown: list[DeviceCode] = []
    source = device_tokens(provider, "approve", shown)
    token = source.token()
    assert token.delegated
    assert token.granted == {"User.Read.All"}
    assert shown[0].url.startswith("https://localhost")
    renewed = source.renew(token)
    assert renewed.value.reveal() != token.value.reveal()
    assert len(shown) == 1, "the person is not asked twice"


def test_a_device_code_that_nobody_enters_ends_in_time(provider: OidcProvider) -> None:
    shown: list[DeviceCode] = []
    with pytest.raises(SignInFailed, match="device code was not entered in time") as late:
        device_tokens(provider, "", shown).token()
    assert late.value.reason is GapReason.TIMED_OUT
    assert shown


def test_a_person_who_declines_is_told_so(provider: OidcProvider) -> None:
    with pytest.raises(SignInFailed, match="declined"):
        device_tokens(provider, "deny", []).token()
