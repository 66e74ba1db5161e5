"""MLflow's side of a registered version: its files, its run, its number, its tags. No ledger here.

The folder is opaque here. MLflow gets it as a pyfunc whose loader is a module of ours, so nothing is pickled and
no requirements have to be guessed by running the model.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from lepton.core.errors import NotFound
from lepton.core.refs import DataRef, ModelRef
from lepton.core.work.lock import turn
from lepton.registry.checksums import file_checksums
from lepton.registry.lineage.environment import library_versions
from lepton.registry.lineage.plugins import used_in
from lepton.registry.lineage.record import Lineage
from lepton.registry.mlflow.tracking import Run, Tracking
from lepton.registry.mlflow.vendor import already_exists, clear_errors, mlflow

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

FOLDER = "lepton"
"""Name of the model's folder."""
INSIDE = f"data/{FOLDER}"
"""Where it lies inside MLflow's."""
MLFLOWS_OWN = ("registered_model_meta",)
"""What MLflow writes beside the others when it loads a model for somebody; nothing reads it."""
LINEAGE_FILE = "lineage.json"
SBOM_FILE = "sbom.cdx.json"
LOADER = "lepton.registry.serving"

_DECIDE_ANSWERS = ("torch", "numpy", "pandas", "safetensors")


def log_folder(
    tracking: Tracking, run: Run, name: str, folder: Path, lineage: Lineage, beside: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """Store a folder as an MLflow logged model, with its lineage and other texts beside it.

    Returns:
        Its id, and the checksums of all that lies beside the folder, MLflow's own files included.
    """
    import mlflow.pyfunc
    from mlflow.models import Model

    logged = tracking.client.create_logged_model(
        tracking.experiment_id,
        name=name,
        source_run_id=run.id,
        params={"strategy": lineage.strategy, "seed": str(lineage.seed)},
        tags={"lepton.lineage": lineage.digest()},
    )
    with tempfile.TemporaryDirectory(prefix="lepton-") as temporary:
        staged, target = Path(temporary) / FOLDER, Path(temporary) / "model"
        staged.symlink_to(folder.resolve())  # gives the copy its name
        mlflow.pyfunc.save_model(
            target,
            loader_module=LOADER,
            data_path=str(staged),
            pip_requirements=_requirements(lineage),
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                run_id=run.id,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
            ),
        )
        texts = {LINEAGE_FILE: json.dumps(lineage.to_json(), indent=2, ensure_ascii=False), **beside}
        for file, text in texts.items():
            (target / file).write_text(text, encoding="utf-8")
        checksums = file_checksums(target, without=(INSIDE,))
        tracking.client.log_model_artifacts(logged.model_id, str(target))
    tracking.client.finalize_logged_model(logged.model_id, "READY")
    return str(logged.model_id), checksums


def describe(
    tracking: Tracking,
    run: Run,
    model_id: str,
    lineage: Lineage,
    metrics: Mapping[str, float | None],
    inputs: Iterable[ModelRef] = (),
) -> None:
    """Link the model to its run, data and the models it comes from, and show its numbers, for MLflow's pages."""
    from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric

    tracking.client.log_outputs(run.id, [LoggedModelOutput(model_id, 0)])
    known_as = [_model_id(tracking, ref) for ref in inputs]
    if known_as:
        tracking.client.log_inputs(run.id, models=[LoggedModelInput(one) for one in known_as if one])
    uses: dict[DataRef, list[str]] = {}
    for use, data in lineage.data.items():
        uses.setdefault(data, []).append(use)
    for data, names in uses.items():
        run.data(data, ", ".join(names))  # MLflow keeps one context for a data set of a run
    now = int(time.time() * 1000)
    known = {key: float(value) for key, value in metrics.items() if value is not None}
    points = [Metric(key, value, now, 0, model_id=model_id, run_id=run.id) for key, value in known.items()]
    if points:
        tracking.client.log_batch(run.id, metrics=points)


def create_version(tracking: Tracking, name: str, model_id: str, run_id: str, tags: dict[str, str]) -> str:
    """Give a logged model the next number of a registered model; return it."""
    client = tracking.client
    try:
        client.create_registered_model(name)
    except mlflow().exceptions.MlflowException as error:
        if not already_exists(error):
            raise
    with _as_global_uri(tracking.uri):
        created = client.create_model_version(name, f"models:/{model_id}", run_id=run_id, tags=tags, model_id=model_id)
    # As MLflow's own helper does: the page of the logged model links to the version.
    link = [{"name": name, "version": created.version}]
    client.set_logged_model_tags(model_id, {"mlflow.modelVersions": json.dumps(link)})
    return str(created.version)


