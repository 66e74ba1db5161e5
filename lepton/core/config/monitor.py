"""The section `monitor` of `lepton.yaml`: what an alarm is, what starts a retransfer, who hears that it all runs."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from lepton.core.config.section import Section


class MonitorFields(Section):
    """The fields of the drift policy, each checked by itself: all that a target's own, partial section can be."""

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
    window_rows: int | None = Field(None, ge=2)
    """Join batches until they hold so many rows; by default each batch is a window."""
    window_hours: float | None = Field(None, gt=0)
    """Or join those that came within the same span of so many hours, judged when it is over."""
    min_rows: int = Field(50, ge=2)
    """Smaller windows are not judged."""
    tolerance: float = Field(0.02, ge=0, le=1)
    """Loss of accuracy up to which confirmed drift counts as benign, if the upper end of the loss is within it, too:
    recorded, not paged."""
    page_at_once: float = Field(0.15, ge=0, le=1)
    """Loss of accuracy for which one window is enough, if the whole interval of its loss lies beyond it: people are
    paged at once, whatever `confirm` says."""
    unknown: Literal["ask", "retransfer"] = "ask"
    """What is done about confirmed drift whose cost nobody knows: `ask` people for labels, or `retransfer` at once.
    The gate has the last word in any case."""
    cooldown_minutes: float = Field(60.0, ge=0)
    """Time after a retransfer in which no other starts."""
    max_retransfers: int = Field(4, ge=1)
    """Cap of retransfers a pair within 24 hours; after it a person is asked."""
    examples: int = Field(6, ge=0, le=50)
    """Rows or images of the window, and as many of the reference, that its report shows; 0 shows none."""
    keep_reports: int = Field(50, ge=1)
    """Reports of windows that are kept, the newest of each target; the numbers stay in the ledger for ever."""
    max_refusals: int = Field(3, ge=1)
    """Transfers in a row that the gate may refuse in answer to one drift before a person is asked."""


class MonitorConfig(MonitorFields):
    """When drift is an alarm and when it starts a retransfer."""

    ping_url: str | None = None
    """Address (http or https) that is called when a monitor's run over all targets has ended well, and with `/fail`
    behind it when not, as healthchecks.io and the like take it: a dead man's switch. Secret."""
    overdue_minutes: float = Field(10.0, gt=0)
    """How late a scheduled monitor, or retraining, may start before people are told."""

    @field_validator("ping_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("ping_url must begin with https:// or http://")
        return value

    @model_validator(mode="after")
    def _can_happen(self) -> Self:
        if self.confirm > self.of:
            raise ValueError(
                f"confirm ({self.confirm}) is more than of ({self.of}), so drift would never be confirmed: "
                f"of the last {self.of} windows at most {self.of} can be drifted"
            )
        if self.window_rows is not None and self.window_hours is not None:
            raise ValueError("window_rows and window_hours: a window is made by one of them; leave the other out")
        if self.exit > self.enter:
            raise ValueError(
                f"exit ({self.exit:g}) is more than enter ({self.enter:g}), so a score could count as drifted and "
                "calm at once; exit must be at most enter"
            )
        return self
