"""The ports of the two servers: wanted, remembered, or free. A link written down yesterday leads there today."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.work.files import atomic_write


@dataclass(frozen=True)
class Ports:
    """Of the Prefect and the MLflow server; None where it is not known."""

    prefect: int | None = None
    mlflow: int | None = None

    def over(self, other: Ports) -> Ports:
        """Return these, and the other's where one of these is not known."""
        return Ports(
            other.prefect if self.prefect is None else self.prefect,
            other.mlflow if self.mlflow is None else self.mlflow,
        )


def wanted_in(ws: Workspace) -> Ports:
    """Return what `lepton.yaml` asks for."""
    return Ports(ws.config.stack.prefect_port, ws.config.stack.mlflow_port)


def remembered(ws: Workspace) -> Ports:
    """Return the ports that the stack of a workspace had last; none if it never ran, or the file is damaged."""
    try:
        value = json.loads(_file(ws).read_text(encoding="utf-8"))
        return Ports(int(value["prefect"]), int(value["mlflow"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Ports()


def remember(ws: Workspace, ports: Ports) -> None:
    """Keep the ports for the next time, whatever becomes of the stack."""
    if remembered(ws) != ports:
        atomic_write(_file(ws), json.dumps(asdict(ports)))


def free_port(wanted: int | None = None, *, what: str = "the server", flag: str = "--port") -> int:
    """Return `wanted` if it is free on loopback, or any free port if none is wanted.

    Raises:
        LeptonError: If the wanted port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except (OSError, OverflowError) as error:
            raise LeptonError(
                f"Port {wanted} for {what} cannot be used.",
                why=str(error),
                fix=[f"leave {flag} out: a free port is chosen", "lepton down  (if an older stack holds it)"],
            ) from None
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of loopback."""
    try:
        free_port(port)
    except LeptonError:
        return False
    return True


def _file(ws: Workspace) -> Path:
    return ws.state_dir / "ports.json"
