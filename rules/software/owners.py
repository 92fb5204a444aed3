"""Who works on a machine: the client's own word, then Intune's, then the profiles on it.

The client's word and Intune's name one person firmly. A profile's folder only resembles a name: it may give somebody's
license to a machine, and never takes one away.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from collectors.windows.facts import UserProfile
from rules.rights import SoftwareTerms
from rules.software.devices import Device
from rules.software.identity import may_be_one, name_key
from rules.software.tenant_rights import CloudUser, TenantRights

_WORDS = re.compile(r"[a-z0-9]+")
_NOBODY = re.compile(  # profiles of accounts that no person is
    r"administrat(?:or|eur)|adm|adm(?:in)?[-_.].*|.*[-_.]adm(?:in)?|admin|public|default(?:user\d*)?|systemprofile|guest|invit."
    r"|defaultapppool|wdagutilityaccount|wsiaccount|classic \.net .*|\.net .*"
    r"|mssql.*|sql(?:telemetry|serveragent|ssrs).*|svc[-_.].*|service[-_.].*"
)
_REGULAR = timedelta(
    days=90
)  # whom nobody saw on a machine for so long, while others work there, is not there any more
_LONGEST_FOLDER = 20  # a user name of the old kind, and what Windows keeps of a longer one


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who uses a machine. `firm` is the user principal name that the client or Intune gives, "" where neither does.

    `users` are users of the tenants who may work there, the firm one first; `people` the distinct names of all who do,
    known to a tenant or not (a principal name, or a profile's folder), in lower case, the one here last first;
    `regulars` those of them who were not away for 90 days when the last one was here.
    """

    firm: str = ""
    users: tuple[CloudUser, ...] = ()
    people: tuple[str, ...] = ()
    regulars: tuple[str, ...] = ()

    @property
    def primary(self) -> str:
        """The one person this machine counts for, in lower case; "" when that is not known."""
        if self.firm:
            return self.firm.casefold()
        return self.regulars[0] if len(self.regulars) == 1 else ""


class Owners:
    """Answers who works on each machine of a client. `rights` are those of all its tenants."""

    def __init__(self, rights: Sequence[TenantRights], terms: SoftwareTerms) -> None:
        self._terms = terms
        self._users = {user.upn.casefold(): user for right in rights for user in right.users}
        self._managed = {name: upn for right in rights for name, upn in right.managed.items()}
        self._serials = {name: serial for right in rights for name, serial in right.serials.items()}
        self._by_key = _keys(self._users.values())
        self._found: dict[str, Owner] = {}

    def of(self, device: Device) -> Owner:
        """Who uses a machine, made once."""
        if device.name not in self._found:
            self._found[device.name] = self._owner(device)
        return self._found[device.name]

    def person(self, device: Device, user: str) -> str:
        """The name under which one user of a machine (a SID or a profile's folder) counts, in lower case."""
        folder = next((profile.name for profile in device.profiles if profile.sid == user), user)
        known = self._named(folder)
        return known.upn.casefold() if known is not None else folder.casefold()

    def serial(self, device: Device) -> str:
        """The machine's serial number as Intune knows it, "" otherwise."""
        return device.serial or next(
            (self._serials[key] for key in map(name_key, device.names) if key in self._serials), ""
        )

    def _owner(self, device: Device) -> Owner:
        firm = self._declared(device) or next(
            (self._managed[key] for key in map(name_key, device.names) if key in self._managed), ""
        )
        folders = [profile for profile in device.profiles if not _NOBODY.fullmatch(profile.name.casefold())]
        folders.sort(key=_last_used, reverse=True)
        named = [(profile, self._named(profile.name)) for profile in folders]
        users = {user.upn.casefold(): user for _, user in named if user is not None}
        if firm:
            first = self._users.get(firm.casefold())
            users = {} if first is None else {firm.casefold(): first, **users}
        names = [user.upn.casefold() if user else profile.name.casefold() for profile, user in named]
        gone = {profile.sid for profile in folders if _is_gone(profile, folders[0])}
        regulars = (name for name, (profile, _) in zip(names, named, strict=True) if profile.sid not in gone)
        return Owner(
            firm=firm,
            users=tuple(users.values()),
            people=tuple(dict.fromkeys(names)),
            regulars=tuple(dict.fromkeys(regulars)),
        )

    def _declared(self, device: Device) -> str:
        return next((upn for name, upn in self._terms.primary_users.items() if may_be_one((name,), device.names)), "")

    def _named(self, folder: str) -> CloudUser | None:
        """The user whose name a profile's folder bears; None when none does, or when several might."""
        plain = folder.partition("@")[0] if "@" in folder else folder
        for key in (_plain(plain), _plain(plain.rpartition(".")[0]) if _has_domain(plain) else ""):
            found = self._by_key.get(key, ()) if key else ()
            if len(found) == 1:
                return self._users[found[0]]
        return None


def _last_used(profile: UserProfile) -> tuple[float, str]:
    return (0.0 if profile.last_used_at is None else profile.last_used_at.timestamp(), profile.name)


def _is_gone(profile: UserProfile, latest: UserProfile) -> bool:
    """Whether a profile was last used long before the one that was used last; without dates nobody is gone."""
    if profile.last_used_at is None or latest.last_used_at is None:
        return False
    return latest.last_used_at - profile.last_used_at > _REGULAR


def _has_domain(folder: str) -> bool:
    """Whether a folder may be "jdupont.CORP": a name, then the domain in capitals, as Windows writes it on a clash."""
    return "." in folder and folder.rpartition(".")[2].isupper()


def _keys(users: Iterable[CloudUser]) -> dict[str, tuple[str, ...]]:
    """Users by every way their name is commonly written in a profile's folder."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for user in users:
        local = user.upn.partition("@")[0]
        words, parts = _words(user.name), _words(local)
        for key in {_plain(local), "".join(words), *_initials(words), *_initials(parts)}:
            if key:
                found[key[:_LONGEST_FOLDER]].add(user.upn.casefold())
                found[key].add(user.upn.casefold())
    return {key: tuple(sorted(names)) for key, names in found.items()}


def _initials(words: list[str]) -> Iterable[str]:
    """Yield jdupont and dupontj for Jean Dupont."""
    if len(words) > 1:
        rest = "".join(words[1:])
        yield words[0][0] + rest
        yield rest + words[0][0]


def _plain(text: str) -> str:
    return "".join(_words(text))


def _words(text: str) -> list[str]:
    spelled = unicodedata.normalize("NFKD", text.casefold())
    return _WORDS.findall("".join(letter for letter in spelled if not unicodedata.combining(letter)))
