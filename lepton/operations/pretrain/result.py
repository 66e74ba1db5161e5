"""What a pretraining answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lepton.core.decisions.encoders import Choice
from lepton.core.metrics import unjudged
from lepton.core.refs import ModelRef
from lepton.operations.pretrain.job import PretrainJob
from lepton.operations.pretrain.verdict import BaseVerdict
from lepton.operations.result import Facts, Json, Result

Outcome = Literal["promoted", "refused", "kept", "dry run"]
_IN_WORDS: Mapping[Outcome, str] = {
    "promoted": "serves",
    "kept": "goes on serving: training again gave the very same model",
    "refused": "was refused by the gate; what served goes on serving",
}


@dataclass(frozen=True)
class PretrainResult(Result):
    """What became of a base."""

    outcome: Outcome
    """promoted, refused, kept (the very model that serves came out again), or dry run."""
    model: ModelRef | None = None
    """The base; of a dry run there is none."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """On the source's held-out rows."""
    seconds: float = 0.0
    """That the training took."""
    gate: BaseVerdict | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    """For people; empty while no server is up."""
    champion: ModelRef | None = None
    """What goes on serving where the base was refused."""
    interrupted: bool = False
    """Whether an earlier run had done it all and was killed before it could say so."""
    choice: Choice | None = None
    """Of the encoder, where several were tried."""
    job: PretrainJob | None = None
    """Of a dry run: what would be trained on."""

    def facts(self) -> Facts:
        """Return what a person wants to know, the most important first."""
        if self.job is not None:
            data = self.job.data
            others = {f"also {name}": f"{ref.rows:,} rows" for name, ref in self.job.others.items()}
            return {"would train on": f"{data.rows:,} rows: {', '.join(data.batches)}", **others}
        assert self.model is not None
        figures = {key: f"{value:.3f}" for key, value in self.metrics.items() if isinstance(value, float)}
        missing = unjudged(self.metrics)
        return {
            "base model": f"{self.model.label} {_IN_WORDS[self.outcome]}",
            **figures,
            **({"encoder": self.choice.summary()} if self.choice else {}),
            **({"not judged": f"{', '.join(missing)}: no held-out row is of it"} if missing else {}),
            "took": f"{self.seconds:.1f} s",
            "gate": self.gate.summary if self.gate else "nothing",
            **self.links,
        }

    def to_json(self) -> Json:
        """Return a JSON object."""
        if self.job is not None:
            return {**self.job.to_json(), "outcome": self.outcome}
        assert self.model is not None
        told: Json = {
            "outcome": self.outcome,
            "model": self.model.to_json(),
            "metrics": dict(self.metrics),
            "seconds": self.seconds,
            "gate": self.gate.to_json() if self.gate else {},
            "links": dict(self.links),
        }
        if self.choice:
            told["choice"] = self.choice.to_json()
        if self.interrupted or self.outcome == "refused":
            told["champion"] = self.champion.to_json() if self.champion else None
        return told | ({"interrupted": True} if self.interrupted else {})
