"""What serves a domain, at hand: who it is, and its answers to rows in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from lepton.core.refs import ModelRef
from lepton.operations.result import Facts, Json, Result, as_json
from lepton.operations.session import Serving, Session

if TYPE_CHECKING:
    import pandas as pd

    from lepton.models.model import Model
    from lepton.operations.answering import Answering


@dataclass(frozen=True)
class Prediction(Result):
    """The answer to one row."""

    label: str
    confidence: float
    """The label's probability."""
    probabilities: dict[str, float]
    """Of each class, in the order of the model's."""
    model: ModelRef
    provisional: bool
    """Whether the un-adapted base answered, which nobody verified on this domain."""
    missing: tuple[str, ...]
    """Columns that the row left out or had no value for."""

    def facts(self) -> Facts:
        """Return the answer, the likeliest classes first."""
        ranked = sorted(self.probabilities.items(), key=lambda one: -one[1])
        who = f"{self.model.label}, provisionally" if self.provisional else self.model.label
        found: Facts = {"label": self.label, **{f"p({name})": f"{p:.4f}" for name, p in ranked}, "model": who}
        return {**found, "missing": ", ".join(self.missing)} if self.missing else found

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {**super().to_json(), "model": self.model.label}


@dataclass(frozen=True)
class Champion(Result):
    """The version that serves a domain now; it stays the same one when another is promoted later."""

    domain: str
    model: ModelRef
    strategy: str
    """How it was made: an adaptation strategy, or pretraining objectives for the source's base."""
    accuracy: float | None
    """On held-out rows, when it was registered."""
    provisional: bool
    """Whether it is the un-adapted base, which nobody verified on this domain, until something is promoted."""
    _session: Session = field(compare=False)

    @cached_property
    def loaded(self) -> Model:
        """The model with its weights, every file compared with its checksum; loaded at the first use."""
        return self._session.load(self.model).model

    @cached_property
    def answering(self) -> Answering:
        """What answers: the graph that `lepton serve` answers by, or torch, and why; looked up at the first use."""
        from lepton.operations.answering import answering

        return answering(self._session, self.domain, Serving(self.model, self.provisional))

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that it can answer."""
        return self.loaded.classes

    def predict(self, rows: Any) -> pd.DataFrame:
        """Return a row a row: column `label`, then the probability of each class in a column `p(<class>)`.

        Args:
            rows: A DataFrame with the feature columns; further columns are ignored. A list of numbers in each cell of a
                series. Or images as an array (n, C, H, W). The answer has the frame's index.

        Raises:
            LeptonError: If a column that the model reads is missing, or holds something else than in the source; or if
                a file of the model was changed since it was registered.
        """
        from lepton.models.frames import answer

        return answer(self.loaded, rows, partial(self.answering.chances, self.loaded))

    def predict_one(self, row: Mapping[str, Any]) -> Prediction:
        """Return the answer to one row; a column that is left out of it is a missing value.

        Args:
            row: Values by column, as the contract names them: a number, a word or a text, a list of numbers for a
                series, an array (C, H, W) as `image`, a whole date of which the contract keeps parts. None: missing. Id
                and label may be there, and are not read.

        Raises:
            UsageError: If it breaks the contract as `serve.strict` has it, or has no value in any column.
        """
        from lepton.contract.file import load_contract
        from lepton.operations.one_row import as_frame, columns_of

        ws = self._session.ws
        contract = load_contract(ws, self.domain)
        columns = columns_of(row, contract, ws.config.serve.strict)
        missing = tuple(name for name, values in columns.items() if values[0] is None)
        chances = self.answering.one(columns)
        if chances is None:
            found = self.predict(as_frame(columns, contract)).iloc[0]
            chances = {name: float(found[f"p({name})"]) for name in self.classes}
        label = max(chances, key=chances.__getitem__)
        return Prediction(label, chances[label], chances, self.model, self.provisional, missing)

    def facts(self) -> Facts:
        """Return who it is."""
        found = {one.name: getattr(self, one.name) for one in fields(self) if not one.name.startswith("_")}
        return {**found, "model": self.model.label}

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {
            name: as_json(getattr(self, name)) for name in ("domain", "model", "strategy", "accuracy", "provisional")
        }


def champion(session: Session, domain: str) -> Champion:
    """Return what serves a target, provisionally too, or the source.

    Raises:
        NotFound: If nothing does yet, or there is no such domain.
    """
    serving = session.serving_in(domain)
    made = session.lineage(serving.ref)
    accuracy = None if serving.provisional else made.metrics.get("accuracy")  # it was measured on the source
    known = None if accuracy is None else float(accuracy)
    return Champion(domain, serving.ref, made.strategy, known, serving.provisional, session)
