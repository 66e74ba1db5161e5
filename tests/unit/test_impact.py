"""The family of versions and what reaches it: against naive recomputations, and against what a recall concerns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.errors import NotFound, UsageError
from lepton.core.ledger import (
    ABANDONED,
    INGESTED,
    PROMOTED,
    PROPOSED,
    RECALLED,
    REFUSED,
    REGISTERED,
    REINSTATED,
    REJECTED,
    ROLLED_BACK,
    Action,
    Entry,
    Ledger,
)
from lepton.core.ledger.rows import Cause, Recalled, Subject
from lepton.core.refs import DataRef, ModelRef
from lepton.registry import eligibility as standing
from lepton.registry.lineage import impact
from lepton.registry.lineage.descent import in_scope, nearest_shown, worth_showing
from lepton.registry.lineage.family import KINDS, family, fold, records
from lepton.registry.lineage.record import Lineage

PAIRS = ("hub", "hub-to-a", "hub-to-b")
BATCHES = ("x", "y", "z")


def key_of(model: dict[str, Any]) -> standing.Key:
    """Return the name and version by which a version is known."""
    return model["name"], str(model["version"])


def ref(number: int, pair: str) -> ModelRef:
    return ModelRef(f"lepton-{pair}", str(number), f"{number:064}", "run")


@st.composite
def registries(draw: st.DrawFn) -> list[Entry]:
    """Registrations of random descent, each from any version before it or from none, and what became of them."""
    rows: list[Entry] = []
    models: list[ModelRef] = []

    def write(pair: str, action: Action, payload: dict[str, Any]) -> None:
        seq = len(rows) + 1
        rows.append(Entry(seq, f"2026-01-01T00:00:{seq:02}", "test", pair, action, payload, "", ""))

    for number in range(draw(st.integers(1, 12))):
        pair = draw(st.sampled_from(PAIRS))
        parent = draw(st.sampled_from([None, *models]))
        batches = tuple(draw(st.lists(st.sampled_from(BATCHES), min_size=1, unique=True)))
        domain = pair.split("-to-")[-1]
        data = DataRef(domain, batches, f"{domain}-{'-'.join(batches)}", f"md5-{number % 3}", None, 1, 1)
        made = Lineage("residual", {"train": data, "held_out": data}, 0, parent)
        models.append(ref(number, pair))
        write(pair, REGISTERED, {"model": models[-1].to_json(), "lineage": made.to_json()})
        for action in draw(
            st.lists(st.sampled_from([PROMOTED, ROLLED_BACK, PROPOSED, REFUSED, REJECTED, ABANDONED]), max_size=2)
        ):
            about = draw(st.sampled_from([one for one in models if one.name == f"lepton-{pair}"]))
            write(pair, action, {"model": about.to_json(), "cause": {"kind": "manual"}, "why": "because"})
        if draw(st.integers(0, 4)) == 0:
            about = draw(st.sampled_from(models))
            subject: dict[str, Any] = {"kind": "model", "model": about.to_json()}
            if draw(st.booleans()):
                subject = {"kind": "batch", "domain": domain, "batch": draw(st.sampled_from(BATCHES))}
            write("hub", draw(st.sampled_from([RECALLED, RECALLED, REINSTATED])), {"subject": subject, "why": "bad"})
    return rows


class Kept(Ledger):
    """A ledger of rows that are there already."""

    def __init__(self, kept: list[Entry]) -> None:
        self.kept = kept

    def entries(self, pair: str | None = None, action: Any = None, after: int = 0) -> list[Entry]:
        wanted = (action,) if isinstance(action, str) else action
        return [
            row
            for row in self.kept
            if row.seq > after and pair in (None, row.pair) and (wanted is None or row.action in wanted)
        ]

    def each(self, *kinds: Any, **_: Any) -> Any:
        return iter(self.rows(None, *kinds))

    def last(self, pair: str | None = None, action: Any = None) -> Entry | None:
        return (self.entries(pair, action) or [None])[-1]


def line(rows: list[Entry], model: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Return a model and its ancestors, looked up one by one."""
    found = []
    while model is not None:
        found.append(key_of(model))
        model = next(
            row.payload["lineage"]["parent"]
            for row in rows
            if row.action == REGISTERED and key_of(row.payload["model"]) == found[-1]
        )
    return found


def registered(rows: list[Entry]) -> list[Entry]:
    return [row for row in rows if row.action == REGISTERED]


@given(registries())
def test_the_impact_of_a_model_is_itself_and_whoever_has_it_among_its_ancestors(rows: list[Entry]) -> None:
    known = fold(rows)
    for key, version in known.versions.items():
        naive = [key_of(row.payload["model"]) for row in registered(rows) if key in line(rows, row.payload["model"])]
        assert [one.version.key for one in impact.of_model(known, version)] == naive
        assert [version.key, *(one.key for one in known.descendants(version))] == naive


@given(registries(), st.sampled_from(["hub", "a", "b"]), st.sampled_from(BATCHES))
def test_impact_and_recall_agree_on_what_a_batch_or_a_model_reaches(rows: list[Entry], domain: str, batch: str) -> None:
    known = fold(rows)

    def recalled(subject: Subject) -> list[standing.Key]:
        return list(standing.affected(registered(rows), [Recalled(subject, why="")]))

    asked = Subject.of_batch(domain, batch)
    assert [one.version.key for one in impact.of_batch(known, (domain, batch))] == recalled(asked)
    for version in known.versions.values():
        found = impact.of_model(known, version)
        assert [one.version.key for one in found] == recalled(Subject.of_model(version.ref))


