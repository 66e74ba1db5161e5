"""Registered models: a folder of files, its lineage and its checksums, as MLflow model versions.

Writing goes version first, ledger second: a version that the ledger does not know is nobody's, and `orphans` finds it.
Reading goes through `fetch` alone, which compares every byte with what the ledger knows before anything is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Abandoned, Registered
from lepton.core.refs import ModelRef, base_model_name
from lepton.core.work.faults import reached
from lepton.core.work.files import canonical, digest
from lepton.registry.checksums import check_files, damaged, digest_of, file_checksums
from lepton.registry.lineage.record import Lineage, forebears
from lepton.registry.lineage.sbom import bill_of_materials
from lepton.registry.mlflow.store import (
    INSIDE,
    LINEAGE_FILE,
    MLFLOWS_OWN,
    SBOM_FILE,
    create_version,
    delete_version,
    describe,
    find_version,
    list_versions,
    local_files,
    log_folder,
    ref_of,
    run_for,
)
from lepton.registry.mlflow.tracking import Run, connect
from lepton.registry.mlflow.vendor import clear_errors
from lepton.registry.orphans import AFTER, position, registering, sweep


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

    The same work is registered once: if a crash came after it, the version that it had got is returned. What a crash
    in the middle of a registration left in MLflow is removed first.

    Args:
        ws: The workspace.
        ledger: Gets a row `registered` with the reference and the whole lineage.
        pair: The pair's name, or the source's for a base.
        folder: The model as `lepton.models.format` wrote it; copied.
        lineage: What it is made of; its `key`, if it has one, says which work this is.
        actor: Who does it.
        run: The run that made it; by default one is made for the registration.
        metrics: Held-out numbers to show with the version.

    Raises:
        LeptonError: If the folder is empty, or MLflow cannot store it. Nothing is in the ledger then.
    """
    checksums = file_checksums(folder)
    tracking, name = connect(ws), base_model_name(pair)
    key = lineage.key
    if key and (before := _registered_before(ws, ledger, pair, key)):
        reached("register.found-again")
        return before
    sweep(ws, ledger, [name])
    reached("register.swept")
    materials = bill_of_materials()
    with run_for(tracking, run, f"register {name}") as owner, clear_errors(f"{name} could not be registered."):
        model_id, beside = log_folder(tracking, owner, name, folder, lineage, {SBOM_FILE: materials})
        reached("register.files-stored")
        line = forebears(ledger, lineage)
        describe(tracking, owner, model_id, lineage, metrics or {}, inputs=dict.fromkeys([*line[:1], *line[-1:]]))
        reached("register.described")
        ref_digest = digest_of(checksums)
        tags = {
            "lepton.digest": ref_digest,
            "lepton.files": canonical(checksums),
            "lepton.beside": canonical(beside),
            "lepton.lineage": lineage.digest(),
            "lepton.sbom": beside[SBOM_FILE],
            "lepton.pair": pair,
            "lepton.strategy": lineage.strategy,
            "lepton.cause": lineage.cause.kind or "",
            "lepton.parent": lineage.parent.label if lineage.parent else "",
            "lepton.key": key,
            AFTER: position(ledger),
        }
        with registering(ws):
            version = create_version(tracking, name, model_id, owner.id, tags)
            reached("register.version-made")
            ref = ModelRef(name=name, version=version, digest=ref_digest, run_id=owner.id)
            try:
                ledger.record(actor, pair, Registered(ref, lineage.to_json(), beside[SBOM_FILE]))
            except BaseException:
                with suppress(LeptonError):  # what went wrong first is what must be heard of; a sweep comes later
                    delete_version(tracking, name, version)
                raise
        reached("register.recorded")
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
    found = find_version(tracking, name, version)
    label, home = f"{name} v{version}", local_files(tracking, found)
    expected, beside = (_checksums(found, tag) for tag in ("lepton.files", "lepton.beside"))
    check_files(home / INSIDE, label, expected)
    if beside:  # versions from before it was recorded have the folder's checksums alone
        check_files(home, label, beside, without=(INSIDE, *MLFLOWS_OWN))
    ref = ref_of(found)
    if digest_of(expected) not in {ref.digest} & {expect or ref.digest}:
        raise damaged(label, "Its checksums in MLflow are not those taken at the registration.")
    return ref, home / INSIDE


