"""sendMail of Microsoft Graph: what it sends, what each refusal means, and when nobody knows."""

from pathlib import Path

import pytest

from auditor.mail_settings import Mailbox
from auditor.mailing.carrier import Fate, Parcel, Receipt
from auditor.mailing.compose import compose
from auditor.mailing.graph_mail import SMALL_BYTES, GraphCarrier
from reports.message import letter
from tests.auditor.mailing.parcels import AT, CLIENT, COPY, PERIOD, TO, USER, draft, report_of, settings
from tests.lab import assessments
from tests.lab.graph_mail import GraphMailLab, Refuse, graph_mail

BOTH = frozenset({"Mail.Send", "Mail.ReadWrite"})
POLICY = "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings."


def carry(
    lab: GraphMailLab, content: bytes = b"", *, to: tuple[str, ...] = (TO,), secret: str = ""
) -> tuple[Receipt, int]:
    committed: list[int] = []
    carrier = GraphCarrier(lab.tokens(secret), lab.policy(), mailbox=USER)
    parcel = Parcel(sender=USER, recipients=to, content=content or draft(settings(to=to)).content)
    return carrier.carry(parcel, lambda: committed.append(1)), len(committed)


def large() -> bytes:
    """A mail whose workbook needs several slices."""
    attachment = report_of(assessments.spotless())
    content = b"\xd0\xcf\x11\xe0" + bytes(range(256)) * 40_000  # 10 MB
    made = type(attachment)(name=attachment.name, content=content)
    return compose(
        letter(assessments.spotless(), "fr"), made, settings(attachment_limit_mb=20.0),
        client=CLIENT, period=PERIOD, at=AT, number="1",
    ).content  # fmt: skip


def test_a_report_is_sent_with_mail_send_alone(tmp_path: Path) -> None:
    how = settings(to=(TO,), cc=(COPY,), reply_to=(Mailbox(address="support@martin.example", name="Support"),))
    with graph_mail(tmp_path, USER) as lab:
        receipt, committed = carry(lab, draft(how).content, to=(TO, COPY))
    assert (receipt.fate, committed) == (Fate.ACCEPTED, 1)
    (sent,) = lab.sent
    assert lab.calls == [f"POST /v1.0/users/{USER.replace('@', '%40')}/sendMail"]
    assert sent["subject"] == draft(how).subject
    assert sent["toRecipients"] == [{"emailAddress": {"address": TO}}]
    assert sent["ccRecipients"] == [{"emailAddress": {"address": COPY}}]
    assert sent["replyTo"] == [{"emailAddress": {"address": "support@martin.example", "name": "Support"}}]
    assert sent["body"]["contentType"] == "HTML"
    assert "Madame Dubois" in sent["body"]["content"]
    attachment = report_of(assessments.spotless())
    assert sent["files"] == [(attachment.name, attachment.content)]


def test_those_who_got_it_are_left_out(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER) as lab:
        carry(lab, draft(settings(to=(TO, COPY))).content, to=(COPY,))
    assert lab.sent[0]["toRecipients"] == [{"emailAddress": {"address": COPY}}]


def test_a_large_workbook_goes_in_slices_through_a_draft(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER, granted=BOTH) as lab:
        receipt, committed = carry(lab, large())
    assert (receipt.fate, committed) == (Fate.ACCEPTED, 1)
    (sent,) = lab.sent
    ((name, content),) = sent["files"]
    assert name == report_of(assessments.spotless()).name
    assert content == b"\xd0\xcf\x11\xe0" + bytes(range(256)) * 40_000
    assert len(content) > SMALL_BYTES
    assert lab.drafts == {}


def test_a_large_workbook_without_the_permission_for_drafts_is_told(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER) as lab:
        receipt, committed = carry(lab, large())
    assert (receipt.fate, committed) == (Fate.OURS, 0)
    assert "Mail.ReadWrite" in receipt.hint
    assert "above 3 MB" in receipt.hint


@pytest.mark.parametrize("end", ["/createUploadSession", "/upload/session0"])
def test_a_draft_that_cannot_be_completed_is_not_left_behind(tmp_path: Path, end: str) -> None:
    with graph_mail(tmp_path, USER, granted=BOTH) as lab:
        lab.refusals.append(Refuse(end=end, status=503))
        receipt, committed = carry(lab, large())
    assert (receipt.fate, committed) == (Fate.LATER, 0)
    assert lab.drafts == {}
    assert lab.sent == []


def test_a_policy_that_keeps_the_application_away_is_explained(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER) as lab:
        lab.refusals.append(Refuse(end="/sendMail", status=403, code="ErrorAccessDenied", message=POLICY))
        receipt, _ = carry(lab)
    assert receipt.fate is Fate.OURS
    assert "application access policy" in receipt.hint
    assert USER in receipt.hint


