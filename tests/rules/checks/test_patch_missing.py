"""patch.missing: pass, fail, blind, stale; the second opinion of the host's updater in all its words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from collectors.feeds.records import Lifecycle, Severity
from collectors.model import FactKind, Kernel, KernelState, PackageLists, Repository
from reports.texts import Texts
from rules.contract import Contract
from rules.kernels import KernelDoubt
from rules.model import Confidence, CrossCheck, Outcome, PatchState, PriorityLevel
from rules.rulings import Doubt
from tests.lab.snapshots import (
    NOW,
    alma_host,
    alpine_host,
    deb,
    debian_host,
    gap,
    rhel_host,
    rpm,
    suse_host,
    ubuntu_host,
)
from tests.rules.checks.estate import (
    FEEDS,
    RELEASES,
    advisory,
    aged,
    ask,
    days,
    exploited,
    feed,
    fixed,
    knowledge,
    offer,
    only,
    outcomes,
    probability,
    spoken,
    verdict,
    without,
)

RULE = "patch.missing"
OPENSSL = (deb("libssl3", "3.0.15-1", source="openssl"), deb("openssl", "3.0.15-1"))
KNOWN = knowledge(advisories=(advisory(),), affected=(fixed("openssl", "3.0.16-1"),))


def _opinion(finding):
    return finding.message.params["cross_check"], finding.message.params["cross_check_why"]


def spoken_evidence(finding, position, language="fr"):
    return Texts(language, strict=True).message(finding.evidence[position].what)


# --- pass, fail, blind, stale -------------------------------------------------------------------------------------


def test_a_patched_host_passes_and_names_the_feed_and_its_date():
    found = only(ask(RULE, debian_host(packages={"openssl": "3.0.16-1"}), KNOWN))
    assert (found.outcome, found.confidence) == (Outcome.PASS, Confidence.CONFIRMED)
    assert found.evidence[0].source == "Feed tracker"
    assert found.evidence[0].as_of == FEEDS[0].checked_at


def test_a_missing_fix_is_one_finding_per_source_package_with_everything_the_reports_need():
    about = knowledge(
        advisories=(advisory(cves=("CVE-2026-0001", "CVE-2026-0002")),),
        affected=(fixed("openssl", "3.0.16-1"),),
        exploited=(exploited(due_in=5),),
        probabilities=(probability(0.42),),
    )
    found = only(ask(RULE, debian_host(packages=OPENSSL), about))
    assert (found.key, found.outcome, found.state) == ("openssl", Outcome.FAIL, PatchState.MISSING)
    assert found.message.params == {
        "package": "openssl",
        "packages": "libssl3, openssl",
        "installed_version": "3.0.15-1",
        "fixed_version": "3.0.16-1",
        "advisories": "DSA-9001-1",
        "cves": "CVE-2026-0001, CVE-2026-0002",
        "cve_count": 2,
        "count": 2,
        "kev_count": 1,
        "epss_max": 0.42,
        "epss_percent": 42,
        "cross_check": "only_ours",
        "cross_check_why": "not_offered",
        "severity": "high",
        "released_on": days(-3).isoformat(),
        "due_on": days(5).isoformat(),
        "kernel": False,
    }
    assert (found.severity, found.released_on, found.due_on) == (Severity.HIGH, days(-3), days(5))
    assert found.priority.level is PriorityLevel.NOW
    assert spoken(found) == (
        "openssl 3.0.15-1: security fix 3.0.16-1 is not installed; it closes 2 flaws (CVE-2026-0001, CVE-2026-0002)."
    )


def test_every_line_of_proof_says_seen_expected_source_date_and_link():
    found = only(ask(RULE, debian_host(packages=OPENSSL), KNOWN))
    proof = next(line for line in found.evidence if line.url == "https://x/DSA-9001-1")
    assert (proof.seen, proof.expected, proof.source) == ("3.0.15-1", "3.0.16-1", "Feed tracker DSA-9001-1")
    assert proof.as_of == FEEDS[0].checked_at


def test_long_lists_are_capped_in_the_cell_and_complete_in_the_evidence():
    cves = tuple(f"CVE-2026-{number:04}" for number in range(40))
    about = knowledge(advisories=(advisory(cves=cves),), affected=(fixed("openssl", "3.0.16-1"),))
    found = only(ask(RULE, debian_host(packages=OPENSSL), about))
    assert str(found.message.params["cves"]).endswith("CVE-2026-0005 (+34)")
    assert any(line.what.params.get("cves") == ", ".join(cves) for line in found.evidence)


def test_G2_packages_that_could_not_be_read_are_unknown_and_never_a_pass():
    found = only(ask(RULE, debian_host(gaps=(gap(FactKind.PACKAGES),)), KNOWN))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.unknown.packages")
    assert found.evidence[0].seen == "packages could not be read in this test"


def test_an_empty_package_list_without_a_gap_is_unknown_too():
    assert only(ask(RULE, debian_host(packages=()), KNOWN)).outcome is Outcome.UNKNOWN


def test_a_fail_stays_a_fail_when_the_list_was_cut_off_and_says_that_more_may_be_missing():
    found = ask(RULE, debian_host(packages=OPENSSL, gaps=(gap(FactKind.PACKAGES),)), KNOWN)
    assert outcomes(found) == {"openssl": Outcome.FAIL, "": Outcome.UNKNOWN}


def test_G6_a_stale_advisory_feed_turns_the_pass_into_unknown_and_keeps_the_fail():
    stale = replace_feeds(KNOWN, aged("tracker", 4))
    found = only(ask(RULE, debian_host(packages={"openssl": "3.0.16-1"}), stale))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.unknown.stale_feed")
    assert found.message.params == {"feed": "Feed tracker", "age_days": 4, "limit_days": 3}
    assert outcomes(ask(RULE, debian_host(packages=OPENSSL), stale)) == {"openssl": Outcome.FAIL, "": Outcome.UNKNOWN}


@pytest.mark.parametrize(("age_days", "outcome"), [(3.0, Outcome.PASS), (3.01, Outcome.UNKNOWN)])
def test_a_feed_exactly_at_its_limit_still_holds(age_days, outcome):
    about = replace_feeds(KNOWN, aged("tracker", age_days))
    assert only(ask(RULE, debian_host(packages={"openssl": "3.0.16-1"}), about)).outcome is outcome


def test_G6_a_stale_feed_that_only_explains_hides_no_missing_fix():
    """Debian's tracker says why a CVE has no fix; the advisories alone say what is missing."""
    explains = feed("states", age_days=9, covers=RELEASES, announces=False)
    host = debian_host(packages={"openssl": "3.0.16-1"})
    found = only(ask(RULE, host, replace_feeds(KNOWN, (*FEEDS, explains))))
    assert found.outcome is Outcome.PASS
    assert [line.source for line in found.evidence] == ["Feed tracker"]
    assert only(ask("patch.no_fix", host, replace_feeds(KNOWN, (*FEEDS, explains)))).outcome is Outcome.UNKNOWN


