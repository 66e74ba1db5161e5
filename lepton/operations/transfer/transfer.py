"""Transfer: adapt the best ancestor to a target, cheaply, and let the result serve only if the gate allows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.core.refs import ModelRef
from lepton.core.work.faults import reached
from lepton.core.work.resume import once, until_done
from lepton.operations.monitor.tolerance import remark_on
from lepton.operations.regime import unanswered_drift
from lepton.operations.session import Session
from lepton.operations.transfer.in_flight import in_flight
from lepton.operations.transfer.interruption import finish_settled
from lepton.operations.transfer.job import THREADS, Request, TransferJob, ask
from lepton.operations.transfer.result import TransferResult
from lepton.operations.transfer.rows import Rows, pick_rows
from lepton.operations.transfer.settlement import Winner, settle_winner
from lepton.operations.transfer.start import choose_start
from lepton.operations.transfer.stories import Story, records_of
from lepton.operations.transfer.verdict import Retention, TransferVerdict

if TYPE_CHECKING:
    from lepton.core.table import Table
    from lepton.models.model import Model
    from lepton.transfer.attempt import Attempt
    from lepton.transfer.search import Plan, Search

SOURCE_ROWS = 1000
"""Test rows of the source on which it is measured how much of it was forgotten."""


def transfer(
    session: Session,
    domain: str,
    cause: str = "manual",
    labels_per_class: int | None = None,
    strategies: Sequence[str] | None = None,
    dry_run: bool = False,
    start: str | None = None,
) -> TransferResult:
    """Adapt the best ancestor to `domain` and promote the result if the gate allows it.

    Killed at any moment, the same call again goes on where the first one was: each step's result is kept until the end.

    Args:
        session: The workspace at work.
        domain: The target.
        cause: manual, schedule or drift; drift reads its evidence from the ledger.
        labels_per_class: Exactly so many labelled rows of each class; by default what the workspace says.
        strategies: Strategies to try; by default those of the workspace.
        dry_run: Return the plan and stop.
        start: Where to start: auto, base, champion, or a registered version by name; by default as the workspace says.

    Raises:
        NotFound: If there is no base model, the target has no data, or a start is asked for that is not there.
        Busy: If another transfer of the pair is running.
        LeptonError: If nothing can be learnt here, what it takes is recalled, or the outcome could not be recorded.
    """
    work = Transfer(session, Request(domain, cause, labels_per_class, tuple(strategies or ()), start), dry_run=dry_run)
    return work.preview() if dry_run else work.run()


class Transfer:
    """One transfer at work. Rows, ancestor, champion and the source's test rows are loaded once, when first needed.

    Args:
        session: The workspace at work.
        request: What is asked for.
        dry_run: Whether nothing may be left behind.
    """

    def __init__(self, session: Session, request: Request, *, dry_run: bool = False) -> None:
        self.session, self.request, self.dry_run = session, request, dry_run
        self.pair = session.ws.pair(request.domain)

    def preview(self) -> TransferResult:
        """Return what would be tried, and from where."""
        step = self.session.runtime.step
        job = step("prepare", lambda: self.job)
        return TransferResult("dry run", self.pair.target, plan=step("make plan", self.make_plan), job=job)

    def run(self) -> TransferResult:
        """Do it, or finish what an interrupted run had all but done; see `transfer`."""
        session, cause = self.session, self.request.cause
        if done := finish_settled(session, self.request):
            return done
        if cause == "drift" and not unanswered_drift(session, self.pair.target):
            return TransferResult("not due", self.pair.target)
        step = session.runtime.step
        with in_flight(session, self.pair.name, cause) as end:
            job = step("prepare", lambda: self.job)
            with until_done(Path(job.folder)):
                plan = step("make plan", self.make_plan)
                attempts = self.search.run(plan, step)
                verdict = step("judge", lambda: self.judge(plan, attempts))
                done = self.settle(plan, attempts, verdict)
                end.story = done.story
                return done

    @cached_property
    def asked(self) -> TransferJob:
        """What is asked for, before anything is computed."""
        job = ask(self.session, self.request, instead_of=self.session.find_champion(self.pair.name))
        return replace(job, folder="") if self.dry_run else job

    @cached_property
    def job(self) -> TransferJob:
        """What is asked for, with its ancestor: as an interrupted run of the same work chose it, else chosen now."""
        asked = self.asked
        found = once(asked.folder, "job", lambda: choose_start(self.session, asked, self.rows.train).to_json())
        reached("transfer.prepared")
        return replace(TransferJob.from_json(found), run=asked.run, cause=asked.cause, folder=asked.folder)

    @cached_property
    def rows(self) -> Rows:
        """The rows to adapt with and those to judge on; equal requests mean equal rows."""
        from lepton.contract.file import load_contract

        asked, table = self.asked, self.session.rows(self.asked.data)
        classes = load_contract(self.session.ws, self.pair.target).classes
        return pick_rows(table, asked.labels_per_class, asked.exact, asked.seed, classes)

    @cached_property
    def source_rows(self) -> Table | None:
        """Labelled test rows of the source; None if there are none any more."""
        import numpy as np

        from lepton.core.splits import split
        from lepton.data.store import batches, load

        ws = self.session.ws
        if not (found := batches(ws, ws.source)):
            return None
        rows = split(load(ws, ws.source, tuple(found)), "test").labelled()
        return rows.take(np.arange(len(rows))[:SOURCE_ROWS]) if len(rows) else None

    @cached_property
    def search(self) -> Search:
        """The search over the strategies, its candidates on disk."""
        from lepton.models.features import FeatureCache
        from lepton.operations.transfer.shelf import OnDisk
        from lepton.transfer.search import Ground, Search

        session, job = self.session, self.job
        ground = Ground(
            ancestor=session.load(job.ancestor).model,
            train=self.rows.train,
            held_out=self.rows.held_out,
            config=job.config(session),
            seed=job.seed,
            threads=THREADS,
            cache=FeatureCache(session.ws.cache_dir / "features"),
            serves=session.lineage(job.champion).strategy if job.champion else None,
        )
        return Search(ground, OnDisk(job.candidates, len({"none", *job.strategies}), session.progress))

    def make_plan(self) -> Plan:
        """Return every strategy with its expected gain, predicted cost and, if it is out, the reason."""
        from lepton.transfer.search import Plan

        session, job = self.session, self.job
        found = once(job.folder, "plan", lambda: self.search.plan(records_of(session, job.pair.name)).to_json())
        plan = Plan.from_json(found)
        if job.folder and (done := list(job.candidates.glob("*/candidate.json"))):
            possible = sum(not step.out for step in plan.steps)
            session.runtime.tell(f"Going on from an interrupted run: {len(done)} of {possible} strategies are done.")
        reached("transfer.planned")
        return plan

    def judge(self, plan: Plan, attempts: Sequence[Attempt]) -> TransferVerdict:
        """Choose by promise and cross-validation, then judge the choice: the held-out rows choose nothing."""
        found = once(self.job.folder, "verdict", lambda: self._judge(plan, attempts).to_json())
        reached("transfer.judged")
        return TransferVerdict.from_json(found)

    def settle(self, plan: Plan, attempts: tuple[Attempt, ...], verdict: TransferVerdict) -> TransferResult:
        """Register the winner and let it serve if the gate passed; if nothing beats what serves, change nothing."""
        job = self.job
        story = Story(
            signals=plan.signals,
            steps=plan.steps,
            attempts=attempts,
            stopped=verdict.stopped,
            considered=job.considered,
            ancestor=job.ancestor.label,
            winner=verdict.winner,
        )
        done = TransferResult(
            outcome="kept",
            domain=job.pair.target,
            ancestor=job.ancestor.label,
            considered=job.considered,
            winner=verdict.winner,
            candidates=attempts,
            plan=plan,
            stopped=verdict.stopped,
            gate=verdict,
            held_out_rows=verdict.held_out_rows,
            champion=job.champion.label if job.champion else None,
            next=f"lepton status {job.pair.target}",
        )
        if verdict.unchanged:  # no row but the last one tells of it
            done = replace(done, story=replace(story, verdict=verdict))
        else:
            attempt = next(one for one in attempts if one.label == verdict.winner)
            came = settle_winner(self.session, Winner(job, attempt, story, verdict, self.rows))
            done = replace(
                done,
                outcome=came.outcome,
                model=came.model,
                links=came.links,
                next=came.next,
                provisional=came.provisional.label if came.provisional else None,
                metrics=attempt.metrics,
                tolerance=None
                if came.outcome == "refused"
                else remark_on(self.session.ws, self.session.ledger, job.pair.target, attempt.metrics),
            )
        reached("transfer.settled")
        return done

    def _judge(self, plan: Plan, attempts: Sequence[Attempt]) -> TransferVerdict:
        from lepton.transfer.conviction import belief_in
        from lepton.transfer.judgement import Rivals, judge
        from lepton.transfer.search import ranking_had

        job, search = self.job, self.search
        ranking = search.ranking(plan, attempts)
        candidates = {attempt.label: search.candidate(attempt.label) for attempt in attempts}
        rivals = Rivals(self._model(job.base), self._standard())
        rerank = partial(ranking_had, search.ground.config, plan, attempts)
        found = judge(search.ground, [place.label for place in ranking], candidates, rivals, rerank)
        return TransferVerdict(
            verdict=found.verdict,
            winner=found.winner,
            ranking=ranking,
            stopped=search.why_stopped(plan, attempts),
            unchanged=found.unchanged,
            held_out_rows=len(self.rows.held_out),
            control=found.control,
            useless=found.useless,
            source=self._retention(candidates[found.winner].model, rivals.base),
            belief=belief_in(candidates[found.winner], plan, found.verdict, search.ground, rivals),
        )

    def _standard(self) -> Model | None:
        """Return the champion, if it sets a standard: what is recalled does not."""
        from lepton.registry.eligibility import recalled

        champion = self.job.champion
        if champion is None or champion.key in recalled(self.session.ledger):
            return None
        return self._model(champion)

    def _model(self, ref: ModelRef) -> Model:
        return self.session.load(ref).model

    def _retention(self, winner: Model, base: Model) -> Retention | None:
        """Return how well the winner and the base read test rows of the source; None if there are none any more."""
        if (rows := self.source_rows) is None:
            return None
        truth = base.label_indices(rows.labels)
        mine, bases = (float((m.predict_proba(rows).argmax(axis=1) == truth).mean()) for m in (winner, base))
        return Retention(mine, bases, len(rows))