def test_a_missing_permission_is_named_with_the_advice_to_limit_it(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER, granted=frozenset()) as lab:
        receipt, _ = carry(lab)
    assert receipt.fate is Fate.OURS
    assert "Mail.Send" in receipt.hint
    assert "limit it to" in receipt.hint
    assert "Mail.ReadWrite" not in receipt.hint


def test_a_sender_that_is_no_mailbox_of_the_tenant_is_told(tmp_path: Path) -> None:
    with graph_mail(tmp_path, "other@infogerance.example") as lab:
        receipt, _ = carry(lab)
    assert receipt.fate is Fate.OURS
    assert "mail.from must be a mailbox of this tenant" in receipt.hint


def test_a_wrong_secret_is_told_and_not_repeated(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER) as lab:
        receipt, committed = carry(lab, secret="wrong-s3cret")
    assert (receipt.fate, committed) == (Fate.OURS, 0)
    assert "the client secret is wrong" in receipt.problem
    assert "wrong-s3cret" not in repr(receipt)


def test_a_busy_service_is_asked_again_when_it_says(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER) as lab:
        lab.refusals.append(Refuse(end="/sendMail", status=429, code="TooManyRequests", headers={"Retry-After": "7"}))
        receipt, _ = carry(lab)
        assert (receipt.fate, receipt.wait_s) == (Fate.LATER, 7.0)
        assert carry(lab)[0].fate is Fate.ACCEPTED


def test_a_token_that_ran_out_is_renewed_and_the_message_sent_once(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER) as lab:
        lab.refusals.append(Refuse(end="/sendMail", status=401, code="InvalidAuthenticationToken"))
        assert carry(lab)[0].fate is Fate.ACCEPTED
    assert len(lab.sent) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        Refuse(end="/sendMail", hang_up=True, done=True),
        Refuse(end="/sendMail", status=504, done=True),
        Refuse(end="/sendMail", status=500),
        Refuse(end="/sendMail", hang_up=True),
    ],
)
def test_an_answer_that_says_nothing_leaves_open_whether_it_was_sent(tmp_path: Path, refusal: Refuse) -> None:
    with graph_mail(tmp_path, USER) as lab:
        lab.refusals.append(refusal)
        receipt, committed = carry(lab)
    assert (receipt.fate, committed) == (Fate.UNCLEAR, 1)
    assert "it may have been accepted" in receipt.problem


def test_a_message_graph_finds_wrong_is_refused(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER) as lab:
        lab.refusals.append(Refuse(end="/sendMail", status=400, code="ErrorInvalidRecipients", message="no such one"))
        receipt, _ = carry(lab)
    assert receipt.fate is Fate.REFUSED
    assert "ErrorInvalidRecipients: no such one" in receipt.problem


def test_a_service_that_is_not_there_has_not_got_it(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER) as lab:
        tokens, policy = lab.tokens(), lab.policy()
        tokens.token()  # and that is kept: only Graph itself is gone
    carrier = GraphCarrier(tokens, policy, mailbox=USER)
    receipt = carrier.carry(Parcel(sender=USER, recipients=(TO,), content=draft().content), lambda: None)
    assert receipt.fate is Fate.LATER


def test_a_certificate_that_does_not_hold_stops_the_message(tmp_path: Path) -> None:
    with graph_mail(tmp_path / "a", USER) as lab, graph_mail(tmp_path / "b", USER) as other:
        tokens = lab.tokens()
        tokens.token()
        carrier = GraphCarrier(tokens, other.policy(), mailbox=USER)
        receipt = carrier.carry(Parcel(sender=USER, recipients=(TO,), content=draft().content), lambda: None)
    assert receipt.fate is Fate.OURS
    assert "certificate was not accepted" in receipt.problem
    assert lab.sent == []


def test_reaching_the_service_sends_nothing_and_tells_a_permission_that_is_not_seen(tmp_path: Path) -> None:
    with graph_mail(tmp_path, USER) as lab:
        assert GraphCarrier(lab.tokens(), lab.policy(), mailbox=USER).reach() == Receipt(fate=Fate.ACCEPTED)
        assert GraphCarrier(lab.tokens("wrong"), lab.policy(), mailbox=USER).reach().fate is Fate.OURS
    with graph_mail(tmp_path, USER, granted=frozenset()) as lab:
        told = GraphCarrier(lab.tokens(), lab.policy(), mailbox=USER).reach()
        assert "auditor mail test" in told.hint
    assert lab.sent == []
