"""`auditor scan`: visit what the command line names, without a client file or with some machines and tenants of one."""

from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor import paths
from auditor.commands.options import ANY_PATH, FILE, judging, rendering, stacked, visiting
from auditor.errors import SettingsError
from auditor.settings import DEFAULT_WIDTH

if TYPE_CHECKING:
    from auditor.rendering import Wish
    from auditor.selection import Selection
    from auditor.settings import ClientSettings
    from rules.contract import Contract

_LOGIN = stacked(
    click.option("--user", help="User to log in as (default: the target's, ssh_config's, then yours)."),
    click.option("--key", "key_file", type=FILE, help="Private key."),
    click.option(
        "--password-from",
        metavar="REF",
        default="",
        help="Where the password is: env:NAME, file:PATH, keyring:SERVICE/USER or prompt:.",
    ),
    click.option("--sudo", type=click.Choice(["never", "try", "require"]), help="Take root rights (default: never)."),
    click.option(
        "--auth",
        type=click.Choice(["auto", "ntlm", "kerberos", "basic"]),
        help="WinRM login (default: auto, Kerberos with a ticket, else NTLM).",
    ),
    click.option("--known-hosts", type=FILE, help="known_hosts file that is read first and receives new keys."),
)
_APP = stacked(
    click.option("--client-id", metavar="ID", default="", help="m365: the application to sign in as."),
    click.option("--certificate", type=FILE, help="m365: its certificate with the key, PEM or PFX."),
    click.option(
        "--passphrase-from", metavar="REF", default="", help="m365: where the passphrase of the certificate is."
    ),
    click.option("--secret-from", metavar="REF", default="", help="m365: where its secret is, instead."),
    click.option("--device-code", is_flag=True, help="m365: sign in yourself, in a browser, instead."),
    click.option(
        "--cloud",
        type=click.Choice(["global", "us-government", "us-defense", "china"]),
        default="global",
        help="m365: the tenant's cloud (default: global).",
    ),
)


@click.command(name="scan", short_help="Visit what the command line names and report.")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--client", "client_path", type=ANY_PATH, help="Client folder whose machines, tenants and contract to use."
)
@_LOGIN
@_APP
@visiting()
@rendering("here; with --json none")
@judging()
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Judge recordings as of this day (only replay: targets).",
)
def command(**options: Any) -> int:
    """Visit machines and Microsoft 365 tenants named on the command line and report.

    \b
    TARGET is one of
      local                  this machine
      ssh://user@host:port   or HOST, user@HOST:port, an IPv6 address, [IPv6]:port
      winrm://user@host      Windows over HTTPS; also winrm+http:// (encrypted by NTLM or Kerberos), a port
      m365://TENANT          a Microsoft 365 tenant: its id or a domain of its; see `auditor onboard m365`
      NAME, @LABEL           machines and tenants of the client file given with --client
      FILE                   `ansible-inventory --list` JSON, or a list with one target a line
      replay:PATH            a recording, or a folder of them (see --record)
    """  # noqa: D301 - click needs the real backspace character
    from auditor.ad_hoc import AppOptions, chosen_tenants
    from auditor.agreements import Agreement, agreed
    from auditor.config import load
    from auditor.inventory import select
    from auditor.login import client_cloud_policy, cloud_credentials, connection_policy, credentials, overrides
    from auditor.pipeline import Plan
    from auditor.rendering import check_wish
    from auditor.secrets import Resolver
    from auditor.session import session
    from collectors.model import Protocol
    from reports.texts import languages

    settings = load(options["client_path"], languages=languages()) if options["client_path"] else None
    wish = _wish(options, settings)
    check_wish(wish)
    changes = overrides(**{name: options[name] for name in ("user", "key_file", "password_from", "sudo", "auth")})
    selection = select(options["targets"], client=settings)
    for note in selection.notes:
        click.echo(note, err=True)
    as_of = _as_of(options["as_of"], selection)
    app = AppOptions(**{name: options[name] for name in AppOptions.__dataclass_fields__})
    tenants = chosen_tenants(selection.targets, settings, app)
    logins = {target.credential for target in selection.targets if target.protocol is not Protocol.M365}
    contract = _contract(settings, wish.languages[0])
    agreement = agreed(settings, datetime.now(UTC).date()) if settings else Agreement(contract=contract)
    resolver = Resolver()
    plan = Plan(
        contract=agreement.contract,
        targets=selection.targets,
        unvisitable=selection.unvisitable,
        credentials=credentials(settings.credentials if settings else {}, logins, changes, resolver),
        policy=connection_policy(
            settings,
            accept_new_host_keys=options["accept_new_host_keys"],
            accept_new_certificates=options["accept_new_certificates"],
            deadline_s=options["deadline"],
            known_hosts=options["known_hosts"],
            ca_file=options["ca_file"],
            again=_again(options),
        ),
        cloud_credentials=cloud_credentials(tenants, resolver),
        cloud_policy=client_cloud_policy(settings),
        width=options["width"] or (settings.connection.width if settings else DEFAULT_WIDTH),
        as_of=as_of,
        record_into=options["record_into"],
        refresh_feeds=options["update_feeds"],
        feed_settings=settings.feeds if settings else {},
        warnings=agreement.notes,
        partial=True,
    )
    feeds_folder = options["feeds_folder"] or paths.feeds_folder()
    return session(plan, wish, history=paths.scan_history(), feeds_folder=feeds_folder)


def _again(options: dict[str, Any]) -> list[object]:
    """The words after `auditor` that visit the same machines with the same login (a reference is no secret)."""
    named = {
        "--client": options["client_path"],
        "--user": options["user"],
        "--key": options["key_file"],
        "--password-from": options["password_from"],
        "--sudo": options["sudo"],
        "--auth": options["auth"],
        "--known-hosts": options["known_hosts"],
        "--ca-file": options["ca_file"],
    }
    return ["scan", *options["targets"], *(word for pair in named.items() if pair[1] for word in pair)]


def _wish(options: dict[str, Any], settings: "ClientSettings | None") -> "Wish":
    from auditor.rendering import Wish
    from auditor.texts import ad_hoc_language

    language = settings.contract.language if settings else ad_hoc_language()
    return Wish(
        folder=options["output"] or (None if options["as_json"] else Path()),
        languages=options["languages"] or (language,),
        exports=options["exports"],
        annex=not options["no_annex"],
        fail_on=options["fail_on"] or (settings.fail_on if settings else "low"),
        as_json=options["as_json"],
        command="scan",
    )


def _contract(settings: "ClientSettings | None", language: str) -> "Contract":
    from auditor.texts import ad_hoc_name
    from rules.contract import Contract

    return settings.contract if settings else Contract(client=ad_hoc_name(language), language=language)


def _as_of(day: datetime | None, selection: "Selection") -> datetime | None:
    """Noon UTC of the chosen day; only recordings were taken on another day than today."""
    from collectors.model import Protocol

    if day is None:
        return None
    if any(target.protocol is not Protocol.REPLAY for target in selection.targets):
        raise SettingsError("--as-of", "only recordings can be judged as of another day than today.")
    return datetime.combine(day.date(), time(12), tzinfo=UTC)
