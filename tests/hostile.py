"""Two hundred names that would run something if a page took them for its own, and a workspace that knows them all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from playwright.sync_api import Browser

COUNT = 200
NUMBERS, CATEGORIES, LEVELS, LABELS = 40, 20, 4, 4
"""Columns of numbers, columns of categories, levels a column of these, labels; the other names are rows' ids."""
WAYS = (
    "</script><script>RUN</script>",
    "<script>RUN</script>",
    "<img src=x onerror='RUN'>",
    "<svg onload='RUN'>",
    '"><img src=x onerror="RUN">',
    "' onmouseover='RUN' onfocus='RUN' autofocus x='",
    "</style><script>RUN</script>",
    "</title><script>RUN</script>",
    "</textarea><script>RUN</script>",
    "--><script>RUN</script>",
    "<body><script>RUN</script>",
    "<iframe srcdoc='<script>parent.RUN</script>'></iframe>",
    "<details open ontoggle='RUN'>x</details>",
    "<a href='javascript:RUN'>x</a>",
    "[x](javascript:RUN)",
    "{{constructor.constructor('RUN')()}}",
    "${RUN}",
    "';RUN;'",
    '";RUN;"',
    "\\u003cscript\\u003eRUN\\u003c/script\\u003e",
)
SITE = "site"


def names() -> list[str]:
    """Return the names; number k, if it ever runs, adds k to the page's `window.broken`."""
    return [f"{k:03d}{WAYS[k % len(WAYS)].replace('RUN', run(k))}" for k in range(COUNT)]


def run(number: int) -> str:
    """Return what a name tries to do."""
    return f"window.broken=(window.broken||0)+{number + 1}"


def table(rows: int, seed: int, shift: float = 0.0, turn: int = 0, prefix: str = "") -> pd.DataFrame:
    """Return rows whose columns, categories, labels and ids are the names; `shift` moves numbers, `turn` classes."""
    made, all_names = np.random.default_rng(seed), names()
    labels = made.integers(LABELS, size=rows)
    columns: dict[str, object] = {}
    taken = NUMBERS + CATEGORIES
    for k, name in enumerate(all_names[:NUMBERS]):
        columns[name] = np.round(made.normal((labels * (k + 1)) % 4 + shift, 1.0), 4)
    for k, name in enumerate(all_names[NUMBERS:taken]):
        levels = all_names[taken + k * LEVELS : taken + (k + 1) * LEVELS]
        columns[name] = made.choice(levels, size=rows, p=[0.7, 0.1, 0.1, 0.1] if shift > 2 else None)
    taken += CATEGORIES * LEVELS
    columns["label"] = [all_names[taken + (k + turn) % LABELS] for k in labels]
    taken += LABELS
    columns["id"] = [f"{prefix}{k}{all_names[taken + k % (COUNT - taken)]}" for k in range(rows)]
    return pd.DataFrame(columns)


@dataclass
class Opened:
    """What happened when a page was looked at."""

    ran: object
    """What the names left behind; None: nothing."""
    requests: list[str] = field(default_factory=list)
    """Whatever it asked for besides itself."""
    errors: list[str] = field(default_factory=list)
    """What the console said of mistakes."""
    words: str = ""


def look_at(browser: Browser, url: str, wait: int = 1500) -> Opened:
    """Open a page, click on what can be clicked, and return what happened."""
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    seen = Opened(None)
    page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("dialog", lambda dialog: (seen.errors.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: seen.requests.append(request.url))
    page.goto(url)
    page.wait_for_timeout(wait)
    for place in page.locator("button:visible, [role=tab]:visible, summary:visible").all()[:12]:
        place.dispatch_event("click")
    for place in page.locator("td:visible, h1:visible, text:visible").all()[:20]:
        place.dispatch_event("mouseover")
    page.wait_for_timeout(wait // 3)
    seen.ran = page.evaluate("window.broken ?? null")
    seen.words = page.locator("body").inner_text()
    page.close()
    base = url.partition("#")[0]
    seen.requests = [one for one in seen.requests if one != base and not one.startswith(("data:", "blob:"))]
    return seen


@contextmanager
def workspace(folder: Path, run_command: Callable[..., int]) -> Iterator[Path]:
    """Return a workspace that went through everything that makes a page of people's words.

    Args:
        folder: An empty folder.
        run_command: Runs the command line and returns its exit status.
    """
    before = dict(os.environ)
    os.environ.update({"LEPTON_PRETRAIN__EPOCHS": "2", "LEPTON_THREADS": "1", "LEPTON_MONITOR__EXAMPLES": "20"})
    root = folder / "ws"
    try:
        table(500, 1).to_csv(folder / "source.csv", index=False)
        table(400, 2, turn=1, prefix="s").to_csv(folder / "site.csv", index=False)
        table(200, 3, shift=3.0, turn=1, prefix="w").drop(columns="label").to_csv(folder / "w1.csv", index=False)
        refused = table(60, 4, turn=1, prefix="r")
        refused[refused.columns[NUMBERS]] = names()[-1]
        refused.to_csv(folder / "refused.csv", index=False)
        for code, *arguments in (
            (0, "init", root, "--from", folder / "source.csv", "--id", "id", "--yes"),
            (0, "-w", root, "ingest", "source", folder / "source.csv", "--local"),
            (0, "-w", root, "pretrain", "--local"),
            (0, "-w", root, "ingest", SITE, folder / "site.csv", "--new", "--local"),
            (None, "-w", root, "transfer", SITE, "--local", "-s", "probe"),
            (0, "-w", root, "promote", SITE, "1", "--why", " ".join(names()[:20]), "--local"),
            (0, "-w", root, "ingest", SITE, folder / "w1.csv", "--local"),
            (None, "-w", root, "ingest", SITE, folder / "refused.csv", "--local"),
            (None, "-w", root, "monitor", SITE, "--local"),
            (0, "-w", root, "lineage", "html"),
            (0, "-w", root, "audit", "export", "--out", folder / "audit"),
        ):
            found = run_command(*arguments)
            assert code is None or found == code, (arguments, found)
        yield root
    finally:
        os.environ.clear()
        os.environ.update(before)


def pages(root: Path) -> list[Path]:
    """Return every page that the workspace has made."""
    return sorted({*root.rglob("*.html"), *(root.parent / "audit").rglob("*.html")})
