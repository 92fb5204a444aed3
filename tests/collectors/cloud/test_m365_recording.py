"""Recorded visits: the same snapshot again without a network, no secret in the file, nobody else's to read."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.cloud.credentials import CloudCredential
from collectors.cloud.facts import TenantFact, TenantSnapshot
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.recorder import record, recording_client
from collectors.cloud.recording import (
    Answer,
    TenantRecording,
    file_name,
    read_recording,
    replay,
    visit_recording,
    write_recording,
)
from collectors.cloud.visit import visit_tenant
from collectors.errors import RecordingError
from collectors.model import GapReason, Protocol, Target
from tests.collectors.cloud.answered import NOW, TENANT, Tokens, Wire, hidden, refusal, rows
from tests.lab.graph import LabTenant, LoopbackGraph, loopback_graph, made_tenant

TARGET = Target(name="contoso", protocol=Protocol.M365, address=TENANT)
CREDENTIAL = CloudCredential(tenant=TENANT, client_id="app")


def recorded(lab: LoopbackGraph, tenant: LabTenant, path: Path, **how) -> TenantSnapshot:
    def connect(_target, _credential, policy):
        return recording_client(lab.tokens(tenant), policy, path, unwritten=lambda error: pytest.fail(str(error)))

    return visit_tenant(
        TARGET, credential=lab.credential(tenant), policy=lab.policy(**how), taken_at=NOW, connect=connect
    )


def played(path: Path) -> TenantSnapshot:
    return visit_recording(replace(TARGET, address=str(path)), taken_at=NOW)


def same(one: TenantSnapshot, other: TenantSnapshot) -> bool:
    """Equal but for how long it took, when, and where the tenant was found."""
    plain = {"duration_s": 0, "taken_at": NOW, "target": TARGET}
    return replace(one, **plain) == replace(other, **plain)


@pytest.mark.parametrize("way", ["redirect", "inline", "expired"])
def test_a_recording_plays_back_the_very_same_snapshot(tmp_path, way):
    tenant = made_tenant(users=25, page_rows=10, empty_page=True, report_way=way, concealed=way == "inline")
    with loopback_graph(tenant) as lab:
        live = recorded(lab, tenant, tmp_path / "contoso.m365")
    again = played(tmp_path / "contoso.m365")
    assert same(live, again)
    assert len(again.users) == 25
    assert again.taken_at == read_recording(tmp_path / "contoso.m365").taken_at != NOW


def test_gaps_are_played_back_too(tmp_path):
    tenant = made_tenant(granted=frozenset({"User.Read.All", "Organization.Read.All"}))
    tenant.fail("/groups", 400, times=None).fail("/subscribedSkus", 429, times=1, headers={"Retry-After": "0"})
    with loopback_graph(tenant) as lab:
        live = recorded(lab, tenant, tmp_path / "x.m365")
    assert same(live, played(tmp_path / "x.m365"))
    assert hidden(live)[TenantFact.GROUPS][0] is GapReason.FAILED
    assert TenantFact.SKUS not in hidden(live)


def test_no_token_no_secret_and_no_address_that_opens_by_itself_is_written(tmp_path):
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        recorded(lab, tenant, tmp_path / "contoso.m365")
        tokens = list(lab.sign_in.issued)
        text = (tmp_path / "contoso.m365").read_text()
        assert tokens
        assert lab.downloads
        for secret in (*tokens, tenant.secret, "Bearer", *lab.downloads):
            assert secret not in text


def test_a_token_that_something_in_between_echoes_is_struck_out(tmp_path):
    page = b"<html>Blocked. You sent: Authorization: Bearer a.b.c</html>"
    wire = Wire({"/organization": page})

    def connect(_target, _credential, policy):
        return recording_client(
            Tokens(), policy, tmp_path / "x.m365", unwritten=pytest.fail, open_wire=lambda _policy: wire
        )

    visit_tenant(TARGET, credential=CREDENTIAL, policy=CloudPolicy(), taken_at=NOW, connect=connect)
    text = (tmp_path / "x.m365").read_text()
    assert "Blocked" in text
    assert "a.b.c" not in text


def test_its_owner_alone_may_read_it(tmp_path):
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        recorded(lab, tenant, tmp_path / "contoso.m365")
    assert stat.S_IMODE((tmp_path / "contoso.m365").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["contoso.m365"]


def test_every_tenant_of_a_run_is_recorded_under_its_own_name(tmp_path):
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        live = visit_tenant(
            replace(TARGET, name="Fournil des Terreaux"),
            credential=lab.credential(tenant),
            policy=lab.policy(),
            taken_at=NOW,
            connect=record(tmp_path / "recordings"),
        )
    assert same(live, played(tmp_path / "recordings" / "Fournil des Terreaux.m365"))


def test_a_tenant_that_gave_no_token_leaves_no_file(tmp_path):
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        lab.sign_in.tenants[tenant.id].token_tenant = "331af819-4e0b-49f7-a6bf-14e1165ad3a0"
        snapshot = recorded(lab, tenant, tmp_path / "contoso.m365")
    assert not snapshot.reached
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_costs_the_recording_and_not_the_visit(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    told = []
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:

        def connect(_target, _credential, policy):
            return recording_client(lab.tokens(tenant), policy, blocked / "x.m365", unwritten=told.append)

        snapshot = visit_tenant(
            TARGET, credential=lab.credential(tenant), policy=lab.policy(), taken_at=NOW, connect=connect
        )
    assert snapshot.users
    assert len(told) == 1


def test_a_recording_made_by_hand_answers_by_path(tmp_path):
    """How the demonstration's tenant is told: through the real client, and without one secret."""
    recording = TenantRecording(
        taken_at=NOW,
        tenant_id=TENANT,
        granted=("Organization.Read.All",),
        answers=(
            Answer(
                url="/organization?$select=id,displayName,countryLetterCode,preferredLanguage,verifiedDomains,assignedPlans",
                body=f'{{"value": [{{"id": "{TENANT}", "displayName": "Démo"}}]}}',
            ),
        ),
    )
    write_recording(tmp_path / "x.m365", recording)
    assert read_recording(tmp_path / "x.m365") == replace(recording, asked_tenant="")
    snapshot = played(tmp_path / "x.m365")
    assert snapshot.organization is not None
    assert snapshot.organization.name == "Démo"
    assert snapshot.granted == ("Organization.Read.All",)


