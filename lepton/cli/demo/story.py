"""The story, act by act. Every act runs a flow that a user runs too; what is measured goes into the record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lepton.cli.demo.deliveries import SOURCE, TARGET, Story, Window, annotate, spoil, write_labels, write_npz
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, Refused
from lepton.core.ledger import Ledger, rows
from lepton.operations.workspace import Workspace as FrontDoor

LABELS_PER_CLASS = 10
RETRANSFER_SECONDS = 150.0
"""How long the demo waits for the worker before it says that something is wrong."""

Say = Callable[[str], None]


@dataclass
class Seen:
    """One window as the story saw it."""

    window: str
    degraded: bool
    champion: str
    accuracy: float
    """Measured with the story's answer key."""
    estimated: float | None
    drift: float
    scores: dict[str, float]
    action: str
    reason: str
    alert: str | None
    report: str | None


@dataclass
class Record:
    """Everything the demo measured; it becomes reports/demo.json."""

    seconds: dict[str, float] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    """What opens what has no address of its own."""
    refused: str = ""
    base: dict[str, Any] = field(default_factory=dict)
    first_transfer: dict[str, Any] = field(default_factory=dict)
    retransfer: dict[str, Any] = field(default_factory=dict)
    windows: list[Seen] = field(default_factory=list)
    lineage: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {**asdict(self), "summary": self.summary()}

    def summary(self) -> dict[str, float | None]:
        """Return the four accuracies of the closing table, and the time from confirmed drift to a new champion."""
        candidates = self.first_transfer.get("candidates", [])
        base = next((c["metrics"]["accuracy"] for c in candidates if c["strategy"] == "none"), None)
        first = self.windows[0].champion if self.windows else ""
        before = [w for w in self.windows if w.degraded and w.champion == first]
        after = [w for w in self.windows if w.degraded and w.champion != first]
        quiet = [w.accuracy for w in self.windows if not w.degraded]
        return {
            "unadapted": base,
            "adapted": self.first_transfer.get("metrics", {}).get("accuracy"),
            "quiet_windows": sum(quiet) / len(quiet) if quiet else None,
            "drifted": before[-1].accuracy if before else None,
            "readapted": after[0].accuracy if after else None,
            "false_alarms": float(sum(w.alert == "open" for w in self.windows if not w.degraded)),
            "drift_to_champion_seconds": self.seconds.get("confirmed drift -> new champion"),
        }


@dataclass(frozen=True)
class Stage:
    """Where the story plays: the workspace, its front door, and who listens."""

    ws: Workspace
    deliveries: Path
    door: FrontDoor
    """Its verbs are flows that the server records."""
    say: Say
    record: Record

    @contextmanager
    def act(self, name: str) -> Iterator[None]:
        """Time one act."""
        started = time.perf_counter()
        yield
        self.record.seconds[name] = round(self.record.seconds.get(name, 0.0) + time.perf_counter() - started, 2)


def take_in_data(stage: Stage, story: Story) -> None:
    """Ingest the source and the target's first delivery; one bad delivery is refused and changes nothing."""
    with stage.act("ingest"):
        file = write_npz(stage.deliveries / "mnist.npz", story.source, labelled=True)
        done = stage.door.ingest(SOURCE, file)
        stage.say(f"{SOURCE}: {done.rows:,} labelled images pass the contract; stored as Parquet, versioned, pushed")
        file = write_npz(stage.deliveries / "site-first.npz", story.first, labelled=True)
        done = stage.door.ingest(TARGET, file, new=True)
        if done.contract.docs_url:
            stage.record.links["Data Docs"] = done.contract.docs_url
        digest = done.data.digest[:12] if done.data else "-"
        stage.say(f"{TARGET}: {done.rows:,} labelled images from the new site, data digest {digest}")
        bad = write_npz(stage.deliveries / "site-careless.npz", spoil(story.first), labelled=True)
        before = stage.ws.data_dir.joinpath(TARGET)
        listing = sorted(path.name for path in before.rglob("*"))
        try:
            stage.door.ingest(TARGET, bad)
        except Refused as refusal:
            stage.record.refused = refusal.render()
        if not stage.record.refused or listing != sorted(path.name for path in before.rglob("*")):
            raise LeptonError("The demo's bad delivery was not refused, or the data changed.", fix=["lepton doctor"])
        stage.say("a careless delivery is refused, as it should be:")
        stage.say(_indent(stage.record.refused))


def learn(stage: Stage) -> None:
    """Pretrain the base on the source."""
    with stage.act("pretrain"):
        done = stage.door.pretrain()
    stage.record.base = done.to_json()
    stage.record.links |= {f"base, {name}": link for name, link in done.links.items()}
    stage.say(f"base model: accuracy {done.metrics['accuracy']:.3f} on held-out {SOURCE}, {done.seconds:.1f} s")


