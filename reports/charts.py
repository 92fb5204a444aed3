"""Charts of the workbook: bars and lines over cells of the sheet they stand on.

openpyxl draws them; what it leaves out is added: the values as they stand (previews show no chart without them), axes
that recent programs would hide, and the alternative text, which has no place in its interface and is written into the
drawing afterwards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal
from xml.sax.saxutils import quoteattr

from reports.cells import clean, letter

if TYPE_CHECKING:
    from openpyxl.chart import BarChart, LineChart
    from openpyxl.chart.marker import Marker
    from openpyxl.chart.series import Series
    from openpyxl.chart.shapes import GraphicalProperties
    from openpyxl.chart.text import RichText
    from openpyxl.chart.title import Title
    from openpyxl.worksheet.worksheet import Worksheet

ROW_CM: Final = 0.529  # a row of 15 points
_COLORS: Final = ("1F3A5F", "7A9CC6", "2E8B57")
_PALE: Final = ("8FB8DE", "F2C14E", "CBD2D9")  # black labels stand on them
_MARKERS: Final[tuple[Literal["circle", "square", "triangle"], ...]] = (
    "circle",
    "square",
    "triangle",
)  # lines are told apart by more than their colour
_TEXT_SIZE: Final = 1000  # hundredths of a point
_LABEL_SIZE: Final = 800
_GAP_PERCENT: Final = 60
_WHOLE_OVERLAP: Final = 100
_THIN: Final = 6350  # a quarter of a point, in EMU
_THICK: Final = 28575
_PLACE: Final = b'name="Chart %d"'


class ChartKind(StrEnum):
    """What a chart is drawn with; nothing else is ever used (no pie, nothing in three dimensions)."""

    BARS = "bars"  # lying, side by side
    STACKED = "stacked"  # lying, one upon the other
    COLUMNS = "columns"  # standing
    LINES = "lines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """One series: the numbers of `column` (from 1) with a title of its own; None where a number is not known."""

    title: str
    column: int
    values: tuple[int | float | Decimal | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart over rows `first` to `last` of its sheet; `labels` are the texts of column `label_column`.

    It stands at row `at` and is `rows` rows of 15 points high. `description` is its alternative text. `number_format`
    is that of its value axis and labels, `most` the end of that axis (None: as the values need).
    """

    title: str
    description: str
    label_axis: str
    value_axis: str
    first: int
    last: int
    label_column: int
    labels: tuple[str, ...]
    bars: tuple[Bars, ...]
    at: int
    rows: int
    width_cm: int
    kind: ChartKind = ChartKind.BARS
    number_format: str = "0"
    most: float | None = None


def reworded(chart: Chart, worded: Callable[[str], str]) -> Chart:
    """The same chart in other words, as the cells it stands beside."""
    bars = tuple(replace(bars, title=worded(bars.title)) for bars in chart.bars)
    labels = tuple(worded(label) for label in chart.labels)
    title, description = worded(chart.title), worded(chart.description)
    return replace(chart, title=title, description=description, labels=labels, bars=bars)


def draw(worksheet: "Worksheet", chart: Chart) -> None:
    """Add a chart to a worksheet."""
    from openpyxl.chart.label import DataLabelList
    from openpyxl.chart.layout import Layout, ManualLayout
    from openpyxl.chart.legend import Legend

    drawn = _drawn(chart)
    title = _title(chart.title, size=1200, bold=True)
    title.layout = Layout(manualLayout=ManualLayout(xMode="edge", yMode="edge", x=0.02, y=0.02))
    drawn.title = title
    drawn.legend = Legend(legendPos="t") if len(chart.bars) > 1 else None
    drawn.dataLabels = DataLabelList(
        numFmt=chart.number_format,
        showVal=chart.kind is not ChartKind.LINES,  # the labels of crossing lines hide each other
        showSerName=False,
        showCatName=False,
        showLegendKey=False,
        txPr=_text_of_size(_LABEL_SIZE),
    )
    _axes(drawn, chart)
    colors = _PALE if chart.kind is ChartKind.STACKED else _COLORS
    drawn.series = [
        _series(worksheet.title, chart, bars, color) for bars, color in zip(chart.bars, colors, strict=False)
    ]
    drawn.width = chart.width_cm
    drawn.height = chart.rows * ROW_CM
    worksheet.add_chart(drawn, f"A{chart.at}")


