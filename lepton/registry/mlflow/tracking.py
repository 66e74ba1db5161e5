"""Runs: parameters, metrics, curves and small files of one piece of work, kept by MLflow.

The same files and the same database are used whether the stack's server is up or not, so work done in process
shows in the server's pages later.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

from lepton.core.config.addresses import read_stack
from lepton.core.config.names import slug
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.refs import DataRef
from lepton.registry.mlflow.server import artifact_root, initialise
from lepton.registry.mlflow.vendor import already_exists, clear_errors, insist, mlflow, patient

if TYPE_CHECKING:
    from mlflow import MlflowClient

_METRICS_A_CALL = 1000
"""MLflow's limit for one batch."""

_TEXT_LIMIT = 5000
"""Longest parameter or tag that is sent; MLflow refuses longer ones."""


@dataclass(frozen=True)
class Tracking:
    """A connection to the workspace's experiment."""

    ws: Workspace
    uri: str
    """What an MLflow client connects to."""
    url: str | None
    """Address of the pages for people; None while no server is up."""
    experiment_id: str

    @cached_property
    def client(self) -> MlflowClient:
        """The client; needs no global state, and waits for a server or a lock that is away for a moment."""
        return _client(self.uri)

    def run_url(self, run_id: str) -> str | None:
        """Return the page of a run."""
        return self.url and f"{self.url}/#/experiments/{self.experiment_id}/runs/{run_id}"

    def model_url(self, name: str, version: str) -> str | None:
        """Return the page of a registered version."""
        return self.url and f"{self.url}/#/models/{name}/versions/{version}"

    @contextmanager
    def run(self, name: str, tags: Mapping[str, Any] | None = None, parent: Run | None = None) -> Iterator[Run]:
        """Record one piece of work; it ends FAILED if the block raises, KILLED on Ctrl-C.

        Args:
            name: Shown in the list of runs.
            tags: Stored as `lepton.<key>`: pair, cause, flow run, code revision.
            parent: The run that this one is a part of.

        Raises:
            LeptonError: If MLflow cannot be reached or written.
        """
        labels = {f"lepton.{key}": _text(value) for key, value in (tags or {}).items() if value is not None}
        if parent is not None:
            labels["mlflow.parentRunId"] = parent.id
        with clear_errors(f"Run {name!r} could not be started."):
            created = self.client.create_run(self.experiment_id, run_name=name, tags=labels)
        run = Run(self, created.info.run_id)
        try:
            yield run
        except BaseException as error:
            with suppress(LeptonError):  # what went wrong in the block is what the user must hear of
                self._end(run, name, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
            raise
        self._end(run, name, "FINISHED")

    def series(self, pair: str) -> Run:
        """Return the run that holds a pair's windows over time, made at the first use; it never ends."""
        label = f"monitor of {pair}"
        with clear_errors(f"Run {label!r} could not be started."):
            query = f"tags.`lepton.series` = '{pair}'"
            found = self.client.search_runs([self.experiment_id], query, max_results=1)
            tags = {"lepton.series": pair, "lepton.pair": pair}
            made = found[0] if found else self.client.create_run(self.experiment_id, run_name=label, tags=tags)
        return Run(self, made.info.run_id)

    def _end(self, run: Run, name: str, status: str) -> None:
        with clear_errors(f"Run {name!r} could not be ended."):
            self.client.set_terminated(run.id, status=status)


@dataclass(frozen=True)
class Run:
    """One recorded piece of work; every method sends at once."""

    tracking: Tracking
    id: str

    @property
    def url(self) -> str | None:
        """Its page; None while no server is up."""
        return self.tracking.run_url(self.id)

    @contextmanager
    def child(self, name: str, tags: Mapping[str, Any] | None = None) -> Iterator[Run]:
        """Record a part of this work, such as one candidate."""
        with self.tracking.run(name, tags, parent=self) as run:
            yield run

    def params(self, values: Mapping[str, Any]) -> None:
        """Record settings; nested mappings become dotted names."""
        from mlflow.entities import Param

        with clear_errors("Parameters could not be recorded."):
            flat = [Param(key, _text(value)) for key, value in flatten(values)]
            self.tracking.client.log_batch(self.id, params=flat)

    def metrics(self, values: Mapping[str, float | None], step: int = 0) -> None:
        """Record numbers; what is unknown (None) or not finite is left out."""
        self.curves({key: {step: value} for key, value in values.items()})

    def curves(self, values: Mapping[str, Sequence[float | None] | Mapping[int, float | None]]) -> None:
        """Record series: `{"loss/train": [0.9, 0.4, ...]}`, or with steps `{"loss": {10: 0.9, 20: 0.4}}`."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        points = [
            Metric(_metric_name(key), float(value), now, step)
            for key, series in values.items()
            for step, value in (series.items() if isinstance(series, Mapping) else enumerate(series))
            if value is not None and math.isfinite(value)
        ]
        with clear_errors("Metrics could not be recorded."):
            for start in range(0, len(points), _METRICS_A_CALL):
                self.tracking.client.log_batch(self.id, metrics=points[start : start + _METRICS_A_CALL])

    def tags(self, values: Mapping[str, Any]) -> None:
        """Label the run: stored as `lepton.<key>`."""
        from mlflow.entities import RunTag

        with clear_errors("Tags could not be recorded."):
            self.tracking.client.log_batch(
                self.id, tags=[RunTag(f"lepton.{key}", _text(value)) for key, value in values.items()]
            )

    def json(self, name: str, value: Any) -> None:
        """Store a small JSON file."""
        with clear_errors(f"{name} could not be stored."):
            self.tracking.client.log_text(self.id, json.dumps(value, indent=2, ensure_ascii=False), name)

    def file(self, path: Path, folder: str | None = None) -> None:
        """Store a file, such as a picture or a report."""
        with clear_errors(f"{path.name} could not be stored."):
            self.tracking.client.log_artifact(self.id, str(path), folder)

    def data(self, ref: DataRef, context: str) -> None:
        """Record what was read: `context` is train, held_out, reference, ..."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"dvc_md5": ref.dvc_md5, "git_revision": ref.git_revision, "batches": list(ref.batches)})
        dataset = Dataset(
            name=ref.domain,
            digest=ref.digest[:36],
            source_type="dvc",
            source=source,
            profile=json.dumps({"rows": ref.rows, "labelled": ref.labelled}),
        )
        with clear_errors("The data could not be recorded."):
            given = DatasetInput(dataset, [InputTag("mlflow.data.context", context)])
            self.tracking.client.log_inputs(self.id, datasets=[given])


def connect(ws: Workspace) -> Tracking:
    """Return the workspace's experiment: through the stack's server if it answers, else straight to SQLite.

    Raises:
        LeptonError: If MLflow's database cannot be made, opened or written, or the workspace was moved.
    """
    with clear_errors("MLflow cannot be reached."):
        if (url := _server(ws)) is not None:
            return Tracking(ws, url, url, _experiment(ws, url))
        initialise(ws)
        uri = f"sqlite:///{ws.mlflow_db}"
        return Tracking(ws, uri, None, _experiment(ws, uri))


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield `("transfer.margin", 0.02)` for `{"transfer": {"margin": 0.02}}`."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _server(ws: Workspace) -> str | None:
    """Return the address of this workspace's server if it answers as such."""
    stack = read_stack(ws)
    if stack is None:
        return None
    url = stack.mlflow_url.rstrip("/")
    try:
        with urlopen(f"{url}/health", timeout=5):
            pass
    except (URLError, OSError, ValueError):
        return None
    # After a crash another workspace's server may have got the port.
    default = _client(url).get_experiment("0")
    return url if str(default.artifact_location).startswith(artifact_root(ws)) else None


def _client(uri: str) -> MlflowClient:
    vendor = mlflow(stores=uri.startswith("sqlite"))
    made: MlflowClient = insist(lambda: vendor.MlflowClient(tracking_uri=uri, registry_uri=uri))
    return patient(made)


def _experiment(ws: Workspace, uri: str) -> str:
    """Return the id of the project's experiment, made at the first use."""
    client, name = _client(uri), ws.config.name
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            location = f"{artifact_root(ws)}/{slug(name) or 'project'}"
            return str(client.create_experiment(name, artifact_location=location))
        except mlflow().exceptions.MlflowException as error:
            if not already_exists(error) or (found := client.get_experiment_by_name(name)) is None:
                raise
    if not str(found.artifact_location).startswith(artifact_root(ws)):
        raise LeptonError(
            "This workspace was moved.",
            why=f"MLflow keeps its files in {found.artifact_location}, the workspace is in {ws.root}.",
            fix=["move the folder back"],
        )
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _metric_name(text: str) -> str:
    """Return a name that MLflow accepts: letters, digits, `_ - . / :` and spaces."""
    return "".join(c if c.isalnum() or c in "_-./: " else "_" for c in text)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text[:_TEXT_LIMIT]
