"""`lepton.yaml`: typed, every field explained, unknown keys refused with the nearest known one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lepton.core.errors import NotFound, UsageError
from lepton.core.yamls import nearest, read_yaml


class Section(BaseModel):
    """A part of the configuration; an unknown key is an error, docstrings are the documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class EncoderConfig(Section):
    """The network h = E(x)."""

    name: str | None = None
    """Encoder to use; by default `cnn` for images and `mlp` for tables."""
    width: int = Field(16, ge=4, le=1024)
    """Base width: channels of the first stage, or a quarter of the hidden units of a table's encoder."""
    features: int = Field(128, ge=4, le=2048)
    """Size d of the embedding h."""
    image_size: int = Field(28, ge=8, le=224)
    """Side in pixels to which images are resized."""
    fit: Literal["auto", "content", "stretch"] = "auto"
    """How an image meets that size: `content` crops to the ink first, `stretch` takes the whole frame, `auto` crops
    if the source's images have a plain background."""


class PretrainConfig(Section):
    """How the base model is trained on the source."""

    objective: str = "supervised"
    """One file under lepton/pretraining/."""
    epochs: int = Field(12, ge=1)
    """Most passes over the training split; early stopping may end it before."""
    patience: int = Field(3, ge=1)
    """Epochs without a better validation loss before training stops; counted from the middle of `epochs` on."""
    batch_size: int = Field(128, ge=2)
    """Rows a step."""
    lr: float = Field(2e-3, gt=0)
    """Peak learning rate of AdamW (one-cycle schedule)."""
    augment: bool = True
    """Random affine, contrast and noise on images; jitter on columns of a table."""


class TransferConfig(Section):
    """How a target is adapted to, and what it may cost."""

    strategies: tuple[str, ...] = ("none", "probe", "residual", "finetune")
    """Strategies to try, cheapest first; each is one file under lepton/transfer/."""
    labels_per_class: int | None = Field(None, ge=1)
    """Labelled rows a class to adapt with; by default all there are outside the held-out rows."""
    budget_seconds: float = Field(120.0, gt=0)
    """Most seconds to spend on candidates; a strategy predicted to overrun what is left is not tried."""
    margin: float = Field(0.02, ge=0, le=0.5)
    """Non-inferiority margin of the gate: the loss of accuracy that must be ruled out at 95 %."""
    min_held_out: int = Field(30, ge=5)
    """Fewest labelled held-out rows that the gate accepts as evidence."""


class MonitorConfig(Section):
    """When drift is an alarm and when it starts a retransfer."""

    false_alarm_rate: float = Field(0.01, gt=0, lt=0.5)
    """Chance that a window without drift scores 1.0 or more, over all aspects and columns together."""
    enter: float = Field(1.0, gt=0)
    """Drift score at which a window counts as drifted; 1.0 is the calibrated threshold."""
    exit: float = Field(0.8, gt=0)
    """Score below which a drifted pair counts as calm again."""
    confirm: int = Field(2, ge=1)
    """M: drifted windows among the last `of` that confirm the drift."""
    of: int = Field(3, ge=1)
    """N."""
    min_rows: int = Field(50, ge=2)
    """Smaller windows are not judged."""
    tolerance: float = Field(0.02, ge=0, le=1)
    """Estimated loss of accuracy up to which confirmed drift counts as benign: recorded, not paged."""
    cooldown_minutes: float = Field(60.0, ge=0)
    """Time after a retransfer in which no other starts."""
    max_retransfers: int = Field(4, ge=1)
    """Cap of retransfers a pair within 24 hours; after it a person is asked."""


class AlertConfig(Section):
    """Who is told."""

    urls: tuple[str, ...] = ()
    """Apprise URLs (mailto://, slack://, ...); alerts always go to .lepton/alerts.jsonl too."""


class DataConfig(Section):
    """Where data lives."""

    remote: str = ".lepton/remote"
    """DVC remote: a folder (relative to the workspace) or any URL that DVC accepts."""


