"""`auditor init DIR`: a client folder to start from, every setting there and explained."""

import tomllib
from pathlib import Path

import click

from auditor.commands.options import FOLDER
from auditor.config import FILE_NAME
from auditor.errors import SettingsError

_IGNORED = "# Written by auditor: results and host keys stay out of version control.\nhistory.sqlite*\nreports/\n"


@click.command(name="init", short_help="Write a commented client folder to start from.")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--name", help="The client's name (default: the folder's).")
def command(folder: Path, name: str | None) -> None:
    """Write a commented client folder to start from.

    DIR is created when it does not exist. An existing client.toml is never overwritten, nor is a file of rights
    (licenses.xlsx, .csv or .toml).
    """
    from auditor.entitlement_template import write_template

    file = folder / FILE_NAME
    if file.exists():
        raise SettingsError(str(file), "exists already and is left as it is.", hint="Name another folder.")
    template = Path(__file__).parents[1] / "templates" / FILE_NAME
    text = template.read_text("utf-8").replace("@CLIENT@", _toml_text(name or folder.resolve().name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text(_IGNORED, "utf-8")
        write_template(folder, tomllib.loads(text)["client"]["language"])
    except OSError as error:
        raise SettingsError(str(folder), f"cannot be written: {error.strerror}.") from None
    click.echo(f"{file}\nEdit it, then: auditor feeds update, auditor audit {folder}")


def _toml_text(text: str) -> str:
    """Quote a text for TOML; JSON's quoting is a subset of it."""
    import json

    return json.dumps(text, ensure_ascii=False)
