"""What OpenLineage's spec 2-0-2 (https://openlineage.io/spec/2-0-2/OpenLineage.json) asks of a run event.

Our own wording of the published schema: names, types, what is required. The fields of the facets that we send are
those of the client's classes, which are generated from the published schemas.
"""

from __future__ import annotations

from typing import Any

TEXT, URI = {"type": "string", "minLength": 1}, {"type": "string", "format": "uri"}
FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": URI, "_schemaURL": URI},
    },
}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


def _datasets(facets: str) -> dict[str, Any]:
    one = _object(["namespace", "name"], namespace=TEXT, name=TEXT, facets=FACETS, **{facets: FACETS})
    return {"type": "array", "items": one}


RUN_EVENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        ["eventTime", "producer", "schemaURL", "run", "job"],
        eventType={"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        eventTime={"type": "string", "format": "date-time"},
        producer=URI,
        schemaURL=URI,
        run=_object(["runId"], runId={"type": "string", "format": "uuid"}, facets=FACETS),
        job=_object(["namespace", "name"], namespace=TEXT, name=TEXT, facets=FACETS),
        inputs=_datasets("inputFacets"),
        outputs=_datasets("outputFacets"),
    ),
    "additionalProperties": False,
}
