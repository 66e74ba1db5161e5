"""How many labels are missing until a verdict: told from the labels that there are, else from answers alone. Pure.

With labels it is the number that the refusal itself names: rows like those seen, until a loss of the margin is ruled
out. Without any, the share of rows on which two models differ is known all the same, and it bounds what labels can
show: all of these rows may be won, or half of them, which is a challenger that is as good as what serves. Between the
two lies the number for a better one, such as one that wins two of three; for a worse one there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lepton.core.decisions.gate import CONFIDENCE, Comparison
from lepton.core.decisions.pair_statistics import rows_until


@dataclass(frozen=True)
class Outlook:
    """Labels until a verdict."""

    basis: Literal["labels", "answers", "nothing"]
    """What it is told from: wins and losses on labels, the share of rows answered differently, or nothing."""
    more: int | None
    """Further labels, about: of rows like those seen; from answers alone, if the challenger wins half where they
    differ. None if no number would do, or nobody can say."""
    at_best: int | None
    """Further labels if the challenger wins wherever they differ; told from answers alone."""
    if_better: int | None
    """Further labels if it wins two of three; told from answers alone."""
    why: str
    """In words."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def from_labels(comparisons: Sequence[Comparison], margin: float, z: float) -> Outlook:
    """Return what the refused test lacks: the most that any of its comparisons does.

    Args:
        comparisons: Of the challenger with each rival, on labelled rows.
        margin: Loss of accuracy that must be ruled out.
        z: Standard normal quantile of the bound that was asked for.
    """
    failed = [one for one in comparisons if not one.passed]
    if not failed:
        return Outlook("labels", None, None, None, "labels are not what the refused challenger lacks")
    worst = Outlook("labels", 0, None, None, "")
    for one in failed:
        seen = f"{one.wins} won, {one.losses} lost against the {one.against} on {one.rows} rows"
        until = rows_until(one.wins, one.losses, one.rows, margin, z) if one.p_worse >= 1 - CONFIDENCE else None
        if until is None:
            return Outlook("labels", None, None, None, f"the labels that there are rather speak against it: {seen}")
        if until - one.rows >= (worst.more or 0):
            worst = Outlook("labels", until - one.rows, None, None, f"{seen}, and more rows as these")
    return worst


def from_answers(differ: float, margin: float, z: float, *, least: int, labelled: int = 0) -> Outlook:
    """Return what labels could show at best, and what they would show of a challenger that is just as good.

    Args:
        differ: Share of rows on which the challenger and what serves differ.
        margin: Loss of accuracy that must be ruled out.
        z: Standard normal quantile of the bound that will be asked for.
        least: Fewest labelled rows that count as evidence.
        labelled: Those that there are already.
    """
    apart = differ * least
    until = (rows_until(apart * won, apart * (1 - won), least, margin, z) for won in (1 / 2, 1, 2 / 3))
    more, at_best, if_better = (None if rows is None else max(0, rows - labelled) for rows in until)
    return Outlook("answers", more, at_best, if_better, f"the two differ on {differ:.1%} of the rows")


def unknown(why: str) -> Outlook:
    """Return that there is nothing to be told from.

    Args:
        why: What is missing.
    """
    return Outlook("nothing", None, None, None, why)