@given(registries())
def test_data_is_found_by_its_own_digest_and_by_that_of_data_dvc(rows: list[Entry]) -> None:
    known = fold(rows)
    for field in ("digest", "dvc_md5"):
        for digest in {row.payload["lineage"]["data"]["train"][field] for row in registered(rows)}:
            naive = {
                key_of(row.payload["model"])
                for row in registered(rows)
                if row.payload["lineage"]["data"]["train"][field] == digest
            }
            assert {one.version.key for one in impact.of_data(known, digest) if one.direct} == naive


@given(registries())
def test_the_family_says_what_serves_waits_and_is_recalled_as_the_registry_itself_does(rows: list[Entry]) -> None:
    ledger: Any = Kept(rows)
    known = fold(rows)
    out = standing.recalled(ledger)
    assert {key: one.recalled for key, one in known.versions.items() if one.recalled} == out
    for pair in PAIRS:
        moved = ledger.last(pair, (PROMOTED, ROLLED_BACK))
        serves = [one.key for one in known.versions.values() if one.pair == pair and one.serves]
        assert serves == ([key_of(moved.payload["model"])] if moved else [])
        proposed = standing.waiting(ledger, pair)
        waits = [one.key for one in known.versions.values() if one.pair == pair and one.waits]
        assert waits == ([key_of(proposed.payload["model"])] if proposed else [])


@given(registries(), st.integers(1, 12))
def test_a_bounded_view_leaves_no_champion_out_for_another_and_hangs_each_below_an_ancestor(
    rows: list[Entry], limit: int
) -> None:
    known = fold(rows)
    scope = in_scope(known, "hub")
    shown = worth_showing(known, scope, limit)
    keys = {one.key for one in shown}
    assert len(shown) == min(limit, len(scope))
    assert [one.row for one in shown] == sorted(one.row for one in shown)
    left_out = [one for one in scope if one.key not in keys]
    if any(one.serves for one in left_out):
        bases = {(known.ancestors(one) or [one])[-1].key for one in scope if one.serves}
        assert all(one.serves or one.key in bases for one in shown)
    for key, (parent, between) in nearest_shown(known, keys).items():
        above = [one.key for one in known.ancestors(known.versions[key])]
        assert above[:between] == [one for one in above[:between] if one not in keys]
        assert parent == (above[between] if between < len(above) else None)


@pytest.fixture
def ledger(ledger_url: str) -> Ledger:
    """A real ledger: a base that saw x and y, a model of it that serves, and batches of three domains."""
    ledger = Ledger(ledger_url)
    for pair, batch in (("hub", "x"), ("hub", "y"), ("hub-to-a", "x"), ("hub-to-a", "only")):
        ledger.append("test", pair, INGESTED, {"batch": batch})
    base = ref(1, "hub")
    seen = DataRef("hub", ("x", "y"), "abcd1234" * 4, "9876fedc" * 4, None, 10, 10)
    own = DataRef("a", ("x",), "abcd9999" * 4, "9876fedc" * 4, None, 10, 10)
    odd = Cause("manual", reason="half \ud800 a character, a \x00 and \u00fc")
    for model, data, parent in ((base, seen, None), (ref(1, "hub-to-a"), own, base)):
        made = Lineage("residual", {"train": data}, 0, parent, cause=odd)
        pair = model.name.removeprefix("lepton-")
        ledger.append("test", pair, REGISTERED, {"model": model.to_json(), "lineage": made.to_json()})
    ledger.append(
        "test", "hub-to-a", PROMOTED, {"model": ref(1, "hub-to-a").to_json(), "cause": odd.to_json(), "evidence": {}}
    )
    return ledger


def test_on_a_real_database_parts_of_the_rows_say_the_same_as_all_of_them(ledger: Ledger) -> None:
    known = family(ledger)
    assert known == fold(ledger.rows(None, *KINDS))
    assert [one.standing() for one in known.versions.values()] == ["unused", "champion"]
    assert len(records(ledger, list(known.versions.values()))) == 2


def test_words_for_a_batch_need_the_domain_only_where_it_is_not_clear(ledger: Ledger) -> None:
    known = family(ledger)
    assert impact.find_batch(ledger, known, "hub", "hub/x") == ("hub", "x")
    assert impact.find_batch(ledger, known, "hub", "only") == ("a", "only")
    assert impact.of_batch(known, ("a", "only")) == []
    with pytest.raises(UsageError, match="Several domains") as caught:
        impact.find_batch(ledger, known, "hub", "x")
    assert any("a/x" in step for step in caught.value.fix)
    with pytest.raises(NotFound, match="never a batch 'hub/z'") as missing:
        impact.find_batch(ledger, known, "hub", "hub/z")
    assert "hub/x, hub/y" in missing.value.why


def test_a_digest_may_be_shortened_as_long_as_it_is_clear(ledger: Ledger) -> None:
    known = family(ledger)
    assert impact.find_data(known, "ABCD1")[0] == "abcd1234" * 4
    assert [one.domain for one in impact.find_data(known, "9876")[1]] == ["hub", "a"]
    for start, error in (("abc", UsageError), ("abcd", UsageError), ("0000", NotFound)):
        with pytest.raises(error):
            impact.find_data(known, start)


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    import sqlite3

    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.append("test", "hub", REGISTERED, {"model": ref(1, "hub").to_json(), "lineage": {}})
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        for (name,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {name}")
        database.execute("update ledger set payload = '{broken'")
    with pytest.raises(Exception, match="Row 1 of the ledger is damaged"):
        family(ledger)
