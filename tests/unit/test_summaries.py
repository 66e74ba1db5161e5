"""Summaries of images and the columns of the three aspects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.monitoring.answers import Judged
from lepton.monitoring.aspects import ASPECTS, Column, watched_columns
from lepton.monitoring.summaries import summarise


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    return (load_digits().images[:200] * 15).astype(np.uint8)[:, None]


def judged(table: Table, seed: int = 0, classes: tuple[str, ...] = ("a", "b", "c")) -> Judged:
    rng = np.random.default_rng(seed)
    return Judged(table, rng.dirichlet(np.ones(len(classes)), len(table)), rng.normal(size=(len(table), 12)), classes)


def tabular(frame: dict[str, object], prefix: str = "r") -> Judged:
    data = pd.DataFrame(frame)
    ids = np.array([f"{prefix}{k}" for k in range(len(data))], dtype=object)
    return judged(Table("tabular", ids, np.full(len(data), None, dtype=object), frame=data))


def by_name(columns: list[Column]) -> dict[str, Column]:
    return {column.name: column for column in columns}


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 20, 14), (4, 1, 9), (1, 9, 1), (2, 1, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_any_shape_have_finite_summaries(shape, dtype):
    images = (np.random.default_rng(0).random((5, *shape)) * (255 if dtype == np.uint8 else 1)).astype(dtype)
    found = summarise(images)
    assert len(found) == 5
    assert np.isfinite(found.to_numpy()).all()
    assert ("channel 0 mean" in found) == (shape[0] > 1)


def test_a_flat_image_has_finite_summaries():
    assert np.isfinite(summarise(np.full((2, 1, 8, 8), 7, dtype=np.uint8)).to_numpy()).all()


def test_pixels_that_are_not_finite_are_counted_and_do_no_other_harm():
    images = np.random.default_rng(0).random((3, 1, 4, 4)).astype(np.float32)
    images[0, 0, 0, 0], images[1, 0, 1, 1] = np.nan, np.inf
    found = summarise(images)
    assert np.isfinite(found.to_numpy()).all()
    assert found["broken"].tolist() == [1 / 16, 1 / 16, 0]


def test_what_is_seen_does_not_depend_on_how_many_images_are_summarised_at_once(digits, monkeypatch):
    whole = summarise(digits)
    monkeypatch.setattr("lepton.monitoring.summaries.PIXELS_AT_ONCE", 1000)
    pd.testing.assert_frame_equal(summarise(digits), whole)


def test_each_kind_of_degradation_moves_the_summary_that_is_there_for_it(digits):
    before = summarise(digits).mean()
    smooth = summarise(ndimage.gaussian_filter(digits, (0, 0, 0.8, 0.8))).mean()
    noisy = summarise(
        np.clip(digits + np.random.default_rng(0).normal(0, 40, digits.shape), 0, 255).astype(np.uint8)
    ).mean()
    darker = summarise((digits * 0.6).astype(np.uint8)).mean()
    moved = summarise(np.roll(digits, 1, axis=3)).mean()
    lamp = summarise(np.clip(digits + np.linspace(0, 120, 8), 0, 255).astype(np.uint8)).mean()
    assert smooth["sharpness"] < 0.7 * before["sharpness"]
    assert noisy["sharpness"] > 1.1 * before["sharpness"]
    assert darker["contrast"] < 0.7 * before["contrast"]
    assert moved["centre x"] > before["centre x"] + 0.05
    assert lamp["centre x"] > before["centre x"] + 0.05


def test_a_pair_of_judged_tables_has_columns_of_every_aspect(digits):
    ids = np.array([f"d{k}" for k in range(200)], dtype=object)
    table = Table("image", ids, np.full(200, None, dtype=object), images=digits)
    columns = watched_columns(judged(table), judged(table.take(np.arange(60)), 1))
    assert {column.aspect for column in columns} == set(ASPECTS) - {"label mix", "accuracy"}
    assert all(len(c.reference) == 200 and len(c.current) == 60 for c in columns)
    assert by_name(columns)["predictions: class"].kind == "category"


def test_components_and_their_signs_do_not_change_between_calls():
    rows = tabular({"x": np.arange(80.0)})
    first, second = (by_name(watched_columns(rows, rows))["embedding: direction 1"] for _ in range(2))
    np.testing.assert_array_equal(first.current, second.current)


def test_rows_that_the_champion_was_fitted_to_count_for_the_inputs_only():
    rows = tabular({"x": np.arange(80.0)})
    fitted = np.arange(80) < 20
    found = by_name(watched_columns(Judged(rows.table, rows.probabilities, rows.embedding, rows.classes, fitted), rows))
    assert not np.isnan(found["inputs: x"].reference).any()
    assert np.isnan(found["predictions: confidence"].reference).tolist() == fitted.tolist()
    assert "predictions: confidence missing" not in found


def test_missing_values_get_a_column_of_their_own():
    reference = tabular({"x": np.arange(60.0), "y": ["u", "v"] * 30})
    current = tabular({"x": [np.nan, *np.arange(39.0)], "y": [None, *["u"] * 39]}, "c")
    found = by_name(watched_columns(reference, current))
    assert found["inputs: x missing"].current.tolist().count("missing") == 1
    assert set(found["inputs: y missing"].reference) == {"present"}


def test_a_column_that_is_missing_altogether_is_judged_by_that():
    reference = tabular({"x": np.arange(60.0)})
    found = by_name(watched_columns(reference, tabular({"x": [np.nan] * 40}, "c")))
    assert "inputs: x" not in found
    assert set(found["inputs: x missing"].current) == {"missing"}
    back = by_name(watched_columns(tabular({"x": [np.nan] * 60}), tabular({"x": np.arange(40.0)}, "c")))
    assert set(back["inputs: x missing"].current) == {"present"}


def test_infinities_become_the_ends_of_a_range_and_absurd_values_are_clipped():
    current = tabular({"x": [np.inf, -np.inf, 1e300, *np.arange(37.0)]}, "c")
    found = by_name(watched_columns(tabular({"x": np.arange(61.0)}), current))["inputs: x"]
    assert found.current[:3].tolist() == [120.0, -60.0, 120.0]


@pytest.mark.parametrize("values", [[3.0] * 60, [3.0] * 57 + [1.0, 9.0, 2.0]])
def test_a_nearly_constant_number_is_judged_by_how_often_it_differs(values):
    found = by_name(watched_columns(tabular({"x": values}), tabular({"x": [3.0] * 20 + [4.0] * 20}, "c")))["inputs: x"]
    assert found.kind == "category"
    assert found.current.tolist() == ["3"] * 20 + ["above"] * 20


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ({"x": [1.0] * 9}, "missing column: y"),
        ({"x": [1.0] * 9, "y": ["u"] * 9, "z": [1] * 9}, "new column: z"),
        ({"x": ["1,5"] * 9, "y": ["u"] * 9}, "re-typed column: x"),
    ],
)
def test_a_window_with_other_columns_is_a_schema_breach(frame, problem):
    with pytest.raises(LeptonError, match="Schema breach") as caught:
        watched_columns(tabular({"x": np.arange(60.0), "y": ["u", "v"] * 30}), tabular(frame, "c"))
    assert problem in caught.value.why


def test_a_window_with_other_images_is_a_schema_breach(digits):
    def table(images):
        return Table(
            "image",
            np.array([f"{k}" for k in range(len(images))], dtype=object),
            np.full(len(images), None, dtype=object),
            images=images,
        )

    with pytest.raises(LeptonError, match="Schema breach") as caught:
        watched_columns(judged(table(digits)), judged(table(digits[:, :, :7])))
    assert "1 x 7 x 8" in caught.value.why
    with pytest.raises(LeptonError, match="Schema breach"):
        watched_columns(judged(table(digits)), judged(table(digits.astype(np.float32))))


def test_a_window_embedded_by_another_model_is_refused():
    rows = tabular({"x": np.arange(60.0)})
    other = Judged(rows.table, rows.probabilities, rows.embedding[:, :5], rows.classes)
    with pytest.raises(LeptonError, match="different models"):
        watched_columns(rows, other)


def test_answers_that_are_not_finite_are_missing_and_shown_as_such():
    rows = tabular({"x": np.arange(60.0)})
    p, h = rows.probabilities.copy(), rows.embedding.copy()
    p[:3], h[:3] = np.nan, np.inf
    found = by_name(watched_columns(rows, Judged(rows.table, p, h, rows.classes)))
    assert found["predictions: class missing"].current.tolist().count("missing") == 3
    assert found["embedding: direction 1 missing"].current.tolist().count("missing") == 3
