"""Microsoft 365 through the command line: a loopback Graph, real sign-in, real files, real exit codes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from auditor.demo.described import machines
from auditor.demo.recordings import write
from auditor.exits import Exit
from tests.auditor.workbooks import annexes, managers
from tests.lab.graph import LabTenant, LoopbackGraph, loopback_graph, made_tenant, sku
from tests.lab.tenant_clients import SECRET, client_folder, graph_table, tenant_table

Auditor = Callable[..., Result]
_SECRET = "s3cr3t~lab"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackGraph]:
    monkeypatch.setenv(SECRET, _SECRET)
    with loopback_graph() as running:
        yield running


def _tenant(lab: LoopbackGraph, **how: Any) -> LabTenant:
    return lab.add(made_tenant(**{"users": 8, "secret": _SECRET, **how}))


def _shown(result: Result) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(result.stdout)
    return shown


def _recording(folder: Path) -> str:
    machine = next(one for one in machines() if one.name == "srv-caisses")
    return f'[[machines]]\nname = "srv-caisses"\nprotocol = "replay"\naddress = "{write(machine, folder)}"\n'


def test_a_client_with_a_tenant_is_audited_stored_reported_and_explained(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    client = client_folder(tmp_path / "fournil", lab, [_tenant(lab)], more=_recording(tmp_path / "taped"))
    done = auditor("audit", client, "--json")
    shown = _shown(done)
    assert done.exit_code == Exit.INCOMPLETE
    (tenant,) = shown["assessment"]["tenants"]
    assert (tenant["target"]["name"], tenant["reached"], tenant["users"]) == ("cloud", True, 8)
    assert [machine["target"]["name"] for machine in shown["assessment"]["machines"]] == ["srv-caisses"]
    assert "cloud: Contoso SARL, 3 products, 8 accounts" in done.stderr
    findings = [finding for finding in shown["assessment"]["findings"] if finding["subject"] == "cloud"]
    assert {finding["rule"].split(".")[0] for finding in findings} == {"m365"}
    with sqlite3.connect(client / "history.sqlite") as history:
        kinds = dict(history.execute("SELECT target, kind FROM snapshots").fetchall())
    assert kinds == {"cloud": "tenant", "srv-caisses": "host"}
    assert auditor("report", client, "--lang", "fr", "--export", "json").exit_code == 0
    assert _SECRET not in done.output
    assert not any(_SECRET.encode() in file.read_bytes() for file in client.rglob("*") if file.is_file())


def test_a_scan_needs_no_client_file_but_to_know_as_whom_to_sign_in(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    """Where Graph is comes from a client file here: the real one is not on loopback."""
    tenant = _tenant(lab)
    client = client_folder(tmp_path / "c", lab, [])
    arguments = ("scan", f"m365://{tenant.domain}", "--client", client, "--client-id", tenant.client_id)
    shown = _shown(auditor(*arguments, "--secret-from", f"env:{SECRET}", "--json"))
    (found,) = shown["assessment"]["tenants"]
    assert (found["target"]["name"], found["reached"]) == (tenant.domain, True)
    assert shown["assessment"]["stale_feeds"] == [], "advisories say nothing about licenses"
    assert "no_machine" not in shown["exit"]["reasons"]


def test_a_tenant_of_the_client_file_is_known_by_its_address_too(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    tenant = _tenant(lab)
    client = client_folder(tmp_path / "c", lab, [tenant])
    shown = _shown(auditor("scan", f"m365://{tenant.id}", "--client", client, "--json"))
    assert [found["reached"] for found in shown["assessment"]["tenants"]] == [True]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ((), ("m365://contoso.com", "--client-id", "auditor onboard m365")),
        (("--client-id", "x"), ("--client-id", "looks like")),
        (("--client-id", "ID"), ("how to sign in", "--certificate FILE, --secret-from REF, --device-code")),
        (("--client-id", "ID", "--secret-from", "hunter2"), ("--secret-from", "reference")),
        (("--client-id", "ID", "--certificate", "absent.pem"), ("--certificate", "absent.pem")),
        (("--client-id", "ID", "--secret-from", "env:S", "--device-code"), ("said twice",)),
        (("--client-id", "ID", "--device-code", "--passphrase-from", "env:S"), ("--passphrase-from",)),
        (("--client-id", "ID", "--secret-from", "env:ABSENT"), ("env:ABSENT", "not set")),
    ],
)
def test_options_that_do_not_say_how_to_sign_in_are_refused(
    auditor: Auditor, options: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    given = ["11111111-2222-3333-4444-555555555555" if option == "ID" else option for option in options]
    result = auditor("scan", "m365://contoso.com", *given)
    assert result.exit_code == Exit.USAGE
    for part in parts:
        assert part in result.stderr
    assert "hunter2" not in result.output


def test_sign_in_options_without_a_tenant_are_refused(auditor: Auditor) -> None:
    result = auditor("scan", "local", "--client-id", "11111111-2222-3333-4444-555555555555")
    assert result.exit_code == Exit.USAGE
    assert "no tenant is named" in result.stderr


def test_a_tenant_that_refuses_is_not_audited_and_harms_nothing_else(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    good, wrong, foreign = _tenant(lab), _tenant(lab, secret="another"), _tenant(lab)
    foreign.token_tenant = good.id
    client = client_folder(tmp_path / "c", lab, [wrong, good, foreign], more=_recording(tmp_path / "taped"))
    done = auditor("audit", client, "--json")
    shown = _shown(done)
    assert done.exit_code == Exit.INCOMPLETE
    assert "tenants_not_audited" in shown["exit"]["reasons"]
    reached = {tenant["target"]["name"]: tenant["reached"] for tenant in shown["assessment"]["tenants"]}
    assert reached == {"cloud": False, "cloud1": True, "cloud2": False}
    assert shown["assessment"]["machines"][0]["reached"]
    unseen = [tenant for tenant in shown["assessment"]["tenants"] if not tenant["reached"]]
    details = {tenant["target"]["name"]: tenant["gaps"][0]["detail"] for tenant in unseen}
    assert "the client secret is wrong (AADSTS7000215)" in details["cloud"]
    assert "asked for; nothing was read" in details["cloud2"]


def test_the_same_finding_is_explained_by_reference_by_person_and_by_product(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    tenant = _tenant(lab)
    tenant.users[1]["accountEnabled"] = False
    upn = tenant.users[1]["userPrincipalName"]
    client = client_folder(tmp_path / "c", lab, [tenant])
    shown = _shown(auditor("audit", client, "--json"))
    (finding,) = [
        found
        for found in shown["assessment"]["findings"]
        if found["rule"] == "m365.disabled_users" and found["outcome"] == "fail"
    ]
    assert finding["person"] == upn
    person = auditor("explain", "--client", client, "cloud", upn)
    assert f"({upn})" in person.stdout
    assert "Account enabled: no" in person.stdout
    assert "Last successful sign-in" in person.stdout
    reference = person.stdout.split(" · ")[0].splitlines()[-1].strip()
    assert reference.startswith("F-")
    by_reference = auditor("explain", "--client", client, reference)
    assert f"Person                   {upn}" in by_reference.stdout
    assert "Organization: Contoso SARL" in by_reference.stdout
    product = auditor("explain", "--client", client, "cloud", "SPB", "--lang", "fr")
    assert "achetées" in product.stdout
    assert auditor("explain", "--client", client, "cloud", "nobody").exit_code == Exit.USAGE
    assert "user" in auditor("explain", "--client", client, "cloud", upn[:-1]).stderr
    detail = json.loads(auditor("explain", "--client", client, "cloud", upn, "--json").stdout)
    assert detail["tenant"]["person"]["upn"] == upn
    assert "users" not in detail["tenant"], "of its people only the one that was asked about"


def test_prices_make_money_and_a_sku_nobody_knows_is_told(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    client = client_folder(tmp_path / "c", lab, [_tenant(lab, skus=1)], more="[m365]\nspare_seats = { SPBB = 1 }\n")
    rows = "SPB;20,00;mois;;01/01/2026\nSPP;1,00;mois;;01/01/2026\nSPE_E3;_;mois;;01/01/2026\n"
    (client / "prices.csv").write_text("sku;prix unitaire HT;période;engagement;à partir du\n" + rows)
    done = auditor("audit", client, "--json")
    shown = _shown(done)
    (line,) = [line for line in shown["assessment"]["tenants"][0]["licenses"] if line["part_number"] == "SPB"]
    assert line["monthly_price"] == "20.00"
    assert shown["warnings"] == [
        "prices.csv, row 4: no price yet for 'SPE_E3'",
        "client.toml, m365.spare_seats: no tenant of this client has 'SPBB'. Did you mean `SPB`?",
        "prices.csv, row 3: no tenant of this client has 'SPP'. Did you mean `SPB`?",
    ]
    assert "Warning: prices.csv, row 3" in done.stderr
    (client / "prices.csv").write_text("sku;prix\n")
    refused = auditor("audit", client)
    assert refused.exit_code == Exit.USAGE
    assert "prices.csv: the column period is missing" in refused.stderr
    assert auditor("report", client).exit_code == 0, "a past run needs no price list"


def test_what_a_tenant_said_is_recorded_and_can_be_replayed(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    client = client_folder(tmp_path / "c", lab, [_tenant(lab)])
    live = _shown(auditor("audit", client, "--record", tmp_path / "taped", "--json"))
    assert [file.name for file in (tmp_path / "taped").iterdir()] == ["cloud.m365"]
    asked = len(lab.requests)
    replayed = _shown(auditor("scan", f"replay:{tmp_path / 'taped'}", "--json"))
    assert len(lab.requests) == asked, "a replay asks nobody"
    (then,), (now,) = live["assessment"]["tenants"], replayed["assessment"]["tenants"]
    assert (now["users"], now["organization"]) == (then["users"], then["organization"])
    assert now["target"]["name"] == "cloud"


def test_a_tenant_whose_recording_cannot_be_written_is_audited_all_the_same(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    client = client_folder(tmp_path / "c", lab, [])
    name = "x" * 150 + "\u00e9" * 50  # percent-encoded, longer than a file name may be
    table = tenant_table(_tenant(lab), name)
    (client / "client.toml").write_text((client / "client.toml").read_text("utf-8") + table, "utf-8")
    done = auditor("audit", client, "--record", tmp_path / "taped", "--json")
    assert _shown(done)["assessment"]["tenants"][0]["reached"]
    assert "could not be recorded" in done.stderr


def test_a_disk_that_fills_up_keeps_the_tenant_in_memory(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.errors import HistoryFull
    from auditor.history.store import Store

    def full(self: Store, *_: object, **__: object) -> None:
        raise HistoryFull(str(self.path), "its disk is full.", hint="Free some room.")

    monkeypatch.setattr(Store, "add", full)
    monkeypatch.setattr(Store, "conclude", full)
    client = client_folder(tmp_path / "c", lab, [_tenant(lab)])
    done = auditor("audit", client, "--json")
    shown = _shown(done)
    assert done.exit_code == Exit.USAGE
    assert shown["exit"]["reasons"][0] == "history_not_written"
    assert shown["assessment"]["tenants"][0]["users"] == 8


def test_each_missing_permission_costs_its_own_part_only(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    """Graph refuses one resource: that is a gap with the permission's name, and the rest stands."""
    tenant = _tenant(lab)
    tenant.granted -= {"LicenseAssignment.Read.All", "Organization.Read.All"}
    tenant.fail("/subscribedSkus", 403, times=None, code="Authorization_RequestDenied")
    shown = _shown(auditor("audit", client_folder(tmp_path / "c", lab, [tenant]), "--json"))
    (found,) = shown["assessment"]["tenants"]
    assert found["reached"]
    assert found["users"] == 8
    assert "LicenseAssignment.Read.All" in {gap["permission"] for gap in found["gaps"]}
    unknown = {finding["rule"] for finding in shown["assessment"]["findings"] if finding["outcome"] == "unknown"}
    assert "m365.under_licensed" in unknown


