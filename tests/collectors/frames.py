"""Answers of the script, written by hand: what a host of any kind would have printed."""

import base64
import gzip
from collections.abc import Iterable

NONCE = "0123456789abcdef"


def frame(name: str, status: str, payload: bytes, *, nonce: str = NONCE) -> bytes:
    """One frame as the script prints it."""
    return b"\n@@A1 %s %s %s %d\n%s\n" % (nonce.encode(), name.encode(), status.encode(), len(payload), payload)


def hello(family: str = "deb", uid: int = 1000, *, nonce: str = NONCE) -> bytes:
    """The first frame."""
    return frame("hello", "1", f"{family} {uid}".encode(), nonce=nonce)


def end(*, nonce: str = NONCE) -> bytes:
    """The last frame."""
    return frame("end", "1", b"1", nonce=nonce)


def ran(name: str, stdout: bytes | str, *, stderr: bytes = b"", status: int = 0, nonce: str = NONCE) -> bytes:
    """The frame of a command that ran."""
    out = stdout.encode() if isinstance(stdout, str) else stdout
    return frame(name, "ran", b"%s%s\n%d %d" % (out, stderr, status, len(stderr)), nonce=nonce)


def packed(frames: Iterable[bytes], *, nonce: str = NONCE) -> bytes:
    """Frames in one compressed pack, wrapped like base64(1) does."""
    lines = base64.encodebytes(gzip.compress(b"".join(frames)))
    return b"\n@@A1 %s pack z 0\n%s\n@@A1 %s done z 0\n" % (nonce.encode(), lines, nonce.encode())
