"""The aspects that are judged apart, as plain columns: inputs, embedding, predictions.

Everything that would trip a drift statistic is settled here, once, the same way for reference and window: missing
values get a column of their own, infinities become the ends of a range, (nearly) constant numbers become categories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.errors import LeptonError
from lepton.core.kinds import kind_of, refer
from lepton.core.table import Table
from lepton.monitoring.answers import Judged
from lepton.monitoring.scores import beyond_range
from lepton.monitoring.summaries import summarise
from lepton.monitoring.summaries_long import Vocabulary, summarise_series, summarise_texts, vocabulary

ASPECTS = ("inputs", "embedding", "predictions", "label mix", "accuracy")
"""In the order of a report. The last two are no columns, see `labels`."""
COMPONENTS = 8
"""Directions of the embedding that are watched one by one; the rest is in the residual."""
FOLDS = 5
USUAL_SHARE = 0.9
"""A number that has one value in at least this share of the reference is judged by how often it differs from it."""
TINY = 1e-6
"""Probabilities nearer to 0 or 1 than this are all the same."""
MIN_FRESH = 30
"""Fewer reference rows than this that the champion was not fitted to are too few to compare with."""

Method = Literal["wasserstein", "jensenshannon"]
"""Evidently's names. Both are distances, not p-values: their size means the same at every sample size."""

Kind = Literal["number", "category"]
Values = NDArray[np.float64] | NDArray[np.object_]


@dataclass(frozen=True)
class Column:
    """One watched quantity, in the reference and in the window."""

    name: str
    """`<aspect>: <column>`."""
    aspect: str
    kind: Kind
    reference: Values
    """(n,); NaN or None where missing."""
    current: Values
    """(m,); NaN or None where missing."""
    beyond: float = 0.0
    """How far the window's middle lies outside the reference's range, in widths of it; see `scores`."""

    @property
    def method(self) -> Method:
        """The statistic: Wasserstein for numbers, Jensen-Shannon for categories."""
        return "wasserstein" if self.kind == "number" else "jensenshannon"


def known(values: Values) -> Values:
    """Return the values that are not missing."""
    kept: Values = values[~pd.isna(values)]
    return kept


def watched_columns(reference: Judged, current: Judged) -> list[Column]:
    """Return the columns of every aspect.

    Raises:
        LeptonError: If the window does not have the reference's columns, types or image shape (schema breach).
    """
    check_schema(reference.table, current.table)
    fresh = reference.fresh()
    if fresh.sum() < MIN_FRESH:
        fresh = np.ones(len(reference), dtype=bool)
    found = _compare("inputs", *input_frames(reference.table, current.table))
    for aspect, (old, new) in {
        "embedding": _embedding_frames(reference, current),
        "predictions": (_prediction_frame(reference), _prediction_frame(current)),
    }.items():
        # Rows that the champion was fitted to are left out here only: they are missing, and so is their influence.
        found += _compare(aspect, _only(old, fresh), new, missing=~fresh)
    return found


