"""A long history, made up but in the form of a real one: the rows that years of retransfers leave in a ledger."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from lepton.core.ledger import Ledger
from lepton.core.ledger.chain import HEAD_KEY, seal
from lepton.core.ledger.migrations.schema import HEAD, ROWS
from lepton.core.ledger.rows import Cause, Evidence, Ingested, Promoted, Recalled, Refused, Registered, Row, Subject
from lepton.core.refs import DataRef, ModelRef
from lepton.core.work.files import canonical, digest
from lepton.registry.lineage.record import Lineage

Told = tuple[str, Row]
"""Pair, and what is said of it."""
SOURCE = "hub"
ROUNDS = 20
CLASSES = 10


class Past:
    """What happened, in order.

    Args:
        versions: That were registered, bases included.
        batches: That were ingested, of all domains.
        targets: Domains beside the source.
    """

    def __init__(self, versions: int, batches: int, targets: int) -> None:
        self.versions, self.batches, self.targets = versions, batches, targets
        self.some_digest = ""
        self._random = random.Random(0)
        self._stored: dict[str, list[str]] = {}
        self._champions: dict[str, ModelRef] = {}
        self._numbers: dict[str, int] = {}

    def rows(self) -> Iterator[Told]:
        """Yield the pair of each row, and what it says."""
        domains = [SOURCE, *(f"site-{number}" for number in range(self.targets))]
        for turn in range(ROUNDS):
            for number in range(self.batches * turn // ROUNDS, self.batches * (turn + 1) // ROUNDS):
                yield self._ingest(domains[number % len(domains)])
            known = [domain for domain in domains if domain in self._stored]
            for number in range(self.versions * turn // ROUNDS, self.versions * (turn + 1) // ROUNDS):
                yield from self._make(known[number % len(known)])
        subject = Subject.of_batch("site-9", self._stored["site-9"][-1])
        yield SOURCE, Recalled(subject, "a sensor was wired the wrong way")

    def _ingest(self, domain: str) -> Told:
        known = self._stored.setdefault(domain, [])
        known.append(f"{domain}-{len(known)}")
        return _slot(domain), Ingested(known[-1], domain, rows=500, contract={"passed": True})

    def _make(self, domain: str) -> Iterator[Told]:
        """Yield that a version is registered, and what the gate let become of it."""
        pair = _slot(domain)
        number = self._numbers[pair] = self._numbers.get(pair, 0) + 1
        ref = ModelRef(f"lepton-{pair}", str(number), digest([pair, number]) * 4, digest([number, pair]) * 2)
        parent = None
        if domain != SOURCE:
            parent = self._champions.get(pair if number % 3 else SOURCE) or self._champions[SOURCE]
        verdict = self._verdict(passed=number == 1 or domain == SOURCE or self._random.random() < 0.4)
        record = self._record(domain, parent, verdict)
        yield pair, Registered(ref, record.to_json(), digest(number) * 4)
        evidence = (verdict, record.metrics, record.flow_run)
        if not verdict["passed"]:
            yield pair, Refused(ref, *evidence)
            return
        before, self._champions[pair] = self._champions.get(pair), ref
        yield pair, Promoted(ref, before, record.cause, Evidence(*evidence))

    def _record(self, domain: str, parent: ModelRef | None, verdict: dict[str, Any]) -> Lineage:
        batches = tuple(self._stored[domain])
        data = DataRef(domain, batches, digest([domain, batches]) * 2, digest([batches]) * 2, "a" * 40, 500, 200)
        self.some_digest = self.some_digest or data.digest
        scores = {"inputs": self._random.random(), "embedding": 1 + self._random.random(), "confidence": 0.7}
        drift = Cause("drift", reason="", observation={"window": f"w{len(batches)}", "scores": scores})
        settings = {f"setting_{number}": self._random.random() for number in range(12)}
        return Lineage(
            strategy="supervised" if parent is None else self._random.choice(["residual", "finetune", "probe"]),
            data=dict.fromkeys(("train", "validation", "held_out", "reference"), data),
            seed=0,
            parent=parent,
            ancestors=(parent,) if parent else (),
            config={name: dict(settings) for name in ("encoder", "transfer", "gate", "monitor")},
            contract={"domain": domain, "deliveries": len(batches), "passed": True, "contract": digest(domain)},
            gate=verdict,
            cause=Cause("manual") if parent is None else drift,
            flow_run={"id": digest(settings), "name": f"transfer-{domain}", "url": "http://127.0.0.1:4200/runs/1"},
            code={"version": "0.1.0", "revision": "b" * 40, "dirty": False},
            libraries={f"library-{number}": f"{number}.4.1" for number in range(13)},
            device="cpu, AVX512, a processor of some make, Linux-6.1-x86_64",
            cost={"seconds": 3.2, "labels": 100.0, "bytes": 40_000.0},
            metrics={"accuracy": 0.9, "ece": 0.03, "recall": dict.fromkeys(map(str, range(CLASSES)), 0.9123)},
            key=digest([domain, self._numbers[_slot(domain)]]),
            rows={use: {"count": 200, "digest": digest([use, batches])} for use in ("train", "validation", "held_out")},
            threads=2,
            dependencies={"digest": "c" * 16, "count": 254, "lock": "d" * 64},
        )

    def _verdict(self, passed: bool) -> dict[str, Any]:
        numbers = ("accuracy", "rival_accuracy", "difference", "lower", "p_worse")
        comparisons = [
            {"against": rival, "rows": 400, "wins": 31, "losses": 12, "passed": passed}
            | {name: self._random.random() for name in numbers}
            for rival in ("champion", "base", "scratch")
        ]
        recalls = {str(label): {"rows": 40, "recall": self._random.random()} for label in range(CLASSES)}
        reasons = [] if passed else ["a loss of more than 0.02 against champion cannot be ruled out"]
        return {"passed": passed, "reasons": reasons, "comparisons": comparisons, "rows": 400, "classes": recalls}


def insert(ledger: Ledger, told: Iterable[Told]) -> int:
    """Write rows past the end of a ledger in one transaction, each sealed as `append` does; return how many."""
    engine = sa.create_engine(ledger.url)
    with engine.begin() as connection:
        seq, before = connection.execute(sa.select(HEAD.c.seq, HEAD.c.hash)).one()
        start, moment, waiting = seq, datetime(2024, 1, 1, tzinfo=UTC), []
        for pair, said in told:
            seq, moment, text = seq + 1, moment + timedelta(minutes=31), canonical(said.to_json())
            at = moment.isoformat(timespec="microseconds")
            sealed = seal(seq, at, "flow:transfer", pair, said.action, text, before)
            row = {"seq": seq, "time": at, "actor": "flow:transfer", "pair": pair, "action": said.action}
            waiting.append({**row, "payload": text, "prev_hash": before, "hash": sealed})
            before = sealed
            if len(waiting) == 500:
                connection.execute(ROWS.insert(), waiting)
                waiting = []
        if waiting:
            connection.execute(ROWS.insert(), waiting)
        connection.execute(HEAD.update().where(HEAD.c.id == HEAD_KEY).values(seq=seq, hash=before))
    engine.dispose()
    return int(seq - start)


def _slot(domain: str) -> str:
    return domain if domain == SOURCE else f"{SOURCE}-to-{domain}"
