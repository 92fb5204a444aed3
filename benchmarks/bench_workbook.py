"""The writing of workbooks against plain openpyxl and pandas.to_excel, on the same content, in one run.

1,250 machines with 40 missing patches each: one sheet of 50,000 lines as the technician gets it, the manager's eight
sheets with their four charts, and twelve small sheets. Every contestant gets the same assessment and starts in a
process of its own, in turn, several rounds; time is that process's CPU time for the rendering alone, memory its peak
above what it held just before (the libraries are loaded first). Printed: each ratio with minimum and maximum over the
rounds.

- ours: from findings to bytes: counting, sorting, wording, 21 sheets, styles, print set-up, charts, links
- openpyxl: the same finished cells, styles and charts, written cell by cell (nothing counted, nothing worded), each
  style made once and assigned the fastest way there is
- openpyxl write-only: the same
- pandas: the same cells as data frames through `to_excel`, without any style or chart

Before anything is timed, ours and plain openpyxl's are written once and read back: every value and number format of
every cell must be equal.
"""

import argparse
import gc
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from statistics import median

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collectors.feeds.records import Severity
from reports.background import Background
from reports.cells import CellKind, Value, content
from reports.charts import Chart
from reports.grid import Column, Line, Page, Styled
from reports.sheet import Report
from reports.styles import Style
from reports.texts import Texts
from rules.model import Assessment, PriorityLevel
from tests.lab import assessments as lab
from tests.lab import backgrounds, licensed

SMALL_SHEETS = 12
GOAL_TIME, GOAL_MEMORY = 4.0, 2.0  # times plain openpyxl's
Cells = list[tuple[str, list[list[tuple[Value, Style]]], list[Chart]]]


def estate(machines: int, patches: int) -> Assessment:
    kinds = [
        lab.missing(
            "",
            f"package{number:02d}",
            severity=list(Severity)[number % 5],
            level=list(PriorityLevel)[number % 3],
            score=float(100 + number),
            due_on=lab.TODAY + timedelta(days=number * 3 - 30),
        )
        for number in range(patches)
    ]
    names = [f"srv-{number:04d}" for number in range(machines)]
    findings = [replace(kind, subject=name) for name in names for kind in kinds]
    rest = [finding for name in names for finding in lab.healthy(name)[1:]]
    made = lab.assessment(tuple(map(lab.machine, names)), (*findings, *rest))
    with_tenant = licensed.licensed()
    about = tuple(finding for finding in with_tenant.findings if finding.subject == licensed.NAME)
    return replace(made, tenants=with_tenant.tenants, findings=(*made.findings, *about))


def pages(assessment: Assessment, background: Background) -> list[Page]:
    """What is written: laid out, its rows not yet made."""
    from reports import sheets, technician

    report = Report(assessment, Texts("en"), background)
    found = []
    for sheet in sheets.discover():
        page = Page(title=report.title(sheet.name), portrait=sheet.portrait, one_page=sheet.one_page)
        sheet.build(page, report)
        found.append(page)
    for number in range(SMALL_SHEETS):
        page = Page(title=f"Small {number}")
        page.heading(page.title, "As many small sheets as a workbook has.", 3)
        page.table(
            [Column(title=title) for title in "ABC"], range(20), lambda row: (row, f"text {row}", None), main=True
        )
        found.append(page)
    everything = Page(title="Patches by machine")
    everything.heading(everything.title, "Every single one.", 8)
    columns = [Column(title=head) for head in technician.PATCH_HEADS]
    everything.table(columns, technician.by_machine(report), technician.patch_line(report), main=True)
    return [*found, everything]


def finished_cells(assessment: Assessment) -> Cells:
    """The values and styles of all sheets, as the product lays them out, and their charts."""
    return [
        (page.title, list(_rows(page)), page.charts) for page in pages(assessment, backgrounds.background(assessment))
    ]


