"""Nothing that is read is run: at every place where lepton reads a file, a file that would run code when unpickled.

Each payload leaves a mark on the disk when it runs. `READS` and `IGNORES` have a line for
every place; a test notices a new call of a library that can run code or open archives, so that it gets a line too.
"""

from __future__ import annotations

import ast
import builtins
import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.core.work.files import sha256
from lepton.models import examples, export
from lepton.models import format as model_format
from tests.registry import Maker, save_model, some_images, workspace_in

ROOT = Path(__file__).parents[2]


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return builtins.exec, (f"open({str(self.mark)!r}, 'w').close()",)


def raw_pickle(mark: Path) -> bytes:
    return pickle.dumps(Bomb(mark))


def torch_file(mark: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save({"probabilities": Bomb(mark)}, buffer)
    return buffer.getvalue()


def npz_file(mark: Path) -> bytes:
    buffer = io.BytesIO()
    array = np.array([Bomb(mark)], dtype=object)
    np.savez(buffer, allow_pickle=True, x=array, y=array, ids=array, probabilities=array)
    return buffer.getvalue()


def parquet_file(mark: Path) -> bytes:
    """An Arrow extension type whose metadata is a pickle: pyarrow before 14.0.1 loaded it (CVE-2023-47248)."""
    about = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Bomb(mark)),
    }
    columns = [pa.field(name, pa.string(), metadata=about) for name in ("id", "label", "x")]
    buffer = io.BytesIO()
    pq.write_table(pa.table([["a"], ["b"], ["c"]], schema=pa.schema(columns, metadata={"pandas": "{}"})), buffer)
    return buffer.getvalue()


def yaml_file(mark: Path) -> bytes:
    return f"name: digits\nkind: !!python/object/apply:builtins.open [{str(mark)!r}, w]\nsource: mnist\n".encode()


def json_file(mark: Path) -> bytes:
    """What libraries that revive objects from JSON would revive."""
    call = [f"open({str(mark)!r}, 'w').close()"]
    return json.dumps(
        {
            "py/object": "builtins.exec",
            "py/reduce": [{"py/function": "builtins.exec"}, {"py/tuple": call}],
            "__reduce__": ["builtins.exec", call],
            "class_name": "builtins.exec",
            "config": call,
        }
    ).encode()


PAYLOADS: dict[str, Callable[[Path], bytes]] = {
    "pickle": raw_pickle,
    "torch": torch_file,
    "npz": npz_file,
    "parquet": parquet_file,
    "yaml": yaml_file,
    "json": json_file,
}


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """The file that must not appear."""
    path = tmp_path / "code-was-run"
    yield path
    assert not path.exists()


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_payloads_do_run_where_they_are_trusted(name: str, tmp_path: Path) -> None:
    import yaml

    path = tmp_path / "trusted"
    content = PAYLOADS[name](path)
    if name == "pickle":
        pickle.loads(content)  # noqa: S301 (our own)
    elif name == "torch":
        torch.load(io.BytesIO(content), weights_only=False)
    elif name == "npz":
        dict(np.load(io.BytesIO(content), allow_pickle=True))
    elif name == "yaml":
        yaml.unsafe_load(content)
    elif name == "parquet":
        pickle.loads(pq.read_schema(io.BytesIO(content)).field("x").metadata[b"ARROW:extension:metadata"])  # noqa: S301
    else:
        revive(json.loads(content))
    assert path.exists()


def revive(value: dict[str, Any]) -> None:
    """What a reviver of objects would do."""
    exec(value["__reduce__"][1][0])


# Every place


