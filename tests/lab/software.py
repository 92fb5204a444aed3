"""Hand-built assessments with a license position in them, as the rules would conclude: the input of report tests.

Nothing here runs a rule. `SAMPLES` hold one of every status, nobody's file of rights, nothing seen, and much of it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from collectors.feeds.records import Severity
from rules.messages import Message
from rules.model import Assessment, Finding, Outcome, Priority, PriorityLevel
from rules.prices import Money
from rules.rights import Metric
from rules.software.position import PositionLine, Reduction, SoftwareSummary, Status, Unrecognized
from rules.waivers import Waiver, WaiverUse
from tests.lab import assessments as lab
from tests.lab import licensed

DEVICES = tuple(f"pc-{number:02d}" for number in range(1, 13))


def line(key: str, status: Status, **changes: Any) -> PositionLine:
    """One product on machines that were all seen; `owned` and `required` make the gap unless it is given."""
    made = PositionLine(
        key=key,
        product=key,
        publisher="Microsoft",
        name=key.replace("-", " ").title(),
        metric=Metric.DEVICE,
        status=status,
        seen=3,
        known=3,
        proofs=("F-2023-0118",),
    )
    if "gap" not in changes and None not in (changes.get("owned"), changes.get("required")):
        changes["gap"] = changes["owned"] + changes.get("transferred", 0) - changes["required"]
    return replace(made, **changes)


UNDER = line(
    "office",
    Status.UNDER,
    name="Office",
    edition="Professionnel Plus",
    version="2019",
    owned=0,
    installed=12,
    required=12,
    at_least=True,
    seen=2,
    devices=DEVICES,
    unit_price=Decimal("300.00"),
    cost=Decimal("3600.00"),
    proofs=(),
    notes=(Message(text="rules.software.note.no_edition_downgrade", params={"count": 12}),),
)
UNDER_YEARLY = line(
    "autocad-lt",
    Status.UNDER,
    publisher="Autodesk",
    name="AutoCAD LT",
    version="2024",
    metric=Metric.NAMED_USER,
    owned=2,
    installed=3,
    required=3,
    unit_price=Decimal("480.50"),
    yearly=True,
    cost=Decimal("480.50"),
    ends_on=date(2026, 9, 30),
    devices=DEVICES[:3],
    users=("anne@dubois.example",),
)
UNDER_UNPRICED = line(
    "sage-100", Status.UNDER, publisher="Sage", name="Sage 100 Comptabilité", owned=1, installed=2, required=2
)
EXCESS = line(
    "office-standard",
    Status.EXCESS,
    name="Office",
    edition="Standard",
    version="2019",
    owned=20,
    installed=0,
    required=0,
    unit_price=Decimal("210.00"),
    saving=Decimal("4200.00"),
)
EXCESS_YEARLY = line(
    "acrobat",
    Status.EXCESS,
    publisher="Adobe",
    name="Acrobat Pro",
    metric=Metric.SUBSCRIPTION_SEAT,
    owned=6,
    installed=4,
    required=4,
    unit_price=Decimal("289.00"),
    yearly=True,
    saving=Decimal("578.00"),
    reductions=(Reduction(units=2, on=date(2026, 7, 31), amount=Decimal("578.00")),),
    ends_on=date(2026, 7, 31),
)
CHECK = line(
    "sql-server",
    Status.CHECK,
    name="SQL Server",
    edition="Developer",
    version="2022",
    metric=Metric.CORE,
    owned=0,
    installed=1,
    required=0,
    notes=(Message(text="rules.software.note.developer_in_production", params={"devices": "srv-sql"}),),
)
UNKNOWN = line(
    "windows-server",
    Status.UNKNOWN,
    name="Windows Server",
    edition="Standard",
    version="2022",
    metric=Metric.CORE,
    owned=16,
    installed=2,
    required=None,
    seen=2,
    old=1,
    notes=(Message(text="rules.software.note.host_unknown", params={"devices": "srv-files, srv-ad"}),),
)
OEM = line("windows", Status.OK, name="Windows", edition="Pro", version="11", owned=12, owned_oem=12, installed=12)
OEM = replace(OEM, required=12, gap=0)
VOLUME = line("office-ltsc", Status.OK, name="Office LTSC Standard", version="2021", owned=10, installed=8, required=10)
VOLUME = replace(VOLUME, transferred=2, gap=2)
SITE = line(
    "winrar", Status.OK, publisher="win.rar GmbH", name="WinRAR", metric=Metric.SITE, unlimited=True, installed=9
)
SITE = replace(SITE, required=9)
INCLUDED = line("teamviewer-qs", Status.FREE, publisher="TeamViewer", name="TeamViewer QuickSupport", installed=3)
INCLUDED = replace(INCLUDED, not_subject=3, proofs=(), notes=(Message(text="rules.software.note.free_viewer"),))
FREE = line("7-zip", Status.FREE, publisher="Igor Pavlov", name="7-Zip", installed=11, not_subject=11, proofs=())
LINES = (FREE, OEM, SITE, CHECK, UNDER_UNPRICED, EXCESS_YEARLY, UNKNOWN, UNDER, VOLUME, INCLUDED, EXCESS, UNDER_YEARLY)
IDLE = (Message(text="rules.software.idle", params={"product": "Visio Standard 2016", "place": "licenses.xlsx"}),)
UPCOMING = (Message(text="rules.software.upcoming", params={"product": "Acrobat Pro", "start_on": "2026-09-01"}),)
STRANGE = (
    Unrecognized(name="Pilote presse XR-12", publisher="Presses du Nord", devices=DEVICES[:2], versions=("4.1",)),
    Unrecognized(name="Devis Bâtiment Pro", publisher="Éditions Dupin", devices=DEVICES[:5], versions=("9", "10")),
)


def summary(*lines: PositionLine, **changes: Any) -> SoftwareSummary:
    """A position of three machines, all read."""
    made = SoftwareSummary(
        declared=True,
        file="licenses.xlsx",
        entitlements=11,
        lines=lines,
        seen=3,
        known=3,
        rules_version="2026-11",
    )
    return replace(made, **changes)


def found(rule: str, key: str = "", **changes: Any) -> Finding:
    """A FAIL of `software.<rule>` about the whole estate, to be planned."""
    params = {"product": key, "count": 1, **changes.pop("params", {})}
    made = Finding(
        rule=f"software.{rule}",
        subject="",
        key=key,
        outcome=Outcome.FAIL,
        severity=Severity.MEDIUM,
        message=Message(text=f"rules.software.{rule}.fail", params=params),
        remedy=Message(text=f"rules.software.{rule}.remedy", params=params),
        priority=Priority(level=PriorityLevel.PLAN, score=40.0),
    )
    return replace(made, **changes)


FINDINGS = (
    found("under_licensed", "office", money=Money(seats=12, once=Decimal(3600))),
    found("under_licensed", "autocad-lt", money=Money(seats=1, cost=Decimal("480.50") / 12)),
    found("under_licensed", "sage-100", money=Money(seats=1, unpriced=1)),
    found("surplus", "acrobat", params={"count": 2}, money=Money(seats=2, later=Decimal(578) / 12)),
    found("surplus", "office-standard", outcome=Outcome.NOT_APPLICABLE, priority=Priority(level=PriorityLevel.NONE)),
    found("to_check", "sql-server"),
    found("no_entitlement", "teamviewer", params={"product": "TeamViewer", "devices": "pc-01, pc-02"}),
    found("no_entitlement", "docker", params={"product": "Docker Desktop", "devices": "pc-02"}),
    replace(found("unwanted", "utorrent", params={"product": "µTorrent"}), subject="srv-web"),
    found("rights_ending", "autocad-lt", due_on=date(2026, 9, 30), params={"ends_on": "2026-09-30"}),
    found("rights_idle", "L9", params={"product": "Visio Standard 2016"}),
    found("unrecognized", "", params={"count": 2}),
    found("under_licensed", "windows-server", outcome=Outcome.UNKNOWN, priority=Priority(level=PriorityLevel.NONE)),
    replace(found("activation", "kms"), subject="srv-web"),
    replace(found("activation", "a-1"), subject="srv-web"),
)
WAIVERS = tuple(
    WaiverUse(
        waiver=Waiver(
            id=f"W{number}",
            rule=rule,
            subject=subject,
            reason="Remplacement prévu au budget",
            approved_by="Mme Dubois",
            until=until,
            place=f"waivers.toml, waiver {number}",
        ),
        matched=matched,
        state=state,
    )
    for number, (rule, subject, until, matched, state) in enumerate(
        (
            ("system.end_of_support", "srv-sauvegarde", date(2026, 12, 31), 1, "in_force"),
            ("software.unwanted", "*", date(2026, 8, 20), 1, "expiring"),
            ("patch.*", "old-01", date(2026, 7, 1), 3, "expired"),
            ("m365.*", "*", date(2027, 1, 31), 0, "orphaned"),
        ),
        1,
    )
)


def told(assessment: Assessment, position: SoftwareSummary | None, *findings: Finding) -> Assessment:
    """An assessment with a position and what was found about it, in the order of the action plan."""
    return replace(licensed.told(assessment, *assessment.tenants, findings=findings), software=position)


def positioned() -> Assessment:
    """Every status, every rule, a waiver of each state, beside an ordinary estate."""
    position = summary(*LINES, seen=2, old=1, unrecognized=STRANGE, idle=IDLE, upcoming=UPCOMING)
    made = told(lab.ordinary(), position, *FINDINGS)
    waived = tuple(
        replace(finding, waiver=WAIVERS[1].waiver) if finding.rule == "software.unwanted" else finding
        for finding in made.findings
    )
    ending = replace(found("ending", "W2", params={"waiver": "W2"}), rule="waiver.ending")
    lost = replace(found("orphaned", "W4", params={"waiver": "W4"}), rule="waiver.orphaned")
    return replace(made, findings=(*waived, ending, lost), waivers=WAIVERS)


def positioned_with_licenses() -> Assessment:
    """The same beside Microsoft 365."""
    both = licensed.licensed()
    return told(both, summary(*LINES, unrecognized=STRANGE), *FINDINGS)


def in_order() -> Assessment:
    """Nothing to say against it."""
    return told(lab.spotless(), summary(OEM, VOLUME, SITE, FREE))


def undeclared() -> Assessment:
    """No file of rights: what is installed is listed, nothing is a deficit."""
    lines = tuple(
        replace(one, status=Status.UNKNOWN, owned=None, gap=None, unit_price=None, cost=None, at_least=False, proofs=())
        for one in (UNDER, UNDER_YEARLY, UNDER_UNPRICED)
    )
    position = summary(*lines, OEM, FREE, declared=False, file="", entitlements=0, unrecognized=STRANGE)
    return told(lab.spotless(), position, found("no_entitlement", ""))


def unread() -> Assessment:
    """No machine was seen."""
    return told(lab.blind(), summary(seen=0, known=3, entitlements=4))


def nothing_installed() -> Assessment:
    """Case 70: no right and nothing installed."""
    return told(lab.spotless(), summary(entitlements=0))


def all_unknown() -> Assessment:
    """Facts are missing for every product."""
    lines = tuple(replace(one, status=Status.UNKNOWN, required=None, gap=None, seen=1) for one in LINES)
    return told(lab.ordinary(), summary(*lines, seen=1, known=3))


def crowded() -> Assessment:
    """Two hundred lines with long names, many strange programs, and texts an attacker chose."""
    name = '=HYPERLINK("http://evil")\x00\ud800, "quoted" ' + "Éditeur de plans et métrés du bâtiment " * 2
    statuses = tuple(Status)
    lines = tuple(
        line(
            f"product-{number}",
            statuses[number % len(statuses)],
            name=f"{name} {number}",
            publisher=name,
            edition="Professionnelle avec option multi-sociétés",
            version="2024.12.0.3341",
            owned=number,
            installed=99_999,
            required=12_345,
            unit_price=Decimal("9999.99"),
            cost=Decimal("234567.00"),
            saving=Decimal("654321.00"),
            yearly=number % 2 == 0,
            proofs=("Facture 2021-000118", "Contrat cadre ÉCO-44 du 12 mars"),
            ends_on=date(2026, 12, 31),
            notes=(Message(text="rules.software.note.long", params={"products": name}),) * 3,
            devices=DEVICES,
        )
        for number in range(200)
    )
    strange = tuple(Unrecognized(name=f"{name} {number}", publisher=name, devices=DEVICES) for number in range(60))
    return told(lab.hostile(), summary(*lines, unrecognized=strange, file=name))


SAMPLES: dict[str, Callable[[], Assessment]] = {
    "positioned": positioned,
    "positioned_with_licenses": positioned_with_licenses,
    "position_in_order": in_order,
    "position_undeclared": undeclared,
    "position_unread": unread,
    "position_of_nothing": nothing_installed,
    "position_unknown": all_unknown,
    "position_crowded": crowded,
}
