"""What a sheet declares, and what it is given to say."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from reports.actions import Action, actions
from reports.background import Background
from reports.grid import Page
from reports.licenses import Licenses
from reports.reviews import Review, reviews
from reports.software import Software
from reports.texts import Texts
from reports.view import View
from rules.model import Assessment

FIRST_ROW: Final = 5  # of a sheet's main table: below its heading, one sentence, an empty row and the header


class Report:
    """One assessment in one language: the figures (`view`, `licenses`, `actions`) and the words (`texts`).

    `background` tells of earlier months.
    """

    def __init__(self, assessment: Assessment, texts: Texts, background: Background | None = None) -> None:
        self.assessment = assessment
        self.texts = texts
        self.background = background or Background()
        self.view = View(assessment)

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """The action plan, from the most to the least urgent."""
        return actions(self.view)

    @property
    def licenses(self) -> Licenses:
        """What is told of Microsoft 365."""
        return self.view.licenses

    @property
    def software(self) -> Software:
        """What is told of installed software against what was bought."""
        return self.view.software

    @cached_property
    def reviews(self) -> tuple[Review, ...]:
        """The people about whom somebody must decide, one line per person and product."""
        return reviews(self.licenses)

    def title(self, sheet: str) -> str:
        """Title of a sheet, as its tab shows it."""
        return self.texts.text(f"sheets.{sheet}.title")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet module's `SHEET`.

    `name` is its text table below `sheets` (with at least `title`); `order` its place, left to right; `build` lays the
    page out from the top. `portrait` and `one_page` are for sheets read as a single printed page.
    """

    name: str
    order: int
    build: Callable[[Page, Report], None]
    portrait: bool = False
    one_page: bool = False
