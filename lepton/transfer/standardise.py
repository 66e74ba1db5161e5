"""Standardisation: each column of numbers gets the target's own location and scale before the base reads it.

A sensor that is off by an offset or a gain, a currency, a year's inflation: the cheapest correction that there is, and
the first that is tried by hand. The base's moments are blended with the target's by how many rows speak for them, as
Schneider et al. 2020 blend those of BatchNorm; unlike there it is done before numbers are clipped, so that a column
that left the base's range comes back. Labels change nothing: on public tables a head fitted to few of them lost what
the columns had gained, and so all of them can testify. If the answers collapse into fewer classes than expected, the
base is returned as it is: another mix of the classes looks like a shift, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from lepton.models.model import Model
from lepton.transfer.bn import collapsed
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Needs, Strategy, TargetData


@dataclass(frozen=True)
class StandardiseConfig:
    """How much the base's moments count."""

    source_rows: float = 32.0
    """Pseudo-rows with the base's moments among the target's."""
    collapse: float = 0.5
    """Share of the expected diversity of answers (effective number of classes) below which the base is kept."""


class Standardise(Strategy):
    """One pass over the columns, no label needed, no gradient."""

    name = "standardise"
    needs = Needs(labels=False, features="rows", kinds=("tabular",))
    prior = Prior(shares=(0.0, 0.0, 0.0, 0.0), tables=(0.05, 0.05, 0.05, 0.05), tables_spread=0.3)
    config: StandardiseConfig = StandardiseConfig()

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return a copy of `base` that prepares rows by the target's own moments; see `Strategy.adapt`."""
        if len(target) < 2:  # one row has no spread
            return base.replace()
        if target.table is None:
            raise ValueError("standardisation needs the rows as they were delivered: TargetData.of(...)")
        share = len(target) / (len(target) + self.config.source_rows)
        model = base.replace(inputs=base.inputs.moved_to(target.table, share))
        logits = model.logits_of(model.features(target.table))
        return base.replace() if collapsed(base, target, logits, self.config.collapse) else model

    def predict_seconds(self, labels: int, rows: int, kind: str) -> float:
        """Return half a second, and some microseconds a row, six times with its cross-validation."""
        return 0.5 + 0.001 * labels + 6e-5 * rows
