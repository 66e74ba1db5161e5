"""The section `pretrain` of `lepton.yaml`: objectives, the rows they see, and how long they learn."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from lepton.core.config.section import Section

STREAM_ABOVE = 2048


class StageFields(Section):
    """What may differ between the stages of a chain."""

    epochs: int = Field(12, ge=1)
    """Most passes over the training split, unless `fewest_steps` asks for more; early stopping may end it before."""
    fewest_steps: int | None = Field(None, ge=0)
    """Steps for which few rows are dealt more often than `epochs` says, with as much more patience; by default what the
    encoder asks for, which is none but of `tabular`."""
    patience: int = Field(3, ge=1)
    """Epochs without a better validation loss before training stops; counted from the middle of `epochs` on."""
    batch_size: int = Field(128, ge=2)
    """Rows a step."""
    lr: float = Field(2e-3, gt=0)
    """Peak learning rate of AdamW (one-cycle schedule)."""
    augment: bool = True
    """Random affine, contrast and noise on images; jitter on columns of a table, but not for the encoder `tabular`."""
    accumulate: int = Field(1, ge=1)
    """Parts into which a batch is cut so that it fits the memory; their gradients are summed before a step."""
    clip: float = Field(5.0, gt=0)
    """Largest norm of the gradient; a longer one is shortened to it."""
    average: float = Field(0.0, ge=0, lt=1)
    """Memory of the running mean of the weights that is validated and kept instead of the last ones; 0: none."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """`bf16` computes in bfloat16 where torch holds it safe: faster where the processor has it, never the same bits."""

    def lasting(self, steps: int) -> Self:
        """Return the same with as many more epochs, and as much more patience, as it takes to the fewest steps.

        Args:
            steps: In an epoch.
        """
        needed = -(-(self.fewest_steps or 0) // steps)
        if needed <= self.epochs:
            return self
        return self.model_copy(
            update={"epochs": needed, "patience": -(-self.patience * needed // self.epochs), "fewest_steps": 0}
        )


class ContinuationFields(Section):
    """How `lepton pretrain --continue` goes on with the base on new batches of the source."""

    epochs: int = Field(4, ge=1)
    """Most passes over the new rows and those replayed."""
    lr: float = Field(5e-4, gt=0)
    """Peak learning rate."""
    replay: float = Field(1.0, ge=0)
    """Old rows learnt from again, as a multiple of the new ones."""
    floor: float = Field(0.01, ge=0, le=1)
    """Accuracy on the old batches' held-out rows that may be lost; what forgets more is refused."""


class PretrainConfig(StageFields):
    """How the base model is trained on the source."""

    objective: str = "supervised"
    """One file under lepton/pretraining/."""
    objectives: tuple[str, ...] = ()
    """A chain of objectives instead of the one: each begins with the encoder that the one before has trained. If the
    last one learns no head, logistic regression on the source's labels makes it."""
    domains: tuple[str, ...] = ()
    """Further domains to learn from. Objectives without labels see their rows, `multitask` also their labels; rows of a
    domain's test split are never seen."""
    stages: dict[str, StageFields] = Field(default_factory=dict)
    """What differs for one objective of the chain, field by field."""
    mask: float = Field(0.5, gt=0, lt=1)
    """Share of the inputs that `reconstruction` hides."""
    continuation: ContinuationFields = ContinuationFields()
    """Going on with a base."""
    weighting: Literal["uncertainty", "equal"] = "uncertainty"
    """How `multitask` weighs its tasks."""
    processes: int = Field(1, ge=1, le=64)
    """Processes that train together, each on its share of every batch and of `threads`; part of a base's record, since
    it decides the last bits."""
    stream_above: int = Field(STREAM_ABOVE, ge=0)
    """Megabytes of prepared rows beyond which they lie in a file beside the checkpoints, read batch by batch."""
    try_seconds: float = Field(600.0, gt=0)
    """Seconds after which `encoder.name: auto` begins with no further encoder; the quickest to train come first."""
    checkpoint_seconds: float = Field(30.0, gt=0)
    """Time between two checkpoints: what a crash may cost."""

    @model_validator(mode="after")
    def _stages_are_in_the_chain(self) -> Self:
        if strange := sorted(set(self.stages) - set(self.chain)):
            raise ValueError(f"stages names {strange[0]!r}, which is not in the chain {', '.join(self.chain)}")
        if twice := sorted({name for name in self.chain if self.chain.count(name) > 1}):
            raise ValueError(f"the chain has {twice[0]!r} twice")
        return self

    @property
    def chain(self) -> tuple[str, ...]:
        """The objectives in order."""
        return self.objectives or (self.objective,)

    def stage(self, name: str) -> StageFields:
        """Return the fields that hold for one objective of the chain: its own, the section's for the rest."""
        over = self.stages.get(name)
        shared = {field: getattr(self, field) for field in StageFields.model_fields}
        return StageFields(**shared | (over.model_dump(exclude_unset=True) if over else {}))
