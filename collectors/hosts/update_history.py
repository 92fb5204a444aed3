"""The newest trace of an installation or upgrade in the package manager's own records.

Source: dpkg.log ("2026-11-20 06:12:01 upgrade libssl3:amd64 ..."), times local without zone, so the host's offset comes
along; when it was rotated away, the newest file of dpkg's database; zypp/history ("2026-11-20 06:12:01|install|...");
the installed database of apk. On other rpm systems rpm's INSTALLTIME tells, see `rpm`.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from collectors.hosts.base import Facts, Family, HostCollector, Section, Unreadable, first_line, prefixed
from collectors.model import FactKind, GapReason, LastUpdate

_COMMAND = r"""
echo "zone:$(date +%z)"
for f in /var/log/dpkg.log /var/log/dpkg.log.1; do
  [ -r $f ] || continue
  l=$(grep -E '^[0-9-]+ [0-9:]+ (install|upgrade) ' $f | tail -n 1)
  [ -n "$l" ] && { echo "log:$f $l"; break; }
done
f=/var/log/zypp/history
if [ -r $f ]; then l=$(grep -E '^[0-9-]+ [0-9:]+\|install\|' $f | tail -n 1); [ -n "$l" ] && echo "log:$f $l"; fi
for f in /var/lib/dpkg/status /lib/apk/db/installed /usr/lib/apk/db/installed; do
  [ -e $f ] && echo "changed:$f $(stat -c %Y $f)"
done
exit 0
"""
_ENTRY = re.compile(r"(?P<source>\S+) (?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[ |].*")
_ZONE = re.compile(r"([+-])([01][0-9]|2[0-3])([0-5][0-9])")


def _parse(section: Section) -> Facts:
    lines = prefixed(section.stdout)
    if entries := lines.get("log", []):
        zone = _zone(lines.get("zone", [""])[0])
        return Facts(last_update=max((_logged(entry, zone) for entry in entries), key=lambda update: update.at))
    if changes := lines.get("changed", []):
        return Facts(last_update=max((_changed(change) for change in changes), key=lambda update: update.at))
    raise Unreadable(GapReason.MISSING, first_line(section.stderr) or "no record of an installation can be read")


def _zone(text: str) -> timezone:
    if (match := _ZONE.fullmatch(text.strip())) is None:
        raise Unreadable(GapReason.UNPARSABLE, f"the host's time zone is not understood: {first_line(text)!r}")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def _logged(entry: str, zone: timezone) -> LastUpdate:
    try:
        match = _ENTRY.fullmatch(entry)
        at = datetime.fromisoformat(match["at"] if match else entry).replace(tzinfo=zone)
        return LastUpdate(at=at.astimezone(UTC), source=match["source"] if match else "")
    except (ValueError, OverflowError) as error:
        raise Unreadable(GapReason.UNPARSABLE, f"log line not understood: {first_line(entry)!r}") from error


def _changed(change: str) -> LastUpdate:
    path, _, seconds = change.rpartition(" ")
    try:
        return LastUpdate(at=datetime.fromtimestamp(int(seconds), UTC), source=path)
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable(GapReason.UNPARSABLE, f"time not understood: {first_line(change)!r}") from error


COLLECTOR = HostCollector(
    name="update_history",
    kinds=(FactKind.LAST_UPDATE,),
    families=frozenset({Family.DEB, Family.SUSE, Family.APK}),
    command=_COMMAND,
    parse=_parse,
)