def test_what_a_recording_was_never_asked_is_a_gap_that_says_so():
    recording = TenantRecording(taken_at=NOW, tenant_id=TENANT)
    snapshot = visit_tenant(
        TARGET, credential=CREDENTIAL, policy=CloudPolicy(), taken_at=NOW, connect=replay(recording)
    )
    assert set(hidden(snapshot)) == set(TenantFact) - {TenantFact.TENANT}
    assert "was not asked when the recording was made" in snapshot.gaps[0].detail


def test_bytes_that_are_no_text_come_back_as_they_were(tmp_path):
    wire = Wire({"/organization": b"\xff\xfe", "/subscribedSkus": rows(), "/users": refusal(504)})

    def connect(_target, _credential, policy):
        return recording_client(
            Tokens(), policy, tmp_path / "x.m365", unwritten=pytest.fail, open_wire=lambda _policy: wire
        )

    visit_tenant(TARGET, credential=CREDENTIAL, policy=CloudPolicy(retries=0), taken_at=NOW, connect=connect)
    assert read_recording(tmp_path / "x.m365").answers[0].content() == b"\xff\xfe"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda text: "", "cut short|damaged"),
        (lambda text: text.splitlines()[0], "cut short|damaged"),
        (lambda text: "\n".join(text.splitlines()[:-1]), "damaged"),
        (lambda text: text.replace('"answers":1', '"answers":2'), "altered"),
        (lambda text: text.replace('"format":1', '"format":9'), "format 9"),
        (lambda text: text.replace("+00:00", "").replace('Z"', '"'), "time zone"),
        (lambda text: text.replace("{", "[", 1), "damaged"),
        (lambda text: text.replace('"body":', '"body64":'), "damaged"),
    ],
)
def test_a_damaged_recording_is_refused(tmp_path, spoil, says):
    path = tmp_path / "x.m365"
    write_recording(
        path, TenantRecording(taken_at=NOW, tenant_id=TENANT, answers=(Answer(url="/x", body="é no base64"),))
    )
    path.write_text(spoil(path.read_text()))
    with pytest.raises(RecordingError, match=says):
        read_recording(path)


def test_an_absent_recording_is_refused_and_its_visit_is_one_gap(tmp_path):
    with pytest.raises(RecordingError, match="cannot be read"):
        read_recording(tmp_path / "absent.m365")
    snapshot = played(tmp_path / "absent.m365")
    assert hidden(snapshot) == {TenantFact.TENANT: (GapReason.FAILED, "")}
    assert snapshot.taken_at == NOW


def test_names_of_files_are_safe():
    assert file_name("Boulangerie/../x") == "Boulangerie%2F..%2Fx.m365"
