"""A workspace: the folder with `lepton.yaml`, and where everything in it lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lepton.core.config.names import check_domain
from lepton.core.config.settings import Config, load_config
from lepton.core.errors import NotFound, UsageError
from lepton.core.refs import Pair

CONFIG_FILE = "lepton.yaml"
ENVIRONMENT = "LEPTON_WORKSPACE"


@dataclass(frozen=True)
class Workspace:
    """Paths and configuration of one project; nothing is created by looking."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """Return the workspace at `start`, else at $LEPTON_WORKSPACE, else around the current folder.

        Raises:
            NotFound: If there is none.
        """
        if start is None and (named := os.environ.get(ENVIRONMENT)):
            start = Path(named)
        here = (start or Path.cwd()).resolve()
        for folder in [here] if start else [here, *here.parents]:
            if (folder / CONFIG_FILE).exists():
                return cls(folder)
        raise NotFound(
            f"There is no lepton workspace in {here}" + ("." if start else " or above it."),
            why=f"A workspace is a folder with a {CONFIG_FILE}.",
            fix=["lepton init --from FILE.csv", "lepton --workspace FOLDER ...", "lepton demo  (makes one to look at)"],
        )

    @cached_property
    def config(self) -> Config:
        """The configuration, read once."""
        return load_config(self.root / CONFIG_FILE, dict(os.environ))

    @property
    def source(self) -> str:
        """The labelled domain to learn from."""
        return self.config.source

    def pair(self, target: str) -> Pair:
        """Return the pair of the source and a known target.

        Raises:
            NotFound: If the target has no contract.
            UsageError: If the name is not allowed, or it is the source's.
        """
        self.check_known(target)
        if target == self.source:
            raise UsageError(
                f"{target!r} is the source; only targets are adapted to, scored and monitored.",
                why=f"Targets here: {', '.join(self.targets()) or 'none'}.",
                fix=[
                    "lepton pretrain  (trains the source's base model)",
                    "lepton ingest NAME FILE --new  (adds a target)",
                ],
            )
        return Pair(self.source, target)

    def slot(self, domain: str) -> str:
        """Return the name under which the ledger keeps what serves a domain: the pair's, or the source's own."""
        return domain if domain == self.source else self.pair(domain).name

    def domains(self) -> list[str]:
        """Return the known domains, the source first: those with a contract.

        A file whose name cannot name a domain, such as an editor's `plant-2 (copy).yaml`, is no contract.
        """
        names = sorted(path.stem for path in self.contracts_dir.glob("*.yaml") if _may_name_a_domain(path.stem))
        return sorted(names, key=lambda name: name != self.source)

    def targets(self) -> list[str]:
        """Return the known domains but the source."""
        return [name for name in self.domains() if name != self.source]

    def check_known(self, domain: str) -> str:
        """Return `domain` if it has a contract.

        Raises:
            NotFound: If it has none.
            UsageError: If the name is not allowed.
        """
        check_domain(domain)
        if domain not in self.domains():
            raise NotFound(
                f"Domain {domain!r} is not known here.",
                why=f"Known domains: {', '.join(self.domains()) or 'none'}. Each has its contracts/NAME.yaml.",
                fix=[f"lepton ingest {domain} FILE --new  (adds it as a target)"],
            )
        return domain

    @property
    def contracts_dir(self) -> Path:
        """One YAML a domain."""
        return self.root / "contracts"

    @property
    def data_dir(self) -> Path:
        """Everything DVC versions."""
        return self.root / "data"

    @property
    def state_dir(self) -> Path:
        """What git does not see."""
        return self.root / ".lepton"

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger; LEPTON_LEDGER_URL wins."""
        return os.environ.get("LEPTON_LEDGER_URL") or f"sqlite:///{self.state_dir / 'ledger.db'}"

    @property
    def stack_file(self) -> Path:
        """Addresses and processes of the running local stack; absent when it is down."""
        return self.state_dir / "stack.json"

    @property
    def mlflow_db(self) -> Path:
        """SQLite file behind MLflow."""
        return self.state_dir / "mlflow.db"

    @property
    def artifacts_dir(self) -> Path:
        """Files of MLflow runs and models."""
        return self.state_dir / "artifacts"

    @property
    def reports_dir(self) -> Path:
        """Pages and pictures for people."""
        return self.root / "reports"

    @property
    def quarantine_dir(self) -> Path:
        """Refused deliveries, with the reason beside each."""
        return self.root / "quarantine"

    @property
    def docs_dir(self) -> Path:
        """Great Expectations' Data Docs."""
        return self.state_dir / "gx"

    @property
    def cache_dir(self) -> Path:
        """Features and thresholds that can be computed again."""
        return self.state_dir / "cache"

    @property
    def predictions_dir(self) -> Path:
        """Predictions log: one Parquet file a scored batch."""
        return self.state_dir / "predictions"

    @property
    def graphs_dir(self) -> Path:
        """What serves, as graphs: made again if lost."""
        return self.state_dir / "graphs"

    @property
    def serving_dir(self) -> Path:
        """What was answered over HTTP: a folder a domain."""
        return self.state_dir / "serving"

    @property
    def work_dir(self) -> Path:
        """Candidates of transfers under way."""
        return self.state_dir / "work"

    @property
    def dashboard_dir(self) -> Path:
        """Evidently workspace with the windows of every pair over time."""
        return self.state_dir / "dashboard"

    @property
    def outbox_dir(self) -> Path:
        """Alerts that a channel did not take yet."""
        return self.state_dir / "outbox"

    @property
    def alerts_file(self) -> Path:
        """Every alert, one JSON object a line."""
        return self.state_dir / "alerts.jsonl"


def _may_name_a_domain(name: str) -> bool:
    try:
        check_domain(name)
    except UsageError:
        return False
    return True