@dataclass(frozen=True)
class Place:
    """Where lepton reads a file that somebody else may have written."""

    ws: Workspace
    folder: Path
    """A model folder, complete."""
    content: bytes

    def put(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path

    def sealed(self, file: str) -> None:
        """Put the payload into the model folder, and every checksum right that stands beside it."""
        self.put(self.folder / file)
        about = self.folder / "model.json"
        if file == "weights.safetensors":
            about.write_text(json.dumps(json.loads(about.read_text()) | {"weights": sha256(self.folder / file)}))
        beside = self.folder / "examples.json"
        if file != "examples.json":
            names = {"tensors": "examples.safetensors", "weights": "weights.safetensors", "description": "model.json"}
            sums = {key: sha256(self.folder / name) for key, name in names.items()}
            beside.write_text(json.dumps(json.loads(beside.read_text()) | sums))


def model_file(file: str) -> Callable[[Place], Any]:
    def read(at: Place) -> Any:
        model = model_format.load(at.folder)
        at.sealed(file)
        examples.check_examples(at.folder, model)
        model_format.load(at.folder)

    return read


def served(at: Place) -> Any:
    from lepton.registry.serving import _load_pyfunc

    at.sealed("weights.safetensors")
    return _load_pyfunc(str(at.folder))


def exported_again(at: Place) -> Any:
    at.put(at.folder / "inference.pt2")
    export.complete(at.folder)  # writes its own, and reads that
    assert (at.folder / "inference.pt2").read_bytes() != at.content


def delivery(name: str) -> Callable[[Place], Any]:
    def read(at: Place) -> Any:
        from lepton.data.readers import read_delivery

        return read_delivery(at.put(at.folder.parent / "deliveries" / name))

    return read


def labels(at: Place) -> Any:
    from lepton.data.readers.labels import read_labels

    return read_labels(at.put(at.folder.parent / "labels.csv"))


def picture(at: Place) -> Any:
    from lepton.data.readers import read_delivery

    at.put(at.folder.parent / "pictures" / "a" / "1.png")
    return read_delivery(at.folder.parent / "pictures")


def features(at: Place) -> Any:
    from lepton.models.features import FeatureCache

    ids = np.array([str(k) for k in range(6)], dtype=object)
    table, cache = Table("image", ids, np.full(6, None, dtype=object), images=some_images()), at.ws.cache_dir / "f"
    model = model_format.load(at.folder)
    found = FeatureCache(cache).get(model, table)
    at.put(next(cache.glob("*.safetensors")))
    assert torch.equal(FeatureCache(cache).get(model, table), found)


def calibration(at: Place) -> Any:
    from lepton.monitoring.calibration import _read

    assert _read(at.put(at.ws.cache_dir / "calibration.json")) is None


def candidate(file: str) -> Callable[[Place], Any]:
    def read(at: Place) -> Any:
        from lepton.transfer.candidates import Candidate

        shutil.copytree(at.folder, at.folder.parent / "candidate" / "model")
        (at.folder.parent / "candidate" / "candidate.json").write_text("{}")
        at.put(at.folder.parent / "candidate" / file)
        return Candidate.load(at.folder.parent / "candidate")

    return read


def step_result(at: Place) -> Any:
    from lepton.core.work.resume import result_of

    at.put(at.ws.work_dir / "job.json")
    found = result_of(at.ws.work_dir, "job")
    assert found is None or found == json.loads(at.content)


def settings(at: Place) -> Any:
    at.put(at.ws.root / "lepton.yaml")
    return Workspace(at.ws.root).config


def setting_of_the_machine(at: Place) -> Any:
    import os

    before = dict(os.environ)
    os.environ["LEPTON_SEED"] = at.content.decode("latin-1").replace("\x00", " ")
    try:
        return Workspace(at.ws.root).config
    finally:
        os.environ.clear()
        os.environ.update(before)


def contract(at: Place) -> Any:
    from lepton.contract.file import load_contract

    at.put(at.ws.contracts_dir / "mnist.yaml")
    return load_contract(at.ws, "mnist")


def pointer(at: Place) -> Any:
    from lepton.data.manifest import dvc_md5

    at.put(at.ws.root / "data.dvc")
    return dvc_md5(at.ws.root)


def stored_batch(at: Place) -> Any:
    from lepton.data.store import load

    at.put(at.ws.data_dir / "mnist" / "00001-a.parquet")
    return load(at.ws, "mnist")


def streamed_batch(at: Place) -> Any:
    from lepton.data.sampling import sample

    at.put(at.ws.data_dir / "mnist" / "00001-a.parquet")
    return sample(at.ws, "mnist", ["a"], 1, seed=0)


def moments(at: Place) -> Any:
    from lepton.data.sampling import moments as read

    at.put(at.ws.data_dir / "mnist" / "00001-a.parquet")
    return read(at.ws, "mnist", ["a"])


def quarantine(at: Place) -> Any:
    from lepton.contract.quarantine import REASON, quarantined

    at.put(at.ws.quarantine_dir / "mnist" / f"d.csv{REASON}")
    return quarantined(at.ws)


def manifest(at: Place) -> Any:
    from lepton.data.manifest import manifest as read

    at.put(at.ws.root / ".dvc" / "cache" / "files" / "md5" / "ab" / "c.dir")
    return read(at.ws.root, "abc.dir")


def erasure(at: Place) -> Any:
    from lepton.data.erase import unfinished

    at.put(at.ws.state_dir / "erasure" / "journal.json")
    return unfinished(at.ws)


def ids_to_forget(at: Place) -> Any:
    from lepton.data.erase import read_ids

    return read_ids(at.put(at.folder.parent / "ids.txt"))


def sheet(at: Place) -> Any:
    from lepton.data.erase import Asked
    from lepton.data.sheets import erase_from_sheets, folder_of

    at.put(folder_of(at.ws, "plant-2") / "next.csv")
    erase_from_sheets(at.ws, "plant-2", Asked(frozenset({"gone"})))


def stack(at: Place) -> Any:
    from lepton.core.config.addresses import read_stack

    at.put(at.ws.stack_file)
    assert read_stack(at.ws) is None


def exported_graph(at: Place) -> Any:
    from lepton.graph.run import Graph

    return Graph.open(at.put(at.folder.parent / "champion.onnx"))


def web_package(at: Place) -> Any:
    from lepton.operations.export.runtime import web_runtime

    return web_runtime(at.ws, at.put(at.folder.parent / "onnxruntime-web.tgz"))


READS: dict[str, tuple[Callable[[Place], Any], tuple[str, ...]]] = {
    "model.json": (model_file("model.json"), ("pickle", "json")),
    "weights.safetensors": (model_file("weights.safetensors"), ("pickle", "torch", "npz")),
    "examples.json": (model_file("examples.json"), ("pickle", "json")),
    "examples.safetensors": (model_file("examples.safetensors"), ("pickle", "torch", "npz")),
    "MLflow's pyfunc": (served, ("pickle", "torch")),
    "delivery.npz": (delivery("d.npz"), ("pickle", "torch", "npz")),
    "delivery.parquet": (delivery("d.parquet"), ("pickle",)),
    "delivery.csv.gz": (delivery("d.csv.gz"), ("pickle",)),
    "delivery.pkl": (delivery("d.pkl"), ("pickle",)),
    "picture": (picture, ("pickle", "npz")),
    "stored batch": (stored_batch, ("pickle", "parquet")),
    "streamed batch": (streamed_batch, ("pickle", "parquet")),
    "moments of a batch": (moments, ("pickle", "parquet")),
    "candidate.json": (candidate("candidate.json"), ("pickle", "json")),
    "predictions.safetensors": (candidate("predictions.safetensors"), ("pickle", "torch", "npz")),
    "exported graph": (exported_graph, ("pickle", "torch", "npz")),
    "package of onnxruntime-web": (web_package, ("pickle", "npz")),
    "lepton.yaml": (settings, ("yaml",)),
    "LEPTON_SEED": (setting_of_the_machine, ("yaml",)),
    "contract": (contract, ("yaml",)),
    "data.dvc": (pointer, ("yaml",)),
    "quarantine": (quarantine, ("pickle", "json")),
    "manifest of DVC": (manifest, ("pickle", "json")),
    "journal of an erasure": (erasure, ("pickle",)),
}
"""Where such a file is refused."""

IGNORES: dict[str, tuple[Callable[[Place], Any], tuple[str, ...]]] = {
    "inference.pt2": (model_file("inference.pt2"), ("pickle", "torch")),
    "inference.pt2, made again": (exported_again, ("pickle", "torch")),
    "columns of a delivery": (delivery("d.parquet"), ("parquet",)),
    "delivery.csv": (delivery("d.csv"), ("yaml", "json", "pickle")),
    "labels.csv": (labels, ("yaml", "json")),
    "ids to forget": (ids_to_forget, ("yaml", "pickle")),
    "sheet of labels": (sheet, ("yaml", "pickle", "json")),
    "feature cache": (features, ("pickle", "torch", "npz")),
    "calibration cache": (calibration, ("pickle", "json")),
    "result of a step": (step_result, ("pickle", "json")),
    "addresses of the stack": (stack, ("pickle", "json")),
}
"""Where it is not opened, counts as absent, or is taken for text; an error is as good."""


def tries(places: dict[str, tuple[Callable[[Place], Any], tuple[str, ...]]]) -> list[tuple[str, str]]:
    return [(place, payload) for place, (_, payloads) in places.items() for payload in payloads]


@pytest.fixture
def place(complete_folder: Path, tmp_path: Path) -> Callable[[bytes], Place]:
    folder = shutil.copytree(complete_folder, tmp_path / "model")
    return lambda content: Place(workspace_in(tmp_path / "ws"), folder, content)


@pytest.mark.parametrize(("where", "payload"), tries(READS))
def test_what_is_refused_was_not_run(where: str, payload: str, place: Callable[[bytes], Place], mark: Path) -> None:
    with pytest.raises(LeptonError):
        READS[where][0](place(PAYLOADS[payload](mark)))


@pytest.mark.parametrize(("where", "payload"), tries(IGNORES))
def test_what_is_ignored_was_not_run(where: str, payload: str, place: Callable[[bytes], Place], mark: Path) -> None:
    with suppress(LeptonError):
        IGNORES[where][0](place(PAYLOADS[payload](mark)))


@pytest.fixture(scope="module")
def complete_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_model(tmp_path_factory.mktemp("made") / "model")
    export.complete(folder)
    return folder


@pytest.mark.parametrize("file", ["lineage.json", "sbom.cdx.json", "MLmodel", "rows.json"])
def test_what_lies_beside_a_registered_model_is_not_run(
    ws: Workspace, make: Maker, tmp_path: Path, file: str, mark: Path
) -> None:
    from lepton.operations.session import Session
    from lepton.registry.models import fetch, lineage_of, materials_of

    folder = save_model(tmp_path / "made")
    (folder / "rows.json").write_text("{}")
    ref = make(folder=folder)
    inner = fetch(ws, ref.name, ref.version)[1]
    path = inner / file if file == "rows.json" else inner.parents[1] / file
    # What MLflow's own loader would import and run, if anybody asked it to load this folder.
    content = path.read_text().replace("lepton.registry.serving", "evil") if file == "MLmodel" else None
    path.write_bytes(content.encode() if content else raw_pickle(mark))
    reads = {"lineage.json": lineage_of, "sbom.cdx.json": materials_of}
    for read in (reads.get(file, fetch), fetch):
        with pytest.raises(LeptonError, match="damaged"):
            read(ws, ref.name, ref.version)
    with pytest.raises(LeptonError, match="damaged"):
        Session(ws).load(ref)


def test_an_archive_writes_nowhere(tmp_path: Path) -> None:
    from lepton.data.readers import read_delivery

    path = tmp_path / "deep" / "d.npz"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        buffer = io.BytesIO()
        np.save(buffer, np.zeros((2, 2)))
        archive.writestr("../x.npy", buffer.getvalue())
        archive.writestr(f"{tmp_path}/y.npy", buffer.getvalue())
    with pytest.raises(LeptonError):
        read_delivery(path)
    assert [found.name for found in tmp_path.rglob("*") if found.is_file()] == ["d.npz"]


def test_the_exported_graph_holds_no_pickle_and_no_path_of_this_machine(complete_folder: Path) -> None:
    with zipfile.ZipFile(complete_folder / "inference.pt2") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    for name, content in contents.items():
        assert not content.startswith((b"\x80", b"PK")), name
        assert str(ROOT).encode() not in content, name


# A new place is noticed

SUSPECT = ("load", "loads", "load_file", "unsafe_load", "safe_load", "full_load", "load_all", "load_model")
LIBRARIES = ("numpy", "torch", "yaml", "pandas", "pyarrow", "safetensors", "mlflow", "zipfile", "tarfile", "importlib")
NEVER = ("pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle")

KNOWN = {
    ("lepton/cli/main.py", "importlib.import_module"),  # our own commands
    ("lepton/core/deferral.py", "importlib.import_module"),  # vendors' modules, by names of ours
    ("lepton/core/discovery.py", "importlib.import_module"),  # our own strategies, encoders, objectives
    (
        "lepton/core/kinds.py",
        "importlib.import_module",
    ),  # what a kind of rows refers to
    ("flows/lepton_flows/runtime.py", "importlib.import_module"),  # our own flows
    ("lepton/__init__.py", "importlib.import_module"),  # our own public names
    ("lepton/operations/doctor.py", "importlib.import_module"),  # our own rooms, by name
    ("lepton/core/config/variables.py", "yaml.safe_load"),  # "LEPTON_SEED"
    ("lepton/core/config/yaml_file.py", "yaml.load"),  # "lepton.yaml", "contract"; the loader is a SafeLoader
    ("lepton/data/batchfile.py", "pyarrow.parquet.read_table"),  # "stored batch"
    ("lepton/data/batchfile.py", "pyarrow.parquet.ParquetFile"),  # "streamed batch"
    ("lepton/data/batchfile.py", "pyarrow.parquet.read_schema"),
    ("lepton/data/batchfile.py", "pyarrow.parquet.read_metadata"),
    ("lepton/data/stream.py", "pyarrow.parquet.read_metadata"),  # as "streamed batch"
    ("lepton/data/erase.py", "pyarrow.parquet.read_table"),  # "stored batch", and the log of predictions
    ("lepton/data/erase.py", "pyarrow.parquet.read_schema"),
    ("lepton/data/demo.py", "numpy.load"),  # a file of ours; without pickle, which is numpy's default
    ("lepton/data/manifest.py", "yaml.safe_load"),  # "data.dvc"
    ("lepton/data/publish.py", "yaml.safe_load"),  # as "data.dvc"
    ("lepton/data/sheets.py", "pandas.read_csv"),  # "sheet of labels"
    ("lepton/data/readers/npz.py", "numpy.load"),  # "delivery.npz"
    ("lepton/data/readers/npz.py", "numpy.lib.format.read_magic"),  # eight bytes of each array in it
    ("lepton/data/readers/parquet.py", "pyarrow.parquet.ParquetFile"),  # "delivery.parquet"
    ("lepton/data/readers/csv.py", "pyarrow.csv.read_csv"),  # "delivery.csv"
    ("lepton/data/sources/rows.py", "pyarrow.parquet.ParquetFile"),  # parts that it has just written
    ("lepton/cli/demo/story.py", "pandas.read_parquet"),  # what `score` has just written
    ("lepton/models/examples.py", "safetensors.torch.load"),  # "examples.safetensors"
    ("lepton/models/export.py", "torch.export.load"),  # the bytes that it has just written
    ("lepton/models/features.py", "safetensors.torch.load"),  # "feature cache"
    ("lepton/models/format.py", "safetensors.torch.load"),  # "weights.safetensors"
    ("lepton/transfer/candidates.py", "safetensors.numpy.load_file"),  # "predictions.safetensors"
}


def calls_of(source: str) -> set[str]:
    """Return the calls in a module that can run what they read, by their full names, imports as `import NAME`."""
    tree, names, found = ast.parse(source), {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                one.asname or one.name.split(".")[0]: one.name if one.asname else one.name.split(".")[0]
                for one in node.names
            }
            modules = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
            modules = [str(node.module)]
        else:
            continue
        found |= {f"import {name}" for name in modules if name.split(".")[0] in NEVER}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            parts, callee = [], node.func
            while isinstance(callee, ast.Attribute):
                parts.append(callee.attr)
                callee = callee.value
            if not isinstance(callee, ast.Name):
                continue
            name = ".".join([names.get(callee.id, callee.id), *reversed(parts)])
            last = name.rpartition(".")[2]
            reads = last in SUSPECT or last.startswith(("read_", "ParquetFile", "import_module", "unpack_archive"))
            opens = last in ("ZipFile", "TarFile", "extractall")
            if name in ("eval", "exec", "compile", "__import__") or (
                name.split(".")[0] in LIBRARIES and (reads or opens)
            ):
                found.add(name)
    return found


def test_every_call_that_could_run_what_it_reads_is_known() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), call)
        for folder in ("lepton", "flows")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for call in calls_of(path.read_text(encoding="utf-8"))
    }
    assert found - KNOWN == set(), "give each a line in READS with a payload, then one in KNOWN"


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("import numpy as np\nnp.load(p)", "numpy.load"),
        ("import torch\ntorch.load(p)", "torch.load"),
        ("from torch import load as read\nread(p)", "torch.load"),
        ("def f():\n    import pickle", "import pickle"),
        ("from joblib import load", "import joblib"),
        ("import yaml\nyaml.load(p, Loader=yaml.Loader)", "yaml.load"),
        ("import pandas as pd\npd.read_pickle(p)", "pandas.read_pickle"),
        ("import mlflow\nmlflow.pyfunc.load_model(p)", "mlflow.pyfunc.load_model"),
        ("import tarfile\ntarfile.TarFile(p)", "tarfile.TarFile"),
        ("eval(p)", "eval"),
    ],
)
def test_a_new_call_is_noticed(source: str, call: str) -> None:
    assert calls_of(source) == {call}
