"""Reading collections and objects to the end, whatever the pages look like."""

import json

import pytest

from collectors.cloud.throttle import Pace, Patience
from collectors.errors import GraphError, PermissionMissing, TenantUnreachable, WrongTenant
from collectors.model import GapReason
from tests.lab.graph import LabTenant, LoopbackGraph, loopback_graph, made_tenant, nulled, user

SELECT = {"$select": "id,userPrincipalName,assignedLicenses"}
SIGN_INS = {"$select": "id,signInActivity"}
LICENSED = {"$filter": "assignedLicenses/$count ne 0", "$count": "true", "$select": "id,displayName"}


def read(lab: LoopbackGraph, tenant: LabTenant, path: str = "/users", **how: object) -> list[dict[str, object]]:
    params = how.pop("params", SELECT)
    return [row for page in lab.client(tenant).pages(path, params, **how) for row in page]


def test_every_page_is_read_in_order() -> None:
    tenant = made_tenant(users=2500)
    with loopback_graph(tenant) as lab:
        rows = read(lab, tenant, page_sizes=(999,))
        assert [row["id"] for row in rows] == [row["id"] for row in tenant.users]
        assert len(lab.asked("/users")) == 3


def test_an_empty_page_in_the_middle_is_not_the_end() -> None:
    tenant = made_tenant(users=2500, empty_page=True)
    with loopback_graph(tenant) as lab:
        assert len(read(lab, tenant, page_sizes=(999,))) == 2500


def test_the_consistency_level_goes_with_every_page() -> None:
    tenant = made_tenant(groups=7, page_rows=3)
    with loopback_graph(tenant) as lab:
        assert len(read(lab, tenant, "/groups", params=LICENSED, consistency=True)) == 7
        assert [seen.headers.get("consistencylevel") for seen in lab.asked("/groups")] == ["eventual"] * 3


def test_sign_ins_are_never_asked_with_consistency_level() -> None:
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        with pytest.raises(ValueError, match="signInActivity"):
            read(lab, tenant, params=SIGN_INS, consistency=True)
        assert lab.asked("/users") == []


@pytest.mark.parametrize(("allowed", "calls"), [(999, 1), (500, 1), (120, 3), (100, 4)])
def test_the_page_size_falls_back_until_it_is_accepted(allowed: int, calls: int) -> None:
    tenant = made_tenant(users=101, sign_in_rows=allowed)
    with loopback_graph(tenant) as lab:
        rows = read(lab, tenant, params=SIGN_INS, page_sizes=(500, 120, 100))
        assert all(row["signInActivity"] for row in rows)
        assert len(rows) == 101
        assert len(lab.asked("/users")) == {999: 1, 500: 1, 120: 2, 100: 4}[allowed], calls


def test_a_refusal_that_no_page_size_mends_is_raised() -> None:
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        with pytest.raises(GraphError, match="shoeSize") as refused:
            read(lab, tenant, params={"$select": "id,shoeSize"}, page_sizes=(999, 100))
        assert len(lab.asked("/users")) == 2
    assert (refused.value.status, refused.value.code) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("spoiled", "words", "reason"),
    [
        ("foreign", "another server", GapReason.REFUSED),
        ("user", "another server", GapReason.REFUSED),
        ("number", "no address", GapReason.UNPARSABLE),
    ],
)
def test_a_next_link_to_another_place_is_refused_and_the_first_page_kept(
    spoiled: str, words: str, reason: GapReason
) -> None:
    tenant = made_tenant(users=120, next_link=spoiled)
    with loopback_graph(tenant) as lab:
        pages = lab.client(tenant).pages("/users", SELECT, page_sizes=(100,))
        assert len(next(pages)) == 100
        with pytest.raises(GraphError, match=words) as refused:
            next(pages)
    assert refused.value.reason is reason


def test_pages_that_go_in_a_circle_are_stopped() -> None:
    tenant = made_tenant(users=500, next_link="loop")
    with loopback_graph(tenant) as lab:
        with pytest.raises(GraphError, match="circle"):
            read(lab, tenant, page_sizes=(100,))
        assert len(lab.asked("/users")) == 2


def test_a_token_that_expires_between_pages_is_renewed_once_and_reading_goes_on() -> None:
    tenant = made_tenant(users=2500, calls_per_token=2)
    with loopback_graph(tenant) as lab:
        assert len(read(lab, tenant, page_sizes=(999,))) == 2500
        assert lab.sign_in.asked == 2


