"""Plug-ins by file: a class in a module of a package is found because it is there, nothing lists it."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from types import ModuleType
from typing import TypeVar

from lepton.core.config.yaml_file import nearest
from lepton.core.errors import UsageError

T = TypeVar("T")


def discover(package: ModuleType, base: type[T]) -> dict[str, type[T]]:
    """Return the concrete subclasses of `base` defined in the modules of `package`, by their `name`, sorted.

    Args:
        package: An imported package; each of its modules is imported.
        base: Its subclasses must have a class attribute `name`.

    Raises:
        ValueError: If two classes claim one name: a mistake of the programmer, not of the user.
    """
    found: dict[str, type[T]] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if member.__module__ != module.__name__ or not issubclass(member, base) or inspect.isabstract(member):
                continue
            name = getattr(member, "name", "")
            if not name:
                continue
            if name in found:
                raise ValueError(f"{found[name].__module__} and {module.__name__} both define {name!r}")
            found[name] = member
    return dict(sorted(found.items()))


def unknown(kind: str, name: str, known: Iterable[str], fix: str) -> UsageError:
    """Return the error for a plug-in that there is none of, with those that there are and the nearest of them."""
    near = nearest(name, known)
    return UsageError(
        f"There is no {kind} {name!r}.",
        why=f"Known: {', '.join(known)}." + (f" Did you mean {near!r}?" if near else ""),
        fix=[fix],
    )
