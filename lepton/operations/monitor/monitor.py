"""Monitor: judge every new window of a target, record the decision, tell people and the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

from lepton.core.decisions.history import History
from lepton.core.decisions.memory import State
from lepton.core.errors import Busy, Conflict, LeptonError, NotFound
from lepton.core.ledger.rows import Decided, Observed
from lepton.core.work.faults import reached
from lepton.core.work.lock import hold
from lepton.core.work.tally import Tally
from lepton.operations.events import drift_confirmed
from lepton.operations.monitor.alerts import send_alerts, send_waiting, tell_what_was_left
from lepton.operations.monitor.judgement import Judgement
from lepton.operations.monitor.late_labels import hear_labels
from lepton.operations.monitor.refusals import refusals_in, tell_refusals, unseen_of
from lepton.operations.monitor.results import MonitorResult, Problem, Unseen, WindowJudged
from lepton.operations.monitor.switch import reported
from lepton.operations.monitor.views import draw
from lepton.operations.monitor.watch import Watch
from lepton.operations.session import Session

WAIT_SECONDS = 600.0
"""How long a monitor waits for another one of the same pair; then it finds nothing new to judge."""
ATTEMPTS = 3
"""Times that a window is looked at while monitors of other machines get in between."""


def monitor(
    session: Session, domain: str | None = None, window: str | None = None, dry_run: bool = False
) -> MonitorResult:
    """Judge the windows of one target, or of all, that came after what the champion was adapted to.

    A confirmed drift that costs accuracy is announced as the event `lepton.drift.confirmed`; what starts the
    retransfer is the automation in deploy/prefect.yaml, not a call from here.

    Args:
        session: The workspace at work.
        domain: A target; all of them by default.
        window: Only this batch.
        dry_run: Judge, but record nothing and tell nobody.
    """
    whole = domain is None and window is None and not dry_run
    with reported(session.ws.config.monitor.ping_url if whole else None, session.runtime.tell) as round_:
        if not dry_run:
            send_waiting(session, datetime.now(UTC))
        targets = find_targets(session, domain)
        found = _together(targets, session.runtime.each(monitor_pair, session, targets, window, dry_run), domain)
        if found.problems:
            round_.trouble = f"{len(found.problems)} windows or targets could not be judged"
    return found


def monitor_pair(session: Session, domain: str, window: str | None = None, dry_run: bool = False) -> MonitorResult:
    """Judge the windows of one target; of several monitors of a pair on one machine, one works at a time.

    Args:
        session: The workspace at work.
        domain: A target that has a champion.
        window: Only this batch.
        dry_run: Judge, but record nothing and tell nobody.

    Raises:
        Busy: If another monitor of the pair is at work for very long.
    """
    with ExitStack() as alone:
        if not dry_run:
            lock = session.ws.state_dir / "locks" / f"monitor-{session.ws.pair(domain).name}.lock"
            alone.enter_context(hold(lock, seconds=WAIT_SECONDS, busy=busy_with(domain)))
        found = list(_monitor_one(session, domain, window, dry_run))
        unseen = unseen_of(domain, refusals_in(session, domain))
    judged = tuple(one for one in found if isinstance(one, WindowJudged))
    problems = tuple(one for one in found if isinstance(one, Problem))
    return MonitorResult(judged, problems, () if unseen is None else (unseen,))


def busy_with(domain: str) -> Busy:
    """Return what to tell who waited in vain for another monitor of a target."""
    return Busy(
        f"Another monitor of {domain!r} has been at work for {WAIT_SECONDS / 60:.0f} minutes.",
        fix=["wait for it to end: lepton status"],
    )


def _together(
    targets: Sequence[str], answers: Sequence[MonitorResult | Exception | None], domain: str | None
) -> MonitorResult:
    """Return what became of all targets; what kept one from being looked at is a problem of that one.

    Raises:
        Exception: What a target failed with, if it alone was asked for, or if it is no LeptonError.
    """
    windows: list[WindowJudged] = []
    problems: list[Problem] = []
    refused: list[Unseen] = []
    for target, answer in zip(targets, answers, strict=True):
        if isinstance(answer, MonitorResult):
            windows += answer.windows
            problems += answer.problems
            refused += answer.refused
        elif isinstance(answer, LeptonError) and domain is None:
            problems.append(Problem(target, "", answer.render()))
        elif answer is not None:
            raise answer
    return MonitorResult(tuple(windows), tuple(problems), tuple(refused))


def find_targets(session: Session, domain: str | None) -> list[str]:
    """Return the targets to look at: those that have a champion."""
    targets = session.ws.targets() if domain is None else [session.ws.pair(domain).target]
    serving = [name for name in targets if session.find_champion(session.ws.pair(name).name)]
    if domain is not None and not serving:
        raise NotFound(
            f"No model serves {domain!r} yet, so there is nothing to monitor.",
            why="Drift is measured against the data that the champion was adapted to.",
            fix=[f"lepton transfer {domain}"],
        )
    return serving


def _monitor_one(session: Session, domain: str, window: str | None, dry_run: bool) -> Iterator[WindowJudged | Problem]:
    watch, step, state = Watch(session, domain), session.runtime.step, None
    if not dry_run:
        step("tell what was left", partial(tell_what_was_left, watch, datetime.now(UTC)))
        tell_refusals(session, domain)
    try:
        for heard in hear_labels(watch, dry_run):
            yield heard
            state = heard.decision.state if dry_run else None
    except Conflict:
        pass  # a monitor of another machine hears them right now
    except LeptonError as error:
        yield Problem(domain, "late labels", error.render())
    for name in _told(watch, watch.names(window)):
        if not watch.is_current:  # somebody let another one serve meanwhile: what it waits for is another matter
            watch.release()
            watch = Watch(session, domain)
        try:
            judged = _judge_new(watch, name, window is None, dry_run, state)
        except LeptonError as error:
            # One window that cannot be judged must not blind the monitor for what comes after it.
            yield Problem(domain, name, error.render())
            continue
        if judged is None:
            continue
        yield judged
        state = judged.decision.state if dry_run else None
    if not dry_run:
        step("draw", partial(draw, watch))
    watch.release()


def _told(watch: Watch, names: Sequence[str]) -> Iterator[str]:
    """Yield the windows, and tell how far it is: in rows, for windows may differ much."""
    rows = {name: watch.rows_of(name) for name in names}
    tally = Tally(watch.session.progress, sum(rows.values()))
    for name, count in rows.items():
        tally(0, f"{watch.domain} {name}")
        yield name
        tally(count, f"{watch.domain} {name}")


def _judge_new(watch: Watch, name: str, only_new: bool, dry_run: bool, state: State | None) -> WindowJudged | None:
    """Judge a window, looking again where a monitor of another machine got in between; None if that one judged it."""
    for left in reversed(range(ATTEMPTS)):
        if only_new and not watch.is_new(name, watch.history):
            return None
        try:
            work = partial(judge_window, watch, name, dry_run, state)
            found: WindowJudged = watch.session.runtime.step("watch", work)
            return found
        except Conflict:
            if not left:
                raise
    return None


def judge_window(
    watch: Watch, name: str, dry_run: bool = False, state: State | None = None, past: datetime | None = None
) -> WindowJudged:
    """Judge one window, then record and tell what came of it.

    The ledger is written before anybody is told; what a crash keeps from being told, `tell_what_was_left` tells later.

    Args:
        watch: The target.
        name: A window that waits, or a batch that does not: that one is shown, and changes nothing.
        dry_run: Record nothing and tell nobody.
        state: What the controller remembers; by default what the ledger says.
        past: When the window came, where that is long ago: it is the controller's clock, and nobody is told;
            `tell_outcome` does it for all windows of the past.

    Raises:
        Conflict: If another monitor judged a window of the pair meanwhile: what it wrote stands, and nothing else.
        LeptonError: If the window cannot be judged.
    """
    report = watch.session.ws.reports_dir / "windows" / watch.domain / f"{name}.v{watch.ref.version}.html"
    history = watch.history
    window = watch.window(watch.batches_of(name), past or datetime.now(UTC))
    found = watch.judge(window, history, state, None if dry_run else report)
    links = {"report": report.as_uri()} if report.exists() else {}
    if not dry_run and watch.is_new(name, history):
        from lepton.monitoring.report import add_decision

        record(watch, name, found, history)
        add_decision(report, found.decision)
        if past is None:
            send_alerts(watch.session, watch.domain, found, links)
        reached("monitor.told")
        if past is None and found.decision.action == "retransfer":
            event = drift_confirmed(watch.pair, watch.domain, found.observation, found.decision.reason)
            watch.session.runtime.emit(event)
            reached("monitor.announced")
    elif watch.is_new(name, history):
        watch.pretend(found)
    return WindowJudged(watch.domain, found.observation, found.decision, links)


def record(watch: Watch, name: str, found: Judgement, before: History) -> None:
    """Write what was seen, unless it is on record already, and what was decided.

    Each row follows the one of its kind that the judgement knew; of two monitors at once, one is told to look again.

    Raises:
        Conflict: If there is a newer one.
    """
    session, pair = watch.session, watch.pair
    if before.undecided(name, watch.ref.label) is None:
        seen = Observed(found.observation)
        session.ledger.record(session.actor, pair, seen, before.observed_row, [seen.action])
        reached("monitor.observed")
    decided = Decided(found.decision, name, watch.batches_of(name))
    session.ledger.record(session.actor, pair, decided, before.decided_row, [decided.action])
    reached("monitor.decided")
