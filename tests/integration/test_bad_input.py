"""Every bad delivery that a site may send: refused with cause and remedy, and nothing but the quarantine changes."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from tests.conftest import Answer, make_plant

Cli = Callable[..., Answer]
Make = Callable[[Path], Path]
"""(an empty folder) -> the delivery in it."""

ROWS = 30
LEFTOVER = re.compile(r"\.part-.*|\.tmp.*|\.build|\..+\.[a-z0-9_]{8}")
"""Names of files and folders that are still being written."""


def plant(seed: int = 9, first: int = 1000) -> pd.DataFrame:
    """Return a good delivery for the tabular workspace, whose batch `first` holds the ids r0 to r59."""
    return make_plant(ROWS, 0.0, seed).assign(id=[f"r{first + k}" for k in range(ROWS)])


def pictures(seed: int = 9) -> dict[str, Any]:
    """Return the arrays of a good delivery for the image workspace."""
    rng = np.random.default_rng(seed)
    return {"x": rng.uniform(0.1, 0.9, (ROWS, 1, 6, 6)).astype(np.float32), "y": np.array(["a", "b"] * (ROWS // 2))}


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a tabular and an image workspace with one batch each."""
    from lepton.cli.main import main

    root = tmp_path_factory.mktemp("workspaces")
    pd.concat([plant(1, 0), plant(2, ROWS)]).to_csv(root / "first.csv", index=False)
    np.savez(root / "first.npz", **pictures(1))
    found = {"table": root / "table", "image": root / "image"}
    before = dict(os.environ)
    try:
        for folder, file in ((found["table"], "first.csv"), (found["image"], "first.npz")):
            os.environ.pop("LEPTON_WORKSPACE", None)
            assert main(["init", str(folder), "--from", str(root / file), "--source", "here"]) == 0
            assert main(["-w", str(folder), "ingest", "here", str(root / file), "--local"]) == 0
    finally:
        os.environ.clear()
        os.environ.update(before)
    return found


def kept(root: Path) -> dict[str, bytes]:
    """Return every file that a refused delivery must not touch."""
    files = [*(root / "data").rglob("*"), *(root / "contracts").rglob("*"), root / "data.dvc", root / "lepton.yaml"]
    return {str(file): file.read_bytes() for file in files if file.is_file()}


def check_refused(lepton: Cli, root: Path, arguments: tuple[object, ...], told: tuple[str, ...]) -> Answer:
    """Run an ingest that must fail; check the answer, and that nothing was stored, recorded or left behind."""
    ledger = Ledger(Workspace(root).ledger_url)
    before, rows = kept(root), ledger.last_seq()
    answer = lepton("-w", root, "ingest", *arguments, "--local")
    assert answer.code in (1, 2), answer.text
    assert "Traceback" not in answer.text
    assert "not expect" not in answer.text
    for text in told:
        assert text in answer.err
    assert kept(root) == before
    added = [row.action for row in ledger.entries(after=rows)]
    quarantined = "quarantine/" in answer.err  # then the refusal, and nothing else, is on record
    assert (added, ledger.verify()) == (["delivery_refused"] if quarantined else [], [])
    assert [path for path in root.rglob("*") if LEFTOVER.fullmatch(path.name)] == []
    return answer


# -- how the files are made -----------------------------------------------------------------------------------------


def table(change: Callable[[pd.DataFrame], pd.DataFrame], name: str = "march.csv") -> Make:
    """Make a CSV or Parquet file of changed rows."""

    def make(folder: Path) -> Path:
        frame, path = change(plant()), folder / name
        frame.to_parquet(path, index=False) if name.endswith(".parquet") else frame.to_csv(path, index=False)
        return path

    return make


