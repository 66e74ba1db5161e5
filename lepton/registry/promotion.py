"""Who serves a pair: verified first, written to the ledger second, shown as MLflow's alias third, read back last.

The ledger alone decides: its row is the commit. Before it nothing is promised to anybody and everything can be undone;
after it nothing needs to be, because the alias is a projection that anybody can make again. MLflow could not be the
commit: its aliases cannot be compared and swapped, keep no history, and cannot say why. So a process that is killed
between the two steps leaves a stale alias at most, never a half-promoted model, and `reconcile` puts it right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger import Action, Ledger
from lepton.core.ledger.rows import Cause, Evidence, Promoted, RolledBack
from lepton.core.refs import ModelRef, domain_of
from lepton.core.work.faults import reached
from lepton.registry.champions import Champion, champion, history, stack
from lepton.registry.eligibility import recalled
from lepton.registry.models import fetch
from lepton.registry.projection import MOVES, project


def promote(
    ws: Workspace,
    ledger: Ledger,
    pair: str,
    ref: ModelRef,
    *,
    actor: str,
    cause: Cause,
    evidence: Evidence,
    expect_seq: int | None = None,
) -> Champion:
    """Make a registered version the champion of a pair; doing so twice changes nothing the second time.

    Args:
        ws: The workspace.
        ledger: The ledger.
        pair: The pair's name, or the source's for its base.
        ref: The version; its files must still have the digest of the registration.
        actor: Who decided.
        cause: Why.
        evidence: What speaks for it: the gate's verdict first of all.
        expect_seq: `Champion.seq` of the champion that the gate compared with, 0 if there was none; None if it
            does not matter whom this one replaces.

    Raises:
        Conflict: If another version was promoted meanwhile; nothing was written.
        LeptonError: If the model does not verify or was recalled (nothing was written), or the alias could not be
            moved (the promotion stands, `reconcile` moves the alias).
    """
    verify(ws, ref)
    commit(ledger, pair, ref, actor=actor, cause=cause, evidence=evidence, expect_seq=expect_seq)
    return show(ws, ledger, pair)


def commit(
    ledger: Ledger,
    pair: str,
    ref: ModelRef,
    *,
    actor: str,
    cause: Cause,
    evidence: Evidence,
    expect_seq: int | None = None,
    expect_of: Sequence[Action] = MOVES,
) -> None:
    """Write the row that makes a verified version the champion: from here on it serves. See `promote`.

    Args:
        ledger: The ledger.
        pair: As all that follows, see `promote`.
        ref: The version; the caller has verified it.
        actor: Who decided.
        cause: Why.
        evidence: The gate's verdict.
        expect_seq: The newest row of `expect_of` that the decision knew of.
        expect_of: Which of the pair's rows the decision hangs on.
    """
    refuse_recalled(ledger, ref)
    serving = champion(ledger, pair)
    if serving is None or serving.ref != ref:
        row = Promoted(ref, serving.ref if serving else None, cause, evidence)
        ledger.record(actor, pair, row, expect_seq=expect_seq, expect_of=expect_of)
    reached("promote.recorded")


def show(ws: Workspace, ledger: Ledger, pair: str) -> Champion:
    """Move the aliases to what the ledger says now, which may be another writer's still newer choice; return that.

    Raises:
        LeptonError: If they could not be moved; what the ledger says stands.
    """
    try:
        project(ws, ledger, pair)
    except LeptonError as error:
        serving = _require(ledger, pair)
        raise LeptonError(
            f"{serving.ref.label} is the champion of {pair}, but MLflow's alias could not be moved.",
            why=f"{error.what} {error.why}".strip(),
            fix=["lepton doctor  (moves the alias when MLflow can be reached again)"],
        ) from None
    reached("promote.shown")
    return _require(ledger, pair)


def rollback_target(
    ledger: Ledger, pair: str, to: str | None = None, without: Collection[tuple[str, str]] = ()
) -> Champion:
    """Return what a rollback would bring back: the champion before this one that was not recalled, or version `to`.

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
    now, out = reigns[-1].ref, {*recalled(ledger), *without}
    if to is None:
        earlier = stack(reigns)[:-1]
        fit = [reign for reign in earlier if reign.ref.key not in out]
        if not fit:
            again = f"transfer {domain_of(pair)}" if "-to-" in pair else "pretrain"
            raise NotFound(
                f"Every champion of {pair} before {now.label} was recalled: there is none to go back to."
                if earlier
                else f"{now.label} is the first champion of {pair}; there is none before it.",
                fix=[f"lepton {again}", f"lepton lineage tree {domain_of(pair)}"],
            )
        return fit[-1]
    wanted = to.removeprefix("v")
    if now.version == wanted:
        raise LeptonError(f"{now.label} serves {pair} already.")
    for reign in reversed(reigns):
        if reign.ref.version == wanted:
            refuse_recalled(ledger, reign.ref)
            return reign
    served = ", ".join(sorted({f"v{reign.ref.version}" for reign in reigns}))
    raise NotFound(
        f"Version {wanted} never served {pair}.",
        why=f"Versions that did: {served}. A version that never served must pass the gate first.",
        fix=[
            f"lepton rollback {domain_of(pair)} --to {served.split(', ')[0]}",
            f'lepton promote {domain_of(pair)} {wanted} --why "..."',
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
    cause: Cause | None = None,
) -> Champion:
    """Let an earlier champion serve again: the one before that was not recalled, or version `to`.

    Args:
        ws: The workspace.
        ledger: The ledger.
        pair: The pair's name, or the source's for its base.
        actor: Who decided.
        why: For the record.
        to: Version to go back to.
        cause: If it is part of something larger, such as a recall.

    Raises:
        NotFound: If there is no such champion.
        Conflict: If the champion changed meanwhile; nothing was written.
        LeptonError: If the earlier model does not verify any more, or was recalled; nothing was written.
    """
    target, serving = rollback_target(ledger, pair, to), _require(ledger, pair)
    verify(ws, target.ref)
    reached("rollback.verified")
    row = RolledBack(target.ref, serving.ref, replace(cause or Cause("rollback"), why=why))
    ledger.record(actor, pair, row, expect_seq=serving.seq, expect_of=MOVES)
    reached("rollback.recorded")
    back = show(ws, ledger, pair)
    reached("rollback.shown")
    return back


def verify(ws: Workspace, ref: ModelRef) -> None:
    """Check that a version may serve: its files are those registered, they load, and they answer as they did then.

    The answers are those to the example rows that are stored beside the weights; a model from before there were any
    is taken by its checksums.

    Raises:
        LeptonError: If not; names the file, or the largest deviation.
    """
    from lepton.models.examples import check_examples
    from lepton.models.format import load

    _, folder = fetch(ws, ref.name, ref.version, expect=ref.digest)
    reached("promote.fetched")
    check_examples(folder, load(folder))
    reached("promote.verified")


def refuse_recalled(ledger: Ledger, ref: ModelRef) -> None:
    """Raise if a version must not serve any more.

    Raises:
        LeptonError: Says why it was recalled, and how that is lifted.
    """
    why = recalled(ledger).get((ref.name, ref.version))
    if why is not None:
        raise LeptonError(
            f"{ref.label} was recalled and must not serve.",
            why=f"Because: {why}.",
            fix=["lepton transfer TARGET  (from a base that was not recalled)", 'lepton recall ... --lift --why "..."'],
        )


def _require(ledger: Ledger, pair: str) -> Champion:
    """Return the champion where there must be one: a promotion is never taken back, only followed by another."""
    serving = champion(ledger, pair)
    assert serving is not None
    return serving