def _drawn(chart: Chart) -> "BarChart | LineChart":
    from openpyxl.chart import BarChart, LineChart

    if chart.kind is ChartKind.LINES:
        line = LineChart()
        line.grouping = "standard"
        return line
    drawn = BarChart()
    drawn.type = "col" if chart.kind is ChartKind.COLUMNS else "bar"
    drawn.grouping = "stacked" if chart.kind is ChartKind.STACKED else "clustered"
    drawn.overlap = _WHOLE_OVERLAP if chart.kind is ChartKind.STACKED else None
    drawn.gapWidth = _GAP_PERCENT
    return drawn


def _axes(drawn: "BarChart | LineChart", chart: Chart) -> None:
    from openpyxl.chart.axis import ChartLines

    drawn.x_axis.title = _title(chart.label_axis)
    drawn.y_axis.title = _title(chart.value_axis)
    drawn.x_axis.delete = drawn.y_axis.delete = False
    if chart.kind in (ChartKind.BARS, ChartKind.STACKED):
        drawn.x_axis.scaling.orientation = "maxMin"  # the first line of the table on top
        drawn.y_axis.crosses = "max"  # and the numbers below, where they would be without that
    drawn.y_axis.scaling.min = 0
    drawn.y_axis.scaling.max = chart.most
    drawn.y_axis.number_format = chart.number_format
    drawn.y_axis.majorGridlines = ChartLines(spPr=_line("CBD2D9"))


def _series(sheet: str, chart: Chart, bars: Bars, color: str) -> "Series":
    from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumRef, NumVal, StrData, StrRef, StrVal
    from openpyxl.chart.series import Series, SeriesLabel
    from openpyxl.chart.shapes import GraphicalProperties

    quoted = sheet.replace("'", "''")

    def cells(column: int) -> str:
        return f"'{quoted}'!${letter(column)}${chart.first}:${letter(column)}${chart.last}"

    numbers = [NumVal(idx=place, v=str(value)) for place, value in enumerate(bars.values) if value is not None]
    texts = [StrVal(idx=place, v=clean(label)) for place, label in enumerate(chart.labels)]
    cached = NumData(formatCode=chart.number_format, ptCount=len(bars.values), pt=numbers)
    lines = chart.kind is ChartKind.LINES
    series = Series(
        tx=SeriesLabel(v=clean(bars.title)),
        spPr=_line(color, width=_THICK) if lines else GraphicalProperties(solidFill=color),
        cat=AxDataSource(strRef=StrRef(f=cells(chart.label_column), strCache=StrData(ptCount=len(texts), pt=texts))),
        val=NumDataSource(numRef=NumRef(f=cells(bars.column), numCache=cached)),
    )
    if lines:
        series.marker = _marker(color, _MARKERS[_COLORS.index(color)])
        series.smooth = False
    return series


def _marker(color: str, symbol: Literal["circle", "square", "triangle"]) -> "Marker":
    from openpyxl.chart.marker import Marker
    from openpyxl.chart.shapes import GraphicalProperties

    return Marker(symbol=symbol, size=7, spPr=GraphicalProperties(solidFill=color))


def _title(text: str, *, size: int = _TEXT_SIZE, bold: bool = False) -> "Title":
    from openpyxl.chart.text import RichText, Text
    from openpyxl.chart.title import Title
    from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties, RegularTextRun

    looks = CharacterProperties(sz=size, b=bold)
    run = RegularTextRun(rPr=looks, t=clean(text))
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=looks), r=[run])
    return Title(tx=Text(rich=RichText(p=[paragraph])), overlay=False)


def _text_of_size(size: int) -> "RichText":
    from openpyxl.chart.text import RichText
    from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties

    looks = ParagraphProperties(defRPr=CharacterProperties(sz=size))
    return RichText(p=[Paragraph(pPr=looks, endParaRPr=CharacterProperties(sz=size))])


def _line(color: str, *, width: int = _THIN) -> "GraphicalProperties":
    from openpyxl.chart.shapes import GraphicalProperties
    from openpyxl.drawing.line import LineProperties

    return GraphicalProperties(ln=LineProperties(solidFill=color, w=width))


def described(drawing: bytes, charts: Sequence[Chart]) -> bytes:
    """Write the alternative texts into a worksheet's drawing. Raises ValueError for a drawing of another shape."""
    for number, chart in enumerate(charts, 1):
        place = _PLACE % number
        if drawing.count(place) != 1:
            raise ValueError("openpyxl wrote a drawing without the name of its chart")
        texts = f"name={quoteattr(clean(chart.title))} descr={quoteattr(clean(chart.description))}"
        drawing = drawing.replace(place, texts.encode())
    return drawing
