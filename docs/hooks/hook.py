"""MkDocs' side of the site: generated pages, markers that are filled, links that are turned, and a look at the result.

A page says where something that is made from the code belongs: `<!-- made from the code: commands -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT)]

from docs.hooks import api, commands, links, notebook, offline, rooms, settings, times  # noqa: E402 (found by the line above)

MARKER = re.compile(r"^<!-- made from the code: (?P<what>[a-z ]+) -->$", re.MULTILINE)
MADE: dict[str, Callable[[], str]] = {
    "rooms": lambda: rooms.described(PROJECT, link=True),
    "layers": lambda: "```text\n" + "\n".join("  ".join(level) for level in rooms.layers(PROJECT)) + "\n```",
    "commands": commands.reference,
    "settings": settings.reference,
    "times": times.table,
    "front door": api.front_door,
}
CODE = "reference/code"
CODE_IN_NAV = "EVERY ROOM"
"""Stands in the navigation for the pages of the code, which nobody lists."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put a page for every room of the code into the navigation."""
    pages = [{room.name: _code_page(room)} for room in rooms.rooms(PROJECT) if room.files]
    config.nav = _with(config.nav, pages)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is no file below `docs/`: other documents, the tutorial, the code, and what links ask for."""
    for path, page in links.PAGES.items():
        files.append(File.generated(config, page, content=(PROJECT / path).read_text("utf-8")))
    files.append(File.generated(config, "tutorial.md", content=notebook.page(notebook.TUTORIAL)))
    for room in rooms.rooms(PROJECT):
        if room.files:
            files.append(File.generated(config, _code_page(room), content=api.page(room)))
    for path in sorted({path for file in files.documentation_pages() for path in _copied(file)}):
        files.append(File.generated(config, f"{links.COPIED}/{path}", abs_src_path=str(PROJECT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill the markers of a page and turn its links.

    Raises:
        PluginError: If a marker asks for what nobody makes.
    """

    def made(found: re.Match[str]) -> str:
        if (what := found["what"]) not in MADE:
            raise PluginError(f"{page.file.src_uri} asks for {what!r}; there are: {', '.join(MADE)}")
        return MADE[what]()

    return MARKER.sub(made, links.rewritten(markdown, page.file.src_uri, PROJECT)[0])


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site that needs a network.

    Raises:
        PluginError: If a page would load something from another host.
    """
    if found := offline.loaded_from_elsewhere(Path(config.site_dir)):
        raise PluginError("the site would load from other hosts:\n" + "\n".join(found))


def _code_page(room: rooms.Room) -> str:
    return f"{CODE}/{room.name.replace('.', '/')}.md"


def _copied(file: File) -> set[str]:
    return links.rewritten(file.content_string, file.src_uri, PROJECT)[1]


def _with(nav: Any, pages: list[dict[str, str]]) -> Any:
    """Return the navigation with the pages of the code in their place."""
    if isinstance(nav, list):
        return [_with(item, pages) for item in nav]
    if isinstance(nav, dict):
        return {title: _with(item, pages) for title, item in nav.items()}
    return pages if nav == CODE_IN_NAV else nav
