"""The front door: a workspace with every verb as a method, for a script, a notebook and the command line alike.

A call loads what it needs and leaves nothing behind in the process, so two workspaces may be at work in two threads.
Defaults and errors are those of the command line: an error is a `LeptonError` that says what, why and what mends it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from lepton.core.config.workspace import Workspace as Place
from lepton.core.extras import told
from lepton.core.work.progress import Progress, silent
from lepton.operations.delivery import Given, as_file
from lepton.operations.result import Result
from lepton.operations.runner import Runner, in_process

if TYPE_CHECKING:
    from lepton.core.config.settings import Config
    from lepton.core.config.template import Origin
    from lepton.core.decisions.alerts import Standing
    from lepton.core.kinds import Kind
    from lepton.operations.champion import Champion
    from lepton.operations.data.erasure import ForgetResult
    from lepton.operations.doctor import Check, Health
    from lepton.operations.ingest import IngestResult
    from lepton.operations.lineage import LineageTree, ModelLineage
    from lepton.operations.monitor.results import BackfillResult, MonitorResult, ReplayResult
    from lepton.operations.pretrain.result import PretrainResult
    from lepton.operations.promotion import PromotionResult, RejectionResult
    from lepton.operations.recall import LiftResult, RecallResult
    from lepton.operations.reproduce.result import ReproduceResult
    from lepton.operations.retrain import RetrainResult
    from lepton.operations.score import ScoreResult
    from lepton.operations.status import Status
    from lepton.operations.transfer.result import TransferResult

R = TypeVar("R")
Cause = Literal["manual", "schedule", "drift"]


class Workspace:
    """A project: one labelled source and any number of targets.

    Args:
        root: The folder with `lepton.yaml`.
        progress: Whether to draw bars: by default where somebody sees them, in a terminal or a notebook. Or a function
            that is called as `progress(done, total, text)`.
        runner: Who runs the verbs; by default this process.

    Raises:
        NotFound: If there is no workspace in that folder.
    """

    def __init__(
        self, root: str | Path, *, progress: bool | Progress | None = None, runner: Runner = in_process
    ) -> None:
        self.root = Place.find(Path(root).expanduser()).root
        self._progress = progress
        self._runner = runner

    def __repr__(self) -> str:
        return f"<lepton workspace {self.config.name!r} in {self.root}>"

    # What it is.

    @property
    def config(self) -> Config:
        """The settings in force, read anew: `lepton.yaml`, and the environment over it."""
        return self._place().config

    @property
    def source(self) -> str:
        """The labelled domain to learn from."""
        return self._place().source

    @property
    def targets(self) -> list[str]:
        """The domains to adapt to, by name."""
        return self._place().targets()

    def settings(self) -> list[Origin]:
        """Return every setting with its value and where that came from: environment, `lepton.yaml` or the default."""
        from lepton.core.config.settings import from_environment
        from lepton.core.config.template import origins
        from lepton.core.config.workspace import CONFIG_FILE
        from lepton.core.config.yaml_file import read_yaml

        return origins(self.config, read_yaml(self.root / CONFIG_FILE), from_environment(dict(os.environ)))

    # Data.

    def ingest(
        self,
        domain: str,
        delivery: Given,
        *,
        name: str | None = None,
        labels: bool = False,
        new: bool = False,
        dry_run: bool = False,
    ) -> IngestResult:
        """Take a delivery into a domain if it keeps the contract.

        Args:
            domain: Where the rows come from.
            delivery: A path (CSV, also gzipped, Parquet, NPZ, or a folder of images), a pandas DataFrame or a pyarrow
                Table.
            name: Name of the batch; by default made from the file's name, or from what the rows are.
            labels: The delivery holds ids and labels of rows that were delivered before.
            new: Add the domain as a new target, with a contract derived from the source's.
            dry_run: Check only.

        Raises:
            Refused: If it breaks the contract; it is in quarantine, with the reason beside it.
        """
        from lepton.operations.ingest import ingest

        with as_file(delivery, name) as path:
            return self.play(ingest, domain, str(path), name, labels, new, dry_run)

    def forget(
        self,
        ids: str | Path | Iterable[str] | None = None,
        *,
        domain: str | None = None,
        why: str | None = None,
        dry_run: bool = False,
    ) -> ForgetResult:
        """Erase rows from everything that holds them; this cannot be taken back.

        Args:
            ids: Ids of rows, or a text file with an id a line; None to finish an erasure that was interrupted.
            domain: Look in this domain only.
            why: For the ledger, which keeps it for ever: no names, no ids.
            dry_run: Say what would be erased.
        """
        from lepton.operations.data.forget import forget

        with _listed(ids) as path:
            return self._here(forget, path, domain, why, dry_run)

    # Models.

    def pretrain(self, *, go_on: bool = False, fresh: bool = False, dry_run: bool = False) -> PretrainResult:
        """Train a base model on the labelled source, and let it serve if it is not worse than the one before.

        Args:
            go_on: Go on with the base that serves, on batches that it has not seen.
            fresh: Do not go on from what an interrupted run left.
            dry_run: Say what would be trained on.
        """
        from lepton.operations.pretrain.pretrain import pretrain

        return self.play(pretrain, "manual", dry_run, fresh, go_on, doing="pretraining")

    def transfer(
        self,
        domain: str,
        *,
        labels_per_class: int | None = None,
        strategies: Sequence[str] | None = None,
        start: str | None = None,
        cause: Cause = "manual",
        dry_run: bool = False,
    ) -> TransferResult:
        """Adapt the best ancestor to a target, and let the result serve if the gate allows it.

        Args:
            domain: The target.
            labels_per_class: Labelled rows of each class to adapt with; by default what `lepton.yaml` says.
            strategies: Choose among these only; `ensemble:NAME` and `soup:NAME` are known, too.
            start: `auto`, `base`, `champion`, or a version such as `site-2@2`.
            cause: Recorded in the lineage; `drift` needs a confirmed one.
            dry_run: Return the plan, and adapt nothing.
        """
        from lepton.operations.transfer.transfer import transfer

        chosen = list(strategies) if strategies is not None else None
        asked = (cause, labels_per_class, chosen, dry_run, start)
        done: TransferResult = self.play(transfer, domain, *asked, doing="adapting")
        return done

    def retrain(self, *, cause: Cause = "manual") -> RetrainResult:
        """Train the base again if its source has new batches, then adapt every target; the gate guards each step."""
        from lepton.operations.retrain import retrain

        return self.play(retrain, cause, doing="retraining")

    def champion(self, domain: str) -> Champion:
        """Return what serves a target (or the source): its `predict` takes a DataFrame and returns one.

        Raises:
            NotFound: If nothing serves it yet.
        """
        from lepton.operations.champion import champion

        return self._here(champion, domain)

    def score(self, domain: str, *, batch: str | None = None, dry_run: bool = False) -> ScoreResult:
        """Let a target's champion predict its batches, into Parquet.

        Args:
            domain: The target.
            batch: Only this batch; by default all that it has not scored yet.
            dry_run: Say which.
        """
        from lepton.operations.score import score

        return self.play(score, domain, batch, dry_run)

    def reproduce(self, model: str, *, deep: bool = False, keep: str | Path | None = None) -> ReproduceResult:
        """Make a version again from the registry alone and compare it bit for bit; changes nothing.

        Args:
            model: DOMAIN, DOMAIN@2, DOMAIN@challenger, or a model's full name.
            deep: Make what it descends from again, too.
            keep: Leave what was made in this new folder.
        """
        from lepton.operations.reproduce.reproduce import reproduce

        folder = Path(keep).expanduser() if keep is not None else None
        return self._here(reproduce, model, deep, folder, doing="rebuilding")

    # Watching.

    def monitor(self, domain: str | None = None, *, window: str | None = None, dry_run: bool = False) -> MonitorResult:
        """Judge what came since the champion was adapted: drift, and the accuracy that it costs.

        Args:
            domain: A target; all by default.
            window: Only this batch.
            dry_run: Judge, but record nothing and tell nobody.
        """
        from lepton.operations.monitor.monitor import monitor

        return self.play(monitor, domain, window, dry_run)

    def backfill(self, domain: str, *, dry_run: bool = False) -> BackfillResult:
        """Judge the windows that were missed, each at the time when it came in; tell only what holds now."""
        from lepton.operations.monitor.backfill import backfill

        return self.play(backfill, domain, dry_run)

    def replay(self, domain: str, deliveries: Sequence[str | Path] = (), *, hours: float = 24.0) -> ReplayResult:
        """Say what the monitor would have done over a history; nothing is stored, recorded or sent.

        Args:
            domain: A target with a champion.
            deliveries: Files or names of batches, oldest first; by default every window that waits to be judged.
            hours: Between two files, which do not say when they came.
        """
        from lepton.operations.monitor.replay import replay

        return self._here(replay, domain, [str(one) for one in deliveries], hours, doing="replay")

    def retransfers_due(self, domain: str | None = None) -> list[str]:
        """Return the targets, or the one, whose retransfer was decided and nobody began, or was killed before its end.

        On a stack an automation answers; without one, `transfer(name, cause="drift")` does.
        """
        from lepton.operations.events import retransfers_left

        return self._here(retransfers_left, domain)

    def alerts(self, domain: str | None = None, *, all: bool = False) -> list[Standing]:
        """Return the open alerts of a target, or of all of them, the newest first; those that ended, too, if `all`."""
        from lepton.operations.monitor.alerts import alerts_in

        found = [one for one in self._here(alerts_in, domain) if all or one.ended is None]
        return sorted(found, key=lambda one: (one.ended is not None, -one.opened.timestamp()))

    def acknowledge(self, domain: str, *, why: str = "seen", dry_run: bool = False) -> list[Standing]:
        """Put on record that you look after the open alerts of a target."""
        from lepton.operations.monitor.alerts import acknowledge

        return self._here(acknowledge, domain, why, dry_run)

    def snooze(self, domain: str, *, hours: float = 8.0, why: str = "snoozed", dry_run: bool = False) -> list[Standing]:
        """Hold back the updates of a target's open alerts; that one is over is told in any case."""
        from lepton.operations.monitor.alerts import snooze

        return self._here(snooze, domain, hours, why, dry_run)

    def status(self, domain: str | None = None) -> Status:
        """Return what serves each target and how it is doing, from the ledger alone."""
        from lepton.operations.status import status

        return self._here(status, domain)

    def doctor(self, *, mend: bool = True, also: Sequence[Check] = ()) -> Health:
        """Check machine, plug-ins and workspace, and mend the registry.

        Args:
            mend: Move MLflow's aliases back to what the ledger says.
            also: Further checks: what is looked at, and a function that says what it found or raises a `LeptonError`.
        """
        from lepton.operations.doctor import doctor

        return self._here(doctor, mend, also)

    # A person's word.

    def promote(self, domain: str, version: str | int, *, why: str, dry_run: bool = False) -> PromotionResult:
        """Let a version serve a target because you say so; the reason goes on record."""
        from lepton.operations.promotion import promote_by_hand

        return self._here(promote_by_hand, domain, str(version), why, dry_run)

    def approve(
        self, domain: str, version: str | int | None = None, *, why: str = "approved", dry_run: bool = False
    ) -> PromotionResult:
        """Say yes to the version that passed the gate and waits for a person."""
        from lepton.operations.promotion import approve_proposal

        return self._here(approve_proposal, domain, _text(version), why, dry_run)

    def reject(
        self, domain: str, version: str | int | None = None, *, why: str, dry_run: bool = False
    ) -> RejectionResult:
        """Say no to the version that waits for a person, or to any other that does not serve."""
        from lepton.operations.promotion import reject_version

        return self._here(reject_version, domain, _text(version), why, dry_run)

    def rollback(
        self, domain: str, *, to: str | int | None = None, why: str = "rolled back by hand", dry_run: bool = False
    ) -> PromotionResult:
        """Give a target its previous champion back; those that were recalled since are passed over."""
        from lepton.operations.promotion import roll_back

        return self._here(roll_back, domain, _text(to), why, dry_run)

    def recall(
        self,
        model: str | None = None,
        *,
        why: str,
        batch: str | None = None,
        lift: bool = False,
        dry_run: bool = False,
    ) -> RecallResult | LiftResult:
        """Mark a model, or a batch, as poisoned, with all that comes of it; what serves it is moved back.

        Args:
            model: DOMAIN, DOMAIN@2, or a model's full name.
            why: Recorded in the ledger with your name.
            batch: DOMAIN/BATCH, in place of a model.
            lift: Take the recall back; promotes nothing.
            dry_run: Say what would be marked and moved.
        """
        from lepton.operations.recall import lift_recall, recall_subject

        if lift:
            return self._here(lift_recall, model, batch, why, dry_run)
        return self._here(recall_subject, model, batch, why, dry_run)

    # Where it came from.

    def lineage(self, model: str) -> ModelLineage:
        """Return everything on record of a version: DOMAIN (its champion), DOMAIN@2, or a model's full name."""
        from lepton.operations.lineage import lineage

        return self._here(lineage, model)

    def tree(self, domain: str | None = None, *, limit: int = 0) -> LineageTree:
        """Return which version came of which; of many (`limit`) those that serve, wait or served come first."""
        from lepton.operations.lineage import descent

        return self._here(descent, domain, limit)

    # How it is done.

    def play(self, verb: Callable[..., R], *args: Any, doing: str = "", **kwargs: Any) -> R:
        """Run a function of `lepton.operations` by this workspace's runner.

        Args:
            verb: Its first argument is a session, which the runner makes.
            args: The further ones.
            doing: What the bar says, of work that reports how far it is.
            kwargs: Arguments by name.
        """
        with told(), self._bar(doing) as progress:
            done: R = self._runner(verb, self._place(), progress, *args, **kwargs)
            return done

    def _here(self, verb: Callable[..., R], *args: Any, doing: str = "") -> R:
        """Run a function in this process, whoever runs the others: it answers at once, or is a person's word."""
        with self._bar(doing) as progress:
            done: R = in_process(verb, self._place(), progress, *args)
            return done

    def _place(self) -> Place:
        return Place(self.root)

    @contextmanager
    def _bar(self, doing: str) -> Iterator[Progress]:
        if callable(self._progress):
            yield self._progress
            return
        if not doing or self._progress is False:
            yield silent
            return
        from lepton.operations.progress import progress_bar

        with progress_bar(doing, lines=self._progress is True) as bar:
            yield bar


