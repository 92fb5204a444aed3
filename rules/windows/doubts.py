"""Why a fix of Microsoft's may or may not be owed: the `reason` of an UNKNOWN verdict about a Windows machine."""

from enum import StrEnum


class WindowsDoubt(StrEnum):
    """Each has its words under `rules.patch.missing.undecided`."""

    BUILD = "fixed-build-unreadable"  # Microsoft names no build of this branch, and nothing else decides
    TRACES = (
        "installed-updates-unread"  # another update closes the same flaws, and whether it is installed was not read
    )
    SUPPORT = "support-unread"  # released after the first day support may have ended; the calendar tells nothing
    ESU = "esu-unread"  # for subscribers of Extended Security Updates only; whether this machine is one was not told
    DOTNET_FRAMEWORK = "dotnet-framework-not-told"  # no trace of the update, and Windows Update does not offer it
    OFFICE_MSI = "office-msi-not-told"  # the same for Office installed by MSI, patched part by part
    CHANNEL = "office-channel-unread"  # which update channel Office follows could not be told (W23)
    OTHER_CHANNEL = "office-channel-changed"  # its version is none of the channel it follows now
    VERSION = "version-unread"  # the version is no version
    NOT_COVERED = "product-not-covered"  # no feed at hand speaks of this product
