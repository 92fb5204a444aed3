"""The documented shape of the json export: current, and true of every kind of assessment."""

import json
from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from jsonschema import Draft202012Validator

from reports.exports.json import EXPORT
from reports.json_schema import schema, text
from rules.decisions import Choice, Decision, DecisionState, DecisionUse
from tests.lab import assessments, licensed
from tests.lab import software as positions
from tests.reports.json_schema import FILE

SAMPLES = licensed.EVERY


@cache
def validator():
    Draft202012Validator.check_schema(schema())
    return Draft202012Validator(schema())


def problems(document):
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator().iter_errors(document)]


def test_the_documented_schema_is_the_one_the_types_give():
    assert FILE.read_text("utf-8") == text(), "renew with: python -m tests.reports.json_schema"


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_kind_of_assessment_has_the_documented_shape(sample):
    assert problems(json.loads(EXPORT.render(SAMPLES[sample](), "fr"))) == []


def test_a_license_position_has_the_documented_shape():
    for make in (positions.positioned, positions.positioned_with_licenses, positions.in_order):
        assert problems(json.loads(EXPORT.render(make(), "en"))) == []


def test_what_does_not_have_it_is_told():
    document = json.loads(EXPORT.render(assessments.ordinary(), "fr"))
    document["findings"][0]["ref"] = "F-1"
    del document["machines"]
    assert len(problems(document)) == 2


def _closed(node):
    """The same schema, for which a field nobody documented is a mistake."""
    if isinstance(node, dict):
        made = {key: _closed(value) for key, value in node.items()}
        return {**made, "additionalProperties": False} if "properties" in node else made
    return [_closed(one) for one in node] if isinstance(node, list) else node


def test_no_field_is_written_that_is_not_documented():
    closed = Draft202012Validator(_closed(schema()))
    for make in (*SAMPLES.values(), positions.positioned_with_licenses):
        errors = closed.iter_errors(json.loads(EXPORT.render(make(), "fr")))
        assert [error.message for error in errors] == []


def test_decisions_have_the_documented_shape():
    decision = Decision(
        ref="F-00000001",
        rule="m365.inactive_users",
        person="ann@example.com",
        choice=Choice.KEEP,
        decided_on=date(2026, 8, 12),
        decided_by="Mme Dubois",
        until=date(2027, 8, 11),
    )
    told = replace(assessments.ordinary(), decisions=(DecisionUse(decision=decision, state=DecisionState.IN_FORCE),))
    document = json.loads(EXPORT.render(told, "fr"))
    assert document["decisions"][0]["decision"]["until"] == "2027-08-11"
    assert problems(document) == []
