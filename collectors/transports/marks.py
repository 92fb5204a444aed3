"""Telling secrets apart without keeping them: what is worked out from a password is kept for all hosts of a run."""

import hmac
import os

from collectors.credentials import Secret

_PROCESS_KEY = os.urandom(32)


def mark(secret: Secret | None) -> bytes:
    """A mark that tells secrets apart within this process and gives none away."""
    if secret is None:
        return b""
    return hmac.digest(_PROCESS_KEY, secret.reveal().encode("utf-8", "surrogatepass"), "sha256")
