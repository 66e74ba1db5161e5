"""The tutorial does what it says, cell after cell; and the page that shows how to write a strategy holds one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from docs.hooks import notebook

STRATEGY = Path(notebook.TUTORIAL).with_name("how-to") / "write-a-strategy.md"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """What each cell put out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_MONITOR__UNKNOWN", "retransfer")  # july is beyond all that can be simulated
        return notebook.run(notebook.TUTORIAL, tmp_path_factory.mktemp("tutorial"))


def told(outputs: list[dict[str, Any]]) -> str:
    """Return the text of a cell's outputs."""
    return "".join("".join(one.get("text") or one["data"]["text/plain"]) for one in outputs)


def test_every_cell_runs(answers: list[list[dict[str, Any]]]) -> None:
    assert len(answers) == len([cell for cell in notebook.cells(notebook.TUTORIAL) if cell.kind == "code"])


def test_the_story_is_the_one_that_is_told(answers: list[list[dict[str, Any]]]) -> None:
    after = {cell.source: told(found) for cell, found in zip(code_cells(), answers, strict=True)}

    def answer_to(line: str) -> str:
        return next(text for source, text in after.items() if line in source)

    assert "promoted" in answer_to('ws.transfer("site-2")\n'.strip())
    assert "retransfer" in answer_to('for month in ("june", "july")')
    assert "promoted" in answer_to('cause="drift"')
    assert "identical" in answer_to("ws.reproduce")


def test_the_stored_answers_are_of_the_cells_that_stand_there() -> None:
    stored = json.loads(notebook.TUTORIAL.read_text("utf-8"))["cells"]
    silent = [c["source"] for c in stored if c["cell_type"] == "code" and c["execution_count"] is None]
    assert silent == [], "run `make tutorial`"


def test_the_strategy_of_the_how_to_page_is_whole() -> None:
    import torch

    from lepton.transfer import CATALOGUE
    from lepton.transfer.strategy import TargetData
    from tests.unit.factories import base, rows

    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        for block in re.findall(r"```python\n(.*?)```", STRATEGY.read_text("utf-8"), re.DOTALL):
            exec(compile(block, STRATEGY.name, "exec"), namespace)
        assert CATALOGUE.known()["bias"] is namespace["Bias"]
    finally:
        CATALOGUE._registered.pop("bias", None)
        CATALOGUE._known = None
    table, start = rows("image", 30, seed=2), base("image")
    adapted = namespace["Bias"]().adapt(start, TargetData.of(start, table), 0)
    assert not torch.equal(adapted.head.bias, start.head.bias)
    assert torch.equal(adapted.head.weight, start.head.weight)


def code_cells() -> list[notebook.Cell]:
    """Return the tutorial's cells that are run."""
    return [cell for cell in notebook.cells(notebook.TUTORIAL) if cell.kind == "code"]
