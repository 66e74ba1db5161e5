"""Imports put off until they are used: what a vendor imports for features of its own that nobody here asks for.

A vendor that imports all it could ever need costs seconds of every command. What is deferred stays the real thing: a
stand-in waits in its place and imports it the first time anything is asked of it that needs it.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_LOOKED_AT = frozenset({"__file__", "__wrapped__", "__cached__"})
"""Asked of every module in `sys.modules` by whoever looks for the source of something, not of one in particular."""


class _StandIn(ModuleType):
    """Imports what is asked of it: the one module of a package that a name comes from, or else the module itself."""

    def __getattr__(self, name: str) -> Any:
        if name in _LOOKED_AT:
            raise AttributeError(name)
        if name == "__path__":
            return self._path()
        if (source := self._sources.get(name)) is not None:
            return getattr(importlib.import_module(source[0]), source[1])
        if self._is_package and PathFinder.find_spec(f"{self.__name__}.{name}", self._path()) is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        return getattr(self.whole(), name)

    @cached_property
    def _is_package(self) -> bool:
        return self._spec is not None and self._spec.submodule_search_locations is not None

    def _path(self) -> list[str]:
        if self._spec is None or self._spec.submodule_search_locations is None:
            raise AttributeError("__path__")
        return self._spec.submodule_search_locations

    @cached_property
    def _spec(self) -> ModuleSpec | None:
        parent = self.__name__.rpartition(".")[0]
        return PathFinder.find_spec(self.__name__, importlib.import_module(parent).__path__ if parent else None)

    @cached_property
    def _sources(self) -> dict[str, tuple[str, str]]:
        """What the file of a package takes from its own modules: name -> module, and the name that it has there."""
        origin = self._spec.origin if self._spec is not None and self._is_package else None
        lines = ast.parse(Path(origin).read_bytes()).body if origin and origin.endswith(".py") else []
        return {
            one.asname or one.name: (self._whole(line), one.name)
            for line in lines
            if isinstance(line, ast.ImportFrom) and self._is_own(line)
            for one in line.names
        }

    def _is_own(self, line: ast.ImportFrom) -> bool:
        return line.module is not None and (line.level == 1 or line.module.startswith(f"{self.__name__}."))

    def _whole(self, line: ast.ImportFrom) -> str:
        return f"{self.__name__}.{line.module}" if line.level else str(line.module)

    def whole(self) -> ModuleType:
        """Import what this stands for."""
        name = self.__name__
        if sys.modules.get(name) is self:
            del sys.modules[name]
        module = importlib.import_module(name)
        for child, inner in self.children().items():
            vars(module).setdefault(child, inner)
        return module

    def children(self) -> dict[str, ModuleType]:
        """Return the modules of the package that were imported before it."""
        return {name: inner for name, inner in vars(self).items() if isinstance(inner, ModuleType)}


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Let the block import modules without running them.

    `import NAME` and `from PARENT import NAME` bind a stand-in, and so does what leads to another module of a package,
    `import NAME.OTHER`. `from NAME import THING` imports what the thing comes from: of a package that only gathers the
    names of its modules, that one module; else the module as without this. One that is imported already is left alone.
    When the block ends others import what was deferred as always, but for a package of which some modules are there by
    now: its stand-in stays, and becomes the package when it is asked for more.

    Args:
        names: Full names of modules.
    """
    made = {name: _StandIn(name) for name in names if name not in sys.modules}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name, one in made.items():
            if sys.modules.get(name) is one and not one.children():
                del sys.modules[name]


def imported_without(names: Iterable[str], *modules: str) -> None:
    """Import modules of a vendor without others that they import and do not need.

    Where a vendor has become one that cannot be imported so, it is imported whole: slower, but never missing.

    Args:
        names: Full names of what is deferred.
        modules: Full names of what is imported.
    """
    if all(name in sys.modules for name in modules):
        return
    try:
        with deferred(*names):
            for name in modules:
                importlib.import_module(name)
    except (ImportError, AttributeError, TypeError):
        for name in [name for name in names if isinstance(sys.modules.get(name), _StandIn)]:
            sys.modules[name].whole()  # what has been imported of it stays what it is
        for name in modules:
            importlib.import_module(name)
