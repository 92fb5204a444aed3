"""`auditor audit`: visit everything of a client, or of several, and report; the monthly run."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor import paths
from auditor.commands.options import ANY_PATH, FOLDER, judging, rendering, visiting
from auditor.errors import AuditorError, SettingsError
from auditor.exits import Exit
from auditor.progress import printable

if TYPE_CHECKING:
    from auditor.mailing.monthly import Order
    from auditor.mailing.postman import Trouble
    from auditor.output import Refused
    from auditor.rendering import Wish
    from auditor.secrets import Resolver
    from auditor.session import Job
    from auditor.settings import ClientSettings


@click.command(name="audit", short_help="Visit everything of a client, or of several, and report.")
@click.argument("client_paths", metavar="[CLIENT]...", type=ANY_PATH, nargs=-1)
@click.option(
    "--all", "all_folder", type=FOLDER, metavar="DIR", help="Audit every client folder in DIR; ends with an overview."
)
@visiting()
@rendering("CLIENT/reports")
@judging()
@click.option("--mail/--no-mail", default=False, help="Mail each report as [mail] of its client says (default: no).")
@click.option("--dry-run", is_flag=True, help="Visit and report, but write the mail as a file (.eml) and send nothing.")
@click.option("--list", "only_list", is_flag=True, help="Check the client files, list what they name and stop.")
def command(**options: Any) -> int:
    """Visit every machine and Microsoft 365 tenant of a client and report.

    CLIENT is a folder made with `auditor init`, or its client.toml. History and reports stay in that folder. Several
    clients are visited at once and reported one by one; what goes wrong with one of them costs the others nothing.
    """
    all_folder = options["all_folder"]
    named = _named(options["client_paths"], all_folder)
    several = len(named) > 1 or all_folder is not None
    clients, refused = _loaded(named, alone=not several)
    if only_list := options["only_list"]:
        for settings in clients:
            _list(settings)
    if only_list:
        return Exit.USAGE if refused else Exit.COMPLIANT
    from auditor.mailing.postman import Trouble
    from auditor.overview import FOLDER as FOLDER_OF_ALL
    from auditor.secrets import Resolver
    from auditor.session import sessions

    several = all_folder is not None or len(clients) + len(refused) > 1
    if options["output"]:
        _check_apart(clients, "--output", _report_name)
    if options["record_into"]:
        _check_apart(clients, "--record", _folder_name)
    resolver, trouble, jobs = Resolver(), Trouble(), []
    for settings in clients:
        try:
            jobs.append(_job(settings, options, resolver, trouble, several=several))
        except (AuditorError, OSError) as error:
            _refuse(str(settings.folder), error, refused, alone=not several)
    overview = None if all_folder is None else options["output"] or all_folder / FOLDER_OF_ALL
    feeds_folder = options["feeds_folder"] or paths.feeds_folder()
    return sessions(
        jobs,
        feeds_folder=feeds_folder,
        refused=refused,
        overview=overview,
        several=several,
        as_json=options["as_json"],
    )


def _named(client_paths: tuple[Path, ...], all_folder: Path | None) -> tuple[Path, ...]:
    from auditor.clients import client_folders

    named = (*client_paths, *(client_folders(all_folder) if all_folder is not None else ()))
    if not named:
        raise SettingsError("audit", "name a client folder, or --all with the folder that holds them.")
    return named


def _loaded(client_paths: Sequence[Path], *, alone: bool) -> "tuple[list[ClientSettings], list[Refused]]":
    """The clients, each once; those whose files are refused are told now, and alone that is raised."""
    from auditor.agreements import agreed
    from auditor.config import load
    from reports.texts import languages

    clients: dict[Path, ClientSettings] = {}
    refused: list[Refused] = []
    for path in client_paths:
        try:
            settings = load(path, languages=languages())
            agreed(settings, datetime.now(UTC).date())
        except (AuditorError, OSError) as error:
            _refuse(str(path), error, refused, alone=alone)
        else:
            clients.setdefault(settings.file.resolve(), settings)
    return list(clients.values()), refused


def _refuse(client: str, error: AuditorError | OSError, refused: "list[Refused]", *, alone: bool) -> None:
    from auditor.output import Refused

    if alone:
        raise error
    first, *more = error.lines() if isinstance(error, AuditorError) else [f"{client}: {error}"]
    if all(one.problem != str(error) for one in refused):  # what all clients share is wrong once
        click.echo("\n".join(printable(line) for line in (f"Error: {first}", *more)), err=True)
    refused.append(Refused(client=client, problem=str(error)))


def _check_apart(clients: "Sequence[ClientSettings]", option: str, name_of: "Callable[[ClientSettings], str]") -> None:
    """In one folder, two clients of one name would overwrite each other's files."""
    seen: dict[str, ClientSettings] = {}
    for settings in clients:
        name = name_of(settings)
        other = seen.setdefault(name.casefold(), settings)
        if other is not settings:
            problem = f"{other.file} and {settings.file} would overwrite each other's files: both are {name!r}."
            raise SettingsError(option, problem, hint="Rename one, or run them one by one.")