def delete_version(tracking: Tracking, name: str, version: str) -> None:
    """Take a version out of the registry; its number is not given again. Does nothing if it is gone already."""
    try:
        with clear_errors(f"{name} v{version} could not be removed from MLflow."):
            model_id = logged_model_of(find_version(tracking, name, version))
            tracking.client.delete_model_version(name, version)
            if model_id:
                tracking.client.delete_logged_model(model_id)
    except NotFound:
        return


def find_version(tracking: Tracking, name: str, version: str) -> ModelVersion:
    """Return MLflow's record of a version.

    Raises:
        NotFound: If there is none.
    """
    with clear_errors(f"There is no {name} v{version}."):
        return tracking.client.get_model_version(name, version)


def list_versions(tracking: Tracking, name: str) -> list[ModelVersion]:
    """Return MLflow's records of all versions of a model, oldest first; none if the name is not known."""
    with clear_errors(f"The versions of {name} could not be listed."):
        found: list[ModelVersion] = []
        token = None
        while True:
            page = tracking.client.search_model_versions(f"name = '{name}'", page_token=token)
            found += page
            token = page.token
            if not token:
                return sorted(found, key=lambda one: int(one.version))


def list_models(tracking: Tracking) -> list[str]:
    """Return the names of all registered models that are lepton's."""
    with clear_errors("The registered models could not be listed."):
        names: list[str] = []
        token = None
        while True:
            page = tracking.client.search_registered_models("name LIKE 'lepton-%'", page_token=token)
            names += [model.name for model in page]
            token = page.token
            if not token:
                return sorted(names)


def ref_of(found: Any) -> ModelRef:
    """Return the reference of MLflow's record."""
    digest = found.tags.get("lepton.digest", "")
    return ModelRef(name=found.name, version=str(found.version), digest=digest, run_id=found.run_id or "")


def local_files(tracking: Tracking, found: ModelVersion) -> Path:
    """Return MLflow's folder of a version; downloaded into the cache if it is not on this machine."""
    with clear_errors(f"The files of {found.name} v{found.version} could not be found."):
        uri = tracking.client.get_model_version_download_uri(found.name, str(found.version))
        parsed = urlparse(uri)
        if parsed.scheme in ("", "file"):
            return Path(url2pathname(parsed.path))
        import mlflow.artifacts

        target = tracking.ws.cache_dir / "models" / found.name / str(found.version)
        target.mkdir(parents=True, exist_ok=True)
        return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(target), tracking_uri=tracking.uri))


def logged_model_of(found: ModelVersion) -> str | None:
    """Return the id of the logged model behind a version."""
    source = str(found.source)
    return source.removeprefix("models:/") if source.startswith("models:/") else None


@contextmanager
def run_for(tracking: Tracking, run: Run | None, name: str) -> Iterator[Run]:
    """Yield the run that owns a registration; one is made if there is none."""
    if run is not None:
        yield run
        return
    with tracking.run(name) as made:
        yield made


@contextmanager
def _as_global_uri(uri: str) -> Iterator[None]:
    """Let MLflow's SQL store resolve `models:/<id>`: it asks the global tracking URI, not its own (3.17)."""
    module = mlflow()
    with turn("mlflow"):
        before = module.get_tracking_uri() if module.is_tracking_uri_set() else None
        module.set_tracking_uri(uri)
        try:
            yield
        finally:
            module.set_tracking_uri(before)


def _requirements(lineage: Lineage) -> list[str]:
    """Return what loading and predicting needs: lepton with its extra, and the package of an encoder from outside.

    What decides an answer's last bits is wanted exactly. A build's local label (`+cpu`, `+cu130`) is left out: it is in
    no index, and what serves may have another device.
    """
    from lepton import __version__

    known = library_versions()
    exactly = [f"{name}=={known[name].partition('+')[0]}" for name in _DECIDE_ANSWERS]
    encoders = [used.requirement for used in used_in(lineage) if used.word == "encoder" and used.requirement]
    return [f"lepton[serve]=={__version__}", *exactly, *encoders]


def _model_id(tracking: Tracking, ref: ModelRef) -> str | None:
    return logged_model_of(find_version(tracking, ref.name, ref.version))
