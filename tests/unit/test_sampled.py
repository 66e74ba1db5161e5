"""Batches read as a stream: which rows are chosen, and what is known of all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.table import Table
from lepton.data import sampling as sampled
from lepton.data import store
from lepton.data.sampling import moments, moments_of, sample
from tests.registry import workspace_in

SITE = "site"


def rows_of(count: int, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": rng.normal(50, 10, count), "city": rng.choice(["north", "south"], count)})
    frame.loc[rng.random(count) < 0.1, "age"] = np.nan
    frame.loc[rng.random(count) < 0.05, "age"] = np.inf
    ids = np.array([f"{seed}-{k}" for k in range(count)], dtype=object)
    return Table("tabular", ids, np.where(rng.random(count) < 0.5, "yes", None).astype(object), frame=frame)


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Two batches of 1,000 and 500 rows, read in pieces of 64."""
    monkeypatch.setattr(sampled, "AT_ONCE", 64)
    ws = workspace_in(tmp_path / "ws")
    store.write_batch(ws, SITE, "first", rows_of(1000, 1))
    store.write_batch(ws, SITE, "second", rows_of(500, 2))
    return ws


def test_a_batch_that_is_small_enough_is_there_whole(ws: Workspace) -> None:
    found = sample(ws, SITE, ["second"], 500, seed=0)
    everything = store.load(ws, SITE, ["second"])
    assert found.whole
    assert found.rows == 500
    assert found.moments == {}
    assert found.table.content_digest() == everything.content_digest()
    assert found.digest == everything.without_labels().content_digest()


def test_a_larger_one_gives_some_rows_in_their_order_unchanged_and_with_their_latest_labels(ws: Workspace) -> None:
    ids = np.array([f"1-{k}" for k in range(1000)], dtype=object)
    store.write_labels(ws, SITE, "later", ids, np.full(1000, "no", dtype=object))
    found = sample(ws, SITE, ["first", "second"], 300, seed=0)
    everything = store.load(ws, SITE)
    at = [list(everything.ids).index(row) for row in found.table.ids]
    assert not found.whole
    assert (found.rows, len(found.table)) == (1500, 300)
    assert at == sorted(set(at))
    assert found.table.content_digest() == everything.take(np.array(at)).content_digest()
    assert set(found.table.labels[[row.startswith("1-") for row in found.table.ids]]) == {"no"}


def test_every_row_has_the_same_chance(ws: Workspace) -> None:
    drawn = np.concatenate([sample(ws, SITE, ["first", "second"], 150, seed).table.ids for seed in range(60)])
    share = np.mean([row.startswith("1-") for row in drawn])
    assert abs(share - 2 / 3) < 0.02  # 9,000 draws: more than four standard errors
    assert len(set(drawn)) > 1470  # of 1,500, each missed by all with chance 0.9^60


def test_another_seed_draws_other_rows_and_the_same_seed_the_same(ws: Workspace) -> None:
    first, again, other = (list(sample(ws, SITE, ["first"], 100, seed).table.ids) for seed in (0, 0, 1))
    assert first == again != other


def test_the_moments_are_those_of_all_rows(ws: Workspace, tmp_path: Path) -> None:
    found = sample(ws, SITE, ["first", "second"], 100, seed=0).moments
    assert list(found) == ["age"]  # numbers only
    frame = store.load(ws, SITE).frame
    assert frame is not None
    values = frame["age"].to_numpy()
    finite = values[np.isfinite(values)]
    age = found["age"]
    assert (age.rows, age.missing, age.infinite) == (1500, np.isnan(values).sum(), np.isinf(values).sum())
    assert age.mean == pytest.approx(finite.mean(), rel=1e-12)
    assert age.variance == pytest.approx(finite.var(), rel=1e-10)
    assert (age.low, age.high) == (finite.min(), finite.max())
    assert moments(ws, SITE, ["first", "second"], tmp_path / "cache") == found
    assert moments(ws, SITE, ["first", "second"], tmp_path / "cache") == found  # from disk


def test_a_damaged_cache_of_moments_is_computed_again(ws: Workspace, tmp_path: Path) -> None:
    found = moments(ws, SITE, ["first"], tmp_path)
    (kept,) = tmp_path.glob("*.json")
    kept.write_text("[1, 2")
    assert moments(ws, SITE, ["first"], tmp_path) == found


def test_the_digest_is_of_the_rows_and_not_of_their_names_or_labels(ws: Workspace) -> None:
    relabelled = rows_of(1000, 1).without_labels()
    store.write_batch(
        ws, SITE, "again", replace(relabelled, ids=np.array([f"x{k}" for k in range(1000)], dtype=object))
    )
    digests = [sample(ws, SITE, [batch], 100, seed=0).digest for batch in ("first", "again", "second")]
    assert digests[0] == digests[1] != digests[2]


def test_images_are_sampled_and_have_no_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled, "AT_ONCE", 16)
    ws = workspace_in(tmp_path / "ws")
    images = np.random.default_rng(0).integers(0, 255, (100, 1, 4, 4)).astype(np.uint8)
    ids = np.array([f"i{k}" for k in range(100)], dtype=object)
    store.write_batch(ws, SITE, "scans", Table("image", ids, np.full(100, None, dtype=object), images=images))
    found = sample(ws, SITE, ["scans"], 30, seed=0)
    assert found.table.images is not None
    assert found.moments == {}
    at = [int(row[1:]) for row in found.table.ids]
    assert np.array_equal(found.table.images, images[at])


def test_a_damaged_batch_and_an_unknown_one_are_errors_with_a_remedy(ws: Workspace) -> None:
    with pytest.raises(NotFound, match="no batch 'third'"):
        sample(ws, SITE, ["third"], 10, seed=0)
    path = store.batch_files(ws, SITE)["first"]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LeptonError, match="damaged") as caught:
        sample(ws, SITE, ["first"], 10, seed=0)
    assert caught.value.fix


@given(st.lists(st.lists(st.floats(width=32), max_size=20), min_size=1, max_size=6))
def test_moments_merge_to_those_of_all_values_however_they_are_cut(parts: list[list[float]]) -> None:
    arrays = [np.array(part, dtype=np.float64) for part in parts]
    merged = moments_of(arrays[0])
    for part in arrays[1:]:
        merged = merged.merged(moments_of(part))
    whole = moments_of(np.concatenate(arrays))
    assert (merged.rows, merged.missing, merged.infinite) == (whole.rows, whole.missing, whole.infinite)
    for field in ("low", "high"):
        assert getattr(merged, field) == pytest.approx(getattr(whole, field), nan_ok=True)
    scale = max(abs(whole.low), abs(whole.high)) if whole.finite else 0.0
    assert merged.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-9 * scale, nan_ok=True)
    assert merged.variance == pytest.approx(whole.variance, rel=1e-9, abs=1e-9 * scale**2, nan_ok=True)
