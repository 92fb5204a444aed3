"""A wrong password of a domain account is not carried from machine to machine until the account is locked."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from collectors.credentials import Credential, Secret
from collectors.errors import DeadlineExceeded, LoginDenied
from collectors.model import Target
from collectors.transports import winrm
from collectors.transports.base import ConnectionPolicy, Deadline
from collectors.transports.wsman import lockout
from collectors.transports.wsman.endpoint import Endpoint
from tests.collectors.transports.winrm_client import SCRIPT, powershell, visit
from tests.lab import wsman
from tests.lab.wsman import Account, Operation


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    winrm.close()
    yield
    winrm.close()


def visit_all(peer: wsman.Peer, user: str, password: str, width: int) -> list[object]:
    def one(machine: wsman.Machine) -> object:
        target = Target(name=machine.address, address=machine.address, port=peer.port, tls=False)
        credential = Credential(user=user, password=Secret(password), auth="ntlm")
        try:
            output = winrm.run(
                target, SCRIPT, credential=credential, policy=ConnectionPolicy(), deadline=Deadline.after(40)
            )
        except LoginDenied as error:
            return str(error)
        return output.stdout

    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(one, peer.machines))


@pytest.mark.parametrize("width", [1, 20])
@pytest.mark.parametrize("user", ["LAB\\audit", "audit@lab.example"])
def test_a_wrong_domain_password_is_tried_on_two_machines_at_most(user: str, width: int) -> None:
    with powershell(hosts=20, accounts=(Account(domain="LAB"),)) as peer:
        told = visit_all(peer, user, "wr0ng", width)
        assert peer.counters.failed_logins == lockout.ATTEMPTS
        assert sum("was not tried" in str(one) for one in told) == 18
        assert sum("by NTLM was refused" in str(one) for one in told) == 2
        refused = [machine.address for machine in peer.machines if machine.counters.failed_logins]
        assert all(address in str(told[-1]) for address in refused) or "refused" in str(told[-1])


def test_a_right_domain_password_holds_nobody_back() -> None:
    with powershell(hosts=20, accounts=(Account(domain="LAB"),)) as peer:
        assert visit_all(peer, "LAB\\audit", wsman.PASSWORD, 20) == [SCRIPT] * 20


def test_once_proven_refusals_elsewhere_do_not_stop_the_others() -> None:
    with powershell(accounts=(Account(domain="LAB"),)) as good, powershell() as strange:
        assert visit(good, user="LAB\\audit").stdout == SCRIPT
        for _ in range(4):
            with pytest.raises(LoginDenied, match="by NTLM was refused"):
                visit(strange, user="LAB\\audit")
        assert visit(good, user="LAB\\audit").stdout == SCRIPT


def test_accounts_of_the_machines_themselves_are_not_held_back() -> None:
    with powershell(hosts=6) as peer:
        visit_all(peer, "audit", "wr0ng", 3)
        assert peer.counters.failed_logins == 6


def test_another_password_is_another_matter() -> None:
    with powershell(hosts=3, accounts=(Account(domain="LAB"),)) as peer:
        visit_all(peer, "LAB\\audit", "wr0ng", 1)
        assert visit_all(peer, "LAB\\audit", wsman.PASSWORD, 1) == [SCRIPT] * 3


def test_access_denied_is_no_wrong_password() -> None:
    """The login was taken; what the account may do on one machine says nothing about the next."""
    with powershell(hosts=4, accounts=(Account(domain="LAB", shell_right=False),)) as peer:
        told = visit_all(peer, "LAB\\audit", wsman.PASSWORD, 1)
        assert all("may not open a remote shell" in str(one) for one in told)


def test_closing_begins_anew() -> None:
    with powershell(hosts=3, accounts=(Account(domain="LAB"),)) as peer:
        visit_all(peer, "LAB\\audit", "wr0ng", 1)
        winrm.close()
        visit_all(peer, "LAB\\audit", "wr0ng", 1)
        assert peer.counters.failed_logins == 2 * lockout.ATTEMPTS


def test_waiting_for_the_first_outcome_ends_with_the_deadline() -> None:
    where, password = Endpoint("pc1", 5985, tls=False), Secret("x")
    with (
        lockout.attempt("a", where, "D\\u", password, Deadline.after(9)),
        lockout.attempt("b", where, "D\\u", password, Deadline.after(9)),
        pytest.raises(DeadlineExceeded, match="tried elsewhere"),
        lockout.attempt("c", where, "d\\U", password, Deadline.after(0.2)),
    ):
        pytest.fail("it was let in")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("audit", False),
        (".\\audit", False),
        ("PC1\\audit", False),
        ("pc1\\audit", False),
        ("LAB\\audit", True),
        ("audit@lab.example", True),
        ("", False),
    ],
)
def test_accounts_of_a_domain_are_told_by_their_name(user: str, expected: bool) -> None:
    assert lockout.is_of_a_domain(user, Endpoint("pc1.lab.example", 5985, tls=False)) is expected


def test_a_host_that_breaks_during_the_login_is_no_refusal() -> None:
    with powershell(hosts=4, accounts=(Account(domain="LAB"),), failures={Operation.CREATE: wsman.Drop()}) as peer:
        for machine in peer.machines:
            target = Target(name=machine.address, address=machine.address, port=peer.port, tls=False)
            with pytest.raises(Exception, match="connection broke"):
                visit(peer, at=target, user="LAB\\audit")
