"""YAML as people write it: errors carry the line, wrong keys carry the nearest right one."""

from collections.abc import Hashable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from lepton.core.errors import UsageError


class _Strict(yaml.SafeLoader):
    """Refuses a key that is written twice, which plain YAML silently lets win."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.MarkedYAMLError(problem="a list or mapping cannot be a key", problem_mark=key_node.start_mark)
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"key {key!r} appears twice", problem_mark=key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; an empty file is an empty mapping.

    Raises:
        UsageError: If it is not UTF-8, not YAML, or not a mapping; names file and line.
    """
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "an unknown line"
        raise UsageError(
            f"{path.name} is not valid YAML at {line}.", why=error.problem or str(error), fix=[f"edit {path}"]
        ) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or a date such as 2026-13-45
        raise UsageError(f"{path.name} cannot be read as YAML.", why=str(error), fix=[f"edit {path}"]) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        found = type(value).__name__
        raise UsageError(f"{path.name} must hold `key: value` lines, not a {found}.", fix=[f"edit {path}"])
    return value


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word that `word` was probably meant to be, if any is near: 1.0 is the same word."""
    matches = get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else None
