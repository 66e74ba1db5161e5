"""Names that become folders, model names and resource ids: one alphabet, no surprises."""

import re
import unicodedata

from lepton.core.errors import UsageError

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")


def check_domain(name: str) -> str:
    """Return `name` if it may name a domain.

    Raises:
        UsageError: If it is anything but 1-63 of a-z, 0-9, `-`, `_`; this also shuts out paths and look-alike letters.
    """
    return _check(name, "domain")


def check_batch(name: str) -> str:
    """Return `name` if it may name a batch; same alphabet as a domain."""
    return _check(name, "batch")


def slug(text: str) -> str:
    """Return the nearest allowed name: `March 2026.csv` becomes `march-2026-csv`; empty if nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain)[:63].strip("-_")


def _check(name: str, what: str) -> str:
    if _NAME.fullmatch(name):
        return name
    better = slug(name)
    raise UsageError(
        f"{name!r} cannot name a {what}.",
        why="Allowed: 1 to 63 of the letters a-z, digits, '-' and '_', starting and ending with a letter or digit.",
        fix=[f"use {better!r}"] if better else [],
    )