def test_a_feed_that_only_explains_is_no_coverage():
    explains = (*without("tracker"), feed("states", covers=RELEASES, announces=False))
    host = debian_host(packages={"openssl": "3.0.15-1"})
    for rule in (RULE, "patch.overdue", "patch.no_fix"):
        found = only(ask(rule, host, replace_feeds(KNOWN, explains), verdicts=[]))
        assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.unknown.no_advisories")
    assert "unsupported" in outcomes(ask("host.coverage", host, replace_feeds(KNOWN, explains)))


def test_D12_one_stale_advisory_feed_of_two_leaves_a_pass_unknown():
    """Which of two lists holds the advisory that matters cannot be told beforehand."""
    second = feed("second", age_days=9, covers=RELEASES)
    found = only(ask(RULE, debian_host(packages={"openssl": "3.0.16-1"}), replace_feeds(KNOWN, (*FEEDS, second))))
    assert (found.outcome, found.message.params["feed"]) == (Outcome.UNKNOWN, "Feed second")


def test_nothing_missing_on_a_system_nobody_publishes_for_any_more_is_no_pass():
    ended = Lifecycle(product="debian", cycle="12", support_ends_on=days(-1))
    about = replace(KNOWN, lifecycles={("debian", "12"): ended})
    found = only(ask(RULE, debian_host(packages={"openssl": "3.0.16-1"}), about))
    assert (found.outcome, found.state) == (Outcome.NOT_APPLICABLE, PatchState.OUT_OF_SUPPORT)
    assert spoken(found, "fr").startswith(
        "Aucun correctif publié ne manque, mais le support de cette machine est terminé"
    )
    found = only(ask(RULE, debian_host(packages={"openssl": "3.0.15-1"}), about))
    assert found.outcome is Outcome.FAIL  # what was published until then still counts


