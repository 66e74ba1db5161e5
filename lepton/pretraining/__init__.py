"""Learning a base model, one file an objective; a new file is a new objective."""

from __future__ import annotations

from lepton.pretraining.catalogue import all_objectives, objectives_of
from lepton.pretraining.choice import pretrain
from lepton.pretraining.objective import Objective, Pretrained

__all__ = ["Objective", "Pretrained", "all_objectives", "objectives_of", "pretrain"]