class TargetConfig(Section):
    """What differs for one target; fields left out come from the project's sections."""

    transfer: TransferConfig | None = None
    """Replaces the project's transfer section for this target."""
    monitor: MonitorConfig | None = None
    """Replaces the project's monitor section for this target."""


class Config(Section):
    """A workspace: one labelled source and any number of targets with the same classes."""

    name: str
    """Name of the project; the MLflow experiment bears it."""
    kind: Literal["image", "tabular"]
    """What a row is."""
    source: str
    """The labelled domain to learn from."""
    label: str = "label"
    """Column that holds the label in CSV and Parquet deliveries."""
    id: str | None = None
    """Column that identifies a row; by default ids are derived from the content."""
    seed: int = 0
    """Seed of everything random: same seed, same weights on one platform."""
    threads: int = Field(2, ge=1)
    """Threads torch may use in pretraining; adaptation uses one."""
    encoder: EncoderConfig = EncoderConfig()
    """The network."""
    pretrain: PretrainConfig = PretrainConfig()
    """Training of the base."""
    transfer: TransferConfig = TransferConfig()
    """Adaptation and its budget."""
    monitor: MonitorConfig = MonitorConfig()
    """Drift policy."""
    alerts: AlertConfig = AlertConfig()
    """Alert channels."""
    data: DataConfig = DataConfig()
    """Data storage."""
    targets: dict[str, TargetConfig] = Field(default_factory=dict)
    """Overrides by target domain."""

    def transfer_for(self, target: str) -> TransferConfig:
        """Return the transfer section that holds for `target`."""
        return (self.targets.get(target) or TargetConfig()).transfer or self.transfer

    def monitor_for(self, target: str) -> MonitorConfig:
        """Return the monitor section that holds for `target`."""
        return (self.targets.get(target) or TargetConfig()).monitor or self.monitor


def load_config(path: Path, environ: dict[str, str] | None = None) -> Config:
    """Read `lepton.yaml`; `LEPTON_SECTION__FIELD` in `environ` wins over the file, the file over the defaults.

    Raises:
        NotFound: If the file does not exist.
        UsageError: If it is not YAML (with the line), or a key or value is wrong (with the nearest known key).
    """
    if not path.exists():
        raise NotFound(f"{path} does not exist.", fix=["lepton init --from FILE"])
    given = {key: value for key, value in read_yaml(path).items() if value is not None}  # a section left empty
    merge(given, from_environment(environ or {}))
    try:
        return Config.model_validate(given)
    except ValidationError as error:
        raise UsageError(
            f"{path.name} is not a valid configuration.",
            why="\n".join(_explain(problem) for problem in error.errors()),
            fix=[f"edit {path}", "lepton config  (shows every value and where it came from)"],
        ) from None


def from_environment(environ: dict[str, str]) -> dict[str, Any]:
    """Return `LEPTON_MONITOR__ENTER=1.2` as {"monitor": {"enter": 1.2}}; other LEPTON_ variables are not settings."""
    found: dict[str, Any] = {}
    for key, text in sorted(environ.items()):
        if not key.startswith("LEPTON_"):
            continue
        path = key.removeprefix("LEPTON_").lower().split("__")
        if path[0] not in Config.model_fields:
            continue
        inner = found
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = yaml.safe_load(text)
    return found


def merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Lay `over` on `base`, section by section, in place."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


def _explain(problem: Any) -> str:
    """Turn one pydantic problem into a line with the path and the nearest known key."""
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _known_keys(problem["loc"][:-1])
        near = nearest(str(problem["loc"][-1]), known)
        return f"{where}: unknown key" + (f"; did you mean {near!r}?" if near else f"; known: {', '.join(known)}")
    if problem["type"] == "missing":
        return f"{where}: required, but absent"
    return f"{where}: {problem['msg'].lower()} (found {problem['input']!r})"


def _known_keys(path: tuple[int | str, ...]) -> list[str]:
    """Return the fields of the section at `path`."""
    model: type[BaseModel] = Config
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            options = [annotation, *get_args(annotation)]
            model = next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), model)
    return list(model.model_fields)
