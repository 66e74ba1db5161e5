"""`lepton.yaml`: typed, every field explained, unknown keys refused with the nearest known one."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from lepton.core.config.alerts import AlertConfig
from lepton.core.config.limits import LimitsConfig as LimitsConfig
from lepton.core.config.monitor import MonitorConfig as MonitorConfig
from lepton.core.config.monitor import MonitorFields
from lepton.core.config.pretrain import PretrainConfig as PretrainConfig
from lepton.core.config.section import Section, explain, plain
from lepton.core.config.serve import ServeConfig as ServeConfig
from lepton.core.config.variables import section_at, settings, variable
from lepton.core.config.yaml_file import read_yaml
from lepton.core.errors import NotFound, UsageError
from lepton.core.kinds import Kind, check_kind

AUTO = "auto"
"""In place of an encoder's name: the best by validation rows."""


class EncoderConfig(Section):
    """The network h = E(x)."""

    name: str | None = None
    """Encoder to use; by default `cnn` for images, `mlp` for tables, `gru` for sequences, `transformer` for texts and
    `fusion` for rows of several inputs. `auto` trains a base with each of `mlp`, `trees` and `tabular` on
    a table, and takes the best by validation rows."""
    width: int = Field(16, ge=4, le=1024)
    """Base width: channels of the first stage, or a quarter of the hidden units of a table's encoder."""
    features: int = Field(128, ge=4, le=2048)
    """Size d of the embedding h."""
    image_size: int = Field(28, ge=8, le=224)
    """Side in pixels to which images are resized."""
    longest: int = Field(256, ge=8, le=4096)
    """Most steps of a sequence, or bytes of a text, that the network reads; what is longer is cut there."""
    fit: Literal["auto", "content", "stretch"] = "auto"
    """How an image meets that size: `content` crops to the ink first, `stretch` takes the whole frame, `auto` crops
    if the source's images have a plain background."""


class TransferConfig(Section):
    """How a target is adapted to, and what it may cost."""

    strategies: tuple[str, ...] | None = None
    """Strategies that may be tried; the planner picks from them. By default all that there are, plug-ins included."""
    combine: bool = True
    """Whether the best of them may be tried again as an ensemble and as a soup of several seeds."""
    ancestor: str = "auto"
    """Where to start: `base`, `champion`, or `auto` for whichever registered model of the task transfers best."""
    goal: float | None = Field(None, gt=0, le=1)
    """Accuracy on labelled rows at which nothing more is tried; by default the budget alone decides."""
    labels_per_class: int | None = Field(None, ge=1)
    """Labelled rows a class to adapt with; by default all there are outside the held-out rows."""
    budget_labels: int | None = Field(None, ge=1)
    """Most labelled rows to adapt with, of all classes together."""
    budget_seconds: float = Field(120.0, gt=0)
    """Most seconds to spend on candidates; a strategy predicted to overrun what is left is not tried."""
    budget_bytes: int | None = Field(None, ge=1)
    """Most bytes of weights that a candidate may have; by default the gate's limit, four times the base's."""
    margin: float = Field(0.02, ge=0, le=0.5)
    """Non-inferiority margin of the gate: the loss of accuracy that must be ruled out at 95 %."""
    min_held_out: int = Field(30, ge=5)
    """Fewest labelled held-out rows that the gate accepts as evidence."""
    approval: Literal["gate", "person"] = "gate"
    """Who has the last word on a promotion: `gate`, or a `person` once the gate has passed (lepton promote --approve,
    or the form in Prefect's pages)."""
    approval_hours: float = Field(72.0, gt=0)
    """How long the form in Prefect's pages waits for a person; after that the command line still can."""
    provisional: bool = True
    """Whether the un-adapted base answers for a target until a model is promoted: marked as not verified there, and
    unless the target's labels show it to be useless."""
    on_recall: Literal["move_back", "mark"] = "move_back"
    """When what serves is recalled: `move_back` to the newest champion before it that is not, or only `mark` it and say
    so."""


class StackConfig(Section):
    """The local stack of `lepton up`."""

    prefect_port: int | None = Field(None, ge=1, le=65535)
    """Port of the Prefect server; by default the one it had before, at first a free one."""
    mlflow_port: int | None = Field(None, ge=1, le=65535)
    """Port of the MLflow server; likewise."""
    monitor_processes: int = Field(2, ge=1, le=64)
    """Most processes that share a scheduled round of the monitor over many targets."""


class DataConfig(Section):
    """Where data lives."""

    remote: str = ".lepton/remote"
    """DVC remote: a folder (relative to the workspace) or any URL that DVC accepts."""


class TargetConfig(Section):
    """What differs for one target; fields left out come from the project's sections."""

    transfer: TransferConfig | None = None
    """Laid over the project's transfer section for this target, field by field."""
    monitor: MonitorFields | None = None
    """Laid over the project's monitor section for this target, field by field."""


