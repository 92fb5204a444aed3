"""`auditor audit`: visit every machine of a client and report; the monthly run."""

from typing import TYPE_CHECKING, Any

import click

from auditor import paths
from auditor.commands.options import ANY_PATH, judging, rendering, visiting
from auditor.errors import SettingsError
from auditor.exits import Exit
from auditor.progress import printable

if TYPE_CHECKING:
    from auditor.settings import ClientSettings


@click.command(name="audit", short_help="Visit every machine of a client and report.")
@click.argument("client_path", metavar="CLIENT", type=ANY_PATH)
@visiting()
@rendering("CLIENT/reports")
@judging()
@click.option("--list", "only_list", is_flag=True, help="Check the client file, list its machines and stop.")
def command(**options: Any) -> int:
    """Visit every machine of a client and report.

    CLIENT is a folder made with `auditor init`, or its client.toml. History and reports stay in that folder.
    """
    from auditor.config import load
    from auditor.login import connection_policy, credentials
    from auditor.pipeline import Plan
    from auditor.session import Wish, check_wish, session
    from reports.texts import languages

    settings = load(options["client_path"], languages=languages())
    if options["only_list"]:
        return _list(settings)
    wish = Wish(
        folder=options["output"] or settings.reports,
        languages=options["languages"] or (settings.contract.language,),
        exports=options["exports"],
        fail_on=options["fail_on"] or settings.fail_on,
        as_json=options["as_json"],
        command="audit",
    )
    check_wish(wish)
    if not settings.targets:
        hint = "Add a table [[machines]] per machine."
        raise SettingsError(str(settings.file), "machines: the client file names no machine.", hint=hint)
    plan = Plan(
        contract=settings.contract,
        targets=settings.targets,
        credentials=credentials(settings.credentials, {target.credential for target in settings.targets}),
        policy=connection_policy(
            settings,
            accept_new_host_keys=options["accept_new_host_keys"],
            deadline_s=options["deadline"],
            again=("audit", options["client_path"]),
        ),
        width=options["width"] or settings.connection.width,
        record_into=options["record_into"],
        refresh_feeds=options["update_feeds"],
        feed_settings=settings.feeds,
    )
    feeds_folder = options["feeds_folder"] or paths.feeds_folder()
    return session(plan, wish, history=settings.history, feeds_folder=feeds_folder)


def _list(settings: "ClientSettings") -> int:
    """Say what the client file means, without visiting anything."""
    click.echo(printable(f"{settings.file}: {settings.contract.client}, {len(settings.targets)} machines"))
    for target in settings.targets:
        place = target.address + (f" port {target.port}" if target.port else "")
        labels = " ".join(f"@{label}" for label in target.labels)
        click.echo(
            printable(f"  {target.name}  {target.protocol.value} {place}  {target.credential} {labels}".rstrip())
        )
    return Exit.COMPLIANT
