"""Repositories of dnf and yum, and when their metadata was last renewed.

Source: dnf.conf(5) and yum.conf(5), files under /etc/yum.repos.d; repomd.xml under /var/cache/dnf/<id>-<hash>,
/var/cache/libdnf5/<id>-<hash> and /var/cache/yum/<arch>/<release>/<id>, which dnf touches whenever it finds it current.
"""

import re

from collectors.hosts._repo_files import command, parser
from collectors.hosts.base import Family, HostCollector
from collectors.model import FactKind

_CACHES = (
    "/var/cache/dnf/*/repodata/repomd.xml",
    "/var/cache/libdnf5/*/repodata/repomd.xml",
    "/var/cache/yum/*/*/*/repomd.xml",
)


def _cached_as(repository: str, path: str) -> bool:
    folder = path.removesuffix("/repomd.xml").removesuffix("/repodata").rpartition("/")[2]
    return folder == repository or re.fullmatch(r"-[0-9a-f]{16}", folder.removeprefix(repository)) is not None


COLLECTOR = HostCollector(
    name="dnf_repositories",
    kinds=(FactKind.REPOSITORIES, FactKind.PACKAGE_LISTS),
    families=frozenset({Family.RHEL}),
    command=command(("/etc/yum.repos.d",), _CACHES),
    parse=parser("dnf_repositories", "dnf", _cached_as),
)
