"""Types of what `import lepton` offers; the module itself imports each when it is first asked for."""

from lepton.core.config.settings import EncoderConfig as EncoderConfig
from lepton.core.errors import Conflict as Conflict
from lepton.core.errors import GateRefused as GateRefused
from lepton.core.errors import LeptonError as LeptonError
from lepton.core.errors import NotFound as NotFound
from lepton.core.errors import Refused as Refused
from lepton.core.errors import UsageError as UsageError
from lepton.core.kinds import InputKind as InputKind
from lepton.core.plugins import register as register
from lepton.core.table import Table as Table
from lepton.data.readers.delivery import Delivery as Delivery
from lepton.data.readers.delivery import Reading as Reading
from lepton.data.readers.reader import Reader as Reader
from lepton.models.encoders.base import Encoder as Encoder
from lepton.models.layout import Layout as Layout
from lepton.models.model import Model as Model
from lepton.operations.audit import ExportResult as ExportResult
from lepton.operations.audit import LedgerChecked as LedgerChecked
from lepton.operations.champion import Champion as Champion
from lepton.operations.champion import Prediction as Prediction
from lepton.operations.data.erasure import ForgetResult as ForgetResult
from lepton.operations.doctor import Health as Health
from lepton.operations.export.export import GraphExport as GraphExport
from lepton.operations.ingest import IngestResult as IngestResult
from lepton.operations.lineage.comparison import ModelsCompared as ModelsCompared
from lepton.operations.lineage.impact import ImpactResult as ImpactResult
from lepton.operations.lineage.lineage import LineageTree as LineageTree
from lepton.operations.lineage.lineage import ModelLineage as ModelLineage
from lepton.operations.lineage.page import LineagePage as LineagePage
from lepton.operations.materials import Materials as Materials
from lepton.operations.materials import RowsOfModel as RowsOfModel
from lepton.operations.monitor.results import BackfillResult as BackfillResult
from lepton.operations.monitor.results import MonitorResult as MonitorResult
from lepton.operations.monitor.results import ReplayResult as ReplayResult
from lepton.operations.pretrain.result import PretrainResult as PretrainResult
from lepton.operations.promotion import PromotionResult as PromotionResult
from lepton.operations.promotion import RejectionResult as RejectionResult
from lepton.operations.recall import LiftResult as LiftResult
from lepton.operations.recall import RecallResult as RecallResult
from lepton.operations.reproduce.result import ReproduceResult as ReproduceResult
from lepton.operations.result import Result as Result
from lepton.operations.retrain import RetrainResult as RetrainResult
from lepton.operations.score import ScoreResult as ScoreResult
from lepton.operations.status import PairStatus as PairStatus
from lepton.operations.status import Status as Status
from lepton.operations.transfer.explanation import TransferExplained as TransferExplained
from lepton.operations.transfer.result import TransferResult as TransferResult
from lepton.operations.workspace import Workspace as Workspace
from lepton.operations.workspace import init as init
from lepton.operations.workspace import open as open
from lepton.pretraining.engine import Learner as Learner
from lepton.pretraining.objective import Objective as Objective
from lepton.transfer.guard.case import Case as Case
from lepton.transfer.guard.case import Validator as Validator
from lepton.transfer.prior import Prior as Prior
from lepton.transfer.strategy import Needs as Needs
from lepton.transfer.strategy import Strategy as Strategy
from lepton.transfer.strategy import TargetData as TargetData

__version__: str
__all__ = [
    "BackfillResult",
    "Case",
    "Champion",
    "Conflict",
    "Delivery",
    "Encoder",
    "EncoderConfig",
    "ExportResult",
    "ForgetResult",
    "GateRefused",
    "Health",
    "ImpactResult",
    "IngestResult",
    "InputKind",
    "Layout",
    "Learner",
    "LedgerChecked",
    "LeptonError",
    "LiftResult",
    "LineagePage",
    "LineageTree",
    "Materials",
    "Model",
    "ModelLineage",
    "ModelsCompared",
    "MonitorResult",
    "Needs",
    "NotFound",
    "Objective",
    "PairStatus",
    "PretrainResult",
    "Prior",
    "PromotionResult",
    "Reader",
    "Reading",
    "RecallResult",
    "Refused",
    "RejectionResult",
    "ReplayResult",
    "ReproduceResult",
    "Result",
    "RetrainResult",
    "RowsOfModel",
    "ScoreResult",
    "Status",
    "Strategy",
    "Table",
    "TargetData",
    "TransferExplained",
    "TransferResult",
    "UsageError",
    "Validator",
    "Workspace",
    "init",
    "open",
    "register",
]
