"""The front door's verbs about production: drift and what it costs, alerts, and how everything is doing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.operations.workspace.base import Base

if TYPE_CHECKING:
    from lepton.core.decisions.alerts import Standing
    from lepton.operations.doctor import Check, Health
    from lepton.operations.monitor.results import BackfillResult, MonitorResult, ReplayResult
    from lepton.operations.status import Status


class Watching(Base):
    """What is seen of a target, and who hears of it."""

    def monitor(self, domain: str | None = None, *, window: str | None = None, dry_run: bool = False) -> MonitorResult:
        """Judge what came since the champion was adapted: drift, and the accuracy that it costs.

        Args:
            domain: A target; all by default.
            window: Only this batch.
            dry_run: Judge, but record nothing and tell nobody.
        """
        from lepton.operations.monitor.monitor import monitor

        return self.play(monitor, domain, window, dry_run, doing="monitoring")

    def backfill(self, domain: str, *, dry_run: bool = False) -> BackfillResult:
        """Judge the windows that were missed, each at the time when it came in; tell only what holds now."""
        from lepton.operations.monitor.backfill import backfill

        return self.play(backfill, domain, dry_run)

    def replay(self, domain: str, deliveries: Sequence[str | Path] = (), *, hours: float = 24.0) -> ReplayResult:
        """Say what the monitor would have done over a history; nothing is stored, recorded or sent.

        Args:
            domain: A target with a champion.
            deliveries: Files or names of batches, oldest first; by default every window that waits to be judged.
            hours: Between two files, which do not say when they came.
        """
        from lepton.operations.monitor.replay import replay

        return self._here(replay, domain, [str(one) for one in deliveries], hours, doing="replay")

    def retransfers_due(self, domain: str | None = None) -> list[str]:
        """Return the targets, or the one, whose retransfer was decided and nobody began, or was killed before its end.

        On a stack an automation answers; without one, `transfer(name, cause="drift")` does.
        """
        from lepton.operations.events import retransfers_left

        return self._here(retransfers_left, domain)

    def alerts(self, domain: str | None = None, *, all: bool = False) -> list[Standing]:
        """Return the open alerts of a target, or of all of them, the newest first; those that ended, too, if `all`."""
        from lepton.operations.monitor.alerts import alerts_in

        found = [one for one in self._here(alerts_in, domain) if all or one.ended is None]
        return sorted(found, key=lambda one: (one.ended is not None, -one.opened.timestamp()))

    def acknowledge(self, domain: str, *, why: str = "seen", dry_run: bool = False) -> list[Standing]:
        """Put on record that you look after the open alerts of a target."""
        from lepton.operations.monitor.alerts import acknowledge

        return self._here(acknowledge, domain, why, dry_run)

    def snooze(self, domain: str, *, hours: float = 8.0, why: str = "snoozed", dry_run: bool = False) -> list[Standing]:
        """Hold back the updates of a target's open alerts; that one is over is told in any case."""
        from lepton.operations.monitor.alerts import snooze

        return self._here(snooze, domain, hours, why, dry_run)

    def status(self, domain: str | None = None) -> Status:
        """Return what serves each target and how it is doing, from the ledger alone."""
        from lepton.operations.status import status

        return self._here(status, domain)

    def doctor(self, *, mend: bool = True, also: Sequence[Check] = ()) -> Health:
        """Check machine, plug-ins and workspace, and mend the registry.

        Args:
            mend: Move MLflow's aliases back to what the ledger says.
            also: Further checks: what is looked at, and a function that says what it found or raises a `LeptonError`.
        """
        from lepton.operations.doctor import doctor

        return self._here(doctor, mend, also)
