"""Evidently's page, made safe to open: what people deliver is shown and never runs.

Its data stand as JSON within a script. A column named `</script><script>...` would end that script and begin its own,
so no `<` is left in the data; and a policy lets the page's own scripts run, each known by its hash, and nothing else.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

_DATA = re.compile(r"^(\s*var \w+ = )([{\[].*;)$", re.MULTILINE)
"""A line of the data: a name and its JSON, in which a line break is always escaped."""
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def safe(page: str) -> str:
    """Return Evidently's page with its data escaped and a Content-Security-Policy that names its own scripts.

    Raises:
        ValueError: If it is not built as the tested versions of Evidently build it: then nothing is known to be safe.
    """
    whole, lines = _DATA.subn(lambda line: line[1] + line[2].replace("<", "\\u003c"), page, count=2)
    if lines != 2:
        raise ValueError("Evidently's page is not built as its tested versions build it.")
    allowed = " ".join(f"'sha256-{_hash(script)}'" for script in _SCRIPT.findall(whole))
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:;"
        " font-src data:; base-uri 'none'; form-action 'none'"
    )
    return whole.replace("<head>", f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">', 1)


def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()
