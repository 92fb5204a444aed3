"""A password on the workbooks, so that only who has it opens them: OOXML agile encryption (ECMA-376), AES-256.

Needs the `protect` extra; whether it is there is asked before anything is visited. A protected file is not the same
bytes twice: every encryption draws its own salts and key.
"""

import io
from importlib.util import find_spec
from typing import Final

from auditor.errors import SettingsError
from auditor.secrets import Resolver
from auditor.settings import ClientSettings
from collectors.credentials import Secret

SUFFIX: Final = ".xlsx"
_LONGEST: Final = 255  # what Excel lets somebody type
_MODULE: Final = "msoffcrypto"


def report_password(settings: ClientSettings, resolver: Resolver) -> Secret | None:
    """The password of a client's workbooks; None where it has none.

    Raises SettingsError when workbooks cannot be protected here, SecretError for a reference that leads nowhere.
    """
    reference = settings.report.password
    if not reference:
        return None
    if find_spec(_MODULE) is None:
        hint = "Install it into the same environment: pip install 'patch-license-auditor[protect]'"
        raise SettingsError(str(settings.file), "report.password: the msoffcrypto-tool package is missing.", hint=hint)
    password = resolver.secret(reference, f"{settings.contract.client}: password of the workbooks")
    if password is not None and not 0 < len(password.reveal()) <= _LONGEST:
        problem = (
            f"report.password: {reference} holds a password that Excel does not take (1 to {_LONGEST} characters)."
        )
        raise SettingsError(str(settings.file), problem)
    return password


def protected(content: bytes, password: Secret) -> bytes:
    """Encrypt a workbook; Excel and LibreOffice ask for the password when it is opened."""
    from msoffcrypto.format.ooxml import OOXMLFile  # type: ignore[import-untyped]

    out = io.BytesIO()
    OOXMLFile(io.BytesIO(content)).encrypt(password.reveal(), out)
    return out.getvalue()
