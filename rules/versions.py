"""Version order of the three package managers, as bytes that sort like the manager does.

A version maps once to a key; keys compare with `<` at C speed, so that a fleet of a million packages is judged with
dictionary look-ups and byte comparisons only. No version is refused: audits meet versions a packager should never have
published, and one odd package must not stop a host. What each manager itself would refuse has a decided place:

- deb: an epoch that is no number belongs to the upstream version; other characters than dpkg allows sort as the
  punctuation they are, non-ASCII ones last; an empty revision is the revision 0.
- rpm: nothing is invalid; every character outside ASCII letters, digits, `~` and `^` only separates.
- apk: from the first character apk does not understand the rest is ignored, and the version sorts just below the same
  version without that rest ("1.2_blah" < "1.2").

Programs for Windows follow no scheme; `dotted_key` orders what nearly all of them share, numbers between dots, and
says so when a text is no version at all.

Source: deb-version(7); rpm's rpmvercmp (rpm-version(7)); apk-package(5), section "PACKAGE METADATA", pkgver.
"""

import re
from collections.abc import Callable

from collectors.model import PackageScheme

_COUNTED = 60  # digits counted by one byte; longer numbers spell out their length
_DIGITS = re.compile(rb"([0-9]+)")


class _Numbers(dict[bytes, bytes]):
    """Digits to sortable bytes: one byte for how many digits count (`zero` for none), then those digits."""

    def __init__(self, zero: int) -> None:
        super().__init__()
        self._zero = zero

    def __missing__(self, digits: bytes) -> bytes:
        significant = digits.lstrip(b"0")
        count = len(significant)
        if count < _COUNTED:
            number = bytes((self._zero + count,)) + significant
        else:
            number = bytes((self._zero + _COUNTED,)) + count.to_bytes(4, "big") + significant
        if len(digits) <= _SHORT:
            self[digits] = number  # a thousand of them make up nearly all versions
        return number


_SHORT = 3


class _Parts(dict[str, bytes]):
    """Parts of versions to sortable bytes. Releases and revisions repeat all over a distribution, so they are kept."""

    def __init__(self, make: Callable[[str], bytes]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, part: str) -> bytes:
        made = self._make(part)
        if len(self) < _PARTS_KEPT:
            self[part] = made
        return made


_PARTS_KEPT = 16384

# --- deb ---------------------------------------------------------------------------------------------------------
# "~" 1 < end of a run or of the part, and numbers, 2..62 < letters 65..122 < other ASCII 128..254 < non-ASCII 255.
# The end of a non-digit run and the number behind it share one byte; a part ends as if the number 0 followed.
_DEB_ORDER = bytes(
    1 if chr(code) == "~" else code if code > 127 or chr(code).isalnum() else code + 128 for code in range(256)
)
_DEB_NUMBERS = _Numbers(2)
_DEB_EPOCH_0 = _DEB_NUMBERS[b"0"]

# --- rpm ---------------------------------------------------------------------------------------------------------
# "~" 1 < end 2 < "^" 3 < letters 65..122 (closed by NUL) < numbers 128..188.
_RPM_TOKENS = re.compile(rb"([0-9]+)|([A-Za-z]+)|([~^])")
_RPM_MARKS = {b"~": b"\x01", b"^": b"\x03"}
_RPM_EPOCH = re.compile(r"([0-9]*):")
_RPM_NUMBERS = _Numbers(128)
_RPM_ZERO = _RPM_NUMBERS[b"0"]

# --- apk ---------------------------------------------------------------------------------------------------------
_APK_PRE_SUFFIXES = {"alpha": "\x01\x01", "beta": "\x01\x02", "pre": "\x01\x03", "rc": "\x01\x04"}
_APK_POST_SUFFIXES = {"cvs": "\x07\x01", "svn": "\x07\x02", "git": "\x07\x03", "hg": "\x07\x04", "p": "\x07\x05"}
_APK_SUFFIXES = _APK_PRE_SUFFIXES | _APK_POST_SUFFIXES
_APK_INVALID, _APK_END, _APK_REVISION, _APK_HASH, _APK_SUFFIX_NUMBER = "\x02", "\x03", "\x04", "\x05", "\x06"
_APK_EMPTY, _APK_LETTER, _APK_ZERO, _APK_NUMBER = "\x08", "\x09", "\x0a", "\x0b"
_APK_PARTS = re.compile(
    r"(?P<numbers>[0-9]*(?:\.[0-9]*)*)"
    r"(?:(?P<letter>[a-z])(?P<letter_number>[0-9]*))?"
    r"(?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)"
    r"(?:~(?P<hash>[0-9a-f]+))?"
    r"(?:-r(?P<revision>[0-9]*)(?=-|$))?"
)
_APK_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")


# --- dotted ------------------------------------------------------------------------------------------------------
# pre-release word 1 < end 2 < letters 97..122 (closed by NUL) < numbers 128..188.
_DOTTED_TOKENS = re.compile(r"[0-9]+|[a-z]+")
_DOTTED_START = re.compile(r"v?[0-9]")
_PRE_RELEASES = frozenset(
    {"alpha", "beta", "dev", "ea", "m", "milestone", "nightly", "pre", "preview", "rc", "snapshot"}
)
_WITHOUT_MEANING = frozenset({"build", "esr", "release", "u", "update", "v", "version", "x"})


def compare(scheme: PackageScheme, a: str, b: str) -> int:
    """Return -1, 0 or 1 as `a` is older than, equal to or newer than `b`."""
    key_a, key_b = key(scheme, a), key(scheme, b)
    return (key_a > key_b) - (key_a < key_b)


