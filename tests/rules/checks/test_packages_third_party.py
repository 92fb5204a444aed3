"""packages.third_party: outside the distribution's scope is its own answer, neither fine nor missing."""

import pytest

from collectors.model import Application, FactKind
from rules.model import Outcome, PatchState
from tests.lab.snapshots import alma_host, deb, debian_host, gap, rpm
from tests.rules.checks.estate import advisory, ask, fixed, knowledge, only, outcomes, spoken

RULE = "packages.third_party"


def test_L11_foreign_origins_are_listed_each_with_its_packages():
    packages = [
        deb("docker-ce", "5:27.3.1-1", origin="Docker"),
        deb("containerd.io", "1.7-1", origin="Docker"),
        deb("php8.3", "8.3.1", origin="deb.sury.org"),
        deb("bash", "5"),
    ]
    found = ask(RULE, debian_host(packages=packages))
    assert outcomes(found) == {"Docker": Outcome.NOT_APPLICABLE, "deb.sury.org": Outcome.NOT_APPLICABLE}
    docker = found[0]
    assert (docker.state, docker.message.params["count"]) == (PatchState.OUTSIDE_SCOPE, 2)
    assert docker.evidence[0].seen == "containerd.io 1.7-1, docker-ce 5:27.3.1-1"


def test_L11_a_backport_is_not_matched_with_the_distributions_advisories():
    about = knowledge(advisories=(advisory(),), affected=(fixed("curl", "9.0-1"),))
    host = debian_host(packages=[deb("curl", "8.14.1-1~bpo12+1", origin="Debian Backports"), deb("bash", "5")])
    assert only(ask(RULE, host, about)).outcome is Outcome.NOT_APPLICABLE
    assert only(ask("patch.missing", host, about)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "vendor", ["Remi's RPM repository <https://rpms.remirepo.net/>", "PostgreSQL Global Development Group"]
)
def test_L11_vendors_of_rpm_packages_are_told_apart(vendor):
    host = alma_host(packages=[rpm("x", "1-1.el9", origin=vendor), rpm("bash", "5-1.el9")])
    assert only(ask(RULE, host)).outcome is Outcome.NOT_APPLICABLE


def test_L25_snaps_and_flatpaks_are_listed_apart():
    applications = (
        Application(name="firefox", version="128", scope="snap"),
        Application(name="org.gimp.GIMP", version="2.10", scope="flatpak"),
    )
    found = ask(RULE, debian_host(packages={"bash": "5"}, applications=applications))
    assert outcomes(found) == {"snap": Outcome.NOT_APPLICABLE, "flatpak": Outcome.NOT_APPLICABLE}


def test_a_host_with_the_distributions_packages_only_passes():
    assert only(ask(RULE, debian_host(packages={"bash": "5"}))).outcome is Outcome.PASS


@pytest.mark.parametrize("kind", [FactKind.PACKAGES, FactKind.APPLICATIONS])
def test_unread_lists_are_unknown(kind):
    found = ask(RULE, debian_host(packages={"bash": "5"}, gaps=(gap(kind),)))
    assert only(found).outcome is Outcome.UNKNOWN


def test_L27_where_no_advisories_exist_there_is_no_scope_to_be_outside_of():
    host = debian_host(packages={"bash": "5"}, id="kali", version_id="2026.3")
    assert only(ask(RULE, host)).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("rule", ["patch.missing", "patch.overdue", "patch.no_fix"])
@pytest.mark.parametrize(("foreign", "outcome"), [(2, Outcome.PASS), (3, Outcome.UNKNOWN)])
def test_L11_a_host_whose_mirror_signs_as_its_own_distribution_was_not_compared(rule, foreign, outcome):
    """Otherwise "nothing missing" would rest on a handful of packages."""
    packages = [deb(f"p{number}", "1", origin="ACME mirror" if number < foreign else "Debian") for number in range(4)]
    found = only(ask(rule, debian_host(packages=packages)))
    assert found.outcome is outcome
    if outcome is Outcome.UNKNOWN:
        assert "3 paquets sur 4 portent une autre origine" in spoken(found, "fr")
    elif rule == "patch.missing":
        assert spoken(found, "fr").startswith("2 paquets comparés")
