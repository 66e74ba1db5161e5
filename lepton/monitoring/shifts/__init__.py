"""Simulated drift that changes no row, only how often rows come: a file a family. It costs no answer of the champion.

Each family gives weights to held-out rows whose labels are known; a window is drawn by them. `SHIFTS` names all.
"""

from __future__ import annotations

from lepton.monitoring.shifts.columns import columns
from lepton.monitoring.shifts.directions import directions
from lepton.monitoring.shifts.mix import mix
from lepton.monitoring.shifts.order import order
from lepton.monitoring.shifts.shift import Shift
from lepton.monitoring.shifts.subpopulation import subpopulation

SHIFTS: dict[str, Shift] = {family.__name__: family for family in (mix, columns, directions, subpopulation, order)}
"""Name -> family."""