def test_a_tenant_seen_before_is_compared_with_what_it_was(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rules.tenants.engine

    seen: list[Any] = []
    real = rules.tenants.engine.judge_tenant

    def judge(*arguments: Any, **how: Any) -> Any:
        seen.append(how["previous"])
        return real(*arguments, **how)

    monkeypatch.setattr(rules.tenants.engine, "judge_tenant", judge)
    tenant = _tenant(lab, skus=1)
    client = client_folder(tmp_path / "c", lab, [tenant])
    auditor("audit", client)
    tenant.skus = [sku("SPB", enabled=3, consumed=3)]
    auditor("audit", client)
    assert seen[0] is None
    assert len(seen[1].users) == 8


def test_a_list_names_tenants_beside_machines(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    client = client_folder(tmp_path / "c", lab, [_tenant(lab)], more='[[machines]]\nname = "web"\n')
    listed = auditor("audit", client, "--list")
    assert listed.exit_code == 0
    assert "c, 1 machines, 1 Microsoft 365 tenants" in listed.stdout
    assert "  cloud  m365 " in listed.stdout


def test_the_providers_application_serves_many_clients_in_one_run(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    one_app = "11111111-2222-3333-4444-555555555555"
    provider = f'[credentials.app]\nkind = "m365"\nclient_id = "{one_app}"\nsecret = "env:{SECRET}"\n'
    (tmp_path / "provider.toml").write_text(provider + graph_table(lab))
    tenants = [_tenant(lab, client_id=one_app, users=number + 1) for number in range(6)]
    tenants[2].secret = "rolled over"
    clients = []
    for number, tenant in enumerate(tenants):
        folder = tmp_path / f"client{number}"
        folder.mkdir()
        text = f'[client]\nname = "Client {number}"\nlanguage = "en"\n'
        text += f'[[tenants]]\nname = "cloud"\ntenant = "{tenant.id}"\ncredential = "app"\n'
        (folder / "client.toml").write_text(text)
        clients.append(folder)
    (clients[4] / "client.toml").write_text("[client\n")
    (clients[5] / "history.sqlite").write_bytes(b"precious notes" * 100)
    done = auditor("audit", *clients, clients[0], "--json")
    shown = _shown(done)
    assert done.exit_code == Exit.USAGE, "two clients were not audited at all, and that is our side"
    assert shown["exit"]["code"] == Exit.USAGE
    found = {
        document["assessment"]["client"]: document["assessment"]["tenants"][0]["users"] for document in shown["clients"]
    }
    assert found == {"Client 0": 1, "Client 1": 2, "Client 2": None, "Client 3": 4}, "each once, none mixed up"
    assert [Path(refused["client"]).name for refused in shown["refused"]] == ["client4", "client5"]
    assert "not valid TOML" in shown["refused"][0]["problem"]
    assert "Move it aside" in shown["refused"][1]["problem"]
    assert "2 of 6 clients were not audited" in done.stderr
    assert "Client 3: cloud: Contoso SARL" in done.stderr
    for folder in clients[:4]:
        assert (len(managers(folder / "reports")), len(annexes(folder / "reports"))) == (1, 1)


def test_a_client_beside_others_whose_secret_is_gone_is_refused_alone(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph
) -> None:
    good = client_folder(tmp_path / "good", lab, [_tenant(lab)])
    poor = client_folder(tmp_path / "poor", lab, [_tenant(lab)], way='secret = "env:GONE"')
    empty = client_folder(tmp_path / "empty", lab, [])
    done = auditor("audit", poor, good, empty)
    assert done.exit_code == Exit.USAGE
    assert "env:GONE" in done.stderr
    assert "names no machine and no tenant" in done.stderr
    assert "good: data as of" in done.stdout
    assert done.stdout.count("Report:") == 2, "the manager's and the technician's of one client"
    assert (len(managers(good / "reports")), len(annexes(good / "reports"))) == (1, 1)


@pytest.mark.parametrize("option", ["--output", "--record"])
def test_two_clients_of_one_name_do_not_overwrite_each_others_files(
    auditor: Auditor, tmp_path: Path, lab: LoopbackGraph, option: str
) -> None:
    first = client_folder(tmp_path / "a" / "same", lab, [_tenant(lab)])
    second = client_folder(tmp_path / "b" / "same", lab, [_tenant(lab)])
    done = auditor("audit", first, second, option, tmp_path / "out")
    assert done.exit_code == Exit.USAGE
    assert "would overwrite each other" in done.stderr
    assert option in done.stderr


def test_each_client_is_recorded_in_a_folder_of_its_own(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    clients = [client_folder(tmp_path / name, lab, [_tenant(lab)]) for name in ("one", "two")]
    auditor("audit", *clients, "--record", tmp_path / "taped", "--output", tmp_path / "out")
    taped = {str(file.relative_to(tmp_path / "taped")) for file in (tmp_path / "taped").rglob("*.m365")}
    assert taped == {"one/cloud.m365", "two/cloud.m365"}
    assert (len(managers(tmp_path / "out")), len(annexes(tmp_path / "out"))) == (2, 2)


def test_lists_of_several_clients_are_checked_one_by_one(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    good = client_folder(tmp_path / "good", lab, [_tenant(lab)])
    done = auditor("audit", good, tmp_path / "absent", "--list")
    assert done.exit_code == Exit.USAGE
    assert "good, 0 machines, 1 Microsoft 365 tenants" in done.stdout
    assert "no such client folder" in done.stderr


def test_no_log_holds_what_signs_in(auditor: Auditor, tmp_path: Path, lab: LoopbackGraph) -> None:
    done = auditor("--debug", "audit", client_folder(tmp_path / "c", lab, [_tenant(lab)]))
    assert "DEBUG" in done.stderr
    assert _SECRET not in done.output
    assert "eyJ" not in done.output, "a token or an assertion"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_ctrl_c_does_not_wait_for_a_tenant_that_makes_us_wait(tmp_path: Path, lab: LoopbackGraph) -> None:
    """Microsoft asks for five minutes; the operator has none. What was seen is kept and rendered."""
    busy = _tenant(lab).fail("/organization", 429, times=None, headers={"Retry-After": "300"})
    client = client_folder(tmp_path / "c", lab, [_tenant(lab), busy])
    environment = {**os.environ, "AUDITOR_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(
        [sys.executable, "-m", "auditor", "audit", str(client)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while not (line := process.stderr.readline()).startswith("[1/2]"):
        assert line, "it ended before the first tenant was seen"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == Exit.INTERRUPTED, errors
    assert "stopped by the operator" in errors
    assert "Traceback" not in errors
    assert "Report:" in output
