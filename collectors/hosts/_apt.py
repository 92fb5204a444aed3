"""What the sources of apt facts share."""

import re

# Without these, every apt command that opens the cache (indextargets and -s too) would, run as root, renew it on disk.
NO_CACHE_FILES = "-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
# A password in a repository's address stays on the host.
HIDE_PASSWORDS = r"sed 's#://[^/@ ]*@#://#g'"
_SECURITY = re.compile(r"(?:\A|, )(?:Debian-Security:|[^:,]*:[^/,]*/[^ ,]*-security\b)")


def is_security_origin(origin: str) -> bool:
    """Whether an origin text of apt-get -s ("Debian-Security:12/oldstable-security", ...) is a security one."""
    return _SECURITY.search(origin) is not None


def is_security_suite(suite: str, label: str = "") -> bool:
    """Whether a suite ("bookworm-security", "bullseye/updates" of old, "jammy-apps-security") is a security one."""
    return label == "Debian-Security" or suite.endswith(("-security", "/updates"))
