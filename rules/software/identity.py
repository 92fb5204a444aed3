"""Which visits were of one machine: board UUID or serial number before machine id, that before the name (case 65).

A UUID that many boards share ("To be filled by O.E.M.", all zero) identifies nothing. Clones of one virtual machine may
share theirs too: two machines seen in the same run under different host names stay two, since merging would hide one;
the same UUID under another name in an earlier run is a machine that was renamed.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address

_NO_UUID = frozenset(
    {
        "03000200040005000006000700080009",  # boards whose maker left the example of the standard
        "00020003000400050006000700080009",
        "1234567890abcdef1234567890abcdef",
        "123456781234567890abcddeefaabbcc",
        "4c4c4544000020108020800000000000",
        "0123456789abcdef0123456789abcdef",
    }
)
_NO_SERIAL = re.compile(
    r"|to be filled by o\.?e\.?m\.?|system serial number|default string|chassis serial number|o\.?e\.?m\.?"
    r"|not (?:specified|applicable|available|set)|none|unknown|invalid|n/?a|empty|123456789?0?|(.)\1*"
)
_HEXADECIMAL = re.compile(r"[0-9a-f]{32}")
_FEWEST_DIGITS = 4  # an id made of three digits or fewer ("ffffffff-...", "11111111-...") was never drawn by chance


def usable_identity(value: str) -> str:
    """A board's UUID or a machine id as 32 hexadecimal digits in lower case; "" for what many machines share."""
    plain = value.casefold().strip().strip("{}").replace("-", "")
    if not _HEXADECIMAL.fullmatch(plain) or plain in _NO_UUID or len(set(plain)) < _FEWEST_DIGITS:
        return ""
    return plain


def usable_serial(value: str) -> str:
    """A serial number in lower case; "" for the words makers leave in its place."""
    plain = " ".join(value.casefold().split())
    return "" if _NO_SERIAL.fullmatch(plain) else plain


def name_key(name: str) -> str:
    """A machine's name as names are compared: lower case, without the dot that ends a complete one."""
    return name.casefold().strip().rstrip(".")


def short_name(name: str) -> str:
    """The first label of a host name, under which NetBIOS and DNS know a machine alike; "" for an address."""
    key = name_key(name)
    try:
        ip_address(key)
    except ValueError:
        return key.partition(".")[0]
    return ""


def may_be_one(names: Iterable[str], others: Iterable[str]) -> bool:
    """Whether two sets of names may be one machine's: an equal name, or a short name beside one that begins so.

    Complete names of two domains are two machines, whatever their first label.
    """
    left, right = {name_key(name) for name in names}, {name_key(name) for name in others}
    if left & right - {""}:
        return True
    return any(
        short_name(one) and short_name(one) == short_name(other) and ("." not in one or "." not in other)
        for one in left
        for other in right
    )
