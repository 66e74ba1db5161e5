"""No named point of the source escapes the kills of benchmark R1 without a reason."""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path

from tests.crash import STATES, WORKS
from tests.points import ELSEWHERE, PLAN

ROOT = Path(__file__).resolve().parents[2]


def named_points() -> set[str]:
    """Return what every call of `reached` says, with a star for each part that is filled in while it runs."""
    found = set()
    for path in [*(ROOT / "lepton").rglob("*.py"), *(ROOT / "flows").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached":
                found.add(_text(node.args[0]))
    return found


def _text(name: ast.expr) -> str:
    if isinstance(name, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "*" for part in name.values)
    assert isinstance(name, ast.Constant)
    return str(name.value)


def test_every_named_point_is_killed_at_or_explained() -> None:
    planned, points = {point for points in PLAN.values() for point in points}, named_points()
    assert len(planned) >= 40
    escaped = [
        point
        for point in points
        if not any(fnmatchcase(one, point) for one in planned)
        and not any(fnmatchcase(point, pattern) for pattern in ELSEWHERE)
    ]
    assert escaped == []
    assert [one for one in planned if not any(fnmatchcase(one, point) for point in points)] == []
    assert all(any(fnmatchcase(point, pattern) for point in points) for pattern in ELSEWHERE)


def test_every_planned_work_is_one_and_begins_at_a_state_that_can_be_made() -> None:
    assert set(PLAN) <= {work.name for work in WORKS}
    assert {work.state for work in WORKS} | {before for before, _, _ in STATES.values()} <= {*STATES, ""}