def key(scheme: PackageScheme, version: str) -> bytes:
    """Return bytes that sort like the scheme sorts versions; equal versions ("1.0" and "0:1.00-0") have equal keys."""
    return _KEYS[scheme](version)


def key_function(scheme: PackageScheme) -> Callable[[str], bytes]:
    """Return the key function of one scheme, for loops over many versions."""
    return _KEYS[scheme]


def dotted_key(version: str) -> bytes | None:
    """Return bytes that sort like versions of programs do; None for a text that does not begin like a version.

    Zeros at the end do not count ("7.12" is "7.12.0"), nor does what stands behind "+" (a build of the same version).
    A word for what comes before a release ("rc", "beta", ...) sorts below the release, another letter above it
    ("1.1.1" < "1.1.1k"); any other character only separates.
    """
    text = version.strip().lower().partition("+")[0]
    if not text.isascii() or not _DOTTED_START.match(text):
        return None
    pieces: list[bytes] = []
    for token in _DOTTED_TOKENS.findall(text):
        if token.isdigit():
            pieces.append(_RPM_NUMBERS[token.encode()])
        elif token not in _WITHOUT_MEANING:
            _drop_zeros(pieces)
            pieces.append((b"\x01" if token in _PRE_RELEASES else b"") + token.encode() + b"\0")
    _drop_zeros(pieces)
    return b"".join((*pieces, b"\2"))


def _drop_zeros(pieces: list[bytes]) -> None:
    while pieces and pieces[-1] == _RPM_ZERO:
        pieces.pop()


def _deb_key(version: str) -> bytes:
    """Key of `[epoch:]upstream[-revision]` (L2: the epoch is a number; L3: leading zeros do not count)."""
    epoch = _DEB_EPOCH_0
    if ":" in version:
        number, _, rest = version.strip().partition(":")
        if _is_number(number):
            epoch, version = _DEB_NUMBERS[number.encode()], rest
    upstream, dash, revision = version.strip().rpartition("-")
    if not dash:
        upstream, revision = revision, "0"
    return epoch + _DEB_PARTS[upstream] + _DEB_PARTS[revision]


def _deb_part(part: str) -> bytes:
    ordered = (part.encode() if part.isascii() else _escape(part)).translate(_DEB_ORDER)
    runs = _DIGITS.split(ordered or b"0")
    runs[1::2] = map(_DEB_NUMBERS.__getitem__, runs[1::2])
    runs.append(b"\2\2" if runs[-1] else b"\2")  # without a number at the end, the part ends as if 0 followed
    return b"".join(runs)


def _escape(text: str) -> bytes:
    """Encode so that each non-ASCII character is 255 and six letters that sort like its code point."""
    pieces = []
    for character in text:
        if character.isascii():
            pieces.append(character.encode())
        else:
            pieces.append(b"\xff" + bytes(ord("A") + int(digit, 16) for digit in f"{ord(character):06x}"))
    return b"".join(pieces)


def _rpm_key(version: str) -> bytes:
    """Key of `[epoch:]version[-release]`; a version without release sorts below the same version with any (rpm)."""
    epoch, version = "", version.strip()
    if found := _RPM_EPOCH.match(version):
        epoch, version = found[1], version[found.end() :]
    upstream, dash, release = version.rpartition("-")
    if not dash:
        return _RPM_NUMBERS[epoch.encode()] + _RPM_PARTS[release]
    return _RPM_NUMBERS[epoch.encode()] + _RPM_PARTS[upstream] + _RPM_PARTS[release]


def _rpm_part(part: str) -> bytes:
    pieces = []
    for digits, letters, mark in _RPM_TOKENS.findall(part.encode()):
        if digits:
            pieces.append(_RPM_NUMBERS[digits])
        else:
            pieces.append(letters + b"\0" if letters else _RPM_MARKS[mark])
    return b"".join((*pieces, b"\2"))


_DEB_PARTS = _Parts(_deb_part)
_RPM_PARTS = _Parts(_rpm_part)


def _apk_key(version: str) -> bytes:
    """Key of `digits{.digits}[letter]{_suffix[number]}[~hash][-rN]`.

    Behind the first number, one with a leading zero sorts as text and below all others, as in "1.05" < "1.5".
    """
    version = version.strip()
    found = _APK_PARTS.match(version)
    assert found is not None  # every group may be empty
    first, *others = found["numbers"].split(".")
    pieces = [_apk_number(first)]
    pieces += [_apk_component(number) for number in others]
    if found["letter"]:
        pieces.append(_APK_LETTER + found["letter"])
        if found["letter_number"]:
            pieces.append(_apk_component(found["letter_number"]))
    for name, number in _APK_SUFFIX.findall(found["suffixes"]):
        pieces.append(_APK_SUFFIXES[name])
        if number:
            pieces.append(_APK_SUFFIX_NUMBER + _apk_number(number))
    if found["hash"]:
        pieces.append(_APK_HASH + found["hash"] + "\0")
    if found["revision"] is not None:
        pieces.append(_APK_REVISION + _apk_number(found["revision"]))
    pieces.append(_APK_END if found.end() == len(version) else _APK_INVALID)
    return "".join(pieces).encode("latin-1")


def _apk_component(digits: str) -> str:
    if not digits:
        return _APK_EMPTY
    if digits[0] == "0":
        return _APK_ZERO + digits + "\0"
    return _APK_NUMBER + _apk_number(digits)


def _apk_number(digits: str) -> str:
    return _RPM_NUMBERS[digits.encode()].decode("latin-1")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


_KEYS: dict[PackageScheme, Callable[[str], bytes]] = {
    PackageScheme.DEB: _deb_key,
    PackageScheme.RPM: _rpm_key,
    PackageScheme.APK: _apk_key,
}
