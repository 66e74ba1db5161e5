"""A model: h = E(x), then adapters h <- h + T_i(h), then y = softmax(N(h) / temperature)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.core.work.files import canonical
from lepton.models.adapters import Bottleneck
from lepton.models.encoders import Encoder
from lepton.models.inputs import InputSpec
from lepton.models.joint import MixtureHead
from lepton.models.statistics import DomainStatistics

CHUNK = 128
"""Rows at once: more do not fit a processor's cache, and take longer each.

An answer's last bits hang on how many rows are answered with it. Rows that are given in pieces of a multiple of this
are answered in the same chunks as all of them together, and so in the same bits.
"""
PREPARED = 128 * CHUNK
"""Rows of a table that are prepared at once: all of them together may take many times the table's own memory."""


class Model(nn.Module):
    """Everything from a row to probabilities; always in eval mode unless a training loop says otherwise.

    Args:
        inputs: How rows become tensors.
        encoder: E.
        head: N, from the embedding to the classes: linear, or an ensemble's mixture.
        classes: Names in the order of the head's outputs.
        adapters: T_i in the order of application; a champion's descendant adds one.
        temperature: Divides the logits in `predict_proba`, fitted so that confidence means accuracy (Guo et al. 2017).
        statistics: Of the domain that it was fitted to; they change no answer.
    """

    encoder: Encoder
    head: nn.Module

    def __init__(
        self,
        inputs: InputSpec,
        encoder: Encoder,
        head: nn.Module,
        classes: Sequence[str],
        adapters: Sequence[Bottleneck] = (),
        temperature: float = 1.0,
        statistics: DomainStatistics | None = None,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder
        self.adapters = nn.ModuleList(adapters)
        self.head = head
        self.classes = tuple(classes)
        self.temperature = float(temperature)
        self.statistics = statistics
        self.eval()

    def bottlenecks(self) -> list[Bottleneck]:
        """Return the adapters in the order of application."""
        return [adapter for adapter in self.adapters if isinstance(adapter, Bottleneck)]

    @property
    def feature_dim(self) -> int:
        """Size d of the embedding."""
        return self.encoder.feature_dim

    @property
    def size(self) -> int:
        """Bytes of the weights."""
        return sum(t.numel() * t.element_size() for t in self.state_dict().values())

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, k) of prepared rows, not divided by the temperature."""
        logits: Tensor = self.head(self.adapt(self.encoder(x)))
        return logits

    def adapt(self, h: Tensor, start: int = 0) -> Tensor:
        """Return (n, d) embeddings sent through the adapters from the `start`-th on."""
        for adapter in list(self.adapters)[start:]:
            h = h + adapter(h)
        return h

    @torch.no_grad()
    def features(self, rows: Table | Tensor) -> Tensor:
        """Return adapted embeddings (n, d) float32 in eval mode: BatchNorm statistics are the model's own."""
        was = self.training
        self.eval()
        found = torch.empty(len(rows), self.feature_dim, device=next(self.parameters()).device)
        for at, x in self._chunks(rows):
            found[at : at + len(x)] = self.adapt(self.encoder(x))
        self.train(was)
        return found

    @torch.no_grad()
    def logits_of(self, features: Tensor, start: int | None = None) -> Tensor:
        """Return logits (n, k) of embeddings which already went through the first `start` adapters (default: all)."""
        logits: Tensor = self.head(self.adapt(features, len(self.adapters) if start is None else start))
        return logits

    @torch.no_grad()
    def predict_proba(self, rows: Table | Tensor) -> NDArray[np.float64]:
        """Return (n, k) probabilities; rows sum to 1.

        Each chunk goes through the whole network, so that no embedding is kept, and an answer does not hang on how many
        rows there are behind its chunk.
        """
        was = self.training
        self.eval()
        found = torch.empty(len(rows), len(self.classes), device=next(self.parameters()).device)
        for at, x in self._chunks(rows):
            found[at : at + len(x)] = self(x)
        self.train(was)
        return self.probabilities(found)

    def _chunks(self, rows: Table | Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield where each chunk begins, and its prepared rows (at most CHUNK, ...) where the weights are."""
        place = next(self.parameters()).device
        for start in range(0, len(rows), PREPARED):
            x = self._prepared(rows, start)
            for at in range(0, len(x), CHUNK):
                yield start + at, x[at : at + CHUNK].to(place)

    def _prepared(self, rows: Table | Tensor, start: int) -> Tensor:
        if isinstance(rows, Tensor):
            return rows[start : start + PREPARED]
        if len(rows) <= PREPARED:
            return self.inputs.to_tensor(rows)
        return self.inputs.to_tensor(rows.take(np.arange(start, min(start + PREPARED, len(rows)))))

    def probabilities(self, logits: Tensor) -> NDArray[np.float64]:
        """Return logits (n, k) as probabilities at the model's temperature, computed in float64."""
        found: NDArray[np.float64] = torch.softmax(logits.double() / self.temperature, dim=1).cpu().numpy()
        return found

    @torch.no_grad()
    def agreement(self, features: Tensor) -> NDArray[np.float64] | None:
        """Return (n,) the share of an ensemble's members that give its answer; None for a model without members."""
        if not isinstance(self.head, MixtureHead):
            return None
        h = self.adapt(features, len(self.adapters))
        votes = self.head.answers(h).argmax(dim=2)
        found: NDArray[np.float64] = (votes == self.head(h).argmax(dim=1)).double().mean(dim=0).numpy()
        return found

    def embed(self, table: Table) -> NDArray[np.float32]:
        """Return the adapted embeddings (n, d) as numpy."""
        found: NDArray[np.float32] = self.features(table).numpy()
        return found

    def label_indices(self, labels: Sequence[str | None] | NDArray[np.object_]) -> NDArray[np.int64]:
        """Return (n,) positions in `classes`, -1 where the label is unknown (None).

        Raises:
            LeptonError: If a label is none of the model's classes.
        """
        return label_positions(labels, self.classes)

    def replace(
        self,
        *,
        inputs: InputSpec | None = None,
        encoder: Encoder | None = None,
        adapters: Sequence[Bottleneck] | None = None,
        head: nn.Module | None = None,
        temperature: float | None = None,
    ) -> Model:
        """Return a model with these parts, and copies of its own for the rest: nothing is shared."""
        return Model(
            inputs=inputs or self.inputs,
            encoder=deepcopy(encoder or self.encoder),
            head=deepcopy(head or self.head),
            classes=self.classes,
            adapters=deepcopy(self.bottlenecks() if adapters is None else list(adapters)),
            temperature=self.temperature if temperature is None else temperature,
            # Never changed in place; another encoder's embeddings are nothing that they speak of.
            statistics=self.statistics if encoder is None or encoder is self.encoder else None,
        )

    def digest(self, parts: Sequence[str] = ("encoder", "adapters", "head")) -> str:
        """Return 32 hex digits over the inputs and the weights of `parts`; equal digests answer equally.

        Args:
            parts: Leave out `head` to name what the embedding depends on.
        """
        h = hashlib.blake2b(digest_size=16)
        h.update(canonical(self.inputs.to_json()).encode())
        for name, tensor in sorted(self.state_dict().items()):
            if name.split(".", 1)[0] in parts:
                h.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
                h.update(tensor.contiguous().numpy().tobytes())
        if "head" in parts:
            h.update(canonical([list(self.classes), self.temperature]).encode())
        return h.hexdigest()


def label_positions(labels: Sequence[str | None] | NDArray[np.object_], classes: Sequence[str]) -> NDArray[np.int64]:
    """Return (n,) positions in `classes`, -1 where the label is unknown (None).

    Raises:
        LeptonError: If a label is none of the classes.
    """
    places: dict[str | None, int] = {name: at for at, name in enumerate(classes)}
    places[None] = -1
    strange = sorted({str(label) for label in labels if label not in places})
    if strange:
        raise LeptonError(
            f"The model does not know {len(strange)} of the labels: {', '.join(strange[:10])}.",
            why=f"It tells apart: {', '.join(classes)}.",
            fix=["correct the labels of the delivery", "pretrain a base whose source has these classes"],
        )
    return np.array([places[label] for label in labels], dtype=np.int64)