def lineage_of(ws: Workspace, name: str, version: str) -> Lineage:
    """Return the record beside a version's weights, compared with the digest taken at registration.

    Raises:
        NotFound: If there is no such version.
        LeptonError: If the record is missing or was changed.
    """
    tracking = connect(ws)
    found = find_version(tracking, name, version)
    path = local_files(tracking, found) / LINEAGE_FILE
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        lineage = Lineage.from_json(value)
    except (OSError, ValueError) as error:
        raise damaged(f"{name} v{version}", f"{path}: {error}") from None
    if digest(value) != found.tags.get("lepton.lineage"):
        raise damaged(f"{name} v{version}", f"{path} was changed after the model was registered.")
    return lineage


def materials_of(ws: Workspace, name: str, version: str) -> dict[str, Any]:
    """Return the CycloneDX list of what was installed when a version was registered, compared with its checksum.

    Raises:
        NotFound: If there is no such version, or it is from before there was a list.
        LeptonError: If the list is missing or was changed.
    """
    tracking = connect(ws)
    found = find_version(tracking, name, version)
    if (checksum := found.tags.get("lepton.sbom")) is None:
        raise NotFound(f"{name} v{version} was registered without a list of what was installed.")
    home = local_files(tracking, found)
    others = [path.name for path in home.iterdir() if path.name != SBOM_FILE] if home.is_dir() else []
    check_files(home, f"{name} v{version}", {SBOM_FILE: checksum}, without=others)
    value: dict[str, Any] = json.loads((home / SBOM_FILE).read_text(encoding="utf-8"))
    return value


def versions(ws: Workspace, name: str) -> list[ModelRef]:
    """Return the versions of a registered model, oldest first; none if the name is not known."""
    return [ref_of(version) for version in list_versions(connect(ws), name)]


def set_alias(ws: Workspace, ref: ModelRef, alias: str) -> None:
    """Point an alias (`champion`, `challenger`) to a version."""
    with clear_errors(f"The alias {alias!r} could not be moved to {ref.label}."):
        connect(ws).client.set_registered_model_alias(ref.name, alias, ref.version)


def remove_alias(ws: Workspace, name: str, alias: str) -> None:
    """Take an alias away."""
    with clear_errors(f"The alias {alias!r} of {name} could not be taken away."):
        connect(ws).client.delete_registered_model_alias(name, alias)


def aliases(ws: Workspace, name: str) -> dict[str, str]:
    """Return alias -> version; empty if the model is not registered."""
    client = connect(ws).client
    try:
        with clear_errors(f"The aliases of {name} could not be read."):
            return {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}
    except NotFound:
        return {}


def _registered_before(ws: Workspace, ledger: Ledger, pair: str, key: str) -> ModelRef | None:
    """Return the version that this very work got before a crash, if its files are whole and nothing undid it."""
    undone = {entry.row.model.key for entry in ledger.rows(pair, Abandoned)}
    for entry in reversed(ledger.rows(pair, Registered)):
        ref = entry.row.model
        if entry.row.key == key and ref.key not in undone:
            with suppress(LeptonError):  # damaged since: it is registered again
                fetch(ws, ref.name, ref.version, expect=ref.digest)
                return ref
    return None


def _checksums(found: Any, tag: str) -> dict[str, str]:
    """Return the checksums that a version was registered with; none if it has no such tag, or one that is not ours."""
    try:
        value = json.loads(found.tags.get(tag, "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
