"""MLflow's database and its server: made once, started light, ended whole."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from lepton.core.config.workspace import Workspace
from lepton.core.work.files import atomic_write
from lepton.core.work.lock import hold, turn
from lepton.registry.mlflow.vendor import SETTINGS, clear_errors, mlflow

_CLIENT_SETTINGS = {"MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"}


def initialise(ws: Workspace) -> None:
    """Create MLflow's SQLite file if there is none; costs 1 s once (and MLflow's import), nothing after that.

    A fresh file runs all of MLflow's migrations, and processes that race to do so die. So one process migrates,
    under a lock, a temporary file which is put in place when it is complete: the file is whole or absent.

    Raises:
        LeptonError: If the state folder cannot be written.
    """
    if ws.mlflow_db.exists():
        return
    with clear_errors("MLflow's database could not be created."):
        ws.state_dir.mkdir(parents=True, exist_ok=True)
        with hold(ws.state_dir / "mlflow.lock"):
            if ws.mlflow_db.exists():
                return
            mlflow(stores=True)
            from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

            with tempfile.TemporaryDirectory(prefix="lepton-", dir=_fast_folder()) as folder:
                fresh = Path(folder) / "mlflow.db"
                # The store also makes the default experiment; it must not point to the current folder.
                with turn("alembic"):
                    store = SqlAlchemyStore(f"sqlite:///{fresh}", artifact_root(ws))  # type: ignore[no-untyped-call]  # MLflow's
                store.engine.dispose()
                atomic_write(ws.mlflow_db, fresh.read_bytes())


def artifact_root(ws: Workspace) -> str:
    """Return where artifacts go, as a file URI: processes with and without the server use the same files."""
    return ws.artifacts_dir.resolve().as_uri()


def server_command(ws: Workspace, port: int) -> list[str]:
    """Return the command of the tracking server for a workspace.

    One worker, no artifact proxy (clients read and write the files themselves), local callers only. It runs as two
    processes, the command and its worker: start it in a process group of its own (`start_new_session=True`) and
    end the group with SIGTERM. Call `initialise` before.
    """
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{ws.mlflow_db}", "--registry-store-uri", f"sqlite:///{ws.mlflow_db}"),
        *("--default-artifact-root", artifact_root(ws), "--no-serve-artifacts"),
        *("--allowed-hosts", "127.0.0.1:*,localhost:*"),
    ]


def server_environment() -> dict[str, str]:
    """Return the environment for `server_command`."""
    # The server must not take itself for a client of some other server.
    inherited = {key: value for key, value in os.environ.items() if key not in _CLIENT_SETTINGS}
    return {
        **inherited,
        **SETTINGS,
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        # The job runner of the GenAI features would add a process for each of its queues.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONWARNINGS": "ignore",
    }


def _fast_folder() -> str | None:
    """Return a folder in memory if the system has one: the migrations wait for the disk some 200 times."""
    memory = Path("/dev/shm")
    return str(memory) if os.access(memory, os.W_OK) else None
