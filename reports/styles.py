"""How the workbooks look: every style by name, and its number in the file.

Colours never speak alone (each coloured cell holds a word), and every pair of text and background has a contrast of at
least 4.5 (WCAG 2 AA), which a test computes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.styles import NamedStyle

FONT_NAME: Final = "Calibri"
_INK: Final = "1F2933"
_NAVY: Final = "1F3A5F"
_GREY_INK: Final = "52606D"
_LINE: Final = "CBD2D9"
_WHITE: Final = "FFFFFF"
_PALE: Final = "F3F6FA"
_LINK: Final = "1A5296"
_BLUE: Final = ("E1EBF7", _NAVY)
_RED: Final = ("FBE1DF", "8C1D18")
_AMBER: Final = ("FFF0CC", "6F4400")
_GREEN: Final = ("DFF3E4", "1B5730")
_GREY: Final = ("E8EBEF", "414B57")

_DATE: Final = "date"
_MOMENT: Final = "moment"
_EURO: Final = "euro"
_EURO_SIGNED: Final = "euro, signed"
_EURO_YEARLY: Final = "euro a year"
_IMPACT: Final = "whole euro, signed, once"
_IMPACT_YEARLY: Final = "whole euro, signed, a year"
# In English 03/08 is March to some readers and August to others.
DATE_FORMATS: Final[Mapping[str, str]] = {"fr": "dd/mm/yyyy", "en": "d\\ mmm\\ yyyy"}
NUMBER_FORMAT: Final = "#,##0"
# The currency is named in the format, so that no program shows its own instead; excluding VAT, as the headers say.
EURO_FORMATS: Final[Mapping[str, str]] = {"fr": "#,##0.00\\ [$€-40C]", "en": "[$€-1809]#,##0.00"}
# One-off amounts and yearly ones are told apart in the number format: the cells stay numbers.
WHOLE_EURO_FORMATS: Final[Mapping[str, str]] = {"fr": "#,##0\\ [$€-40C]", "en": "[$€-1809]#,##0"}
A_YEAR: Final[Mapping[str, str]] = {"fr": '"/an"', "en": '"/yr"'}
PERCENT_FORMAT: Final = "0.0%"


class Style(StrEnum):
    """Every look a cell can have; the values are the style names shown in Excel."""

    PLAIN = "Base"
    TITLE = "Titre"
    SUBTITLE = "Sous-titre"
    DEMO = "Démonstration"
    SECTION = "Section"
    HEADER = "En-tête"
    TEXT = "Texte"
    STRONG = "Texte fort"
    NUMBER = "Nombre"
    DATE = "Date"
    MOMENT = "Date et heure"
    PERCENT = "Pourcentage"
    REFERENCE = "Référence"
    LINK = "Lien"
    NOTE = "Note"
    SENTENCE = "Phrase"
    BAD = "Critique"
    WARN = "Attention"
    GOOD = "Bon"
    UNKNOWN = "Inconnu"
    INFO = "Information"
    LATE = "Retard"
    PASSED = "Échéance dépassée"
    BAD_BOX = "Encadré critique"
    WARN_BOX = "Encadré attention"
    GOOD_BOX = "Encadré bon"
    EURO = "Montant"
    EURO_SIGNED = "Gain ou coût"
    EURO_YEARLY = "Montant par an"
    IMPACT = "Impact"
    IMPACT_YEARLY = "Impact par an"
    DEFICIT = "Déficit"
    TOTAL = "Total"
    TOTAL_NUMBER = "Total nombre"
    TOTAL_EURO = "Total montant"
    INPUT = "À compléter"
    GAP = "Intervalle"
    KPI_LABEL = "KPI libellé"
    KPI_BAD = "KPI critique"
    KPI_WARN = "KPI attention"
    KPI_GOOD = "KPI bon"
    KPI_UNKNOWN = "KPI inconnu"
    KPI_INFO = "KPI information"
    KPI_NOTE = "KPI note"
    KPI_TREND = "KPI évolution"
    REFERENCE_LINK = "Référence lien"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a style is made of; colours as RRGGBB, `fill` "" for none, `border` one of "", "all", "under", "tile-*"."""

    size: float = 10
    bold: bool = False
    italic: bool = False
    underline: bool = False
    ink: str = _INK
    fill: str = ""
    border: str = ""
    horizontal: str = "left"
    vertical: str = "top"
    wrap: bool = True
    indent: int = 0
    number_format: str = "General"


