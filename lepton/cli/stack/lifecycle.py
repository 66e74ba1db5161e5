"""Bring the stack up and take it down, idempotently: what is well is left alone, what is broken is mended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from lepton.cli.stack import parts
from lepton.cli.stack.deployments import create_pool, deploy
from lepton.cli.stack.look import silent_of, watched
from lepton.cli.stack.parts import HEALTH, MLFLOW, NAMES, POOLS, PREFECT, WATCHDOG, WORKERS, services_of
from lepton.cli.stack.ports import Ports, free_port, is_free, remember, remembered, wanted_in
from lepton.cli.stack.processes import Service, answers, stop, wait_until_answering
from lepton.core.config.addresses import Stack, read_stack
from lepton.core.config.workspace import Workspace
from lepton.core.errors import Busy, LeptonError
from lepton.core.extras import require
from lepton.core.ledger import Ledger
from lepton.core.work.files import atomic_write
from lepton.core.work.lock import hold

START_SECONDS = 120.0
PATIENCE = 20.0
"""Seconds after which a server that runs and does not answer counts as broken."""

Say = Callable[[str], None]


def up(
    ws: Workspace,
    *,
    prefect_port: int | None = None,
    mlflow_port: int | None = None,
    schedules: bool = True,
    say: Say = lambda _: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Stack:
    """Start what does not run, or does not answer, and return the addresses; what is well keeps its process.

    Args:
        ws: The workspace to serve.
        prefect_port: Port of the Prefect server; by default what `lepton.yaml` says, else the one it had before, else a
            free one.
        mlflow_port: Port of the MLflow server; likewise.
        schedules: Whether the deployments' schedules are active.
        say: Told what is being waited for.
        meanwhile: Called while the servers start.

    Raises:
        Busy: If somebody else brings it up right now.
        LeptonError: If a wanted port is taken or a service does not start (what was started is stopped again, what ran
            before runs on), or what the stack is made of is not installed.
    """
    busy = Busy("Another lepton up or down is at work here.", fix=["wait for it to end: lepton status"])
    with hold(ws.state_dir / "locks" / "stack.lock", seconds=START_SECONDS, busy=busy):
        return _Mending(ws, Ports(prefect_port, mlflow_port).over(wanted_in(ws)), schedules).run(say, meanwhile)


def down(ws: Workspace) -> list[str]:
    """Stop every process of the stack; return the names of those that ran. Does nothing if none does."""
    # The watchdog first: what it sees go by a person's word is nobody's trouble.
    services = services_of(read_stack(ws))
    names = [*stop([services.pop(WATCHDOG)] if WATCHDOG in services else []), *stop(reversed(services.values()))]
    ws.stack_file.unlink(missing_ok=True)
    return names


def running(ws: Workspace) -> Stack | None:
    """Return the stack if it was started and its servers and workers still run; the watchdog is asked by `look`."""
    stack = read_stack(ws)
    services = services_of(stack)
    whole = all(name in services and services[name].alive() for name in NAMES if name != WATCHDOG)
    return stack if whole else None


def broken(ws: Workspace, wanted: Ports = Ports(), patience: float = PATIENCE) -> list[str]:
    """Return what `up` would start, in its order: what has ended, does not answer, answers at an unwanted port, or runs
    and asks for no work.

    Args:
        ws: The workspace.
        wanted: Ports that are asked for.
        patience: Seconds that a server may take to answer.
    """
    stack = read_stack(ws)
    known = services_of(stack)
    ports = {PREFECT: wanted.prefect, MLFLOW: wanted.mlflow}
    found = [name for name in NAMES if name not in known or not known[name].alive()]
    for name, health in HEALTH.items():
        if name not in found and not (
            ports[name] in (None, _port(known[name])) and _well(known[name], health, patience)
        ):
            found.append(name)
    if WATCHDOG not in found and not _looks(ws):
        found.append(WATCHDOG)
    if PREFECT in found and not _keeps_its_port(known.get(PREFECT), wanted.prefect):
        found += WORKERS.values()  # they ask at the old address
    if PREFECT not in found and stack is not None:
        found += [WORKERS[pool] for pool in silent_of(stack)]
    return [name for name in NAMES if name in found]


class _Mending:
    """One `up`: what stands, and what is started."""

    def __init__(self, ws: Workspace, wanted: Ports, schedules: bool) -> None:
        self.ws, self.wanted, self.schedules = ws, wanted, schedules
        self.before = read_stack(ws)
        self.known = services_of(self.before)
        self.standing: dict[str, Service] = {}
        self.started: list[Service] = []

    def run(self, say: Say, meanwhile: Callable[[], None]) -> Stack:
        """Mend what is broken; see `up`."""
        lost = broken(self.ws, self.wanted)
        if self.before is not None and not lost and self.before.schedules == self.schedules:
            return self.before
        self._check_ports(lost)
        require("prefect", "evidently")  # the workers run the loop and the monitor
        self.standing = {name: one for name, one in self.known.items() if name not in lost}
        # A worker that was killed may have left work that goes on; what a server left holds its port.
        stop(self.known[name] for name in lost if name in self.known and self._is_in_the_way(self.known[name]))
        try:
            return self._start(lost, say, meanwhile)
        except BaseException:
            stop(reversed(self.started))
            self.standing = {name: one for name, one in self.standing.items() if one not in self.started}
            if self.before is not None and self.standing:
                self._record(self.before.prefect_url, self.before.mlflow_url)
            else:
                self.ws.stack_file.unlink(missing_ok=True)
            raise

    def _start(self, lost: list[str], say: Say, meanwhile: Callable[[], None]) -> Stack:
        from lepton.registry.reconcile import reconcile

        ws, last = self.ws, remembered(self.ws)
        say(f"starting {', '.join(lost) or 'nothing, applying the deployments'}")
        if PREFECT in lost:
            self._add(parts.start_prefect(ws, self._port_for(PREFECT, self.wanted.prefect, last.prefect, say)))
        if MLFLOW in lost:
            self._add(parts.start_mlflow(ws, self._port_for(MLFLOW, self.wanted.mlflow, last.mlflow, say)))
        prefect, mlflow = self.standing[PREFECT], self.standing[MLFLOW]
        urls = str(prefect.url), str(mlflow.url)
        if _port(prefect) != _port(self.known.get(PREFECT, prefect)):  # the workers ask at the old address
            asking = [name for name in WORKERS.values() if name in self.standing]
            stop(self.standing.pop(name) for name in asking)
            lost += asking
        remember(ws, Ports(_port(prefect), _port(mlflow)))
        self._record(*urls)  # from here on `lepton down` finds them, whatever happens to us
        meanwhile()
        wait_until_answering(prefect, HEALTH[PREFECT], START_SECONDS)
        api = f"{prefect.url}/api"
        for pool in POOLS:
            if WORKERS[pool] in lost:
                create_pool(api, pool)
                self._add(parts.start_worker(ws, pool, api))
        self._record(*urls)
        if PREFECT in lost or self.before is None or self.before.schedules != self.schedules:
            say("applying the deployments")
            deploy(ws, api, self.schedules)
        wait_until_answering(mlflow, HEALTH[MLFLOW], START_SECONDS)
        reconcile(ws, Ledger(ws.ledger_url))  # what a crash left between the ledger and MLflow
        if WATCHDOG in lost:
            self._add(parts.start_watchdog(ws))
        return self._record(*urls)

    def _add(self, service: Service) -> None:
        self.standing[service.name] = service
        self.started.append(service)

    def _check_ports(self, lost: list[str]) -> None:
        """Refuse a wanted port that another one holds, before anything is stopped for it."""
        for name, wanted, flag in (
            (PREFECT, self.wanted.prefect, "--prefect-port"),
            (MLFLOW, self.wanted.mlflow, "--mlflow-port"),
        ):
            if name in lost and wanted is not None and not _keeps_its_port(self.known.get(name), wanted):
                free_port(wanted, what=f"the {_proper(name)}", flag=flag)

    def _port_for(self, name: str, wanted: int | None, last: int | None, say: Say) -> int:
        """Return the port to start a server at, which is free."""
        if wanted is not None:
            return free_port(wanted, what=f"the {_proper(name)}", flag=f"--{name.split()[0]}-port")
        if last is not None and not is_free(last):
            say(f"port {last}, where the {_proper(name)} was, is taken; links to it lead elsewhere now")
            last = None
        return free_port(last)

    @staticmethod
    def _is_in_the_way(service: Service) -> bool:
        return service.alive() or service.url is not None

    def _record(self, prefect_url: str, mlflow_url: str) -> Stack:
        services = [self.standing[name].to_json() for name in NAMES if name in self.standing]
        value: Mapping[str, object] = {
            "prefect": {"url": prefect_url},
            "mlflow": {"url": mlflow_url},
            "services": services,
            "schedules": self.schedules,
        }
        atomic_write(self.ws.stack_file, json.dumps(value, indent=2))
        return Stack(prefect_url, mlflow_url, tuple(services), self.schedules)


def _well(service: Service, health: str, patience: float) -> bool:
    """Return whether a server answers; one on a busy machine is asked again for a while."""
    deadline = time.monotonic() + patience
    while not answers(f"{service.url}{health}", 5):
        if time.monotonic() > deadline or not service.alive():
            return False
        time.sleep(0.5)
    return True


def _looks(ws: Workspace) -> bool:
    stack = read_stack(ws)
    try:
        return stack is not None and bool(watched(ws, stack))
    except LeptonError:
        return False


def _port(service: Service) -> int | None:
    return urlsplit(service.url or "").port


def _keeps_its_port(service: Service | None, wanted: int | None) -> bool:
    """Return whether a server may be started again where it was."""
    return service is not None and wanted in (None, _port(service))


def _proper(name: str) -> str:
    return name.replace("prefect", "Prefect").replace("mlflow", "MLflow")
