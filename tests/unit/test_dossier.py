"""What is on record of one version and of two: nothing left out, nothing made up, and a person's words as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.cli.lineage.cells import dossier_lines
from lepton.cli.lineage.views import together
from lepton.cli.output import table
from lepton.core.ledger import PROMOTED, RECALLED, REGISTERED, ROLLED_BACK, Action, Ledger
from lepton.core.refs import DataRef, ModelRef
from lepton.registry.lineage.dossier import Difference, differences, dossier, flat
from lepton.registry.lineage.family import Family, family, records
from lepton.registry.lineage.phrases import span, standing_line
from lepton.registry.lineage.record import Lineage

PAIR = "hub-to-a"
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"]),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=6,
)
SETTINGS = st.dictionaries(st.sampled_from(["gate", "encoder", "steps"]), NESTED, max_size=3)
BATCHES = st.lists(st.sampled_from(["jan", "feb", "mar", "apr"]), unique=True, max_size=4)
USES = st.dictionaries(st.sampled_from(["train", "held_out", "reference"]), BATCHES, min_size=1)


def ref(version: int, pair: str = PAIR) -> ModelRef:
    return ModelRef(f"lepton-{pair}", str(version), f"{version:064}", "run")


def data(*batches: str) -> DataRef:
    return DataRef("a", batches, "".join(sorted(batches)).ljust(32, "0"), None, None, 100 * len(batches), 10)


def made(uses: dict[str, list[str]], **other: Any) -> Lineage:
    return Lineage("residual", {use: data(*batches) for use, batches in uses.items()}, 0, **other)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Version 1 served, and again after 2; a base that served once; 2 is older than rows and threads, and recalled."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    base = ref(1, "hub")
    for model, parent in ((base, None), (ref(1), base), (ref(2), ref(1))):
        record = made({"train": ["jan"]}, parent=parent, threads=2, rows={"train": {"count": 1, "digest": "r" * 16}})
        value = record.to_json()
        if model == ref(2):
            value = {key: one for key, one in value.items() if key not in ("key", "rows", "threads", "dependencies")}
            value["format"] = 1
        pair = model.name.removeprefix("lepton-")
        ledger.append("user:ada", pair, REGISTERED, {"model": model.to_json(), "lineage": value})
    moves: list[tuple[Action, ModelRef, str]] = [
        (PROMOTED, base, ""),
        (PROMOTED, ref(1), "it knows [/the] night shift"),
        (PROMOTED, ref(2), ""),
        (ROLLED_BACK, ref(1), "alarms all night"),
        (PROMOTED, ref(3, "hub"), ""),
    ]
    for action, model, why in moves:
        payload = {"model": model.to_json(), "cause": {"kind": "manual", "why": why}, "evidence": {}}
        ledger.append("user:eve", model.name.removeprefix("lepton-"), action, payload)
    subject = {"kind": "model", "model": ref(2).to_json()}
    ledger.append("user:eve", PAIR, RECALLED, {"subject": subject, "why": "a wrong label"})
    return ledger


def told(ledger: Ledger, model: ModelRef) -> tuple[dict[str, Any], str]:
    known: Family = family(ledger)
    version = known[model.name, model.version]
    found = dossier(known, version, records(ledger, [version])[version.key])
    return json.loads(json.dumps(found)), "\n".join(f"{name}: {text}" for name, text in dossier_lines(found))


def test_a_version_tells_when_it_served_who_decided_and_in_which_words(ledger: Ledger) -> None:
    found, text = told(ledger, ref(1))
    assert [(one["by"], one["because"]["why"], one["until"] is None) for one in found["served"]] == [
        ("user:eve", "it knows [/the] night shift", False),
        ("user:eve", "alarms all night", True),
    ]
    assert "manual: alarms all night, by user:eve" in text
    assert "1 row rrrr" in text
    assert "1 batch: jan" in text
    assert found["descends_from"] == [ref(1, "hub").to_json()]
    assert [one["model"] for one in found["descendants"]] == [ref(2).to_json()]


def test_what_an_older_record_does_not_have_is_said_to_be_missing(ledger: Ledger) -> None:
    found, text = told(ledger, ref(2))
    assert (found["threads"], found["dependencies"], found["data"]["train"]["used"]) == (None, None, None)
    assert text.count("not recorded") >= 4
    assert "recalled: a wrong label" in text


def test_how_a_version_stands_is_said_with_both_ends_of_its_time(ledger: Ledger) -> None:
    known = family(ledger)
    base, first, second = known.versions.values()
    assert standing_line(first).startswith("champion, first promoted ")
    for one, more in ((base, ""), (second, "; RECALLED: a wrong label")):
        reign = one.reigns[0]
        assert standing_line(one) == f"served from {span(reign.since, reign.until)}{more}"


@given(st.tuples(USES, SETTINGS), st.tuples(USES, SETTINGS))
def test_what_differs_is_what_a_naive_comparison_finds(a: tuple[Any, Any], b: tuple[Any, Any]) -> None:
    known = _two(made(a[0], config=a[1]), made(b[0], config=b[1]))
    one, other = known.versions.values()
    found = differences(one, made(a[0], config=a[1]), other, made(b[0], config=b[1]))
    lines = {(line.part, line.what): (line.a, line.b) for line in found}
    assert len(lines) == len(found)
    left, right = flat(a[1]), flat(b[1])
    assert {what: sides for (part, what), sides in lines.items() if part == "config"} == {
        what: (left.get(what), right.get(what)) for what in {*left, *right} if left.get(what) != right.get(what)
    }
    for use in {*a[0], *b[0]}:
        removed, added = lines.get(("data", f"{use}.batches"), ([], []))
        assert set(removed) == {*a[0].get(use, [])} - {*b[0].get(use, [])}
        assert set(added) == {*b[0].get(use, [])} - {*a[0].get(use, [])}
    if a == b:
        assert found == []


def _two(a: Lineage, b: Lineage) -> Family:
    from lepton.core.ledger import Entry
    from lepton.registry.lineage.family import fold

    payloads = [{"model": ref(n).to_json(), "lineage": one.to_json()} for n, one in ((1, a), (2, b))]
    return fold(Entry(n, "2026-01-01", "x", PAIR, REGISTERED, value, "", "") for n, value in enumerate(payloads, 1))


def test_what_is_the_same_for_several_uses_is_said_once() -> None:
    found = [Difference("data", f"{use}.rows", 1, 2) for use in ("train", "held_out")]
    found += [Difference("data", "reference.rows", 1, 3), Difference("config", "train.rows", 1, 2)]
    assert together(found) == [
        ("data", "train, held_out: rows", 1, 2),
        ("data", "reference: rows", 1, 3),
        ("config", "train.rows", 1, 2),
    ]


def test_brackets_in_a_persons_words_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    table("[bold]of[/bold] [/x]", ("why",), [("it knows [/the] night [red]shift",)])
    printed = capsys.readouterr().out
    assert "it knows [/the] night [red]shift" in printed
    assert "[bold]of[/bold] [/x]" in printed
