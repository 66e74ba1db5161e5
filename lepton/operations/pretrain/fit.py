"""The training itself, as a step: the model and its figures lie in the folder of the work and are not made twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton.core.decisions.encoders import Choice
from lepton.core.work.faults import reached
from lepton.core.work.files import atomic_dir
from lepton.core.work.resume import result_of
from lepton.operations.pretrain.job import PretrainJob
from lepton.operations.pretrain.training import continued, new_rows, pretrained, rows_of_base, rows_of_continued
from lepton.operations.session import ROWS, Session

if TYPE_CHECKING:
    from lepton.pretraining.objective import Stage


@dataclass(frozen=True)
class StageFigures:
    """One objective of the chain, as it went."""

    name: str
    curves: Mapping[str, list[float]]
    """What was measured at every epoch, by name."""
    seconds: float


@dataclass(frozen=True)
class Trained:
    """A base that nobody has judged yet."""

    model: Path
    """Its folder."""
    stages: tuple[StageFigures, ...]
    """In the order of the chain."""
    metrics: Mapping[str, Any]
    """On the source's test split."""
    seconds: float
    choice: Choice | None = None
    """Of the encoder, where several were tried."""

    @property
    def curves(self) -> Mapping[str, list[float]]:
        """Of the last stage, which made the head."""
        return self.stages[-1].curves


def fit_base(session: Session, job: PretrainJob) -> Trained:
    """Train, and leave the model and its figures in the job's folder; not again if they are there."""
    from lepton.models.format import save

    work = Path(job.folder)
    folder = work / "trained"
    if (known := _read(folder)) is not None:
        session.runtime.tell("Going on from an interrupted run: the model is trained.")
        return known
    table = session.rows(job.data)
    others = {name: session.rows(ref) for name, ref in job.others.items()}
    if any(work.rglob("stage-*.safetensors")):
        session.runtime.tell("Going on from an interrupted run: training goes on from its last checkpoint.")
    if job.continues:
        base = session.load(job.continues.base).model
        new = new_rows(session, session.ws.source, job.continues.batches)
        done = continued(table, new, base, job.settings, job.seed, work, session.progress)
        rows = rows_of_continued(table, new, job.settings, job.seed)
    else:
        done = pretrained(table, job.settings, job.seed, others, work, session.progress)
        rows = rows_of_base(table, job.settings, others, session.ws.source, done.model)
    reached("pretrain.trained")
    stages = tuple(StageFigures(stage.name, _series(stage), stage.seconds) for stage in done.stages)
    trained = Trained(folder / "model", stages, done.test, done.seconds, done.choice)
    with atomic_dir(folder) as beside:
        save(done.model, beside / "model")
        (beside / "model" / ROWS).write_text(json.dumps(rows))
        figures = {key: value for key, value in asdict(trained).items() if key != "model"}
        (beside / "figures.json").write_text(json.dumps(figures))
    reached("pretrain.kept")
    return trained


def _read(folder: Path) -> Trained | None:
    """Return what an interrupted run left."""
    kept = result_of(folder, "figures")
    if kept is None:
        return None
    stages = tuple(StageFigures(**stage) for stage in kept["stages"])
    choice = Choice.from_json(kept["choice"]) if kept["choice"] else None
    return Trained(folder / "model", stages, kept["metrics"], kept["seconds"], choice)


def _series(stage: Stage) -> dict[str, list[float]]:
    """Return the curves of a stage by name."""
    return {key: [epoch[key] for epoch in stage.curves] for key in stage.curves[0] if key != "epoch"}