def test_a_token_that_is_refused_twice_is_a_refusal() -> None:
    tenant = made_tenant(calls_per_token=0)
    with loopback_graph(tenant) as lab:
        with pytest.raises(GraphError, match="HTTP 401") as refused:
            read(lab, tenant)
        assert lab.sign_in.asked == 2
    assert refused.value.reason is GapReason.DENIED


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE html><html>sign in to the guest network</html>", "HTML, as a proxy"),
        (b"", "it answered with nothing"),
        (b'{"value": [', "damaged JSON"),
        (b"[1, 2]", "JSON that is no object"),
        (b'{"value": null}', "without a list"),
        (b'{"value": ["text"]}', "without a list"),
        (b'{"note": 1}', "without a list"),
        (b'{"value": [{"displayName": "\\ud83d"}]}', "damaged JSON"),
        (b"\xff\xfe{", "no JSON"),
    ],
)
def test_what_is_no_page_is_told_and_is_no_empty_result(body: bytes, words: str) -> None:
    tenant = made_tenant().fail("/users", 200, body=body)
    with loopback_graph(tenant) as lab, pytest.raises(GraphError, match=words) as refused:
        read(lab, tenant)
    assert refused.value.reason is GapReason.UNPARSABLE


def test_null_in_every_property_is_read_as_it_is() -> None:
    tenant = LabTenant(users=[nulled(user(1), "id"), nulled(user(2))])
    with loopback_graph(tenant) as lab:
        rows = read(lab, tenant)
    assert rows[0]["userPrincipalName"] is None
    assert rows[1] == {"id": None, "userPrincipalName": None, "assignedLicenses": None}


@pytest.mark.parametrize(
    ("path", "params", "without", "named"),
    [
        ("/organization", {}, "Organization.Read.All", "Organization.Read.All"),
        ("/subscribedSkus", {}, "LicenseAssignment.Read.All Organization.Read.All", "LicenseAssignment.Read.All"),
        ("/directory/subscriptions", {}, "Organization.Read.All LicenseAssignment.Read.All", "Organization.Read.All"),
        ("/users", SELECT, "User.Read.All", "User.Read.All"),
        ("/users", SIGN_INS, "AuditLog.Read.All", "AuditLog.Read.All"),
        ("/users", SIGN_INS, "User.Read.All", "User.Read.All"),
        ("/groups", {}, "GroupMember.Read.All", "GroupMember.Read.All"),
        ("/admin/reportSettings", {}, "ReportSettings.Read.All", "ReportSettings.Read.All"),
        ("/reports/getOffice365ActivationsUserDetail", {}, "Reports.Read.All", "Reports.Read.All"),
        ("/deviceManagement/managedDevices", {}, *["DeviceManagementManagedDevices.Read.All"] * 2),
        ("/users/1/mailboxSettings", {}, "MailboxSettings.Read", "MailboxSettings.Read"),
        ("/directory/deletedItems/microsoft.graph.user", {}, "User.Read.All", "User.Read.All"),
    ],
)
def test_each_permission_missing_alone_is_named_with_the_page_that_grants_it(
    path: str, params: dict[str, str], without: str, named: str
) -> None:
    tenant = made_tenant()
    tenant.granted -= set(without.split())
    with loopback_graph(tenant) as lab:
        with pytest.raises(PermissionMissing) as refused:
            lab.client(tenant).get(path, params)
        assert len(lab.requests) == 1, "a missing permission is not asked again"
        assert f"{lab.login}/{tenant.id}/adminconsent?client_id={tenant.client_id}" in refused.value.hint
    assert refused.value.permission == named
    assert f"The permission {named} is missing." in refused.value.problem
    assert refused.value.reason is GapReason.DENIED


def test_a_403_despite_the_permission_names_none_as_missing() -> None:
    tenant = made_tenant().fail("/users", 403, code="Authorization_RequestDenied", message="Insufficient privileges")
    with loopback_graph(tenant) as lab, pytest.raises(GraphError, match="Insufficient privileges") as refused:
        read(lab, tenant)
    assert not isinstance(refused.value, PermissionMissing)
    assert refused.value.permission == ""
    assert refused.value.reason is GapReason.DENIED


