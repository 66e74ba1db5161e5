"""The description of a server: what it says of a row is what is checked, and the row that it shows is such a row."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from lepton.contract.spec import ColumnRule, Contract, ImageRule
from lepton.serving.openapi import Shown, describe, page, row_schema
from lepton.serving.rejected import Rejected
from tests.unit.test_serving_check import TABLE, check

ROW: dict[str, Any] = {"age": 41, "city": "Rome", "dose": 0.5, "at": "2026-11-29"}


def valid(row: dict[str, Any]) -> bool:
    try:
        Draft202012Validator(row_schema(TABLE)).validate(row)
    except ValidationError:
        return False
    return True


def allowed(row: dict[str, Any]) -> bool:
    """Return whether nothing of a row is refused or counted."""
    try:
        return not check(row).counted
    except Rejected:
        return False


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        {**ROW, "note": "passed over"},
        {**ROW, "age": None},
        {**ROW, "age": 121},
        {**ROW, "age": "41"},
        {**ROW, "city": "Oslo"},
        {**ROW, "city": None},
        {**ROW, "dose": None},
        {**ROW, "at (hour)": 7.5},
        {**ROW, "aeg": 41},
        {"age": 41, "city": "Rome"},
    ],
)
def test_what_is_described_is_what_is_checked(row: dict[str, Any]) -> None:
    assert valid(row) == allowed(row)


def document(tokens: bool = False) -> dict[str, Any]:
    shown = Shown(TABLE, "lepton-a-to-site v3", True, ROW)
    return describe({"site": shown, "other": replace(shown, provisional=False)}, tokens)


def test_the_document_holds_together() -> None:
    found = json.loads(json.dumps(document(), allow_nan=False))
    text = json.dumps(found)
    for at in range(text.count("#/components/schemas/")):
        name = text.split("#/components/schemas/")[at + 1].partition('"')[0]
        Draft202012Validator.check_schema(found["components"]["schemas"][name])
    asked = found["paths"]["/predict/site"]["post"]
    assert "provisional" in asked["description"]
    assert "provisional" not in found["paths"]["/predict/other"]["post"]["description"]
    assert asked["requestBody"]["content"]["application/json"]["example"] == [ROW]
    assert "security" not in found
    assert {"200", "401", "422", "429", "503"} <= asked["responses"].keys()


def test_tokens_are_asked_for_where_they_are_needed_but_for_health() -> None:
    found = document(tokens=True)
    assert found["security"] == [{"bearer": []}]
    assert found["paths"]["/v2/health/live"]["get"]["security"] == []


def test_images_are_nested_lists_of_their_shape() -> None:
    contract = Contract(domain="d", role="source", kind="image", classes=("a",), image=ImageRule(shape=(1, 2, 3)))
    schema = Draft202012Validator(row_schema(contract))
    assert schema.is_valid({"image": [[[0, 1, 2], [3, 4, 255]]]})
    for wrong in ([[[0, 1], [3, 4]]], [[[0, 1, 2], [3, 4, 256]]], None):
        assert not schema.is_valid({"image": wrong})


def test_a_series_has_its_limits() -> None:
    rule = ColumnRule(name="s", dtype="series", min=0, max=1, length=(2, 3), missing=0.1)
    contract = Contract(domain="d", role="source", kind="sequence", classes=("a",), columns=(rule,))
    schema = Draft202012Validator(row_schema(contract))
    assert schema.is_valid({"s": [0.5, None, 1]})
    assert schema.is_valid({"s": None})
    assert not schema.is_valid({"s": [0.5]})
    assert not schema.is_valid({"s": [0.5, 2]})


def test_the_page_lets_no_other_script_run() -> None:
    body, policy = page()
    assert body.count(b"<script>") == 1
    assert b"http" not in body.replace(b"http-equiv", b"")
    assert "default-src 'none'" in policy
