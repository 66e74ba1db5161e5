"""Approve: a form in Prefect's pages on which a person says whether a proposed version may serve.

The event `lepton.promotion.proposed` starts it on a worker (deploy/prefect.yaml). The run is suspended while it waits:
its process ends, no worker's slot is held, and the answer starts it again. `lepton promote --approve` and
`lepton reject` do the same from the command line; whoever comes second is told that it is settled.
"""

from __future__ import annotations

from typing import Literal

from prefect import flow
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from lepton.operations.approval import ApprovalResult, carry_out, describe, settlement_of
from lepton_flows.runtime import session


class Word(RunInput):
    """What the form asks."""

    decision: Literal["approve", "reject"] = Field(description="Whether the version may serve.")
    who: str = Field(min_length=1, description="Your name; it goes into the ledger.")
    why: str = Field(min_length=1, description="Your reason; it goes into the ledger.")


@flow(name="approve", flow_run_name="approve-{domain}-v{version}")
def approve(domain: str, version: str) -> ApprovalResult:
    """Ask a person about the version of `domain` that waits, and do what they say.

    Args:
        domain: The target.
        version: The version that was proposed.
    """
    work = session()
    if how := settlement_of(work, domain, version):
        return ApprovalResult("settled", how=how)
    seconds = int(work.ws.config.transfer_for(domain).approval_hours * 3600)
    form = Word.with_initial_data(description=describe(work, domain, version))
    # If nobody answers in time the version goes on waiting.
    word: Word = suspend_flow_run(wait_for_input=form, timeout=seconds, key=f"word-{version}")
    who, why, run = word.who.strip(), word.why.strip(), work.runtime.run
    return work.runtime.step(
        "carry out",
        lambda: carry_out(work, domain, version, word.decision, who, why, f"Prefect, flow run {run.id}"),
    )
