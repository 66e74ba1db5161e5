"""When answers become a window: enough of them, or long enough; then a process of its own delivers them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping

from lepton.core.errors import LeptonError
from lepton.operations.serve.child import run_beside
from lepton.operations.session import Session
from lepton.serving.desk import Desk

PAUSE = 0.5
"""Seconds between two looks at the logs."""
AGAIN = 30.0
"""Seconds after which what could not be delivered is tried again."""


class Deliveries:
    """Ends segments of the logs and has them delivered, one domain at a time.

    Args:
        session: The workspace at work.
        desks: By domain; the source is left out, which takes labelled rows only.
    """

    def __init__(self, session: Session, desks: Mapping[str, Desk]) -> None:
        self._session = session
        self._desks = {name: desk for name, desk in desks.items() if name != session.ws.source}
        self._not_before: dict[str, float] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            for domain, desk in self._desks.items():
                if time.monotonic() >= self._not_before.get(domain, 0.0):
                    self._end(desk)
                    await self._deliver(domain, desk)
            await asyncio.sleep(PAUSE)

    def _end(self, desk: Desk) -> None:
        """End the segments that are due."""
        config, fewest = desk.config, desk.serving.contract.min_rows
        seconds = time.monotonic() - desk.journal.since
        by_time = config.window_seconds is not None and seconds >= config.window_seconds
        try:
            if desk.logged >= max(fewest, 1 if by_time else config.window_rows):
                desk.end_window()
            if desk.labelled:
                desk.end_labels()
        except OSError as error:
            self._session.runtime.tell(f"{desk.domain}: the log cannot be gone on with: {error}")

    async def _deliver(self, domain: str, desk: Desk) -> None:
        ended, labels = desk.journal.closed(), desk.labels.closed()
        if not ended and not labels:
            return
        asked = {
            "root": str(self._session.ws.root),
            "domain": domain,
            "ended": [str(path) for path in ended],
            "labels": [str(path) for path in labels],
            "open": str(desk.journal.path),
        }
        try:
            done = await run_beside("lepton.operations.serve.windows", json.dumps(asked))
        except LeptonError as error:
            self._not_before[domain] = time.monotonic() + AGAIN
            desk.metrics.window(domain, "failed")
            self._session.runtime.tell(f"{domain}: answers could not be delivered; they are kept.\n{error.render()}")
            return
        self._tell(domain, desk, done)

    def _tell(self, domain: str, desk: Desk, done: Mapping[str, object]) -> None:
        tell = self._session.runtime.tell
        for outcome in ("windows", "refused"):
            batches = done.get(outcome)
            for batch in batches if isinstance(batches, list) else []:
                desk.metrics.window(domain, "stored" if outcome == "windows" else "refused")
                where = "stored" if outcome == "windows" else f"refused; it is in quarantine/{domain}, with the reason"
                tell(f"{domain}: window {batch} {where}")
        for key, words in (("aside", "rows out of bounds set aside"), ("unknown", "labels of rows that nobody knows")):
            if done.get(key):
                tell(f"{domain}: {done[key]} {words}")
        if done.get("labels"):
            tell(f"{domain}: {done['labels']} labels stored")
