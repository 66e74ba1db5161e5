"""Who serves a pair: verified first, written to the ledger second, shown as MLflow's alias third.

The ledger alone decides. The alias `champion` is a projection of it which `reconcile` can rebuild, so a crash
between the two steps leaves nothing half-promoted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger import PROMOTED, ROLLED_BACK, Action, Entry, Ledger
from lepton.core.refs import ModelRef
from lepton.core.workspace import Workspace
from lepton.registry.models import aliases, fetch, set_alias

ALIAS = "champion"
_MOVES: tuple[Action, ...] = (PROMOTED, ROLLED_BACK)

Smoke = Callable[[Any], None]
"""Takes the loaded model, predicts on stored rows, and raises LeptonError if the answers are not as stored."""


@dataclass(frozen=True)
class Champion:
    """One reign: a version that serves, or served, a pair."""

    ref: ModelRef
    since: str
    """UTC, ISO 8601."""
    cause: Mapping[str, Any]
    """Why: `kind` is manual, schedule, drift or rollback."""
    evidence: Mapping[str, Any]
    """The gate's verdict; empty after a rollback, which needs none."""
    actor: str
    seq: int
    """The ledger's row; pass it as `expect_seq` to promote over exactly this champion."""
    until: str | None = None
    """When the next one took over; None while it serves."""


@dataclass(frozen=True)
class Realigned:
    """An alias that `reconcile` moved because the ledger said otherwise."""

    model: str
    was: str | None
    now: str


def promote(
    ws: Workspace,
    ledger: Ledger,
    pair: str,
    ref: ModelRef,
    *,
    actor: str,
    cause: Mapping[str, Any],
    evidence: Mapping[str, Any],
    expect_seq: int | None = None,
    smoke: Smoke | None = None,
) -> Champion:
    """Make a registered version the champion of a pair; doing so twice changes nothing the second time.

    Args:
        ws: The workspace.
        ledger: The ledger.
        pair: The pair's name, or the source's for its base.
        ref: The version; its files must still have the digest of the registration.
        actor: Who decided.
        cause: `kind` (manual, schedule, drift) and what goes with it.
        evidence: The gate's verdict.
        expect_seq: `Champion.seq` of the champion that the gate compared with, 0 if there was none; None if it
            does not matter whom this one replaces.
        smoke: Called with the loaded model before anything is written.

    Raises:
        Conflict: If another version was promoted meanwhile; nothing was written.
        LeptonError: If the model does not verify (nothing was written), or the alias could not be moved
            (the promotion stands, `reconcile` moves the alias).
    """
    verify(ws, ref, smoke)
    serving = champion(ledger, pair)
    if serving is None or serving.ref != ref:
        payload = {
            "model": ref.to_json(),
            "previous": serving.ref.to_json() if serving else None,
            "cause": dict(cause),
            "evidence": dict(evidence),
        }
        ledger.append(actor, pair, PROMOTED, payload, expect_seq=expect_seq, expect_of=_MOVES)
    return _show(ws, ledger, pair)


def champion(ledger: Ledger, pair: str) -> Champion | None:
    """Return what serves a pair according to the ledger, or None if nothing does."""
    row = ledger.last(pair, _MOVES)
    return _reign(row) if row else None


def history(ledger: Ledger, pair: str) -> list[Champion]:
    """Return every reign of a pair, oldest first."""
    reigns = [_reign(row) for row in ledger.entries(pair, _MOVES)]
    ends = [*(reign.since for reign in reigns[1:]), None]
    return [replace(reign, until=end) for reign, end in zip(reigns, ends, strict=False)]