def _folder_name(settings: "ClientSettings") -> str:
    return settings.folder.resolve().name


def _report_name(settings: "ClientSettings") -> str:
    """The client as file names have it: "A/B" and "A_B" are one."""
    from reports.workbook import safe_name

    return safe_name(settings.contract.client)


def _job(
    settings: "ClientSettings", options: dict[str, Any], resolver: "Resolver", trouble: "Trouble", *, several: bool
) -> "Job":
    from auditor.agreements import agreed
    from auditor.login import client_cloud_policy, cloud_credentials, connection_policy, credentials
    from auditor.pipeline import Plan
    from auditor.rendering import check_wish
    from auditor.session import Job

    wish = _wish(settings, options, resolver)
    check_wish(wish)
    if not settings.everything:
        hint = "Add a table [[machines]] per machine, [[tenants]] per Microsoft 365 tenant."
        raise SettingsError(str(settings.file), "machines: the client file names no machine and no tenant.", hint=hint)
    agreement = agreed(settings, datetime.now(UTC).date())
    record_into = options["record_into"]
    if record_into is not None and several:
        record_into /= _folder_name(settings)
    ca_file = options["ca_file"]
    plan = Plan(
        contract=agreement.contract,
        targets=settings.everything,
        credentials=credentials(
            settings.credentials, {target.credential for target in settings.targets}, resolver=resolver
        ),
        policy=connection_policy(
            settings,
            accept_new_host_keys=options["accept_new_host_keys"],
            accept_new_certificates=options["accept_new_certificates"],
            deadline_s=options["deadline"],
            ca_file=ca_file,
            again=("audit", settings.folder, *(("--ca-file", ca_file) if ca_file else ())),
        ),
        cloud_credentials=cloud_credentials(settings.tenants, resolver),
        cloud_policy=client_cloud_policy(settings),
        width=options["width"] or settings.connection.width,
        record_into=record_into,
        refresh_feeds=options["update_feeds"],
        feed_settings=settings.feeds,
        warnings=agreement.notes,
    )
    return Job(
        plan=plan,
        wish=wish,
        history=settings.history,
        terms=settings.history_terms,
        client=str(settings.folder) if several else "",
        mail=_mail(settings, options, resolver, trouble),
    )


def _mail(
    settings: "ClientSettings", options: dict[str, Any], resolver: "Resolver", trouble: "Trouble"
) -> "Order | None":
    """How the report is mailed, where that is asked for. Raises SettingsError before anything is visited."""
    if not (options["mail"] or options["dry_run"]):
        return None
    from auditor.mailing.monthly import order

    return order(settings, resolver, dry_run=options["dry_run"], trouble=trouble)


def _wish(settings: "ClientSettings", options: dict[str, Any], resolver: "Resolver") -> "Wish":
    from auditor.protection import report_password
    from auditor.rendering import Wish

    return Wish(
        folder=options["output"] or settings.reports,
        languages=options["languages"] or (settings.contract.language,),
        exports=options["exports"],
        annex=not options["no_annex"],
        password=report_password(settings, resolver),
        fail_on=options["fail_on"] or settings.fail_on,
        as_json=options["as_json"],
        command="audit",
    )


def _list(settings: "ClientSettings") -> None:
    """Say what the client's files mean, without visiting anything."""
    from auditor.agreements import agreed

    tenants = f", {len(settings.tenants)} Microsoft 365 tenants" if settings.tenants else ""
    click.echo(printable(f"{settings.file}: {settings.contract.client}, {len(settings.targets)} machines{tenants}"))
    for target in settings.everything:
        place = target.address + (f" port {target.port}" if target.port else "")
        labels = " ".join(f"@{label}" for label in target.labels)
        click.echo(
            printable(f"  {target.name}  {target.protocol.value} {place}  {target.credential} {labels}".rstrip())
        )
    agreement = agreed(settings, datetime.now(UTC).date())
    contract = agreement.contract
    held = (("price", contract.prices), ("right", contract.entitlements or ()), ("waiver", contract.waivers))
    if told := [f"{len(rows)} {what}{'s' if len(rows) > 1 else ''}" for what, rows in held if rows]:
        click.echo(f"  {', '.join(told)}")
    for note in agreement.notes:
        click.echo(printable(f"  Warning: {note}"))
