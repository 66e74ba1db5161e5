"""The encoder `trees`: exactly LightGBM's leaves, in tensors that are stored, loaded and exported like any other's."""

from __future__ import annotations

import json
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.core.errors import LeptonError, UsageError
from lepton.core.table import Table
from lepton.core.work.files import sha256
from lepton.models import boosting
from lepton.models import format as model_format
from lepton.models.boosting import SPLITS, grow
from lepton.models.encoders import build_encoder
from lepton.models.encoders.trees import Trees
from lepton.models.export import export
from lepton.models.layout import Layout
from lepton.pretraining import pretrain
from lepton.pretraining.continuation import go_on
from lepton.pretraining.objective import Pretrained
from lepton.transfer import all_strategies
from lepton.transfer.search import Ground, search
from tests.unit.factories import SMALL, classes_of, rows

TREES = EncoderConfig(name="trees")


def made_up(seed: int, n: int, columns: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return rows with gaps as they are prepared (0 beside an indicator), a constant column, ties, and huge numbers."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, columns)).astype(np.float32)
    x[:, 0] = np.round(x[:, 0])
    x[:, 1] = 0.25
    gaps = random.random(n) < 0.3
    x[gaps, 2], x[:, 3] = 0.0, gaps
    x[:, 4] = random.choice(np.float32([-3e38, -1e-38, 0.0, 1e-38, 3e38]), n)
    score = x[:, 0] + np.where(gaps, 1.0, x[:, 2]) + random.normal(size=n)
    y = np.searchsorted(np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1]), score)
    return x, y.astype(np.int64)


def fitted(x: NDArray[np.float32], y: NDArray[np.int64], classes: int, seed: int = 0) -> tuple[Trees, nn.Linear]:
    encoder = build_encoder(TREES, Layout("tabular", (x.shape[1],)))
    assert isinstance(encoder, Trees)
    head = encoder.fit(torch.from_numpy(x), torch.from_numpy(y), classes, seed)
    return encoder, head


def base(kind_rows: Table, seed: int = 0, name: str = "trees", count: int = 3) -> Pretrained:
    encoder = SMALL.model_copy(update={"name": name})
    return pretrain(kind_rows, classes_of(count), encoder, PretrainConfig(epochs=2), seed=seed, threads=1)


