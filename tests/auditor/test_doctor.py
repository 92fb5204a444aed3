"""`auditor doctor`: what an audit rests on, checked before it runs, over a loopback Graph."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from auditor.checkup.feeds import feeds_section
from auditor.checkup.tenants import covers
from auditor.config import load
from auditor.exits import Exit
from collectors.cloud.permissions import PERMISSIONS
from collectors.feeds.records import FeedState
from tests.lab.graph import EVERY_PERMISSION, LabTenant, LoopbackGraph, loopback_graph, made_reports, made_tenant
from tests.lab.tenant_clients import SECRET, client_folder

Auditor = Callable[..., Result]
_SECRET = "s3cr3t~lab"
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackGraph]:
    monkeypatch.setenv(SECRET, _SECRET)
    with loopback_graph() as running:
        yield running


def _tenant(lab: LoopbackGraph, **how: Any) -> LabTenant:
    return lab.add(made_tenant(**{"users": 3, "secret": _SECRET, **how}))


def _checks(result: Result, name: str) -> list[dict[str, str]]:
    return [
        check for client in json.loads(result.stdout)["clients"] for check in client["checks"] if check["name"] == name
    ]


def _permissions(result: Result) -> dict[str, str]:
    return {check["permission"]: check["state"] for check in _checks(result, "m365.permission")}


def test_a_tenant_with_every_permission_is_ready(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    tenant = _tenant(lab)
    done = auditor("doctor", client_folder(tmp_path / "c", lab, [tenant]))
    assert done.exit_code == Exit.COMPLIANT
    assert f"Signed in to tenant {tenant.id} as application" in " ".join(done.stdout.split())
    assert "Organization: Contoso SARL (contoso.test)" in done.stdout
    assert "FAILED" not in done.stdout
    assert len(lab.requests) <= 3, "a check is no audit"
    assert _SECRET not in done.output


@pytest.mark.parametrize("permission", [one for one in PERMISSIONS if not one.optional], ids=lambda one: str(one.name))
def test_each_missing_permission_says_what_it_costs_and_how_it_is_granted(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph, permission: Any
) -> None:
    granted = EVERY_PERMISSION - {permission.name}
    if permission.name == "LicenseAssignment.Read.All":
        granted -= {"Organization.Read.All"}  # which would do as well
    tenant = _tenant(lab, granted=granted)
    client = client_folder(tmp_path / "c", lab, [tenant])
    done = auditor("doctor", client, "--json", "--lang", "en")
    assert done.exit_code == Exit.INCOMPLETE
    assert _permissions(done)[permission.name] == "failed"
    (check,) = [one for one in _checks(done, "m365.permission") if one["permission"] == permission.name]
    assert "MISSING" in check["text"]
    assert "Without it:" in check["text"]
    assert f"adminconsent?client_id={tenant.client_id}" in check["todo"]
    assert "API permissions" in check["todo"]
    assert "Autorisations d'API" in auditor("doctor", client, "--lang", "fr").stdout


def test_an_optional_permission_that_hides_no_verdict_costs_no_exit_code(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    told = {"AuditLog.Read.All", "MailboxSettings.Read"}  # nothing else tells what these do
    required = {one.name for one in PERMISSIONS if not one.optional}
    granted = frozenset(required | told)
    done = auditor("doctor", client_folder(tmp_path / "c", lab, [_tenant(lab, granted=granted)]), "--json")
    assert done.exit_code == Exit.COMPLIANT
    states = _permissions(done)
    assert {states[name] for name in granted} == {"ok"}
    assert {state for name, state in states.items() if name not in granted} == {"note"}


@pytest.mark.parametrize("permission", ["", *(one.name for one in PERMISSIONS)])
def test_doctor_and_audit_agree_whether_an_audit_is_complete(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph, permission: str
) -> None:
    tenant = _tenant(lab, granted=EVERY_PERMISSION - {permission})
    # The audit goes by today's date: reports of the day the tests were written would grow too old to judge by.
    tenant.csv.update(made_reports(tenant.users, refreshed_on=datetime.now(UTC).date() - timedelta(days=2)))
    client = client_folder(tmp_path / "c", lab, [tenant])
    examined, audited = auditor("doctor", client, "--json"), auditor("audit", client, "--json", "--fail-on", "never")
    assert examined.exit_code == audited.exit_code, json.loads(audited.stdout)["exit"]


def test_a_concealed_tenant_makes_an_audit_incomplete_and_doctor_says_so(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    client = client_folder(tmp_path / "c", lab, [_tenant(lab, concealed=True)])
    examined, audited = auditor("doctor", client), auditor("audit", client, "--fail-on", "never")
    assert examined.exit_code == audited.exit_code == Exit.INCOMPLETE
    assert "PARTIAL" in examined.stdout


def test_sign_ins_are_not_asked_for_where_the_tenant_cannot_tell_them(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    tenant = _tenant(lab, premium=False, granted=EVERY_PERMISSION - {"AuditLog.Read.All"})
    done = auditor("doctor", client_folder(tmp_path / "c", lab, [tenant]), "--json")
    (check,) = [one for one in _checks(done, "m365.permission") if one["permission"] == "AuditLog.Read.All"]
    assert check["state"] == "note"
    assert "neither Entra ID P1 nor P2" in check["text"]
    assert check["todo"] == ""


def test_a_broader_permission_does_as_well_and_one_for_writing_is_too_much() -> None:
    assert covers({"Directory.Read.All"}, "User.Read.All")
    assert covers({"Group.Read.All"}, "GroupMember.Read.All")
    assert not covers({"User.Read.All"}, "AuditLog.Read.All")
    assert not covers(set(), "Reports.Read.All")


def test_a_permission_to_write_is_told(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    tenant = _tenant(lab, granted=EVERY_PERMISSION | {"User.ReadWrite.All"})
    done = auditor("doctor", client_folder(tmp_path / "c", lab, [tenant]), "--json")
    (check,) = _checks(done, "m365.more_than_needed")
    assert check["permission"] == "User.ReadWrite.All"
    assert "Take it away" in check["text"]
    assert done.exit_code == Exit.COMPLIANT


def test_concealed_names_are_explained_and_never_changed(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    done = auditor("doctor", client_folder(tmp_path / "c", lab, [_tenant(lab, concealed=True)]), "--json")
    (check,) = _checks(done, "m365.names_concealed")
    assert "inactivity stays unknown" in check["text"]
    assert "Org settings > Services > Reports" in check["todo"]


def test_every_tenant_is_checked_whatever_becomes_of_another(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    good, wrong, foreign = _tenant(lab), _tenant(lab, secret="another"), _tenant(lab)
    foreign.organization_id = good.id
    unknown = made_tenant(users=1)
    done = auditor("doctor", client_folder(tmp_path / "c", lab, [wrong, good, foreign, unknown]), "--json")
    assert done.exit_code == Exit.INCOMPLETE
    told = [(check["about"], check["state"], check["text"]) for check in _checks(done, "m365.sign_in")]
    assert "the client secret is wrong (AADSTS7000215)" in told[0][2]
    assert told[1][1] == "ok"
    assert told[2][1] == "ok"
    assert told[3][1] == "failed"
    assert f"Graph answered for the organization {good.id}" in told[3][2]
    assert "the tenant does not exist (AADSTS90002)" in told[4][2]


def test_a_graph_that_answers_with_a_web_page_is_told_in_words(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    tenant = _tenant(lab).fail("/organization", 200, times=None, body=b"<html>proxy</html>")
    done = auditor("doctor", client_folder(tmp_path / "c", lab, [tenant]), "--json")
    (check,) = _checks(done, "m365.organization")
    assert check["state"] == "warning"
    assert "HTML" in check["text"]


def _certificate(folder: Path, days: int) -> tuple[Path, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "auditor")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now - timedelta(days=400))
    certificate = builder.not_valid_after(now + timedelta(days=days, minutes=5)).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "auditor.pem"
    file.write_bytes(plain + pem)
    file.chmod(0o600)
    return file, pem


@pytest.mark.parametrize(("days", "state"), [(400, "ok"), (30, "ok"), (29, "warning"), (0, "warning")])
def test_a_certificate_that_ends_soon_is_told_a_month_before(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph, days: int, state: str
) -> None:
    file, pem = _certificate(tmp_path, days)
    client = client_folder(tmp_path / "c", lab, [_tenant(lab, certificate=pem)], way=f'certificate_file = "{file}"')
    done = auditor("doctor", client, "--json")
    (check,) = _checks(done, "m365.certificate")
    assert check["state"] == state
    assert done.exit_code == Exit.COMPLIANT
    assert ("auditor onboard m365" in check["todo"]) == (state == "warning")


def test_a_certificate_that_has_ended_is_the_sign_ins_failure(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    file, pem = _certificate(tmp_path, -1)
    client = client_folder(tmp_path / "c", lab, [_tenant(lab, certificate=pem)], way=f'certificate_file = "{file}"')
    done = auditor("doctor", client, "--json")
    assert _checks(done, "m365.certificate") == []
    (check,) = _checks(done, "m365.sign_in")
    assert "the certificate expired on" in check["text"]
    assert done.exit_code == Exit.INCOMPLETE


def test_files_prices_and_exceptions_that_are_over_are_told(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    over = '[[m365.exceptions]]\nwho = "marie@contoso.com"\nreason = "x"\nuntil = 2020-01-01\n'
    client = client_folder(tmp_path / "c", lab, [_tenant(lab)], more=over)
    assert "n.c." in auditor("doctor", client).stdout
    text = "sku;unit_price_ht;period;valid_from\nSPB;20;month;2026-07-01\nSPE_E3;_;month;2026-01-01\n"
    (client / "prices.csv").write_text(text)
    shown = auditor("doctor", client).stdout
    assert "Price list: 1 price, the newest valid from 1 Jul 2026" in shown
    assert "no price yet for 'SPE_E3'" in shown
    assert "1 license exception is over: marie@contoso.com" in shown
    (client / "prices.csv").write_text("sku\n")
    assert auditor("doctor", client).exit_code == Exit.USAGE


def test_several_clients_are_checked_and_a_broken_one_harms_no_other(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    good = client_folder(tmp_path / "good", lab, [_tenant(lab)])
    done = auditor("doctor", tmp_path / "absent", good)
    assert done.exit_code == Exit.USAGE
    assert "no such client folder" in done.stderr
    assert "good: " in done.stdout


def test_an_empty_client_fails(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    client = client_folder(tmp_path / "c", lab, [])
    done = auditor("doctor", client)
    assert done.exit_code == auditor("audit", client).exit_code == Exit.USAGE
    assert "names no machine and no tenant" in done.stdout


def _state(name: str, fetched_at: datetime | None) -> FeedState:
    return FeedState(
        name=name,
        title=name,
        licence="x",
        url="https://x.example",
        fetched_at=fetched_at,
        checked_at=fetched_at,
        published_at=fetched_at,
        sha256="",
        records=1,
        size_bytes=1,
        max_age_days=7,
    )


@pytest.mark.parametrize(
    ("feeds", "machines", "states"),
    [
        (
            [_state("osv", None), _state("m365-skus", None)],
            True,
            [("feeds.names", "warning"), ("feeds.none", "failed")],
        ),
        ([_state("osv", None), _state("m365-skus", None)], False, [("feeds.names", "warning")]),
        ([_state("osv", NOW)], True, [("feeds.current", "ok")]),
        ([_state("osv", NOW - timedelta(days=7))], True, [("feeds.current", "ok")]),
        ([_state("osv", NOW - timedelta(days=7, hours=1))], True, [("feeds.stale", "failed")]),
        ([_state("osv", NOW - timedelta(days=8))], False, [("feeds.stale", "warning")]),
    ],
)
def test_the_age_of_the_feeds_is_checked_for_what_the_client_has(
    tmp_path: Path, lab: LoopbackGraph, feeds: list[FeedState], machines: bool, states: list[tuple[str, str]]
) -> None:
    settings = load(client_folder(tmp_path / "c", lab, [_tenant(lab)], more='[[machines]]\nname = "web"\n'))
    settings = settings if machines else replace(settings, targets=())
    section = feeds_section(settings, feeds, NOW)
    assert [(check.name, check.state.value) for check in section.checks] == states
