"""Serve: champions behind a port, bound to a workspace: its ledger says who answers, its data takes the answers."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lepton.core.errors import Busy, NotFound, UsageError
from lepton.core.work.files import atomic_write
from lepton.core.work.lock import hold
from lepton.operations.result import Facts, Result
from lepton.operations.serve.deliveries import Deliveries
from lepton.operations.serve.port import TOKEN, Port, address_of, curl_of, tls_of, tokens_of
from lepton.operations.serve.watch import Watcher, seat_for
from lepton.operations.session import Session
from lepton.serving.access import Access
from lepton.serving.app import App
from lepton.serving.desk import Desk, Serving
from lepton.serving.example import example_row
from lepton.serving.journal import Journal
from lepton.serving.metrics import Metrics

INLINE = 1_000
"""Characters of an example that a command shows; a longer one is put into a file."""


@dataclass(frozen=True)
class Served(Result):
    """A domain that is served."""

    domain: str
    address: str
    model: str
    provisional: bool
    curl: str
    """A request that works as it is written."""

    def facts(self) -> Facts:
        """Return what a person wants to know."""
        who = f"{self.model}, provisionally: not verified on {self.domain!r}" if self.provisional else self.model
        return {"domain": self.domain, "address": self.address, "model": who, "try": self.curl}


def serve(session: Session, domains: Sequence[str] = (), at: Port = Port()) -> list[Served]:
    """Answer requests until a signal ends it.

    Args:
        session: The workspace at work; whoever watches its run is told who answers, and what happens.
        domains: Which; by default all that something serves.
        at: Where to listen.

    Returns:
        What was served.

    Raises:
        NotFound: If nothing serves a domain.
        UsageError: If the address cannot be had, or would be open to everybody; if tokens or certificate are no good.
        Busy: If another server answers for a domain here.
        LeptonError: If a champion cannot be a graph.
    """
    from lepton.serving.server import Beside, is_loopback, listen
    from lepton.serving.server import serve as run

    ws, config, metrics = session.ws, session.ws.config.serve, Metrics()
    tokens, tls = tokens_of(ws.root, config), tls_of(at)
    if not is_loopback(at.host) and not tokens:
        raise UsageError(
            f"{at.host} would let everybody ask who reaches this machine.",
            why=f"Requests from elsewhere must bear a token, and neither {TOKEN} nor serve.tokens is set.",
            fix=[f"{TOKEN}=$(openssl rand -hex 32) lepton serve --host {at.host}", "leave --host out"],
        )
    names = _chosen(session, domains)
    told: list[Served] = []
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(hold(ws.serving_dir / name / "lock", seconds=0, busy=_busy(name)))
        seats = asyncio.run(_seats(session, names))
        sock = stack.enter_context(listen(at.host, at.number))
        address = address_of(at.host, sock.getsockname()[1], tls is not None)
        desks: dict[str, Desk] = {}
        journals: list[Journal] = []
        for name, seat in seats.items():
            pair = Journal(ws.serving_dir / name), Journal(ws.serving_dir / name / "labels")
            journals += pair
            desks[name] = Desk(name, seat, *pair, config, metrics)
            told.append(_served(session, name, seat, address, curl_of(tokens, tls)))
        app = App(desks, config, metrics, Access(tokens, config.rate))
        watcher, deliveries = Watcher(session, desks), Deliveries(session, desks)

        async def close() -> None:
            await asyncio.gather(*(desk.batcher.close() for desk in desks.values()))

        def started() -> None:
            for one in told:
                session.runtime.tell(str(one))
            if ws.source in desks:
                session.runtime.tell(f"{ws.source}: answers are logged, but the source takes no windows.")

        works = [watcher.run, deliveries.run, *(desk.batcher.run for desk in desks.values())]
        try:
            run(app, sock, Beside(works, close, session.runtime.tell, started), tls)
        finally:
            for journal in journals:
                journal.close()
    return told


def _chosen(session: Session, domains: Sequence[str]) -> list[str]:
    if domains:
        for name in domains:
            session.serving_in(session.ws.check_known(name))
        return list(dict.fromkeys(domains))
    found = []
    for name in session.ws.targets():
        try:
            session.serving_in(name)
            found.append(name)
        except NotFound:
            continue
    if not found:
        raise NotFound("Nothing can be served yet.", why="No target has a champion.", fix=["lepton transfer DOMAIN"])
    return found


async def _seats(session: Session, names: Sequence[str]) -> dict[str, Serving]:
    return {name: await seat_for(session, name) for name in names}


def _busy(domain: str) -> Busy:
    return Busy(
        f"Another server answers for {domain!r} in this workspace.",
        why="Each row that is answered stands in one log, which one process writes.",
        fix=["end the other one", f"lepton serve  (other domains than {domain})"],
    )


def _served(session: Session, domain: str, seat: Serving, address: str, curl: str) -> Served:
    """Return what a person is told of a domain, with a request that works as it is written."""
    about = seat.graph.about
    body = json.dumps([example_row(about, seat.contract)], ensure_ascii=False)
    data = shlex.quote(body)
    if len(body) > INLINE:
        file: Path = session.ws.serving_dir / domain / "example.json"
        atomic_write(file, body)
        data = shlex.quote(f"@{file}")
    url = f"{address}/predict/{domain}"
    request = f"{curl} -H 'Content-Type: application/json' -d {data} {url}"
    return Served(domain, url, about.model, about.provisional, request)
