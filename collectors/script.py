"""One POSIX shell script per visit, and the reader of what it prints.

The script runs under `sh -s` (dash, bash, busybox ash, ksh) and prints ASCII frames:

    @@A1 <nonce> <name> <status> <bytes>
    <payload>

Everything outside a frame (message of the day, noise of a login shell) is ignored. The nonce is new for every visit, so
no text on the host can pass for a frame. The first frame is `hello` (family, user id), the last `end`; without the last
the answer is partial. Where the host has gzip, base64 and timeout, frames travel compressed inside a pair of `pack` and
`done` frames: all fast sections in one, each slow section in its own. A payload is the command's standard output, its
standard error, and a last line "<exit status> <bytes of standard error>".

Windows machines answer with the same frames (`collectors.windows.script`); each of theirs is packed for itself (`z`).
"""

import base64
import binascii
import re
import secrets
import shlex
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collectors.hosts.base import ALL_FAMILIES, Family, HostCollector, Section

FORMAT = "1"
_UNPACKED_LIMIT_BYTES = 64 * 1024 * 1024
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
_MANY_DIGITS = 10
_PACK_NAMES = frozenset({"pack", "done"})
_TIMED_OUT = frozenset({124, 137, 143})  # timeout(1): coreutils 124, killed 137, busybox 143
_HEADER = re.compile(rb"(?:\A|\n)@@A1 ([0-9a-f]{16}) ([a-z0-9_]{1,64}) ([a-z0-9]{1,16}) (\d{1,9})\n")

_PROLOGUE = r"""
N={nonce}
have() {{ command -v "$1" >/dev/null 2>&1; }}
# mksh has no printf of its own, and an argument of 128 kB is too long for the external one
case ${{KSH_VERSION-}} in
"") out() {{ printf %s "$1"; }} ;;
*) out() {{ print -rn -- "$1"; }} ;;
esac
frame() {{ out "
@@A1 $N $1 $2 ${{#3}}
$3
"; }}
if timeout -k 2 5 true </dev/null >/dev/null 2>&1; then
  limited() {{ s=$1; shift; timeout -k 2 "$s" "$@"; }}; T=1
elif timeout 5 true </dev/null >/dev/null 2>&1; then
  limited() {{ s=$1; shift; timeout "$s" "$@"; }}; T=1
elif timeout -t 5 true </dev/null >/dev/null 2>&1; then
  limited() {{ s=$1; shift; timeout -t "$s" "$@"; }}; T=1
else
  limited() {{ shift; "$@"; }}; T=0
fi
run() {{
  o=$({{ e=$({{ limited "$2" sh -c "$3" </dev/null; }} 2>&1 >&3 3>&-); r=$?; out "$e
$r ${{#e}}"; }} 3>&1)
  frame "$1" ran "$o"
}}
# Without a time limit one hung command would hold back a whole pack: then every section travels alone and plain.
if [ $T = 1 ] && have gzip && have base64 && [ -n "$(echo x | gzip -c 2>/dev/null | base64 2>/dev/null)" ]; then
  pack() {{ out "
@@A1 $N pack z 0
"; "$1" | gzip -c | base64; out "
@@A1 $N done z 0
"; }}
else
  pack() {{ "$1"; }}
fi
family() {{
  I=" "
  for f in /etc/os-release /usr/lib/os-release; do
    [ -r $f ] || continue
    while IFS='=' read -r k v || [ -n "$k" ]; do
      case $k in ID|ID_LIKE) v=${{v#[\"\']}}; v=${{v%[\"\']}}; I="$I$v " ;; esac
    done <$f
    break
  done
  [ "$I" = " " ] && [ -r /etc/redhat-release ] && I=" rhel "
  case $I in
  *" debian "*|*" ubuntu "*) F=deb ;;
  *" alpine "*) F=apk ;;
  *" suse "*|*" sles "*|*" opensuse "*) F=suse ;;
  *" rhel "*|*" fedora "*|*" centos "*) F=rhel ;;
  *) if [ -s /var/lib/dpkg/status ]; then F=deb
     elif [ -s /lib/apk/db/installed ] || [ -s /usr/lib/apk/db/installed ]; then F=apk
     elif have rpm && {{ [ -d /var/lib/rpm ] || [ -d /usr/lib/sysimage/rpm ]; }}; then F=rpm
     else F=unknown; fi ;;
  esac
}}
family </dev/null
frame hello {format} "$F $(id -u 2>/dev/null </dev/null)"
"""


