"""Approve: a form in Prefect's pages on which a person says whether a proposed version may serve.

The event `lepton.promotion.proposed` starts it on a worker (deploy/prefect.yaml). The run is suspended while it waits:
its process ends, no worker's slot is held, and the answer starts it again. `lepton promote --approve` and
`lepton reject` do the same from the command line; whoever comes second is told that it is settled.
"""

from __future__ import annotations

from typing import Any, Literal

from prefect import flow
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from flows.steps import current_run, open_ledger, step, workspace


class Word(RunInput):
    """What the form asks."""

    decision: Literal["approve", "reject"] = Field(description="Whether the version may serve.")
    who: str = Field(min_length=1, description="Your name; it goes into the ledger.")
    why: str = Field(min_length=1, description="Your reason; it goes into the ledger.")


@flow(name="approve", flow_run_name="approve-{domain}-v{version}")
def approve(domain: str, version: str) -> dict[str, Any]:
    """Ask a person about the version of `domain` that waits, and do what they say.

    Args:
        domain: The target.
        version: The version that was proposed.

    Returns:
        `outcome` is approved, rejected, or settled: by somebody else, or overtaken by another champion; `how` says it.
    """
    if how := settled(domain, version):
        return {"outcome": "settled", "how": how}
    word = ask(domain, version)
    return carry_out(domain, version, word.decision, word.who.strip(), word.why.strip())


def settled(domain: str, version: str) -> str | None:
    """Return how a proposal was settled or overtaken; None while it waits."""
    from lepton.registry.approval import what_became

    ws = workspace()
    became = what_became(open_ledger(ws), ws.pair(domain).name, version)
    return became.render() if became else None


def ask(domain: str, version: str) -> Word:
    """Suspend the run until the form is filled in; if nobody does in time the version goes on waiting."""
    ws = workspace()
    seconds = int(ws.config.transfer_for(domain).approval_hours * 3600)
    form = Word.with_initial_data(description=describe(domain, version))
    answered: Word = suspend_flow_run(wait_for_input=form, timeout=seconds, key=f"word-{version}")
    return answered


def describe(domain: str, version: str) -> str:
    """Return what a person needs to know, as Markdown above the form."""
    from lepton.registry.approval import to_approve
    from lepton.registry.promotion import champion

    ws = workspace()
    pair, ledger = ws.pair(domain).name, open_ledger(ws)
    ref, serving = to_approve(ledger, pair, version), champion(ledger, pair)
    evidence = next(
        row.payload["evidence"]
        for row in reversed(ledger.entries(pair, "proposed"))
        if row.payload["model"]["version"] == ref.version
    )
    figures = {k: v for k, v in (evidence.get("metrics") or {}).items() if isinstance(v, float)}
    lines = [
        f"**{ref.label}** passed the gate for **{domain}** and waits for your word.",
        "",
        f"- serves now: {serving.ref.label if serving else 'nothing'}",
        f"- gate: {(evidence.get('gate') or {}).get('summary', '-')}",
        *(f"- {name}: {value:.3f}" for name, value in figures.items()),
    ]
    return "\n".join(lines)


@step
def carry_out(domain: str, version: str, decision: str, who: str, why: str) -> dict[str, Any]:
    """Approve or reject in the person's name; if somebody was first, say so."""
    from flows.promote import approve_proposal, reject_version
    from lepton.core.errors import Conflict

    ws = workspace()
    try:
        if decision == "approve":
            through = f"Prefect, flow run {current_run()['id']}"
            done = approve_proposal(ws, domain, version, why, False, who=f"user:{who}", through=through)
            return {"outcome": "approved", "model": done["model"], "by": who}
        done = reject_version(ws, domain, version, why, False, who=f"user:{who}")
        return {"outcome": "rejected", "model": done["model"], "by": who}
    except Conflict as first:
        return {"outcome": "settled", "how": first.render()}