def test_L18_L27_a_distribution_without_an_advisory_feed_is_unknown():
    found = only(ask(RULE, debian_host(packages={"bash": "5"}, id="kali", version_id="2026.3"), KNOWN))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.unknown.no_advisories")


def test_L19_an_unregistered_red_hat_keeps_its_missing_patches():
    row = fixed("openssl-libs", "3.0.7-29.el9", release="rhel:9", by="RHSA-2026:1")
    about = knowledge(advisories=(advisory("RHSA-2026:1"),), affected=(row,))
    host = rhel_host(packages=[rpm("openssl-libs", "3.0.7-28.el9", origin="Red Hat, Inc.")], registered=False)
    found = only(ask(RULE, host, about))
    assert (found.outcome, _opinion(found)) == (Outcome.FAIL, ("only_ours", "not_registered"))


# --- the second opinion ---------------------------------------------------------------------------------------------


def _openssl_host(**changes):
    return debian_host(packages=OPENSSL, **changes)


def test_the_updater_that_offers_the_fix_confirms_the_finding():
    found = only(ask(RULE, _openssl_host(available_updates=(offer("libssl3", "3.0.16-1"),)), KNOWN))
    assert (_opinion(found), found.confidence) == (("agree", "agree"), Confidence.CONFIRMED)
    assert found.evidence[-1].seen == "3.0.16-1"
    assert found.evidence[-1].as_of == NOW - timedelta(hours=6)


def test_an_update_kept_back_is_agreement_in_its_own_words():
    updates = (offer("libssl3", "3.0.16-1", held_back=True),)
    assert _opinion(only(ask(RULE, _openssl_host(available_updates=updates), KNOWN))) == ("agree", "held_back")


def test_D5_a_mirror_that_lags_behind_offers_less_than_the_fix():
    updates = (offer("libssl3", "3.0.15-2"),)
    found = only(ask(RULE, _openssl_host(available_updates=updates), KNOWN))
    assert (_opinion(found), found.confidence) == (("only_ours", "mirror_behind"), Confidence.FIRM)


def test_the_newest_of_several_offers_counts():
    updates = (offer("libssl3", "3.0.15-2"), offer("openssl", "3.0.17-1"))
    assert _opinion(only(ask(RULE, _openssl_host(available_updates=updates), KNOWN)))[0] == "agree"


def test_L4_a_held_package_explains_why_nothing_is_offered():
    host = debian_host(packages=[deb("openssl", "3.0.15-1", held=True)])
    assert _opinion(only(ask(RULE, host, KNOWN))) == ("only_ours", "held")


def test_L4_a_held_package_is_told_as_held_even_when_the_updater_offers_the_fix():
    held = (deb("openssl", "3.0.15-1", held=True),)
    updates = (offer("openssl", "3.0.16-1", held_back=True),)
    found = only(ask(RULE, debian_host(packages=held, available_updates=updates), KNOWN))
    assert _opinion(found) == (CrossCheck.AGREE, "held_offered")
    assert "hold" in spoken_evidence(found, -1)
    assert found.remedy is not None
    assert found.remedy.text.endswith("remedy_held")
    assert found.remedy.params["command"] == "apt-mark unhold openssl && apt-get install --only-upgrade openssl"


def test_a_host_without_security_repository_cannot_know_the_fix():
    main = (Repository(id="main", suite="bookworm", origin="Debian"),)
    assert _opinion(only(ask(RULE, _openssl_host(repositories=main), KNOWN))) == ("only_ours", "no_security_repository")


