"""Version comparison written straight from the manuals, one character at a time: what the keys must agree with.

Source: deb-version(7), "Sorting algorithm"; rpm-version(7), "Comparison algorithm".
"""


def compare_deb(a: str, b: str) -> int:
    """Compare two Debian versions as deb-version(7) tells it."""
    (epoch_a, upstream_a, revision_a), (epoch_b, upstream_b, revision_b) = _deb_parts(a), _deb_parts(b)
    if epoch_a != epoch_b:
        return -1 if epoch_a < epoch_b else 1
    return _deb_part(upstream_a, upstream_b) or _deb_part(revision_a, revision_b)


def _deb_parts(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon or not (epoch.isascii() and epoch.isdigit()):
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return (int(epoch), upstream, revision) if dash else (int(epoch), rest, "")


def _deb_part(a: str, b: str) -> int:
    at_a = at_b = 0
    while at_a < len(a) or at_b < len(b):
        while (at_a < len(a) and not _digit(a[at_a])) or (at_b < len(b) and not _digit(b[at_b])):
            order_a, order_b = _deb_order(a, at_a), _deb_order(b, at_b)
            if order_a != order_b:
                return -1 if order_a < order_b else 1
            at_a, at_b = at_a + 1, at_b + 1
        number_a, at_a = _number(a, at_a)
        number_b, at_b = _number(b, at_b)
        if number_a != number_b:
            return -1 if number_a < number_b else 1
    return 0


def _deb_order(text: str, at: int) -> int:
    if at >= len(text) or _digit(text[at]):
        return 0
    character = text[at]
    if character == "~":
        return -1
    return ord(character) if character.isascii() and character.isalpha() else ord(character) + 256


def compare_rpm(a: str, b: str) -> int:
    """Compare two `[epoch:]version[-release]` as rpm does; a missing release is older than any."""
    (epoch_a, version_a, release_a), (epoch_b, version_b, release_b) = _rpm_parts(a), _rpm_parts(b)
    if epoch_a != epoch_b:
        return -1 if epoch_a < epoch_b else 1
    if order := _rpm_part(version_a, version_b):
        return order
    if release_a is None or release_b is None:
        return (release_a is not None) - (release_b is not None)
    return _rpm_part(release_a, release_b)


def _rpm_parts(text: str) -> tuple[int, str, str | None]:
    at = 0
    while at < len(text) and _digit(text[at]):
        at += 1
    epoch, rest = 0, text
    if at < len(text) and text[at] == ":":
        epoch, rest = int(text[:at] or "0"), text[at + 1 :]
    version, dash, release = rest.rpartition("-")
    return (epoch, version, release) if dash else (epoch, rest, None)


def _rpm_part(a: str, b: str) -> int:
    at_a = at_b = 0
    while at_a < len(a) or at_b < len(b):
        while at_a < len(a) and not _counts(a[at_a]):
            at_a += 1
        while at_b < len(b) and not _counts(b[at_b]):
            at_b += 1
        first_a, first_b = a[at_a : at_a + 1], b[at_b : at_b + 1]
        if "~" in (first_a, first_b):
            if first_a != first_b:
                return -1 if first_a == "~" else 1
            at_a, at_b = at_a + 1, at_b + 1
            continue
        if "^" in (first_a, first_b):
            if first_a == first_b:
                at_a, at_b = at_a + 1, at_b + 1
                continue
            if not first_a:
                return -1
            if not first_b:
                return 1
            return -1 if first_a == "^" else 1
        if not first_a or not first_b:
            break
        if _digit(first_a) != _digit(first_b):
            return 1 if _digit(first_a) else -1
        if _digit(first_a):
            segment_a, at_a = _number(a, at_a)
            segment_b, at_b = _number(b, at_b)
            if segment_a != segment_b:
                return -1 if segment_a < segment_b else 1
        else:
            word_a, at_a = _word(a, at_a)
            word_b, at_b = _word(b, at_b)
            if word_a != word_b:
                return -1 if word_a < word_b else 1
    return (at_a < len(a)) - (at_b < len(b))


def _counts(character: str) -> bool:
    return character in "~^" or (character.isascii() and character.isalnum())


def _digit(character: str) -> bool:
    return "0" <= character <= "9"


def _number(text: str, at: int) -> tuple[int, int]:
    start = at
    while at < len(text) and _digit(text[at]):
        at += 1
    return int(text[start:at] or "0"), at


def _word(text: str, at: int) -> tuple[str, int]:
    start = at
    while at < len(text) and text[at].isascii() and text[at].isalpha():
        at += 1
    return text[start:at], at
