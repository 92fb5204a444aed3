"""Product keys that somebody typed into a file of rights: they prove nothing, are worth money, and go nowhere."""

import re
from typing import Final

# Office's autocorrection makes dashes of hyphens.
_KEY: Final = re.compile(
    r"(?<![A-Z0-9])(?:[A-Z0-9]{5}[-\u2010-\u2015]){4}(?P<last>[A-Z0-9]{5})(?![A-Z0-9])", re.IGNORECASE
)


def without_keys(text: str) -> str:
    """A text in which only the last five characters of each product key are left, as Windows itself shows them."""
    return _KEY.sub(r"*****-\g<last>", text)
