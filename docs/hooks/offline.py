"""A built page must not need a network: no script, style, font, picture or frame of another host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

LOADED = {**dict.fromkeys(("script", "img", "iframe", "source", "video", "audio"), "src"), "object": "data"}
"""Elements that a browser fills by itself, and the attribute that says from where."""
FETCHED = ("stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload")
"""Relations of a `link` that a browser acts upon by itself."""
REMOTE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


def loaded_from_elsewhere(site: Path) -> list[str]:
    """Return what the pages and styles of a built site would load from another host, as `FILE: ADDRESS`."""
    found: list[str] = []
    for path in sorted(site.rglob("*")):
        if path.suffix == ".html":
            found += (f"{path.relative_to(site)}: {address}" for address in _in_page(path.read_text("utf-8")))
        elif path.suffix == ".css":
            found += (f"{path.relative_to(site)}: {address}" for address in IN_STYLE.findall(path.read_text("utf-8")))
    return found


def _in_page(text: str) -> Iterator[str]:
    page = _Page()
    page.feed(text)
    yield from page.loaded
    yield from IN_STYLE.findall("\n".join(page.styles))


class _Page(HTMLParser):
    """Collects what a page loads by itself; a link to follow is none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.styles: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser.handle_starttag`."""
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        address = given.get(LOADED.get(tag, ""), "")
        if tag == "link" and any(word in FETCHED for word in given.get("rel", "").split()):
            address = given.get("href", "")
        if REMOTE.match(address):
            self.loaded.append(address)
        if "mermaid" in given.get("class", "").split():
            self.loaded.append("a mermaid diagram: its script comes from another host")
        self.styles.append(given.get("style", ""))

    def handle_data(self, data: str) -> None:
        """See `HTMLParser.handle_data`."""
        if self._in_style:
            self.styles.append(data)
