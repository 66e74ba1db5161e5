"""Registered models: a folder of files, its lineage and its checksums, as MLflow model versions.

The folder is opaque here. MLflow gets it as a pyfunc whose loader is a module of ours, so nothing is pickled and
no requirements have to be guessed by running the model.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from lepton.core.errors import LeptonError, NotFound
from lepton.core.files import canonical, digest
from lepton.core.ledger import REGISTERED, Ledger
from lepton.core.refs import ModelRef, base_model_name
from lepton.core.workspace import Workspace
from lepton.registry.checksums import check_files, damaged, digest_of, file_checksums
from lepton.registry.environment import library_versions
from lepton.registry.lineage import Lineage
from lepton.registry.tracking import Run, Tracking, connect
from lepton.registry.vendor import already_exists, clear_errors, mlflow

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

FOLDER = "lepton"
"""Name of the model's folder inside MLflow's."""
LINEAGE_FILE = "lineage.json"
LOADER = "lepton.registry.serving"

_NEEDED_TO_SERVE = ("torch", "numpy", "pandas", "safetensors", "pydantic", "pyyaml")


def register(
    ws: Workspace,
    ledger: Ledger,
    pair: str,
    folder: Path,
    lineage: Lineage,
    *,
    actor: str,
    run: Run | None = None,
    metrics: Mapping[str, float | None] | None = None,
) -> ModelRef:
    """Store a model folder as the next version of `pair`'s model; it serves nobody yet.

    Args:
        ws: The workspace.
        ledger: Gets a row `registered` with the reference and the whole lineage.
        pair: The pair's name, or the source's for a base.
        folder: The model as `lepton.models.format` wrote it; copied.
        lineage: What it is made of.
        actor: Who does it.
        run: The run that made it; by default one is made for the registration.
        metrics: Held-out numbers to show with the version.

    Raises:
        LeptonError: If the folder is empty, or MLflow cannot store it. Nothing is in the ledger then.
    """
    checksums = file_checksums(folder)
    tracking, name = connect(ws), base_model_name(pair)
    with _run_for(tracking, run, f"register {name}") as owner, clear_errors(f"{name} could not be registered."):
        model_id = _log(tracking, owner, name, folder, lineage)
        _describe(tracking, owner, model_id, lineage, metrics or {})
        ref_digest = digest_of(checksums)
        tags = {
            "lepton.digest": ref_digest,
            "lepton.files": canonical(checksums),
            "lepton.lineage": lineage.digest(),
            "lepton.pair": pair,
            "lepton.strategy": lineage.strategy,
            "lepton.cause": str(lineage.cause.get("kind", "")),
            "lepton.parent": lineage.parent.label if lineage.parent else "",
        }
        version = _create_version(tracking, name, model_id, owner.id, tags)
    ref = ModelRef(name=name, version=version, digest=ref_digest, run_id=owner.id)
    ledger.append(actor, pair, REGISTERED, {"model": ref.to_json(), "lineage": lineage.to_json()})
    return ref


def fetch(ws: Workspace, name: str, version: str, expect: str | None = None) -> tuple[ModelRef, Path]:
    """Return a version and its local folder, every file compared with the checksum taken at registration.

    Args:
        ws: The workspace.
        name: The registered model.
        version: Its version.
        expect: The digest that the ledger knows, so that files and checksums cannot be changed together.

    Raises:
        NotFound: If there is no such version.
        LeptonError: If a file is missing, changed or added; names it. Such a model is never served.
    """
    tracking = connect(ws)
    found = _version(tracking, name, version)
    folder = _local_files(tracking, found) / "data" / FOLDER
    expected = json.loads(found.tags.get("lepton.files", "{}"))
    check_files(folder, f"{name} v{version}", expected)
    ref = _ref(found)
    if digest_of(expected) not in {ref.digest} & {expect or ref.digest}:
        raise damaged(f"{name} v{version}", "Its checksums in MLflow are not those taken at the registration.")
    return ref, folder


def lineage_of(ws: Workspace, name: str, version: str) -> Lineage:
    """Return the record beside a version's weights, compared with the digest taken at registration.

    Raises:
        NotFound: If there is no such version.
        LeptonError: If the record is missing or was changed.
    """
    tracking = connect(ws)
    found = _version(tracking, name, version)
    path = _local_files(tracking, found) / LINEAGE_FILE
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        lineage = Lineage.from_json(value)
    except (OSError, ValueError) as error:
        raise damaged(f"{name} v{version}", f"{path}: {error}") from None
    if digest(value) != found.tags.get("lepton.lineage"):
        raise damaged(f"{name} v{version}", f"{path} was changed after the model was registered.")
    return lineage


def versions(ws: Workspace, name: str) -> list[ModelRef]:
    """Return the versions of a registered model, oldest first; none if the name is not known."""
    tracking = connect(ws)
    with clear_errors(f"The versions of {name} could not be listed."):
        found, token = [], None
        while True:
            page = tracking.client.search_model_versions(f"name = '{name}'", page_token=token)
            found += [_ref(version) for version in page]
            token = page.token
            if not token:
                return sorted(found, key=lambda ref: int(ref.version))


def set_alias(ws: Workspace, ref: ModelRef, alias: str) -> None:
    """Point an alias (`champion`, `challenger`) to a version and read it back."""
    client = connect(ws).client
    with clear_errors(f"The alias {alias!r} could not be moved to {ref.label}."):
        client.set_registered_model_alias(ref.name, alias, ref.version)
        now = str(client.get_model_version_by_alias(ref.name, alias).version)
    if now != ref.version:
        raise LeptonError(f"The alias {alias!r} of {ref.name} points to v{now}, not to v{ref.version} as set just now.")


def aliases(ws: Workspace, name: str) -> dict[str, str]:
    """Return alias -> version; empty if the model is not registered."""
    client = connect(ws).client
    try:
        with clear_errors(f"The aliases of {name} could not be read."):
            return {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}
    except NotFound:
        return {}


def _log(tracking: Tracking, run: Run, name: str, folder: Path, lineage: Lineage) -> str:
    """Store the folder as an MLflow logged model; return its id."""
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
            pip_requirements=_requirements(),
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                run_id=run.id,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
            ),
        )
        (target / LINEAGE_FILE).write_text(
            json.dumps(lineage.to_json(), indent=2, ensure_ascii=False), encoding="utf-8"
        )
        tracking.client.log_model_artifacts(logged.model_id, str(target))
    tracking.client.finalize_logged_model(logged.model_id, "READY")
    return str(logged.model_id)


def _describe(
    tracking: Tracking, run: Run, model_id: str, lineage: Lineage, metrics: Mapping[str, float | None]
) -> None:
    """Link the model to its run, parent and data, and show its numbers, for those who look at MLflow's pages."""
    from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric

    tracking.client.log_outputs(run.id, [LoggedModelOutput(model_id, 0)])
    if lineage.parent is not None and (parent_id := _model_id(tracking, lineage.parent)):
        tracking.client.log_inputs(run.id, models=[LoggedModelInput(parent_id)])
    for use, ref in lineage.data.items():
        run.data(ref, use)
    now = int(time.time() * 1000)
    known = {key: float(value) for key, value in metrics.items() if value is not None}
    points = [Metric(key, value, now, 0, model_id=model_id, run_id=run.id) for key, value in known.items()]
    if points:
        tracking.client.log_batch(run.id, metrics=points)


