"""In which words patch.missing tells of Microsoft's products: what is missing, what installs it, what else was seen."""

from collections.abc import Iterator, Sequence

from collectors.windows.facts import UpdateSource
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, PatchState
from rules.opinions import SecondOpinion
from rules.rule import WINDOWS_PRODUCTS, Case
from rules.support import support_of
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows.blindness import windows_gaps
from rules.windows.builds import revision_in, running_build
from rules.windows.traces import Traces

_CATALOG = "https://www.catalog.update.microsoft.com/Search.aspx?q="
_ARTICLE = "https://support.microsoft.com/help/"
_DOTNET = "https://dotnet.microsoft.com/download/dotnet/"
_OFFICE = "https://learn.microsoft.com/officeupdates/"
_OFFICE_CLIENT = r"%CommonProgramFiles%\Microsoft Shared\ClickToRun\OfficeC2RClient.exe"
_REGISTRY = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_READ_IN = {  # where the version of a product was read
    ProductLine.WINDOWS: _REGISTRY,
    ProductLine.DOTNET_FRAMEWORK: r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP; CBS",
    ProductLine.DOTNET: r"dotnet\shared",
    ProductLine.OFFICE: r"HKLM\SOFTWARE\Microsoft\Office\ClickToRun\Configuration",
    ProductLine.OFFICE_MSI: "Windows Installer",
    ProductLine.SQL_SERVER: r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server",
    ProductLine.EXCHANGE: "ExSetup.exe",
}


def missing_text(verdict: PatchVerdict, *, exploited: bool) -> str:
    """The text of patch.missing for a verdict on one of Microsoft's products, relative to the rule's own texts."""
    match verdict.line:
        case ProductLine.WINDOWS:
            dated = "" if verdict.remedy_on is not None else "_undated"
            return f"fail_windows{'_exploited' if exploited else ''}{dated}"
        case ProductLine.OFFICE:
            return "fail_office" if verdict.remedy_on is not None else "fail_office_undated"
        case ProductLine.DOTNET:
            return "fail"
        case _:
            return "fail_update"


def missing_params(verdict: PatchVerdict) -> Params:
    """What these texts need beside the parameters every missing patch has."""
    return {
        "package": verdict.label,
        "remedy": verdict.remedy or verdict.fixed_version,
        "remedy_on": None if verdict.remedy_on is None else verdict.remedy_on.isoformat(),
    }


def remedy_for(verdict: PatchVerdict, manager: str) -> Message:
    """What the technician does, in one line; `manager` is "wsus" where updates are approved there."""
    params: Params = {
        "package": verdict.label,
        "remedy": verdict.remedy or verdict.fixed_version,
        "fixed_version": verdict.fixed_version,
    }
    match verdict.line:
        case ProductLine.OFFICE:
            text = "remedy_office"
        case ProductLine.DOTNET:
            text = "remedy_runtime"
        case ProductLine.WINDOWS | ProductLine.DOTNET_FRAMEWORK:
            text = _by_windows_update(manager)
        case _:
            text = "remedy_download"
    return Message(text=f"rules.patch.missing.{text}", params=params)


def remedy_for_offer(kb: str, manager: str) -> Message:
    """What the technician does about an update that only Windows Update knows."""
    params: Params = {"package": kb, "remedy": kb, "fixed_version": ""}
    return Message(text=f"rules.patch.missing.{_by_windows_update(manager)}", params=params)


def _by_windows_update(manager: str) -> str:
    return "remedy_wsus" if manager == "wsus" else "remedy_windows"


def build_evidence(case: Case, verdict: PatchVerdict) -> Evidence:
    """What was compared with what, and where it was read."""
    windows = verdict.line is ProductLine.WINDOWS
    return Evidence(
        what=Message(text="rules.evidence.running_build")
        if windows
        else Message(text="rules.evidence.installed_version", params={"package": verdict.label}),
        seen=verdict.installed_version,
        expected=verdict.fixed_version,
        source=_READ_IN.get(verdict.line, ""),
        as_of=case.snapshot.taken_at,
    )


def where_to_get(verdict: PatchVerdict) -> Evidence:
    """Where the fix can be had by hand: too long for the line that says what to do."""
    kb = verdict.remedy if verdict.remedy.startswith("KB") else ""
    match verdict.line:
        case ProductLine.OFFICE:
            seen = f'"{_OFFICE_CLIENT}" /update user updatetoversion={verdict.fixed_version}'
            url = _OFFICE
        case ProductLine.DOTNET:
            seen, url = verdict.fixed_version, _DOTNET + verdict.package.rpartition(" ")[2]
        case ProductLine.WINDOWS | ProductLine.DOTNET_FRAMEWORK:
            seen, url = kb, _CATALOG + (kb or verdict.fixed_version)
        case _:
            seen, url = kb, f"{_ARTICLE}{kb.removeprefix('KB')}" if kb else ""
    return Evidence(what=Message(text="rules.evidence.by_hand"), seen=seen, expected=verdict.fixed_version, url=url)


