"""The other end of `collectors.script.read_sections`: write the frames its script would print."""

import base64
import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

_FORMAT = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one collector's command would have printed. `missing` names a tool that is not installed there."""

    stdout: str = ""
    stderr: str = ""
    exit_status: int = 0
    missing: str = ""
    skipped: bool = False


def write_frames(nonce: str, family: str, uid: int, answers: Iterable[tuple[str, Answer]]) -> bytes:
    """Standard output of one visit, uncompressed, from the first frame to the last."""
    named = list(answers)
    frames = [_frame(nonce, "hello", _FORMAT, f"{family} {uid}")]
    frames += [_frame(nonce, name, *_payload(answer)) for name, answer in named]
    frames.append(_frame(nonce, "end", _FORMAT, str(len(named))))
    return b"".join(frames)


def write_windows_frames(nonce: str, hello: str, envelopes: Iterable[tuple[str, Mapping[str, Any]]]) -> bytes:
    """Standard output of one visit of a Windows machine; `hello` is what the first frame says of the machine."""
    named = list(envelopes)
    frames = [_frame(nonce, "hello", _FORMAT, hello)]
    for name, envelope in named:
        packed = gzip.compress(msgspec.json.encode(envelope), mtime=0)
        frames.append(_frame(nonce, name, "z", base64.b64encode(packed).decode()))
    frames.append(_frame(nonce, "end", _FORMAT, str(len(named))))
    return b"".join(frames)


def _payload(answer: Answer) -> tuple[str, str]:
    if answer.missing:
        return "missing", answer.missing
    if answer.skipped:
        return "skipped", ""
    errors = answer.stderr.rstrip("\n")
    return "ran", f"{answer.stdout}{errors}\n{answer.exit_status} {len(errors.encode())}"


def _frame(nonce: str, name: str, status: str, payload: str) -> bytes:
    body = payload.encode()
    return b"\n@@A1 %s %s %s %d\n%s\n" % (nonce.encode(), name.encode(), status.encode(), len(body), body)
