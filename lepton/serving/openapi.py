"""What a server understands, as OpenAPI 3.1 made from the contracts when it is asked for; the page that shows it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from lepton import __version__
from lepton.contract.spec import ColumnRule, Contract
from lepton.core.kinds import part_name
from lepton.graph.fields import IMAGE

Schema = dict[str, Any]
_REFUSED = {
    "400": "The body cannot be read.",
    "401": "No token, or a wrong one.",
    "403": "The token is not for this.",
    "413": "The body is too large, or has too many rows.",
    "422": "The rows break the contract; `details` names each value.",
    "429": "Too many requests or waiting rows; Retry-After says when to come again.",
    "503": "It waited too long, or cannot be logged.",
}


@dataclass(frozen=True)
class Shown:
    """A domain as it is described."""

    contract: Contract
    model: str
    provisional: bool
    example: Mapping[str, Any]
    """A row that it answers."""


def describe(domains: Mapping[str, Shown], tokens: bool) -> Schema:
    """Return the OpenAPI document.

    Args:
        domains: What is served, by name.
        tokens: Whether a request must bear one.
    """
    paths: Schema = {}
    schemas: Schema = {"Error": _ERROR}
    for name, shown in domains.items():
        row, answer = f"Row of {name}", f"Answer of {name}"
        schemas[_key(row)], schemas[_key(answer)] = row_schema(shown.contract), answer_schema(shown.contract)
        paths[f"/predict/{name}"] = {"post": _predict(name, shown, _ref(row), _ref(answer))}
        paths[f"/labels/{name}"] = {"post": _labels(name, shown.contract)}
        paths[f"/v2/models/{name}"] = {
            "get": _get(f"Who answers for {name}: version, inputs, digests", "application/json")
        }
    paths["/metrics"] = {"get": _get("Metrics for Prometheus", "text/plain")}
    for which in ("live", "ready"):
        paths[f"/v2/health/{which}"] = {
            "get": {**_get(f"Whether the server is {which}", "application/json"), "security": []}
        }
    found: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "lepton", "version": __version__, "description": "Champions that answer over HTTP."},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if tokens:
        found["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"bearer": []}]
    return found


def row_schema(contract: Contract) -> Schema:
    """Return the JSON Schema of a row: what the contract allows, not only what is refused beyond it."""
    properties: Schema = {rule.name: _column(rule) for rule in contract.columns}
    if contract.image is not None:
        channels, height, width = contract.image.shape
        value: Schema = {"type": "number", "minimum": contract.image.min, "maximum": contract.image.max}
        for size in (width, height, channels):
            value = {"type": "array", "items": value, "minItems": size, "maxItems": size}
        properties[IMAGE] = value
    parts = {part_name(date, part) for date, kept in contract.dates.items() for part in kept}
    for date in contract.dates:
        properties[date] = {
            "type": ["string", "null"],
            "description": "A date or time, ISO 8601; instead of its parts.",
            "examples": ["2026-11-29 17:30"],
        }
    must = [rule.name for rule in contract.columns if rule.missing == 0 and rule.name not in parts]
    if contract.image is not None and contract.image.missing == 0:
        must.append(IMAGE)
    passed: Schema = {name: {} for name in (contract.id, contract.label, *contract.ignore) if name not in properties}
    return {"type": "object", "properties": properties | passed, "required": must, "additionalProperties": False}


def answer_schema(contract: Contract) -> Schema:
    """Return the JSON Schema of the answer to a row."""
    chance = {"type": "number", "minimum": 0, "maximum": 1}
    return {
        "type": "object",
        "required": ["id", "label", "confidence", "probabilities"],
        "properties": {
            "id": {"type": "string", "description": "Of the row, for its label later."},
            "label": {"enum": list(contract.classes)},
            "confidence": chance,
            "probabilities": {
                "type": "object",
                "properties": dict.fromkeys(contract.classes, chance),
                "required": list(contract.classes),
            },
        },
    }


@lru_cache(maxsize=1)
def page() -> tuple[bytes, str]:
    """Return the page `/docs`, which reads the document and asks, and its policy: no script but its own may run.

    Nothing of a domain stands in it.
    """
    here = files("lepton.serving")
    script = here.joinpath("docs.js").read_text(encoding="utf-8")
    html = here.joinpath("docs.html").read_text(encoding="utf-8").replace("{{ script }}", script)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest}'",
        "style-src": "'unsafe-inline'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return html.encode(), "; ".join(f"{name} {value}" for name, value in policy.items())


def _column(rule: ColumnRule) -> Schema:
    found: Schema = {}
    if rule.dtype == "number":
        found = {"type": "number"} | _bounds(rule)
    elif rule.dtype == "series":
        found = {"type": "array", "items": {"type": ["number", "null"]} | _bounds(rule)}
        if rule.length is not None:
            found |= {"minItems": rule.length[0], "maxItems": rule.length[1]}
    elif rule.dtype == "text":
        found = {"type": "string"}
        if rule.length is not None:
            found |= {"minLength": rule.length[0], "maxLength": rule.length[1]}
    else:
        found = {"enum": list(rule.values)} if rule.values else {"type": "string"}
    if rule.missing == 0:
        return found
    if "enum" in found:
        return {"enum": [*found["enum"], None]}
    return {**found, "type": [found["type"], "null"]}


def _bounds(rule: ColumnRule) -> Schema:
    bounds = {"minimum": rule.min, "maximum": rule.max}
    return {name: value for name, value in bounds.items() if value is not None}


def _predict(name: str, shown: Shown, row: Schema, answer: Schema) -> Schema:
    rows = {"type": "array", "items": row, "minItems": 1}
    answers = {"type": "array", "items": answer}
    who = f"{shown.model}{' (provisional: not verified on this domain)' if shown.provisional else ''} answers."
    return {
        "summary": f"Answers to rows of {name}",
        "description": f"{who} What is out of range or a category that nobody knows may be answered all the same.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": rows, "example": [dict(shown.example)]},
                "text/csv": {"schema": {"type": "string", "description": "The columns, with a header."}},
            },
        },
        "responses": {"200": _told("An answer a row.", "application/json", answers), **_refusals()},
    }


def _labels(name: str, contract: Contract) -> Schema:
    one = {
        "type": "object",
        "required": ["id", "label"],
        "properties": {"id": {"type": "string"}, "label": {"enum": list(contract.classes)}},
    }
    content = {"application/json": {"schema": {"type": "array", "items": one}}}
    return {
        "summary": f"Labels that came later, of rows of {name} by the ids of their answers",
        "requestBody": {"required": True, "content": content},
        "responses": {"202": _told("They are taken.", "application/json", {"type": "object"}), **_refusals()},
    }


def _get(summary: str, kind: str) -> Schema:
    schema = {"type": "string"} if kind == "text/plain" else {"type": "object"}
    return {"summary": summary, "responses": {"200": _told(summary, kind, schema)}}


def _refusals() -> Schema:
    return {status: _told(why, "application/json", _ref("Error")) for status, why in _REFUSED.items()}


def _told(description: str, kind: str, schema: Schema) -> Schema:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _key(name: str) -> str:
    """Return a name as a component may be called."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{_key(name)}"}


_ERROR: Schema = {
    "type": "object",
    "required": ["error", "why", "fix"],
    "properties": {
        "error": {"type": "string"},
        "why": {"type": "string"},
        "fix": {"type": "array", "items": {"type": "string"}},
        "details": {"type": "array", "items": {"type": "object"}},
    },
}
