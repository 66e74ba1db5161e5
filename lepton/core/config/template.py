"""A commented `lepton.yaml`, made from the same docstrings that document the fields; and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel

from lepton.core.config.secrets import hide_credentials, mask
from lepton.core.config.settings import Config

WRAP = 110


@dataclass(frozen=True)
class Origin:
    """One setting, its value, and who said so."""

    key: str
    value: Any
    origin: str
    """default, lepton.yaml, or the environment variable."""
    meaning: str
    remark: str = ""
    """What is to be said of the value in this workspace; nothing as a rule."""


def render(values: dict[str, Any], header: str = "") -> str:
    """Return a `lepton.yaml` with `values` set and every other field shown as a comment with its default.

    Args:
        values: Nested as in the file.
        header: Lines for the top, without `#`.
    """
    lines = [f"# {line}".rstrip() for line in header.splitlines()]
    lines += _section(Config, values, indent="")
    return "\n".join(lines).strip() + "\n"


def origins(config: Config, in_file: dict[str, Any], in_environment: dict[str, Any]) -> list[Origin]:
    """Return every setting with its value and origin, in the order of the fields; secrets are left out."""
    return list(_origins(config, in_file, in_environment, ""))


def _section(model: type[BaseModel], values: dict[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for name, field in model.model_fields.items():
        inner = _section_of(field.annotation)
        given = values.get(name)
        about = (field.description or "").replace("\n", " ")
        if inner is not None:
            body = _section(inner, given or {}, indent + "  ")
            active = any(not line.lstrip().startswith("#") for line in body)
            lines += ["", f"{indent}# {about}", f"{indent}{'' if active else '# '}{name}:"]
            lines += body if active else [_comment_out(line, indent) for line in body]
        elif name in values:
            if not indent:
                lines.append("")
            lines += [f"{indent}# {about}", *_assign(name, given, indent)]
        else:
            default = field.get_default(call_default_factory=True)
            lines.append(f"{indent}# {name}: {_flow(default)}   # {about}")
    return lines


def _comment_out(line: str, indent: str) -> str:
    return line if not line.strip() or line.lstrip().startswith("#") else f"{indent}# {line.strip()}"


def _section_of(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _assign(name: str, value: Any, indent: str) -> list[str]:
    text = yaml.safe_dump({name: value}, sort_keys=False, width=WRAP, allow_unicode=True)
    return [indent + line for line in text.splitlines()]


def _flow(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=WRAP).split("\n")[0]


def _origins(
    section: BaseModel, in_file: dict[str, Any], in_environment: dict[str, Any], prefix: str
) -> Iterator[Origin]:
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), f"{prefix}{name}"
        from_file, from_environment = in_file.get(name), in_environment.get(name)
        if isinstance(value, BaseModel):
            yield from _origins(value, from_file or {}, from_environment or {}, f"{key}.")
            continue
        origin = "default"
        if name in in_file:
            origin = "lepton.yaml"
        if name in in_environment:
            origin = "LEPTON_" + key.upper().replace(".", "__")
        yield Origin(key, _public(key, value), origin, (field.description or "").replace("\n", " "))


def _public(key: str, value: Any) -> Any:
    """Return a value as it may be shown: what was given of a target's own, no secrets."""
    if key == "alerts.urls":
        return [mask(url) for url in value]
    if key == "alerts.routes":
        return [{**route.model_dump(mode="json"), "url": mask(route.url)} for route in value]
    if key == "monitor.ping_url" and value is not None:
        return mask(value)
    if key == "data.remote":
        return hide_credentials(value)
    if isinstance(value, dict):
        return {name: section.model_dump(exclude_unset=True, exclude_none=True) for name, section in value.items()}
    return value
