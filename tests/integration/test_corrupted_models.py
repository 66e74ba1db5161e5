"""A registered version with one bad file: nothing takes it, and the error names the file."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from safetensors.torch import load_file, save_file

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Cause, Evidence
from lepton.core.refs import ModelRef
from lepton.core.work.files import sha256
from lepton.models.export import complete
from lepton.operations.session import Session
from lepton.registry.models import aliases, fetch, materials_of
from lepton.registry.promotion import commit, promote, rollback, verify
from tests.corruption import KINDS, cases, restore
from tests.registry import MODEL, PAIR, Maker, save_model


def home_of(ws: Workspace, ref: ModelRef) -> Path:
    return fetch(ws, ref.name, ref.version)[1].parents[1]


@pytest.fixture
def two(ws: Workspace, make: Maker, tmp_path: Path) -> tuple[ModelRef, ModelRef]:
    """Two registered versions with other weights, other rows, and everything that a version has."""
    made = []
    for seed in (0, 1):
        folder = save_model(tmp_path / f"made-{seed}", seed=seed)
        (folder / "rows.json").write_text(f'{{"train": ["row-{seed}"], "held_out": []}}')
        complete(folder)
        made.append(make(folder=folder))
    return made[0], made[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_with_a_bad_file_is_never_served(
    ws: Workspace, ledger: Ledger, two: tuple[ModelRef, ModelRef], tmp_path: Path, kind: str
) -> None:
    bad, good = two
    for ref in (bad, good):
        promote(ws, ledger, PAIR, ref, actor="user:ada", cause=Cause("manual"), evidence=Evidence())
    (ws.contracts_dir / "optdigits.yaml").touch()
    commit(ledger, "mnist-to-optdigits", bad, actor="user:ada", cause=Cause("manual"), evidence=Evidence())
    rows = ledger.entries()
    home, whole = home_of(ws, bad), tmp_path / "whole"
    shutil.copytree(home, whole)
    uses: dict[str, Callable[[], Any]] = {
        "load a version": lambda: Session(ws).load(bad),
        "promote": lambda: promote(ws, ledger, PAIR, bad, actor="x", cause=Cause(), evidence=Evidence()),
        "roll back": lambda: rollback(ws, ledger, PAIR, actor="x", why="x", to=bad.version),
        "score": lambda: Session(ws).load_champion("optdigits"),
    }
    tried = [case for case in cases(home, home_of(ws, good), flips=1) if case.kind == kind]
    assert len(tried) >= 5
    for case in tried:
        case.apply(home)
        for use, call in uses.items():
            with pytest.raises(LeptonError, match="damaged") as caught:
                pytest.fail(f"{case.name}: {use} took {call()}")
            assert case.file.removeprefix("data/lepton/") in caught.value.why, case.name
        restore(home, whole)
    assert ledger.entries() == rows
    assert aliases(ws, MODEL) == {"champion": good.version}
    verify(ws, bad)  # and with whole files it may serve: it was the damage that was refused


def test_every_kind_of_damage_was_thought_of(ws: Workspace, two: tuple[ModelRef, ModelRef]) -> None:
    first, second = (home_of(ws, ref) for ref in two)
    found = {(case.kind, case.file) for case in cases(first, second, flips=0)}
    files = {path.relative_to(first).as_posix() for path in first.rglob("*") if path.is_file()}
    own = {"model.json", "weights.safetensors", "examples.json", "examples.safetensors", "inference.pt2", "rows.json"}
    assert {f"data/lepton/{name}" for name in own} | {"MLmodel", "lineage.json", "sbom.cdx.json"} <= files
    for kind in ("truncated", "flipped", "missing", "linked"):
        assert {file for one, file in found if one == kind} == files
    assert {f"data/lepton/{name}" for name in own} <= {file for one, file in found if one == "swapped"}


def test_what_was_registered_without_these_files_serves_on(ws: Workspace, ledger: Ledger, make: Maker) -> None:
    from lepton.registry.mlflow.tracking import connect

    older = make()  # a folder without examples and graph
    for tag in ("lepton.beside", "lepton.sbom"):
        connect(ws).client.delete_model_version_tag(older.name, older.version, tag)
    (home_of(ws, older) / "sbom.cdx.json").unlink()
    promote(ws, ledger, PAIR, older, actor="user:ada", cause=Cause("manual"), evidence=Evidence())
    with pytest.raises(LeptonError, match="without a list"):
        materials_of(ws, older.name, older.version)


def test_a_version_that_answers_otherwise_than_when_it_was_registered_is_not_promoted(
    ws: Workspace, ledger: Ledger, make: Maker, tmp_path: Path
) -> None:
    folder = save_model(tmp_path / "made")
    complete(folder)
    tensors = load_file(folder / "examples.safetensors")
    tensors["probabilities"] += 0.01  # as if what computes here were another library
    save_file(tensors, folder / "examples.safetensors")
    about = json.loads((folder / "examples.json").read_text())
    about["tensors"] = sha256(folder / "examples.safetensors")
    (folder / "examples.json").write_text(json.dumps(about))
    ref = make(folder=folder)
    with pytest.raises(LeptonError, match="does not answer") as caught:
        promote(ws, ledger, PAIR, ref, actor="user:ada", cause=Cause("manual"), evidence=Evidence())
    assert "Largest deviation: 0.01" in caught.value.why
    assert [row.action for row in ledger.entries()] == ["registered"]
    assert aliases(ws, MODEL) == {}


def test_a_link_is_not_registered(make: Maker, tmp_path: Path) -> None:
    folder = save_model(tmp_path / "made")
    (folder / "rows.json").symlink_to("/etc/hostname")
    with pytest.raises(LeptonError, match="no model folder") as caught:
        make(folder=folder)
    assert "rows.json" in caught.value.why


def test_the_list_of_what_was_installed_is_compared_with_its_checksum(
    ws: Workspace, make: Maker, ledger: Ledger
) -> None:
    ref = make()
    path = home_of(ws, ref) / "sbom.cdx.json"
    assert "torch" in {part["name"] for part in materials_of(ws, ref.name, ref.version)["components"]}
    row = ledger.last(PAIR, "registered")
    assert row is not None
    assert row.payload["sbom"] == sha256(path)
    path.write_text(path.read_text().replace("torch", "torsh"))
    with pytest.raises(LeptonError, match="damaged") as caught:
        materials_of(ws, ref.name, ref.version)
    assert "sbom.cdx.json" in caught.value.why


def test_the_command_shows_the_list_and_prints_the_document_itself(
    ws: Workspace, make: Maker, lepton: Callable[..., Any]
) -> None:
    ref = make()
    shown = lepton("sbom", f"{MODEL}@1", cwd=ws.root)
    assert shown.code == 0
    assert ref.label in shown.out
    assert re.search(r"torch +2\S+ +Apache-2.0", shown.out)
    printed = lepton("sbom", f"{MODEL}@1", "--json", cwd=ws.root)
    assert json.loads(printed.out) == materials_of(ws, ref.name, ref.version)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(printed.out) is None
    assert lepton("sbom", f"{MODEL}@2", cwd=ws.root).code == 1


def test_a_folder_that_cannot_be_read_is_damage(ws: Workspace, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = make()

    def broken(path: Path) -> None:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr("lepton.registry.checksums.os.scandir", broken)
    with pytest.raises(LeptonError, match="damaged") as caught:
        fetch(ws, ref.name, ref.version)
    assert "Input/output error" in caught.value.why