def rollback_target(ledger: Ledger, pair: str, to: str | None = None) -> Champion:
    """Return what a rollback would bring back: the champion before this one, or version `to`.

    Each rollback goes one step further into the past; it does not bounce between two versions.

    Raises:
        NotFound: If the pair has no champion, none before it, or `to` never served it.
        LeptonError: If `to` serves already.
    """
    reigns = history(ledger, pair)
    if not reigns:
        raise NotFound(
            f"Nothing serves {pair} yet, so there is nothing to roll back.",
            fix=["lepton transfer TARGET", "lepton status"],
        )
    now = reigns[-1].ref
    if to is None:
        stack = _stack(reigns)
        if len(stack) < 2:
            raise NotFound(
                f"{now.label} is the first champion of {pair}; there is none before it.",
                fix=[f"lepton rollback {_target(pair)} --to VERSION", f"lepton lineage {_target(pair)}"],
            )
        return stack[-2]
    wanted = to.removeprefix("v")
    if now.version == wanted:
        raise LeptonError(f"{now.label} serves {pair} already.")
    for reign in reversed(reigns):
        if reign.ref.version == wanted:
            return reign
    served = ", ".join(sorted({f"v{reign.ref.version}" for reign in reigns}))
    raise NotFound(
        f"Version {wanted} never served {pair}.",
        why=f"Versions that did: {served}. A version that never served must pass the gate first.",
        fix=[
            f"lepton rollback {_target(pair)} --to {served.split(', ')[0]}",
            f'lepton promote {_target(pair)} {wanted} --why "..."',
        ],
    )


def rollback(
    ws: Workspace,
    ledger: Ledger,
    pair: str,
    *,
    actor: str,
    why: str,
    to: str | None = None,
    smoke: Smoke | None = None,
) -> Champion:
    """Let an earlier champion serve again: the one before, or version `to`.

    Raises:
        NotFound: If there is no such champion.
        Conflict: If the champion changed meanwhile; nothing was written.
        LeptonError: If the earlier model does not verify any more; nothing was written.
    """
    target, serving = rollback_target(ledger, pair, to), champion(ledger, pair)
    assert serving is not None  # rollback_target has raised otherwise
    verify(ws, target.ref, smoke)
    payload = {
        "model": target.ref.to_json(),
        "previous": serving.ref.to_json(),
        "cause": {"kind": "rollback", "why": why},
        "evidence": {},
    }
    ledger.append(actor, pair, ROLLED_BACK, payload, expect_seq=serving.seq, expect_of=_MOVES)
    return _show(ws, ledger, pair)


def reconcile(ws: Workspace, ledger: Ledger) -> list[Realigned]:
    """Move the aliases that differ from the ledger; return what was moved. `lepton up` and `lepton doctor` call it."""
    moved = []
    for pair in dict.fromkeys(row.pair for row in ledger.entries(action=_MOVES)):
        serving = champion(ledger, pair)
        if serving is None:
            continue
        was = aliases(ws, serving.ref.name).get(ALIAS)
        if was != serving.ref.version:
            set_alias(ws, serving.ref, ALIAS)
            moved.append(Realigned(serving.ref.name, was, serving.ref.version))
    return moved


def verify(ws: Workspace, ref: ModelRef, smoke: Smoke | None = None) -> None:
    """Check that a version may serve: its files are those registered, they load, and the smoke test passes.

    Raises:
        LeptonError: If not; names the file.
    """
    from lepton.models.format import load

    _, folder = fetch(ws, ref.name, ref.version, expect=ref.digest)
    model = load(folder)
    if smoke is not None:
        smoke(model)


def _show(ws: Workspace, ledger: Ledger, pair: str) -> Champion:
    """Set the alias to what the ledger says now, which may be another writer's still newer choice."""
    serving = champion(ledger, pair)
    assert serving is not None
    try:
        set_alias(ws, serving.ref, ALIAS)
    except LeptonError as error:
        raise LeptonError(
            f"{serving.ref.label} is the champion of {pair}, but MLflow's alias could not be moved.",
            why=f"{error.what} {error.why}".strip(),
            fix=["lepton doctor  (moves the alias when MLflow can be reached again)"],
        ) from None
    return serving


def _reign(row: Entry) -> Champion:
    value = row.payload
    return Champion(
        ref=ModelRef.from_json(value["model"]),
        since=row.time,
        cause=value.get("cause", {}),
        evidence=value.get("evidence", {}),
        actor=row.actor,
        seq=row.seq,
    )


def _stack(reigns: Sequence[Champion]) -> list[Champion]:
    """Return the champions as a pile: a promotion lays one on top, a rollback takes off what lies above its target."""
    pile: list[Champion] = []
    for reign in reigns:
        depth = next((at for at, below in enumerate(pile) if below.ref == reign.ref), None)
        if reign.cause.get("kind") == "rollback" and depth is not None:
            del pile[depth + 1 :]
        else:
            pile.append(reign)
    return pile


def _target(pair: str) -> str:
    """Return the word for a pair on the command line."""
    return pair.partition("-to-")[2] or pair
