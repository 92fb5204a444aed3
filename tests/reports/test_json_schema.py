"""The documented shape of the json export: current, and true of every kind of assessment."""

import json
from functools import cache

import pytest
from jsonschema import Draft202012Validator

from reports.exports.json import EXPORT
from reports.json_schema import schema, text
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
