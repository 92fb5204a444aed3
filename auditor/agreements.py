"""What a client agreed on, bought and decided: client.toml with price list, rights, waivers and decisions beside it."""

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from rules.contract import Contract

if TYPE_CHECKING:
    from auditor.settings import ClientSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The contract as all files of a client folder tell it; the notes are sentences about what in them looks wrong."""

    contract: Contract
    price_notes: tuple[str, ...] = ()
    other_notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """All of them."""
        return self.price_notes + self.other_notes


def agreed(settings: "ClientSettings", today: date) -> Agreement:
    """Read the files beside client.toml into its contract. Raises SettingsError."""
    from auditor.decisions.file import decision_notes, decisions, with_decisions_in
    from auditor.entitlements.file import entitlements
    from auditor.prices import price_list
    from auditor.software_tables import software_notes
    from auditor.waivers import waiver_notes, waivers

    contract = settings.contract
    prices = price_list(settings.folder)
    rights = entitlements(settings.folder)
    accepted = waivers(settings.folder)
    decided = decisions(settings.folder)
    contract = replace(contract, prices=prices.prices, entitlements=rights.entitlements, waivers=accepted)
    return Agreement(
        contract=with_decisions_in(contract, decided),
        price_notes=prices.notes,
        other_notes=(
            *rights.notes,
            *software_notes(contract.software, settings.targets),
            *waiver_notes(accepted, today),
            *decision_notes(decided, today),
        ),
    )