def _rows(page: Page) -> Iterator[list[tuple[Value, Style]]]:
    row = 1
    for start, block in page.blocks:
        while row < start:
            yield []
            row += 1
        if isinstance(block, Line):
            at = {column: (value, style) for column, value, style in block.cells}
            yield [at.get(column, (None, Style.PLAIN)) for column in range(1, max(at) + 1)]
            row += 1
            continue
        for item in block.items:
            plain = zip(block.columns, block.line(item), strict=True)
            yield [_dated(*(v.value, v.style) if isinstance(v, Styled) else (v, column.style)) for column, v in plain]
            row += 1


def _dated(value: Value, style: Style) -> tuple[Value, Style]:
    """A date without a style of its own is written as a date."""
    if style is Style.TEXT and isinstance(value, date):
        return value, Style.MOMENT if isinstance(value, datetime) else Style.DATE
    return value, style


def ours(assessment: Assessment) -> Callable[[], bytes]:
    from reports.workbook import assemble

    background = backgrounds.background(assessment)
    return lambda: assemble(pages(assessment, background), assessment, Texts("en"), "benchmark")


def _styled_workbook(*, write_only: bool):
    """A workbook with the product's styles, and each as the array openpyxl keeps in a cell."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    from reports.styles import StyleSheet

    book = Workbook(write_only=write_only)
    if not write_only:
        book.remove(book.worksheets[0])
    StyleSheet(book, "en")
    arrays = {}
    scratch = book.create_sheet("scratch")
    for style in Style:
        cell = WriteOnlyCell(scratch)
        if style is not Style.PLAIN:
            cell.style = style.value
        arrays[style] = cell._style  # noqa: SLF001 - ten times faster than cell.style, as users who measure find out
    book.remove(scratch)
    return book, arrays


def _plain(value: Value) -> object:
    from zoneinfo import ZoneInfo

    cell = content(value, ZoneInfo("Europe/Paris"))
    if cell.kind is CellKind.TEXT:
        return cell.text
    return None if cell.kind is CellKind.EMPTY else cell.number if cell.kind is not CellKind.DATE else value


def plain_openpyxl(assessment: Assessment) -> Callable[[], bytes]:
    from reports.charts import draw

    cells = finished_cells(assessment)

    def write() -> bytes:
        book, arrays = _styled_workbook(write_only=False)
        for title, rows, charts in cells:
            sheet = book.create_sheet(title)
            for number, row in enumerate(rows, 1):
                for column, (value, style) in enumerate(row, 1):
                    sheet.cell(number, column, _plain(value))._style = arrays[style]  # noqa: SLF001 - as above
            for chart in charts:
                draw(sheet, chart)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    return write


def write_only_openpyxl(assessment: Assessment) -> Callable[[], bytes]:
    from openpyxl.cell import WriteOnlyCell

    from reports.charts import draw

    cells = finished_cells(assessment)

    def write() -> bytes:
        book, arrays = _styled_workbook(write_only=True)
        for title, rows, charts in cells:
            sheet = book.create_sheet(title)
            for chart in charts:
                draw(sheet, chart)
            for row in rows:
                line = []
                for value, style in row:
                    cell = WriteOnlyCell(sheet, _plain(value))
                    cell._style = arrays[style]  # noqa: SLF001 - as above
                    line.append(cell)
                sheet.append(line)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    return write


def pandas_to_excel(assessment: Assessment) -> Callable[[], bytes]:
    import pandas as pd

    cells = finished_cells(assessment)

    def write() -> bytes:
        out = io.BytesIO()
        with pd.ExcelWriter(out, engine="openpyxl") as writer:
            for title, rows, _ in cells:
                frame = pd.DataFrame([[_plain(value) for value, _ in row] for row in rows])
                frame.to_excel(writer, sheet_name=title, header=False, index=False)
        return out.getvalue()

    return write


CONTESTANTS = {
    "ours": ours,
    "openpyxl": plain_openpyxl,
    "openpyxl write-only": write_only_openpyxl,
    "pandas": pandas_to_excel,
}


def differences(machines: int, patches: int) -> list[str]:
    """Cells that say something else in our workbook than in plain openpyxl's, both read back; at most a few."""
    assessment = estate(machines, patches)
    found: list[str] = []
    sheets = zip(_read(ours(assessment)()), _read(plain_openpyxl(assessment)()), strict=True)
    for (title, mine), (other_title, theirs) in sheets:
        if title != other_title:
            return [f"sheet {title!r} is {other_title!r}"]
        for number, pair in enumerate(zip_longest(mine, theirs), 1):
            if pair[0] != pair[1]:
                found.append(f"{title}, row {number}: {pair[0]} is not {pair[1]}")
                if len(found) > 4:
                    return found
    return found


