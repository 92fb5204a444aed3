"""What the blocks on software promise alike: no type ends them, no refusal names a foreign kind, no key is read."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from collectors.assembly import Cut
from collectors.hosts.base import Unreadable
from collectors.model import FactKind, Gap, GapReason, HostSnapshot, Protocol, Target
from collectors.script import read_sections
from collectors.windows.assembly import assemble_windows, read_answer
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks import body, discover
from tests.collectors.frames import NONCE
from tests.collectors.windows.cases import load, part_of
from tests.collectors.windows.frames import CLIENT, answer

RICHEST = {
    "activation": "kms_client",
    "antivirus": "another_product",
    "applications": "french_workstation",
    "dotnet": "workstation",
    "exchange": "2010_tools_beside_2016",
    "office": "msi_2016_french",
    "processors": "hyper_v_guest",
    "roles": "session_host_with_database",
    "sql_server": "standard_and_named_express",
    "store_apps": "french_laptop",
}
BLOCKS = [block for block in discover() if block.name in RICHEST]
NONSENSE: tuple[Any, ...] = (None, -1, 2**70, 1.5, True, "", "\0", "x" * 5000, "é\u2028", [], [[]], {}, {"a": 1})


def names(block: WindowsBlock) -> str:
    return block.name


def paths(value: Any, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a document, lists and objects included."""
    yield so_far
    inner = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, content in inner:
        yield from paths(content, (*so_far, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """A copy of a document with one place replaced."""
    if not path:
        return by
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], by)
    return copy


def read(block: WindowsBlock, answer: str) -> WindowsPart:
    """What a visit makes of an answer: its facts, or one gap where it tells nothing."""
    try:
        return read_answer(block, answer, elevated=True)
    except Unreadable as failure:
        return WindowsPart(
            gaps=(Gap(kind=block.kinds[0], collector=block.name, reason=failure.reason, detail=failure.detail),)
        )


@pytest.mark.parametrize("block", BLOCKS, ids=names)
def test_a_value_of_any_type_anywhere_is_a_fact_or_a_gap_and_never_an_error(block: WindowsBlock) -> None:
    value = json.loads(load(block.name, RICHEST[block.name]).text)["v"]
    for path in paths(value):
        for nonsense in NONSENSE:
            answer = json.dumps({"s": "ok", "v": replaced(value, path, nonsense)})
            part = read(block, answer)
            assert msgspec.json.decode(msgspec.json.encode(part), type=WindowsPart) == part


@pytest.mark.parametrize("block", BLOCKS, ids=names)
def test_the_richest_case_is_read_without_a_gap_but_for_profiles(block: WindowsBlock) -> None:
    gaps = part_of(block, RICHEST[block.name]).gaps
    assert [gap.kind for gap in gaps] == ([FactKind.USER_APPLICATIONS] if block.name == "applications" else [])


@pytest.mark.parametrize("block", BLOCKS, ids=names)
def test_a_script_refuses_only_kinds_its_block_tells(block: WindowsBlock) -> None:
    refused = set(re.findall(r"Add-(?:Refusal|Failure) '(\w+)'", body(block.name)))
    assert refused <= {str(kind) for kind in block.kinds}
    assert set(block.needs_admin) <= set(block.kinds)


@pytest.mark.parametrize("block", BLOCKS, ids=names)
def test_no_script_asks_what_must_never_be_asked(block: WindowsBlock) -> None:
    script = "\n".join(line for line in body(block.name).splitlines() if not line.lstrip().startswith("#"))
    assert "Win32_Product" not in script
    assert "DigitalProductId" not in script
    assert not re.search(r"OA3xOriginalProductKey(?!Description)", script)
    assert not re.search(r"EmailAddress|TenantId", script)
    assert not re.search(r"\b(?:Set|New|Remove|Clear|Start|Stop|Install)-(?!Object)\w+", script)


def test_a_whole_visit_carries_every_fact_on_software_into_the_snapshot_and_back_from_the_store() -> None:
    stdout = answer({**CLIENT, **RICHEST})
    cut = Cut(reason=GapReason.TRUNCATED, detail="did not come home")
    target = Target(name="pc", protocol=Protocol.WINRM, address="pc.lab.example")
    delivery = read_sections(stdout, nonce=NONCE)
    taken_at = datetime(2026, 11, 10, 8, 0, tzinfo=UTC)
    snapshot = assemble_windows(target, delivery, discover(), taken_at=taken_at, window_s=120, cut=cut)
    windows = snapshot.windows
    assert windows is not None
    assert (len(windows.office), len(windows.sql_instances), len(windows.activations)) == (2, 2, 2)
    assert windows.dotnet is not None
    assert windows.antivirus is not None
    assert windows.processors is not None
    assert (windows.exchange_version, windows.roles[0], len(windows.profiles)) == ("15.1.2507.61", "iis", 4)
    assert {row.scope for row in snapshot.applications} == {"machine", "user", "appx"}
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=HostSnapshot) == snapshot