@pytest.mark.parametrize(("age", "seen"), [(timedelta(days=7), True), (timedelta(days=7, seconds=1), False)])
def test_L22_lists_older_than_seven_days_make_the_second_opinion_unusable(age, seen):
    host = _openssl_host(
        package_lists=PackageLists(manager="apt", refreshed_at=NOW - age),
        available_updates=(offer("libssl3", "3.0.16-1"),),
    )
    assert _opinion(only(ask(RULE, host, KNOWN))) == (("agree", "agree") if seen else ("not_seen", "lists_old"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"gaps": (gap(FactKind.AVAILABLE_UPDATES),)}, "updates_unseen"),
        ({"gaps": (gap(FactKind.PACKAGE_LISTS),)}, "lists_unseen"),
        ({"package_lists": None}, "lists_unseen"),
        ({"package_lists": PackageLists(manager="apt", refreshed_at=None)}, "lists_absent"),
    ],
)
def test_an_updater_that_was_not_seen_is_no_opinion_and_the_fail_stays(changes, why):
    found = only(ask(RULE, _openssl_host(**changes), KNOWN))
    assert (found.outcome, _opinion(found)) == (Outcome.FAIL, ("not_seen", why))


def test_a_pass_without_the_updaters_word_says_so():
    host = debian_host(packages={"openssl": "3.0.16-1"}, gaps=(gap(FactKind.AVAILABLE_UPDATES),))
    found = only(ask(RULE, host, KNOWN))
    assert (found.outcome, found.message.text) == (Outcome.PASS, "rules.patch.missing.pass_alone")
    assert found.confidence is Confidence.FIRM


# --- only theirs ------------------------------------------------------------------------------------------------------


def test_D2_a_security_update_without_cve_is_missing_by_its_origin():
    host = debian_host(packages={"tzdata": "2026a-0"}, available_updates=(offer("tzdata", "2026b-0"),))
    about = replace_feeds(KNOWN, (replace(FEEDS[0], checked_at=NOW), *FEEDS[1:]))
    found = only(ask(RULE, host, about))
    assert (found.key, found.outcome, _opinion(found)) == ("tzdata", Outcome.FAIL, ("only_theirs", "not_in_list"))
    assert (found.severity, found.due_on) == (Severity.UNKNOWN, None)
    assert found.remedy is not None
    assert found.remedy.params["command"] == "apt-get install --only-upgrade tzdata"


def test_D12_an_update_newer_than_our_lists_is_explained_by_their_age():
    about = replace_feeds(KNOWN, aged("tracker", 2))  # the host's lists are six hours old
    host = debian_host(packages={"tzdata": "2026a-0"}, available_updates=(offer("tzdata", "2026b-0"),))
    assert _opinion(only(ask(RULE, host, about))) == ("only_theirs", "feed_older")


def test_without_any_list_of_ours_nothing_is_said_of_what_it_mentions():
    host = debian_host(packages={"tzdata": "2026a-0"}, available_updates=(offer("tzdata", "2026b-0"),))
    nothing = replace(KNOWN, feeds={}, advisories={})
    (found,) = [one for one in ask(RULE, host, nothing) if one.outcome is Outcome.FAIL]
    assert _opinion(found) == ("only_theirs", "no_list")
    assert found.message.text == "rules.patch.missing.theirs_alone"


def test_D2_D3_an_update_of_another_origin_is_not_a_security_patch():
    updates = (offer("tzdata", "2026b-0", security=False, origin="Debian:12.13/oldstable"),)
    updates += (offer("bash", "5.2.15-2+b13", security=False),)
    host = debian_host(packages={"tzdata": "2026a-0", "bash": "5.2.15-2+b8"}, available_updates=updates)
    assert only(ask(RULE, host, KNOWN)).outcome is Outcome.PASS


def test_binaries_of_one_source_are_one_finding_and_those_our_verdict_explains_are_none():
    packages = (*OPENSSL, deb("libfoo1", "1-1", source="foo"), deb("foo-utils", "1-1", source="foo"))
    updates = tuple(offer(name, "9-1") for name in ("libssl3", "openssl", "libfoo1", "foo-utils"))
    found = ask(RULE, debian_host(packages=packages, available_updates=updates), KNOWN)
    assert outcomes(found) == {"openssl": Outcome.FAIL, "foo": Outcome.FAIL}


def test_a_package_that_is_not_installed_yet_is_no_missing_patch():
    updates = (offer("linux-image-6.1.0-42-amd64", "6.1.170-1", installed_version=""),)
    host = debian_host(packages={"bash": "5"}, available_updates=updates)
    assert only(ask(RULE, host, KNOWN)).outcome is Outcome.PASS


