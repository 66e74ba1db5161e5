"""Why the last transfer of a target chose what it chose: told from the ledger, so it needs no server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lepton.cli.output import say, table
from lepton.core.decisions.belief import Belief

if TYPE_CHECKING:
    from lepton.operations.transfer.explanation import TransferExplained
    from lepton.transfer.attempt import Attempt
    from lepton.transfer.planner import Step


def show_explained(told: TransferExplained) -> None:
    """Print signals, ancestors, plan, candidates and verdict of a transfer, and what hindsight says."""
    story, seen = told.story, told.story.signals
    say(f"Transfer of {told.domain!r}, {told.row.time[:16].replace('T', ' ')} UTC: {told.outcome}, {story.winner}")
    say(
        f"  target         {seen.rows} rows, {seen.labels} labels of {seen.classes} classes;"
        f" label shift {seen.label_shift:.2f}, distance from the source {_number(seen.a_distance)} of 2"
    )
    reads = f"{_number(seen.base_accuracy)} of the labels, a probe {_number(seen.probe_accuracy)}"
    say(f"  ancestor       reads {reads}; confidence {seen.confidence:.2f}, H-score {_number(seen.h_score)}")
    columns = ("ancestor", "score", "accuracy", "probe", "confidence", "distance")
    ancestors = [
        (a.model, a.score, a.accuracy, a.probe_accuracy, a.confidence, a.distance) for a in story.considered[:5]
    ]
    table("Where it could start, best first", columns, ancestors)
    tried = {one.label for one in story.attempts}
    rows: list[tuple[Any, ...]] = [_tried(one, story.winner) for one in story.attempts]
    rows += [_untried(step) for step in story.steps if step.strategy not in tried]
    table(
        "Strategies: those tried in order, * chosen, then those that were not",
        ("strategy", "promised", "measured", "held-out", "s predicted", "s spent", "bytes", "not tried because"),
        rows,
    )
    say(f"  stopped        {story.stopped}")
    _tell_gate(told.gate)
    if found := told.regret:
        say(
            f"  hindsight      {found.best} was best on the held-out rows with {found.best_accuracy:.3f}: regret"
            f" {found.points:.1f} points; {found.wasted:.1f} of {found.seconds:.1f} s went into losers"
        )
    else:
        say("  hindsight      unknown: no held-out row has a label")


def _tell_gate(gate: Mapping[str, Any]) -> None:
    """Print the verdict and the findings; a reason that a finding tells stands there alone."""
    findings = gate["findings"]
    told = tuple(f"{finding['name']}: {finding['why']}" for finding in findings if finding["says"] == "against")
    reasons = [reason for reason in gate["reasons"] if not reason.startswith(told)]
    refused = "refused: " + ("; ".join(reasons) or "see what speaks against it")
    say(f"  gate           {gate['summary'] if gate['passed'] else refused}")
    for finding in findings:
        beside = f" beside {finding['beside']:.3f}" if finding["beside"] is not None else ""
        value = "" if finding["value"] is None else f" {finding['value']:.3f}{beside}"
        say(f"                 {finding['name']}: {finding['says']}{value} {finding['why']}".rstrip())
    if believed := gate.get("belief"):
        say(f"  belief         {Belief.from_json(believed).summary()}")


def _tried(one: Attempt, winner: str) -> tuple[Any, ...]:
    return (
        ("* " if one.label == winner else "  ") + one.label,
        f"{one.expected.gain:+.1f} ± {one.expected.sd:.1f}",
        "" if one.measured.gain is None else f"{one.measured.gain:+.1f} ± {one.measured.sd:.1f}",
        one.accuracy,
        f"{one.predicted:.1f}",
        f"{one.seconds:.1f}",
        f"{one.size:,}",
        "",
    )


def _untried(step: Step) -> tuple[Any, ...]:
    why = step.out or "not expected to gain more than it costs"
    return ("  " + step.strategy, f"{step.gain:+.1f} ± {step.sd:.1f}", "", None, f"{step.seconds:.1f}", "", "", why)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
