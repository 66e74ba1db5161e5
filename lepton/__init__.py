"""lepton: cross-domain transfer as an orchestrated, guarded and audited workflow.

    import lepton

    ws = lepton.init("shop", "site-1.csv", label="outcome")      # or lepton.open("shop")
    ws.ingest("site-1", "site-1.csv")
    ws.pretrain()
    ws.ingest("site-2", "site-2.csv", new=True)
    ws.transfer("site-2")
    ws.champion("site-2").predict(frame)

What `__all__` names is the public surface; all else is inside and may change. A name is imported when it is first asked
for, so that `import lepton` costs nothing; the types are in `__init__.pyi`.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

_HOMES = {
    "open": "lepton.operations.workspace",
    "init": "lepton.operations.workspace",
    "register": "lepton.core.plugins",
    "Workspace": "lepton.operations.workspace",
    "Champion": "lepton.operations.champion",
    "Prediction": "lepton.operations.champion",
    "GraphExport": "lepton.operations.export.export",
    "Result": "lepton.operations.result",
    "IngestResult": "lepton.operations.ingest",
    "PretrainResult": "lepton.operations.pretrain.result",
    "ScoreResult": "lepton.operations.score",
    "RetrainResult": "lepton.operations.retrain",
    "PromotionResult": "lepton.operations.promotion",
    "RejectionResult": "lepton.operations.promotion",
    "RecallResult": "lepton.operations.recall",
    "LiftResult": "lepton.operations.recall",
    "ForgetResult": "lepton.operations.data.erasure",
    "ReproduceResult": "lepton.operations.reproduce.result",
    "TransferResult": "lepton.operations.transfer.result",
    "Status": "lepton.operations.status",
    "PairStatus": "lepton.operations.status",
    "Health": "lepton.operations.doctor",
    "ModelLineage": "lepton.operations.lineage.lineage",
    "LineageTree": "lepton.operations.lineage.lineage",
    "MonitorResult": "lepton.operations.monitor.results",
    "BackfillResult": "lepton.operations.monitor.results",
    "ReplayResult": "lepton.operations.monitor.results",
    "TransferExplained": "lepton.operations.transfer.explanation",
    "ModelsCompared": "lepton.operations.lineage.comparison",
    "ImpactResult": "lepton.operations.lineage.impact",
    "LineagePage": "lepton.operations.lineage.page",
    "Materials": "lepton.operations.materials",
    "RowsOfModel": "lepton.operations.materials",
    "LedgerChecked": "lepton.operations.audit",
    "ExportResult": "lepton.operations.audit",
    "Strategy": "lepton.transfer.strategy",
    "Needs": "lepton.transfer.strategy",
    "Prior": "lepton.transfer.prior",
    "TargetData": "lepton.transfer.strategy",
    "Model": "lepton.models.model",
    "Encoder": "lepton.models.encoders.base",
    "EncoderConfig": "lepton.core.config.settings",
    "Layout": "lepton.models.layout",
    "Objective": "lepton.pretraining.objective",
    "Learner": "lepton.pretraining.engine",
    "InputKind": "lepton.core.kinds",
    "Reader": "lepton.data.readers.reader",
    "Reading": "lepton.data.readers.delivery",
    "Delivery": "lepton.data.readers.delivery",
    "Table": "lepton.core.table",
    "Validator": "lepton.transfer.guard.case",
    "Case": "lepton.transfer.guard.case",
    "LeptonError": "lepton.core.errors",
    "UsageError": "lepton.core.errors",
    "NotFound": "lepton.core.errors",
    "Refused": "lepton.core.errors",
    "GateRefused": "lepton.core.errors",
    "Conflict": "lepton.core.errors",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lepton' has no attribute {name!r}")
    from lepton.core.extras import told

    with told():
        value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