def test_lists_too_old_to_count_offer_nothing_of_their_own_either():
    host = debian_host(
        packages={"tzdata": "2026a-0"},
        available_updates=(offer("tzdata", "2026b-0"),),
        package_lists=PackageLists(manager="apt", refreshed_at=NOW - timedelta(days=30)),
    )
    assert only(ask(RULE, host, KNOWN)).outcome is Outcome.PASS


def test_L7_kernel_headers_from_the_security_suite_carry_no_kernel_flaw():
    host = debian_host(
        packages=[deb("linux-libc-dev", "6.1.158-1", source="linux")],
        available_updates=(offer("linux-libc-dev", "6.1.170-1"),),
    )
    found = only(ask(RULE, host, KNOWN))
    assert (_opinion(found), found.severity) == (("only_theirs", "kernel_userland"), Severity.LOW)
    assert found.priority.level is PriorityLevel.WATCH


def test_L5_an_update_of_an_old_kernel_that_only_lies_on_disk_is_not_reported():
    old = "linux-image-6.1.0-40-amd64"
    host = debian_host(
        packages=[deb(old, "6.1.150-1", source="linux-signed-amd64")], available_updates=(offer(old, "6.1.151-1"),)
    )
    assert only(ask(RULE, host, KNOWN)).outcome is Outcome.PASS


def test_an_advisory_we_know_and_judged_otherwise_is_shown_as_a_disagreement():
    host = alma_host(
        packages={"perl": "5.32.1-1.el9"},
        available_updates=(offer("perl", "5.32.1-2.el9", advisories=("ALSA-2026:1",), severity="Moderate"),),
    )
    found = only(ask(RULE, host, knowledge(advisories=(advisory("ALSA-2026:1", severity=Severity.MEDIUM),))))
    assert (_opinion(found), found.confidence) == (("only_theirs", "disagree"), Confidence.TENTATIVE)
    assert (found.severity, found.due_on) == (Severity.MEDIUM, days(57))
    assert spoken(found, "fr").endswith("nos listes connaissent l'avis, mais pas pour cette version.")


def test_the_updaters_own_rating_is_used_where_no_advisory_of_ours_rates():
    host = alma_host(
        packages={"perl": "5.32.1-1.el9"},
        available_updates=(offer("perl", "5.32.1-2.el9", advisories=("ALSA-2026:2",), severity="Important"),),
    )
    assert only(ask(RULE, host, KNOWN)).severity is Severity.HIGH


# --- kernel, doubts, remedies --------------------------------------------------------------------------------------


def _kernel(state=PatchState.MISSING, **changes):
    made = verdict("linux", state, kernel=True, installed_version="6.1.158-1", fixed_version="6.1.170-1", **changes)
    return (made,)


def test_L5_a_fixed_kernel_on_disk_is_not_missing():
    host = debian_host(packages={"bash": "5"})
    assert only(ask(RULE, host, verdicts=_kernel(PatchState.REBOOT_PENDING))).outcome is Outcome.PASS


def test_L14_a_flaw_under_a_live_patch_is_not_missing_but_told_with_what_remains_to_do():
    kernel = Kernel(package="linux-image-6.1.0-41-amd64", release="6.1.0-41-amd64", version="6.1.158-1")
    live = KernelState(installed=(kernel,), livepatch="livepatch: 103.1")
    host = debian_host(packages={"bash": "5"}, kernels=live)
    found = {one.key: one for one in ask(RULE, host, verdicts=_kernel(PatchState.MITIGATED))}
    assert {key: one.outcome for key, one in found.items()} == {
        "mitigated:linux": Outcome.NOT_APPLICABLE,
        "": Outcome.PASS,
    }
    told = found["mitigated:linux"]
    assert (told.state, told.confidence) == (PatchState.MITIGATED, Confidence.TENTATIVE)
    assert told.evidence[0].seen == "livepatch: 103.1"
    assert spoken(told, "fr").endswith("le noyau corrigé 6.1.170-1 reste à installer et à démarrer.")


