"""Hand-built assessments, as the rules engine would conclude them: the input of every report test.

Nothing here runs a rule. Parameters and text ids are those the rules document; a test in tests/reports renders what the
real rules conclude as well.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from collectors.feeds.records import FeedState, Severity
from collectors.model import (
    CollectorOutcome,
    CollectorStatus,
    FactKind,
    Gap,
    GapReason,
    LastUpdate,
    OperatingSystem,
    Target,
)
from rules.messages import Message
from rules.model import (
    Assessment,
    Confidence,
    Evidence,
    Finding,
    MachineSummary,
    Outcome,
    PatchState,
    Priority,
    PriorityLevel,
    RuleFailure,
)

AS_OF = datetime(2026, 8, 5, 6, 30, tzinfo=UTC)
TODAY = AS_OF.date()
SLA = {"critical": 14, "high": 14, "medium": 60, "low": 90}


def system(
    name: str = "debian", version: str = "12", pretty: str = "Debian GNU/Linux 12 (bookworm)"
) -> OperatingSystem:
    return OperatingSystem(id=name, version_id=version, pretty_name=pretty)


def machine(name: str, *, gaps: tuple[Gap, ...] = (), reached: bool = True, site: str = "Lyon") -> MachineSummary:
    return MachineSummary(
        target=Target(name=name, address="192.0.2.10", site=site),
        taken_at=AS_OF - timedelta(minutes=20),
        reached=reached,
        operating_system=system() if reached else None,
        release="debian:12" if reached else None,
        package_count=412 if reached else 0,
        collectors=(CollectorStatus(name="dpkg", outcome=CollectorOutcome.OK),),
        gaps=gaps,
    )


def absent(name: str, reason: GapReason = GapReason.UNREACHABLE) -> MachineSummary:
    gap = Gap(kind=FactKind.HOST, collector="ssh", reason=reason, detail=f"{name}: no answer on port 22 in 5 s")
    return machine(name, gaps=(gap,), reached=False)


def missing(
    machine_name: str,
    package: str,
    *,
    severity: Severity = Severity.HIGH,
    released_on: date | None = date(2026, 7, 20),
    due_on: date | None = date(2026, 8, 3),
    level: PriorityLevel = PriorityLevel.PLAN,
    score: float = 300.0,
    kev: int = 0,
    epss: float | None = 0.042,
    cross: str = "agree",
    installed: str = "3.0.11-1~deb12u2",
    fixed: str = "3.0.14-1~deb12u2",
    advisory: str = "DSA-5764-1",
    reasons: tuple[Message, ...] = (),
) -> Finding:
    cves = "CVE-2026-1001, CVE-2026-1002"
    return Finding(
        rule="patch.missing",
        subject=machine_name,
        key=package,
        outcome=Outcome.FAIL,
        severity=severity,
        confidence=Confidence.CONFIRMED,
        state=PatchState.MISSING,
        message=Message(
            text="rules.patch.missing.fail",
            params={
                "package": package,
                "packages": f"lib{package}",
                "installed_version": installed,
                "fixed_version": fixed,
                "advisories": advisory,
                "cves": cves,
                "cve_count": 2,
                "count": 2,
                "kev_count": kev,
                "epss_max": epss,
                "epss_percent": None if epss is None else int(epss * 100),
                "cross_check": cross,
                "cross_check_why": "same_version",
                "severity": severity.value,
                "released_on": released_on.isoformat() if released_on else None,
                "due_on": due_on.isoformat() if due_on else None,
                "kernel": False,
            },
        ),
        remedy=Message(
            text="rules.patch.missing.remedy",
            params={"command": f"apt-get install --only-upgrade {package}", "package": package},
        ),
        priority=Priority(
            level=level, score=score, reasons=reasons or (Message(text=f"rules.priority.severity_{severity.value}"),)
        ),
        evidence=(
            Evidence(
                what=Message(
                    text=f"rules.evidence.advisory_{severity.value}",
                    params={
                        "advisory": advisory,
                        "cves": cves,
                        "released_on": str(released_on) if released_on else None,
                    },
                ),
                seen=installed,
                expected=fixed,
                source=f"Debian {advisory}",
                url=f"https://www.debian.org/security/{advisory}",
                as_of=AS_OF - timedelta(days=1),
            ),
        ),
        released_on=released_on,
        due_on=due_on,
    )


def answered(machine_name: str, rule: str, outcome: Outcome, text: str, **extra: object) -> Finding:
    return Finding(
        rule=rule,
        subject=machine_name,
        outcome=outcome,
        message=Message(text=f"rules.{rule}.{text}", params=dict(_PARAMS)),
        **extra,
    )  # type: ignore[arg-type]


_PARAMS = {
    "count": 3,
    "system": "Debian GNU/Linux 12 (bookworm)",
    "ends_on": "2028-06-30",
    "ended_on": "2026-07-31",
    "extended_until_on": None,
    "phase": "LTS",
    "running": "6.1.0-30-amd64",
    "signals": "newer-kernel",
    "against": "",
    "since_on": "2026-07-30",
    "cve_count": 4,
    "kev_count": 0,
    "package": "linux",
    "fixed_version": "6.1.140-1",
    "due_on": "2026-08-06",
    "packages": "linux, sudo",
    "days_late": 2,
    "undated_count": 0,
    "manager": "apt",
    "limit_days": 7,
    "refreshed_at": "2026-07-12T04:00:00+00:00",
    "origin": "Docker",
    "detail": "no answer",
    "areas": "packages",
    "disabled": 0,
}


def healthy(name: str) -> tuple[Finding, ...]:
    """Answers of a machine with nothing to say against it."""
    return (
        answered(name, "patch.missing", Outcome.PASS, "pass", confidence=Confidence.CONFIRMED),
        answered(name, "host.reboot_pending", Outcome.PASS, "pass"),
        answered(name, "system.end_of_support", Outcome.PASS, "extended"),
        answered(name, "host.coverage", Outcome.PASS, "pass"),
    )


def rebooting(name: str) -> Finding:
    return answered(
        name,
        "host.reboot_pending",
        Outcome.FAIL,
        "fail_kernel",
        state=PatchState.REBOOT_PENDING,
        severity=Severity.HIGH,
        priority=Priority(level=PriorityLevel.PLAN, score=40.0, reasons=(Message(text="rules.priority.reboot"),)),
        remedy=Message(text="rules.host.reboot_pending.remedy", params={"command": "systemctl reboot"}),
        due_on=date(2026, 8, 6),
    )


def ended(name: str) -> Finding:
    return answered(
        name,
        "system.end_of_support",
        Outcome.FAIL,
        "ended",
        state=PatchState.OUT_OF_SUPPORT,
        severity=Severity.HIGH,
        priority=Priority(
            level=PriorityLevel.NOW, score=500.0, reasons=(Message(text="rules.priority.out_of_support"),)
        ),
        remedy=Message(text="rules.system.end_of_support.remedy", params={"system": "Debian 10"}),
        due_on=date(2026, 7, 31),
    )


def ending(name: str) -> Finding:
    return answered(
        name,
        "system.end_of_support",
        Outcome.FAIL,
        "ending",
        severity=Severity.MEDIUM,
        priority=Priority(level=PriorityLevel.PLAN, score=80.0),
        remedy=Message(text="rules.system.end_of_support.remedy", params={"system": "Debian 11"}),
        due_on=date(2026, 11, 30),
    )


def needs_subscription(name: str) -> Finding:
    return Finding(
        rule="patch.needs_subscription",
        subject=name,
        key="esm-apps",
        outcome=Outcome.FAIL,
        severity=Severity.MEDIUM,
        state=PatchState.PRO_REQUIRED,
        message=Message(
            text="rules.patch.needs_subscription.fail",
            params={
                **_PARAMS,
                "entitlement": "esm-apps",
                "subscription": "Ubuntu Pro (esm-apps)",
                "released_on": "2026-05-02",
            },
        ),
        remedy=Message(
            text="rules.patch.needs_subscription.remedy_ubuntu", params={"entitlement": "esm-apps", **_PARAMS}
        ),
        priority=Priority(level=PriorityLevel.WATCH, score=200.0),
    )


def not_seen(name: str, rule: str = "patch.missing", text: str = "packages") -> Finding:
    gap = Gap(
        kind=FactKind.PACKAGES, collector="dpkg", reason=GapReason.TRUNCATED, detail="the answer was cut off after 1 MB"
    )
    return Finding(
        rule=rule, subject=name, outcome=Outcome.UNKNOWN, message=Message(text=f"rules.unknown.{text}"), gaps=(gap,)
    )


def not_audited(name: str, reason: str = "unreachable") -> tuple[Finding, ...]:
    coverage = Finding(
        rule="host.coverage",
        subject=name,
        key="not_audited",
        outcome=Outcome.UNKNOWN,
        message=Message(text=f"rules.host.coverage.not_audited_{reason}", params={"detail": "no answer on port 22"}),
        remedy=Message(text=f"rules.host.coverage.remedy_{reason}"),
        priority=Priority(level=PriorityLevel.NOW, score=100.0, reasons=(Message(text="rules.priority.not_audited"),)),
    )
    rules = ("patch.missing", "host.reboot_pending", "system.end_of_support")
    return (coverage, *(not_seen(name, rule, "not_audited") for rule in rules))


def feeds(*, stale: bool = False) -> tuple[FeedState, ...]:
    day = AS_OF - timedelta(days=40 if stale else 1)
    shared = {"fetched_at": day, "checked_at": day, "published_at": day, "sha256": "0" * 64, "records": 1200}
    return (
        FeedState(
            name="debian_tracker",
            title="Debian Security Tracker",
            url="https://security-tracker.debian.org/tracker/data/json",
            licence="MIT",
            max_age_days=3,
            covers=("debian:12",),
            **shared,
        ),  # type: ignore[arg-type]
        FeedState(
            name="kev",
            title="CISA KEV",
            url="https://www.cisa.gov/kev",
            licence="CC0-1.0",
            max_age_days=7,
            edition="2026.08.04",
            fetched_at=AS_OF,
            checked_at=AS_OF,
            published_at=AS_OF - timedelta(days=1),
        ),
        FeedState(
            name="epss",
            title="FIRST EPSS",
            url="https://epss.empiricalsecurity.com",
            licence="FIRST terms of use",
            max_age_days=7,
            edition="v2025.03.14",
            fetched_at=AS_OF,
            checked_at=AS_OF,
            published_at=AS_OF - timedelta(days=1),
        ),
    )


def assessment(
    machines: tuple[MachineSummary, ...],
    findings: tuple[Finding, ...],
    *,
    client: str = "Menuiserie Dubois & Fils",
    stale: bool = False,
    failures: tuple[RuleFailure, ...] = (),
    demo: bool = False,
) -> Assessment:
    levels = list(PriorityLevel)
    ordered = sorted(
        findings, key=lambda f: (levels.index(f.priority.level), -f.priority.score, f.subject, f.rule, f.key)
    )
    return Assessment(
        client=client,
        as_of=AS_OF,
        started_at=AS_OF - timedelta(minutes=25),
        finished_at=AS_OF - timedelta(minutes=2),
        product_version="0.2.0",
        machines=machines,
        findings=tuple(ordered),
        feeds=feeds(stale=stale),
        stale_feeds=("debian_tracker",) if stale else (),
        failures=failures,
        sla_days=dict(SLA),
        demo=demo,
    )


def ordinary() -> Assessment:
    """Nine machines with findings of every kind; two not audited, one read in part."""
    names = ("srv-fichiers", "srv-web", "srv-compta", "srv-mail", "pc-atelier-01", "pc-atelier-02")
    partial = Gap(kind=FactKind.REPOSITORIES, collector="apt", reason=GapReason.DENIED, detail="permission denied")
    cut = Gap(kind=FactKind.PACKAGES, collector="dpkg", reason=GapReason.TRUNCATED, detail="the answer was cut off")
    machines = (
        *(machine(name) for name in names),
        machine("srv-sauvegarde", gaps=(cut,)),
        machine("srv-legacy", gaps=(partial,), site="Grenoble"),
        absent("nas-archives"),
        absent("srv-paie", GapReason.DENIED),
    )
    findings = (
        missing(
            "srv-web", "openssl", severity=Severity.CRITICAL, level=PriorityLevel.NOW, score=10_400.0, kev=1, epss=0.931
        ),
        missing("srv-web", "nginx", score=310.0, due_on=date(2026, 8, 12), released_on=date(2026, 7, 29)),
        missing(
            "srv-compta",
            "openssl",
            severity=Severity.CRITICAL,
            level=PriorityLevel.NOW,
            score=10_400.0,
            kev=1,
            epss=0.931,
        ),
        missing(
            "srv-compta",
            "sudo",
            severity=Severity.MEDIUM,
            level=PriorityLevel.WATCH,
            score=200.0,
            due_on=date(2026, 9, 20),
        ),
        missing("srv-mail", "exim4", severity=Severity.UNKNOWN, cross="only_ours", epss=None),
        missing(
            "srv-legacy",
            "libxml2",
            severity=Severity.LOW,
            level=PriorityLevel.WATCH,
            score=110.0,
            cross="not_seen",
            released_on=None,
            due_on=None,
            advisory="DLA-4001-1",
        ),
        *healthy("srv-fichiers"),
        *(f for f in healthy("pc-atelier-01") if f.rule != "host.reboot_pending"),
        rebooting("pc-atelier-01"),
        *healthy("pc-atelier-02"),
        *(f for name in ("srv-web", "srv-compta", "srv-mail") for f in healthy(name)[1:]),
        ended("srv-legacy"),
        answered("srv-legacy", "host.reboot_pending", Outcome.PASS, "pass"),
        not_seen("srv-sauvegarde"),
        *healthy("srv-sauvegarde")[1:3],
        needs_subscription("srv-mail"),
        answered(
            "srv-web",
            "packages.third_party",
            Outcome.NOT_APPLICABLE,
            "outside",
            key="Docker",
            state=PatchState.OUTSIDE_SCOPE,
        ),
        *not_audited("nas-archives"),
        *not_audited("srv-paie", "denied"),
    )
    return assessment(machines, findings)


def spotless() -> Assessment:
    """Three machines, everything seen, nothing wrong."""
    names = ("srv-a", "srv-b", "srv-c")
    return assessment(tuple(machine(name) for name in names), tuple(f for name in names for f in healthy(name)))


def crowded() -> Assessment:
    """Two hundred missing patches on ten machines."""
    names = [f"srv-{number:02d}" for number in range(10)]
    severities = list(Severity)
    findings = tuple(
        missing(
            name,
            f"package{number:02d}",
            severity=severities[number % 5],
            level=list(PriorityLevel)[number % 3],
            score=float(100 + number),
            due_on=TODAY + timedelta(days=number * 3 - 30),
        )
        for name in names
        for number in range(20)
    )
    rest = tuple(f for name in names for f in healthy(name)[1:])
    return assessment(tuple(machine(name) for name in names), (*findings, *rest))


def blind() -> Assessment:
    """Nothing could be seen: no machine answered, and the advisories are too old."""
    names = ("srv-a", "srv-b", "srv-c")
    findings = tuple(f for name in names for f in not_audited(name))
    return assessment(tuple(absent(name) for name in names), findings, stale=True)


def alone() -> Assessment:
    """One machine with one missing patch."""
    findings = (missing("srv-unique", "sudo"), *healthy("srv-unique")[1:])
    return assessment((machine("srv-unique"),), findings, client="Cabinet Martin")


LONG = "serveur-de-fichiers-du-bureau-d-etudes-et-de-la-comptabilite-analytique-batiment-nord-deuxieme-etage"
HOSTILE = (
    "=cmd|' /C calc'!A0",
    "+SUM(A1)",
    "@import",
    "-1+1",
    "#REF!",
    "nul\x00bell\x07esc\x1b[31m",
    "\ufffe\uffffnon-characters",
    "\u202egnp.exe",
    "שרת-קבצים",
    "tab\tand\nline",
    "<b>&amp;\"'",
    "_x0041_",
    "x" * 40_000,
)


def hostile() -> Assessment:
    """Names and versions an attacker would choose, and names far too long."""
    names = (LONG, *HOSTILE)
    findings = [missing(name, name, installed=name, fixed=name, advisory=name) for name in names]
    findings.append(missing(names[0], "surrogate", installed="lone\ud800surrogate"))
    rest = [f for name in names for f in healthy(name)[1:]]
    failures = (RuleFailure(rule="patch.missing", subject=names[1], error="ValueError: \x00"),)
    return assessment(
        tuple(machine(name, site=name[:50]) for name in names),
        (*findings, *rest),
        client='=HYPERLINK("x") & Co / "Évil" \x07 <&P>',
        failures=failures,
        demo=True,
    )


def windows_machine(
    name: str,
    pretty: str = "Windows 11 Pro 24H2",
    build: str = "26100.8655",
    *,
    gaps: tuple[Gap, ...] = (),
    updates_from: str = "windows_update",
) -> MachineSummary:
    return MachineSummary(
        target=Target(name=name, site="Lyon"),
        taken_at=AS_OF - timedelta(minutes=20),
        reached=True,
        operating_system=OperatingSystem(id="windows", version_id=f"10.0.{build}", pretty_name=pretty),
        package_count=61,
        gaps=gaps,
        last_update=LastUpdate(at=datetime(2026, 7, 16, 4, 0, tzinfo=UTC), source="component servicing"),
        updates_from=updates_from,
    )


def windows_update(
    machine_name: str, product: str = "Windows 11 24H2", *, kb: str = "KB5094126", on: str = "2026-07-14", kev: int = 0
) -> Finding:
    """A missing cumulative update, as the rule tells it of a Windows machine."""
    found = missing(
        machine_name, product, installed="26100.8514", fixed="26100.8655", advisory="CVE-2026-1001", kev=kev
    )
    params = {**found.message.params, "remedy": kb, "remedy_on": on, "packages": ""}
    text = f"rules.patch.missing.fail_windows{'_exploited' if kev else ''}"
    remedy = Message(text="rules.patch.missing.remedy_windows", params={"package": product, "remedy": kb, "url": ""})
    level = PriorityLevel.NOW if kev else PriorityLevel.PLAN
    return replace(
        found, message=Message(text=text, params=params), remedy=remedy, priority=replace(found.priority, level=level)
    )


def exploited_program(machine_name: str, product: str = "WinRAR") -> Finding:
    params = {"product": product, "version": "7.12", "fixed_version": "7.13", "cves": "CVE-2025-8088", "count": 1}
    return Finding(
        rule="application.known_exploited",
        subject=machine_name,
        key=product.lower(),
        outcome=Outcome.FAIL,
        severity=Severity.CRITICAL,
        message=Message(text="rules.application.known_exploited.fail", params=params),
        remedy=Message(text="rules.application.known_exploited.remedy", params=params),
        priority=Priority(level=PriorityLevel.NOW, score=10_100.0),
        due_on=date(2026, 7, 28),
    )


def old_program(machine_name: str, product: str) -> Finding:
    return answered(
        machine_name,
        "application.end_of_support",
        Outcome.FAIL,
        "ended",
        key=product.lower(),
        severity=Severity.HIGH,
        priority=Priority(level=PriorityLevel.PLAN, score=90.0),
        remedy=Message(text="rules.application.end_of_support.remedy", params={"product": product}),
    )


def windows_10(name: str) -> Finding:
    """Out of support, without extended updates."""
    remedy = Message(
        text="rules.system.end_of_support.remedy_windows_10_extended", params={"extended_until_on": "2028-10-10"}
    )
    return replace(ended(name), remedy=remedy)


def windows() -> Assessment:
    """Windows machines, each with its own trouble: a late update, WSUS, no support, an account without rights."""
    denied = Gap(
        kind=FactKind.STORE_APPS, collector="store_apps", reason=GapReason.DENIED, detail="0x80070005: access denied"
    )
    away = Gap(
        kind=FactKind.USER_APPLICATIONS,
        collector="applications",
        reason=GapReason.MISSING,
        detail="1 of 2 profiles were not signed in",
    )
    blocked = Gap(
        kind=FactKind.OFFICE, collector="reg.exe", reason=GapReason.DENIED, detail="Constrained Language Mode"
    )
    cut = Gap(kind=FactKind.APPLICATIONS, collector="applications", reason=GapReason.TRUNCATED, detail="cut off")
    machines = (
        windows_machine("pc-01", build="26100.8514"),
        windows_machine("pc-02", build="26100.8514", updates_from="wsus"),
        windows_machine("pc-03", "Windows 10 Pro 22H2", "19045.6456"),
        windows_machine("pc-04", gaps=(denied, away)),
        windows_machine("pc-05", gaps=(denied, away)),
        windows_machine("pc-06", gaps=(blocked,), updates_from=""),
        windows_machine("pc-07", gaps=(cut,)),
        windows_machine("srv-01", "Windows Server 2025 Standard (Server Core)", "26100.32995"),
        absent("pc-08"),
    )
    findings = (
        windows_update("pc-01", kev=2),
        windows_update("pc-02", kev=2, kb="KB5099999", on="2026-08-04"),
        windows_update("srv-01", "Windows Server 2025"),
        exploited_program("pc-04"),
        old_program("pc-04", "Microsoft Office 2016"),
        old_program("pc-05", ".NET 6"),
        windows_10("pc-03"),
        *(found for name in ("pc-04", "pc-05", "pc-07") for found in healthy(name)),
        *(found for name in ("pc-01", "pc-02", "srv-01") for found in healthy(name)[1:]),
        not_seen("pc-06"),
        *not_audited("pc-08"),
    )
    return assessment(machines, findings)


def nothing_known() -> Assessment:
    """A client without any machine."""
    return assessment((), ())


SAMPLES = {
    "ordinary": ordinary,
    "spotless": spotless,
    "crowded": crowded,
    "blind": blind,
    "alone": alone,
    "hostile": hostile,
    "windows": windows,
    "nothing_known": nothing_known,
}
