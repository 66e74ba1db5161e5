"""What the ledger tells of deliveries that the contract refused, and what people must hear of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton.core.decisions.memory import Decision, State
from lepton.core.decisions.refusals import ROWS, Refusals, refusals_of
from lepton.core.ledger import Ledger
from lepton.core.ledger.rows import Alerted, Decided, DeliveryRefused, Ingested, Row

PAIR = "plant-1-to-plant-2"


@pytest.fixture
def book(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def after(book: Ledger, *rows: Row) -> Refusals:
    for row in rows:
        book.record("user:ada", PAIR, row)
    return refusals_of(book.entries(PAIR, ROWS))


def told(kind: str) -> Alerted:
    return Alerted(kind, "t", "contract")  # type: ignore[arg-type]


def test_a_refusal_opens_a_further_one_updates_and_an_accepted_delivery_ends_it(book: Ledger) -> None:
    assert after(book).due is None
    first = after(book, DeliveryRefused("a"))
    assert (first.due, first.severity, len(first.refused)) == ("open", "warning", 1)
    assert after(book, told("open")).due is None
    second = after(book, DeliveryRefused("b"))
    assert (second.due, second.severity) == ("update", "critical")
    assert second.since == first.since
    assert after(book, told("update")).due is None
    assert after(book, Ingested("labels", labels=True)).refused != ()  # labels are no rows to watch
    ended = after(book, Ingested("w1"))
    assert (ended.due, ended.refused, ended.since) == ("resolve", (), None)
    assert after(book, told("resolve")).due is None


def test_one_that_was_taken_in_before_anybody_was_told_is_not_told(book: Ledger) -> None:
    assert after(book, DeliveryRefused("a"), Ingested("w1")).due is None


def test_a_window_that_breaks_the_schema_holds_the_alert_open(book: Ledger) -> None:
    broken = Decided(Decision("alert", "schema breach", State(breach_open=True), breach="open"), "w1")
    assert after(book, broken, told("open"), Ingested("w2")).due is None
    healed = Decided(Decision("none", "calm", State(), breach="resolve"), "w2")
    assert after(book, healed, told("resolve")).due is None
