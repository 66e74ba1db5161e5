"""The reference of the Python code: a page for what `import lepton` offers, and a page for each room.

The pages only name the objects. mkdocstrings reads signatures and docstrings from the source, without importing it.
"""

from __future__ import annotations

import inspect
from typing import Any

from docs.hooks.rooms import Room


def front_door() -> str:
    """Return what `import lepton` offers as Markdown: functions first, then classes, in the order of `__all__`."""
    import lepton

    named = [(name, getattr(lepton, name)) for name in getattr(lepton, "__all__", ()) if not name.startswith("__")]
    named.sort(key=lambda item: inspect.isclass(item[1]))
    return "\n\n".join(_entry(f"lepton.{name}", found) for name, found in named) or "::: lepton"


def page(room: Room) -> str:
    """Return the page of a room: each of its files with what is public in it; a search finds other pages first."""
    parts = ["---\nsearch:\n  boost: 0.3\n---", f"# `{room.name}`", room.idea]
    parts += [f"::: {module.name}\n    options:\n      heading_level: 2" for module in room.files]
    return "\n\n".join(parts) + "\n"


def _entry(shown: str, found: Any) -> str:
    """Return a directive that shows an object under the name by which a user imports it.

    A workspace is shown with what it inherits: its verbs are in files of their own, by subject.
    """
    at = f"{found.__module__}.{found.__qualname__}" if hasattr(found, "__qualname__") else shown
    whole = "\n      inherited_members: true" if shown == "lepton.Workspace" else ""
    return (
        f'::: {at}\n    options:\n      heading: "{shown}"\n      toc_label: "{shown}"\n      heading_level: 2{whole}'
    )
