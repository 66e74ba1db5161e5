"""The page `/docs`: it reads `/openapi.json` and asks. Nothing of a domain stands in it, all of it is ours."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def page() -> tuple[bytes, str]:
    """Return the page and its Content-Security-Policy, which lets no script but its own run."""
    here = files("lepton.serving")
    script = here.joinpath("docs.js").read_text(encoding="utf-8")
    html = here.joinpath("docs.html").read_text(encoding="utf-8").replace("{{ script }}", script)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest}'",
        "style-src": "'unsafe-inline'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return html.encode(), "; ".join(f"{name} {value}" for name, value in policy.items())
