"""patch.no_fix: told, never counted."""

from datetime import timedelta

import pytest

from collectors.feeds.records import FixState, Lifecycle
from collectors.model import FactKind
from rules.model import NO_PRIORITY, Outcome, PatchState
from tests.lab.snapshots import alma_host, deb, debian_host, gap, suse_host
from tests.rules.checks.estate import TODAY, advisory, aged, ask, fixed, knowledge, only, outcomes, verdict

RULE = "patch.no_fix"
HOST = debian_host(packages={"bash": "5"})


def test_L8_L17_no_fix_is_informational_with_the_vendors_word_in_the_evidence():
    row = fixed("bash", "", state=FixState.NO_FIX, reason="no-dsa")
    found = only(ask(RULE, HOST, knowledge(advisories=(advisory(),), affected=(row,))))
    assert (found.key, found.outcome, found.state) == ("no_fix", Outcome.NOT_APPLICABLE, PatchState.NO_FIX)
    assert found.priority == NO_PRIORITY
    assert found.evidence[0].what.params["reason"] == "no-dsa"
    assert found.evidence[0].source == "Feed tracker"


def test_L9_a_fix_in_the_next_point_release_is_upcoming():
    row = fixed("bash", "6", state=FixState.PENDING)
    found = only(ask(RULE, HOST, knowledge(advisories=(advisory(),), affected=(row,))))
    assert (found.key, found.state, found.evidence[0].expected) == ("upcoming", PatchState.UPCOMING, "6")


def test_a_host_with_hundreds_of_unfixed_flaws_gets_one_line():
    verdicts = [verdict(f"p{number}", PatchState.NO_FIX, reason="ignored") for number in range(300)]
    found = only(ask(RULE, HOST, verdicts=verdicts))
    assert found.message.params["count"] == 300
    assert str(found.message.params["packages"]).endswith("(+294)")
    assert len(found.evidence) == 300


def test_nothing_unfixed_passes():
    assert only(ask(RULE, HOST)).outcome is Outcome.PASS


@pytest.mark.parametrize("host", [alma_host(packages={"bash": "5"}), suse_host(packages={"bash": "5"})])
def test_L17_vendors_who_publish_fixes_only_say_nothing_about_what_stays_open(host):
    found = only(ask(RULE, host))
    assert (found.outcome, found.state) == (Outcome.NOT_APPLICABLE, PatchState.NONE)
    told = ask(RULE, host, verdicts=[verdict("p", PatchState.NO_FIX, reason="will-not-fix")])
    assert outcomes(told) == {"no_fix": Outcome.NOT_APPLICABLE}


def test_a_system_out_of_support_is_not_free_of_flaws():
    ended = Lifecycle(product="debian", cycle="12", support_ends_on=TODAY - timedelta(days=1))
    found = only(ask(RULE, HOST, knowledge(lifecycles=(ended,))))
    assert (found.outcome, found.state) == (Outcome.NOT_APPLICABLE, PatchState.OUT_OF_SUPPORT)


def test_a_silent_vendor_is_not_quoted():
    """ "unfixed" is our feeds' word for an entry without reason."""
    found = only(ask(RULE, HOST, verdicts=[verdict("p", PatchState.NO_FIX, reason="unfixed")]))
    assert found.evidence[0].what.text == "rules.evidence.no_fix"
    found = only(ask(RULE, HOST, verdicts=[verdict("p", PatchState.NO_FIX, reason="ignored, unfixed")]))
    assert found.evidence[0].what.params["reason"] == "ignored"


def test_blind_and_stale_are_unknown_beside_what_was_seen():
    assert only(ask(RULE, debian_host(gaps=(gap(FactKind.PACKAGES),)))).outcome is Outcome.UNKNOWN
    about = knowledge(feeds=aged("tracker", 9))
    found = ask(RULE, HOST, about, verdicts=[verdict("p", PatchState.NO_FIX, packages=(deb("p", "1"),))])
    assert outcomes(found) == {"no_fix": Outcome.NOT_APPLICABLE, "": Outcome.UNKNOWN}
