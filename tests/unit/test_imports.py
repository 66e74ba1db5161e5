"""No circle among lepton's modules, not even of imports that only a type checker follows; each vendor in its room."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest


def circles(graph: grimp.ImportGraph) -> list[list[str]]:
    """Return the groups of modules that import each other, directly or through others (Tarjan 1972)."""
    found: list[list[str]] = []
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []

    def visit(module: str) -> None:
        number[module] = low[module] = len(number)
        path.append(module)
        for other in sorted(graph.find_modules_directly_imported_by(module)):
            if other not in number:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in path:
                low[module] = min(low[module], number[other])
        if low[module] == number[module]:
            at = path.index(module)
            if len(path) - at > 1:
                found.append(sorted(path[at:]))
            del path[at:]

    for module in sorted(graph.modules):
        if module not in number:
            visit(module)
    return found


def test_circles_are_found_whoever_they_lead_through() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "f"), ("f", "e")):
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == [["a", "b", "c"], ["e", "f"]]


@pytest.mark.parametrize("package", ["lepton", "lepton_flows"])
def test_no_module_imports_one_that_imports_it(package: str) -> None:
    graph = grimp.build_graph(package, exclude_type_checking_imports=False, cache_dir=None)
    assert circles(graph) == []


PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
CONTRACTS: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]
VENDORS = [one for one in CONTRACTS if one["type"] == "forbidden" and " in " in one["name"]]


@pytest.mark.parametrize("contract", VENDORS, ids=lambda one: one["forbidden_modules"][0])
def test_a_vendor_is_kept_out_of_every_module_but_those_of_its_room(contract: dict[str, Any]) -> None:
    room = contract["name"].rpartition(" in ")[2]
    packages = [grimp.build_graph(name, cache_dir=None).modules for name in ("lepton", "lepton_flows")]
    watched = tuple(f"{name}." for name in contract["source_modules"])
    free = {name for modules in packages for name in modules if not f"{name}.".startswith(watched)}
    faces = {room[: at.start()] for at in re.finditer(r"\.|$", room)} | {"lepton"}
    assert {name for name in free if not name.startswith(f"{room}.")} <= faces
