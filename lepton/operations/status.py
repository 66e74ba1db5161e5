"""What is known of every pair, read from the ledger alone: fast, and true even when every server is down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TypeVar, cast

from lepton.core.config.workspace import Workspace
from lepton.core.decisions.alerts import ROWS, Standing, open_alerts
from lepton.core.decisions.overdue import Job
from lepton.core.decisions.refusals import ROWS as DELIVERIES
from lepton.core.decisions.refusals import refusals_of
from lepton.core.decisions.remedy import remedy
from lepton.core.ledger import Entry, Ledger
from lepton.core.ledger.rows import (
    Decided,
    Ingested,
    Mark,
    Measured,
    Move,
    Observed,
    Promoted,
    Proposed,
    Refused,
    Row,
    actions_of,
)
from lepton.core.refs import ModelRef, Pair
from lepton.core.work.lease import holds
from lepton.operations.machinery import standing
from lepton.operations.next_step import failure, next_step
from lepton.operations.result import Result
from lepton.operations.session import Session
from lepton.registry.eligibility import recalled, waiting
from lepton.registry.mlflow.gone import gone

T = TypeVar("T", bound=Row)


@dataclass(frozen=True)
class PairStatus(Result):
    """What an operator wants to know of one pair; None where nothing is known yet."""

    pair: str
    domain: str
    champion: str | None
    """Version that serves: `v3`; `base v1` where the base stands in, provisionally: state `provisional`."""
    model: str | None
    """The same with the registered model's name."""
    since: str | None
    by: str | None
    cause: str | None
    accuracy: float | None
    """Of what serves, on held-out rows, when it was promoted."""
    gate: str | None
    window: str | None
    """The last one that was judged against what serves."""
    drift: float | None
    """Its highest score; 1.0 is the calibrated threshold."""
    columns: Mapping[str, float] | None
    estimate: float | None
    """Its accuracy, estimated without labels."""
    report: str | None
    state: str
    decision: str | None
    why: str | None
    refused: str | None
    waiting: str | None
    """Version that passed the gate and waits for a person."""
    recalled: str | None
    """Why what serves was recalled; None if it was not."""
    alerts: tuple[Standing, ...]
    next: str | None
    """The command to type, if there is something to do."""
    low: float | None = None
    """Lower end of the estimate's 90 % interval."""
    high: float | None = None
    """Upper end."""
    realised: float | None = None
    """Accuracy that labels showed in the last window, at once or later; it is worth more than the estimate."""
    drifted_from: str | None = None
    """First window of the drift that lasts; None if there is none."""
    drifted_since: str | None = None
    """When that one was judged."""
    accepted: str | None = None
    """Last window of that drift that was found harmless."""
    since_accepted: float | None = None
    """How far the last window is from that one; 1.0 is the calibrated threshold."""
    unwatched: str | None = None
    """Which deliveries the contract refused since one was taken in, and why; None if it refused none."""

    @property
    def moved(self) -> tuple[tuple[str, float], ...]:
        """The columns that moved most in the last window, three at most, each with its score."""
        return tuple((name, score) for name, score in (self.columns or {}).items() if score >= 1)[:3]

    def facts(self) -> dict[str, object]:
        """Return what is known of it."""
        return {name: value for name, value in super().facts().items() if value not in (None, ())}


COLUMNS = ("domain", "champion", "accuracy", "window", "drift", "estimate", "state", "decision", "why")
"""Of a table with a row a pair."""


@dataclass(frozen=True)
class Status(Result):
    """Every pair, the targets in order of name."""

    workspace: str
    name: str
    pairs: tuple[PairStatus, ...]
    next: str | None
    """What to type in a workspace that has no target yet."""
    machinery: tuple[Standing, ...] = ()
    """Open alerts about the stack."""
    jobs: tuple[Job, ...] = ()
    """What is done by the clock, as its server says it: whoever asks that one fills it in."""
    gone: tuple[str, ...] = ()
    """Versions that serve and are gone from MLflow, by their labels: `lepton doctor` brings them back."""

    def __str__(self) -> str:
        rows = [COLUMNS, *(tuple(_cell(getattr(pair, name)) for name in COLUMNS) for pair in self.pairs)]
        widths = [max(len(row[k]) for row in rows) for k in range(len(COLUMNS))]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(line.rstrip() for line in lines) if self.pairs else f"{self.name}: no target yet"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        rows = (
            "<tr>" + "".join(f"<td>{escape(_cell(getattr(pair, name)))}</td>" for name in COLUMNS) + "</tr>"
            for pair in self.pairs
        )
        return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def status(session: Session, domain: str | None = None) -> Status:
    """Return what serves each target and how it is doing.

    Args:
        session: The workspace at work.
        domain: Only this target.

    Raises:
        NotFound: If there is no such target.
    """
    ws, ledger = session.ws, session.ledger
    if domain is not None:
        ws.check_known(domain)
    out = recalled(ledger)
    pairs = tuple(pair_status(ledger, ws.pair(target), out) for target in ([domain] if domain else ws.targets()))
    first = None if pairs else first_step(ws, ledger)
    return Status(str(ws.root), ws.config.name, pairs, first, tuple(standing(ledger)), gone=lost(ws, ledger))


