"""Answers in the form in which the rows came: a list of objects, `rows` of them, CSV, or tensors."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from lepton.serving.asked import Form
from lepton.serving.record import row_ids

JSON, CSV = "application/json", "text/csv; charset=utf-8"


@dataclass(frozen=True)
class Answered:
    """A request's answers, all of one model."""

    request: str
    domain: str
    model: str
    """Name and version."""
    digest: str
    provisional: bool
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    """(n,)."""
    probabilities: NDArray[np.float64]
    """(n, k), in the order of the classes."""
    counted: int = 0
    """Rows that were answered although they break the contract."""
    logged: bool = True
    """Whether the log has it."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What of it stands in front of every form."""
        found = [
            ("x-lepton-request", self.request),
            ("x-lepton-model", self.model),
            ("x-lepton-digest", self.digest),
            ("x-lepton-provisional", "true" if self.provisional else "false"),
        ]
        return found if self.logged else [*found, ("x-lepton-logged", "false")]


def encode(answered: Answered, form: Form, id: str | None = None) -> tuple[bytes, str]:
    """Return a body and its content type.

    Args:
        answered: What is said.
        form: How the rows came.
        id: The caller's own name for a V2 request.
    """
    if form == "csv":
        return _csv(answered), CSV
    if form == "v2":
        return orjson.dumps(_tensors(answered, id), option=orjson.OPT_SERIALIZE_NUMPY), JSON
    rows = _rows(answered)
    if form == "list":
        return orjson.dumps(rows), JSON
    told: dict[str, Any] = {
        "request": answered.request,
        "model": answered.model,
        "digest": answered.digest,
        "provisional": answered.provisional,
        "rows": rows,
    }
    return orjson.dumps({**told, "out_of_contract": answered.counted} if answered.counted else told), JSON


def _rows(answered: Answered) -> list[dict[str, Any]]:
    found = []
    ids = row_ids(answered.request, len(answered.labels))
    for one, label, row in zip(ids, answered.labels, answered.probabilities.tolist(), strict=True):
        chances = dict(zip(answered.classes, row, strict=True))
        found.append({"id": one, "label": label, "confidence": chances[label], "probabilities": chances})
    return found


def _csv(answered: Answered) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "label", *(f"p({name})" for name in answered.classes)])
    ids = row_ids(answered.request, len(answered.labels))
    for one, label, row in zip(ids, answered.labels, answered.probabilities.tolist(), strict=True):
        writer.writerow([one, label, *row])
    return out.getvalue().encode()


def _tensors(answered: Answered, id: str | None) -> dict[str, Any]:
    count = len(answered.labels)
    name, _, version = answered.model.rpartition(" v")
    return {
        "model_name": answered.domain,
        "model_version": version,
        "id": answered.request if id is None else id,
        "parameters": {
            "request": answered.request,
            "model": name,
            "digest": answered.digest,
            "provisional": answered.provisional,
            "classes": list(answered.classes),
        },
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [count], "data": list(answered.labels)},
            {
                "name": "probabilities",
                "datatype": "FP64",
                "shape": [count, len(answered.classes)],
                "data": answered.probabilities.ravel().tolist(),
            },
        ],
    }
