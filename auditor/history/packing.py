"""Snapshots and assessments as the history keeps them: gzip JSON, the same bytes for the same content.

Reading raises what `UNREADABLE` names.
"""

import gzip
import io
import zlib
from dataclasses import replace

import msgspec

from collectors.cloud.facts import TenantSnapshot
from collectors.model import HostSnapshot
from rules.model import Assessment

UNREADABLE = (
    OSError,
    EOFError,
    zlib.error,
    msgspec.DecodeError,
)  # a body that is no gzip, cut short, or of another form

_GZIP_LEVEL = 5  # 6 to 9 cost twice the time for 1 % of the size on package lists
_NO_FINDINGS = b',"findings":[]'
_SNAPSHOT = msgspec.json.Decoder(HostSnapshot)
_TENANT_SNAPSHOT = msgspec.json.Decoder(TenantSnapshot)
_ASSESSMENT = msgspec.json.Decoder(Assessment)


def pack(snapshot: HostSnapshot | TenantSnapshot) -> bytes:
    """Give a snapshot as gzip JSON; the same snapshot gives the same bytes."""
    return gzip.compress(msgspec.json.encode(snapshot), _GZIP_LEVEL, mtime=0)


def unpack(body: bytes) -> HostSnapshot:
    """Read back what `pack` wrote of a machine."""
    return _SNAPSHOT.decode(gzip.decompress(body))


def unpack_tenant(body: bytes) -> TenantSnapshot:
    """The same of a tenant."""
    return _TENANT_SNAPSHOT.decode(gzip.decompress(body))


def pack_assessment(assessment: Assessment) -> bytes:
    """Give an assessment as gzip JSON, finding by finding: all of a large estate at once would be hundreds of MB."""
    head, key, tail = msgspec.json.encode(replace(assessment, findings=())).partition(_NO_FINDINGS)
    assert key, "a quote inside a JSON text is escaped, so the key is found where it stands"
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0) as file:
        file.write(head + _NO_FINDINGS[:-1])
        for number, finding in enumerate(assessment.findings):
            file.write((b"," if number else b"") + msgspec.json.encode(finding))
        file.write(b"]" + tail)
    return packed.getvalue()


def unpack_assessment(body: bytes) -> Assessment:
    """Read back what `pack_assessment` wrote; fields that came later have their defaults."""
    return _ASSESSMENT.decode(gzip.decompress(body))
