"""Tenants, applications, terms and the provider's file: what they mean, and how each mistake is told."""

import os
from datetime import date
from pathlib import Path

import pytest

from auditor.config import load
from auditor.errors import SecretError, SettingsError
from auditor.inventory import select
from auditor.login import cloud_credentials
from auditor.settings import ClientSettings
from collectors.model import Protocol
from rules.contract import LicenseException

_APP_ID = "11111111-2222-3333-4444-555555555555"
_APP = f"""
[credentials.app]
kind = "m365"
client_id = "{_APP_ID}"
certificate_file = "auditor.pem"
"""
_TENANT = """
[[tenants]]
name = "cloud"
tenant = "Contoso.com"
credential = "app"
"""


def _folder(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "clients" / "fournil"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "client.toml").write_text(f'[client]\nname = "Fournil"\n{text}', "utf-8")
    return folder


def _load(tmp_path: Path, text: str) -> ClientSettings:
    return load(_folder(tmp_path, text))


def _refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, text)
    assert caught.value.subject.endswith("client.toml"), "the message names the file"
    return str(caught.value)


def test_a_tenant_and_its_application_arrive(tmp_path: Path) -> None:
    text = _APP + _TENANT + 'labels = ["licences"]\ncloud = "us-government"\n'
    settings = _load(tmp_path, text)
    (tenant,) = settings.tenants
    assert (tenant.target.name, tenant.target.protocol) == ("cloud", Protocol.M365)
    assert tenant.target.address == "contoso.com"
    assert tenant.client_id == _APP_ID
    assert tenant.app.certificate_file == settings.folder / "auditor.pem"
    assert tenant.endpoints.graph == "https://graph.microsoft.us/v1.0"
    assert select(["@licences"], client=settings).targets == (tenant.target,)
    assert select(["cloud"], client=settings).targets == (tenant.target,)
    assert settings.everything == (tenant.target,)


@pytest.mark.parametrize("name", ["auditor.pfx", "AUDITOR.P12"])
def test_a_pfx_is_known_by_its_name(tmp_path: Path, name: str) -> None:
    text = _APP.replace("auditor.pem", name) + 'passphrase = "env:PFX"\n' + _TENANT
    app = _load(tmp_path, text).tenants[0].app
    assert app.certificate_file is None
    assert app.pfx_file is not None
    assert app.pfx_file.name == name


