"""Ensemble: the same strategy under several seeds, their probabilities averaged.

Lakshminarayanan et al. 2017, "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles".
`ensemble:shot` is an ensemble of SHOT. The result is one model, a few times the size, that is stored, watched and
adapted like any other.
"""

from __future__ import annotations

from dataclasses import replace

from lepton.models.joint import Joint, Member, MixtureHead
from lepton.models.model import Model
from lepton.transfer.catalogue import Several, SeveralConfig, heads_of
from lepton.transfer.strategy import TargetData


class Ensemble(Several):
    """K members' mean probabilities. Costs K times the strategy that it is made of."""

    name = "ensemble"

    def __init__(self, config: SeveralConfig | None = None) -> None:
        super().__init__(config)
        # Members have embeddings of their own: the base's cached ones answer for none of them.
        if self.needs.features != "rows":
            self.needs = replace(self.needs, features="inputs")

    def adapt(self, base: Model, target: TargetData, seed: int) -> Model:
        """Return an ensemble of adapted copies of `base`; see `Strategy.adapt`.

        An ensemble as the base gets one adapted copy only: its members are combined already.
        """
        if isinstance(base.encoder, Joint) or not len(target):
            return self.inner.adapt(base, target, seed)
        members = self.members(base, target, seed)
        encoder = Joint([Member(model.encoder, model.bottlenecks()) for model in members])
        head = MixtureHead(heads_of(members), [model.temperature for model in members])
        return Model(members[0].inputs, encoder, head, base.classes)
