"""software.activation: foreign KMS hosts (case 49), what is not activated (case 50), inert rows (case 51)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from collectors.feeds.records import Severity
from collectors.model import FactKind, Gap, GapReason, HostSnapshot
from collectors.windows.facts import Activation
from rules.model import Confidence, Outcome, PriorityLevel
from rules.software.kms import KmsPlace, domains_of, host_name, kms_place
from tests.lab.snapshots import debian_host
from tests.rules.checks.estate import NOW, days, only
from tests.rules.checks.windows_estate import asked, windows_host

ID = "software.activation"
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"


def _row(**changes: Any) -> Activation:
    values: dict[str, Any] = {
        "activation_id": "4de7cb65-cdf1-4de9-8ae8-e3cce27b9f2c",
        "application_id": WINDOWS,
        "name": "Windows(R), Professional edition",
        "status": 1,
        "partial_key": "3V66T",
        "channel": "OEM:DM",
        **changes,
    }
    return Activation(**values)


def _host(*rows: Activation, domain: str = "", address: str = "192.0.2.20", **changes: Any) -> HostSnapshot:
    host = windows_host(activations=rows, **changes)
    assert host.windows is not None
    system = replace(host.windows.system, domain=domain)
    return replace(host, windows=replace(host.windows, system=system), target=replace(host.target, address=address))


def _kms(host: str, **changes: Any) -> Activation:
    return _row(channel="Volume:GVLK", partial_key="2YT43", kms_host=host, **changes)


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("kms.digi.example", KmsPlace.EXTERNAL),
        ("kms8.msguides.example:1688", KmsPlace.EXTERNAL),
        ("8.8.8.8", KmsPlace.EXTERNAL),
        ("[2001:4860:4860::8888]:1688", KmsPlace.EXTERNAL),
        ("127.0.0.2", KmsPlace.ITSELF),
        ("0.0.0.0", KmsPlace.ITSELF),
        ("localhost", KmsPlace.ITSELF),
        ("::1", KmsPlace.ITSELF),
        ("srv-kms", KmsPlace.NONE),
        ("10.1.0.5:1688", KmsPlace.NONE),
        ("fd00::5", KmsPlace.NONE),
        ("srv-kms.fournil.local.", KmsPlace.NONE),
        ("KMS.fournil.fr", KmsPlace.NONE),
        ("kms.ad.fournil.fr", KmsPlace.NONE),
        ("azkms.core.windows.net", KmsPlace.NONE),
        ("", KmsPlace.NONE),
    ],
)
def test_case_49_whose_kms_host_it_is(host: str, place: KmsPlace) -> None:
    assert kms_place(_kms(host), {"ad.fournil.fr"}) is place


def test_case_49_a_zone_that_sells_names_below_itself_makes_nobody_a_neighbour() -> None:
    assert kms_place(_kms("kms.pirate.co.uk"), {"fournil.co.uk"}) is KmsPlace.EXTERNAL
    assert kms_place(_kms("kms.fournil.co.uk"), {"ad.fournil.co.uk"}) is KmsPlace.NONE


def test_only_kms_clients_heed_a_kms_host() -> None:
    assert kms_place(_row(channel="Volume:MAK", kms_host="kms.digi.example"), ()) is KmsPlace.NONE


def test_the_companys_domains_are_read_from_the_machine_and_its_address() -> None:
    assert domains_of(_host(domain="ad.fournil.fr", address="pc.interne.fournil.com")) == {
        "ad.fournil.fr",
        "interne.fournil.com",
    }
    assert domains_of(_host(domain="WORKGROUP", address="192.0.2.20")) == frozenset()
    assert host_name(" Srv.Example.:1688 ") == "srv.example"


def test_case_49_an_external_kms_host_is_critical_and_for_a_person_to_look_at() -> None:
    office = _kms("kms.digi.example", activation_id="fb", name="Office 21")
    found = only(asked(ID, _host(_kms("kms.digi.example"), office, domain="ad.fournil.fr")))
    assert (found.outcome, found.severity, found.confidence) == (Outcome.FAIL, Severity.CRITICAL, Confidence.TENTATIVE)
    assert (found.key, found.subject, found.priority.level) == ("kms", "pc01", PriorityLevel.NOW)
    assert [proof.seen for proof in found.evidence] == ["kms.digi.example", "kms.digi.example"]


def test_case_49_a_machine_that_activates_itself_is_as_suspect() -> None:
    found = only(asked(ID, _host(_kms("127.0.0.2"))))
    assert (found.message.text, found.severity) == (f"rules.{ID}.fail_itself", Severity.CRITICAL)


def test_a_kms_host_of_the_company_passes() -> None:
    found = only(asked(ID, _host(_kms("srv-kms.fournil.local"), _row())))
    assert (found.outcome, found.message.params["count"]) == (Outcome.PASS, 2)


@pytest.mark.parametrize(
    ("status", "text", "severity"),
    [
        (0, "fail_unlicensed", Severity.MEDIUM),
        (2, "fail_grace_undated", Severity.LOW),
        (4, "fail_not_genuine", Severity.MEDIUM),
        (5, "fail_notification", Severity.MEDIUM),
        (6, "fail_grace_undated", Severity.LOW),
    ],
)
def test_case_50_what_is_not_activated_is_a_technical_finding_of_its_machine(
    status: int, text: str, severity: Severity
) -> None:
    found = only(asked(ID, _host(_row(status=status))))
    assert (found.message.text, found.severity, found.money) == (f"rules.{ID}.{text}", severity, None)


def test_boundary_day_a_grace_period_ends_on_the_day_its_minutes_are_over() -> None:
    minutes = 10 * 24 * 60
    assert only(asked(ID, _host(_row(status=2, grace_minutes=minutes)))).due_on == days(10)
    found = only(asked(ID, _host(_row(status=2, grace_minutes=minutes - 9 * 60))))
    assert found.due_on == days(9)
    assert found.message.params["ends_on"] == days(9).isoformat()


def test_an_evaluation_edition_is_told_while_it_runs() -> None:
    trial = _row(description="Windows Server(R) Operating System, TIMEBASED_EVAL channel", grace_minutes=1440)
    found = only(asked(ID, _host(trial, kind="server", edition="ServerStandardEval")))
    assert (found.message.text, found.due_on) == (f"rules.{ID}.fail_evaluation", days(1))
    dated = replace(trial, expires_at=datetime(2027, 1, 31, tzinfo=UTC))
    assert only(asked(ID, _host(dated))).due_on == datetime(2027, 1, 31, tzinfo=UTC).date()


def test_case_51_rows_without_a_key_and_those_of_subscriptions_say_nothing() -> None:
    inert = _row(status=0, partial_key="")
    subscription = _row(status=0, description="Office 16, TIMEBASED_SUB channel")
    assert only(asked(ID, _host(inert, subscription))).outcome is Outcome.NOT_APPLICABLE
    assert only(asked(ID, _host(inert, subscription, _row()))).outcome is Outcome.PASS


def test_activation_that_could_not_be_read_is_unknown() -> None:
    gap = Gap(kind=FactKind.ACTIVATION, collector="activation", reason=GapReason.DENIED, detail="access denied")
    assert only(asked(ID, _host(_row(), gaps=(gap,)))).outcome is Outcome.UNKNOWN


def test_other_systems_are_not_asked() -> None:
    assert only(asked(ID, debian_host(taken_at=NOW))).outcome is Outcome.NOT_APPLICABLE
