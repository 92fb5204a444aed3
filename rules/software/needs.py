"""What one line of the position needs, before it is known which rights cover it.

A need is told by two numbers: `sure` units are needed whatever the unknown facts turn out to be, `possible` units may
be. Rights are given to both, to what is sure first. What lacks of the sure part is a deficit; what lacks of the rest is
a question, never a deficit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from rules.messages import Message, Params
from rules.products import plain_text
from rules.rights import Metric
from rules.software.devices import Device
from rules.software.recognition import Install

_PEOPLE = frozenset({Metric.USER, Metric.NAMED_USER, Metric.SUBSCRIPTION_SEAT})


class Terms(StrEnum):
    """What a program asks of a company that has no right to it."""

    COMMERCIAL = "commercial"
    BUSINESS = "business"  # free for private use: a person decides (case 63)
    UNCLEAR = "unclear"  # free or paid under one name
    SMALL_COMPANY = "small_company"  # free for small companies under conditions no scan can see
    FREE = "free"  # runs without a right of its own


@dataclass(slots=True, kw_only=True)
class Need:
    """One product (and edition, and version) that somebody uses.

    `rows` are the names under which it was seen, as people compare them. `installed` counts what `metric` counts:
    distinct devices or users. `not_subject` of them need no right, `hardware` units are covered by the machine's own
    license. `open` are devices a bound right may cover one by one. `asks` are questions for a person, whatever the
    rights, `doubts` why more may be needed than is sure, `unseen` what was not read and would tell, `blind` why nobody
    can tell how much.
    """

    product: str
    name: str
    publisher: str = ""
    edition: str = ""
    version: str = ""
    metric: Metric = Metric.DEVICE
    usual: Metric = Metric.DEVICE  # how rights to the product are usually sold: tells what a subscription's seat is
    terms: Terms = Terms.COMMERCIAL
    rows: frozenset[str] = frozenset()
    devices: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()  # the people or machines counted, each once: a suite covers them one by one
    maybe: frozenset[str] = frozenset()  # holders who perhaps do not use it: a suite covers them last
    installed: int = 0
    not_subject: int = 0
    hardware: int = 0
    sure: int = 0
    possible: int = 0
    open: tuple[Device, ...] = ()
    keyed: int = 0  # copies whose own key was sold one by one: an invoice may be missing rather than a right
    by_person: bool = False  # may be installed by a person for himself, where only his session shows it
    seconds: int = 0  # devices that are the second one of a person who has it on another
    guests: tuple[int, ...] = ()  # virtual machines per known host among them
    by_tenant: bool = False  # users' licenses were read: they are rights that no file has to name
    by_contract: bool = False  # what is counted stands in a contract and on no machine: nobody here can say how much
    mixed: bool = False  # rights of another metric exist: a person compares
    asks: list[Message] = field(default_factory=list)
    doubts: list[Message] = field(default_factory=list)
    unseen: list[Message] = field(default_factory=list)
    blind: list[Message] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The product with its edition and version, for a sentence."""
        return " ".join(filter(None, (self.name, self.edition, self.version)))

    @property
    def key(self) -> str:
        """Stable from month to month: what the line is about, without anything counted."""
        parts = (self.product, self.edition, self.version)
        return "/".join("-".join(part.casefold().split()) for part in parts if part)


def family(metric: Metric, usual: Metric) -> Metric:
    """What a metric counts: machines, people, users at one time, cores, or nothing (a site)."""
    match metric:
        case Metric.USER | Metric.NAMED_USER:
            return Metric.USER
        case Metric.SUBSCRIPTION_SEAT:
            return Metric.USER if usual in _PEOPLE else Metric.DEVICE
        case Metric.DEVICE | Metric.SERVER | Metric.USER_CAL | Metric.DEVICE_CAL:
            return Metric.DEVICE
        case _:
            return metric


def rows_of(installs: Iterable[Install]) -> frozenset[str]:
    """Names under which copies were seen, and that of their product, as patterns of rights are compared with them."""
    written = {row for install in installs for row in (*install.rows, install.product.name)}
    return frozenset(map(plain_text, written))


def note(text: str, **params: str | int | bool | None) -> Message:
    """A note of the position: a text below `software.note`."""
    values: Params = dict(params)
    return Message(text=f"software.note.{text}", params=values)


def named(devices: Iterable[str], limit: int = 8) -> str:
    """Names for one sentence, the first of them where they are many."""
    names = sorted(devices)
    shown = ", ".join(names[:limit])
    return f"{shown}, … (+{len(names) - limit})" if len(names) > limit else shown
