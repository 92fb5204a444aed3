"""Sealed messages over plain HTTP: the envelope encrypted and signed with the keys of the login.

Source: [MS-WSMV] 2.2.9.1.1 (Negotiate encrypted messages).
"""

import re
import struct
from typing import Any

_PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
CONTENT_TYPE = f'multipart/encrypted;protocol="{_PROTOCOL}";boundary="Encrypted Boundary"'
_SEALED = re.compile(
    # The blank before the boundary is how Exchange writes it.
    rb"--\s?Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*[^\r\n]*\r\n"
    rb"\s*OriginalContent:[^\r\n]*?Length=(\d+)[^\r\n]*\r\n"
    rb"--\s?Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*application/octet-stream\r\n",
    re.IGNORECASE,
)
_HEAD_BYTES = 1024  # of the parts; nowhere else is looked for them, lest a hostile body keep the expression busy
_ENDS = (b"--Encrypted Boundary--\r\n", b"-- Encrypted Boundary--\r\n", b"--Encrypted Boundary--")


class Damaged(Exception):
    """What is sealed is not as it should be: it must not be believed."""


def is_sealed(content_type: str) -> bool:
    """Whether the content type is that of sealed messages."""
    return content_type.lower().startswith("multipart/encrypted")


def can_seal(context: Any) -> bool:
    """Whether the login has agreed on encryption and signatures; a server may offer neither."""
    from spnego import ContextReq

    needed = ContextReq.confidentiality | ContextReq.integrity
    return context is not None and context.context_attr & needed == needed


def seal(context: Any, message: bytes) -> bytes:
    """The HTTP body that carries `message` sealed. Raises `Damaged` when the login's keys serve no more."""
    from spnego.exceptions import SpnegoError

    try:
        sealed = context.wrap_winrm(message)
    except SpnegoError as error:
        raise Damaged(f"the message to send cannot be sealed ({type(error).__name__})") from None
    length = len(message) + sealed.padding_length
    return b"".join(
        (
            b"--Encrypted Boundary\r\n\tContent-Type: ",
            _PROTOCOL.encode(),
            b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % length,
            b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n",
            struct.pack("<I", len(sealed.header)),
            sealed.header,
            sealed.data,
            b"--Encrypted Boundary--\r\n",
        )
    )


def unseal(context: Any, body: bytes) -> bytes:
    """The message inside a sealed HTTP body. Raises `Damaged` when it was altered or is incomplete."""
    from spnego.exceptions import SpnegoError

    begin, end = _SEALED.match(body, 0, _HEAD_BYTES), next((end for end in _ENDS if body.endswith(end)), b"")
    if begin is None or not end:
        raise Damaged("its parts are not those of a sealed message")
    content = body[begin.end() : -len(end)]
    if len(content) < 4:
        raise Damaged("it is too short")
    size = struct.unpack_from("<I", content)[0]
    if size > len(content) - 4:
        raise Damaged("its signature is cut")
    try:
        message: bytes = context.unwrap_winrm(content[4 : 4 + size], content[4 + size :])
    except SpnegoError as error:
        raise Damaged(f"its signature does not fit ({type(error).__name__})") from None
    if len(message) != int(begin[1]):
        raise Damaged("its length does not fit")
    return message