def new_nonce() -> str:
    """Sixteen random hexadecimal digits, for one visit."""
    return secrets.token_hex(8)


def build_script(collectors: Iterable[HostCollector], *, nonce: str | None = None) -> bytes:
    """Assemble the script of one visit: fast sections first, then each slow one. ASCII, ends with a newline."""
    nonce = nonce or new_nonce()
    chosen = tuple(collectors)
    fast = [collector for collector in chosen if not collector.slow]
    lines = [f"export LC_ALL=C LANG=C LANGUAGE=C PATH={_PATH}", _PROLOGUE.format(nonce=nonce, format=FORMAT).strip()]
    lines += _group("fast", fast)
    for collector in chosen:
        if collector.slow:
            lines += _group(f"slow_{collector.name}", [collector])
    lines.append(f'frame end {FORMAT} "{len(chosen)}"')
    # A shell that reads its script from standard input must not be left waiting for more.
    return ("\n".join(lines) + "\nexit 0\n").encode("ascii")


def _group(name: str, collectors: Iterable[HostCollector]) -> list[str]:
    body = [_call(collector) for collector in collectors]
    return [f"{name}() {{", *body, ":", "}", f"pack {name}"] if body else []


def _call(collector: HostCollector) -> str:
    name = collector.name
    missing = " ".join(f"have {tool} || m={tool};" for tool in collector.needs)
    command = shlex.quote(collector.command.strip())
    lines = [
        f'm=; {missing} if [ -n "$m" ]; then frame {name} missing "$m"',
        f"else run {name} {collector.timeout_s} {command}; fi",
    ]
    if collector.when:
        lines = [f"if {collector.when}; then", *lines, f'else frame {name} skipped ""; fi']
    if collector.families != ALL_FAMILIES:
        families = "|".join(sorted(collector.families))
        lines = [f"case $F in {families})", *lines, f';; *) frame {name} skipped "" ;; esac']
    return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came home of one script. `answered` is false when not even the first frame was found.

    `complete` tells that the last frame arrived. `cut` names sections that began but did not arrive whole, `damaged`
    counts packs that could not be unpacked. The last three are what a Windows machine says of the shell it ran in:
    whether the token was an administrator's, PowerShell's version and its language mode.
    """

    answered: bool = False
    complete: bool = False
    family: Family = Family.UNKNOWN
    uid: int | None = None
    sections: Mapping[str, Section]
    cut: tuple[str, ...] = ()
    damaged: int = 0
    elevated: bool = False
    powershell_version: str = ""
    language_mode: str = ""


def read_sections(stdout: bytes, *, nonce: str | None = None) -> Delivery:
    """Read the frames of one script's standard output; never raises, whatever the bytes.

    With `nonce` None (a recording) the first `hello` frame tells it.
    """
    reader = _Reader(nonce.encode() if nonce else None)
    reader.read(stdout, nested=False)
    return Delivery(
        answered=reader.answered,
        complete=reader.complete,
        family=reader.family,
        uid=reader.uid,
        sections=reader.sections,
        cut=tuple(reader.cut),
        damaged=reader.damaged,
        elevated=reader.elevated,
        powershell_version=reader.powershell_version,
        language_mode=reader.language_mode,
    )


class _Reader:
    """Walks frames; a frame's payload is skipped by its length, so nothing inside it is taken for a frame."""

    def __init__(self, nonce: bytes | None) -> None:
        self.nonce = nonce
        self.answered = False
        self.complete = False
        self.family = Family.UNKNOWN
        self.uid: int | None = None
        self.sections: dict[str, Section] = {}
        self.cut: list[str] = []
        self.damaged = 0
        self.elevated = False
        self.powershell_version = ""
        self.language_mode = ""
        self._room = _UNPACKED_LIMIT_BYTES  # for all packs of a host together

    def read(self, data: bytes, *, nested: bool) -> None:
        position = 0
        while (header := _HEADER.search(data, position)) is not None:
            position = self._frame(data, header, nested=nested)

    def _frame(self, data: bytes, header: re.Match[bytes], *, nested: bool) -> int:
        nonce, name, status, length = header.groups()
        if self.nonce is None and name == b"hello":
            self.nonce = nonce
        if nonce != self.nonce:
            return header.start() + 1
        begin = header.end()
        if name == b"pack" and not nested:
            return self._pack(data, begin)
        end = begin + int(length)
        if end >= len(data):  # the newline after the payload is missing too: nothing proves that it is whole
            self.cut.append(name.decode())
            return len(data)
        self._accept(name.decode(), status.decode(), data[begin:end])
        return end

    def _pack(self, data: bytes, begin: int) -> int:
        end = data.find(b"\n@@A1 " + (self.nonce or b"") + b" done z 0\n", begin)
        whole = end >= 0
        inner, intact = _unpack(data[begin : end if whole else len(data)], whole=whole, limit_bytes=self._room)
        self._room = max(self._room - len(inner), 1)
        self.read(inner, nested=True)
        self.damaged += 0 if intact else 1
        return end if whole else len(data)

    def _accept(self, name: str, status: str, payload: bytes) -> None:
        match name, status:
            case "hello", _:
                self._hello(payload)
            case "end", _:
                self.complete = True
            case _, "skipped":
                self.sections.setdefault(name, Section(name=name, skipped=True))
            case _, "missing":
                self.sections.setdefault(name, Section(name=name, missing=_text(payload)))
            case _, "ran":
                section = _section(name, payload)
                if section is None:
                    self.cut.append(name)
                else:
                    self.sections.setdefault(name, section)
            case _, "z" if name not in _PACK_NAMES:
                self._packed(name, payload)
            case _:
                pass

    def _packed(self, name: str, payload: bytes) -> None:
        inner, intact = _unpack(payload, whole=True, limit_bytes=self._room)
        self._room = max(self._room - len(inner), 1)
        if intact:
            self.sections.setdefault(name, Section(name=name, stdout=_text(inner)))
        else:
            self.cut.append(name)
            self.damaged += 1

    def _hello(self, payload: bytes) -> None:
        words = _text(payload).split()
        self.answered = True
        if words and words[0] in frozenset(Family):
            self.family = Family(words[0])
        if self.family is Family.WINDOWS:
            _, elevated, version, mode, *_ = (*words, "", "", "", "")
            self.elevated, self.powershell_version, self.language_mode = elevated == "1", version, mode
        elif len(words) > 1 and words[1].isdecimal():
            self.uid = int(words[1])


