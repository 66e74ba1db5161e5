"""Why the last transfer of a target chose what it chose: told from the ledger, so it needs no server."""

from __future__ import annotations

from typing import Any

from lepton.cli.output import as_json, say, table
from lepton.cli.session import at_work
from lepton.core.errors import NotFound


def explain_last(domain: str, json: bool) -> None:
    """Print signals, ancestors, plan, candidates and verdict of the last transfer on record, and what hindsight says.

    Raises:
        NotFound: If there is none.
    """
    story = last_story(domain)
    if json:
        as_json(story)
        return
    seen = story["signals"]
    say(f"Transfer of {domain!r}, {story['time'][:16].replace('T', ' ')} UTC: {story['outcome']}, {story['winner']}")
    say(
        f"  target         {seen['rows']} rows, {seen['labels']} labels of {seen['classes']} classes;"
        f" label shift {seen['label_shift']:.2f}, distance from the source {_number(seen['a_distance'])} of 2"
    )
    reads = f"{_number(seen['base_accuracy'])} of the labels, a probe {_number(seen['probe_accuracy'])}"
    say(f"  ancestor       reads {reads}; confidence {seen['confidence']:.2f}, H-score {_number(seen['h_score'])}")
    columns = ("ancestor", "score", "accuracy", "probe", "confidence", "distance")
    ancestors = [
        (a["model"], *(a[key] for key in ("score", "accuracy", "probe_accuracy", "confidence", "distance")))
        for a in story["considered"][:5]
    ]
    table("Where it could start, best first", columns, ancestors)
    tried = {c["label"]: c for c in story["candidates"]}
    rows: list[tuple[Any, ...]] = [_tried(c, story["winner"]) for c in story["candidates"]]
    rows += [_untried(step) for step in story["plan"] if step["strategy"] not in tried]
    table(
        "Strategies: those tried in order, * chosen, then those that were not",
        ("strategy", "promised", "measured", "held-out", "s predicted", "s spent", "bytes", "not tried because"),
        rows,
    )
    say(f"  stopped        {story['stopped']}")
    say(f"  gate           {story['gate']['summary']}")
    for finding in story["gate"]["findings"]:
        beside = f" beside {finding['beside']:.3f}" if finding["beside"] is not None else ""
        value = "" if finding["value"] is None else f" {finding['value']:.3f}{beside}"
        say(f"                 {finding['name']}: {finding['says']}{value} {finding['why']}".rstrip())
    if found := story["regret"]:
        say(
            f"  hindsight      {found['best']} was best on the held-out rows with {found['best_accuracy']:.3f}: regret"
            f" {found['points']:.1f} points; {found['wasted']:.1f} of {found['seconds']:.1f} s went into losers"
        )
    else:
        say("  hindsight      unknown: no held-out row has a label")


def last_story(domain: str) -> dict[str, Any]:
    """Return the story of the last transfer of a target that is on record, with its verdict and its regret.

    Raises:
        NotFound: If there is none.
    """
    from lepton.core.config.workspace import Workspace
    from lepton.operations.transfer.stories import stories
    from lepton.transfer.regret import regret_of

    ws = Workspace.find()
    known = stories(at_work(ws), ws.pair(domain).name)
    if not known:
        raise NotFound(
            f"No transfer of {domain!r} is on record with its candidates.",
            why="None was made yet, or an earlier lepton made it.",
            fix=[f"lepton transfer {domain}"],
        )
    row, story = known[-1]
    gate = (row.payload.get("evidence") or row.payload).get("gate") or story.get("gate") or {}
    regret = regret_of(story["winner"], story["candidates"])
    outcome = {"transfer_finished": "kept"}.get(row.action, row.action)
    about = {"domain": domain, "time": row.time, "seq": row.seq, "outcome": outcome}
    return {**about, **story, "gate": gate, "regret": regret.to_json() if regret else None}


def _tried(found: dict[str, Any], winner: str) -> tuple[Any, ...]:
    gain = found["measured"]["gain"]
    return (
        ("* " if found["label"] == winner else "  ") + found["label"],
        f"{found['expected']['gain']:+.1f} ± {found['expected']['sd']:.1f}",
        "" if gain is None else f"{gain:+.1f} ± {found['measured']['sd']:.1f}",
        found["metrics"].get("accuracy"),
        f"{found['predicted']:.1f}",
        f"{found['seconds']:.1f}",
        f"{found['size']:,}",
        "",
    )


def _untried(step: dict[str, Any]) -> tuple[Any, ...]:
    why = step["out"] or "not expected to gain more than it costs"
    return (
        "  " + step["strategy"],
        f"{step['gain']:+.1f} ± {step['sd']:.1f}",
        "",
        None,
        f"{step['seconds']:.1f}",
        "",
        "",
        why,
    )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
