"""What a finding about installed software rests on: its line of the license position, and who accepted it."""

from collections.abc import Iterator

from reports.texts import Texts
from rules.model import Assessment, Finding
from rules.software.position import PositionLine
from rules.software.wording import title_of

_SAY = "cli.explain_software."


def worded_position(assessment: Assessment, finding: Finding, texts: Texts) -> Iterator[str]:
    """The line of the position a finding speaks of, column by column (its remarks are proofs of the finding)."""
    summary = assessment.software
    if summary is None or finding.subject:
        return
    for line in summary.lines:
        if line.key == finding.key:
            yield ""
            yield texts.text(_SAY + "position", product=title_of(line), publisher=line.publisher or "?")
            yield from _columns(line, texts)
    if finding.rule.startswith("software."):
        yield "  " + texts.text(_SAY + "rules", version=summary.rules_version)


def _columns(line: PositionLine, texts: Texts) -> Iterator[str]:
    unknown = texts.text("kpi.unknown")
    owned = texts.text("sheets.software.unlimited") if line.unlimited else line.owned
    told = (
        ("state", texts.text(f"software_status.{line.status.value}")),
        ("metric", texts.text(f"metric.{line.metric.value}")),
        ("owned", unknown if owned is None and line.required != 0 else owned),
        ("oem", line.owned_oem or None),
        ("installed", line.installed),
        ("not_subject", line.not_subject or None),
        ("required", unknown if line.required is None else line.required),
        ("transferred", line.transferred or None),
        ("gap", unknown if line.gap is None and not line.unlimited else line.gap),
        ("reliability", f"{line.seen}/{line.known}"),
        ("proof", ", ".join(line.proofs)),
        ("ends", line.ends_on),
        ("machines", texts.listing(list(line.devices), limit=20)),
    )
    for name, value in told:
        if value not in (None, ""):
            yield f"  {texts.text(f'sheets.software.{name}'):<24} {texts.value(value)}"


def worded_waiver(finding: Finding, texts: Texts) -> Iterator[str]:
    """Who accepted a finding, why and until when; nothing where nobody did."""
    waiver = finding.waiver
    if waiver is not None:
        values = {"waiver": waiver.id, "approved_by": waiver.approved_by, "reason": waiver.reason}
        yield "  " + texts.text(_SAY + "waiver", until=waiver.until, place=waiver.place, **values)
