"""Tenants of `auditor scan m365://TENANT`: how to sign in is said on the command line."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.credential_tables import app_settings, application_id_problem
from auditor.errors import SettingsError
from auditor.secrets import check_reference
from auditor.settings import AppSettings, ClientSettings, GraphSettings, TenantSettings
from auditor.tenant_tables import endpoints
from collectors.model import Protocol, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """The options of the command line about Microsoft 365; secrets are references."""

    client_id: str = ""
    certificate: Path | None = None
    passphrase_from: str = ""
    secret_from: str = ""
    device_code: bool = False
    cloud: str = "global"


def chosen_tenants(
    targets: Iterable[Target], client: ClientSettings | None, options: AppOptions
) -> tuple[TenantSettings, ...]:
    """The tenants among the targets: those of the client file as it says, by name or address, others by the options.

    Raises SettingsError for options that do not say how to sign in, and for options no tenant needs.
    """
    known = {tenant.target.address: tenant for tenant in (client.tenants if client is not None else ())}
    found = [target for target in targets if target.protocol is Protocol.M365]
    others = [target for target in found if target.address not in known]
    if not others and options != AppOptions(cloud=options.cloud):
        raise SettingsError("--client-id", "no tenant is named that this could be for.", hint="m365://TENANT")
    app = _app(others[0].name, options) if others else None
    place = endpoints(options.cloud, client.graph if client is not None else GraphSettings())
    tenants = []
    for target in found:
        if target.address in known:
            tenants.append(replace(known[target.address], target=target))
        elif app is not None:
            tenants.append(TenantSettings(target=target, app=app, client_id=options.client_id, endpoints=place))
    return tuple(tenants)


def _app(tenant: str, options: AppOptions) -> AppSettings:
    if not options.client_id:
        hint = "--client-id names the application; `auditor onboard m365` prints how to make one."
        raise SettingsError(f"m365://{tenant}", "as which application to sign in is not said.", hint=hint)
    if problem := application_id_problem(options.client_id):
        raise SettingsError("--client-id", problem)
    for option, reference in (
        ("--secret-from", options.secret_from),
        ("--passphrase-from", options.passphrase_from),
    ):
        if problem := check_reference(reference):
            raise SettingsError(option, problem)
    ways = [options.certificate is not None, bool(options.secret_from), options.device_code]
    if sum(ways) != 1:
        hint = "One of --certificate FILE, --secret-from REF, --device-code."
        raise SettingsError(f"m365://{tenant}", "how to sign in is not said, or said twice.", hint=hint)
    if options.certificate is not None and not options.certificate.is_file():
        raise SettingsError("--certificate", f"there is no file {options.certificate}.")
    if options.passphrase_from and options.certificate is None:
        raise SettingsError("--passphrase-from", "it opens the file of --certificate, and none is named.")
    return app_settings(
        name="",
        client_id=options.client_id,
        certificate_file=options.certificate,
        passphrase=options.passphrase_from,
        secret=options.secret_from,
        device_code=options.device_code,
    )
