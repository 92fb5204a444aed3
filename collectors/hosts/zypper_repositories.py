"""Repositories of zypper, and when their metadata was last renewed.

Source: zypper(8), files under /etc/zypp/repos.d; /var/cache/zypp/raw/<alias>/repodata/repomd.xml, which libzypp touches
whenever a refresh finds it current.
"""

from collectors.hosts._repo_files import command, parser
from collectors.hosts.base import Family, HostCollector
from collectors.model import FactKind


def _cached_as(repository: str, path: str) -> bool:
    alias = repository.replace("/", "_")  # libzypp's escaping of an alias as a file name
    return path.startswith(f"/var/cache/zypp/raw/{alias}/")


COLLECTOR = HostCollector(
    name="zypper_repositories",
    kinds=(FactKind.REPOSITORIES, FactKind.PACKAGE_LISTS),
    families=frozenset({Family.SUSE}),
    command=command(("/etc/zypp/repos.d",), ("/var/cache/zypp/raw/*/repodata/repomd.xml",), hide_queries=True),
    parse=parser("zypper_repositories", "zypper", _cached_as),
)
