"""Encoder for tables as good networks for tables are built: piecewise-linear numbers, and an ensemble in one network.

Amounts become piecewise-linear codes over quantile bins of the source (Gorishniy et al. 2022, "On Embeddings for
Numerical Features in Tabular Deep Learning"): where a column bends is seen by the first layer, as trees see it, and
what lies beyond the source's range is at the end of the last bin, however far. The amount itself stands beside them.
Indicators of what is missing and categories, which the inputs bring to 0 and 1, are taken as they are: the first layer
is their embedding.

Behind that are MEMBERS perceptrons that share their weights up to scales of a layer's inputs and outputs (Gorishniy et
al. 2025, "TabM", after BatchEnsemble, Wen et al. 2020). The embedding is the mean of the members' last layers: a linear
head on it answers with the mean of what it would answer to each. For an ensemble to be worth more than its parts, each
member must learn by its own error; so in training a row goes through one member, whichever its place in the batch
falls to, and the gradient is, in expectation, that of the members' mean loss at a member's cost.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig
from lepton.models.encoders.base import Encoder
from lepton.models.layout import Layout

MEMBERS = 8
"""On seven tables of 3,000 rows one alone was 1.4 points worse, and sixteen were no better in as many steps."""
BINS = 24
"""Most bins of an amount. Without any, the same tables were read 0.4 points worse."""
MOST_CODES = 4096
"""Numbers of all amounts together, beyond which each gets fewer bins: a wide table must not make a huge first layer."""
FEWEST_BINS = 2
ROWS_A_BIN = 30
"""Fewest rows of the source in a bin, so that a small table gets few."""
LOOKED_AT = 100_000
"""Most rows whose quantiles are taken."""


class Codes(nn.Module):
    """(n, columns) -> (n, size): each amount and its place in each of its bins, 0 before it and 1 behind it.

    Args:
        layout: Says which columns are amounts.
    """

    start: Tensor
    """(amounts, bins): where a bin begins."""
    slope: Tensor
    """(amounts, bins): one over its width; 0 for a bin that is not there, whose code is then always 0."""
    amounts: Tensor
    others: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        columns = range(layout.shape[0])
        amounts = columns if layout.amounts is None else layout.amounts
        others = sorted(set(columns).difference(amounts))
        self.register_buffer("amounts", torch.tensor([*amounts], dtype=torch.int64), persistent=False)
        self.register_buffer("others", torch.tensor(others, dtype=torch.int64), persistent=False)
        bins = max(FEWEST_BINS, min(BINS, MOST_CODES // max(1, len(amounts))))
        self.register_buffer("start", torch.zeros(len(amounts), bins))
        self.register_buffer("slope", torch.zeros(len(amounts), bins))
        self.widths = [bins + 1] * len(amounts) + [1] * len(others)
        """Numbers that come of each column, in their order."""

    def meet(self, rows: Tensor) -> None:
        """Take the bins from the quantiles of rows (n, columns); a value that fills several quantiles ends one bin."""
        some = rows[:: -(-len(rows) // LOOKED_AT)] if len(rows) else rows
        bins = min(self.start.shape[1], max(FEWEST_BINS, len(some) // ROWS_A_BIN))
        start, slope = np.zeros(self.start.shape), np.zeros(self.slope.shape)
        for at, column in enumerate(self.amounts.tolist()):
            values = some[:, column].cpu().numpy().astype(np.float64)
            edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1))) if len(values) else values
            widths = np.diff(edges)
            start[at, : len(widths)], slope[at, : len(widths)] = edges[:-1], 1 / widths
        self.start.copy_(torch.from_numpy(start))
        self.slope.copy_(torch.from_numpy(slope))

    def forward(self, x: Tensor) -> Tensor:
        """Return the codes, those of one amount side by side, then the other columns."""
        amounts = x[:, self.amounts, None]
        codes = ((amounts - self.start) * self.slope).clamp(0.0, 1.0)
        return torch.cat([torch.cat([amounts, codes], dim=2).flatten(1), x[:, self.others]], dim=1)


class Members(nn.Module):
    """A linear layer that MEMBERS share, each with scales of its own, then BatchNorm over the rows of all of them.

    Args:
        inputs: Numbers that come in.
        outputs: Numbers that go out.
        scales: (MEMBERS, inputs) to begin with; ones by default.
    """

    def __init__(self, inputs: int, outputs: int, scales: Tensor | None = None) -> None:
        super().__init__()
        self.shared = nn.Linear(inputs, outputs)
        self.scales_in = nn.Parameter(torch.ones(MEMBERS, inputs) if scales is None else scales)
        self.scales_out = nn.Parameter(torch.ones(MEMBERS, outputs))
        self.offsets = nn.Parameter(torch.zeros(MEMBERS, outputs))
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor, member: Tensor) -> Tensor:
        """Return (n, outputs) for rows (n, inputs), each through the member that has the 1 in `member` (n, MEMBERS).

        As a product of matrices: an index would be as good, but its gradient is slow where it must be repeatable.
        """
        y = self.shared(x * (member @ self.scales_in)) * (member @ self.scales_out) + member @ self.offsets
        h: Tensor = self.norm(y)
        return h


class Tabular(Encoder):
    """(n, columns) -> (n, features)."""

    name = "tabular"
    kinds = ("tabular",)
    tried_for = ("tabular",)
    fewest_steps = 1500
    varied = False  # jitter blurs the bins: 0.8 points worse on the seven tables

    def __init__(self, config: EncoderConfig, layout: Layout) -> None:
        super().__init__(config, layout)
        self.codes = Codes(layout)
        hidden = 8 * config.width
        self.first = Members(sum(self.codes.widths), hidden, _apart(self.codes.widths))
        self.second = Members(hidden, hidden)
        self.out = Members(hidden, config.features)

    def meet(self, rows: Tensor) -> None:
        """Take the bins of amounts from the source's rows; see `Encoder.meet`."""
        self.codes.meet(rows)

    def forward(self, x: Tensor) -> Tensor:
        """Return the embedding (n, d): in training of one member a row, by place; else the mean of all."""
        n, z = x.shape[0], self.codes(x)
        one = torch.eye(MEMBERS, dtype=z.dtype, device=z.device)
        if self.training:
            return self._through(z, one.repeat(n // MEMBERS + 1, 1)[:n])
        each = self._through(z.repeat_interleave(MEMBERS, dim=0), one.repeat(n, 1))
        return each.reshape(n, MEMBERS, -1).mean(dim=1)

    def _through(self, z: Tensor, member: Tensor) -> Tensor:
        z = torch.relu(self.first(z, member))
        z = torch.relu(self.second(z, member))
        h: Tensor = self.out(z, member)
        return h

    def depth_groups(self) -> list[nn.Module]:
        """Return first, second, out."""
        return [self.first, self.second, self.out]


def _apart(widths: list[int]) -> Tensor:
    """Return scales (MEMBERS, size) that set the members apart: normal, one for all that comes of a column."""
    return torch.randn(MEMBERS, len(widths)).repeat_interleave(torch.tensor(widths), dim=1)