def test_L14_end_to_end_a_live_patch_without_the_fixed_kernel_on_disk_leaves_a_trace():
    about = knowledge(advisories=(advisory(),), affected=(fixed("linux", "6.1.170-1"),))
    image = deb("linux-image-6.1.0-41-amd64", "6.1.158-1", source="linux-signed-amd64", source_version="6.1.158+1")
    kernel = Kernel(package=image.name, release="6.1.0-41-amd64", version="6.1.158-1", flavor="amd64")
    host = debian_host(packages=[image], kernels=KernelState(installed=(kernel,), livepatch="kpatch"))
    assert outcomes(ask(RULE, host, about)) == {"mitigated:linux": Outcome.NOT_APPLICABLE, "": Outcome.PASS}


def test_a_missing_kernel_fix_agrees_with_the_meta_package_that_would_pull_it():
    meta = deb("linux-image-amd64", "6.1.158-1", source="linux-signed-amd64")
    host = debian_host(packages=[meta], available_updates=(offer("linux-image-amd64", "6.1.170-1"),))
    found = only(ask(RULE, host, verdicts=_kernel()))
    assert _opinion(found)[0] == CrossCheck.AGREE
    assert found.remedy is not None
    assert found.remedy.params["command"] == "apt-get install linux-image-amd64"


def test_a_kernel_without_meta_package_needs_the_whole_upgrade():
    found = only(ask(RULE, debian_host(packages={"bash": "5"}), verdicts=_kernel()))
    assert found.remedy is not None
    assert found.remedy.params["command"] == "apt-get dist-upgrade"


def test_L24_a_container_is_not_blind_for_want_of_a_kernel():
    host = debian_host(packages={"bash": "5"}, container=True, virtualization="lxc", kernels=None, reboot=None)
    assert only(ask(RULE, host, KNOWN)).outcome is Outcome.PASS


def test_L24_an_update_of_a_kernel_inside_a_container_is_nobodys_missing_patch():
    meta = deb("linux-image-amd64", "6.1.158-1", source="linux-signed-amd64")
    changes = {"packages": [meta], "available_updates": (offer("linux-image-amd64", "6.1.170-1"),)}
    assert only(ask(RULE, debian_host(**changes), KNOWN)).outcome is Outcome.FAIL
    inside = debian_host(**changes, container=True, kernels=None, reboot=None)
    assert only(ask(RULE, inside, KNOWN)).outcome is Outcome.PASS


def test_kernels_that_could_not_be_read_leave_the_verdict_unknown():
    host = debian_host(packages={"bash": "5"}, kernels=None, gaps=(gap(FactKind.KERNELS),))
    found = only(ask(RULE, host, KNOWN))  # once, although the matcher doubts as well
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.unknown.kernels")


@pytest.mark.parametrize("reason", [*Doubt, *KernelDoubt, "something new"])
def test_each_doubt_of_the_matcher_has_its_own_words(reason):
    doubtful = verdict("openssl", PatchState.UNKNOWN, reason=reason)
    found = only(ask(RULE, debian_host(packages=OPENSSL), verdicts=[doubtful]))
    assert found.outcome is Outcome.UNKNOWN
    assert found.message.text.endswith("other" if reason == "something new" else str(reason))


def test_hundreds_of_packages_in_the_same_doubt_are_one_finding():
    doubtful = [verdict(f"p{number}", PatchState.UNKNOWN, reason=Doubt.SUBSCRIPTION) for number in range(300)]
    found = only(ask(RULE, ubuntu_host(packages={"bash": "5"}), verdicts=doubtful))
    assert found.message.params["count"] == 300
    assert len(found.evidence) == 300


@pytest.mark.parametrize(
    ("host", "command"),
    [
        (debian_host(packages=OPENSSL), "apt-get install --only-upgrade libssl3 openssl"),
        (alma_host(packages={"openssl": "1-1"}), "dnf upgrade --advisory=DSA-9001-1"),
        (suse_host(packages={"openssl": "1-1"}), "zypper patch --cve=CVE-2026-0001"),
        (alpine_host(packages={"openssl": "1-r1"}), "apk upgrade openssl"),
    ],
)
def test_the_remedy_is_the_exact_command_of_the_hosts_package_manager(host, command):
    found = only(ask(RULE, host, verdicts=[verdict(packages=host.packages)]))
    assert found.remedy is not None
    assert found.remedy.params["command"] == command


