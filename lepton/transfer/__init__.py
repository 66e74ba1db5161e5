"""Adapting a base to a target, one file a strategy; a new file is a new strategy."""

from lepton.transfer.catalogue import CATALOGUE, all_strategies, default_strategies, get_strategy, prior_of
from lepton.transfer.prior import Prior
from lepton.transfer.strategy import Needs, NotEnoughLabels, Strategy, TargetData

__all__ = [
    "CATALOGUE",
    "Needs",
    "NotEnoughLabels",
    "Prior",
    "Strategy",
    "TargetData",
    "all_strategies",
    "default_strategies",
    "get_strategy",
    "prior_of",
]
