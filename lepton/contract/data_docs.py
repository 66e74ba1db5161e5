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
    """Turn the pages that an older lepton left as they were into pages that load nothing, and write the index anew.

    Args:
        site: Folder of the Data Docs' site, beside it the folder `validations` with the stored results.
    """
    for path in [*site.glob("validations/**/*.html"), *site.glob("expectations/*.html")]:
        if POLICY not in _head(path):
            atomic_write(path, offline(path.read_text(encoding="utf-8")))
    suites = sorted(path.stem for path in site.glob("expectations/*.html"))
    index = render("lepton.contract", "data_docs.html", pages=validations(site), suites=suites)
    atomic_write(site / "index.html", index)


def offline(page: str, note: str = "") -> str:
    """Return a page of Great Expectations' without anything that it loads or runs, in a style of its own.

    Args:
        page: HTML.
        note: A line to put on top of it.
    """
    style = files("lepton.contract").joinpath("data_docs.css").read_text(encoding="utf-8")
    bare = _HANDLER.sub("", _LOADED.sub("", page))
    page = re.sub(r"(<head\b[^>]*>)", lambda head: f"{head[1]}{POLICY}<style>{style}</style>", bare, count=1)
    return re.sub(r"(<body\b[^>]*>)", lambda body: f"{body[1]}<p><b>{note}</b></p>", page, count=1) if note else page


def validations(site: Path) -> list[Page]:
    """Return the validations that have a page, the newest first."""
    stored = site.parents[1] / "validations"
    found = []
    for path in site.glob("validations/*/*/*/*.html"):
        suite, delivery, time = path.relative_to(site / "validations").parts[:3]
        try:
            passed = _passed(stored / suite / delivery / time / f"{path.stem}.json")
        except (OSError, ValueError, KeyError):
            continue
        moment = f"{time[:4]}-{time[4:6]}-{time[6:8]} {time[9:11]}:{time[11:13]}:{time[13:15]}"
        found.append(Page(suite, delivery, moment, passed, path.relative_to(site).as_posix()))
    return sorted(found, key=lambda one: one.time, reverse=True)


def _passed(result: Path) -> bool:
    """Return whether a stored result is of a delivery that kept its contract, by the first bytes where these say so."""
    with result.open("rb") as stream:
        first = re.match(rb'\{"success": (true|false),', stream.read(32))
    return first[1] == b"true" if first else bool(json.loads(result.read_bytes())["success"])


def _head(path: Path) -> str:
    """Return the first of a page: where its policy stands, if it has one."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        return stream.read(4_000)
