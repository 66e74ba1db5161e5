"""The rooms of the code and what each file in them is for: read from the first lines of the modules, not written twice.

Nothing here names a module. The packages are those that `pyproject.toml` ships, their order is that of its contract
"Imports go down only". Nothing is imported either: a file is parsed, so this works without torch.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """One file of a package."""

    name: str
    """With dots: `lepton.core.gate`."""
    path: Path
    package: bool
    """Whether it is the `__init__.py` of a folder."""

    @cached_property
    def idea(self) -> str:
        """The first sentence or paragraph of its docstring, on one line.

        Raises:
            ValueError: If it has none: each file must say in its first line what it is for.
        """
        text = ast.get_docstring(ast.parse(self.path.read_text("utf-8")))
        if not text:
            raise ValueError(f"{self.path} has no docstring: its first line must say what the file is for")
        return " ".join(text.split("\n\n")[0].split())


@dataclass(frozen=True)
class Room:
    """A package below the roof of the project, with all that is in it."""

    name: str
    modules: tuple[Module, ...]
    """The package itself first, then its files, folder by folder."""

    @property
    def idea(self) -> str:
        """What the room is for."""
        return self.modules[0].idea

    @property
    def files(self) -> tuple[Module, ...]:
        """All but the package itself."""
        return self.modules[1:]


def rooms(project: Path = PROJECT) -> list[Room]:
    """Return every room, the lowest first: what may be imported by all the others."""
    found = {room.name: room for root in _roots(project) for room in _rooms_of(root)}
    order = [name for level in reversed(layers(project)) for name in level]
    return sorted(found.values(), key=lambda room: order.index(room.name) if room.name in order else len(order))


def layers(project: Path = PROJECT) -> list[list[str]]:
    """Return the levels of the contract "Imports go down only", the highest first, each with its rooms."""
    contracts = _settings(project)["tool"]["importlinter"]["contracts"]
    levels = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[name.strip() for name in level.replace(":", "|").split("|")] for level in levels]


def table(room: Room, link: bool = False) -> str:
    """Return a Markdown table: each file of a room, and its idea.

    Args:
        room: The room.
        link: Whether a file's name leads to its page in the reference of the code.
    """
    lines = ["| file | what it does |", "|---|---|"]
    for module in room.files:
        inside = module.name.removeprefix(f"{room.name}.").replace(".", "/")
        file = f"`{inside}/`" if module.package else f"`{inside}.py`"
        lines.append(f"| {f'[{file}][{module.name}]' if link else file} | {_cell(module.idea)} |")
    return "\n".join(lines)


def described(project: Path = PROJECT, link: bool = False) -> str:
    """Return all rooms as Markdown: a heading, what the room is for, its table."""
    parts = []
    for room in rooms(project):
        parts.append(f"### `{room.name.replace('.', '/')}`\n\n{room.idea}")
        if room.files:
            parts.append(table(room, link))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _settings(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text("utf-8"))


def _roots(project: Path) -> list[Path]:
    """Return the folders of the packages that are shipped."""
    shipped = _settings(project)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return [project / folder for folder in shipped]


def _rooms_of(root: Path) -> Iterator[Room]:
    """Yield the rooms of a package: its folders if it has any, and what lies beside them; else itself."""
    inner = [folder for folder in sorted(root.iterdir()) if (folder / "__init__.py").exists()]
    own = [_module(file, root) for file in sorted(root.glob("*.py")) if file.name != "__init__.py"]
    yield Room(root.name, (_module(root / "__init__.py", root), *own))
    for folder in inner:
        yield Room(f"{root.name}.{folder.name}", tuple(_inside(folder, root)))


def _inside(folder: Path, root: Path) -> Iterator[Module]:
    """Yield a package, its files, and then its folders in the same way."""
    yield _module(folder / "__init__.py", root)
    for file in sorted(folder.glob("*.py")):
        if file.name != "__init__.py":
            yield _module(file, root)
    for inner in sorted(folder.iterdir()):
        if (inner / "__init__.py").exists():
            yield from _inside(inner, root)


def _module(file: Path, root: Path) -> Module:
    inside = file.relative_to(root.parent).with_suffix("")
    package = inside.name == "__init__"
    parts = inside.parent.parts if package else inside.parts
    return Module(".".join(parts), file, package)
