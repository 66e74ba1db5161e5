"""The front door's verbs about models: trained, adapted, asked, made again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lepton.operations.session import Session
from lepton.operations.workspace.base import Base

if TYPE_CHECKING:
    from lepton.core.refs import ModelRef
    from lepton.operations.champion import Champion
    from lepton.operations.export.export import GraphExport
    from lepton.operations.labelling.result import LabelNext
    from lepton.operations.pretrain.result import PretrainResult
    from lepton.operations.reproduce.result import ReproduceResult
    from lepton.operations.retrain import RetrainResult
    from lepton.operations.score import ScoreResult
    from lepton.operations.serve.serve import Served
    from lepton.operations.transfer.explanation import TransferExplained
    from lepton.operations.transfer.result import TransferResult

Cause = Literal["manual", "schedule", "drift"]


class Models(Base):
    """How a model is made, and what it answers."""

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

    def explain(self, domain: str) -> TransferExplained:
        """Return why the last transfer of a target chose what it chose, and what hindsight says.

        Raises:
            NotFound: If none is on record.
        """
        from lepton.operations.transfer.explanation import explain

        return self._here(explain, domain)

    def label_next(
        self, domain: str, *, n: int = 20, out: str | Path | None = None, dry_run: bool = False
    ) -> LabelNext:
        """Write the rows of a target to label next into a sheet that `ingest(..., labels=True)` takes as it is.

        Each has the same chance, spread over what the models answer, so the labels may be read as those of any rows.

        Args:
            domain: The target.
            n: Rows to label.
            out: The sheet, a CSV; by default a new file below `reports/labels/`.
            dry_run: Say what would be written.

        Raises:
            NotFound: If there is no model yet, or no row is left without a label.
        """
        from lepton.operations.labelling.label_next import label_next

        file = Path(out).expanduser() if out is not None else None
        return self._here(label_next, domain, n, file, dry_run)

    def retrain(self, *, cause: Cause = "manual") -> RetrainResult:
        """Train the base again if its source has new batches, then adapt every target; the gate guards each step."""
        from lepton.operations.retrain import retrain

        return self.play(retrain, cause, doing="retraining")

    def serving(self, domain: str) -> ModelRef | None:
        """Return which version serves a target (or the source), without loading it; None if none does."""
        place = self._place()
        return self._here(Session.find_champion, place.slot(domain))

    def champion(self, domain: str) -> Champion:
        """Return what serves a target (or the source): `predict` takes and returns a DataFrame, `predict_one` a row.

        Raises:
            NotFound: If nothing serves it yet.
        """
        from lepton.operations.champion import champion

        return self._here(champion, domain)

    def export(
        self, domain: str, to: str | Path, *, runtime: str | Path | None = None, dry_run: bool = False
    ) -> GraphExport:
        """Write what serves a target (or the source) into one file that answers without lepton.

        Everything from a raw row to a probability is in it, and example rows with their answers, which it gives before
        it is written.

        Args:
            domain: The target.
            to: `*.onnx`, a graph for ONNX Runtime; or `*.html`, a page that answers offline. Replaced if it is there.
            runtime: For a page: onnxruntime-web as npm packs it; by default it is fetched from the registry once.
            dry_run: Do all but write the file.

        Raises:
            UsageError: If `to` has another ending.
            NotFound: If nothing serves the domain yet.
            LeptonError: If the model cannot be expressed as a graph, or onnxruntime-web cannot be fetched.
        """
        from lepton.operations.export.export import export

        package = Path(runtime).expanduser() if runtime is not None else None
        return self._here(export, domain, Path(to).expanduser(), package, dry_run)

    def serve(
        self,
        *domains: str,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: str | Path | None = None,
        key: str | Path | None = None,
    ) -> list[Served]:
        """Answer requests over HTTP until a signal ends it; standard error says where, and what happens.

        The ledger says who answers: a promotion is live a moment later. What was answered becomes windows for the
        monitor. It must be called in the main thread.

        Args:
            domains: Which; by default all that something serves.
            host: Another address than this machine's own needs a token: LEPTON_SERVE_TOKEN, or `serve.tokens`.
            port: By default a free one.
            certificate: PEM; with it and its key, TLS is spoken.
            key: PEM.

        Raises:
            NotFound: If nothing serves a domain.
            UsageError: If the address cannot be had, or would be open to everybody; if tokens or certificate cannot be
                used.
            Busy: If another server answers for a domain here.
            LeptonError: If a champion cannot be expressed as a graph.
        """
        from lepton.operations.serve.port import Port
        from lepton.operations.serve.serve import serve

        files = [Path(one) if one is not None else None for one in (certificate, key)]
        return self._here(serve, domains, Port(host, port, *files))

    def score(self, domain: str, *, batch: str | None = None, dry_run: bool = False) -> ScoreResult:
        """Let a target's champion predict its batches, into Parquet.

        Args:
            domain: The target.
            batch: Only this batch; by default all that it has not scored yet.
            dry_run: Say which.
        """
        from lepton.operations.score import score

        return self.play(score, domain, batch, dry_run, doing="scoring")

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
