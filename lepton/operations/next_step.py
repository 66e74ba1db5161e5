"""The command that a person should type next for a pair, if there is something to do."""

from __future__ import annotations

from lepton.core.decisions.remedy import Remedy
from lepton.core.ledger import Entry
from lepton.core.ledger.rows import Mark, Proposed, Refused, TransferFinished


def next_step(
    target: str,
    serves: bool,
    drift: Remedy,
    failed: str | None,
    refused: Entry[Refused] | None,
    proposed: Entry[Proposed] | None,
    recalled: str | None,
    unwatched: bool,
) -> str | None:
    """Return the command to type next.

    Args:
        target: The pair's target.
        serves: Whether a champion does.
        drift: What its drift asks for.
        failed: What the last transfer failed with.
        refused: The last refusal of the gate, if nothing was promoted since.
        proposed: A version that waits for a person's word.
        recalled: Why what serves was recalled.
        unwatched: Whether the contract refuses what is delivered.
    """
    if proposed:
        version = proposed.row.model.version
        return f"lepton promote {target} --approve   (v{version} passed the gate and waits; or: lepton reject {target})"
    if recalled:
        return f"lepton transfer {target}   (what serves it was recalled: {recalled})"
    if failed:
        return f"lepton transfer {target}   (the last one failed: {failed})"
    if refused is not None and (not serves or drift != "nothing"):
        return f"lepton ingest {target} labels.csv --labels   (the gate refused the last transfer; more labels help)"
    if not serves:
        return f"lepton transfer {target}"
    if drift == "labels":
        return f"lepton ingest {target} labels.csv --labels   (nobody knows what the drift costs; some sixty tell)"
    if drift == "transfer":
        return f"lepton transfer {target} --cause drift"
    return f"lepton ingest {target} FILE   (mended: the last delivery was refused)" if unwatched else None


def failure(transfer: Entry[Mark] | None) -> str | None:
    """Return the first line of what the last transfer failed with; None if it did not."""
    end = transfer.of(TransferFinished) if transfer is not None else None
    return None if end is None or end.ok else str(end.error).split("\n")[0]
