"""Whatever bytes come back, they are read or refused in words: nothing else is ever raised."""

import base64
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.cloud.answers import AnswerUnreadable, object_of, refused
from collectors.cloud.call import origin
from collectors.cloud.credentials import safe_address
from collectors.cloud.csv_report import CsvUnreadable, day, flag, number, read_report
from collectors.cloud.throttle import retry_after_s
from collectors.cloud.tokens import claims_of
from collectors.cloud.wire import Reply

NOW = datetime(2026, 11, 23, tzinfo=UTC)
_CSV = st.text(alphabet='a",\r\n\x00é\ufeff 2026-1', max_size=300).map(
    lambda text: b"Report Refresh Date,User Principal Name\r\n" + text.encode()
)


@given(st.text(max_size=60) | st.dates().map(str) | st.floats().map(str))
def test_any_retry_after_is_a_wait_or_nothing(header: str) -> None:
    seconds = retry_after_s(header, NOW)
    assert seconds is None or seconds >= 0


@given(st.binary(max_size=300) | _CSV)
def test_any_report_is_read_whole_or_refused(body: bytes) -> None:
    try:
        report = read_report(body)
    except CsvUnreadable:
        return
    assert len(list(report.rows())) == report.count - report.unread
    assert all(set(row) == set(report.header) for row in report.rows())


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(max_size=5), st.lists, max_leaves=9).map(repr))
def test_any_answer_is_an_object_or_refused(body: bytes | str) -> None:
    told = body.encode() if isinstance(body, str) else body
    with suppress(AnswerUnreadable):
        assert isinstance(object_of(told), dict)
    why = refused(Reply(status=403, headers={}, body=told))
    assert (why.status, why.code.isprintable(), why.message.isprintable()) == (403, True, True)


def test_brackets_nested_beyond_measure_are_refused() -> None:
    for body in (b"[" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(AnswerUnreadable, match="damaged"):
            object_of(body)


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: f"h.{base64.urlsafe_b64encode(raw).decode()}.s"))
def test_any_token_tells_claims_or_none(token: str) -> None:
    assert isinstance(claims_of(token), dict)


@given(st.text(max_size=60) | st.text(max_size=30).map("https://{}".format))
def test_any_address_is_safe_or_not_and_never_an_error(url: str) -> None:
    if safe_address(url):
        assert urlsplit(url).hostname
        assert origin(url)[1]


@given(st.text(max_size=30))
def test_any_cell_is_a_value_or_nothing(text: str) -> None:
    for read in (day, flag, number):
        read(text)