def input_frames(reference: Table, current: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the columns of numbers and categories, and summaries of images, series and texts, of both."""
    vocabularies = {name: vocabulary(reference, name) for name in reference.texts}
    return _inputs(reference, vocabularies, own=True), _inputs(current, vocabularies, own=False)


def _inputs(table: Table, vocabularies: Mapping[str, Vocabulary], own: bool) -> pd.DataFrame:
    if own_summaries := kind_of(table.kind).summaries:
        summarised: pd.DataFrame = refer(own_summaries)(table)
        return summarised
    found = []
    if table.images is not None:
        found.append(summarise(table.images))
    if table.images is not None and kind_of(table.kind).images == "some":
        found[0] = _only(found[0].add_prefix("image "), table.has_image())
    if table.frame is not None:
        found.append(table.frame[table.plain_columns()])
        found += [summarise_series(table.frame[name], name) for name in table.series]
        found += [summarise_texts(table.frame[name], name, vocabularies[name], own=own) for name in table.texts]
    return pd.concat(found, axis=1)


def check_schema(reference: Table, current: Table) -> None:
    """Refuse a window that cannot be compared with the reference.

    Raises:
        LeptonError: Naming every missing, new or re-typed column, or the shapes of the images.
    """
    if problems := schema_problems(reference, current):
        raise LeptonError(
            "Schema breach: the window cannot be compared with the reference.",
            why="\n".join(problems),
            fix=["lepton ingest DOMAIN FILE --dry-run  (checks the delivery against the contract)"],
        )


def schema_problems(reference: Table, current: Table) -> list[str]:
    """Return what keeps a window from being compared with the reference, a line each; none if nothing does."""
    problems: list[str] = []
    if reference.kind != current.kind:
        problems.append(f"the reference is {reference.kind}, the window is {current.kind}")
    elif reference.images is not None and current.images is not None:
        if reference.images.shape[1:] != current.images.shape[1:]:
            problems.append(
                f"images of {_shape(current)} in the window, of {_shape(reference)} in the reference (C x H x W)"
            )
        if reference.images.dtype != current.images.dtype:
            types = current.images.dtype, reference.images.dtype
            problems.append(f"pixels are {types[0]} in the window, {types[1]} in the reference")
    elif reference.frame is not None and current.frame is not None:
        old, new = reference.frame, current.frame
        problems += [f"missing column: {name}" for name in old.columns if name not in new.columns]
        problems += [f"new column: {name}" for name in new.columns if name not in old.columns]
        for name in reference.plain_columns():
            if name not in new.columns:
                continue
            kinds = {_is_number(part[name]) for part in (old, new) if part[name].notna().any()}
            if len(kinds) == 2:
                problems.append(f"re-typed column: {name} is {new[name].dtype}, in the reference {old[name].dtype}")
    return problems


def _embedding_frames(reference: Judged, current: Judged) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the leading principal components, fitted on the reference, and what they leave out.

    The residual of a reference row is taken from components fitted without it: components fit their own rows
    better than any row to come, which would look like drift in every window.
    """
    old, new = np.asarray(reference.embedding, dtype=np.float64), np.asarray(current.embedding, dtype=np.float64)
    if old.shape[1] != new.shape[1]:
        raise LeptonError(
            "The window and the reference were embedded by different models.",
            why=f"{new.shape[1]} features a row in the window, {old.shape[1]} in the reference.",
            fix=["lepton monitor TARGET  (judges the window with the champion again)"],
        )
    whole = np.isfinite(old).all(axis=1)
    if whole.sum() < 2 or old.shape[1] == 0:
        return pd.DataFrame(index=range(len(old))), pd.DataFrame(index=range(len(new)))
    centre, directions = _principal(old[whole])
    residual = np.full(len(old), np.nan)
    rows = np.flatnonzero(whole)
    for fold in range(FOLDS):
        held = rows[fold::FOLDS]
        rest = np.setdiff1d(rows, held)
        if len(held) and len(rest) >= 2:
            residual[held] = _residual(old[held], *_principal(old[rest]))
    frames = []
    for values, left_out in ((old, residual), (new, _residual(new, centre, directions))):
        projected = _finite_rows(values - centre) @ directions.T
        frame = pd.DataFrame(projected, columns=[f"direction {k + 1}" for k in range(len(directions))])
        frames.append(frame.assign(residual=left_out))
    return frames[0], frames[1]


def _finite_rows(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows, those with a value that is not finite all NaN."""
    return np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, np.nan)


def _principal(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean (d,) and the leading directions (at most COMPONENTS, d) of rows (n, d)."""
    centre = rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False).reshape(rows.shape[1], rows.shape[1]))
    kept = [k for k in np.argsort(values)[::-1][:COMPONENTS] if values[k] > 1e-9 * max(values[-1], 1e-30)]
    directions = vectors[:, kept].T
    # An eigenvector's sign is arbitrary; fix it, so that the same reference gives the same columns everywhere.
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    return centre, directions * signs[:, None]


def _residual(
    rows: NDArray[np.float64], centre: NDArray[np.float64], directions: NDArray[np.float64]
) -> NDArray[np.float64]:
    moved = _finite_rows(rows - centre)
    left: NDArray[np.float64] = np.linalg.norm(moved - moved @ directions.T @ directions, axis=1)
    return left


