"""Where a volume license was activated: by the company's own KMS host, by somebody's on the internet, or by itself.

Illicit activators either point Windows at a public KMS host or run one on the machine. A company's own host stands in
its network: it has a private address, a name without a public zone, or one in a domain of the company.
Source: https://learn.microsoft.com/windows-server/get-started/kms-client-activation-keys
"""

import ipaddress
from collections.abc import Iterable
from enum import StrEnum

from collectors.model import HostSnapshot
from collectors.windows.facts import Activation

KMS_CHANNEL = "Volume:GVLK"
# Zones nobody can register in the public DNS, or that are in use as if it were so.
_PRIVATE_ZONES = frozenset(
    {"local", "lan", "internal", "intranet", "intra", "corp", "home", "arpa", "private", "localdomain", "ad", "domain"}
)
_MICROSOFT = frozenset(
    {"kms.core.windows.net", "azkms.core.windows.net", "kms.core.cloudapi.de", "kms.core.chinacloudapi.cn"}
)
# Second labels below which companies register in country zones (co.uk, com.fr, asso.fr).
_SECOND_LEVEL = frozenset({"co", "com", "org", "net", "gov", "ac", "edu", "asso", "gouv"})
_COUNTRY_CODE = 2


class KmsPlace(StrEnum):
    """Where the KMS host stands that activated a license; NONE: there is none, or it is the company's own."""

    NONE = ""
    EXTERNAL = "external"
    ITSELF = "itself"


def kms_place(row: Activation, domains: Iterable[str]) -> KmsPlace:
    """Where the host of a KMS client stands; `domains` are DNS domains of the company. NONE for other channels."""
    if row.channel.casefold() != KMS_CHANNEL.casefold() or not row.kms_host:
        return KmsPlace.NONE
    name = host_name(row.kms_host)
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _place_of_name(name, domains)
    if address.is_loopback or address.is_unspecified:
        return KmsPlace.ITSELF
    return KmsPlace.EXTERNAL if address.is_global else KmsPlace.NONE


def host_name(kms_host: str) -> str:
    """The host of "host:port", "[address]:port" or "host", in lower case without the root's dot."""
    text = kms_host.strip().casefold()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return (text.partition(":")[0] if text.count(":") == 1 else text).rstrip(".")


def domains_of(snapshot: HostSnapshot) -> frozenset[str]:
    """DNS domains of the company, as far as one machine tells: the one it is in, and that of its address."""
    names = [snapshot.target.address.partition(".")[2]] if not _is_address(snapshot.target.address) else []
    if snapshot.windows is not None:
        names.append(snapshot.windows.system.domain)
    return frozenset(name.casefold().strip(".") for name in names if "." in name)


def _place_of_name(name: str, domains: Iterable[str]) -> KmsPlace:
    if name == "localhost" or name.startswith("localhost."):
        return KmsPlace.ITSELF
    if "." not in name or name.rpartition(".")[2] in _PRIVATE_ZONES or name in _MICROSOFT:
        return KmsPlace.NONE
    own = {_registered(domain) for domain in domains}
    return KmsPlace.NONE if _registered(name) in own else KmsPlace.EXTERNAL


def _registered(name: str) -> str:
    """The part of a name a company registers: two labels, three in zones like co.uk."""
    labels = name.casefold().split(".")
    inner = len(labels) > _COUNTRY_CODE and len(labels[-1]) == _COUNTRY_CODE and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3:] if inner else labels[-2:])


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
