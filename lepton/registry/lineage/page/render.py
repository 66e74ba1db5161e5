"""The page as text: template, style, script and graph in one file; it loads nothing and is forbidden to."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def render(graph: Mapping[str, Any], title: str) -> str:
    """Return the page's HTML.

    Args:
        graph: From `lepton.registry.lineage.page.graph.graph`.
        title: What the page is about.
    """
    # `<` is all that could end the element that holds the data, or open another.
    data = json.dumps(graph, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    page = _asset("page.html")
    name = html.escape(title)
    parts = {"title": name, "heading": name, "style": _asset("style.css"), "script": _script(), "graph": data}
    for place, text in parts.items():  # the graph last: what is in it must not be taken for a place to fill
        page = page.replace(f"%{place}%", text, 1)
    return page


def _script() -> str:
    return _asset("layout.js") + _asset("page.js")


def _asset(name: str) -> str:
    return files("lepton.registry.lineage.page").joinpath(name).read_text(encoding="utf-8")