_CELL: Final = Look(border="all", indent=1)


def _status(pair: tuple[str, str]) -> Look:
    return replace(_CELL, fill=pair[0], ink=pair[1], bold=True)


def _box(pair: tuple[str, str]) -> Look:
    return Look(size=10.5, fill=pair[0], ink=pair[1], vertical="center", indent=1)


def _figure(pair: tuple[str, str]) -> Look:
    return Look(size=20, bold=True, fill=pair[0], ink=pair[1], horizontal="center", vertical="center", border="sides")


LOOKS: Final[Mapping[Style, Look]] = {
    Style.PLAIN: Look(),
    Style.TITLE: Look(size=18, bold=True, ink=_WHITE, fill=_NAVY, vertical="center", indent=1),
    Style.SUBTITLE: Look(size=10.5, ink=_WHITE, fill=_NAVY, vertical="center", indent=1),
    Style.DEMO: Look(size=10.5, bold=True, ink=_AMBER[1], fill=_AMBER[0], vertical="center", indent=1),
    Style.SECTION: Look(size=12.5, bold=True, ink=_NAVY, border="under", vertical="center", wrap=False),
    Style.HEADER: Look(bold=True, ink=_WHITE, fill=_NAVY, vertical="center", indent=1),
    Style.TEXT: _CELL,
    Style.STRONG: replace(_CELL, bold=True),
    Style.NUMBER: replace(_CELL, horizontal="right", wrap=False, number_format=NUMBER_FORMAT),
    Style.DATE: replace(_CELL, horizontal="center", indent=0, wrap=False, number_format=_DATE),
    Style.MOMENT: replace(_CELL, horizontal="center", indent=0, wrap=False, number_format=_MOMENT),
    Style.PERCENT: replace(_CELL, horizontal="right", wrap=False, number_format=PERCENT_FORMAT),
    Style.REFERENCE: replace(_CELL, ink=_GREY_INK, wrap=False, indent=0, horizontal="center"),
    Style.LINK: Look(ink=_LINK, underline=True, wrap=False, vertical="center"),
    Style.NOTE: Look(ink=_GREY_INK),
    Style.SENTENCE: Look(size=11, vertical="center"),
    Style.BAD: _status(_RED),
    Style.WARN: _status(_AMBER),
    Style.GOOD: _status(_GREEN),
    Style.UNKNOWN: _status(_GREY),
    Style.INFO: _status(_BLUE),
    Style.LATE: replace(_status(_RED), horizontal="right", wrap=False, number_format=NUMBER_FORMAT),
    Style.PASSED: replace(_status(_RED), horizontal="center", indent=0, number_format=_DATE),
    Style.BAD_BOX: _box(_RED),
    Style.WARN_BOX: _box(_AMBER),
    Style.GOOD_BOX: _box(_GREEN),
    Style.EURO: replace(_CELL, horizontal="right", wrap=False, number_format=_EURO),
    Style.EURO_SIGNED: replace(_CELL, horizontal="right", wrap=False, number_format=_EURO_SIGNED),
    Style.EURO_YEARLY: replace(_CELL, horizontal="right", wrap=False, number_format=_EURO_YEARLY),
    Style.IMPACT: replace(_CELL, horizontal="right", wrap=False, number_format=_IMPACT),
    Style.IMPACT_YEARLY: replace(_CELL, horizontal="right", wrap=False, number_format=_IMPACT_YEARLY),
    Style.DEFICIT: replace(_status(_RED), horizontal="right", wrap=False, number_format=NUMBER_FORMAT),
    Style.TOTAL: replace(_CELL, bold=True, fill=_PALE, ink=_NAVY),
    Style.TOTAL_NUMBER: replace(
        _CELL, bold=True, fill=_PALE, ink=_NAVY, horizontal="right", wrap=False, number_format=NUMBER_FORMAT
    ),
    Style.TOTAL_EURO: replace(
        _CELL, bold=True, fill=_PALE, ink=_NAVY, horizontal="right", wrap=False, number_format=_EURO
    ),
    Style.INPUT: replace(_CELL, fill="FFFBE6"),
    Style.GAP: Look(border="rows"),
    Style.KPI_LABEL: Look(bold=True, ink=_NAVY, fill=_PALE, horizontal="center", vertical="center", border="top"),
    Style.KPI_BAD: _figure(_RED),
    Style.KPI_WARN: _figure(_AMBER),
    Style.KPI_GOOD: _figure(_GREEN),
    Style.KPI_UNKNOWN: _figure(_GREY),
    Style.KPI_INFO: _figure(_BLUE),
    Style.KPI_NOTE: Look(ink=_GREY_INK, fill=_PALE, horizontal="center", vertical="center", border="sides"),
    Style.KPI_TREND: Look(bold=True, ink=_NAVY, fill=_PALE, horizontal="center", vertical="center", border="bottom"),
    Style.REFERENCE_LINK: replace(_CELL, underline=True, ink=_LINK, wrap=False, indent=0, horizontal="center"),
}