def adapt(stage: Stage) -> None:
    """Adapt to the target with ten labels a class; the gate decides."""
    with stage.act("transfer"):
        done = stage.door.transfer(TARGET, labels_per_class=LABELS_PER_CLASS)
    stage.record.first_transfer = done.to_json()
    stage.record.links |= {f"champion 1, {name}": link for name, link in done.links.items()}
    for one in done.candidates:
        chosen = "  <- chosen" if one.strategy == done.winner else ""
        m = one.metrics
        stage.say(f"  {one.strategy:<10} accuracy {m['accuracy']:.3f}  F1 {m['f1']:.3f}  ECE {m['ece']:.3f}{chosen}")
    summary = done.gate.summary if done.gate else ""
    stage.say(f"gate: {summary}")
    if done.outcome != "promoted":
        raise LeptonError("The demo's first transfer was not promoted.", why=summary)


def produce(stage: Stage, story: Story) -> None:
    """Let the windows arrive, be scored and judged; when drift is confirmed, wait for the server to act on it."""
    key = story.answer_key()
    for window in story.windows:
        with stage.act("production windows"):
            _deliver(stage, window)
            seen = _judge(stage, window, key)
        stage.record.windows.append(seen)
        stage.say(_line(seen))
        if seen.action == "retransfer":
            _await_retransfer(stage)


def _deliver(stage: Stage, window: Window) -> None:
    """Ingest one window without labels; for a degraded one, the annotator's few labels come after it."""
    file = write_npz(stage.deliveries / f"{window.name}.npz", window.table, labelled=False)
    stage.door.ingest(TARGET, file)
    if window.degraded:
        labels = write_labels(stage.deliveries / f"{window.name}-labels.csv", annotate(window))
        stage.door.ingest(TARGET, labels, labels=True)


def _judge(stage: Stage, window: Window, key: dict[str, str]) -> Seen:
    """Score a window with the champion, then monitor it."""
    import pandas as pd

    scored = stage.door.score(TARGET, batch=window.name)
    log = pd.read_parquet(scored.scored[0].file)
    right = [key[row] == answer for row, answer in zip(log["id"], log["prediction"], strict=True)]
    judged = stage.door.monitor(TARGET, window=window.name).windows[0]
    observation, decision = judged.observation, judged.decision
    if judged.links:
        stage.record.links["last window's report"] = judged.links["report"]
    return Seen(
        window=window.name,
        degraded=window.degraded,
        champion=scored.champion,
        accuracy=sum(right) / len(right),
        estimated=observation.estimated_accuracy,
        drift=observation.score,
        scores=observation.scores,
        action=decision.action,
        reason=decision.reason,
        alert=decision.alert,
        report=judged.links.get("report"),
    )


def _await_retransfer(stage: Stage) -> None:
    """Wait until the worker has promoted a champion whose cause is the drift; nothing here starts it."""
    ledger, pair = Ledger(stage.ws.ledger_url), stage.ws.pair(TARGET)
    confirmed = ledger.last_row(pair.name, rows.Decided)
    assert confirmed is not None
    alert = ledger.last_row(pair.name, rows.Alerted)
    if alert is not None:
        stage.say(f"ALERT  {alert.row.title}  (also in {stage.ws.alerts_file})")
    stage.say("event lepton.drift.confirmed is out; the automation on the Prefect server starts a worker ...")
    deadline = time.monotonic() + RETRANSFER_SECONDS
    while time.monotonic() < deadline:
        ended = [entry.row for entry in ledger.rows(pair.name, rows.TransferFinished, after=confirmed.seq)]
        if failed := next((end for end in ended if not end.ok), None):
            raise LeptonError("The retransfer failed on the worker.", why=failed.error or "")
        decided = next(iter(ledger.rows(pair.name, rows.Promoted, rows.Refused, after=confirmed.seq)), None)
        if decided is not None:
            waited = (decided.at - confirmed.at).total_seconds()
            stage.record.seconds["confirmed drift -> new champion"] = round(waited, 2)
            stage.record.retransfer = {"action": decided.action, "actor": decided.actor, **decided.row.to_json()}
            gate = decided.row.gate if isinstance(decided.row, rows.Promoted | rows.Refused) else {}
            stage.say(f"{decided.actor} on the worker: {decided.action} after {waited:.1f} s; gate {gate['summary']}")
            if decided.action == "refused":
                raise LeptonError("The gate refused the demo's retransfer.", why=gate["summary"])
            return
        time.sleep(0.2)
    raise LeptonError(
        f"No retransfer happened within {RETRANSFER_SECONDS:.0f} s of the event.",
        why=f"See {stage.ws.state_dir / 'logs'}.",
        fix=["lepton doctor"],
    )


def _line(seen: Seen) -> str:
    mark = "degraded" if seen.degraded else "quiet   "
    guess = "  -  " if seen.estimated is None else f"{seen.estimated:.3f}"
    text = f"  {seen.window} {mark} accuracy {seen.accuracy:.3f}  estimated {guess}  drift {seen.drift:5.2f}"
    return f"{text}  {seen.action}: {seen.reason}"


def _indent(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.splitlines())
