"""Plug-ins: what lepton brings itself, what installed packages announce, and what a notebook registers.

A package announces a class by an entry point (`[project.entry-points."lepton.strategies"] twist = "my_package:Twist"`),
a notebook by `lepton.register(Twist)`; a kind of rows is no class but an `InputKind`, found in the same ways. One that
cannot be imported is reported by name and does not stop the others; two of one name are an error, because nobody can
know which one is meant.
"""

from __future__ import annotations

import inspect
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, packages_distributions, version
from typing import Any, Generic, Protocol, TypeVar

from lepton.core.discovery import discover, unknown
from lepton.core.errors import UsageError

T = TypeVar("T")
K = TypeVar("K")


class PluginWarning(UserWarning):
    """A plug-in is announced but cannot be used."""


@dataclass(frozen=True)
class Origin:
    """Where a plug-in comes from."""

    package: str
    """The distribution to install; of a class that none holds, such as a notebook's, its module."""
    version: str = ""
    """Empty for what is in no installed distribution."""

    @property
    def requirement(self) -> str:
        """What pip takes."""
        return f"{self.package}=={self.version}" if self.version else self.package

    def __str__(self) -> str:
        return f"{self.package} {self.version}" if self.version else f"{self.package} (registered, not installed)"


@dataclass(frozen=True)
class Plugin:
    """One thing from outside, or one that was announced and is broken."""

    word: str
    """What it is: strategy, encoder, ..."""
    name: str
    origin: Origin
    problem: str = ""
    """Why it cannot be used; empty if it can."""


class Source(Protocol):
    """Where plug-ins of one sort are kept: a catalogue of classes, or the kinds of rows."""

    def takes(self, given: Any, /) -> bool:
        """Return whether something is of this sort."""

    def register(self, given: Any, /) -> None:
        """Add one of this process."""

    def outside(self) -> list[Plugin]:
        """Return what does not come from lepton, the broken ones last."""


class Catalogue(Generic[T]):
    """All classes of one sort by name: lepton's own first, each part sorted.

    Args:
        word: What one of them is called on screen.
        package: Imported package in whose modules lepton's own are.
        base: What they derive from; it has a class attribute `name`.
        group: Of the entry points by which packages announce theirs; several catalogues may share one.
        remedy: What to do about a name that is not known.
    """

    def __init__(self, word: str, package: str, base: type[T], group: str, remedy: str) -> None:
        self.word, self.base, self.group = word, base, group
        self._package, self._remedy = package, remedy
        self._registered: dict[str, type[T]] = {}
        self._origins: dict[str, Origin] = {}
        self._broken: list[Plugin] = []
        self._known: dict[str, type[T]] | None = None
        self._lock = threading.RLock()
        keep(self)

    def known(self) -> dict[str, type[T]]:
        """Return every class that can be used; looked up once, and again after one was registered.

        Raises:
            UsageError: If two have one name; says where each comes from.
        """
        with self._lock:
            if self._known is None:
                self._known = self._look()
            return self._known

    def get(self, name: str) -> type[T]:
        """Return the class of that name.

        Raises:
            UsageError: If there is none, with the nearest; or if it is announced, but cannot be imported.
        """
        found = self.known().get(name)
        if found is not None:
            return found
        for one in self._broken:
            if one.name == name:
                raise UsageError(
                    f"The {self.word} {name!r} of {one.origin} cannot be used.",
                    why=one.problem,
                    fix=[f"pip install --upgrade {one.origin.package}", "lepton doctor  (lists the plug-ins)"],
                )
        raise unknown(self.word, name, self.known(), self._remedy)

    def origin(self, name: str) -> Origin | None:
        """Return where a class comes from; None for lepton's own, and for a name that is not known."""
        self.known()
        return self._origins.get(name)

    def outside(self) -> list[Plugin]:
        """Return what does not come from lepton, the broken ones last."""
        self.known()
        return [*(Plugin(self.word, name, origin) for name, origin in self._origins.items()), *self._broken]

    def takes(self, given: Any) -> bool:
        """Return whether something is a class that belongs here."""
        return inspect.isclass(given) and issubclass(given, self.base)

    def register(self, kind: type[T]) -> None:
        """Add a class of this process; the same class of a notebook's cell that runs again replaces itself.

        Raises:
            UsageError: If it cannot be used, or another one has its name.
        """
        with self._lock:
            if problem := _unfit(kind, self.base):
                raise UsageError(f"{kind.__qualname__} cannot be registered as a {self.word}.", why=problem)
            name: str = kind.name  # type: ignore[attr-defined]  # `_unfit` has seen that it has one
            before = self._registered.get(name)
            if before is not None and (before.__module__, before.__qualname__) != (kind.__module__, kind.__qualname__):
                raise self._twice(name, home_of(before.__module__), home_of(kind.__module__))
            self._registered[name], self._known = kind, None
            try:
                self.known()
            except UsageError:
                del self._registered[name]
                raise

    def _look(self) -> dict[str, type[T]]:
        found = discover(sys.modules[self._package], self.base)
        origins: dict[str, Origin] = {}
        broken: list[Plugin] = []

        def add(name: str, kind: type[T], origin: Origin) -> None:
            if name in found and found[name] is not kind:
                raise self._twice(name, str(origins.get(name, "lepton itself")), origin)
            found[name], origins[name] = kind, origin

        for point in announced(self.group):
            origin = Origin(point.dist.name, point.dist.version) if point.dist else Origin(point.module)
            try:
                kind = point.load()
                if _is_of_another(kind, self):
                    continue
                problem = _unfit(kind, self.base)
            except (Exception, SystemExit) as error:  # whatever a package does, the others must go on
                problem = f"{point.value}: {type(error).__name__}: {error}"
            if problem:
                broken.append(Plugin(self.word, point.name, origin, problem))
                warnings.warn(
                    f"The {self.word} {point.name!r} of {origin} is left out: {problem}", PluginWarning, stacklevel=4
                )
                continue
            add(kind.name, kind, origin)
        for name, kind in self._registered.items():
            add(name, kind, home_of(kind.__module__))
        self._origins, self._broken = origins, broken
        return found

    def _twice(self, name: str, first: object, second: object) -> UsageError:
        removable = [str(one.package) for one in (second, first) if isinstance(one, Origin) and one.version]
        fix = [f"pip uninstall {package}" for package in removable] or ["give the class another `name`"]
        return UsageError(
            f"There are two {self.word} plug-ins of the name {name!r}.",
            why=f"One comes from {first}, the other from {second}.",
            fix=fix,
        )