def one_value(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Change one value, in row 4 as a person counts."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame[column] = frame[column].astype(object)
        frame.loc[3, column] = value
        return frame

    return change


def archive(**changed: Callable[[Any], Any]) -> Make:
    """Make an NPZ file of changed arrays."""

    def make(folder: Path) -> Path:
        arrays = pictures()
        np.savez(folder / "march.npz", **{**arrays, **{key: change(arrays[key]) for key, change in changed.items()}})
        return folder / "march.npz"

    return make


def pixel(value: float) -> Callable[[Any], Any]:
    """Change one pixel of row 4."""

    def change(images: Any) -> Any:
        images[3, 0, 2, 2] = value
        return images

    return change


def written(name: str, content: Callable[[str], bytes]) -> Make:
    """Make a file of bytes out of the text of a good CSV."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content(plant().to_csv(index=False)))
        return folder / name

    return make


def cut(make: Make) -> Make:
    """Keep only the first half of a file."""

    def half(folder: Path) -> Path:
        path = make(folder)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        return path

    return half


def link_outwards(folder: Path) -> Path:
    """Make a link to a file beside the folder of deliveries."""
    plant().to_csv(folder / "secret.csv", index=False)
    (folder / "deliveries").mkdir()
    (folder / "deliveries" / "march.csv").symlink_to(folder / "secret.csv")
    return folder / "deliveries" / "march.csv"


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, goal: Path) -> None:
        self.goal = goal

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.goal,)


def pickled(folder: Path) -> Path:
    """Make an NPZ file whose labels are Python objects."""
    bombs = np.array([Bomb(folder / "exploded") for _ in range(ROWS)], dtype=object)
    np.savez(folder / "march.npz", x=pictures()["x"], y=bombs)
    return folder / "march.npz"


MEND = "mend the file, then lepton ingest here"
AGAIN = "deliver it again"
SIMPLE: dict[str, tuple[str, Make, tuple[str, ...]]] = {
    "missing column": ("table", table(lambda f: f.drop(columns="wear")), ("missing: 'wear'", MEND)),
    "extra column": ("table", table(lambda f: f.assign(extra=1)), ("not in the contract: 'extra'", MEND)),
    "renamed column": (
        "table",
        table(lambda f: f.rename(columns={"speed": "sped"})),
        ("missing: 'speed' (is 'sped' it, renamed?)", MEND),
    ),
    "wrong dtype": ("table", table(one_value("heat", "1,5")), ("not a number: '1,5'", "row 4", MEND)),
    "wrong dtype in Parquet": (
        "table",
        table(lambda f: f.assign(heat=pd.Timestamp("2026-03-01")), "march.parquet"),
        ("Column 'heat' holds datetime64 values", "turn 'heat' into numbers or text"),
    ),
    "infinite number": ("table", table(one_value("heat", np.inf)), ("inf", "row 4", MEND)),
    "unknown label": (
        "table",
        table(one_value("label", "goood")),
        ("value not allowed: 'goood'; allowed: bad, good (row 4)", MEND),
    ),
    "duplicate ids within a batch": (
        "table",
        table(one_value("id", "r1000")),
        ("the same id more than once: 'r1000' (rows 1, 4)", MEND),
    ),
    "duplicate ids across batches": (
        "table",
        table(one_value("id", "r7")),
        ("delivered before, in batch 'first' (row 4)", MEND),
    ),
    "empty file": ("table", written("march.csv", lambda _: b""), ("is empty (0 bytes)", "deliver the file again")),
    "header only": (
        "table",
        written("march.csv", lambda text: text.splitlines()[0].encode()),
        ("has a header but no rows", "deliver the file again"),
    ),
    "truncated Parquet": ("table", cut(table(lambda f: f, "march.parquet")), ("cut off", AGAIN)),
    "truncated gz": (
        "table",
        cut(written("march.csv.gz", lambda text: gzip.compress(text.encode()))),
        ("cut off or damaged", AGAIN),
    ),
    "truncated NPZ": ("image", cut(archive()), ("cut off or damaged", AGAIN)),
    "semicolons": (
        "table",
        written("march.csv", lambda text: text.replace(",", ";").encode()),
        ("separated by semicolons", "sep=';'"),
    ),
    "tabs": ("table", written("march.csv", lambda text: text.replace(",", "\t").encode()), ("tabs", "sep='\\t'")),
    "UTF-16": ("table", written("march.csv", lambda text: text.encode("utf-16")), ("not UTF-8", "iconv -f UTF-16")),
    "Windows-1252": (
        "table",
        written("march.csv", lambda text: text.replace("north", "nörth").encode("cp1252")),
        ("not UTF-8", "iconv -f WINDOWS-1252"),
    ),
    "link out of the folder": ("table", link_outwards, ("symbolic link that leaves", "cp --remove-destination")),
    "wrong image shape": (
        "image",
        archive(x=lambda x: x[:, :, :5]),
        ("1 x 5 x 6; the contract says 1 x 6 x 6", MEND),
    ),
    "NaN pixels": ("image", archive(x=pixel(np.nan)), ("row 4", "NaN", MEND)),
    "infinite pixels": ("image", archive(x=pixel(np.inf)), ("row 4", "inf", MEND)),
    "unknown label of an image": (
        "image",
        archive(y=lambda y: np.where(y == "a", "c", y)),
        ("'c'; allowed: a, b", MEND),
    ),
    "objects in NPZ": ("image", pickled, ("holds Python objects", "write plain arrays")),
}


@pytest.mark.parametrize("case", SIMPLE)
def test_a_bad_delivery_is_refused_and_nothing_changes(
    lepton: Cli, workspaces: dict[str, Path], tmp_path: Path, case: str
) -> None:
    kind, make, told = SIMPLE[case]
    check_refused(lepton, workspaces[kind], ("here", make(tmp_path)), told)
    assert not (tmp_path / "exploded").exists()


def test_the_objects_would_run_code_if_they_were_unpickled(tmp_path: Path) -> None:
    with np.load(pickled(tmp_path), allow_pickle=True) as opened:
        assert opened["y"].shape == (ROWS,)
    assert (tmp_path / "exploded").exists()


NAMES = {
    "parent": "..",
    "path upwards": "../here",
    "path": "a/b",
    "absolute path": "/tmp/here",
    "space": "plant 1",
    "full-width letters": "ｐlant",
    "a Cyrillic letter": "рlant",
    "a zero-width space": "plant\u200b",
    "right to left": "plant\u202e1",
    "a line break": "plant\n",
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_with_tricks_is_no_domain(lepton: Cli, workspaces: dict[str, Path], tmp_path: Path, case: str) -> None:
    path, root = table(lambda f: f)(tmp_path), workspaces["table"]
    around = sorted(entry.name for entry in root.parent.iterdir())
    answer = check_refused(lepton, root, (NAMES[case], path, "--new"), ("cannot name a domain", "Allowed: 1 to 63"))
    assert answer.code == 2
    assert sorted(entry.name for entry in root.parent.iterdir()) == around


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_label_with_one_class_makes_no_workspace(lepton: Cli, tmp_path: Path, dry_run: bool) -> None:
    path, goal = table(lambda f: f.assign(label="good"))(tmp_path), tmp_path / "ws"
    answer = lepton("init", goal, "--from", path, *(["--dry-run"] if dry_run else []))
    assert answer.code in (1, 2), answer.text
    assert "has one class, 'good'" in answer.err
    assert f"lepton init {goal} --from {path} --label COLUMN" in answer.err
    assert not goal.exists()


def test_without_its_remote_a_delivery_is_stored_and_the_same_command_completes_it(
    lepton: Cli, workspaces: dict[str, Path], tmp_path: Path
) -> None:
    root = workspaces["table"]
    settings, path = root / "lepton.yaml", table(lambda f: f, "april.csv")(tmp_path)
    good, remote, ledger = settings.read_text(), tmp_path / "disk" / "remote", Ledger(Workspace(root).ledger_url)
    remote.parent.write_text("a file where the disk should be mounted")
    rows = ledger.last_seq()
    try:
        settings.write_text(f"{good}\ndata:\n  remote: {remote}\n")
        answer = lepton("-w", root, "ingest", "here", path, "--local")
        assert answer.code == 1, answer.text
        assert "The DVC remote is missing: the data is stored here" in answer.err
        assert f"mkdir -p {remote}" in answer.err
        assert "deliver the same file again" in answer.err
        assert ledger.last_seq() == rows
        remote.parent.unlink()
        remote.mkdir(parents=True)
        answer = lepton("-w", root, "ingest", "here", path, "--local")
        assert answer.code == 0, answer.text
        assert "completed" in answer.out
        assert "next       lepton pretrain" in answer.out
        assert any(remote.rglob("*.dir"))
        assert [entry.payload["batch"] for entry in ledger.entries("here", "ingested")] == ["first", "april"]
        check_refused(lepton, root, ("here", path), ("already delivered as batch april",))
    finally:
        settings.write_text(good)