class Config(Section):
    """A workspace: one labelled source and any number of targets with the same classes."""

    name: str
    """Name of the project; the MLflow experiment bears it."""
    kind: Kind
    """What a row is: `image`, `tabular` (numbers and categories), `sequence`, `text`, or `mixed` (some of them)."""
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
    limits: LimitsConfig = LimitsConfig()
    """How large a delivery may be."""
    serve: ServeConfig = ServeConfig()
    """Answers over HTTP."""
    stack: StackConfig = StackConfig()
    """The local stack."""
    targets: dict[str, TargetConfig] = Field(default_factory=dict)
    """Overrides by target domain."""

    @field_validator("kind")
    @classmethod
    def _is_known(cls, value: Kind) -> Kind:
        return check_kind(value)

    @model_validator(mode="after")
    def _targets_fit(self) -> Self:
        """Check what becomes of each target's fields together with the project's."""
        for name in self.targets:
            try:
                self.transfer_for(name)
                self.monitor_for(name)
            except ValidationError as error:
                raise ValueError(f"targets.{name}: {plain(error.errors()[0], Config)}") from None
        return self

    def transfer_for(self, target: str) -> TransferConfig:
        """Return the transfer section that holds for `target`: its own fields, the project's for the rest."""
        return _laid_over(self.transfer, self.targets.get(target, TargetConfig()).transfer)

    def monitor_for(self, target: str) -> MonitorConfig:
        """Return the monitor section that holds for `target`: its own fields, the project's for the rest."""
        return _laid_over(self.monitor, self.targets.get(target, TargetConfig()).monitor)


S = TypeVar("S", bound=Section)
Variables = Mapping[tuple[str, ...], Any]
"""What the environment sets, by path."""


def _laid_over(section: S, over: Section | None) -> S:
    """Return `section` with the fields that `over` was given."""
    if over is None:
        return section
    return type(section).model_validate({**section.model_dump(), **over.model_dump(exclude_unset=True)})


def load_config(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read `lepton.yaml`; `LEPTON_SECTION__FIELD` in `environ` wins over the file, the file over the defaults.

    Raises:
        NotFound: If the file does not exist.
        UsageError: If it is not YAML (with the line), or a key, a value or a variable is wrong (with the nearest known
            one). No error shows an address that may hold a secret.
    """
    if not path.exists():
        raise NotFound(f"{path} does not exist.", fix=["lepton init --from FILE"])
    given = {key: value for key, value in read_yaml(path).items() if value is not None}  # a section left empty
    variables = settings(environ or {}, Config)
    return _together(path, given, variables)


def limits_before_init(environ: Mapping[str, str]) -> LimitsConfig:
    """Return what holds where there is no `lepton.yaml` yet: the defaults, and what the environment says.

    Raises:
        UsageError: If a variable is wrong, as in `load_config`.
    """
    given = {"name": "new", "kind": "tabular", "source": "new"}
    return _together(Path("lepton.yaml"), given, settings(environ, Config)).limits


def _together(path: Path, given: dict[str, Any], variables: Variables) -> Config:
    together = deepcopy(given)
    merge(together, _nested(variables))
    try:
        return Config.model_validate(together)
    except ValidationError as error:
        raise _invalid(path, error, given, variables) from None


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return `LEPTON_MONITOR__ENTER=1.2` as {"monitor": {"enter": 1.2}}; LEPTON_WORKSPACE and such are no settings.

    Raises:
        UsageError: If a variable names no setting (with the nearest one), or holds what is not YAML.
    """
    return _nested(settings(environ, Config))


def _nested(variables: Variables) -> dict[str, Any]:
    """Return values by path as nested dicts; inner fields win over what their section's own variable says."""
    found: dict[str, Any] = {}
    for path, value in variables.items():
        if value is None and section_at(Config, path) is not None:
            continue  # a section left empty
        for part in reversed(path):
            value = {part: value}
        merge(found, value)
    return found


def merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Lay `over` on `base`, section by section, in place."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


def _invalid(path: Path, error: ValidationError, given: dict[str, Any], variables: Variables) -> UsageError:
    """Return what to tell the user: each problem, blamed on the variable that made it or else on the file."""
    suspects = variables if variables and _is_valid(given) else {}
    problems = [(_culprit(problem["loc"], variables, suspects), explain(problem, Config)) for problem in error.errors()]
    blamed = dict.fromkeys(name for name, _ in problems if name)
    in_file = any(name is None for name, _ in problems)
    return UsageError(
        f"{path.name} is not a valid configuration." if in_file else "The environment holds settings that do not work.",
        why="\n".join(f"{name}: {text}" if name else text for name, text in problems),
        fix=[*([f"edit {path}"] if in_file else []), *(f"put {name} right, or unset it" for name in blamed)],
    )


def _is_valid(given: dict[str, Any]) -> bool:
    try:
        Config.model_validate(given)
    except ValidationError:
        return False
    return True


def _culprit(place: tuple[int | str, ...], variables: Variables, suspects: Variables) -> str | None:
    """Return the variable that set what is at `place`, or those suspected that set parts of it; None: the file did."""
    for path in sorted(variables, key=len, reverse=True):
        if place[: len(path)] == path:
            return variable(path)
    return ", ".join(variable(path) for path in suspects if path[: len(place)] == place) or None