def lost(ws: Workspace, ledger: Ledger) -> tuple[str, ...]:
    """Return the versions that serve by the ledger's word and are gone from MLflow."""
    slots = [ws.source, *(ws.slot(target) for target in ws.targets())]
    serving = [entry.row.model for slot in slots if (entry := ledger.last_row(slot, Move)) is not None]
    return tuple(ref.label for ref in gone(ws, serving))


def first_step(ws: Workspace, ledger: Ledger) -> str:
    """Return what to type in a workspace that has no target yet."""
    if ledger.last_row(ws.source, Ingested) is None:
        return f"lepton ingest {ws.source} FILE"
    if ledger.last_row(ws.source, Promoted) is None:
        return "lepton pretrain"
    return "lepton ingest TARGET FILE --new"


def pair_status(ledger: Ledger, pair: Pair, out: Mapping[tuple[str, str], str]) -> PairStatus:
    """Return what an operator wants to know of one pair.

    Args:
        ledger: All is read from it.
        pair: The pair.
        out: The recalled versions, each with the reason.
    """
    entries = ledger.entries(pair.name)
    serving, transfer = _last(entries, Move), _last(entries, Mark)
    observed, decided = _last(entries, Observed), _last(entries, Decided)
    earned = _earned(entries, serving)
    champion = serving.row.model.label if serving else None
    seen = observed.row.seen if observed is not None and observed.row.seen.champion == champion else None
    decision = decided.row.decision if decided is not None and seen is not None else None
    measured = _last(entries, Measured)
    if (
        seen is not None
        and measured is not None
        and (measured.row.window, measured.row.champion) == (*(seen.window, seen.champion),)
    ):
        seen = measured.row.added_to(seen)
    since = decision.state.since if decision is not None else None
    unseen = refusals_of([entry for entry in entries if entry.action in DELIVERIES])
    refused = _last(entries, Refused)
    if refused is not None and refused.seq < (serving.seq if serving else 0):
        refused = None
    named = refused.row.provisional if refused is not None and not champion else None
    base = ModelRef.from_json(named) if named else None
    if base is not None and base.key in out:
        base = None
    state: str = "provisional" if base else "no champion"
    if champion:
        state = decision.state.phase if decision else "stable"
    running = holds(transfer, datetime.now(UTC))
    if running:
        state = "retransferring" if champion else "transferring"
    elif state == "retransferring":
        state = "drifted"  # decided, but nothing is at work on it now
    elif champion and unseen.refused and state in ("stable", "suspect"):
        state = "unwatched"  # while nothing is taken in, calm means nothing
    decisions = [row.decision for entry in entries if (row := entry.of(Decided))] if decision is not None else []
    proposed = waiting(ledger, pair.name) if _last(entries, Proposed) else None
    bad = out.get(serving.row.model.key) if serving else None
    return PairStatus(
        pair=pair.name,
        domain=pair.target,
        champion=f"v{serving.row.model.version}" if serving else f"base v{base.version}" if base else None,
        model=champion,
        since=serving.time[:19] if serving else None,
        by=serving.actor if serving else None,
        cause=serving.row.cause.get("kind") if serving else None,
        accuracy=earned.metrics.get("accuracy") if earned else None,
        gate=earned.gate.get("summary") if earned else None,
        window=seen.window if seen else None,
        drift=seen.score if seen and seen.scores else None,
        columns=seen.columns if seen else None,
        estimate=seen.estimated_accuracy if seen else None,
        report=seen.report if seen else None,
        state=state,
        decision=decision.action if decision else None,
        why=decision.reason if decision else None,
        refused=refused.row.gate["summary"] if refused else None,
        waiting=f"v{proposed.row.model.version}" if proposed else None,
        recalled=bad,
        alerts=tuple(open_alerts([e for e in entries if e.action in ROWS])),
        next=None
        if running
        else next_step(
            pair.target,
            serves=bool(champion),
            drift=remedy(decisions),
            failed=failure(transfer),
            refused=refused,
            proposed=proposed,
            recalled=bad,
            unwatched=bool(champion and unseen.refused),
        ),
        low=seen.estimated_low if seen else None,
        high=seen.estimated_high if seen else None,
        realised=seen.realised_accuracy if seen else None,
        drifted_from=since,
        drifted_since=_judged(entries, since),
        accepted=decision.state.accepted if decision else None,
        since_accepted=seen.since_accepted if seen else None,
        unwatched=unseen.in_words if champion else None,
    )


def _judged(entries: list[Entry], window: str | None) -> str | None:
    """Return when a window was judged first."""
    if window is None:
        return None
    seen = (entry for entry in entries if (row := entry.of(Observed)) and row.seen.window == window)
    return next((entry.time[:16].replace("T", " ") for entry in seen), None)


def _earned(entries: list[Entry], serving: Entry[Move] | None) -> Promoted | None:
    """Return the promotion whose evidence first let the serving version serve; a rollback has none of its own."""
    promotions = (entry.of(Promoted) for entry in reversed(entries) if serving is not None)
    return next((row for row in promotions if row and serving and row.model == serving.row.model), None)


def _last(entries: list[Entry], kind: type[T]) -> Entry[T] | None:
    actions = actions_of(kind)
    return next((cast("Entry[T]", entry) for entry in reversed(entries) if entry.action in actions), None)


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
