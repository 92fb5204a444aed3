"""Patches and package updates zypper would install, from its cache only.

Source: zypper(8) -x list-patches and list-updates (xmlout schema). The XML ignores `--category security`, so the
category attribute decides. A patch names no package: it becomes an update named "patch:<name>", its CVEs among the
advisories; a package update does not say whether it is security.
"""

import re
from xml.etree import ElementTree as ET

from collectors.hosts.base import (
    Facts,
    Family,
    HostCollector,
    Section,
    Unreadable,
    denied_or,
    first_line,
    shown,
)
from collectors.model import AvailableUpdate, FactKind, Gap, GapReason

# A repository's address may hold a password or, on SUSE's own servers, an access token: they stay on the host.
# zypper fetches what it has never fetched before, whatever --no-refresh says: only repositories with a cache are named.
_COMMAND = r"""
export ZYPP_LOGFILE=/dev/null
enabled() {
  { cat /etc/zypp/repos.d/*.repo; echo; echo '[end]'; } | {
    a=; e=1
    while IFS= read -r l; do
      case $l in
      \[*\]*) [ -n "$a" ] && [ $e = 1 ] && echo "$a"; a=${l#\[}; a=${a%%\]*}; e=1 ;;
      enabled=0*|enabled=[nN]*|enabled=[fF]*|enabled=[oO][fF]*) e=0 ;;
      esac
    done
  }
}
IFS='
'
set --
for a in $(enabled); do
  if [ -e "/var/cache/zypp/raw/$a/repodata/repomd.xml" ]; then set -- "$@" -r "$a"
  else echo "no cache for '$a'" >&2; fi
done
[ $# -gt 0 ] || { echo "no enabled repository has cached metadata" >&2; exit 6; }
{
  zypper -n --no-refresh -x list-patches "$@"; echo "status:$?"
  zypper -n --no-refresh -x list-updates "$@"; echo "status:$?"
} | sed -e 's#://[^/@ "]*@#://#g' -e 's#\(<source [^>]*url="[^"?]*\)?[^"]*"#\1"#g'
"""
_NO_REPOSITORY = 6  # ZYPPER_EXIT_NO_REPOS, which the command answers with as well
_NO_CACHE = re.compile(r"^no cache for '(.*)'$", re.MULTILINE)
_GOOD = frozenset({0, 100, 101, 102, 103})
_STATUS = re.compile(r"^status:([0-9]{1,3})$\n?", re.MULTILINE)


def _parse(section: Section) -> Facts:
    if section.exit_status == _NO_REPOSITORY:
        raise Unreadable(denied_or(GapReason.MISSING, section.stderr), "no enabled repository has cached metadata")
    cut = _STATUS.split(section.stdout)
    parts = list(zip(cut[:-1:2], cut[1::2], strict=True))
    if len(parts) != 2:
        raise Unreadable(GapReason.TRUNCATED, f"{len(parts)} of 2 lists came home")
    updates: list[AvailableUpdate] = []
    for text, status in parts:
        root = _document(text, int(status), section.stderr)
        updates += [_update(element) for element in root.iter("update")]
    gaps: tuple[Gap, ...] = ()
    if unseen := _NO_CACHE.findall(section.stderr):
        detail = f"no cached metadata for {', '.join(unseen)}: what it offers was not looked at"
        gaps = (COLLECTOR.gap(FactKind.AVAILABLE_UPDATES, GapReason.MISSING, detail),)
    return Facts(available_updates=tuple(updates), gaps=gaps)


def _document(text: str, status: int, stderr: str) -> ET.Element:
    # A document type could expand entities without end; zypper never writes one.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Unreadable(GapReason.UNPARSABLE, "the XML has a document type, zypper's has none")
    try:
        root = ET.fromstring(text.strip())  # noqa: S314
    except ET.ParseError as error:
        said = text + stderr
        reason = denied_or(GapReason.UNPARSABLE if status == 0 else GapReason.FAILED, said)
        raise Unreadable(reason, f"exit status {status}, no XML: {first_line(said)}") from error
    if status not in _GOOD:
        said = "; ".join(message.text or "" for message in root.iter("message") if message.get("type") == "error")
        raise Unreadable(denied_or(GapReason.FAILED, said + stderr), f"exit status {status}: {shown(said or stderr)}")
    if root.find(".//update-list") is None:
        raise Unreadable(GapReason.UNPARSABLE, "the XML has no update list")
    return root


def _update(element: ET.Element) -> AvailableUpdate:
    name, edition = element.get("name", ""), element.get("edition", "")
    if not name or not edition:
        raise Unreadable(GapReason.UNPARSABLE, "an update without a name or a version")
    source = element.find("source")
    origin = "" if source is None else source.get("alias", "")
    architecture = element.get("arch", "")
    if element.get("kind") != "patch":
        return AvailableUpdate(
            name=name,
            architecture=architecture,
            installed_version=element.get("edition-old", ""),
            candidate_version=edition,
            origin=origin,
        )
    cves = sorted({issue.get("id", "") for issue in element.iter("issue") if issue.get("type") == "cve"} - {""})
    return AvailableUpdate(
        name=f"patch:{name}",
        architecture=architecture,
        installed_version="",
        candidate_version=edition,
        origin=origin,
        security=element.get("category") == "security",
        advisories=(name, *cves),
        severity=element.get("severity", ""),
    )


COLLECTOR = HostCollector(
    name="zypper",
    kinds=(FactKind.AVAILABLE_UPDATES,),
    families=frozenset({Family.SUSE}),
    needs=("zypper",),
    command=_COMMAND,
    answers=frozenset({0, _NO_REPOSITORY}),
    parse=_parse,
    slow=True,
    timeout_s=60,
)