def test_L18_an_updater_that_does_not_rate_its_updates_confirms_nothing():
    offered = offer("busybox", "1.37-r1", security=None, origin="")
    host = alpine_host(packages={"busybox": "1.36-r1"}, available_updates=(offered,))
    found = only(ask(RULE, host))
    assert (found.outcome, found.confidence) == (Outcome.PASS, Confidence.FIRM)
    assert "sans dire lesquelles touchent à la sécurité" in spoken(found, "fr")


@pytest.mark.parametrize(
    "host",
    [
        debian_host(packages={"bash": "5"}, repositories=(Repository(id="Debian:bookworm", suite="bookworm"),)),
        alma_host(packages={"bash": "5"}, repositories=()),
        rhel_host(packages={"bash": "5"}, registered=False),
    ],
)
def test_L18_L19_an_updater_without_repository_for_security_updates_confirms_nothing(host):
    found = only(ask(RULE, host))
    assert (found.outcome, found.confidence) == (Outcome.PASS, Confidence.FIRM)
    assert found.message.text.endswith("pass_uninformed")


def test_a_fix_without_date_or_cve_says_so_in_words():
    about = knowledge(
        advisories=(advisory("debian-security:bookworm/x_2", severity=Severity.UNKNOWN, days_ago=None, cves=()),),
        affected=(fixed("openssl", "3.0.16-1", by="debian-security:bookworm/x_2"),),
    )
    found = only(ask(RULE, debian_host(packages=OPENSSL), about))
    assert (found.due_on, found.released_on) == (None, None)
    words = spoken_evidence(found, 1).replace("\u00a0", " ")
    assert words == "debian-security:bookworm/x_2 (date non publiée), gravité non publiée : n.c."


def test_hostile_package_names_cannot_leave_the_command():
    hostile = (deb("a;reboot", "1-1", source="x"), deb("--allow-unauthenticated", "1-1", source="x"))
    found = only(ask(RULE, debian_host(packages=hostile), verdicts=[verdict("x", packages=hostile)]))
    assert found.remedy is not None
    assert found.remedy.params["command"] == "apt-get install --only-upgrade 'a;reboot'"


def test_too_many_packages_for_one_line_are_upgraded_all_at_once():
    many = tuple(deb(f"libreoffice-{number}", "1-1", source="libreoffice") for number in range(30))
    found = only(ask(RULE, debian_host(packages=many), verdicts=[verdict("libreoffice", packages=many)]))
    assert found.remedy is not None
    assert found.remedy.params["command"] == "apt-get upgrade"


def test_a_priority_decided_without_kev_says_so_but_the_fail_stands():
    found = only(ask(RULE, debian_host(packages=OPENSSL), replace_feeds(KNOWN, without("kev"))))
    assert found.outcome is Outcome.FAIL
    assert "rules.priority.kev_unseen" in {reason.text for reason in found.priority.reasons}


def test_a_contract_may_allow_an_older_feed():
    about = replace_feeds(KNOWN, aged("tracker", 20))
    contract = Contract(client="ACME", feed_max_age_days={"tracker": 30})
    host = debian_host(packages={"openssl": "3.0.16-1"})
    assert only(ask(RULE, host, about, contract=contract)).outcome is Outcome.PASS


def test_L5_the_matcher_and_the_rule_together_leave_a_pending_kernel_to_the_reboot_rule():
    row = fixed("linux", "6.1.170-1")
    about = knowledge(advisories=(advisory(),), affected=(row,))
    running = deb("linux-image-6.1.0-41-amd64", "6.1.158-1", source="linux-signed-amd64", source_version="6.1.158+1")
    newer = deb("linux-image-6.1.0-43-amd64", "6.1.170-1", source="linux-signed-amd64", source_version="6.1.170+1")
    kernels = KernelState(
        installed=tuple(
            Kernel(package=p.name, release=p.name.removeprefix("linux-image-"), version=p.version, flavor="amd64")
            for p in (running, newer)
        )
    )
    host = debian_host(packages=[running, newer], kernels=kernels)
    assert only(ask(RULE, host, about)).outcome is Outcome.PASS
    waiting = only(ask("host.reboot_pending", host, about))
    assert (waiting.outcome, waiting.message.text) == (Outcome.FAIL, "rules.host.reboot_pending.fail_kernel")


def replace_feeds(about, feeds):
    return replace(about, feeds={feed.name: feed for feed in feeds})
