"""Repositories of dnf and yum, and when their metadata was last renewed.

Source: dnf.conf(5) and yum.conf(5), files under /etc/yum.repos.d; /var/cache/dnf/<id>-<hash>/repodata,
/var/cache/libdnf5/<id>-<hash>/repodata and /var/cache/yum/<arch>/<release>/<id>. A refresh that finds nothing new
touches the primary file and not repomd.xml (tried with dnf 4.14); yum touches its cachecookie, and its repomd.xml bears
the server's date. The newest file of a repository tells.
"""

import re

from collectors.hosts._repo_files import command, parser
from collectors.hosts.base import Family, HostCollector
from collectors.model import FactKind

_CACHES = (
    "/var/cache/dnf/*/repodata/repomd.xml",
    "/var/cache/dnf/*/repodata/*primary.xml*",
    "/var/cache/libdnf5/*/repodata/repomd.xml",
    "/var/cache/libdnf5/*/repodata/*primary.xml*",
    "/var/cache/yum/*/*/*/repomd.xml",
    "/var/cache/yum/*/*/*/cachecookie",
)


def _cached_as(repository: str, path: str) -> bool:
    folder = path.rpartition("/")[0].removesuffix("/repodata").rpartition("/")[2]
    return folder == repository or re.fullmatch(r"-[0-9a-f]{16}", folder.removeprefix(repository)) is not None


COLLECTOR = HostCollector(
    name="dnf_repositories",
    kinds=(FactKind.REPOSITORIES, FactKind.PACKAGE_LISTS),
    families=frozenset({Family.RHEL}),
    command=command(("/etc/yum.repos.d",), _CACHES),
    parse=parser("dnf_repositories", "dnf", _cached_as),
)
