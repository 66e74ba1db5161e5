"""The Data Docs as pages that need no network: Great Expectations' own, without what they load, and an index of ours.

Great Expectations' pages take style sheets, scripts and a logo from seven servers; offline they are bare, online they
tell them who looks. All that is loaded or run is taken out, one style sheet is put in, and a policy forbids the
rest, so that a name that somebody delivered cannot run either.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from lepton.core.html import render
from lepton.core.work.files import atomic_write

POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
    " style-src 'unsafe-inline'; img-src data:\">"
)
_LOADED = re.compile(
    r"<script\b.*?</script\s*>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer\s*>|url\(['\"]?https?:[^)]*\)",
    re.DOTALL | re.IGNORECASE,
)
_HANDLER = re.compile(r"\son\w+=(\"[^\"]*\"|'[^']*')", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """A validation in the index."""

    suite: str
    delivery: str
    time: str
    """UTC."""
    passed: bool
    link: str
    """Relative to the index."""


def make_offline(site: Path) -> None:
    """Turn the pages that were written since the last time into pages that load nothing, and write the index anew.

    Args:
        site: Folder of the Data Docs' site, beside it the folder `validations` with the stored results.
    """
    for path in [*site.glob("validations/**/*.html"), *site.glob("expectations/*.html")]:
        page = path.read_text(encoding="utf-8")
        if POLICY not in page:
            atomic_write(path, offline(page))
    if (site / "index.html").exists():
        suites = sorted(path.stem for path in site.glob("expectations/*.html"))
        atomic_write(
            site / "index.html", render("lepton.contract", "data_docs.html", pages=validations(site), suites=suites)
        )


def offline(page: str) -> str:
    """Return a page of Great Expectations' without anything that it loads or runs, in a style of its own."""
    style = files("lepton.contract").joinpath("data_docs.css").read_text(encoding="utf-8")
    bare = _HANDLER.sub("", _LOADED.sub("", page))
    return re.sub(r"(<head\b[^>]*>)", lambda head: f"{head[1]}{POLICY}<style>{style}</style>", bare, count=1)


def validations(site: Path) -> list[Page]:
    """Return the validations that have a page, the newest first."""
    stored = site.parents[1] / "validations"
    found = []
    for path in site.glob("validations/*/*/*/*.html"):
        suite, delivery, time = path.relative_to(site / "validations").parts[:3]
        try:
            result = stored / suite / delivery / time / f"{path.stem}.json"
            passed = bool(json.loads(result.read_bytes())["success"])
        except (OSError, ValueError, KeyError):
            continue
        moment = f"{time[:4]}-{time[4:6]}-{time[6:8]} {time[9:11]}:{time[11:13]}:{time[13:15]}"
        found.append(Page(suite, delivery, moment, passed, path.relative_to(site).as_posix()))
    return sorted(found, key=lambda one: one.time, reverse=True)