def _prediction_frame(judged: Judged) -> pd.DataFrame:
    """Return the predicted class and how sure the champion is of it.

    Confidences crowd at 1 with a long tail, and a distance of such numbers hangs on the few rows in the tail. As log
    odds they are spread evenly, so that even a small reference shows what they are like without drift.
    """
    p = np.asarray(judged.probabilities, dtype=np.float64)
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(p).all(axis=1), dtype=bool)
    safe = np.clip(np.where(whole[:, None], p, 1.0 / max(p.shape[1], 1)), TINY, 1 - TINY)
    best = np.sort(safe, axis=1)[:, ::-1]
    labels = np.array(judged.classes, dtype=object)[safe.argmax(axis=1)]
    frame = pd.DataFrame({"class": labels, "confidence": np.log(best[:, 0] / (1 - best[:, 0]))})
    if p.shape[1] > 2:  # with two classes they say what the confidence says
        frame["margin"] = np.log(best[:, 0] / best[:, 1])
        frame["entropy"] = np.log(-np.sum(safe * np.log(safe), axis=1))
    return _only(frame, whole)


def _only(frame: pd.DataFrame, rows: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the frame with all other rows missing."""
    return frame.where(np.broadcast_to(rows[:, None], frame.shape))


def _compare(
    aspect: str, old: pd.DataFrame, new: pd.DataFrame, missing: NDArray[np.bool_] | None = None
) -> list[Column]:
    """Return the columns of one aspect; `missing` marks reference rows that are left out on purpose."""
    found: list[Column] = []
    for name in old.columns:
        title, kind, before, after = f"{aspect}: {name}", *_values(old[name], new[name])
        beyond = _beyond(old[name], new[name]) if kind == "number" else 0.0
        gone, lost = pd.isna(before), pd.isna(after)
        if not gone.all() and not lost.all():
            found.append(Column(title, aspect, kind, before, after, beyond))
        kept = np.ones(len(old), dtype=bool) if missing is None else ~missing
        if gone[kept].any() or lost.any():
            was, now = (np.where(at, "missing", "present").astype(object) for at in (gone, lost))
            was[~kept] = None
            found.append(Column(f"{title} missing", aspect, "category", was, now))
    return found


def _values(old: pd.Series, new: pd.Series) -> tuple[Kind, Values, Values]:
    """Return what a column is compared as, and its values on both sides."""
    if not _is_number(old if old.notna().any() else new):
        return "category", _texts(old), _texts(new)
    before, after = _numbers(old, new)
    usual = _usual(before)
    return ("number", before, after) if usual is None else ("category", _sides(before, usual), _sides(after, usual))


def _numbers(old: pd.Series, new: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both as floats, clipped to one range's width beyond the reference's range.

    One absurd value must not hide or fake the drift of all others; an infinity becomes the end of that range,
    where it shows, instead of being dropped by the statistic.
    """
    before, after = old.to_numpy(dtype=np.float64, na_value=np.nan), new.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = before[np.isfinite(before)]
    if not len(finite):
        return np.where(np.isfinite(before), before, np.nan), after
    low, high, reach = _range(finite)
    return np.clip(before, low - reach, high + reach), np.clip(after, low - reach, high + reach)


def _range(finite: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the ends of a range and its width, which is never 0."""
    low, high = float(finite.min()), float(finite.max())
    return low, high, max(high - low, abs(high), 1.0) if high == low else high - low


def _beyond(old: pd.Series, new: pd.Series) -> float:
    """Return how far the middle of a column of numbers has left the reference's range."""
    before, after = (values.to_numpy(dtype=np.float64, na_value=np.nan) for values in (old, new))
    finite = before[np.isfinite(before)]
    return beyond_range(*_range(finite), after) if len(finite) else 0.0


def _usual(values: NDArray[np.float64]) -> float | None:
    """Return the value that nearly all rows have, if there is one.

    A distance of numbers cannot be calibrated there: its null hangs on the few rows that differ.
    """
    kinds, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return float(kinds[counts.argmax()]) if len(kinds) and counts.max() >= USUAL_SHARE * counts.sum() else None


def _sides(values: NDArray[np.float64], usual: float) -> NDArray[np.object_]:
    texts = np.where(values == usual, f"{usual:.6g}", np.where(values < usual, "below", "above")).astype(object)
    texts[np.isnan(values)] = None
    return texts


def _texts(values: pd.Series) -> NDArray[np.object_]:
    return np.array([None if pd.isna(value) else str(value) for value in values], dtype=object)


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _shape(table: Table) -> str:
    return " x ".join(str(side) for side in table.images.shape[1:]) if table.images is not None else ""
