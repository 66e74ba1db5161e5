"""The tutorial: a notebook's cells, run one after the other without Jupyter, and shown as a page.

`make tutorial` runs `docs/tutorial.ipynb` in a temporary folder and writes into it what each cell answered. The site
shows these answers; `tests/integration/test_tutorial.py` runs the cells again.
"""

from __future__ import annotations

import ast
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WHO = "ada"
TUTORIAL = Path(__file__).resolve().parents[1] / "tutorial.ipynb"


@dataclass(frozen=True)
class Cell:
    """One cell."""

    kind: str
    """`markdown` or `code`."""
    source: str
    outputs: tuple[dict[str, Any], ...] = ()
    """As the notebook's format has them."""


def cells(path: Path) -> list[Cell]:
    """Return the cells of a notebook."""
    found = json.loads(path.read_text("utf-8"))["cells"]
    return [Cell(cell["cell_type"], "".join(cell["source"]), tuple(cell.get("outputs", ()))) for cell in found]


def run(path: Path, folder: Path) -> list[list[dict[str, Any]]]:
    """Run a notebook's code cells in `folder`, and return what each of them put out, as the notebook's format has it.

    Raises:
        RuntimeError: If a cell fails, with its source; the cause is the cell's own error.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    answers = []
    with _inside(folder):
        for cell in cells(path):
            if cell.kind != "code":
                continue
            try:
                answers.append(_execute(cell.source, namespace))
            except Exception as error:
                raise RuntimeError(f"a cell of {path.name} failed:\n\n{cell.source}\n\n{error}") from error
    return answers


def page(path: Path) -> str:
    """Return a notebook as Markdown, with the answers that are stored in it."""
    return "\n\n".join(part for cell in cells(path) for part in _shown(cell)) + "\n"


def store(path: Path) -> None:
    """Run a notebook in a temporary folder and write the answers into it; neither folder nor user is named."""
    os.environ["LOGNAME"] = WHO
    with tempfile.TemporaryDirectory(prefix="lepton-tutorial-") as folder:
        place = os.path.realpath(folder)
        answers = iter(json.loads(json.dumps(run(path, Path(place))).replace(f"{place}/", "")))
    notebook = json.loads(path.read_text("utf-8"))
    for number, cell in enumerate((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), start=1):
        cell["outputs"], cell["execution_count"] = next(answers), number
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = number
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _execute(source: str, namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """Run one cell; what its last line is worth is shown, as in Jupyter."""
    body = ast.parse(source).body
    last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "<cell>", "exec"), namespace)
        if last is not None:
            value = eval(compile(last, "<cell>", "eval"), namespace)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue().splitlines(True)})
    if value is not None and not source.rstrip().endswith(";"):
        outputs.append({"output_type": "execute_result", "data": _data(value), "metadata": {}})
    return outputs


def _data(value: Any) -> dict[str, list[str]]:
    data = {"text/plain": repr(value).splitlines(True)}
    if hasattr(value, "_repr_html_") and (html := value._repr_html_()):
        data["text/html"] = html.splitlines(True)
    return data


def _shown(cell: Cell) -> Iterator[str]:
    if cell.kind == "markdown":
        yield cell.source
        return
    yield f"```python\n{cell.source}\n```"
    for output in cell.outputs:
        data = output.get("data", {})
        if "text/html" in data:
            html = "\n".join(line for line in "".join(data["text/html"]).splitlines() if line.strip())
            yield f'<div class="answer">\n{html}\n</div>'
        elif text := "".join(output.get("text") or data.get("text/plain", ())).rstrip():
            yield f"```text\n{text}\n```"


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    store(TUTORIAL)
    sys.stdout.write(f"Ran {TUTORIAL.name} and stored its answers.\n")
