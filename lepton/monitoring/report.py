"""The report of a window: Evidently's page with our verdict on top; one file that opens offline."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.decisions.memory import Decision
from lepton.core.html import render, trusted
from lepton.core.work.files import atomic_write
from lepton.monitoring.sandbox import safe

if TYPE_CHECKING:
    from lepton.monitoring.accuracy import Estimate
    from lepton.monitoring.labels import Mix
    from lepton.monitoring.window import Observed

PLACE = "<!-- decision -->"
"""Where the decision is written into the page once it is made."""
WORDS: tuple[tuple[str, str], ...] = (
    ("Score", "how far something moved; 1 is the most that chance does, there is no upper end"),
    ("Inputs", "the columns, texts or images as they were delivered"),
    ("Embedding", "what the model makes of a row before it answers: its own view of the inputs"),
    ("Direction", "one of the main ways in which rows differ in that view; direction 1 is the strongest"),
    ("Residual", "what of a row no direction explains: it grows where rows are unlike all that were seen before"),
    (
        "Mix",
        "how often each class occurs; the answers may have a new mix because the classes do, or because the model errs",
    ),
    ("Learnt", "estimated from drift that was simulated: what damage of that look cost on rows whose labels are known"),
    ("Corrected", "confidence, corrected by what it left out on such simulated drift"),
    (
        "Confidence",
        "estimated from how sure the model is, corrected by how often it was right when it was as sure before",
    ),
    ("Regions", "the same, corrected within every region of the embedding"),
    ("Weighted", "the same, corrected on the old rows that look most like the new ones"),
    (
        "Not known",
        "nothing like this window was simulated, or its interval is too wide for a number; only labels can tell",
    ),
    ("90 %", "nine of ten such intervals hold the true accuracy; none of them sees labels that changed their meaning"),
)
"""Word of a report -> what it means, plainly: a page is read by whoever is on call."""


def write_report(path: Path, observed: Observed, decision: Decision | None = None) -> Path:
    """Write the window's report, whole or not at all.

    Args:
        path: The HTML file; a report that is there is replaced.
        observed: A judged window.
        decision: What the controller did about it, if it is known already.
    """
    page = _render(observed)
    body = page.find("<body>")
    head = verdict_html(observed, decision)
    page = page[: body + 6] + head + page[body + 6 :] if body >= 0 else head + page
    return atomic_write(path, page)


def verdict_html(observed: Observed, decision: Decision | None = None) -> str:
    """Return the head of the page: the window, each aspect's score, the estimated cost, the columns that moved most."""
    seen = observed.observation
    rows = [
        ("Window", f"{seen.window} of {seen.pair}, {seen.rows} rows, {seen.time:%Y-%m-%d %H:%M} UTC"),
        ("Champion", seen.champion),
    ]
    if seen.verdict != "judged":
        rows.append(("Verdict", seen.verdict))
    rows += [
        (f"Drift of {aspect}", f"{score:.2f}" + (" (above the threshold of 1)" if score >= 1 else ""))
        for aspect, score in seen.scores.items()
    ]
    if observed.columns:
        rows.append(("Moved most", ", ".join(f"{c.name} {c.score:.2f}" for c in observed.columns[:5])))
    rows += _of_all_rows(observed)
    if observed.estimate is not None:
        guess = observed.estimate
        rows.append(("Estimated accuracy", f"{_estimated(guess)}; {_expected(guess)} ({guess.method})"))
        if guess.pieces:
            rows.append(("It is made of", _pieces(guess)))
    if observed.remark is not None:
        rows.append(("Tolerance", observed.remark))
    if seen.estimate_error is not None:
        rows.append(("Error of earlier estimates", f"{seen.estimate_error:.3f} on average, where labels were known"))
    if seen.realised_accuracy is not None and observed.measured is None:
        rows.append(("Realised accuracy", f"{seen.realised_accuracy:.3f}"))
    if observed.measured is not None:
        found = observed.measured
        text = f"{found.usual:.3f} on the reference's labels, {found.now:.3f} here (+- {found.half_width:.3f})"
        rows.append(("Measured accuracy", text))
    if observed.mix is not None:
        rows.append(("Mix of the classes", _mix(observed.mix)))
    if observed.calibration is not None:
        made = observed.calibration
        rows.append(
            (
                "Threshold",
                f"1.0 is exceeded by {made.rate:.1%} of windows of {made.size} rows without drift, all columns"
                f" together; from {made.draws} samples of {made.reference_rows} reference rows",
            )
        )
    if decision is not None:
        rows += _of_decision(decision)
    return render(
        "lepton.monitoring",
        "head.html",
        window=seen.window,
        lines=trusted(_lines(rows)),
        place=trusted("" if decision else PLACE),
        examples=trusted(observed.examples),
        words=WORDS if seen.verdict == "judged" else (),
    )


