"""In which words patch.missing tells of Microsoft's products: what is missing, what installs it, what else was seen."""

from collections.abc import Iterator, Sequence

from collectors.windows.facts import UpdateSource
from rules.model import Evidence, Finding, Message, Outcome, Params, PatchState
from rules.opinions import SecondOpinion
from rules.rule import WINDOWS_PRODUCTS, Case
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows.blindness import windows_gaps
from rules.windows.builds import revision_in, running_build
from rules.windows.traces import Traces

_CATALOG = "https://www.catalog.update.microsoft.com/Search.aspx?q="
_DOTNET = "https://dotnet.microsoft.com/download/dotnet/"
_OFFICE_CLIENT = r"%CommonProgramFiles%\Microsoft Shared\ClickToRun\OfficeC2RClient.exe"
_REGISTRY = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"


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
    """What the technician does; `manager` is "wsus" where updates are approved there."""
    rule = "rules.patch.missing"
    kb = verdict.remedy if verdict.remedy.startswith("KB") else ""
    params: Params = {"package": verdict.label, "remedy": verdict.remedy or verdict.fixed_version}
    match verdict.line:
        case ProductLine.OFFICE:
            command = f'"{_OFFICE_CLIENT}" /update user updatetoversion={verdict.fixed_version}'
            return Message(text=f"{rule}.remedy_office", params=params | {"command": command})
        case ProductLine.DOTNET:
            url = _DOTNET + verdict.package.rpartition(" ")[2]
            return Message(text=f"{rule}.remedy_download", params=params | {"url": url})
        case ProductLine.WINDOWS | ProductLine.DOTNET_FRAMEWORK:
            text = "remedy_wsus" if manager == "wsus" else "remedy_windows"
        case _:
            text = "remedy_download"
    return Message(text=f"{rule}.{text}", params=params | {"url": _CATALOG + (kb or verdict.fixed_version)})


def remedy_for_offer(kb: str, manager: str) -> Message:
    """What the technician does about an update that only Windows Update knows."""
    text = "remedy_wsus" if manager == "wsus" else "remedy_windows"
    return Message(text=f"rules.patch.missing.{text}", params={"package": kb, "remedy": kb, "url": _CATALOG + kb})


def build_evidence(verdict: PatchVerdict) -> Evidence:
    """What was compared with what."""
    if verdict.line is ProductLine.WINDOWS:
        what, source = Message(text="rules.evidence.running_build"), _REGISTRY
    else:
        what, source = Message(text="rules.evidence.installed_version", params={"package": verdict.label}), ""
    return Evidence(what=what, seen=verdict.installed_version, expected=verdict.fixed_version, source=source)


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
    listed = verdict.remedy in traces.by_source[UpdateSource.QFE]
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
    return all(
        verdict.line is not ProductLine.WINDOWS or verdict.state is PatchState.REBOOT_PENDING
        for verdict in case.verdicts
    )


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