def test_everything_agreed_about_licenses_arrives(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        """
[limits]
renewal_horizon_days = 60
[m365]
inactive_days = 120
starter_grace_days = 15
usage_max_age_days = 5
seat_limit = 250
seat_limit_per_sku = true
apps_for_business_counts = true
mailbox_types = true
spare_seats = { SPB = 2 }
non_billable = { "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46" = 10 }
left_out = ["VISIOCLIENT"]
[[m365.exceptions]]
who = "marie@contoso.com"
product = "SPB"
reason = "maternity leave"
until = 2027-03-31
""",
    )
    terms = settings.contract.m365
    assert (terms.inactive_days, terms.starter_grace_days, terms.usage_max_age_days) == (120, 15, 5)
    assert (terms.seat_limit, terms.seat_limit_per_sku, terms.apps_for_business_counts) == (250, True, True)
    assert terms.spare_seats == {"SPB": 2}
    assert terms.non_billable == {"cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46": 10}
    assert terms.left_out == ("VISIOCLIENT",)
    assert terms.exceptions == (
        LicenseException(who="marie@contoso.com", product="SPB", reason="maternity leave", until=date(2027, 3, 31)),
    )
    assert settings.mailbox_types
    assert settings.contract.renewal_horizon_days == 60


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (_TENANT, ('tenants[1] ("cloud").credential', "there is no credential 'app'", "provider")),
        (_APP + _TENANT.replace("Contoso.com", "common"), ("tenants[1]", ".tenant", "means any tenant")),
        (_APP + _TENANT.replace("Contoso.com", "contoso"), (".tenant", "neither a tenant id (a GUID) nor a domain")),
        (_APP + _TENANT.replace("Contoso.com", "https://contoso.com"), (".tenant", "neither")),
        (_APP + _TENANT + 'cloud = "chine"\n', (".cloud", "'chine' is not one of global", "Did you mean `china`?")),
        (_APP + _TENANT + 'client_id = "secret~value"\n', (".client_id", "an application (client) id looks like")),
        (_APP + _TENANT + 'cleint_id = "x"\n', ("cleint_id: unknown key", "Did you mean `client_id`?")),
        (_APP + _TENANT + _TENANT, ("tenants[2]", ".name", "the same as that of tenants[1]")),
        (_APP + _TENANT + _TENANT.replace("cloud", "other"), (".tenant", "the same as that of tenants[1]")),
        (_APP + _TENANT.replace("cloud", "@cloud"), (".name", "cannot start with @")),
        (_APP + '[[machines]]\nname = "Cloud"\n' + _TENANT, ("tenants[1]", "a machine has this name already")),
        (_APP + '[[machines]]\nname = "pc"\ncredential = "app"\n', ("machines[1]", "signs in to Microsoft 365")),
        ('[credentials.app]\nuser = "x"\n' + _TENANT, ("tenants[1]", 'a tenant needs kind = "m365"')),
        (_APP.replace("m365", "m356"), ("credentials.app.kind", "'m356' is not one of login, m365")),
        (_APP + 'secret = "env:S"\n', ("credentials.app", "one way to sign in", "names several")),
        (_APP.replace("certificate_file", "# "), ("credentials.app", "names none", "device_code")),
        (_APP + 'user = "x"\n', ("credentials.app.user", "unknown key")),
        (_APP.replace('certificate_file = "auditor.pem"', 'secret = "S3cret~in-clear"'), ("credentials.app.secret",)),
        (_APP.replace("certificate_file", "key_file"), ("credentials.app", "names none")),
        (_APP.replace('certificate_file = "auditor.pem"', 'thumbprint = "AB"'), ("thumbprint", "key_file")),
        (_APP.replace("auditor.pem", "a.pfx") + 'key_file = "k"\n', ("key_file", "holds its key itself")),
        (
            _APP.replace('certificate_file = "auditor.pem"', 'secret = "env:S"') + 'passphrase = "env:P"\n',
            ("passphrase", "none is named"),
        ),
        ("[credentials]\napp = 3\n", ("credentials.app", "expected")),
        ('tenants = "x"\n[credentials]\n', ("client.tenants: unknown key",)),
        ("[tenants]\n", ("tenants: expected tables [[tenants]]",)),
        ("[m365]\ninactiv_days = 3\n", ("m365.inactiv_days: unknown key", "Did you mean `inactive_days`?")),
        ("[m365]\ninactive_days = -1\n", ("m365.inactive_days", "at least 0")),
        ("[m365]\nspare_seats = { SPB = -1 }\n", ("m365.spare_seats", "at least 0")),
        ('[m365]\nspare_seats = { " SPB" = 1 }\n', ("m365.spare_seats", "is no SKU")),
        ('[m365]\nleft_out = [""]\n', ("m365.left_out", "is no SKU")),
        (
            '[[m365.exceptions]]\nwho = "a@b.fr"\nreason = "x"\n',
            ('m365.exceptions[1] ("a@b.fr")', "`until` is missing"),
        ),
        ('[[m365.exceptions]]\nwho = "a@b.fr"\nreason = ""\nuntil = 2027-01-01\n', ("reason", "not an empty one")),
        (
            '[[m365.exceptions]]\nwho = "a@b.fr"\nreason = "x"\nuntil = "soon"\n',
            ("m365.exceptions[1]", ".until: expected a date"),
        ),
        (
            '[[m365.exceptions]]\nwho = "a@b.fr"\nreason = "x"\nuntil = 2027-01-01\n' * 2,
            ("m365.exceptions[2]", "the same person and product"),
        ),
        ("[m365]\nexceptions = [3]\n", ("m365.exceptions[1]", "expected a table")),
        ('[graph]\nlogin = "http://login.example"\n', ("graph.login", "must begin with https://")),
        ('[graph]\nurl = "graph.example"\n', ("graph.url", "must begin with https://")),
    ],
)
def test_every_mistake_is_told_with_key_and_problem(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    said = _refused(tmp_path, text)
    for part in parts:
        assert part in said
    assert "S3cret" not in said
    assert "secret~value" not in said


def test_an_application_without_an_id_needs_one_at_the_tenant(tmp_path: Path) -> None:
    bare = _APP.replace(f'client_id = "{_APP_ID}"', "")
    assert "client_id: the application (client) id is missing" in _refused(tmp_path, bare + _TENANT)
    assert _load(tmp_path, bare + _TENANT + f'client_id = "{_APP_ID}"\n').tenants[0].client_id == _APP_ID


def _provider(tmp_path: Path, text: str) -> Path:
    (tmp_path / "clients").mkdir(exist_ok=True)
    file = tmp_path / "clients" / "provider.toml"
    file.write_text(text, "utf-8")
    return file


def test_one_application_of_the_provider_serves_every_client_beside_it(tmp_path: Path) -> None:
    _provider(tmp_path, _APP + "[graph]\nlongest_wait_s = 30\n")
    settings = _load(tmp_path, _TENANT)
    assert settings.tenants[0].app.certificate_file == tmp_path / "clients" / "auditor.pem", "beside provider.toml"
    assert settings.graph.longest_wait_s == 30
    own = _load(tmp_path, _APP.replace("auditor.pem", "own.pem") + _TENANT + "[graph]\nlongest_wait_s = 5\n")
    assert own.tenants[0].app.certificate_file == own.folder / "own.pem", "the client's own counts"
    assert own.graph.longest_wait_s == 5


def test_the_providers_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "shared.toml"
    elsewhere.write_text(_APP)
    monkeypatch.setenv("AUDITOR_PROVIDER", str(elsewhere))
    assert _load(tmp_path, _TENANT).tenants[0].app.name == "app"
    monkeypatch.setenv("AUDITOR_PROVIDER", str(tmp_path / "absent.toml"))
    with pytest.raises(SettingsError, match="AUDITOR_PROVIDER: there is no file"):
        _load(tmp_path, _TENANT)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[machines]\n", "machines: unknown key"),
        ("format = 9\n", "format: this auditor reads format 1"),
        ("[credentials.app\n", "not valid TOML"),
        ('[credentials.app]\nkind = "m365"\n', "credentials.app: one way to sign in"),
    ],
)
def test_mistakes_in_the_providers_file_name_that_file(tmp_path: Path, text: str, part: str) -> None:
    file = _provider(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, _TENANT)
    assert caught.value.subject == str(file)
    assert part in str(caught.value)


