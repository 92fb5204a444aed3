"""Charts and lists of choices: what openpyxl leaves out is there, and the checks for it can fail."""

import io
import zipfile
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from reports.charts import Bars, Chart, described
from reports.grid import Choice, Page
from reports.texts import Texts
from reports.workbook import assemble, render
from tests.lab import assessments as lab
from tests.lab import licensed
from tests.lab.workbook_checks import CHART, problems

DRAWING, PLOT, SHEET = "xl/drawings/drawing1.xml", "xl/charts/chart1.xml", "xl/worksheets/sheet3.xml"
CHART_OF_TWO = Chart(
    title='Seats & "more"',
    description='Two <bars>, "quoted"',
    label_axis="Product",
    value_axis="Seats",
    first=5,
    last=6,
    label_column=1,
    labels=("A", "B"),
    bars=(Bars(title="Bought", column=2, values=(3, 4)),),
    at=9,
    rows=10,
    width_cm=20,
)


@cache
def workbook():
    return render(licensed.licensed(), "fr")


def member(name):
    with zipfile.ZipFile(io.BytesIO(workbook())) as archive:
        return archive.read(name).decode()


def test_a_chart_has_a_title_named_axes_that_show_and_values_that_previews_need():
    chart = ET.fromstring(member(PLOT))
    assert [axis.get("val") for axis in chart.iter(f"{CHART}delete")] == ["0", "0"]
    assert len(list(chart.iter(f"{CHART}title"))) == 3
    assert [cache.find(f"{CHART}ptCount").get("val") for cache in chart.iter(f"{CHART}numCache")] == ["4", "4", "4"]


def test_the_alternative_text_tells_every_bar():
    properties = next(one for one in ET.fromstring(member(DRAWING)).iter() if one.tag.endswith("}cNvPr"))
    told = properties.get("descr")
    for name in ("Microsoft Teams EEA", "Power BI Pro"):
        assert name in told
    assert "(acquis\u00a0: 28, attribués\u00a0: 27, actifs\u00a0: 27)" in told


def test_alternative_text_is_escaped():
    drawing = b'<x><cNvPr id="1" name="Chart 1" /></x>'
    properties = ET.fromstring(described(drawing, [CHART_OF_TWO]))[0]
    assert (properties.get("name"), properties.get("descr")) == (CHART_OF_TWO.title, CHART_OF_TWO.description)


def test_a_drawing_of_another_shape_is_refused_rather_than_left_without_text():
    with pytest.raises(ValueError, match="without the name of its chart"):
        described(b'<x><cNvPr id="1" name="Picture 1" /></x>', [CHART_OF_TWO])


def pages(*choices):
    page = Page(title="Sheet")
    page.choices.extend(choices)
    return [page]


@pytest.mark.parametrize("values", [("a" * 200, "b" * 60), ("one, two",), ('say "yes"',)])
def test_a_list_of_choices_excel_would_refuse_is_refused_first(values):
    choice = Choice(area="A1:A2", values=values, prompt="Pick")
    with pytest.raises(ValueError, match="no list of choices"):
        assemble(pages(choice), lab.ordinary(), Texts("fr"), "title")


def test_two_sheets_with_charts_keep_their_own_alternative_texts():
    both = []
    for number in (1, 2):
        page = Page(title=f"Sheet {number}")
        page.draw(replace(CHART_OF_TWO, description=f"the chart of sheet {number}"))
        both.append(page)
    data = assemble([Page(title="Plain"), *both], lab.ordinary(), Texts("fr"), "title")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for number in (1, 2):
            assert f"the chart of sheet {number}" in archive.read(f"xl/drawings/drawing{number}.xml").decode()


def test_rows_below_a_chart_are_not_covered_by_it():
    page = Page(title="Sheet")
    page.draw(replace(CHART_OF_TWO, at=page.next_row))
    assert page.next_row == 1 + CHART_OF_TWO.rows + 1


def broken(name, old, new):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as source, zipfile.ZipFile(out, "w") as target:
        for one in source.namelist():
            data = source.read(one).decode()
            if one == name:
                assert old in data
                data = data.replace(old, new, 1)
            target.writestr(one, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (DRAWING, "descr=", "title=", "without alternative text"),
        (PLOT, "Nombre de sièges", "", "2 titles"),
        (PLOT, '<delete val="0" />', '<delete val="1" />', "hidden axis"),
        (PLOT, "$A$5:$A$8", "$A$5:$A$9", "holds"),
        (PLOT, "'Licences Microsoft 365'!", "'Elsewhere'!", "refers to the sheet"),
        (PLOT, "<v>28</v>", "<v>27</v>", "holds"),
        (SHEET, "<v>65</v>", "<v>66</v>", "add up to 65"),
        ("xl/worksheets/sheet4.xml", 'sqref="H5:H13"', 'sqref="H5:H99"', "beside the table"),
    ],
)
def test_the_checks_find_what_they_look_for(name, old, new, told):
    assert problems(workbook()) == []
    assert any(told in problem for problem in problems(broken(name, old, new)))


def test_a_chart_survives_being_opened_and_saved():
    book = openpyxl.load_workbook(io.BytesIO(workbook()))
    out = io.BytesIO()
    book.save(out)
    assert len(openpyxl.load_workbook(out).worksheets[2]._charts) == 2
