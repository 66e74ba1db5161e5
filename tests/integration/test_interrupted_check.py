"""A check that was killed, or met a full disk, while Great Expectations wrote its files breaks no later one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lepton.contract import gx
from lepton.contract.checks import Check

CHECK = [Check("ExpectColumnValuesToNotBeNull", {"column": "age"}, "age", lambda *_: "has gaps")]


def check(docs: Path) -> str:
    failed, url = gx.run(pd.DataFrame({"age": [1.0, 2.0]}), CHECK, "here", "a delivery", docs)
    assert failed == []
    return url


def test_files_that_were_half_written_are_made_again(tmp_path: Path) -> None:
    check(tmp_path)
    whole = {path: path.read_bytes() for path in (tmp_path / "gx").rglob("*") if path.suffix in (".json", ".yml")}
    assert len(whole) > 4
    for path, content in whole.items():
        path.write_bytes(content[: len(content) // 2])
    (tmp_path / ".begun").touch()  # what the one that was killed left
    assert "a-delivery" in check(tmp_path)
    assert not (tmp_path / ".begun").exists()


def test_a_check_that_fails_in_the_middle_leaves_the_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gx, "_run", full)
    with pytest.raises(OSError, match="No space"):
        check(tmp_path)
    assert (tmp_path / ".begun").exists()
    monkeypatch.undo()
    check(tmp_path)
    assert not (tmp_path / ".begun").exists()