def test_a_relative_client_folder_finds_the_providers_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _provider(tmp_path, _APP)
    monkeypatch.chdir(_folder(tmp_path, _TENANT))
    assert load(Path()).tenants[0].app.name == "app"


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    settings = _load(tmp_path, _APP + _TENANT)
    assert cloud_credentials(settings.tenants)["cloud"].certificate_file is not None, "an absent one is told in use"
    key = settings.folder / "auditor.pem"
    key.write_text("")
    key.chmod(0o644)
    with pytest.raises(SecretError, match="other users may read it"):
        cloud_credentials(settings.tenants)
    key.chmod(0o600)
    cloud_credentials(settings.tenants)


def test_secrets_are_resolved_for_the_tenants_of_the_run_and_stay_out_of_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _APP.replace('certificate_file = "auditor.pem"', 'secret = "env:M365_SECRET"') + _TENANT
    settings = _load(tmp_path, text)
    with pytest.raises(SecretError, match="M365_SECRET"):
        cloud_credentials(settings.tenants)
    monkeypatch.setenv("M365_SECRET", "hunter2~")
    credential = cloud_credentials(settings.tenants)["cloud"]
    assert credential.secret is not None
    assert credential.secret.reveal() == "hunter2~"
    assert "hunter2" not in repr(credential)


@pytest.mark.parametrize("text", ["m365://Contoso.com", "m365://contoso.com/"])
def test_a_tenant_is_named_by_its_address(text: str) -> None:
    (target,) = select([text]).targets
    assert (target.protocol, target.name, target.address) == (Protocol.M365, "contoso.com", "contoso.com")


@pytest.mark.parametrize(
    "text", ["m365://", "m365://common", "m365://contoso", "m365://a b.com", "m365://contoso.com/x"]
)
def test_an_address_that_names_no_tenant_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        select([text])


def test_a_password_in_a_tenants_address_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        select(["m365://admin:hunter2@contoso.com"])
    assert "hunter2" not in str(caught.value)