def _unpack(packed: bytes, *, whole: bool, limit_bytes: int) -> tuple[bytes, bool]:
    """Unpack base64 of gzip, as far as it and the limit go; the second value tells whether all of it was good."""
    packed = b"".join(packed.split())
    if not whole:
        packed = packed[: len(packed) // 4 * 4]
    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = engine.decompress(base64.b64decode(packed, validate=True), limit_bytes)
    except (binascii.Error, zlib.error):
        return _salvage(packed, limit_bytes), False
    return unpacked, whole and engine.eof


def _salvage(packed: bytes, limit_bytes: int) -> bytes:
    """What precedes the damage: the leading base64 alphabet, then as many bytes as inflate without an error."""
    clean = re.match(rb"[A-Za-z0-9+/]*", packed)
    leading = clean.group() if clean else b""
    raw = base64.b64decode(leading[: len(leading) // 4 * 4])
    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    found = b""
    try:
        for start in range(0, len(raw), 1024):
            found += engine.decompress(raw[start : start + 1024], max(limit_bytes - len(found), 1))
            if len(found) >= limit_bytes:
                break
    except zlib.error:
        pass
    return found


def _section(name: str, payload: bytes) -> Section | None:
    body, newline, trailer = payload.rpartition(b"\n")
    words = trailer.split()
    if not newline or len(words) != 2 or not all(word.isdigit() and len(word) < _MANY_DIGITS for word in words):
        return None
    status, errors = int(words[0]), int(words[1])
    if errors > len(body):
        return None
    cut = len(body) - errors
    return Section(
        name=name,
        stdout=_text(body[:cut]),
        stderr=_text(body[cut:]),
        exit_status=status,
        timed_out=status in _TIMED_OUT,
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="backslashreplace")
