"""Links that lead out of `docs/`: what they mean in the repository must hold on the site, too.

Some files outside become pages of the site. Others, such as the results of a benchmark, are copied beside the pages. So
a link is written once, as the repository needs it, and works in both places, without a network.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "deploy/README.md": "running.md"}
"""Files outside `docs/` that are pages of the site, and where."""
DOCS = "docs"
COPIED = "files"
LINK = re.compile(r"(!?\[[^\]\[]*(?:\[[^\]]*\][^\]\[]*)*\]\()([^)\s]+)(\))")
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def home_of(page: str) -> str:
    """Return the path in the repository of the file behind a page of the site."""
    return next((path for path, at in PAGES.items() if at == page), f"{DOCS}/{page}")


def rewritten(text: str, page: str, project: Path) -> tuple[str, set[str]]:
    """Return a page with its links as the site needs them, and the files outside that must be copied for them.

    Args:
        text: Markdown.
        page: Its place on the site, such as `how-to/add-a-site.md`.
        project: The repository.
    """
    copied: set[str] = set()

    def turned(found: re.Match[str]) -> str:
        target, copy = _on_site(found.group(2), page, project)
        copied.update(copy)
        return found.group(1) + target + found.group(3)

    return outside_code(text, lambda prose: LINK.sub(turned, prose)), copied


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a Markdown text whose prose was changed; code blocks and inline code stay as they are."""
    parts, at = [], 0
    for code in CODE.finditer(text):
        parts += [change(text[at : code.start()]), code.group()]
        at = code.end()
    return "".join([*parts, change(text[at:])])


def _on_site(target: str, page: str, project: Path) -> tuple[str, set[str]]:
    """Return what a link's target is on the site, and the file that must be copied for it, if any."""
    path, hash_sign, anchor = target.partition("#")
    if not path or ":" in path or path.startswith("/"):
        return target, set()
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(home_of(page)), path))
    if meant in PAGES:
        there = PAGES[meant]
    elif meant.startswith(f"{DOCS}/"):
        there = meant.removeprefix(f"{DOCS}/")
    elif (project / meant).is_file():
        there = f"{COPIED}/{meant}"
    else:
        return target, set()  # MkDocs will say that it leads nowhere
    start = posixpath.dirname(page) or "."
    return posixpath.relpath(there, start) + hash_sign + anchor, {meant} if there.startswith(f"{COPIED}/") else set()
