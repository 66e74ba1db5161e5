"""A domain behind the port: who answers there now, the queue before it, and the log of what was answered.

Who answers is one attribute. It is read once for each batch, so no request is answered by two models, and a swap is one
assignment.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from secrets import token_hex
from typing import Any, Literal

import numpy as np

from lepton.contract.spec import Contract
from lepton.core.config.serve import ServeConfig
from lepton.graph.fields import Holds
from lepton.graph.run import Graph
from lepton.serving.answers import Answered
from lepton.serving.asked import Asked
from lepton.serving.batching import Batcher
from lepton.serving.check import Checked, Rules
from lepton.serving.dates import now
from lepton.serving.example import example_columns
from lepton.serving.journal import Journal
from lepton.serving.metrics import Metrics
from lepton.serving.record import Record, labels_to_bytes
from lepton.serving.rejected import Rejected

WARM = (1, 2, 32)
"""Rows of the batches that a graph answers before it serves: onnxruntime plans its memory at the first of a size."""


@dataclass(frozen=True)
class Serving:
    """Who answers: a graph that gave the right answers to its examples, and the contract that rows must meet."""

    graph: Graph
    contract: Contract
    since: str
    """When it began to answer here; UTC, ISO 8601."""
    key: str = ""
    """What tells it from any other graph."""

    @property
    def label(self) -> str:
        """Name and version."""
        return self.graph.about.model


@dataclass(frozen=True)
class _Job:
    request: str
    checked: Checked

    @property
    def rows(self) -> int:
        return self.checked.rows


@dataclass
class Trouble:
    """Why the newest champion does not answer yet."""

    what: str
    why: str


class Desk:
    """One domain.

    Args:
        domain: Its name.
        serving: Who answers first.
        journal: Of answers.
        labels: The journal of labels that came.
        config: The limits.
        metrics: Where it is counted.
    """

    def __init__(
        self, domain: str, serving: Serving, journal: Journal, labels: Journal, config: ServeConfig, metrics: Metrics
    ) -> None:
        self.domain = domain
        self.journal, self.labels = journal, labels
        self.config, self.metrics = config, metrics
        self.trouble: Trouble | None = None
        """Why a newer champion does not answer, if so."""
        self.ledger = serving.graph.about.ledger
        """ROW:HASH of the ledger's newest row when who serves was looked up last."""
        self.logged = sum(Record.from_bytes(one).rows for one in journal.records)
        """Rows in the newest segment of the journal."""
        self.labelled = len(labels.records)
        """Deliveries of labels in the newest segment of theirs."""
        journal.records, labels.records = [], []
        self.batcher: Batcher[_Job, Answered] = Batcher(
            self._answer, most=config.batch_rows, queue=config.queue_rows, seconds=config.wait_seconds
        )
        self._token, self._numbers = token_hex(5), count(1)
        self._log = threading.Lock()
        self.serving, self.rules = serving, Rules(serving.contract, config.strict)
        self.seat(serving)

    def seat(self, serving: Serving) -> None:
        """Let somebody else answer from the next batch on."""
        self.rules = Rules(serving.contract, self.config.strict)
        self.serving, self.trouble = serving, None
        self.metrics.model(self.domain, serving.label, serving.graph.about.digest, serving.graph.about.provisional)

    async def answer(self, asked: Asked) -> Answered:
        """Return the answers to a request, when they are in the log.

        Raises:
            Rejected: 422 if it breaks the contract; 429, 503 if it cannot be answered now.
        """
        checked = self.rules.check(asked)
        request = f"{self._token}-{next(self._numbers)}"
        answered = await self.batcher.ask(_Job(request, checked))
        self.metrics.rows(self.domain, checked.rows)
        if checked.counted:
            self.metrics.out(self.domain, checked.counted)
            return replace(answered, counted=checked.out)
        return answered

    def take_labels(self, labels: dict[str, str]) -> None:
        """Log labels that came.

        Raises:
            Rejected: 422 if one is no class, 503 if they cannot be logged.
        """
        classes = self.serving.contract.classes
        if odd := sorted({label for label in labels.values() if label not in classes}):
            raise Rejected(
                422,
                f"{odd[0][:60]!r} is no class of {self.domain!r}.",
                why=f"Its classes: {', '.join(classes[:20])}.",
                fix=["correct the label; nothing was taken"],
            )
        try:
            self.labels.append([labels_to_bytes(labels)])
        except OSError as error:
            raise _unlogged("The labels cannot be kept, so they were not taken.", error) from None
        self.labelled += 1
        self.metrics.labels(self.domain, len(labels))

    def end_window(self) -> None:
        """End the segment of answers: what is in it becomes a window.

        Raises:
            OSError: If another segment cannot be begun; the old one goes on.
        """
        with self._log:
            self.journal.roll()
            self.logged = 0

    def end_labels(self) -> None:
        """End the segment of labels: what is in it is delivered.

        Raises:
            OSError: If another segment cannot be begun; the old one goes on.
        """
        self.labels.roll()
        self.labelled = 0

    def _answer(self, jobs: Sequence[_Job]) -> list[Answered | Exception]:
        """Answer a batch, all of it by whoever answers now; runs in the desk's thread."""
        serving = self.serving
        try:
            found: list[Answered | Exception] = list(_answers(self.domain, serving, jobs))
        except Exception as error:
            if len(jobs) == 1:
                return [error]
            found = [self._alone(serving, job) for job in jobs]  # what one request breaks must not harm the others
        good = [(job, answered) for job, answered in zip(jobs, found, strict=True) if isinstance(answered, Answered)]
        try:
            records = [_record(job, answered) for job, answered in good]
            with self._log:
                self.journal.append(records)
                self.logged += sum(job.rows for job, _ in good)
            return found
        except OSError as error:
            self.metrics.unlogged(self.domain, sum(job.rows for job, _ in good), self.config.unlogged)
            if self.config.unlogged == "answer":
                return [replace(one, logged=False) if isinstance(one, Answered) else one for one in found]
            told = _unlogged("The answer cannot be logged, so it is not given.", error)
            return [told if isinstance(one, Answered) else one for one in found]

    def _alone(self, serving: Serving, job: _Job) -> Answered | Exception:
        try:
            return _answers(self.domain, serving, [job])[0]
        except Exception as error:
            return error

    def facts(self) -> dict[str, Any]:
        """Return what is known of who answers; the fields of the V2 protocol's metadata are among it."""
        about, contract = self.serving.graph.about, self.serving.contract
        version = about.model.rpartition(" v")[2]
        holds = {one.column: one for one in about.fields}
        return {
            "name": self.domain,
            "versions": [version],
            "platform": "onnxruntime",
            "inputs": [
                {"name": name, "datatype": _DATATYPES[holds[name].holds], "shape": [-1, *holds[name].shape]}
                for name in self.rules.columns
                if name in holds
            ],
            "outputs": [
                {"name": "label", "datatype": "BYTES", "shape": [-1]},
                {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(about.classes)]},
            ],
            "champion": about.model,
            "digest": about.digest,
            "provisional": about.provisional,
            "since": self.serving.since,
            "classes": list(about.classes),
            "lineage": about.lineage,
            "contract": contract.digest(),
            "ledger": self.ledger,
            "trouble": None if self.trouble is None else {"error": self.trouble.what, "why": self.trouble.why},
        }


