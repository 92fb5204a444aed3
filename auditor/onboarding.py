"""How to let auditor into a Microsoft 365 tenant: the steps, the permissions and why, commands ready to copy.

Sources: Microsoft's "Quickstart: Register an application in Microsoft Entra ID", "Create a self-signed public
certificate to authenticate your application", "Grant tenant-wide admin consent to an application", the reference of
`az ad app`. Words come from the locale files, commands are the same in each language.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from textwrap import fill, indent

from collectors.cloud.credentials import CloudEndpoints
from collectors.cloud.permissions import GRAPH_APPLICATION_ID, PERMISSIONS, Permission
from reports.texts import Texts

# What `--with` calls an optional permission.
EXTRAS = {
    "sign-ins": "AuditLog.Read.All",
    "report-settings": "ReportSettings.Read.All",
    "groups": "GroupMember.Read.All",
    "devices": "DeviceManagementManagedDevices.Read.All",
    "mailbox-types": "MailboxSettings.Read",
}
_WIDTH = 110
_CERTIFICATE = """\
(umask 077
openssl req -x509 -newkey rsa:3072 -sha256 -days 730 -nodes -subj "/CN={name}" -keyout auditor.key -out auditor.crt
cat auditor.key auditor.crt > auditor.pem && rm auditor.key)"""
_CERTIFICATE_WINDOWS = """\
$cert = New-SelfSignedCertificate -Subject "CN={name}" -CertStoreLocation Cert:\\CurrentUser\\My `
  -KeyExportPolicy Exportable -KeySpec Signature -KeyLength 3072 -HashAlgorithm SHA256 -NotAfter (Get-Date).AddYears(2)
Export-Certificate -Cert $cert -FilePath auditor.crt
Export-PfxCertificate -Cert $cert -FilePath auditor.pfx -Password (Read-Host -AsSecureString)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to print. `tenant` and `client_id` are placeholders where they are not known yet."""

    tenant: str = "TENANT-ID"
    client_id: str = "APPLICATION-ID"
    name: str = "auditor"
    multi_tenant: bool = False
    extras: frozenset[str] = frozenset()


def key_of(permission: str) -> str:
    """The key of a permission's texts: "User.Read.All" -> "user_read_all"."""
    return permission.replace(".", "_").lower()


def asked(extras: Collection[str]) -> tuple[Permission, ...]:
    """The permissions to ask for: those every audit needs, and the chosen extras."""
    chosen = {EXTRAS[extra] for extra in extras}
    return tuple(permission for permission in PERMISSIONS if not permission.optional or permission.name in chosen)


def guide(wanted: Wanted, language: str) -> str:
    """The whole procedure as text for a terminal."""
    return "\n".join(_Guide(wanted, Texts(language)).lines()) + "\n"


class _Guide:
    def __init__(self, wanted: Wanted, texts: Texts) -> None:
        self._wanted = wanted
        self._texts = texts
        self._number = 0

    def lines(self) -> Iterator[str]:
        wanted = self._wanted
        yield self._say("title")
        yield ""
        yield self._wrapped(self._say("about"))
        yield self._wrapped(self._say("many_tenants" if wanted.multi_tenant else "one_tenant"))
        yield from self._permissions()
        yield from self._step("certificate")
        yield _code(_CERTIFICATE.format(name=wanted.name))
        yield self._wrapped(self._say("certificate_windows"))
        yield _code(_CERTIFICATE_WINDOWS.format(name=wanted.name))
        yield from self._step("portal")
        kind = "step_multi" if wanted.multi_tenant else "step_single"
        for step in ("step_new", kind, "step_redirect", "step_upload", "step_permissions", "step_ids"):
            yield self._wrapped(f"   - {self._say(step, name=wanted.name)}", "     ")
        yield ""
        yield self._wrapped(self._say("shell"))
        yield _code(self._commands())
        yield from self._consent()
        yield from self._step("file_multi" if wanted.multi_tenant else "file_single")
        yield _code(self._settings())
        yield from self._step("check")
        yield _code("auditor doctor CLIENT")
        yield self._wrapped(self._say("unverified"))

    def _say(self, key: str, **params: str) -> str:
        return self._texts.text(f"cli.onboard.{key}", **params)

    def _wrapped(self, text: str, after: str = "") -> str:
        return fill(text, _WIDTH, subsequent_indent=after, break_long_words=False, break_on_hyphens=False)

    def _step(self, key: str) -> Iterator[str]:
        self._number += 1
        yield ""
        yield self._wrapped(f"{self._number}. {self._say(key)}", "   ")

    def _permissions(self) -> Iterator[str]:
        chosen = asked(self._wanted.extras)
        yield ""
        yield self._wrapped(self._say("permissions"))
        for permission in chosen:
            yield from self._permission(permission)
        others = [permission for permission in PERMISSIONS if permission not in chosen]
        if others:
            yield ""
            yield self._wrapped(self._say("not_asked"))
        extras = {name: extra for extra, name in EXTRAS.items()}
        for permission in others:
            yield from self._permission(permission, f" (--with {extras[permission.name]})")

    def _permission(self, permission: Permission, how: str = "") -> Iterator[str]:
        why = self._texts.text(f"cli.permission.{key_of(permission.name)}.why")
        yield f"  {permission.name}{how}"
        yield self._wrapped(f"      {why}", "      ")

    def _commands(self) -> str:
        wanted = self._wanted
        audience = "AzureADMultipleOrgs" if wanted.multi_tenant else "AzureADMyOrg"
        tenant = "" if wanted.multi_tenant else f" --tenant {wanted.tenant}"
        roles = " \\\n".join(f"  {permission.role_id}=Role" for permission in asked(wanted.extras))
        named = "".join(f"\n#   {permission.role_id} {permission.name}" for permission in asked(wanted.extras))
        consent = "" if wanted.multi_tenant else '\naz ad app permission admin-consent --id "$app"'
        return (
            f"az login --allow-no-subscriptions{tenant}\n"
            f"app=$(az ad app create --display-name {wanted.name} --sign-in-audience {audience} \\\n"
            f"  --web-redirect-uris https://localhost --query appId --output tsv)\n"
            f'az ad app credential reset --id "$app" --cert "@auditor.crt" --append\n'
            f"# Microsoft Graph, application permissions:{named}\n"
            f'az ad app permission add --id "$app" --api {GRAPH_APPLICATION_ID} --api-permissions \\\n{roles}\n'
            f'az ad sp create --id "$app"{consent}\n'
            f'echo "$app"'
        )

    def _consent(self) -> Iterator[str]:
        wanted = self._wanted
        yield from self._step("consent")
        yield self._wrapped(self._say("consent_multi" if wanted.multi_tenant else "consent_single", name=wanted.name))
        yield _code(CloudEndpoints().consent_url(wanted.tenant, wanted.client_id))
        yield self._wrapped(self._say("consent_after"))
        if wanted.multi_tenant:
            yield self._wrapped(self._say("consent_gdap"))
        yield self._wrapped(self._say("consent_again"))

    def _settings(self) -> str:
        wanted = self._wanted
        credential = (
            f'[credentials.microsoft365]\nkind = "m365"\nclient_id = "{wanted.client_id}"\n'
            'certificate_file = "auditor.pem"   # or auditor.pfx and passphrase = "env:NAME", file:, keyring:'
        )
        tenant = f'[[tenants]]\nname = "Microsoft 365"\ntenant = "{wanted.tenant}"\ncredential = "microsoft365"'
        return f"{credential}\n\n{tenant}" if not wanted.multi_tenant else f"{credential}\n\n# client.toml\n{tenant}"


def _code(text: str) -> str:
    return f"\n{indent(text, '    ')}\n"
