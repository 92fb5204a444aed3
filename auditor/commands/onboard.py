"""`auditor onboard`: print how to let auditor in."""

import click

_EXTRAS = ("sign-ins", "report-settings", "groups", "devices", "mailbox-types", "all")


@click.group(name="onboard", short_help="Print how to let auditor into a Microsoft 365 tenant.")
def command() -> None:
    """Print how to let auditor into what it audits. Nothing is changed and nothing is asked over the network."""


@command.command(name="m365", short_help="An application that reads Microsoft 365: steps, permissions, consent.")
@click.option("--tenant", metavar="ID", default="", help="The client's tenant id or domain, filled in where known.")
@click.option("--client-id", metavar="ID", default="", help="The application's id, filled in where it exists already.")
@click.option("--multi-tenant", is_flag=True, help="One application of yours for the tenants of all your clients.")
@click.option(
    "--with",
    "extras",
    metavar="LIST",
    default="",
    help=f"Optional permissions, separated by commas: {', '.join(_EXTRAS)}.",
)
@click.option("--name", default="auditor", help="Name of the application (default: auditor).")
@click.option("--lang", "language", metavar="CODE", help="Language: fr or en (default: yours).")
def m365(*, tenant: str, client_id: str, multi_tenant: bool, extras: str, name: str, language: str | None) -> None:
    """Print how to register an application that may read Microsoft 365, and nothing else.

    Every permission with its reason, the steps in the portal, the same as commands, the address where an administrator
    consents, and what goes into the client file.
    """
    from auditor.credential_tables import application_id_problem
    from auditor.errors import SettingsError
    from auditor.onboarding import EXTRAS, Wanted, guide
    from auditor.rendering import known_language
    from auditor.tables import suggestion
    from auditor.tenant_tables import tenant_problem
    from auditor.texts import ad_hoc_language

    chosen = {extra.strip() for extra in extras.split(",") if extra.strip()}
    for extra in sorted(chosen):
        if extra not in _EXTRAS:
            hint = suggestion(extra, _EXTRAS) or f"Known: {', '.join(_EXTRAS)}."
            raise SettingsError("--with", f"there is no optional permission {extra!r}.", hint=hint)
    if tenant and (problem := tenant_problem(tenant.strip().lower())):
        raise SettingsError("--tenant", problem)
    if client_id and (problem := application_id_problem(client_id)):
        raise SettingsError("--client-id", problem)
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise SettingsError("--name", f"{name!r} is not made of letters, digits, - and _ alone.")
    known = {"tenant": tenant.strip().lower(), "client_id": client_id}
    wanted = Wanted(
        name=name,
        multi_tenant=multi_tenant,
        extras=frozenset(EXTRAS) if "all" in chosen else frozenset(chosen),
        **{key: value for key, value in known.items() if value},
    )
    click.echo(guide(wanted, known_language(language or ad_hoc_language())), nl=False)
