"""What a process of the command line imports sooner or later, imported; see `tests.processes`."""

from __future__ import annotations

import importlib
import warnings
from contextlib import suppress

MODULES = (
    "lepton.cli.main",
    "flows.ingest",
    "flows.monitor",
    "flows.pretrain",
    "flows.promote",
    "flows.recall",
    "flows.settled",
    "flows.transfer",
    "lepton.contract.ingest",
    "lepton.contract.gx",
    "lepton.data.versions",
    "lepton.models.examples",
    "lepton.models.export",
    "lepton.monitoring.alerts",
    "lepton.monitoring.report",
    "lepton.monitoring.window",
    "lepton.pretraining",
    "lepton.registry.reconcile",
    "lepton.registry.sbom",
    "lepton.transfer.candidates",
    "lepton.transfer.control",
    "great_expectations",
    "dvc.repo",
    "dvc.repo.add",
    "dvc.repo.push",
    "dvc.repo.status",
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "evidently",
    "torch.export",
    "torch._inductor",
    "sklearn.linear_model",
    "apprise",
)

warnings.filterwarnings("ignore")
for _name in MODULES:
    with suppress(ImportError):  # a vendor may rename one: the process then imports what it needs itself
        importlib.import_module(_name)