_SIDES: Final[Mapping[str, tuple[str, ...]]] = {
    "all": ("left", "right", "top", "bottom"),
    "rows": ("top", "bottom"),
    "under": ("bottom",),
    "top": ("left", "right", "top"),
    "sides": ("left", "right"),
    "bottom": ("left", "right", "bottom"),
}


class StyleSheet:
    """Registers the styles in one openpyxl workbook and tells the number a cell's `s` attribute takes."""

    def __init__(self, workbook: "Workbook", language: str) -> None:
        from openpyxl.cell import Cell
        from openpyxl.styles import DEFAULT_FONT

        order_font_children()
        DEFAULT_FONT.name = FONT_NAME
        for style, look in LOOKS.items():
            if style is not Style.PLAIN:
                workbook.add_named_style(_named(style, look, language))
        sheet = workbook.create_sheet("styles")
        self._ids: dict[tuple[Style, bool], int] = {}
        for style in LOOKS:
            for quoted in (False, True):  # a cell each: openpyxl keeps the cell's own style object, not a copy
                cell = Cell(sheet, row=1, column=1)
                if style is not Style.PLAIN:
                    cell.style = style.value
                cell.quotePrefix = quoted
                self._ids[style, quoted] = cell.style_id
        workbook.remove(sheet)

    def number(self, style: Style, *, quoted: bool = False) -> int:
        """Index into the file's cellXfs; `quoted` is the same look with quotePrefix."""
        return self._ids[style, quoted]


def _named(style: Style, look: Look, language: str) -> "NamedStyle":
    from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Side

    line = Side(style="thin", color=f"FF{_NAVY if look.border == 'under' else _LINE}")
    border = Border()
    for side in _SIDES.get(look.border, ()):
        setattr(border, side, line)
    return NamedStyle(
        name=style.value,
        font=Font(
            name=FONT_NAME,
            size=look.size,
            bold=look.bold,
            italic=look.italic,
            underline="single" if look.underline else None,
            color=f"FF{look.ink}",
            family=2,
        ),
        fill=PatternFill("solid", start_color=f"FF{look.fill}") if look.fill else PatternFill(),
        border=border,
        alignment=Alignment(
            horizontal=look.horizontal, vertical=look.vertical, wrap_text=look.wrap, indent=look.indent
        ),
        number_format=_number_format(look, language),
    )


def _number_format(look: Look, language: str) -> str:
    day = DATE_FORMATS.get(language, DATE_FORMATS["en"])
    euro = EURO_FORMATS.get(language, EURO_FORMATS["en"])
    whole = WHOLE_EURO_FORMATS.get(language, WHOLE_EURO_FORMATS["en"])
    a_year = A_YEAR.get(language, A_YEAR["en"])
    formats = {
        _DATE: day,
        _MOMENT: f"{day}\\ hh:mm",
        _EURO: euro,
        _EURO_SIGNED: _signed(euro),
        _EURO_YEARLY: euro + a_year,
        _IMPACT: _signed(whole),
        _IMPACT_YEARLY: _signed(whole + a_year),
    }
    return formats.get(look.number_format, look.number_format)


def _signed(shape: str) -> str:
    return f"+{shape};\\-{shape};{shape}"


def order_font_children() -> None:
    """Make openpyxl write the children of a font in the order of the schema.

    openpyxl 3.1.5 writes `name` first and `sz` last, the only thing the Open XML SDK finds wrong in its files.
    """
    from openpyxl.styles import Font

    Font.__elements__ = (
        *("b", "i", "strike", "condense", "extend", "outline", "shadow", "u", "vertAlign"),
        *("sz", "color", "name", "family", "charset", "scheme"),
    )
