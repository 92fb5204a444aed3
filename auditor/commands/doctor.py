"""`auditor doctor`: check what a client's audits rest on, before they run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor import paths
from auditor.commands.options import ANY_PATH, FOLDER
from auditor.errors import AuditorError
from auditor.exits import Exit, first_of
from auditor.progress import printable
from auditor.suggested import typed

if TYPE_CHECKING:
    from auditor.checkup.checks import Check, Section
    from auditor.checkup.examination import Wanted
    from auditor.secrets import Resolver
    from auditor.settings import ClientSettings
    from reports.texts import Texts

_WIDTH = 110


@click.command(name="doctor", short_help="Check what a client's audits rest on, before they run.")
@click.argument("client_paths", metavar="CLIENT...", type=ANY_PATH, nargs=-1, required=True)
@click.option("--machine", "machines", multiple=True, metavar="NAME", help="Check this machine alone; repeatable.")
@click.option("--offline", is_flag=True, help="Check files, references, feeds and folders; ask nobody anything.")
@click.option("--feeds", "feeds_folder", type=FOLDER, help="Folder of the feeds (default: the provider's own).")
@click.option("--lang", "language", metavar="CODE", help="Language: fr or en (default: the client's).")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON on standard output.")
def command(**options: Any) -> int:
    """Check what a client's audits rest on, before they run.

    Files and what their secrets refer to; for each machine whether it answers, is the right one, lets the account in
    and what that account may not read; for each Microsoft 365 tenant sign-in and permissions; age of the feeds; clocks;
    the way out for mail; folders, history and schedule. Each finding with its cure. Nothing is changed or sent.

    Exit code 3 when an audit would be incomplete, 2 when it would refuse to begin or its mail could not be sent.
    """
    from auditor.checkup.checks import code_of
    from auditor.checkup.examination import Wanted
    from auditor.output import as_json as to_json
    from auditor.rendering import known_language
    from auditor.secrets import Resolver
    from reports.texts import Texts

    language, as_json, client_paths = options["language"], options["as_json"], options["client_paths"]
    if language is not None:
        known_language(language)
    feeds_folder = options["feeds_folder"] or paths.feeds_folder()
    wanted = Wanted(feeds_folder=feeds_folder, machines=options["machines"], offline=options["offline"])
    resolver, codes, documents = Resolver(), [], []
    for number, path in enumerate(client_paths):
        try:
            settings, sections = _checked(path, wanted, resolver)
        except AuditorError as error:
            if len(client_paths) == 1:
                raise
            click.echo(f"Error: {printable(str(error))}", err=True)
            codes.append(Exit.USAGE)
            continue
        texts = Texts(language or settings.contract.language)
        code = code_of(sections)
        codes.append(code)
        if as_json:
            documents.append(_document(settings, sections, texts, code))
            continue
        if number:
            click.echo()
        _tell(settings, sections, texts, code)
    if as_json:
        exit_ = {"code": int(first_of(codes))}
        click.echo(to_json({"format": 1, "command": "doctor", "exit": exit_, "clients": documents}))
    return first_of(codes)


def _checked(path: Path, wanted: "Wanted", resolver: "Resolver") -> "tuple[ClientSettings, list[Section]]":
    from auditor.checkup.examination import examine
    from auditor.config import load
    from auditor.pipeline import now
    from reports.texts import languages

    settings = load(path, languages=languages())
    return settings, examine(settings, wanted, resolver, now)


def _tell(settings: "ClientSettings", sections: "Sequence[Section]", texts: "Texts", code: Exit) -> None:
    from textwrap import fill

    click.echo(printable(texts.text("cli.doctor.heading", client=settings.contract.client, file=str(settings.file))))
    states = [texts.text(f"cli.doctor.state.{check.state.value}") for section in sections for check in section.checks]
    column = max((len(state) for state in states), default=0)
    for section in sections:
        if not section.checks:
            continue
        click.echo(f"\n{printable(texts.message(section.heading))}")
        for check in section.checks:
            state = texts.text(f"cli.doctor.state.{check.state.value}")
            text, todo = _worded(check, texts)
            indent = " " * (column + 4)
            for prefix, said in ((f"  {state:<{column}}  ", text), (f"{indent}-> ", todo)):
                if said:
                    line = fill(
                        printable(said),
                        _WIDTH,
                        initial_indent=prefix,
                        subsequent_indent=indent,
                        break_long_words=False,
                        break_on_hyphens=False,
                    )
                    click.echo(line)
    click.echo(f"\n{texts.text(f'cli.doctor.conclusion_{int(code)}', folder=typed(settings.folder))}")


def _worded(check: "Check", texts: "Texts") -> tuple[str, str]:
    """What a check says and what to do, in the reader's language."""
    from rules.messages import Message

    words = {
        name: texts.message(said)
        if isinstance(said, Message)
        else ", ".join(texts.text(one) for one in ((said,) if isinstance(said, str) else said))
        for name, said in check.words.items()
    }
    text = check.text
    if isinstance(text, Message):
        text = texts.message(Message(text=text.text, params={**text.params, **words}))
    return text, texts.message(check.todo) if isinstance(check.todo, Message) else check.todo


def _document(
    settings: "ClientSettings", sections: "Sequence[Section]", texts: "Texts", code: Exit
) -> dict[str, object]:
    checks = []
    for section in sections:
        for check in section.checks:
            text, todo = _worded(check, texts)
            checks.append(
                {
                    "group": section.name,
                    "about": texts.message(section.heading),
                    "name": check.name,
                    "state": check.state.value,
                    "text": text,
                    "todo": todo,
                    "permission": check.permission,
                    "code": int(check.code),
                }
            )
    return {
        "client": settings.contract.client,
        "file": str(settings.file),
        "exit": {"code": int(code)},
        "checks": checks,
    }
