"""Collapse, seen in the embedding: rows squeezed into fewer directions than the classes need."""

from __future__ import annotations

import numpy as np

from lepton.core.decisions.gate import Finding
from lepton.transfer.guard.case import Case, Check, FloatArray

LEAST = 0.4
"""Share of the base's effective rank, or of the number of classes less one, that must be left: the lower of the two."""


class EffectiveRank(Check):
    """exp(entropy) of the singular values' shares (Roy & Vetterli 2007)."""

    name = "effective rank"

    def judge(self, case: Case) -> Finding:
        """Return whether enough directions are left."""
        mine, bases = effective_rank(case.candidate.embedding), effective_rank(case.base.embedding)
        limit = LEAST * min(bases, case.base.answers.shape[1] - 1)
        why = "" if mine >= limit else f"embeddings span {mine:.1f} directions, the base's {bases:.1f}"
        return Finding(self.name, "for" if mine >= limit else "against", mine, limit, why)


def effective_rank(embedding: FloatArray) -> float:
    """Return the effective rank of (n, d) embeddings around their mean."""
    centred = embedding.astype(np.float64) - embedding.mean(axis=0, dtype=np.float64)
    values = np.linalg.svd(centred, compute_uv=False)
    shares = values / max(values.sum(), 1e-12)
    return float(np.exp(-(shares * np.log(shares.clip(1e-12))).sum()))
