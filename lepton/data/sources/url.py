"""An address: what it is called, and which file it becomes."""

from __future__ import annotations

import re
import shlex
import unicodedata
from urllib.parse import unquote, urlsplit

from lepton.core.config.section import hide_credentials
from lepton.data.sources.origin import Origin

LONGEST = 120
"""Characters of a file's name."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(text: str) -> bool:
    """Return whether this is an address, not a path."""
    return _ADDRESS.match(text) is not None


def public(url: str) -> str:
    """Return an address as it may be shown: without user, password and query.

    An @ in the path is no mark of a password, unless a colon stands before it: a password may hold a slash.
    """
    scheme, _, rest = url.partition("://")
    place = rest.partition("/")[0]
    path = re.split(r"[?#]", rest, maxsplit=1)[0]
    if "@" in place or ":" in path.rpartition("@")[0]:
        return hide_credentials(url)
    return f"{scheme}://{path}" + ("?***" if path != rest else "")


def origin(url: str) -> Origin:
    """Return what a delivery from an address is called."""
    return Origin(public(url), shlex.quote(public(url)))


def without_secrets(text: str, url: str) -> str:
    """Return what somebody else said of an address, without what `public` hides of it."""
    text = text.replace(url, public(url))
    parts = urlsplit(url)
    hidden = {parts.query, *re.split(r"[&=]", parts.query), *re.split(r":", parts.netloc.rpartition("@")[0])}
    for secret in sorted((one for one in hidden | {unquote(one) for one in hidden} if len(one) > 3), key=len)[::-1]:
        text = text.replace(secret, "***")
    return text


def file_name(url: str, raw: bool = False) -> str:
    """Return the name of the file that an address becomes: its last part, of letters, digits, `.`, `_`, `-` and blanks.

    Args:
        url: The address.
        raw: Whether a percent sign means itself, as in the keys of a store.
    """
    rest = re.split(r"[?#]", url.partition("://")[2], maxsplit=1)[0]
    last = rest.rpartition("@")[2].rstrip("/").rpartition("/")[2] if "/" in rest else rest.rpartition("@")[2]
    plain = unicodedata.normalize("NFC", last if raw else unquote(last))
    name = re.sub(r"[^\w. -]", "-", plain).strip(" .-_")
    if len(name) > LONGEST:
        stem, dot, ending = name.rpartition(".")
        name = f"{stem[: LONGEST - len(ending) - 1]}{dot}{ending}" if 0 < len(ending) < 20 else name[:LONGEST]
    return name or "delivery"
