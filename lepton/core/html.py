"""HTML that we write: Jinja2 templates beside the modules that fill them; what is not our own HTML is escaped."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render(package: str, template: str, **values: Any) -> str:
    """Return a template filled in.

    Args:
        package: The package in whose folder the template lies: `lepton.registry.audit`.
        template: Its file name.
        values: What it shows; text is escaped, `trusted` HTML is not. A name that the template uses and that is not
            here is a mistake of ours and raises.
    """
    text = files(package).joinpath(template).read_text(encoding="utf-8")
    return _environment().from_string(text).render(**values)


def trusted(html: str) -> Markup:
    """Mark HTML that we made ourselves, so that it is not escaped."""
    from markupsafe import Markup

    return Markup(html)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
