"""Whose workbook it is, and which client folder that is: one client's decisions never reach another's file.

The report says whose it is in the document's title, which office programs keep. A file that no longer says so is told
by its references, which no two clients share; a file that says it is another client's is refused.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from auditor.config import FILE_NAME, load
from auditor.decisions.wording import same_words
from auditor.errors import AuditorError, SettingsError
from auditor.settings import ClientSettings
from reports.cells import clean
from reports.texts import Texts, languages

_TITLES: Final = ("workbook.title", "workbook.title_both")
_MARK: Final = "\x00"


def named_in(title: str) -> str:
    """The client a document's title names, where it is the title of a report of ours; "" otherwise."""
    for language in languages():
        texts = Texts(language)
        for text in _TITLES:
            head, _, tail = texts.text(text, client=_MARK).partition(_MARK)
            found = re.fullmatch(f"{_loose(head)}(?P<client>.+?){_loose(tail)}", title.strip(), re.DOTALL)
            if found is not None:
                return found["client"].strip()
    return ""


def _loose(text: str) -> str:
    """Any kind of space for any other: programs change them."""
    return r"\s*".join(re.escape(part) for part in re.split(r"\s+", text))


def is_client(name: str, known: Iterable[str]) -> bool:
    """Whether a name is one of those a client has, or had in an earlier run; compared without case and accents."""
    return same_words(name) in {same_words(clean(one)) for one in known}


def client_of(path: Path | None, title: str, *, locked: bool) -> ClientSettings:
    """The client of a returned workbook: that of `path`, or the one among the folders in it that the title names.

    Without `path` it is looked for where the command runs. Raises SettingsError.
    """
    place = path or Path()
    if place.is_file() or (place / FILE_NAME).is_file():
        return load(place, languages=languages())
    folders = sorted(file.parent for file in place.glob(f"*/{FILE_NAME}")) if place.is_dir() else []
    if not folders:
        if path is not None:
            return load(path, languages=languages())
        hint = "Name it after the file: auditor decisions import FILE CLIENT"
        raise SettingsError(
            "CLIENT", "it is not said whose decisions these are, and no client folder is here.", hint=hint
        )
    name = named_in(title)
    if locked or not name:
        what = "a password protects the file" if locked else "the file does not say whose it is"
        raise SettingsError(str(place), f"{what}: which of {len(folders)} clients is it?", hint="Name its folder.")
    found = [settings for settings in map(_loaded, folders) if settings is not None]
    meant = [settings for settings in found if is_client(name, (settings.contract.client,))]
    if len(meant) != 1:
        told = "is called" if not meant else "alone is called"
        raise SettingsError(str(place), f"no client in it {told} {name!r}.", hint="Name the client's folder.")
    return meant[0]


def _loaded(folder: Path) -> ClientSettings | None:
    try:
        return load(folder, languages=languages())
    except AuditorError:  # another client's broken file is no reason to refuse this one's decisions
        return None


def contact(settings: ClientSettings) -> str:
    """Who decides for a client, where its file leaves no doubt: the one person its reports go to. "" otherwise."""
    boxes = settings.mail.to if settings.mail is not None else ()
    return (boxes[0].name or boxes[0].address) if len(boxes) == 1 else ""
