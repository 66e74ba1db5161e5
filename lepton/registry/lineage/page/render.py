"""The page as text: template, style, script and graph in one file; it loads nothing and is forbidden to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from lepton.core.html import render as render_template
from lepton.core.html import trusted


def render(graph: Mapping[str, Any], title: str) -> str:
    """Return the page's HTML.

    Args:
        graph: From `lepton.registry.lineage.page.graph.graph`.
        title: What the page is about.
    """
    # `<` is all that could end the element that holds the data, or open another.
    data = json.dumps(graph, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return render_template(
        "lepton.registry.lineage.page",
        "page.html",
        title=title,
        style=trusted(_asset("style.css")),
        script=trusted(_asset("layout.js") + _asset("page.js")),
        graph=trusted(data),
    )


def _asset(name: str) -> str:
    return files("lepton.registry.lineage.page").joinpath(name).read_text(encoding="utf-8")
