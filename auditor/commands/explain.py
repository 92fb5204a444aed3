"""`auditor explain`: show on what one finding rests, down to the version compared and the feed it came from."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor import paths
from auditor.commands.options import ANY_PATH, FOLDER
from auditor.exits import Exit

if TYPE_CHECKING:
    from auditor.explanation_tenant import TenantChain
    from reports.actions import Action


@click.command(name="explain", short_help="Show the whole chain of evidence of one finding.")
@click.argument("words", nargs=-1, required=True, metavar="REF | HOST PACKAGE | TENANT WHO")
@click.option(
    "--client", "client_path", type=ANY_PATH, help="Client folder, or history file (default: that of `auditor scan`)."
)
@click.option("--demo", "of_demo", is_flag=True, help="Explain a finding of the last `auditor demo`.")
@click.option("--run", "number", type=int, metavar="N", help="Number of the run (default: the newest).")
@click.option("--feeds", "feeds_folder", type=FOLDER, help="Folder of the feeds (default: the provider's own).")
@click.option("--lang", "language", metavar="CODE", help="Language: fr or en (default: the client's, else yours).")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON on standard output.")
def command(
    *,
    words: tuple[str, ...],
    client_path: Path | None,
    of_demo: bool,
    number: int | None,
    feeds_folder: Path | None,
    language: str | None,
    as_json: bool,
) -> int:
    """Show the whole chain of evidence of one finding.

    REF is a reference as the reports show it: F-1A2B3C4D is a finding, A-1A2B3C4D an action that groups several (they
    are listed). HOST PACKAGE is a machine and an installed package, binary or source, whether or not anything was found
    about it; TENANT WHO a Microsoft 365 tenant and a person (sign-in name) or product (part number, name) of it.
    """
    from auditor.demo.company import feeds_in, history_in
    from auditor.explanation import explain_finding, explain_package
    from auditor.explanation_text import worded
    from auditor.history.opening import open_history
    from auditor.output import as_json as to_json
    from auditor.rendering import known_language
    from collectors.feeds.cache import FeedStore

    if len(words) > 2:
        forms = "one finding or action (REF), HOST PACKAGE, or TENANT and a person or product"
        raise click.UsageError(f"name {forms}")
    if of_demo:
        client_path, feeds_folder = history_in(paths.demo_folder()), feeds_in(paths.demo_folder())
    feeds = FeedStore(feeds_folder or paths.feeds_folder())
    with open_history(client_path) as history:
        run = (history.store.run(number) if number is not None else history.store.latest()).id
        if len(words) == 1:
            found = explain_finding(history.store, run, words[0], feeds)
        else:
            found = explain_package(history.store, run, words[0], words[1], feeds)
        chosen = known_language(language or history.language)
    if as_json:
        shown = {
            "format": 1,
            "run": run,
            "machine": found.machine,
            "findings": found.findings,
            "package": found.chain,
            "tenant": _tenant(found.tenant),
            "action": _action(found.action),
        }
        click.echo(to_json(shown))
    else:
        click.echo(worded(found, chosen))
    return Exit.COMPLIANT


def _tenant(chain: "TenantChain | None") -> dict[str, object] | None:
    """A tenant for other programs: of its people only the one that was asked about."""
    if chain is None:
        return None
    return {"summary": chain.tenant, "person": chain.user, "licenses": chain.lines}


def _action(action: "Action | None") -> dict[str, object] | None:
    """An action for other programs; its findings stand beside it."""
    if action is None:
        return None
    names = ("ref", "kind", "level", "owner", "machines", "due_on", "overdue")
    return {name: getattr(action, name) for name in names}