def _create_version(tracking: Tracking, name: str, model_id: str, run_id: str, tags: dict[str, str]) -> str:
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


@contextmanager
def _as_global_uri(uri: str) -> Iterator[None]:
    """Let MLflow's SQL store resolve `models:/<id>`: it asks the global tracking URI, not its own (3.17)."""
    module = mlflow()
    before = module.get_tracking_uri() if module.is_tracking_uri_set() else None
    module.set_tracking_uri(uri)
    try:
        yield
    finally:
        module.set_tracking_uri(before)


@contextmanager
def _run_for(tracking: Tracking, run: Run | None, name: str) -> Iterator[Run]:
    if run is not None:
        yield run
        return
    with tracking.run(name) as made:
        yield made


def _requirements() -> list[str]:
    """Return the exact versions of what loading and predicting needs."""
    from importlib.metadata import version

    from lepton import __version__

    known = library_versions()
    return [f"lepton=={__version__}", *(f"{name}=={known.get(name) or version(name)}" for name in _NEEDED_TO_SERVE)]


def _model_id(tracking: Tracking, ref: ModelRef) -> str | None:
    source = str(_version(tracking, ref.name, ref.version).source)
    return source.removeprefix("models:/") if source.startswith("models:/") else None


def _version(tracking: Tracking, name: str, version: str) -> ModelVersion:
    with clear_errors(f"There is no {name} v{version}."):
        return tracking.client.get_model_version(name, version)


def _ref(found: Any) -> ModelRef:
    digest = found.tags.get("lepton.digest", "")
    return ModelRef(name=found.name, version=str(found.version), digest=digest, run_id=found.run_id or "")


def _local_files(tracking: Tracking, found: ModelVersion) -> Path:
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