def test_a_refusal_keeps_code_message_and_request_id_and_nothing_that_moves_a_cursor() -> None:
    body = {"error": {"code": "Bad\x1b[2J", "message": "too\nlong " + "x" * 900, "innerError": {"request-id": "r-1"}}}
    tenant = made_tenant().fail("/users", 400, body=json.dumps(body).encode())
    with loopback_graph(tenant) as lab, pytest.raises(GraphError) as refused:
        read(lab, tenant)
    assert (refused.value.code, refused.value.request_id) == ("Bad [2J", "r-1")
    assert refused.value.message.startswith("too long xxx")
    assert len(refused.value.message) == 240


@pytest.mark.parametrize("status", [400, 403, 404, 410, 418])
def test_an_error_without_a_readable_body_is_told_by_its_status(status: int) -> None:
    tenant = made_tenant().fail("/users", status, body=b"<html>no</html>")
    with loopback_graph(tenant) as lab, pytest.raises(GraphError, match=f"HTTP {status}") as refused:
        read(lab, tenant)
    assert refused.value.request_id == "77777777-8888-4999-8aaa-bbbbbbbbbbbb"


def test_a_redirect_is_not_followed_with_the_token() -> None:
    tenant = made_tenant().fail("/users", 302, headers={"Location": "https://evil.example/"}, body=b"")
    with loopback_graph(tenant) as lab, pytest.raises(GraphError, match="HTTP 302"):
        read(lab, tenant)


def test_the_organization_must_be_the_tenant_that_was_asked_for() -> None:
    tenant, other = LabTenant(domain="a.test"), LabTenant()
    with loopback_graph(tenant) as lab:
        client = lab.client(tenant)
        client.check_organization(tenant.id.upper(), ["a.test"])
        with pytest.raises(WrongTenant, match=other.id):
            client.check_organization(other.id, ["a.test"])
        from collectors.cloud.graph import GraphClient

        by_domain = GraphClient(lab.tokens(tenant, tenant="a.test"), policy=lab.policy(), pace=Pace())
        by_domain.check_organization(tenant.id, ["b.test", "A.test"])
        with pytest.raises(WrongTenant, match=r"b\.test"):
            by_domain.check_organization(tenant.id, ["b.test"])


def test_two_tenants_in_one_run_each_read_their_own() -> None:
    one, two = made_tenant(users=3, domain="one.test"), made_tenant(users=5, domain="two.test")
    with loopback_graph(one, two) as lab:
        assert {str(row["userPrincipalName"]).split("@")[1] for row in read(lab, one)} == {"one.test"}
        assert len(read(lab, two)) == 5


def test_calls_are_marked_low_priority_and_traceable() -> None:
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        read(lab, tenant)
        read(lab, tenant)
        first, second = (seen.headers for seen in lab.asked("/users"))
    assert first["x-ms-throttle-priority"] == "Low"
    assert len({first["client-request-id"], second["client-request-id"]}) == 2


def test_a_tenant_that_cannot_be_reached_is_told_so() -> None:
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        source = lab.tokens(tenant)
        source.token()
        source.endpoints = type(lab.endpoints)(login=lab.login, graph="http://127.0.0.1:9/v1.0")
        from collectors.cloud.graph import GraphClient

        patience = Patience(longest_s=60, sleep=lab.slept.append)
        client = GraphClient(source, policy=lab.policy(), patience=patience, pace=Pace())
        with pytest.raises(TenantUnreachable, match="Connection refused") as refused:
            client.get("/organization")
        assert client.requests == 3, "a broken connection is tried again, twice"
    assert refused.value.reason is GapReason.UNREACHABLE


@pytest.mark.parametrize("path", ["users", "/users?$top=1", "/../beta/users"])
def test_a_path_that_leaves_the_base_is_a_mistake_of_ours(path: str) -> None:
    tenant = made_tenant()
    with loopback_graph(tenant) as lab, pytest.raises(ValueError, match="no path below the base"):
        lab.client(tenant).get(path)


def test_the_client_has_no_way_to_write() -> None:
    from collectors.cloud.graph import GraphClient
    from collectors.cloud.wire import RequestsWire

    public = {name for kind in (GraphClient, RequestsWire) for name in vars(kind) if not name.startswith("_")}
    assert public == {
        "get", "pages", "report", "close", "granted", "tenant_id", "waited_s", "check_organization"
    }  # fmt: skip