def add_decision(path: Path, decision: Decision) -> None:
    """Write what the controller did into a report that was written before it was known."""
    if path.exists() and PLACE in (page := path.read_text(encoding="utf-8")):
        atomic_write(path, page.replace(PLACE, _lines(_of_decision(decision)), 1))


def _of_decision(decision: Decision) -> list[tuple[str, str]]:
    since = [("Since", f"window {decision.state.since}")] if decision.state.since else []
    return [*since, ("Decision", f"{decision.action}: {decision.reason}")]


def _lines(rows: list[tuple[str, str]]) -> str:
    return render("lepton.monitoring", "lines.html", rows=rows)


def _estimated(guess: Estimate) -> str:
    """Return the estimate with its interval."""
    middle = "not known" if guess.accuracy is None else f"{guess.accuracy:.3f}"
    if guess.low is None or guess.high is None:
        return middle
    return f"{middle} (90 %: {guess.low:.3f} to {guess.high:.3f})"


def _expected(guess: Estimate) -> str:
    """Return what it would be without drift, and who says so."""
    base = guess.measured
    if base is None:
        return f"{guess.expected:.3f} without drift"
    who = f"on {base.rows:,} labelled rows" if base.rows else "with an earlier champion: nobody measured this one"
    return f"{base.accuracy:.3f} ({base.low:.3f} to {base.high:.3f}) without drift, measured {who}"


def _pieces(guess: Estimate) -> str:
    """Return the pieces with their weights, the heaviest first."""
    heaviest = sorted(guess.pieces, key=lambda name: -guess.weights.get(name, 0.0))
    return ", ".join(f"{name} {guess.pieces[name]:.3f} (weight {guess.weights[name]:.2f})" for name in heaviest)


def _mix(mix: Mix) -> str:
    """Return the classes that changed their share most, as estimated without labels."""
    moved = sorted(mix.now, key=lambda label: -abs(mix.now[label] - mix.usual[label]))[:3]
    shares = ", ".join(f"{label} {mix.usual[label]:.1%} -> {mix.now[label]:.1%}" for label in moved)
    return f"{shares} (estimated; true if each class still looks as it did)"


def _of_all_rows(observed: Observed) -> list[tuple[str, str]]:
    """Return what a window too large to be compared whole shows of all its rows: the columns that moved most."""
    if observed.extent is None:
        return []
    found = [("Compared", f"{observed.compared:,} rows, drawn at random from all {observed.extent.rows:,}")]
    names = [score.name.partition(": ")[2] for score in observed.columns if score.aspect == "inputs"]
    for name in [name for name in names if name in observed.extent.moved][:5]:
        moved = observed.extent.moved[name]
        text = f"mean {moved.mean[0]:.4g} in the reference, {moved.mean[1]:.4g} in the window"
        for what, (before, now) in (("missing", moved.missing), ("infinite", moved.infinite)):
            if before or now:
                text += f"; {what} {before:.2%}, {now:.2%}"
        found.append((f"All rows, {name}", text))
    return found


def _render(observed: Observed) -> str:
    """Return Evidently's own page; a bare one where the window was not judged."""
    if observed.drift is None:
        return '<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8"></head><body></body></html>'
    handle, name = tempfile.mkstemp(suffix=".html")
    os.close(handle)
    try:
        observed.drift.save_page(Path(name))
        return safe(Path(name).read_text(encoding="utf-8"))
    finally:
        Path(name).unlink(missing_ok=True)
