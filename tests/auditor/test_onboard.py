"""Onboarding: exact steps, least permissions, commands that work."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from auditor.checkup.tenants import covers
from auditor.config import load
from auditor.exits import Exit
from auditor.onboarding import EXTRAS, key_of
from collectors.cloud import discover
from collectors.cloud.permissions import PERMISSIONS
from collectors.cloud.tokens import EntraTokens
from reports.texts import Texts, languages
from tests.lab.graph import loopback_graph, made_tenant

Auditor = Callable[..., Result]
_APP_ID = "11111111-2222-3333-4444-555555555555"


def test_the_permissions_asked_for_are_those_the_questions_need() -> None:
    named = {permission.name for permission in PERMISSIONS}
    for question in discover():
        assert question.permissions[0] in named, f"{question.name} asks for a permission nobody is told to grant"
        assert covers(named, question.permissions[0])


def test_every_optional_permission_can_be_asked_for() -> None:
    assert set(EXTRAS.values()) == {permission.name for permission in PERMISSIONS if permission.optional}


def test_no_permission_is_for_writing() -> None:
    assert not [permission.name for permission in PERMISSIONS if "Write" in permission.name]


@pytest.mark.parametrize("language", languages())
def test_every_permission_says_why_and_what_its_absence_costs(language: str) -> None:
    texts = Texts(language, strict=True)
    for permission in PERMISSIONS:
        for what in ("why", "cost"):
            assert texts.text(f"cli.permission.{key_of(permission.name)}.{what}")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("more", [(), ("--multi-tenant",), ("--with", "all")])
def test_the_guide_is_whole_in_each_language(auditor: Auditor, language: str, more: tuple[str, ...]) -> None:
    shown = auditor("onboard", "m365", "--lang", language, *more)
    assert shown.exit_code == 0
    assert "[?" not in shown.stdout, "a text is missing"
    assert max(len(line) for line in shown.stdout.splitlines()) <= 125


def test_only_what_every_audit_needs_is_asked_for_unless_more_is_wished(auditor: Auditor) -> None:
    plain = auditor("onboard", "m365", "--lang", "en").stdout
    assert len(re.findall("=Role", plain)) == 4
    assert "AuditLog.Read.All (--with sign-ins)" in plain
    chosen = auditor("onboard", "m365", "--lang", "en", "--with", "sign-ins, devices").stdout
    assert "b0afded3-3588-46d8-8b3d-9842eff778da=Role" in chosen
    assert "2f51be20-0bb4-4fed-bf7b-db946066c75e=Role" in chosen
    assert len(re.findall("=Role", chosen)) == 6
    assert len(re.findall("=Role", auditor("onboard", "m365", "--with", "all").stdout)) == len(PERMISSIONS)


def test_what_is_known_is_filled_in(auditor: Auditor) -> None:
    shown = auditor("onboard", "m365", "--tenant", "Contoso.com", "--client-id", _APP_ID, "--lang", "en").stdout
    assert f"https://login.microsoftonline.com/contoso.com/adminconsent?client_id={_APP_ID}" in shown
    assert 'tenant = "contoso.com"' in shown
    assert "single tenant" in shown
    assert "AzureADMyOrg" in shown
    assert "az ad app permission admin-consent" in shown


def test_one_application_for_all_clients_goes_into_the_providers_file(auditor: Auditor) -> None:
    shown = auditor("onboard", "m365", "--multi-tenant", "--client-id", _APP_ID, "--lang", "en").stdout
    assert "AzureADMultipleOrgs" in shown
    assert f"/TENANT-ID/adminconsent?client_id={_APP_ID}" in shown
    assert "In provider.toml" in shown
    assert "admin-consent --id" not in shown, "consent is each client's, not the provider's"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--with", "sign-in"), "Did you mean `sign-ins`?"),
        (("--tenant", "common"), "means any tenant"),
        (("--client-id", "abc"), "looks like"),
        (("--name", 'x"; rm -rf'), "letters, digits"),
        (("--lang", "de"), "'de' is not one of"),
    ],
)
def test_what_would_spoil_a_command_is_refused(auditor: Auditor, arguments: tuple[str, ...], part: str) -> None:
    refused = auditor("onboard", "m365", *arguments)
    assert refused.exit_code == Exit.USAGE
    assert part in refused.stderr


@pytest.mark.peer
def test_the_certificate_that_the_guide_makes_signs_in(auditor: Auditor, tmp_path: Path) -> None:
    """Its own commands, run by a shell; the sign-in service checks the signature."""
    import shutil

    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    shown = auditor("onboard", "m365", "--lang", "en").stdout
    (commands,) = re.findall(r"^    \(umask.*?\)$", shown, re.MULTILINE | re.DOTALL)
    subprocess.run(["sh", "-ec", commands], cwd=tmp_path, check=True, capture_output=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["auditor.crt", "auditor.pem"]
    assert (tmp_path / "auditor.pem").stat().st_mode & 0o077 == 0
    tenant = made_tenant(users=1)
    tenant.certificate = (tmp_path / "auditor.crt").read_bytes()
    with loopback_graph(tenant) as lab:
        credential = lab.credential(tenant, certificate_file=tmp_path / "auditor.pem")
        assert EntraTokens(credential, policy=lab.policy()).token().tenant_id == tenant.id


@pytest.mark.parametrize("multi_tenant", [False, True])
def test_the_settings_the_guide_prints_are_read_as_they_stand(
    auditor: Auditor, tmp_path: Path, multi_tenant: bool
) -> None:
    how = ("--multi-tenant",) if multi_tenant else ()
    shown = auditor("onboard", "m365", "--tenant", "contoso.com", "--client-id", _APP_ID, "--lang", "en", *how).stdout
    text = shown[shown.index("    [credentials.microsoft365]") : shown.index("auditor doctor")]
    lines = "\n".join(line.strip() for line in text.splitlines() if line.startswith("    "))
    provider, _, own = lines.partition("# client.toml\n") if multi_tenant else ("", "", lines)
    folder = tmp_path / "client"
    folder.mkdir()
    (tmp_path / "provider.toml").write_text(provider)
    (folder / "client.toml").write_text(f'[client]\nname = "c"\n{own}')
    (tenant,) = load(folder).tenants
    assert (tenant.target.address, tenant.client_id) == ("contoso.com", _APP_ID)
