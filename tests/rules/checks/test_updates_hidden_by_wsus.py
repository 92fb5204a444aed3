"""updates.hidden_by_wsus: what Microsoft offers and WSUS does not (W16, W20, W21); unasked is never fine."""

from dataclasses import replace
from datetime import date

import pytest

from collectors.model import FactKind
from collectors.windows.facts import OfferedUpdate, UpdatePolicy, UpdateSearch
from rules.model import Outcome, PriorityLevel
from tests.lab.snapshots import debian_host
from tests.rules.checks.estate import only, spoken
from tests.rules.checks.windows_estate import asked, hidden, windows_host

RULE = "updates.hidden_by_wsus"
SECURITY = "0fa1201d-4330-4fa8-8ae9-b877473b6441"
DEFINITIONS = "e0789628-ce08-4437-be74-2495b842f43b"
UPDATES = "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83"
POLICY = UpdatePolicy(uses_wsus=True, wsus_server="http://wsus01:8530", service_start="manual")
LCU = OfferedUpdate(
    update_id="11111111-0000-0000-0000-000000000001",
    revision=200,
    server="microsoft",
    kbs=("KB5094126",),
    title="2026-06 Mise à jour cumulative pour Windows 11",
    categories=(SECURITY,),
    released_on=date(2026, 6, 9),
)


def _ask(wsus=(), microsoft=(), *, searches=None, policy=POLICY, **options):
    asked_servers = (
        UpdateSearch(server="default", result_code=2, updates=tuple(wsus)),
        UpdateSearch(server="microsoft", result_code=2, updates=tuple(microsoft)),
    )
    search = asked_servers if searches is None else tuple(searches)
    return only(asked(RULE, windows_host(policy=policy, search=search, **options)))


def test_W16_a_security_update_wsus_does_not_offer_is_a_fail_with_its_kb_and_day():
    found = _ask(microsoft=[LCU])
    assert (found.outcome, found.priority.level, found.released_on) == (
        Outcome.FAIL,
        PriorityLevel.PLAN,
        date(2026, 6, 9),
    )
    assert "KB5094126" in spoken(found)
    assert "http://wsus01:8530" in spoken(found)
    assert found.evidence[0].what.params["released_on"] == "2026-06-09"


@pytest.mark.parametrize(
    "update",
    [
        replace(LCU, categories=(DEFINITIONS,)),
        replace(LCU, categories=(UPDATES,)),  # a preview
        replace(LCU, categories=(SECURITY,), kbs=("KB890830",)),
        replace(LCU, browse_only=True),
        replace(LCU, kind="driver"),
        replace(LCU, hidden=True),  # hidden on the machine, not by WSUS
    ],
)
def test_W21_what_is_no_security_patch_is_not_held_against_wsus(update):
    assert _ask(microsoft=[update]).outcome is Outcome.PASS


@pytest.mark.parametrize("known", [LCU, replace(LCU, update_id="2" * 8, revision=1), replace(LCU, revision=201)])
def test_an_update_both_offer_is_not_hidden_whatever_its_revision_or_id(known):
    assert _ask(wsus=[known], microsoft=[LCU]).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("searches", "text"),
    [
        ([UpdateSearch(server="default", result_code=2)], "wsus_only"),
        (
            [
                UpdateSearch(server="default", result_code=2),
                UpdateSearch(server="microsoft", result_code=4, error="0x8024002e"),
            ],
            "wsus_only",
        ),
        ([], "wsus_only"),
        (
            [
                UpdateSearch(server="default", result_code=4, error="0x80072ee2"),
                UpdateSearch(server="microsoft", result_code=2),
            ],
            "wsus_unseen",
        ),
        (
            [
                UpdateSearch(server="default", online=False, result_code=2),
                UpdateSearch(server="microsoft", result_code=2),
            ],
            "wsus_unseen",
        ),
    ],
)
def test_W16_a_list_that_could_not_be_asked_is_unknown_and_labelled(searches, text):
    found = _ask(searches=searches)
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, f"rules.{RULE}.{text}")
    if text == "wsus_only":
        assert spoken(found, "fr").startswith("Vu par WSUS seulement")


def test_a_machine_without_wsus_is_not_asked():
    found = _ask(policy=UpdatePolicy(uses_wsus=False), microsoft=[LCU])
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert only(asked(RULE, debian_host(packages={"bash": "5"}))).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("kind", [FactKind.UPDATE_POLICY, FactKind.AVAILABLE_UPDATES])
def test_what_could_not_be_read_makes_a_pass_unknown(kind):
    assert _ask(gaps=hidden(kind)).outcome is Outcome.UNKNOWN


def test_unread_settings_are_unknown_and_not_no_wsus():
    assert _ask(policy=None, gaps=hidden(FactKind.UPDATE_POLICY)).outcome is Outcome.UNKNOWN