_SOURCES: list[Source] = []
BASES = ("lepton.Strategy", "lepton.Encoder", "lepton.Objective", "lepton.Reader", "lepton.Validator")
"""What a plug-in derives from, as a person writes it."""


def keep(source: Source) -> None:
    """Let `register` and `lepton doctor` know of a source."""
    _SOURCES.append(source)


def register(kind: K) -> K:
    """Make a class or a kind of rows known to this process, until it ends; may stand above a class as a decorator.

    Args:
        kind: A concrete subclass of `lepton.Strategy`, `Encoder`, `Objective`, `Reader` or `Validator` with a `name`;
            or a `lepton.InputKind`.

    Raises:
        UsageError: If it is none, or its name is taken by another one.
    """
    for source in _SOURCES:  # what it derives from is imported, so its catalogue is here
        if source.takes(kind):
            source.register(kind)
            return kind
    raise UsageError(
        f"{getattr(kind, '__qualname__', kind)!s} is no plug-in.",
        why=f"It derives from none of {', '.join(BASES)}, and is no lepton.InputKind.",
        fix=["class MyStrategy(lepton.Strategy): ..."],
    )


def sources() -> Iterator[Source]:
    """Yield the sources of the rooms that are imported."""
    yield from list(_SOURCES)


@cache
def announced(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group by name; what is installed does not change under a running process."""
    return tuple(sorted(entry_points(group=group), key=lambda point: (point.name, point.value)))


def _is_of_another(kind: Any, asking: Catalogue[Any]) -> bool:
    """Return whether a class belongs to another catalogue that shares the group."""
    if not inspect.isclass(kind) or issubclass(kind, asking.base):
        return False
    others = (one for one in _SOURCES if isinstance(one, Catalogue) and one is not asking)
    return any(one.group == asking.group and one.takes(kind) for one in others)


def _unfit(kind: Any, base: type) -> str:
    """Return why something cannot be a plug-in; empty if it can."""
    if not inspect.isclass(kind):
        return f"{kind!r} is no class."
    if not issubclass(kind, base):
        return f"{kind.__qualname__} does not derive from {base.__qualname__}."
    if inspect.isabstract(kind):
        return f"{kind.__qualname__} lacks {', '.join(sorted(getattr(kind, '__abstractmethods__', ())))}."
    name = getattr(kind, "name", "")
    if not (isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_-]*", name)):
        return f"{kind.__qualname__}.name must be lower-case letters, digits, - and _; it is {name!r}."
    return ""


def home_of(module: str) -> Origin:
    """Return the distribution that a registered thing's module is of, else the module."""
    top = module.partition(".")[0]
    for package in packages_distributions().get(top, ()):
        try:
            return Origin(package, version(package))
        except PackageNotFoundError:
            continue
    return Origin(module)