_DATATYPES: Mapping[Holds, Literal["FP64", "BYTES", "FP32"]] = {
    "number": "FP64",
    "category": "BYTES",
    "text": "BYTES",
    "series": "FP32",
    "image": "FP32",
}


def warm(graph: Graph) -> None:
    """Let a graph answer its example rows in batches of some sizes.

    Raises:
        LeptonError: If it cannot.
    """
    columns = example_columns(graph.about)
    for size in WARM:
        graph.answer({name: (values * size)[:size] for name, values in columns.items()})


def _answers(domain: str, serving: Serving, jobs: Sequence[_Job]) -> list[Answered]:
    """Return the answers to some requests, which are computed together."""
    graph, about = serving.graph, serving.graph.about
    columns: dict[str, Any] = {}
    for one in about.fields:
        values = [value for job in jobs for value in job.checked.columns.get(one.column) or [None] * job.rows]
        columns[one.column] = np.array(values, dtype=np.float64) if one.holds == "number" else values
    answers = graph.answer(columns)
    found, at = [], 0
    for job in jobs:
        part = slice(at, at := at + job.rows)
        found.append(
            Answered(
                job.request,
                domain,
                about.model,
                about.digest,
                about.provisional,
                about.classes,
                answers.labels[part],
                answers.probabilities[part],
            )
        )
    return found


def _record(job: _Job, answered: Answered) -> bytes:
    best: list[float] = answered.probabilities.max(axis=1).tolist()
    return Record(
        job.request,
        now(),
        answered.model,
        answered.digest,
        answered.provisional,
        job.checked.columns,
        list(answered.labels),
        best,
    ).to_bytes()


def _unlogged(what: str, error: OSError) -> Rejected:
    return Rejected(503, what, why=f"{error.strerror or error}.", fix=["make room on the server's disk"], retry=5)
