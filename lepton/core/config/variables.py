"""Settings in the environment: `LEPTON_MONITOR__ENTER=1.2` is the field `enter` of the section `monitor`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lepton.core.config.yaml_file import nearest
from lepton.core.errors import UsageError

PREFIX = "LEPTON_"
LEVEL = "__"
SURE = 0.85
"""How near a variable without `__` must be to a setting to be its misspelling: most such variables are none."""

Path = tuple[str, ...]
Schema = type[BaseModel]


def variable(path: Path) -> str:
    """Return the variable that sets the field at `path`."""
    return PREFIX + LEVEL.join(path).upper()


def settings(environ: Mapping[str, str], schema: Schema) -> dict[Path, Any]:
    """Return what the environment sets, by path, the outer ones first.

    Raises:
        UsageError: If a variable names no setting (with the nearest one), or holds what is not YAML.
    """
    paths = {key: path for key in environ if (path := _path(key, schema)) is not None}
    found = {path: _value(key, environ[key]) for key, path in paths.items()}
    for path, value in found.items():
        section = section_at(schema, path)
        if section is not None and not isinstance(value, dict | None):
            inner = variable((*path, next(iter(section.model_fields))))
            raise UsageError(
                f"{variable(path)} must hold a mapping: it is a section, not a single value.",
                fix=[f"{inner}=...", f"unset {variable(path)}"],
            )
    return {path: found[path] for path in sorted(found, key=lambda path: (len(path), path))}


def section_at(schema: Schema, path: tuple[int | str, ...]) -> Schema | None:
    """Return the section at `path`; None where a single value or nothing is."""
    section: Schema | None = schema
    while path and section is not None:
        field = section.model_fields.get(str(path[0]))
        section, path = (_inner(field), path[_length(field) :]) if field is not None else (None, ())
    return section


def _inner(field: FieldInfo) -> Schema | None:
    """Return the section that a field holds, or a dict of them."""
    options = [field.annotation, *get_args(field.annotation)]
    return next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)


def _length(field: FieldInfo) -> int:
    """Return how many parts of a path lead through a field: a dict's key is a name that the user gives."""
    return 2 if get_origin(field.annotation) is dict else 1


def _path(key: str, schema: Schema) -> Path | None:
    """Return the path that a variable sets; None if it is no setting at all, such as LEPTON_WORKSPACE."""
    if not key.startswith(PREFIX):
        return None
    path = tuple(key.removeprefix(PREFIX).lower().split(LEVEL))
    if len(path) == 1 and path[0] not in schema.model_fields:
        if meant := _misspelt(path[0], schema):
            raise _unknown(key, meant, ())
        return None
    section: Schema | None = schema
    at = 0
    while at < len(path):
        if section is None:
            single = variable(path[:at])
            raise UsageError(
                f"{key} names no setting: {single} is a single value.", fix=[f"{single}=...", f"unset {key}"]
            )
        known = section.model_fields
        if path[at] not in known:
            near = nearest(path[at], known)
            raise _unknown(key, (*path[:at], near, *path[at + 1 :]) if near else None, tuple(known))
        field = known[path[at]]
        section, at = _inner(field), at + _length(field)
    return path


def _misspelt(name: str, schema: Schema) -> Path | None:
    """Return the setting that a variable without `__` must have meant, if any: `monitor_enter`, `sed`."""
    for outer in schema.model_fields:
        section, inner = section_at(schema, (outer,)), name.removeprefix(f"{outer}_")
        if section is not None and inner != name and inner in section.model_fields:
            return (outer, inner)
    near = nearest(name, schema.model_fields, SURE)
    return (near,) if near else None


def _unknown(key: str, meant: Path | None, known: Path) -> UsageError:
    if meant is None:
        return UsageError(f"{key} names no setting.", why=f"Known: {', '.join(known)}.", fix=[f"unset {key}"])
    return UsageError(
        f"{key} names no setting; did you mean {variable(meant)}?",
        fix=[f"set {variable(meant)} instead", f"unset {key}"],
    )


def _value(key: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise UsageError(  # without the parser's words, which may quote the value: it may be a secret
            f"{key} is not valid YAML.",
            why="A list is written [a, b]; text with signs such as [ { * & : goes in quotes.",
            fix=["put the value right", f"unset {key}"],
        ) from None
