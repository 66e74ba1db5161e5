"""`lepton init` where somebody is there to be asked, and what it prints of many columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from lepton.cli.commands.init import ask, column_lines
from lepton.operations.first_look import Said
from lepton.operations.init import Setup, plan_workspace


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """A file with a column of codes, one of numbers but for one word, and one that is sure."""
    rows = [f"0{k:04d},{'old' if k == 7 else 1.5 * (k % 20)},{k % 3}.5,{'yes' if k % 2 else 'no'}" for k in range(60)]
    file = tmp_path / "site.csv"
    file.write_text("\n".join(["zip,age,dose,label", *rows]) + "\n")
    return file


@pytest.fixture
def setup(delivery: Path, tmp_path: Path) -> Setup:
    return plan_workspace(tmp_path / "ws", delivery, said=Said(label="label"))[0]


def test_each_doubt_is_asked_about_and_an_empty_answer_takes_the_guess(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsure = [look.name for look in setup.looks if look.doubt]
    assert len(unsure) == 2
    answers = iter(["c", ""])
    monkeypatch.setattr(typer, "prompt", lambda *_, value_proc, **__: value_proc(next(answers)))
    said = ask(setup, Said(label="label"))
    assert said.categories == (unsure[0],)
    assert (said.numbers, said.texts, said.ignore, said.id) == ((), (), (), None)


def test_the_id_of_a_row_is_one_of_the_answers(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([" ID ", "i"])
    monkeypatch.setattr(typer, "prompt", lambda *_, value_proc, **__: value_proc(next(answers)))
    said = ask(setup, Said(label="label"))
    unsure = [look.name for look in setup.looks if look.doubt]
    assert said.id == unsure[0]
    assert said.ignore == (unsure[1],)


def test_another_answer_is_asked_for_again(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer, "prompt", lambda *_, value_proc, **__: value_proc("perhaps"))
    with pytest.raises(typer.BadParameter, match="n, c, t, d, i, id"):
        ask(setup, Said(label="label"))


def test_of_very_many_columns_those_that_are_sure_are_counted(setup: Setup) -> None:
    sure = next(look for look in setup.looks if look.name == "dose")
    lines = column_lines([*setup.looks, *[sure] * 500])
    assert len(lines) < 100
    assert lines[-1].strip().startswith("and 4")
    assert lines[-1].endswith("more, all sure")


def test_what_would_be_written_is_shown_and_nothing_is(lepton: Any, delivery: Path, tmp_path: Path) -> None:
    root = tmp_path / "ws"
    dry = lepton("init", root, "--from", delivery, "--dry-run")
    assert dry.code == 0, dry.text
    assert "kind: tabular" in dry.out
    assert not root.exists()
    assert lepton("init", root, "--from", delivery, "--kind", "sculpture").code == 2
    made = lepton("init", root, "--from", delivery, "--json")
    assert json.loads(made.out)["label"] == "label"
