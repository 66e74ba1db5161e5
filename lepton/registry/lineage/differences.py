"""What is not the same now as when a model was made: code, libraries, dependencies, machine. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lepton.registry.lineage.record import Lineage


@dataclass(frozen=True)
class Difference:
    """One thing that differs."""

    what: str
    then: str
    now: str

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def differences(made: Lineage, now: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what differs, the code first.

    Args:
        made: The record of a model.
        now: `lepton.registry.lineage.environment.environment()`.
    """
    return tuple(_all(made, now))


def _all(made: Lineage, now: Mapping[str, Any]) -> Iterator[Difference]:
    yield from _code(made.code, now["code"])
    names = [*made.libraries, *(name for name in now["libraries"] if name not in made.libraries)]
    for name in names:
        yield from _compare(name, made.libraries.get(name), now["libraries"].get(name))
    before, after = made.dependencies, now["dependencies"]
    if before.get("digest") != after["digest"]:
        counts = [f"{one['count']} distributions, {one['digest']}" if one else "-" for one in (before, after)]
        yield Difference("dependencies", *counts)
    yield from _compare("constraints.txt", _short(before.get("lock")), _short(after["lock"]))
    yield from _compare("device", made.device, now["device"])


def _code(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield version and revision; uncommitted changes are a difference, for nobody knows what they were."""
    yield from _compare("lepton", then.get("version"), now["version"])
    yield from _compare("revision", _short(then.get("revision")), _short(now["revision"]))
    if then.get("dirty") or now["dirty"]:
        yield Difference("uncommitted changes", *("yes" if one.get("dirty") else "no" for one in (then, now)))


def _compare(what: str, then: str | None, now: str | None) -> Iterator[Difference]:
    if then != now:
        yield Difference(what, then or "-", now or "-")


def _short(text: str | None) -> str | None:
    return text[:12] if text else None
