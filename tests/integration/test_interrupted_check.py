"""A check that was killed, or met a full disk, while its pages were written breaks no later one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lepton.contract import gx, pages
from lepton.contract.checks import Check

CHECK = [Check("ExpectColumnValuesToNotBeNull", {"column": "age"}, "age", lambda *_: "has gaps")]


def check(docs: Path) -> Path:
    failed, url = gx.run([gx.Asked(pd.DataFrame({"age": [1.0, 2.0]}), CHECK)], "here", "a delivery", docs)
    assert failed == []
    return Path(url.removeprefix("file://"))


def test_files_that_an_older_lepton_left_half_written_are_no_hindrance(tmp_path: Path) -> None:
    check(tmp_path)
    whole = {path: path.read_bytes() for path in (tmp_path / "gx").rglob("*") if path.suffix in (".json", ".html")}
    assert len(whole) > 3
    for path, content in whole.items():
        path.write_bytes(content[: len(content) // 2 if path.suffix == ".html" else 9])
    page = check(tmp_path)
    index = (tmp_path / "gx/uncommitted/data_docs/local_site/index.html").read_text()
    assert index.count("<td>here</td>") == 1  # a result that cannot be read is named nowhere
    assert page.parent.name in index


def test_a_check_that_fails_in_the_middle_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pages, "atomic_write", full)
    with pytest.raises(OSError, match="No space"):
        check(tmp_path)
    assert not [path for path in (tmp_path / "gx").rglob("*") if path.is_file()]
    monkeypatch.undo()
    assert check(tmp_path).exists()