def _read(content: bytes) -> Iterator[tuple[str, Iterator[list[tuple[object, str]]]]]:
    from openpyxl import load_workbook

    for sheet in load_workbook(io.BytesIO(content), read_only=True).worksheets:
        yield sheet.title, ([_seen(cell) for cell in _without_end(row)] for row in sheet.iter_rows())


def _seen(cell) -> tuple[object, str]:
    return cell.value, cell.number_format if cell.value is not None else ""


def _without_end(row):
    """Without the empty cells at the end, which need not be written."""
    last = max((number for number, cell in enumerate(row, 1) if cell.value is not None), default=0)
    return row[:last]


def forget_peak() -> float:
    """Let the kernel forget the peak so far (proc(5), clear_refs); return what is held now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) / 1024


def run_one(name: str, machines: int, patches: int) -> None:
    import openpyxl  # noqa: F401 - loaded before the clock starts, for every contestant
    import pandas as pd  # noqa: F401 - as above

    work = CONTESTANTS[name](estate(machines, patches))
    gc.collect()
    before, started = forget_peak(), time.process_time()
    data = work()
    print(json.dumps({"cpu_s": time.process_time() - started, "mb": _status("VmHWM") - before, "bytes": len(data)}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=1250)
    parser.add_argument("--patches", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(options.one, options.machines, options.patches)
        return 0
    if unlike := differences(options.machines, options.patches):
        print("the workbooks differ, nothing is compared:", *unlike, sep="\n  ")
        return 1
    print("every value and number format read back is equal")
    results: dict[str, list[dict[str, float]]] = {name: [] for name in CONTESTANTS}
    for _ in range(options.rounds):
        for name in CONTESTANTS:
            command = [sys.executable, __file__, "--one", name]
            command += ["--machines", str(options.machines), "--patches", str(options.patches)]
            results[name].append(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))
    print(f"{options.machines} machines x {options.patches} patches, {options.rounds} rounds; ratio = other / ours")
    times_of: dict[str, float] = {}
    sizes_of: dict[str, float] = {}
    for name, rounds in results.items():
        cpu, memory = ([round_[key] for round_ in rounds] for key in ("cpu_s", "mb"))
        line = f"{name:20} {min(cpu):6.2f} s {min(memory):6.0f} MB {rounds[0]['bytes'] / 1e6:6.1f} MB file"
        if name != "ours":
            times = [one["cpu_s"] / mine["cpu_s"] for one, mine in zip(rounds, results["ours"], strict=True)]
            sizes = [one["mb"] / max(mine["mb"], 0.1) for one, mine in zip(rounds, results["ours"], strict=True)]
            times_of[name], sizes_of[name] = median(times), median(sizes)
            line += f"   time x {min(times):.1f}-{max(times):.1f}   memory x {min(sizes):.1f}-{max(sizes):.1f}"
        print(line)

    reached = times_of["openpyxl"] >= GOAL_TIME and sizes_of["openpyxl"] >= GOAL_MEMORY
    print(f"goal: {GOAL_TIME:.0f} x as fast as openpyxl, at most half its memory: {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