def traces_evidence(case: Case, verdict: PatchVerdict) -> Iterator[Evidence]:
    """What the machine's own records say about the update, and whether they agree with the build (W1-W3)."""
    build = running_build(case.snapshot)
    if verdict.line is not ProductLine.WINDOWS or build is None:
        return
    traces = case.once(Traces, lambda: Traces(case.snapshot))
    as_of = case.snapshot.taken_at
    if traces.unread and not traces.updates:
        yield Evidence(what=Message(text="rules.sources.unread"), seen="", as_of=as_of)
        return
    params: Params = {"remedy": verdict.remedy}
    held = traces.newest_rollup(build.branch)
    if held is not None:
        newer = (revision_in(held.build, build.branch) or 0) > build.revision
        text = f"cbs_{'disagrees' if newer else 'agrees'}"
        yield Evidence(what=_says(text, params | {"state": held.state}), seen=held.build, source="CBS", as_of=as_of)
    hotfixes = traces.by_source[UpdateSource.QFE]
    if hotfixes:  # an empty list says nothing at all (D10)
        listed = verdict.remedy in hotfixes
        qfe = f"qfe_{'disagrees' if listed else 'agrees'}"
        seen = verdict.remedy if listed else ""
        yield Evidence(what=_says(qfe, params), seen=seen, source="Win32_QuickFixEngineering", as_of=as_of)
    tried = [one for one in traces.updates if one.source is UpdateSource.HISTORY and one.kb == verdict.remedy]
    for attempt in tried[:1]:
        day = attempt.installed_on
        text = "history_disagrees" if attempt.state == "succeeded" else "history_failed"
        dated = params | {"tried_on": None if day is None else day.isoformat()}
        yield Evidence(what=_says(text, dated), seen=attempt.state, source="Windows Update history", as_of=as_of)


def passed(case: Case, updater: SecondOpinion) -> tuple[str, Params]:
    """The text of a PASS, and what it needs."""
    build = running_build(case.snapshot)
    params: Params = {
        "package": case.system.pretty_name if build is None else build.name,
        "installed_version": case.system.version_id if build is None else build.text,
    }
    waiting = [one for one in case.verdicts_in(PatchState.REBOOT_PENDING) if one.line is ProductLine.WINDOWS]
    if waiting:
        return "pass_windows_waiting", params | {"remedy": waiting[0].remedy or waiting[0].fixed_version}
    return ("pass_windows_alone" if updater.unseen else "pass_windows"), params


def only_products_in_doubt(case: Case, found: Sequence[Finding]) -> bool:
    """Whether nothing speaks against Windows itself, and the doubts that are told are about other products."""
    if not case.is_windows or any(finding.outcome is not Outcome.UNKNOWN for finding in found):
        return False
    return all(verdict.is_beside or verdict.state is PatchState.REBOOT_PENDING for verdict in case.verdicts)


def unread_products(case: Case) -> Iterator[Finding]:
    """One UNKNOWN per product line that was not read: the verdict on Windows itself stands without it."""
    for kind in WINDOWS_PRODUCTS[1:] if case.is_windows else ():
        gaps = windows_gaps(case.snapshot, kind)
        if gaps:
            yield Finding(
                rule="patch.missing",
                subject=case.snapshot.target.name,
                key=f"unread:{kind.value}",
                outcome=Outcome.UNKNOWN,
                state=PatchState.UNKNOWN,
                message=Message(text=f"rules.unknown.{kind.value}"),
                evidence=tuple(
                    Evidence(
                        what=Message(text=f"rules.fact.{gap.kind.value}"),
                        seen=gap.detail,
                        source=gap.collector,
                        as_of=case.snapshot.taken_at,
                    )
                    for gap in gaps
                ),
                gaps=gaps,
                beside=True,
            )


def passed_evidence(case: Case) -> Iterator[Evidence]:
    """The build that was compared, and the update it belongs to where the build table knows it."""
    build = running_build(case.snapshot)
    if build is not None:
        known = case.knowledge.windows_builds.get(build.text)
        released = None if known is None else known.released_on
        params: Params = {
            "remedy": "" if known is None else known.kb,
            "remedy_on": None if released is None else released.isoformat(),
        }
        text = "rules.evidence.running_build_of" if known and known.kb and released else "rules.evidence.running_build"
        seen, as_of = build.text, case.snapshot.taken_at
        yield Evidence(what=Message(text=text, params=params), seen=seen, source=_REGISTRY, as_of=as_of)


def compared(case: Case) -> str:
    """What of a machine was compared with the advisories: its build."""
    build = running_build(case.snapshot)
    return case.system.version_id if build is None else build.text


def out_of_support_text(case: Case) -> str:
    """Whether the machine could be enrolled for further updates and is not, or nobody sells any for it."""
    support = support_of(case)
    sold = support is not None and support.sellable_until is not None
    return "out_of_support_windows" if sold else "out_of_support_edition"


def out_of_support_params(case: Case) -> Params:
    """What the text about an ended Windows needs."""
    verdicts = case.verdicts_in(PatchState.OUT_OF_SUPPORT)
    build = running_build(case.snapshot)
    return {
        "package": case.system.pretty_name if build is None else build.name,
        "count": len({cve for verdict in verdicts for cve in verdict.cves}),
        "remedy": ", ".join(dict.fromkeys(verdict.remedy for verdict in verdicts)),
    }


def _says(text: str, params: Params) -> Message:
    return Message(text=f"rules.sources.{text}", params=params)
