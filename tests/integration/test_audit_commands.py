"""`lepton audit` as an auditor types it: answers, exit codes, errors that say what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.ledger import Ledger
from lepton.core.refs import ModelRef
from tests.conftest import Answer
from tests.registry import workspace_in
from tests.tampering import Forgery

Cli = Callable[..., Answer]
PAIR = "mnist-to-usps"


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    """A workspace in which two versions served usps."""
    made = workspace_in(tmp_path / "ws")
    (made.contracts_dir / "usps.yaml").write_text("")
    ledger = Ledger(made.ledger_url)
    for number in (1, 2):
        model = ModelRef(f"lepton-{PAIR}", str(number), "d" * 64, "run")
        evidence = {"gate": {"summary": f"passed, {number}"}, "metrics": {"accuracy": 0.9}}
        cause = {"kind": "drift", "reason": "3 of 4 windows"}
        ledger.append("user:ada", PAIR, "promoted", {"model": model.to_json(), "cause": cause, "evidence": evidence})
    return made


def test_a_chain_that_holds_says_so_with_its_head(lepton: Cli, ws: Workspace) -> None:
    said = lepton("-w", ws.root, "audit", "verify")
    newest = Ledger(ws.ledger_url).last()
    assert said.code == 0
    assert newest is not None
    assert f"{newest.seq}:{newest.hash}" in said.out
    assert lepton("-w", ws.root, "audit", "verify", "--head", f"1:{newest.prev_hash}").code == 0
    anew = lepton("-w", ws.root, "audit", "verify", "--head", f"1:{'0' * 64}")
    assert (anew.code, "written anew" in anew.err) == (1, True)


def test_a_broken_chain_names_its_rows_and_exits_with_1(lepton: Cli, ws: Workspace) -> None:
    Forgery("delete", 3).apply(ws.state_dir / "ledger.db")
    said = lepton("-w", ws.root, "audit", "verify")
    assert said.code == 1
    assert "tampered" in said.err
    assert "Traceback" not in said.text
    found = lepton("-w", ws.root, "audit", "verify", "--json")
    assert (found.code, json.loads(found.out)["ok"]) == (1, False)


def test_who_served_is_answered_for_now_for_a_time_and_for_ever(lepton: Cli, ws: Workspace) -> None:
    now = json.loads(lepton("-w", ws.root, "audit", "served", "usps", "--json").out)
    assert (now["model"]["version"], now["to"], now["by"]) == ("2", None, "user:ada")
    assert now["cause"]["reason"] == "3 of 4 windows"
    first = lepton("-w", ws.root, "audit", "served", "usps", "--at", now["from"].replace("+00:00", ""), "--json")
    assert first.code == 0
    text = lepton("-w", ws.root, "audit", "served", "usps").out
    assert "passed, 2" in text
    assert "accuracy  0.9000" in text
    every = json.loads(lepton("-w", ws.root, "audit", "served", "usps", "--all", "--json").out)
    assert [one["model"]["version"] for one in every] == ["1", "2"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("served", "usps", "--at", "1999-01-01"), 1, "Nothing served"),
        (("served", "usps", "--at", "soon"), 2, "no date or time"),
        (("served", "nowhere"), 1, "not known here"),
        (("served", "usps", "--at", "2026-01-01", "--all"), 2, "exclude each other"),
        (("verify", "--head", "12"), 2, "no head"),
        (("verify", "--file", "lepton.yaml"), 2, "no exported ledger"),
        (("export", "--format", "pdf"), 2, "no format"),
        (("export", "--from", "2026-02-01", "--to", "2026-01-01"), 2, "before --from"),
        (("export", "--out", "contracts"), 2, "other files"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(
    lepton: Cli, ws: Workspace, words: tuple[str, ...], code: int, told: str
) -> None:
    said = lepton("-w", ws.root, "audit", *words, cwd=ws.root)
    assert (said.code, told in said.err) == (code, True), said.text
    assert "Traceback" not in said.text


def test_an_export_is_three_files_that_verify(lepton: Cli, ws: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "Would write 2 rows" in lepton("-w", ws.root, "audit", "export", "--out", out, "--dry-run").out
    assert not out.exists()
    assert lepton("-w", ws.root, "audit", "export", "--out", out).code == 0
    names = ["audit.html", "export.json", "ledger.jsonl", "openlineage.jsonl"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert lepton("audit", "verify", "--file", out / "ledger.jsonl").code == 0
    (out / "ledger.jsonl").write_text((out / "ledger.jsonl").read_text().replace("user:ada", "user:eve", 1))
    assert lepton("audit", "verify", "--file", out / "ledger.jsonl").code == 1
