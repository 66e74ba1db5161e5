"""Masked reconstruction: what is hidden of a row is told from the rest, by encoder and decoder.

After Vincent et al. 2008 (denoising autoencoders) and He et al. 2022 (masked autoencoders): a share of the inputs is
set to their mean, and the mean squared error counts all of them. Images are hidden in square patches, since a single
pixel is told from its neighbours without learning anything.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lepton.core.config.pretrain import PretrainConfig, StageFields
from lepton.core.errors import LeptonError
from lepton.models.device import generator, here, seeded
from lepton.models.input_spec import spec_of
from lepton.models.model import Model
from lepton.pretraining.engine import Curve, Learner, LossLearner
from lepton.pretraining.material import Material
from lepton.pretraining.objective import Objective

PATCH = 4
"""Side of what is hidden at once of an image, in pixels of the prepared image."""
HIDDEN = 256
"""Units between the embedding and the row."""
MEASURED = 2000
"""Most validation rows that an epoch is measured on."""


class Reconstruction(Objective):
    """Every row of every domain from a part of it, no labels."""

    name = "reconstruction"
    unlabelled = True

    def learner(
        self, model: Model, material: Material, config: PretrainConfig, plan: StageFields, seed: int
    ) -> Learner:
        """Return encoder and decoder as what learns; see `Objective.learner`.

        Raises:
            LeptonError: If rows are or have texts: bytes are names, and a squared error between names means nothing.
        """
        kinds = (model.inputs.kind, *(part.kind for part in model.inputs.layout.parts))
        if not all(spec_of(kind).measured for kind in kinds):
            raise LeptonError(
                "Texts cannot be reconstructed.",
                why="The squared error measures amounts; the bytes of a text are names.",
                fix=["take reconstruction out of pretrain.objectives", "use vicreg, which learns from texts, too"],
            )
        size = math.prod(model.inputs.tensor_shape)
        with seeded(seed):
            decoder = nn.Sequential(nn.Linear(model.feature_dim, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, size))
        return Masked(model, decoder, material, config.mask)


class Masked(LossLearner):
    """Encoder and decoder on rows of which a share is hidden."""

    def __init__(self, model: Model, decoder: nn.Module, material: Material, share: float) -> None:
        super().__init__(nn.ModuleDict({"encoder": model.encoder, "decoder": decoder}), len(material.pool))
        self.encoder, self.decoder, self.material, self.share = model.encoder, decoder, material, share

    def loss(self, at: Tensor, source: torch.Generator) -> Tensor:
        """Return the mean squared error of the rows told from a part of them."""
        return self._loss_of(here(self.material.pool[at]), source)

    @torch.no_grad()
    def validate(self) -> Curve:
        """Return the error on validation rows that are hidden in the same way every time."""
        return {"val_loss": self._loss_of(here(self.material.pool_val[:MEASURED]), generator(0)).item()}

    def _loss_of(self, rows: Tensor, source: torch.Generator) -> Tensor:
        told = self.decoder(self.encoder(hide(rows, self.share, source)))
        return F.mse_loss(told.float(), rows.flatten(1))


def hide(rows: Tensor, share: float, source: torch.Generator) -> Tensor:
    """Return the rows with about `share` of the inputs at 0, their mean after standardisation.

    Args:
        rows: (n, C, S, S), hidden in patches of PATCH pixels, all channels at once; (n, T, F + 1), all of a step at
            once but whether it is there; or (n, columns), one by one.
        share: Of the patches or columns.
        source: Where randomness comes from.
    """
    if rows.ndim == 3:
        values, there = rows[..., :-1], rows[..., -1:]
        hidden = torch.rand(*rows.shape[:2], 1, generator=source) < share
        return torch.cat([torch.where(hidden, 0.0, values), there], dim=2)
    if rows.ndim != 4:
        return torch.where(torch.rand(rows.shape, generator=source) < share, 0.0, rows)
    side = rows.shape[-1]
    cells = math.ceil(side / PATCH)
    hidden = (torch.rand(len(rows), 1, cells, cells, generator=source) < share).float()
    mask = hidden.repeat_interleave(PATCH, 2).repeat_interleave(PATCH, 3)[..., :side, :side]
    return rows * (1 - mask)
