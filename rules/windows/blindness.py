"""What of a Windows machine could not be seen: its system is told by build and revision, its products one by one."""

from collectors.model import FactKind, Gap, GapReason, HostSnapshot
from rules.windows.builds import revision_gap

_SINGLE_FACTS = {FactKind.DOTNET: "dotnet", FactKind.UPDATE_POLICY: "policy"}


def windows_gaps(snapshot: HostSnapshot, kind: FactKind) -> tuple[Gap, ...]:
    """Gaps of a kind; a fact that is simply not there, without a gap that says why, is one too."""
    if kind is FactKind.EXCHANGE and snapshot.operating_system and snapshot.operating_system.variant_id == "client":
        return ()  # Exchange Server runs on servers only: there is nothing to be blind to
    gaps = snapshot.gaps_of(kind)
    if gaps:
        return gaps
    if kind is FactKind.OPERATING_SYSTEM:
        return revision_gap(snapshot)
    if kind is FactKind.REBOOT and snapshot.reboot is None:
        return (unexplained(kind),)
    fact = _SINGLE_FACTS.get(kind)
    absent = fact is not None and (snapshot.windows is None or getattr(snapshot.windows, fact) is None)
    return (unexplained(kind),) if absent else ()


def unexplained(kind: FactKind) -> Gap:
    """The gap of a fact nobody reported and nobody missed."""
    detail = f"no collector reported {kind.value.replace('_', ' ')} and none said why"
    return Gap(kind=kind, collector="", reason=GapReason.MISSING, detail=detail)
