"""The ledger is the only switch: whoever serves a domain there answers here, a moment later.

Its newest row's number is asked for several times a second, which costs about a millisecond. If it moved and somebody
else serves, the new graph is made, answers its examples, is warmed up, and takes its seat by one assignment. Until
then, and for as long as that fails, the old one answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from lepton.contract.file import load_contract
from lepton.core.errors import LeptonError
from lepton.graph.run import Graph
from lepton.operations.serve.child import run_beside
from lepton.operations.serve.graphs import graph_path, made_from
from lepton.operations.session import Session
from lepton.serving import desk as desks
from lepton.serving.dates import now
from lepton.serving.desk import Desk, Trouble

PAUSE = 0.2
"""Seconds between two looks at the ledger."""
AGAIN = 30.0
"""Seconds after which a champion that could not take its seat is tried again."""


class Watcher:
    """Looks at the ledger for desks.

    Args:
        session: The workspace at work.
        desks: By domain.
    """

    def __init__(self, session: Session, desks: Mapping[str, Desk]) -> None:
        self._session, self._desks = session, desks
        self._seen = -1
        self._again: float | None = None

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            LeptonError: If the ledger cannot be read; whoever calls tells it, and calls again.
        """
        loop = asyncio.get_running_loop()
        while True:
            newest = await asyncio.to_thread(self._session.ledger.last_seq)
            if newest != self._seen or (self._again is not None and loop.time() > self._again):
                head = await asyncio.to_thread(self._head)
                failed = [name for name, desk in self._desks.items() if not await self._look(name, desk, head)]
                self._seen = newest
                self._again = loop.time() + AGAIN if failed else None
            await asyncio.sleep(PAUSE)

    def _head(self) -> str:
        last = self._session.ledger.last()
        return f"{last.seq}:{last.hash}" if last else ""

    async def _look(self, domain: str, desk: Desk, head: str) -> bool:
        """Let whoever serves a domain answer; return whether it does."""
        try:
            path = await asyncio.to_thread(self._wanted, domain)
            about = desk.serving.graph.about
            if path.stem != desk.serving.key:
                desk.seat(await seat_for(self._session, domain))
                if desk.serving.label != about.model:
                    self._session.runtime.tell(f"{domain}: {desk.serving.label} answers now, after {about.model}")
                desk.metrics.swap(domain, "done")
            desk.ledger, desk.trouble = head, None
            return True
        except LeptonError as error:
            if desk.trouble is None or desk.trouble.what != error.what:
                self._session.runtime.tell(f"{domain}: {desk.serving.label} goes on.\n{error.render()}")
                desk.metrics.swap(domain, "failed")
            desk.ledger, desk.trouble = head, Trouble(error.what, error.why)
            return False

    def _wanted(self, domain: str) -> Path:
        """Return the graph that should answer; the ledger and the contract are read, nothing is imported."""
        contract = load_contract(self._session.ws, domain)
        return graph_path(self._session.ws, domain, self._session.serving_in(domain), contract)


async def seat_for(session: Session, domain: str) -> desks.Serving:
    """Return whoever serves a domain now, ready to answer; its graph is made if it is not there.

    Raises:
        NotFound: If nothing serves it.
        LeptonError: If it cannot be a graph, or does not answer its examples.
    """
    contract = await asyncio.to_thread(load_contract, session.ws, domain)
    serving = await asyncio.to_thread(session.serving_in, domain)
    path = graph_path(session.ws, domain, serving, contract)
    if not path.is_file():
        made = made_from(await run_beside("lepton.operations.serve.graphs", str(session.ws.root), domain))
        path, contract = made.path, await asyncio.to_thread(load_contract, session.ws, domain)
    graph = await asyncio.to_thread(_opened, path)
    return desks.Serving(graph, contract, now(), path.stem)


def _opened(path: Path) -> Graph:
    try:
        graph = Graph.open(path)
    except LeptonError:
        path.unlink(missing_ok=True)  # the next attempt makes it anew
        raise
    desks.warm(graph)
    return graph
