"""Prepared rows as plain columns, for models that know nothing of images, sequences or texts.

What a team would try first: an image as a few pixels, a table as it is, a sequence by its statistics and a few of its
values, a text by the hashed sequences of two to four bytes in it (Cavnar & Trenkle 1994 tell languages by them),
several inputs side by side.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lepton.models.inputs import InputSpec
from lepton.models.mixed_inputs import MixedInputs

SMALL_SIDE = 14
"""Images are pooled to at most this side: a hundred labels do not feed more pixels."""
POINTS = 16
"""Places at which a sequence is read."""
BUCKETS = 2048
"""Columns that the sequences of bytes of a text are hashed to."""


def plain_columns(inputs: InputSpec, x: Tensor) -> NDArray[np.float64]:
    """Return (n, columns) of prepared rows (n, ...)."""
    if isinstance(inputs, MixedInputs):
        flags, parts = inputs.layout.split(x)
        blocks = [plain_columns(spec, part) for spec, part in zip(inputs.parts, parts, strict=True)]
        return np.concatenate([flags.double().numpy(), *blocks], axis=1)
    if inputs.kind == "image" and x.shape[-1] > SMALL_SIDE:
        x = F.adaptive_avg_pool2d(x, SMALL_SIDE)
    if inputs.kind == "text":
        return _hashed(x)
    if inputs.kind == "sequence":
        x = _described(x)
    flat: NDArray[np.float64] = x.flatten(1).double().numpy()
    return flat


def _described(x: Tensor) -> Tensor:
    """Return (n, columns) of sequences (n, T, F + 1): length, mean, spread, extremes, change, and values on the way."""
    values, there = x[..., :-1], x[..., -1:]
    count = there.sum(dim=1).clamp_min(1.0)
    mean = (values * there).sum(dim=1) / count
    spread = (((values - mean[:, None]) * there).square().sum(dim=1) / count).sqrt()
    both = there[:, 1:] * there[:, :-1]
    change = ((values[:, 1:] - values[:, :-1]).abs() * both).sum(dim=1) / both.sum(dim=1).clamp_min(1.0)
    low = torch.where(there > 0, values, float("inf")).amin(dim=1)
    high = torch.where(there > 0, values, float("-inf")).amax(dim=1)
    at = (torch.linspace(0, 1, POINTS) * (count - 1)).round().long()
    points = values.gather(1, at[:, :, None].expand(-1, -1, values.shape[2]))
    length = count / x.shape[1]
    found = torch.cat([length, mean, spread, change, low, high, points.flatten(1)], dim=1)
    return torch.where(there.any(dim=1), found, 0.0)


def _hashed(x: Tensor) -> NDArray[np.float64]:
    """Return (n, BUCKETS) of texts (n, T), rows of unit length."""
    from sklearn.feature_extraction.text import HashingVectorizer

    rows = (x.to(torch.int64) - 1).clamp(-1, 255).tolist()
    texts = [bytes(token for token in row if token >= 0).decode("latin-1").lower() for row in rows]
    hashing = HashingVectorizer(analyzer="char", ngram_range=(2, 4), n_features=BUCKETS, lowercase=False)
    found: NDArray[np.float64] = hashing.transform(texts).toarray()
    return found
