"""Canonical's own vulnerability documents (what `pro cves` reads), rewritten as OSV documents."""

import json
import lzma
from typing import Any

from tests.lab.feed_samples import affected, document, sample

VERSIONS = {"xenial": "16.04", "focal": "20.04", "jammy": "22.04"}


def pro_documents(series: str) -> list[bytes]:
    """Notices and CVE entries of the sample of one series; the pocket of a fixed version says whose it is."""
    path = sample("oracles/ubuntu-pro") / f"security_issues_{series}.json.xz"
    content: dict[str, Any] = json.loads(lzma.decompress(path.read_bytes()))
    found: dict[str, list[dict[str, Any]]] = {}
    for source, package in content["packages"].items():
        pockets = {version: entry["pocket"] for version, entry in package["source_versions"].items()}
        for cve, state in package["cves"].items():
            if state["status"] != "not-vulnerable":
                fixed = state["source_fixed_version"]
                found.setdefault(f"UBUNTU-{cve}", []).append(_entry(series, source, fixed, pockets))
        for notice, state in package["ubuntu_security_notices"].items():
            entry = _entry(series, source, state["source_fixed_version"], pockets)
            found.setdefault(notice, []).append(entry)
    issues = content["security_issues"]["cves"]
    return [
        document(
            identity,
            *entries,
            severity=[
                {"type": "Ubuntu", "score": issues.get(identity.removeprefix("UBUNTU-"), {}).get("ubuntu_priority", "")}
            ],
        )
        for identity, entries in found.items()
    ]


def _entry(series: str, source: str, fixed: str | None, pockets: dict[str, str]) -> dict[str, Any]:
    pocket = pockets.get(fixed or "", "")
    pro = pocket.startswith("esm")
    return affected(
        f"Ubuntu:{'Pro:' if pro else ''}{VERSIONS[series]}:LTS",
        source,
        *([fixed] if fixed else []),
        purl=f"pkg:deb/ubuntu/{source}?arch=source&distro={pocket + '/' if pro else ''}{series}",
    )