def leaves_of(trees: boosting.Ensemble, x: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return (n, T) the place in which a row ends, walked one by one."""
    found = np.zeros((len(x), len(trees)), dtype=np.int64)
    for row, values in enumerate(x):
        for number in range(len(trees)):
            at = 0
            while at < SPLITS:
                at = 2 * at + 1 + int(values[trees.feature[number, at]] > trees.threshold[number, at])
            found[row, number] = at - SPLITS
    return found


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), classes=st.integers(2, 6), columns=st.integers(5, 9))
def test_rows_take_exactly_the_leaves_that_the_library_takes(seed: int, classes: int, columns: int) -> None:
    x, y = made_up(seed, 150, columns, classes)
    objective = {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}
    booster = lightgbm.train({**boosting._SHAPES[seed % 2], **objective, "seed": seed}, lightgbm.Dataset(x, y), 6)
    trees = boosting.read(booster.dump_model()["tree_info"])
    # On the thresholds themselves, and on the float32 on either side of them.
    edges = np.unique(trees.threshold[trees.threshold < 3e38])
    edges = np.concatenate([edges, np.nextafter(edges, np.float32(np.inf)), np.nextafter(edges, np.float32(-np.inf))])
    new = np.concatenate([x[:20], np.repeat(edges[:40, None], columns, axis=1)])
    ours, theirs = leaves_of(trees, new), booster.predict(new, pred_leaf=True).reshape(len(new), -1)
    for number in range(len(trees)):
        places = set(zip(ours[:, number].tolist(), theirs[:, number].tolist(), strict=True))
        assert len(places) == len({a for a, _ in places}) == len({b for _, b in places})
    values = np.take_along_axis(trees.leaf.T, ours, axis=0)
    margins = values.reshape(len(new), 6, -1).sum(axis=1)
    np.testing.assert_allclose(margins.squeeze(), booster.predict(new, raw_score=True), rtol=1e-9, atol=1e-9)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), classes=st.integers(2, 5))
def test_the_head_answers_as_the_mean_of_the_ensembles(seed: int, classes: int) -> None:
    x, y = made_up(seed, 200, 6, classes)
    encoder, head = fitted(x, y, classes, seed)
    grown = grow(x, y, seed)
    new, _ = made_up(seed + 1, 50, 6, classes)
    margins = np.zeros((50, grown.margins))
    for trees in grown.ensembles:
        values = np.take_along_axis(trees.leaf.T, leaves_of(trees, new), axis=0)
        margins += values.reshape(50, -1, grown.margins).sum(axis=1) / len(grown.ensembles)
    logits = head(encoder(torch.from_numpy(new))).detach().double().numpy()
    if classes == 2:
        np.testing.assert_allclose(logits[:, 1] - logits[:, 0], margins[:, 0], rtol=1e-4, atol=1e-4)
    else:
        np.testing.assert_allclose(logits, margins, rtol=1e-4, atol=1e-4)


def test_the_embedding_has_unit_variance_over_the_rows_it_learnt_from_and_no_more_coordinates_than_it_needs() -> None:
    x, y = made_up(0, 300, 6, 3)
    encoder, _ = fitted(x, y, 3)
    h = encoder(torch.from_numpy(x))
    used = encoder.leaf.shape[0]
    assert h.shape == (300, 128)
    torch.testing.assert_close(h[:, :used].std(dim=0), torch.ones(used), rtol=0, atol=1e-3)
    torch.testing.assert_close(h[:, :used].mean(dim=0), torch.zeros(used), rtol=0, atol=1e-3)
    assert not h[:, used:].any()


def test_a_class_without_a_row_is_answered_as_a_rare_one() -> None:
    x, y = made_up(0, 300, 6, 3)
    encoder, head = fitted(x, np.where(y == 1, 3, y), 4)
    chances = torch.softmax(head(encoder(torch.from_numpy(x))), dim=1)
    assert bool((chances[:, 1] < 0.02).all())
    assert bool(torch.isfinite(chances).all())


def test_a_class_of_a_single_row_is_learnt_from() -> None:
    x, y = made_up(0, 200, 6, 2)
    y[0] = 2
    encoder, head = fitted(x, y, 3)
    assert bool(torch.isfinite(head(encoder(torch.from_numpy(x)))).all())


def test_two_fits_are_the_same_bits_and_another_seed_is_another_base() -> None:
    table = rows("tabular", 300, seed=1)
    first, again, other = (base(table, seed).model.digest() for seed in (0, 0, 1))
    assert first == again != other


def test_saved_and_loaded_it_is_the_same_and_exported_it_answers_alike(tmp_path: Path) -> None:
    model = base(rows("tabular", 300, seed=1)).model
    loaded = model_format.load(model_format.save(model, tmp_path / "model"))
    assert loaded.digest() == model.digest()
    export(tmp_path, loaded)


def _forged(folder: Path, **changed: Tensor) -> None:
    weights = folder / model_format.WEIGHTS
    save_file({**load_file(weights), **{f"encoder.{name}": t.contiguous() for name, t in changed.items()}}, weights)
    described = json.loads((folder / model_format.DESCRIPTION).read_text())
    described["weights"] = sha256(weights)
    (folder / model_format.DESCRIPTION).write_text(json.dumps(described))


@pytest.mark.parametrize(
    ("name", "forge"),
    [
        ("feature", lambda t: t.fill_(10_000)),
        ("feature", lambda t: t.fill_(-1)),
        ("feature", lambda t: t.long()),
        ("threshold", lambda t: t[:, :1]),
        ("leaf", lambda t: t[:, :, :-1]),
        ("leaf", lambda t: t.fill_(torch.inf)),
    ],
)
def test_forged_trees_are_refused(tmp_path: Path, name: str, forge) -> None:
    model = base(rows("tabular", 300, seed=1)).model
    folder = model_format.save(model, tmp_path / "model")
    _forged(folder, **{name: forge(getattr(model.encoder, name).clone())})
    with pytest.raises(LeptonError, match="cannot be used"):
        model_format.load(folder)


def test_more_classes_than_coordinates_are_refused_with_the_number_to_set() -> None:
    x, y = made_up(0, 300, 6, 5)
    encoder = build_encoder(EncoderConfig(name="trees", features=4), Layout("tabular", (6,)))
    with pytest.raises(LeptonError, match="each of the 5 classes") as caught:
        encoder.fit(torch.from_numpy(x), torch.from_numpy(y), 5, 0)
    assert "set encoder.features to 5 or more" in caught.value.fix[0]


def test_objectives_that_ask_for_a_gradient_are_refused_by_name() -> None:
    table, encoder = rows("tabular", 300, seed=1), SMALL.model_copy(update={"name": "trees"})
    for chain in (("vicreg",), ("reconstruction", "supervised")):
        with pytest.raises(UsageError, match=r"'trees' does not learn by gradient") as caught:
            pretrain(table, classes_of(3), encoder, PretrainConfig(objectives=chain), threads=1)
        assert "+".join(chain) in caught.value.what
        assert "set pretrain.objective to supervised" in caught.value.fix[0]
        assert "tabular" in caught.value.fix[1]


def test_going_on_with_such_a_base_is_refused_with_what_to_do_instead() -> None:
    table = rows("tabular", 300, seed=1)
    with pytest.raises(UsageError, match="cannot be gone on with") as caught:
        go_on(base(table).model, table, set(table.ids), PretrainConfig())
    assert caught.value.fix[0].startswith("lepton pretrain")


def test_a_transfer_tries_what_works_on_embeddings_and_says_why_it_leaves_out_the_rest() -> None:
    model = base(rows("tabular", 300, seed=1)).model
    target, held_out = rows("tabular", 300, seed=3), rows("tabular", 60, seed=4)
    found = search(Ground(model, target, held_out))
    out = {step.strategy: step.out for step in found.plan.steps}
    for strategy in all_strategies():
        if strategy.name in out and strategy.needs.gradient:
            assert "needs an encoder that learns by gradient" in out[strategy.name]
            assert strategy.name not in found.candidates
    assert {"none", "probe"} < set(found.candidates)
    assert all(np.isfinite(one.probabilities).all() for one in found.candidates.values())
