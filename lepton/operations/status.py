"""What is known of every pair, read from the ledger alone: fast, and true even when every server is down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from lepton.core.config.workspace import Workspace
from lepton.core.decisions.alerts import ROWS, Standing, open_alerts
from lepton.core.ledger import Entry, Ledger
from lepton.core.refs import Pair
from lepton.core.work.lease import MARKS, holds
from lepton.operations.result import Result
from lepton.operations.session import Session
from lepton.registry.recalls import key_of, recalled, waiting

UNMENDED = ("drifted", "cooldown", "exhausted")
"""States of a pair whose drift nothing is at work on."""


@dataclass(frozen=True)
class PairStatus(Result):
    """What an operator wants to know of one pair; None where nothing is known yet."""

    pair: str
    domain: str
    champion: str | None
    """Version that serves: `v3`."""
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
    return Status(str(ws.root), ws.config.name, pairs, None if pairs else first_step(ws, ledger))


def first_step(ws: Workspace, ledger: Ledger) -> str:
    """Return what to type in a workspace that has no target yet."""
    if ledger.last(ws.source, "ingested") is None:
        return f"lepton ingest {ws.source} FILE"
    if ledger.last(ws.source, "promoted") is None:
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
    serving = _last(entries, "promoted", "rolled_back")
    observed, decided = _last(entries, "observed"), _last(entries, "decided")
    transfer = _last(entries, *MARKS)
    evidence = _evidence(entries, serving)
    champion = _label(serving.payload["model"]) if serving else None
    current = observed is not None and observed.payload["champion"] == champion
    seen: dict[str, Any] = observed.payload if observed is not None and current else {}
    decision: dict[str, Any] = decided.payload if decided is not None and current else {}
    state = decision.get("state", {}).get("phase", "stable") if champion else "no champion"
    running = holds(transfer, datetime.now(UTC))
    if running:
        state = "retransferring" if champion else "transferring"
    elif state == "retransferring":
        state = "drifted"  # decided, but nothing is at work on it now
    refused = _last(entries, "refused")
    if refused is not None and refused.seq < (serving.seq if serving else 0):
        refused = None
    proposed = waiting(ledger, pair.name) if any(entry.action == "proposed" for entry in entries) else None
    bad = out.get(key_of(serving.payload["model"])) if serving else None
    return PairStatus(
        pair=pair.name,
        domain=pair.target,
        champion=f"v{serving.payload['model']['version']}" if serving else None,
        model=champion,
        since=serving.time[:19] if serving else None,
        by=serving.actor if serving else None,
        cause=(serving.payload.get("cause") or {}).get("kind") if serving else None,
        accuracy=(evidence.get("metrics") or {}).get("accuracy"),
        gate=(evidence.get("gate") or {}).get("summary"),
        window=seen.get("window"),
        drift=max(seen["scores"].values()) if seen.get("scores") else None,
        columns=seen.get("columns"),
        estimate=seen.get("estimated_accuracy"),
        report=seen.get("report"),
        state=state,
        decision=decision.get("action"),
        why=decision.get("reason"),
        refused=refused.payload["gate"]["summary"] if refused else None,
        waiting=f"v{proposed.payload['model']['version']}" if proposed else None,
        recalled=bad,
        alerts=tuple(open_alerts([e for e in entries if e.action in ROWS])),
        next=None if running else _next(pair.target, champion, state, _failed(transfer), refused, proposed, bad),
    )


def _evidence(entries: list[Entry], serving: Entry | None) -> dict[str, Any]:
    """Return the evidence of the promotion that first let the serving version serve; a rollback has none of its own."""
    if serving is None:
        return {}
    for entry in reversed(entries):
        if entry.action == "promoted" and entry.payload["model"] == serving.payload["model"]:
            return dict(entry.payload["evidence"])
    return {}


def _next(
    target: str,
    champion: str | None,
    state: str,
    failed: str | None,
    refused: Entry | None,
    proposed: Entry | None,
    recalled: str | None,
) -> str | None:
    """Return the command to type next, if there is something to do."""
    if proposed:
        version = proposed.payload["model"]["version"]
        return f"lepton promote {target} --approve   (v{version} passed the gate and waits; or: lepton reject {target})"
    if recalled:
        return f"lepton transfer {target}   (what serves it was recalled: {recalled})"
    if failed:
        return f"lepton transfer {target}   (the last one failed: {failed})"
    if refused is not None and (champion is None or state in UNMENDED):
        return f"lepton ingest {target} labels.csv --labels   (the gate refused the last transfer; more labels help)"
    if champion is None:
        return f"lepton transfer {target}"
    if state in UNMENDED:
        return f"lepton transfer {target} --cause drift"
    return None


def _failed(transfer: Entry | None) -> str | None:
    if transfer is None or transfer.action != "transfer_finished" or transfer.payload["ok"]:
        return None
    return str(transfer.payload["error"]).split("\n")[0]


def _last(entries: list[Entry], *actions: str) -> Entry | None:
    return next((entry for entry in reversed(entries) if entry.action in actions), None)


def _label(model: dict[str, Any]) -> str:
    return f"{model['name']} v{model['version']}"


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
