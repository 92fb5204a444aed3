"""`auditor doctor`: check what a client's audits rest on, before they run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor import paths
from auditor.commands.options import ANY_PATH, FOLDER
from auditor.errors import AuditorError
from auditor.exits import Exit, first_of
from auditor.progress import printable

if TYPE_CHECKING:
    from auditor.checkup import Check, Section
    from auditor.secrets import Resolver
    from auditor.settings import ClientSettings
    from reports.texts import Texts

_WIDTH = 110


@click.command(name="doctor", short_help="Check what a client's audits rest on, before they run.")
@click.argument("client_paths", metavar="CLIENT...", type=ANY_PATH, nargs=-1, required=True)
@click.option("--feeds", "feeds_folder", type=FOLDER, help="Folder of the feeds (default: the provider's own).")
@click.option("--lang", "language", metavar="CODE", help="Language: fr or en (default: the client's).")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON on standard output.")
def command(*, client_paths: tuple[Path, ...], feeds_folder: Path | None, language: str | None, as_json: bool) -> int:
    """Check what a client's audits rest on, before they run.

    The client file and price list; for each Microsoft 365 tenant the sign-in, whether it is the right tenant, its
    permissions, what each missing one costs in the report and how it is granted; the age of the feeds. Nothing is
    changed, and no machine is visited. Exit code 3 when an audit would be incomplete.
    """
    from auditor.output import as_json as to_json
    from auditor.secrets import Resolver
    from auditor.session import known_language
    from reports.texts import Texts

    if language is not None:
        known_language(language)
    resolver, codes, documents = Resolver(), [], []
    for path in client_paths:
        try:
            settings, sections = _checked(path, feeds_folder or paths.feeds_folder(), resolver)
        except AuditorError as error:
            if len(client_paths) == 1:
                raise
            click.echo(f"Error: {printable(str(error))}", err=True)
            codes.append(Exit.USAGE)
            continue
        texts = Texts(language or settings.contract.language)
        codes.append(_code(sections))
        if as_json:
            documents.append(_document(settings, sections, texts))
        else:
            _tell(settings, sections, texts)
    if as_json:
        click.echo(to_json({"format": 1, "command": "doctor", "clients": documents}))
    return first_of(codes)


def _checked(path: Path, feeds_folder: Path, resolver: "Resolver") -> "tuple[ClientSettings, list[Section]]":
    from auditor.agreements import agreed
    from auditor.checkup import Doctor, feeds_section, files_section, tenant_sections
    from auditor.config import load
    from auditor.login import client_cloud_policy, cloud_credentials
    from auditor.pipeline import now
    from collectors.cloud.visit import connect
    from collectors.feeds.cache import FeedStore
    from reports.texts import languages

    settings = load(path, languages=languages())
    moment = now()
    agreement = agreed(settings, moment.date())
    doctor = Doctor(policy=client_cloud_policy(settings), now=moment, connect=connect)
    credentials = cloud_credentials(settings.tenants, resolver)
    return settings, [
        files_section(settings, agreement, moment.date()),
        *tenant_sections(settings.tenants, credentials, doctor),
        feeds_section(settings, FeedStore(feeds_folder).states(), moment),
    ]


def _code(sections: "Sequence[Section]") -> Exit:
    from auditor.checkup import State

    failed = any(check.state is State.FAILED for section in sections for check in section.checks)
    return Exit.INCOMPLETE if failed else Exit.COMPLIANT


def _tell(settings: "ClientSettings", sections: "Sequence[Section]", texts: "Texts") -> None:
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


def _worded(check: "Check", texts: "Texts") -> tuple[str, str]:
    """What a check says and what to do, in the reader's language."""
    from rules.messages import Message

    words = {name: texts.text(text) for name, text in check.words.items()}
    text = check.text
    if isinstance(text, Message):
        text = texts.message(Message(text=text.text, params={**text.params, **words}))
    return text, texts.message(check.todo) if isinstance(check.todo, Message) else check.todo


def _document(settings: "ClientSettings", sections: "Sequence[Section]", texts: "Texts") -> dict[str, object]:
    checks = []
    for section in sections:
        for check in section.checks:
            text, todo = _worded(check, texts)
            checks.append(
                {
                    "about": texts.message(section.heading),
                    "name": check.name,
                    "state": check.state.value,
                    "text": text,
                    "todo": todo,
                    "permission": check.permission,
                }
            )
    return {"client": settings.contract.client, "file": str(settings.file), "checks": checks}
