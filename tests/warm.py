"""What a process of the command line imports sooner or later, imported; see `tests.processes`."""

from __future__ import annotations

import importlib
import warnings
from contextlib import suppress

MODULES = (
    "lepton.cli.main",
    "lepton.operations.ingest",
    "lepton.operations.monitor.monitor",
    "lepton.operations.pretrain.pretrain",
    "lepton.operations.promotion",
    "lepton.operations.recall",
    "lepton.operations.transfer.interruption",
    "lepton.operations.transfer.settlement",
    "lepton.operations.transfer.transfer",
    "lepton.contract.ingest",
    "lepton.contract.gx",
    "lepton.data.versions",
    "lepton.models.examples",
    "lepton.models.export",
    "lepton.monitoring.alerts",
    "lepton.monitoring.baseline",
    "lepton.monitoring.report",
    "lepton.pretraining",
    "lepton.registry.reconcile",
    "lepton.registry.lineage.sbom",
    "lepton.transfer.candidates",
    "lepton.transfer.judgement",
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
