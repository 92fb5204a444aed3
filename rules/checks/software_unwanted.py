"""software.unwanted: programs on a machine that the client's own list forbids or does not want.

An entry is a product (by id, name or alias), which is then found under every name its installers write, or a pattern of
display names with `*`. One that names a version or an edition ("Office 2010") means that one alone. On Linux an entry
is compared with packages, snaps and flatpaks. One FAIL per machine and entry.

Texts: `fail`, `fail_unwanted`, `pass` (count = entries), `not_applicable`, `remedy`, `remedy_unwanted`, `evidence`,
`evidence_list`. Parameters: product, seen, count.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from collectors.feeds.records import Severity
from collectors.model import Application, FactKind
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.products import Product, normalized, plain_text, product_named, product_of
from rules.rights import UnwantedSoftware
from rules.rule import Case, Rule, finding, joined

ID = "software.unwanted"
_FORBIDDEN = Priority(level=PriorityLevel.PLAN, score=320.0)
_UNWANTED = Priority(level=PriorityLevel.WATCH, score=35.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One installed thing: its name as written, the version, who publishes it, where that stands."""

    name: str
    version: str
    publisher: str
    source: str


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL per entry of the list that is installed here, or one PASS over all of them."""
    installed = tuple(_installed(case))
    found = [
        _fail(case, entry, copies)
        for entry in case.contract.software.unwanted
        if (copies := [one for one in installed if _is(entry, one)])
    ]
    params: Params = {"count": len(case.contract.software.unwanted)}
    return found or (finding(ID, case, Outcome.PASS, "pass", params=params),)


def key_of(entry: UnwantedSoftware) -> str:
    """What tells findings about one entry from others: the product's id with what is named of it, else the pattern."""
    product = None if "*" in entry.product else product_named(entry.product)
    if product is None:
        return plain_text(entry.product)
    return "/".join(filter(None, (product.id, *_named(entry, product))))


def _installed(case: Case) -> Iterator[_Seen]:
    for application in case.snapshot.applications:
        if application.name and not application.noise:
            yield _Seen(
                name=application.name,
                version=application.version,
                publisher=application.publisher,
                source=_source(application),
            )
    for package in case.snapshot.packages:
        yield _Seen(name=package.name, version=package.version, publisher="", source=package.scheme.value)


def _source(application: Application) -> str:
    return "Uninstall" if application.scope in ("machine", "user") else application.scope


def _is(entry: UnwantedSoftware, seen: _Seen) -> bool:
    if "*" in entry.product:
        pattern = _pattern(entry.product)
        product = product_of(seen.name, seen.publisher)
        named = () if product is None else (product.name,)
        return any(pattern.fullmatch(plain_text(name)) for name in (seen.name, *named))
    wanted = product_named(entry.product)
    if wanted is None:
        return normalized(seen.name) == normalized(entry.product)
    product = product_of(seen.name, seen.publisher)
    if product is None:
        return seen.name.casefold() == wanted.id
    return product is wanted and _is_such(entry, wanted, seen)


def _is_such(entry: UnwantedSoftware, wanted: Product, seen: _Seen) -> bool:
    """Whether a copy is of the edition and the version the entry names; one that names none means them all."""
    edition, release = _named(entry, wanted)
    name = plain_text(seen.name)
    return edition in ("", wanted.edition_in(name)) and release in ("", wanted.release_of(name, seen.version))


def _named(entry: UnwantedSoftware, product: Product) -> tuple[str, str]:
    """Edition and version an entry names besides the product, "" for what it does not."""
    asked = plain_text(entry.product)
    if asked in (product.id, plain_text(product.name), *map(plain_text, product.aliases)):
        return "", ""
    return product.edition_in(asked), product.release_of(asked, "")


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in plain_text(text).split("*")))


def _fail(case: Case, entry: UnwantedSoftware, copies: list[_Seen]) -> Finding:
    named = product_of(copies[0].name, copies[0].publisher)
    names = dict.fromkeys(f"{copy.name} {copy.version}".strip() for copy in copies)
    params: Params = {"product": copies[0].name if named is None else named.name, "seen": joined(names, 3)}
    suffix = "" if entry.forbidden else "_unwanted"
    listed = Evidence(
        what=Message(text=f"rules.{ID}.evidence_list", params=params), seen=entry.reason, source=entry.place
    )
    return finding(
        ID,
        case,
        Outcome.FAIL,
        f"fail{suffix}",
        key=key_of(entry),
        params=params,
        severity=Severity.HIGH if entry.forbidden else Severity.LOW,
        remedy=Message(text=f"rules.{ID}.remedy{suffix}", params=params),
        priority=_FORBIDDEN if entry.forbidden else _UNWANTED,
        evidence=(*(_proof(case, copy) for copy in copies), listed),
    )


def _proof(case: Case, copy: _Seen) -> Evidence:
    what = Message(text=f"rules.{ID}.evidence", params={"product": copy.name})
    seen = " · ".join(part for part in (copy.version, copy.publisher) if part)
    return Evidence(what=what, seen=seen, source=copy.source, as_of=case.snapshot.taken_at)


RULE = Rule(
    id=ID,
    needs=(FactKind.PACKAGES, FactKind.APPLICATIONS),
    needs_on_windows=(FactKind.APPLICATIONS, FactKind.USER_APPLICATIONS, FactKind.STORE_APPS),
    check=check,
    applies=lambda case: bool(case.contract.software.unwanted),
)
