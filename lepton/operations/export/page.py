"""A champion as a page: the graph, what computes it, and a form. It answers in the browser and sends nothing anywhere.

A policy in the page lets no script run but its own, by digest, and lets nothing be fetched from or sent to anywhere.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from importlib.resources import files

from lepton.core.html import render, trusted
from lepton.core.spelling import MISSING as NO_NUMBER
from lepton.data.spreadsheet import STARTS
from lepton.graph.about import TOLERANCE, About, tensor_to_json
from lepton.graph.fields import ABSENT, MISSING
from lepton.operations.export.runtime import VERSION, WebRuntime


def page(about: About, content: bytes, runtime: WebRuntime) -> str:
    """Return the page.

    Args:
        about: What the graph says of itself.
        content: The graph.
        runtime: What computes it.
    """
    script = files("lepton.operations.export").joinpath("page.js").read_text(encoding="utf-8")
    return render(
        "lepton.operations.export",
        "page.html",
        about=about,
        script=trusted(script),
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        parts={
            "facts": _packed(json.dumps(_facts(about), ensure_ascii=False).encode()),
            "graph": _packed(content),
            "engine": _packed(runtime.script),
            "binary": _packed(runtime.binary),
        },
        runtime=VERSION,
    )


def _facts(about: About) -> dict[str, object]:
    """Return what the script has to know."""
    return {
        "classes": about.classes,
        "fields": [one.to_json() for one in about.fields],
        "noNumber": sorted({*NO_NUMBER, *about.no_value}),
        "missing": MISSING,
        "absent": ABSENT,
        "tolerance": TOLERANCE,
        "formulas": STARTS,
        "examples": {name: tensor_to_json(tensor) for name, tensor in about.examples.inputs.items()},
        "answers": tensor_to_json(about.examples.probabilities),
    }


def _packed(content: bytes) -> str:
    """Return bytes as the script unpacks them: gzip, without a time, in base64, which needs no escaping."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()
