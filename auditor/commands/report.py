"""`auditor report`: render a past run again, in any language; nothing is visited or judged anew."""

from pathlib import Path

import click

from auditor.commands.options import ANY_PATH, rendering


@click.command(name="report", short_help="Write the reports of a past run again.")
@click.argument("client_path", metavar="CLIENT", type=ANY_PATH)
@click.option("--run", "number", type=int, metavar="N", help="Number of the run (default: the newest).")
@click.option("--list", "only_list", is_flag=True, help="List the runs in the history and stop.")
@rendering("CLIENT/reports")
def command(
    *,
    client_path: Path,
    number: int | None,
    only_list: bool,
    output: Path | None,
    languages: tuple[str, ...],
    exports: tuple[str, ...],
    no_annex: bool,
) -> int:
    """Write the reports of a past run again, from the history of CLIENT.

    CLIENT is a client folder, or a history file (*.sqlite). Nothing is visited or judged anew: the same findings, in
    the language asked for. Exit code 0 when the files are written. The plain file names of a month are those of its
    newest finished run, of the first one stopped where none finished; any other run has its number in them. People
    whose time is over by [history] of the client file are numbers in the reports.
    """
    from dataclasses import replace

    from auditor.exits import Exit
    from auditor.history.background import background_or_less
    from auditor.history.opening import open_history
    from auditor.protection import report_password
    from auditor.rendering import Wish, check_wish, mark_of, write_reports
    from auditor.secrets import Resolver

    with open_history(client_path) as history:
        if only_list:
            for run in history.store.runs():
                click.echo(f"{run.id}\t{run.started_at:%Y-%m-%d %H:%M} UTC\t{run.state}\t{run.client}")
            return Exit.COMPLIANT
        run = history.store.run(number) if number is not None else history.store.latest()
        wish = Wish(
            folder=output or history.reports,
            languages=languages or (history.language,),
            exports=exports,
            annex=not no_annex,
            password=None if history.settings is None else report_password(history.settings, Resolver()),
            command="report",
        )
        check_wish(wish)
        assessment = history.store.assessment(run.id)
        if run.nameless:
            click.echo(
                f"Warning: names and last sign-ins are no longer kept of run {run.id} ([history] personal_data_months):"
                " people are numbers in its reports.",
                err=True,
            )
        delivered, problems = write_reports(
            assessment,
            replace(wish, mark=mark_of(run.id, assessment, history.store.runs())),
            background_or_less(history.store, run.id, assessment),
            machines=lambda: history.store.snapshots(run.id),
        )
    for item in delivered:
        if item.problem:
            click.echo(f"{item.wanted} {item.problem}: the new report is {item.path}", err=True)
        click.echo(str(item.path))
    for problem in problems:
        click.echo(f"Error: {problem}", err=True)
    return Exit.USAGE if problems else Exit.COMPLIANT
