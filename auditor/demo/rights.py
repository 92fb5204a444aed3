"""What the demonstration company bought and agreed about software, read from files as any client's are."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from auditor.entitlements.file import entitlements
from auditor.waivers import waivers
from rules.contract import Contract
from rules.rights import SoftwareTerms, UnwantedSoftware

FOLDER: Final = Path(__file__).parent / "contract"
_TERMS: Final = SoftwareTerms(
    rights_complete=True,
    unwanted=(
        UnwantedSoftware(product="*Torrent*", reason="échange de fichiers interdit", place="software.unwanted[1]"),
        UnwantedSoftware(
            product="AnyDesk", reason="une seule télémaintenance", forbidden=False, place="software.unwanted[2]"
        ),
    ),
    production_labels=("infrastructure",),
    users=34,
    primary_users={"pc-direction": "h.fournier@fournil.example"},
)


def with_rights(contract: Contract) -> Contract:
    """Add entitlements (licenses.csv), waivers (waivers.toml) and the list of unwanted software to a contract."""
    return replace(contract, entitlements=entitlements(FOLDER).entitlements, waivers=waivers(FOLDER), software=_TERMS)
