"""What the Windows Update Agent offers, read as security updates or not by ids alone (W20): titles are localized."""

from collectors.model import FactKind, HostSnapshot
from collectors.windows.facts import OfferedUpdate, UpdateSearch

# Classifications. Source: https://learn.microsoft.com/previous-versions/windows/desktop/ff357803(v=vs.85)
SECURITY_UPDATES = "0fa1201d-4330-4fa8-8ae9-b877473b6441"
DEFINITION_UPDATES = "e0789628-ce08-4437-be74-2495b842f43b"

# The malicious software removal tool, Defender's definitions and platform, the security app's platform, the update
# service itself: offered nearly always, and no security patch (W21, D8).
NEVER_PATCHES = frozenset({"KB890830", "KB2267602", "KB4052623", "KB5007651", "KB4023057", "KB925673"})

DEFAULT, MICROSOFT = "default", "microsoft"
_SUCCEEDED = (2, 3)  # OperationResultCode: succeeded, succeeded with errors


def answered(search: UpdateSearch) -> bool:
    """Whether a search came to an end that can be relied on."""
    return not search.error and search.result_code in _SUCCEEDED


def searches_of(snapshot: HostSnapshot) -> tuple[UpdateSearch, ...]:
    """All searches tried, none when their answers are a gap."""
    if snapshot.windows is None or (snapshot.gaps_of(FactKind.AVAILABLE_UPDATES) and not snapshot.windows.search):
        return ()
    return snapshot.windows.search


def offers_of(snapshot: HostSnapshot) -> tuple[OfferedUpdate, ...]:
    """Everything any search that ended offers, each update once."""
    found: dict[tuple[str, int], OfferedUpdate] = {}
    for search in searches_of(snapshot):
        if answered(search):
            for update in search.updates:
                found.setdefault((update.update_id, update.revision), update)
    return tuple(found.values())


def is_security_patch(update: OfferedUpdate) -> bool:
    """Whether Microsoft calls an offered update a security update that belongs on the machine (W20, W21)."""
    if update.kind != "software" or update.browse_only or DEFINITION_UPDATES in update.categories:
        return False
    return SECURITY_UPDATES in update.categories and NEVER_PATCHES.isdisjoint(update.kbs)


def offered_kbs(snapshot: HostSnapshot) -> frozenset[str]:
    """KB numbers of everything offered, previews and hidden updates included."""
    return frozenset(kb for update in offers_of(snapshot) for kb in update.kbs)


def offered_by_microsoft(snapshot: HostSnapshot) -> frozenset[str]:
    """KB numbers of security patches that Microsoft's own service offers this machine: what WSUS offers is left out.

    Where it could not be told which of the two answered, only a search that went past WSUS counts.
    """
    policy = None if snapshot.windows is None else snapshot.windows.policy
    direct = policy is not None and policy.uses_wsus is False
    return frozenset(
        kb
        for search in searches_of(snapshot)
        if answered(search) and (direct or search.server != DEFAULT)
        for update in search.updates
        if is_security_patch(update)
        for kb in update.kbs
    )
