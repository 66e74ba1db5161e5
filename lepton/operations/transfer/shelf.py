"""The candidates of a transfer on disk: each is fitted once, whoever is killed in between."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from lepton.core.errors import LeptonError
from lepton.core.work import Progress, silent
from lepton.core.work.faults import reached
from lepton.transfer.candidates import Candidate
from lepton.transfer.planner import Step


class OnDisk:
    """Keeps candidates in the job's folder until the transfer is over; each is read back once.

    Args:
        folder: Of all candidates.
        most: How many there may be, for the progress.
        progress: Where it is reported to.
    """

    def __init__(self, folder: Path, most: int, progress: Progress = silent) -> None:
        self.folder, self.most, self.progress = folder, most, progress
        self._read: dict[str, Candidate] = {}

    def get(self, step: Step) -> Candidate | None:
        """Return what this run or an interrupted one kept; None if nothing, or what a power cut damaged."""
        if step.label not in self._read:
            with suppress(LeptonError):
                self._read[step.label] = Candidate.load(self.folder / step.label)
        return self._read.get(step.label)

    def begin(self, step: Step) -> None:
        """Report that a candidate is about to be fitted."""
        there = len(list(self.folder.glob("*")))
        self.progress(there, max(self.most, there + 1), step.label)

    def put(self, step: Step, candidate: Candidate) -> None:
        """Write a candidate, whole or not at all."""
        reached(f"transfer.fitted-{step.label}")
        candidate.save(self.folder / step.label)
        reached(f"transfer.kept-{step.label}")
        there = len(list(self.folder.glob("*")))
        self.progress(there, max(self.most, there), step.label)
