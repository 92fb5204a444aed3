"""What somebody wrote into a cell of the returned sheet: a decision, a reference, a name.

A decision is read however it is written as long as it can mean one thing only. Whatever says more than the word itself
("ne pas retirer", "conserver ?", "retirer en mars") is not taken for it.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from auditor.spreadsheets.values import plain, tidy
from reports.reviews import address
from reports.texts import Param, Texts, languages
from rules.decisions import Choice

_REFERENCE: Final = re.compile(r"(?<![A-Z0-9])([FA])\s*-\s*([0-9A-F]{8})(?![A-Z0-9])")
_DASHES: Final = re.compile("[\u2010-\u2015\u2212\u00ad\u2011\uff0d]")
# Beside the words of the list itself, as people type them (`plain`).
_WORDS: Final = {
    Choice.KEEP: """conserver conserve conservez conservee conserves garder garde gardez gardee maintenir maintenu
        maintenue laisser keep kept""",
    Choice.REMOVE: """retirer retire retirez retiree supprimer supprime supprimez supprimee enlever enleve enlevez
        remove removed delete""",
    Choice.DISCUSS: """discuter discutons discute discussion discuss discussed voir_ensemble a_voir a_revoir en_parler
        en_discuter en_reparler""",
}
# What people put around the word, and what changes nothing of it.
_AROUND: Final = frozenset(
    {
        "a",
        "ok",
        "oui",
        "yes",
        "d",
        "accord",
        "c",
        "est",
        "on",
        "je",
        "nous",
        "we",
        "i",
        "to",
        "be",
        "svp",
        "merci",
        "il",
    }
    | {"please", "la", "le", "les", "licence", "licences", "license", "licenses", "it", "them", "faut"}
)


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence to be worded: a text below `cli.decisions` with its parameters."""

    text: str
    params: dict[str, Param] = field(default_factory=dict)


@cache
def _known() -> dict[str, Choice]:
    known = {word: choice for choice, words in _WORDS.items() for word in words.split()}
    for language in languages():
        texts = Texts(language)
        known |= {plain(texts.text(f"sheets.users.{choice.value}")): choice for choice in Choice}
    return known


def choice_of(text: str) -> Choice | None:
    """The one decision a text means; None where it means none, several, or more than that."""
    written = tidy(text)
    if "?" in written:
        return None
    word = plain(written)
    without = "_".join(part for part in word.split("_") if part != "ensemble")
    for whole in (word, without):
        if whole in _known():
            return _known()[whole]
    said = {_known().get(part) for part in without.split("_") if part not in _AROUND}
    return said.pop() if len(said) == 1 else None


def references(text: str) -> tuple[str, ...]:
    """The references of findings ("F-…") and actions ("A-…") in a text, each once, in order."""
    found = _REFERENCE.findall(_DASHES.sub("-", text.replace("\u00a0", " ")).upper())
    return tuple(dict.fromkeys(f"{kind}-{digits}" for kind, digits in found))


def same_words(text: str) -> str:
    """A text for comparing: no case, no accents, one space between words; punctuation and other scripts stay."""
    bare = unicodedata.normalize("NFKD", tidy(text).casefold())
    return "".join(char for char in bare if not unicodedata.combining(char))


def names(cell: str, person: str, name: str) -> bool:
    """Whether a cell is about a person: it holds the sign-in name; or no sign-in name, and every word of `name`."""
    found = same_words(cell)
    if "@" in found:
        known = "|".join(re.escape(same_words(one)) for one in (person, address(person)))
        return re.search(rf"(?<![\w.+'-])(?:{known})(?![\w-]|\.\w)", found) is not None
    words = set(re.findall(r"\w+", same_words(name)))
    return found == same_words(person) or (bool(words) and words <= set(re.findall(r"\w+", found)))
