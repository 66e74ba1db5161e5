"""The reference of `lepton.yaml`, made from the typed sections: names, types, defaults, limits and their docstrings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

WORDS = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
SIGNS = {Ge: ("ge", "at least"), Gt: ("gt", "more than"), Le: ("le", "at most"), Lt: ("lt", "less than")}


def reference() -> str:
    """Return every section of `lepton.yaml` as Markdown."""
    return "\n".join(_section(_config(), "", level=2, told={}))


def _config() -> type[BaseModel]:
    """Return the class of the whole file, wherever in `lepton.core` it is.

    Raises:
        LookupError: If there is none.
    """
    import lepton.core as core

    for found in pkgutil.walk_packages(core.__path__, f"{core.__name__}."):
        if ".config" in found.name:
            config = getattr(importlib.import_module(found.name), "Config", None)
            if inspect.isclass(config) and issubclass(config, BaseModel):
                return config
    raise LookupError("there is no class Config below lepton.core.config")


def _section(model: type[BaseModel], path: str, level: int, told: dict[type[BaseModel], str]) -> Iterator[str]:
    """Yield a section's settings as a table, then the sections in it.

    Args:
        model: The section.
        path: Its place in the file; empty for the whole file.
        level: Of the headings below it.
        told: The sections that have a place of their own already; what they say is not said twice.
    """
    told[model] = path
    lines, below = [], []
    for name, field in model.model_fields.items():
        inner, place = _inner(field, f"{path}.{name}".lstrip("."))
        before = inner and next((_as(inner, known, told[known]) for known in told if issubclass(known, inner)), None)
        if inner and not before:
            below.append((place, inner))
            told[inner] = place
        value = before or _type(field)
        if not inner or place.endswith(("NAME", "[]")) or before:
            lines.append(f"| `{name}` | {value} | {_default(field)} | {_meaning(field)} |")
    if lines:
        yield from ("| setting | value | default | meaning |", "|---|---|---|---|", *lines, "")
    for place, inner in below:
        yield from (f"{'#' * level} `{place}`", "", inspect.cleandoc(inner.__doc__ or ""), "")
        yield from _section(inner, place, level + 1, told)


def _as(section: type[BaseModel], known: type[BaseModel], place: str) -> str:
    """Return the words for a section whose settings were told at another place, or some of them there."""
    fewer = section.model_fields.keys() < known.model_fields.keys()
    return f"as `{place}`" + (": " + ", ".join(f"`{name}`" for name in section.model_fields) if fewer else "")


def _inner(field: FieldInfo, path: str) -> tuple[type[BaseModel] | None, str]:
    """Return the section that a field holds, if any, and its place: `targets.NAME` for those by name."""
    kind = _unwrapped(field.annotation)
    if _is_section(kind):
        return kind, path
    for part in get_args(kind):
        if _is_section(part):
            return part, f"{path}.NAME" if get_origin(kind) is dict else f"{path}[]"
    return None, path


def _is_section(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BaseModel)


def _unwrapped(kind: Any) -> Any:
    """Return X of `X | None`."""
    if get_origin(kind) in (Union, types.UnionType):
        rest = [part for part in get_args(kind) if part is not type(None)]
        return rest[0] if len(rest) == 1 else kind
    return kind


def _type(field: FieldInfo) -> str:
    limits = [
        f"{words} {getattr(found, attribute):g}"
        for found in field.metadata
        for sign, (attribute, words) in SIGNS.items()
        if isinstance(found, sign)
    ]
    return ", ".join([_kind(field.annotation), *limits])


def _kind(annotation: Any) -> str:
    kind = _unwrapped(annotation)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return f"list of {_kind(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return f"{_kind(get_args(kind)[1])} by name"
    if _is_section(kind):
        return "section"
    return WORDS.get(kind, str(kind))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "-"
    if isinstance(value, BaseModel):
        return ""
    shown = list(value) if isinstance(value, tuple) else value
    return f"`{yaml.safe_dump(shown, default_flow_style=True, width=10_000).split(chr(10))[0]}`"


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|").replace("<", "&lt;")
