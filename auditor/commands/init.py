"""`auditor init DIR`: a client folder to start from, every setting there and explained."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.commands.options import FOLDER
from auditor.progress import printable

if TYPE_CHECKING:
    from auditor.new_client import Login, Mail, NewClient

_KNOWN = ("machines", "tenant", "mail_to", "user", "key_file", "password_from", "windows_user", "windows_password_from")
_WINDOWS_PASSWORD = "env:AUDIT_PASSWORD"


@click.command(name="init", short_help="Write a commented client folder to start from.")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--name", help="The client's name (default: the folder's).")
@click.option("--language", metavar="CODE", help="Language of the reports: fr or en (default: fr).")
@click.option(
    "--machine", "machines", multiple=True, metavar="[NAME=]TARGET", help="A machine as `scan` takes it; repeatable."
)
@click.option("--user", help="SSH: user to log in as (default: audit).")
@click.option("--key", "key_file", metavar="FILE", help="SSH: private key (default: keys of an ssh-agent).")
@click.option("--password-from", metavar="REF", default="", help="SSH: where the password is, never the password.")
@click.option("--windows-user", help="WinRM: user to log in as (default: audit).")
@click.option("--windows-password-from", metavar="REF", default="", help="WinRM: where its password is.")
@click.option("--tenant", metavar="ID", default="", help="Microsoft 365: the client's tenant, an id or a domain.")
@click.option(
    "--client-id", metavar="ID", default="", help="Microsoft 365: its application (default: provider.toml's)."
)
@click.option(
    "--certificate",
    metavar="FILE",
    default="auditor.pem",
    help="Microsoft 365: its certificate (default: auditor.pem).",
)
@click.option("--mail-to", metavar="ADDRESS", multiple=True, help="Who gets the report; repeatable.")
@click.option("--mail-from", metavar="ADDRESS", default="", help="Its sender (default: provider.toml's).")
@click.option("--mail-server", metavar="HOST", default="", help="The mail server (default: provider.toml's).")
@click.option("--no-input", is_flag=True, help="Ask nothing, not even on a terminal.")
def command(**options: Any) -> None:
    """Write a commented client folder to start from.

    On a terminal, questions are asked, each with a default; options about machines, tenant or mail answer them instead.
    Secrets are never asked, only where each will be found: env:NAME, file:PATH, keyring:SERVICE/USER.

    DIR is created when it does not exist: client.toml with every setting, licenses.xlsx and prices.csv to fill in,
    waivers.toml, .gitignore. An existing client.toml is never overwritten, nor is any other file.
    """
    from auditor.new_client import refuse_taken, write_client
    from auditor.rendering import known_language
    from auditor.texts import ad_hoc_language
    from auditor.wizard import Wizard, next_steps
    from reports.texts import Texts

    folder: Path = options["folder"]
    refuse_taken(folder)
    if options["language"]:
        known_language(options["language"], "--language")
    texts = Texts(ad_hoc_language())
    if _asks(options):
        client = Wizard(folder, texts).ask(name=options["name"] or "", language=options["language"] or "")
    else:
        client = _told(folder, options)
    for file in write_client(folder, client):
        click.echo(printable(str(_shown(file))))
    click.echo(f"\n{texts.text('cli.init.next' if client.machines or client.tenant else 'cli.init.edit')}")
    for line in next_steps(folder, client, os.environ, texts):
        click.echo(printable(f"  {line}"))


def _asks(options: dict[str, Any]) -> bool:
    """Whether somebody is there to be asked, and has not answered already."""
    told = any(options[name] for name in _KNOWN)
    return not told and not options["no_input"] and sys.stdin.isatty() and sys.stdout.isatty()


def _shown(file: Path) -> Path:
    """A path as short as it can be said from here."""
    try:
        return file.relative_to(Path.cwd())
    except ValueError:
        return file


def _told(folder: Path, options: dict[str, Any]) -> "NewClient":
    """The client that the options describe. Raises SettingsError for what means nothing."""
    from auditor.new_client import Login, NewClient
    from auditor.wizard import one_machine
    from collectors.model import Protocol

    machines = tuple(one_machine(text) for text in options["machines"])
    windows = _login(options, "windows_user", "windows_password_from")
    if windows is None and any(machine.protocol is Protocol.WINRM for machine in machines):
        windows = Login(password=_WINDOWS_PASSWORD)
    return NewClient(
        name=options["name"] or folder.resolve().name,
        language=options["language"] or "fr",
        machines=machines,
        ssh=_login(options, "user", "password_from", "key_file"),
        windows=windows,
        **_tenant(folder, options),
        mail=_mail(options),
    )


def _login(options: dict[str, Any], user: str, password: str, key_file: str = "") -> "Login | None":
    from auditor.errors import SettingsError
    from auditor.new_client import Login
    from auditor.secrets import check_reference

    key = options[key_file] or "" if key_file else ""
    if not (options[user] or options[password] or key):
        return None
    if problem := check_reference(options[password]):
        raise SettingsError(f"--{password.replace('_', '-')}", problem)
    agent = bool(key_file) and not key and not options[password]
    return Login(user=options[user] or "audit", key_file=key, password=options[password], agent=agent)


def _tenant(folder: Path, options: dict[str, Any]) -> dict[str, str]:
    from auditor.credential_tables import application_id_problem
    from auditor.errors import SettingsError
    from auditor.new_client import provider_application
    from auditor.tenant_tables import tenant_problem

    tenant, client_id = options["tenant"].strip().lower(), options["client_id"]
    if tenant and (problem := tenant_problem(tenant)):
        raise SettingsError("--tenant", problem)
    if client_id and (problem := application_id_problem(client_id)):
        raise SettingsError("--client-id", problem)
    if client_id and not tenant:
        raise SettingsError("--client-id", "it goes with --tenant, and none is named.")
    application = provider_application(folder) if tenant and not client_id else ""
    if tenant and not client_id and not application:
        # A tenant without its application could only stand there as a comment, which no audit ever mentions.
        problem = "the application that signs in there is missing: no audit could ask the tenant."
        hint = f"Add --client-id ID; `auditor onboard m365 --tenant {tenant}` prints how to make the application. "
        hint += 'A [credentials.NAME] with kind = "m365" and a client_id in provider.toml serves all clients.'
        raise SettingsError("--tenant", problem, hint=hint)
    return {
        "tenant": tenant,
        "client_id": client_id,
        "certificate": options["certificate"],
        "application": application,
    }


def _mail(options: dict[str, Any]) -> "Mail | None":
    from auditor.errors import SettingsError
    from auditor.new_client import Mail

    if not options["mail_to"]:
        if options["mail_from"] or options["mail_server"]:
            raise SettingsError("--mail-to", "who gets the report?", hint="Name an address.")
        return None
    return Mail(to=options["mail_to"], sender=options["mail_from"], server=options["mail_server"])
