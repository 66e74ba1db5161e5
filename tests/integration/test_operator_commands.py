"""The commands of an operator: what they accept, what they show, and what they leave alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lepton.core.config.workspace import Workspace
from tests.conftest import Answer, make_plant

Cli = Callable[..., Answer]
COMMANDS = (
    *("config", "doctor", "lineage", "status", "promote", "rollback", "reject", "recall"),
    *("score", "transfer", "monitor", "pretrain"),
)


@pytest.fixture
def empty(lepton: Cli, tmp_path: Path) -> Path:
    """Return a workspace that has seen no data yet."""
    make_plant(200, 0.0, seed=1).to_csv(tmp_path / "plant-1.csv", index=False)
    assert lepton("init", tmp_path / "ws", "--from", tmp_path / "plant-1.csv").code == 0
    return tmp_path / "ws"


@pytest.mark.parametrize("command", [(), ("data",), ("lineage",), ("audit",)])
def test_no_line_of_the_help_is_cut_on_a_narrow_terminal(
    lepton: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = lepton(*command, "--help")
    _, found, commands = answer.out.partition("Commands:")
    assert found
    assert [line for line in commands.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_on_a_workspace_may_be_told_to_be_local(lepton: Cli, command: str) -> None:
    answer = lepton(command, "--help")
    assert answer.code == 0
    assert "--local" in answer.out


@pytest.mark.parametrize("command", ["config", "lineage", "status"])
def test_looking_locally_works_and_changes_nothing(lepton: Cli, empty: Path, command: str) -> None:
    before = _tree(empty)
    told = json.loads(lepton("-w", empty, command, "--local", "--json").out)
    assert told == json.loads(lepton("-w", empty, command, "--json").out)
    assert _tree(empty) == before


def test_doctor_told_to_change_nothing_writes_nothing(lepton: Cli, empty: Path) -> None:
    before = _tree(empty)
    answer = lepton("-w", empty, "doctor", "--dry-run", "--local", "--json")
    assert answer.code == 0, answer.text
    assert {finding["what"] for finding in json.loads(answer.out)} >= {"contracts", "ledger", "registry", "stack"}
    assert _tree(empty) == before
    assert not Workspace(empty).mlflow_db.exists()


def test_doctor_mentions_what_is_no_contract_and_names_a_broken_one(lepton: Cli, empty: Path) -> None:
    (empty / "contracts" / "plant-1 (copy).yaml").write_text("x: 1\n")
    answer = lepton("-w", empty, "doctor", "--dry-run")
    assert answer.code == 0
    assert "not read: plant-1 (copy).yaml" in answer.out
    (empty / "contracts" / "plant-2.yaml").write_text("domain: plant-2\n")
    answer = lepton("-w", empty, "doctor", "--dry-run")
    assert answer.code == 1
    assert "BAD  contracts      plant-2.yaml is not a valid contract" in answer.out


def test_doctor_does_not_put_an_empty_registry_in_place_of_a_lost_one(lepton: Cli, empty: Path) -> None:
    from lepton.core.ledger import PROMOTED, Ledger

    ws = Workspace(empty)
    Ledger(ws.ledger_url).append("test", "plant-1", PROMOTED, {"model": {}})
    answer = lepton("-w", empty, "doctor")
    assert answer.code == 1
    assert "MLflow's database is gone" in answer.out
    assert not ws.mlflow_db.exists()


def test_the_settings_are_shown_without_secrets(lepton: Cli, empty: Path) -> None:
    with (empty / "lepton.yaml").open("a") as file:
        file.write("\nalerts: {urls: [slack://a/b/SECRET]}\ndata: {remote: 's3://me:SECRET@bucket/x'}\n")
    for arguments in ((), ("--json",)):
        answer = lepton("-w", empty, "config", *arguments)
        assert answer.code == 0, answer.text
        assert "slack://***" in answer.out
        assert "s3://***@bucket/x" in answer.out
        assert "SECRET" not in answer.text


@pytest.mark.parametrize(("command", "key"), [("up", "would_start"), ("down", "would_stop")])
def test_a_dry_run_of_the_stack_answers_in_json(lepton: Cli, empty: Path, command: str, key: str) -> None:
    answer = lepton("-w", empty, command, "--dry-run", "--json")
    assert answer.code == 0
    told = json.loads(answer.out)
    assert told["dry_run"] is True
    assert bool(told[key]) == (command == "up")
    assert not (empty / ".lepton" / "stack.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("score", "nobody", "--local"), 1),
        (("status", "../x"), 2),
        (("lineage", "tree", "nobody"), 1),
        (("promote", "nobody", "1", "--why", "x"), 1),
        (("promote", "nobody", "1"), 2),
        (("promote", "nobody", "--approve"), 1),
        (("reject", "nobody", "--why", "x"), 1),
        (("recall", "nobody@1", "--why", "x"), 1),
        (("recall", "--why", "x"), 2),
        (("recall", "--batch", "nobody", "--why", "x"), 2),
        (("rollback", "nobody"), 1),
        (("transfer", "nobody", "--local"), 1),
        (("monitor", "nobody", "--local"), 1),
        (("pretrain", "--local"), 1),
        (("up", "--prefect-port", "x"), 2),
    ],
)
def test_a_mistake_leaves_standard_output_empty_for_the_machine(
    lepton: Cli, empty: Path, arguments: tuple[str, ...], code: int
) -> None:
    answer = lepton("-w", empty, *arguments, "--json")
    assert answer.code == code, answer.text
    assert answer.out == ""
    assert answer.err.strip()


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_promoting_what_serves_says_that_nothing_was_changed(
    lepton: Cli, empty: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    from lepton.operations import promotion
    from lepton.operations.promotion import PromotionResult

    def unchanged(*_: Any) -> PromotionResult:
        return PromotionResult("m v3", "m v3", "x", "passed", dry_run=bool(arguments))

    monkeypatch.setattr(promotion, "promote_by_hand", unchanged)
    call = ("-w", empty, "promote", "plant-2", "3", "--why", "x", *arguments)
    said = lepton(*call).out
    assert "m v3 serves 'plant-2' already; nothing was changed." in said
    assert "romote" not in said
    assert json.loads(lepton(*call, "--json").out)["changed"] is False


def _tree(root: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in root.rglob("*") if path.is_file()}