def open(root: str | Path | None = None, *, progress: bool | Progress | None = None) -> Workspace:
    """Open a workspace.

    Args:
        root: The folder with `lepton.yaml`; by default $LEPTON_WORKSPACE, the current folder or one above it.
        progress: Whether to draw bars; by default where somebody sees them.

    Raises:
        NotFound: If there is none.
    """
    return Workspace(Place.find(None if root is None else Path(root).expanduser()).root, progress=progress)


def init(
    root: str | Path,
    delivery: Given,
    *,
    source: str | None = None,
    label: str | None = None,
    id: str | None = None,
    name: str | None = None,
    kind: Kind | None = None,
    texts: Sequence[str] = (),
    progress: bool | Progress | None = None,
) -> Workspace:
    """Make a workspace from a first labelled delivery of the source: `lepton.yaml`, a contract, git and DVC.

    The delivery is looked at, not taken in: `ingest` does that.

    Args:
        root: The folder; made if it is not there.
        delivery: A path, a pandas DataFrame or a pyarrow Table.
        source: Name of the source; by default the file's, or `source`.
        label: Column that holds the label; by default the one that most likely does.
        id: Column that identifies a row.
        name: Name of the project; by default the folder's.
        kind: What a row is, if the delivery does not tell.
        texts: Columns of texts to read.
        progress: Whether to draw bars; by default where somebody sees them.

    Raises:
        UsageError: If the folder is a workspace already, or the label's column cannot be told.
    """
    with told():
        from lepton.operations.init import create_workspace, plan_workspace

    folder = Path(root).expanduser().absolute()
    with told(), as_file(delivery, source or "source") as file:
        setup, first = plan_workspace(
            folder, file, source=source, label=label, id=id, name=name, kind=kind, texts=texts
        )
        return Workspace(create_workspace(setup, first).root, progress=progress)


@contextmanager
def _listed(ids: str | Path | Iterable[str] | None) -> Iterator[Path | None]:
    """Yield a file with an id a line."""
    if ids is None or isinstance(ids, str | Path):
        yield None if ids is None else Path(ids).expanduser()
        return
    with TemporaryDirectory(prefix="lepton-ids-") as folder:
        path = Path(folder) / "ids.txt"
        path.write_text("".join(f"{one}\n" for one in ids), encoding="utf-8")
        yield path


def _text(version: str | int | None) -> str | None:
    return None if version is None else str(version)


__all__ = ["Result", "Workspace", "init", "open"]
