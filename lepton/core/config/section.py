"""What every part of `lepton.yaml` has in common: unknown keys are refused, and what is wrong is told in words.

No secret is ever quoted: of an address is shown where it leads, never what opens the door.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict

from lepton.core.config.variables import section_at
from lepton.core.config.yaml_file import nearest


class Section(BaseModel):
    """A part of the configuration; an unknown key is an error, docstrings are the documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def explain(problem: Any, schema: type[BaseModel]) -> str:
    """Turn one pydantic problem into a line with the path and the nearest known key."""
    where = ".".join(mask(key) if "://" in key else key for key in map(str, problem["loc"]))
    return f"{where}: {plain(problem, schema)}" if where else plain(problem, schema)


def plain(problem: Any, schema: type[BaseModel]) -> str:
    """Return what is wrong, in words for who wrote the file; never an address, which may hold a secret."""
    kind, message, found = problem["type"], str(problem["msg"]), problem["input"]
    if kind == "extra_forbidden":
        known = list((section_at(schema, problem["loc"][:-1]) or schema).model_fields)
        near = nearest(str(problem["loc"][-1]), known)
        return "unknown key" + (f"; did you mean {near!r}?" if near else f"; known: {', '.join(known)}")
    if kind == "missing":
        return "required, but absent"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == "tuple_type":
        message = "must be a list: [ ... ]"
    elif kind in ("model_type", "dict_type"):
        message = "must hold `key: value` pairs"
    if problem["loc"][:1] == ("alerts",) and isinstance(found, str):
        found = mask(found)
    return f"{message[0].lower()}{message[1:]} (found {_shown(found)})"


def _shown(value: Any) -> str:
    """Return a wrong value as an error may show it."""
    if isinstance(value, str):
        return repr(mask(value) if "://" in value else value)
    if isinstance(value, list | tuple | set | dict):
        return "`key: value` pairs" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else repr(value)


def mask(url: str) -> str:
    """Return a URL without anything but its scheme; for addresses that are secrets as a whole, such as a channel's."""
    scheme, found, _ = url.partition("://")
    return f"{scheme}://***" if found and scheme.replace("+", "").replace("-", "").isalnum() else "***"


def hide_credentials(address: str) -> str:
    """Return a URL without user, password and query; a path stays what it is."""
    if "://" not in address:
        return address
    scheme, _, rest = address.partition("://")
    # Up to the last @: a password may hold one itself, and may hold a slash.
    rest = re.sub(r"^.*@", "***@", rest, flags=re.DOTALL)
    return f"{scheme}://" + re.sub(r"[?#].*", "?***", rest, flags=re.DOTALL)
