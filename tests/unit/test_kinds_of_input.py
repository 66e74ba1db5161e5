"""Sequences, texts and rows of several inputs: read, stored, prepared; and what is refused of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from lepton.core.config.settings import EncoderConfig, PretrainConfig
from lepton.core.errors import LeptonError
from lepton.core.table import Table, concat, series_column
from lepton.data import batchfile
from lepton.data.ids import content_hashes
from lepton.data.readers import Reading, read, read_delivery
from lepton.models.augment import PRETRAINING, augment
from lepton.models.device import generator
from lepton.models.inputs import fit_inputs, inputs_from_json
from lepton.models.mixed_inputs import MixedInputs
from lepton.models.sequence_inputs import SequenceInputs
from lepton.models.text_inputs import TextInputs
from lepton.pretraining import pretrain
from lepton.registry.serving import Served
from tests.unit.factories import SMALL, base, classes_of, mixed, names, rows, sequences, texts

KINDS = ("image", "tabular", "sequence", "text", "mixed")
NEW = KINDS[2:]


def said(*values: str | None) -> Table:
    count = len(values)
    ids = names([str(k) for k in range(count)])
    frame = pd.DataFrame({"said": names(list(values))})
    return Table("text", ids, names([None] * count), frame=frame, texts=("said",))


def waves(*values: list[float] | None) -> Table:
    ids = names([str(k) for k in range(len(values))])
    frame = pd.DataFrame({"wave": series_column(values)})
    return Table("sequence", ids, names([None] * len(values)), frame=frame, series=("wave",))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_survive_their_file_and_every_way_of_picking_them(kind: str, tmp_path: Path) -> None:
    table = rows(kind, 30, seed=2)
    path = batchfile.write(tmp_path / "batch.parquet", [batchfile.encode(table)])
    again = batchfile.read(path)
    assert again.content_digest() == table.content_digest()
    assert (content_hashes(again) == content_hashes(table)).all()
    assert path.read_bytes() == batchfile.write(tmp_path / "b.parquet", [batchfile.encode(again)]).read_bytes()
    halves = concat([table.take(range(20)), table.take(range(20, 30))])
    assert halves.content_digest() == table.content_digest()
    shuffled = table.take(np.random.default_rng(0).permutation(30))
    assert sorted(content_hashes(shuffled)) == sorted(content_hashes(table))
    assert len(set(content_hashes(table))) > 25


@pytest.mark.parametrize("kind", NEW)
def test_a_changed_value_changes_the_digest(kind: str) -> None:
    table = rows(kind, 12, seed=2)
    assert table.frame is not None
    other = table.frame.copy()
    name = str(other.columns[-1])
    row = int(np.flatnonzero(other[name].notna())[0])
    value = other[name].iloc[row]
    other.at[row, name] = value + 1 if isinstance(value, np.ndarray) else f"{value}!"
    changed = Table(table.kind, table.ids, table.labels, table.images, other, table.texts, table.series, table.pictured)
    assert changed.content_digest() != table.content_digest()
    assert (content_hashes(changed) != content_hashes(table)).sum() == 1


def test_lines_of_a_csv_become_sequences_in_the_order_of_their_steps(tmp_path: Path) -> None:
    path = tmp_path / "heart.csv"
    path.write_text("id,step,rate,load,label\nb,2,82,1.5,ill\na,1,60,,well\nb,1,80,1,\na,2,61,0.5,well\n")
    found = read_delivery(path, kind="sequence")
    assert list(found.ids) == ["b", "a"]
    assert list(found.labels) == ["ill", "well"]
    assert found.frame is not None
    assert [one.tolist() for one in found.frame["rate"]] == [[80, 82], [60, 61]]
    assert np.isnan(found.frame["load"][1][0])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("step,rate\n1,2\n", "no column 'id'"),
        ("id,rate,label\na,1,x\na,2,y\n", "more than one label: x, y"),
        ("id,rate,mood\na,1,fine\n", "'mood' is no measured quantity"),
        ("id,step,rate\na,,1\n", "line 2 has no value in 'step'"),
        ("id,rate\n,1\n", "line 2 names no sequence"),
        ("id,step\na,1\n", "no measured quantity"),
    ],
)
def test_lines_that_are_no_sequences_are_refused_by_name(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "heart.csv"
    path.write_text(content)
    with pytest.raises(LeptonError, match=told):
        read_delivery(path, kind="sequence")


def test_parquet_lists_are_sequences_and_other_lists_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    pq.write_table(pa.table({"id": ["a", "b"], "rate": [[1.0, None, 3.0], []]}), path)
    found = read_delivery(path)
    assert (found.kind, found.series) == ("sequence", ("rate",))
    assert found.frame is not None
    assert [len(one) for one in found.frame["rate"]] == [3, 0]
    pq.write_table(pa.table({"id": ["a"], "rate": [[[1.0], [2.0]]]}), path)
    with pytest.raises(LeptonError, match="something else than a list of numbers in row 1"):
        read_delivery(path)
    pq.write_table(pa.table({"rate": [[1.0, 2.0], [1.0]], "load": [[1.0, 2.0], [1.0, 2.0]]}), path)
    with pytest.raises(LeptonError, match="series of row 2 differ in length"):
        read_delivery(path)


def test_an_npz_with_lengths_holds_sequences(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    np.savez(path, x=np.arange(24.0).reshape(2, 4, 3), lengths=np.array([4, 0]))
    found = read_delivery(path)
    assert found.series == ("x0", "x1", "x2")
    assert found.frame is not None
    assert [len(one) for one in found.frame["x1"]] == [4, 0]
    np.savez(path, x=np.zeros((2, 4, 3)), lengths=np.array([4, 5]))
    with pytest.raises(LeptonError, match="says 5 steps for row 2"):
        read_delivery(path)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"said": pa.array([b"caf\xc3\xa9", b"caf\xe9"], pa.binary())}), path)
    with pytest.raises(LeptonError, match="not UTF-8 in row 2"):
        read_delivery(path, kind="text")
    pq.write_table(pa.table({"said": pa.array([b"caf\xc3\xa9"], pa.binary())}), path)
    frame = read_delivery(path, kind="text").frame
    assert frame is not None
    assert frame["said"].tolist() == ["caf\u00e9"]
    broken = pa.array([b"ok", b"caf\xe9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"said": broken}), path)
    with pytest.raises(LeptonError, match="not UTF-8"):
        read_delivery(path, kind="text")


def test_a_text_is_asked_for_where_several_columns_could_be_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("title,body,label\na b,c d,x\n")
    with pytest.raises(LeptonError, match="2 columns of text; which one"):
        read_delivery(path, kind="text")
    found = read_delivery(path, texts=["body"])
    assert (found.kind, found.texts) == ("mixed", ("body",))


def pictures(folder: Path, listed: str, files: tuple[str, ...] = ("a.png", "b.png")) -> Path:
    folder.mkdir()
    for name in files:
        Image.fromarray(np.full((6, 5), 100, np.uint8)).save(folder / name)
    (folder / "rows.csv").write_text(listed)
    return folder


def test_a_folder_with_a_list_gives_images_and_columns_of_which_rows_may_lack_some(tmp_path: Path) -> None:
    listed = "file,age,note,label\na.png,3,all well,x\n,4,no picture,y\nb.png,,,x\n"
    found = read(pictures(tmp_path / "d", listed), Reading(texts=["note"])).table
    assert (found.kind, found.texts, found.plain_columns()) == ("mixed", ("note",), ["age"])
    assert found.images is not None
    assert found.images.shape == (3, 1, 6, 5)
    assert found.has_image().tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("picture,age\na.png,1\n", "no column 'file'"),
        ("file,age\na.png,1\nb.png,2\nc.png,3\n", "line 4 names 'c.png'"),
        ("file,age\na.png,1\n", "Not named: b.png"),
        ("file,label\na.png,1\nb.png,2\n", "no feature columns"),
    ],
)
def test_a_list_that_does_not_fit_its_folder_is_refused(listed: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(LeptonError) as caught:
        read(pictures(tmp_path / "d", listed), Reading())
    assert told in f"{caught.value.what} {caught.value.why}"


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_say_in_json_all_that_they_are(kind: str) -> None:
    table = rows(kind, 40, seed=3)
    inputs = fit_inputs(table, SMALL)
    again = inputs_from_json(inputs.to_json())
    assert again == inputs
    x = again.to_tensor(table)
    assert x.shape == (40, *inputs.layout.shape)
    assert torch.equal(x, inputs.to_tensor(table))
    assert torch.isfinite(x).all()


def test_texts_of_any_script_become_their_bytes_cut_at_a_character() -> None:
    inputs = TextInputs("said", 8)
    x = inputs.to_tensor(said("caf\u00e9", "\u5bb6\u5bb6\u5bb6", None, "e\u0301"))
    assert x[0].tolist() == [*(b + 1.0 for b in "caf\u00e9".encode()), 0, 0, 0]
    assert (x[1] > 0).sum() == 6  # two characters of three bytes; a third would be cut
    assert (x[2] == 0).all()
    assert torch.equal(x[3], inputs.to_tensor(said("\u00e9"))[0])  # one form of the same letter
    assert torch.isfinite(inputs.to_tensor(said("half a pair: \ud800"))).all()


def test_one_far_longer_row_does_not_set_the_size_for_all() -> None:
    table = concat([sequences(300, seed=1), waves_like(sequences(1, seed=2), 100_000)])
    inputs = fit_inputs(table, EncoderConfig())
    assert isinstance(inputs, SequenceInputs)
    assert inputs.length < 30
    long = concat([texts(300), said("word " * 50_000)])
    found = fit_inputs(long, EncoderConfig())
    assert isinstance(found, TextInputs)
    assert found.length < 100


def waves_like(table: Table, steps: int) -> Table:
    frame = pd.DataFrame({name: series_column([np.zeros(steps)]) for name in table.series})
    return Table("sequence", names(["long"]), names(["c0"]), frame=frame, series=table.series)


def test_empty_sequences_and_gaps_are_told_apart_from_steps() -> None:
    inputs = SequenceInputs(("wave",), (1.0,), (2.0,), 4)
    x = inputs.to_tensor(waves([], [3.0, float("nan")], [1e9] * 6, None))
    assert x[..., 1].tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]
    assert x[..., 0].tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [5, 5, 5, 5], [0, 0, 0, 0]]


def test_inputs_that_nobody_has_are_named() -> None:
    table = mixed(40)
    assert table.frame is not None
    without = table.frame.assign(said=names([None] * 40))
    bare = Table("mixed", table.ids, table.labels, table.images, without, table.texts, table.series, table.pictured)
    with pytest.raises(LeptonError, match="No row of the source has a text in 'said'"):
        fit_inputs(bare, SMALL)
    with pytest.raises(LeptonError, match="no text in column 'said'"):
        fit_inputs(said(None, None), SMALL)
    with pytest.raises(LeptonError, match="no sequence"):
        fit_inputs(waves(None, []), SMALL)
    blind = Table(
        "mixed", table.ids, table.labels, table.images, table.frame, table.texts, table.series, np.zeros(40, dtype=bool)
    )
    with pytest.raises(LeptonError, match="No row of the source has an image"):
        fit_inputs(blind, SMALL)


def test_rows_without_an_input_of_the_model_are_refused_but_single_rows_may_lack_it() -> None:
    inputs = fit_inputs(mixed(60), SMALL)
    assert isinstance(inputs, MixedInputs)
    flags, parts = inputs.layout.split(inputs.to_tensor(mixed(60)))
    assert 0.6 < float(flags.mean()) < 0.95
    assert [tuple(part.shape[1:]) for part in parts] == [part.layout.shape for part in inputs.parts]
    for place, part in enumerate(parts):
        assert (part[flags[:, place] == 0] == 0).all()
    with pytest.raises(LeptonError, match="do not have the inputs that the model reads"):
        inputs.to_tensor(texts(5))


@pytest.mark.parametrize("kind", NEW)
def test_variants_keep_what_is_there_and_what_is_not(kind: str) -> None:
    table = rows(kind, 200, seed=4)
    inputs = fit_inputs(table, SMALL)
    x = inputs.to_tensor(table)
    varied = augment(x, inputs, PRETRAINING, generator(0))
    assert varied.shape == x.shape
    assert torch.isfinite(varied).all()
    assert not torch.equal(varied, x)
    assert torch.equal(augment(x, inputs, PRETRAINING, generator(0)), varied)
    if kind == "sequence":
        assert torch.equal(varied[..., -1], x[..., -1])
        assert (varied[x[..., -1] == 0] == 0).all()
    if kind == "text":
        assert torch.equal(varied == 0, x == 0)
        assert 0.02 < float((varied != x).float().sum() / (x != 0).sum()) < 0.08
    if isinstance(inputs, MixedInputs):
        before, after = inputs.layout.split(x)[0], inputs.layout.split(varied)[0]
        assert (after <= before).all()
        assert (after.sum(dim=1) >= before.sum(dim=1).clamp(max=1)).all()
        assert 0 < (after < before).float().mean() < 0.2


def test_texts_cannot_be_reconstructed_and_sequences_can() -> None:
    config = PretrainConfig(epochs=1, batch_size=32, objectives=("reconstruction", "supervised"))
    pretrain(sequences(200), classes_of(3), SMALL, config, threads=1)
    for table in (texts(200), mixed(200)):
        with pytest.raises(LeptonError, match="Texts cannot be reconstructed"):
            pretrain(table, classes_of(3), SMALL, config, threads=1)


@pytest.mark.parametrize("kind", NEW)
def test_it_is_served_from_a_frame_of_its_columns(kind: str) -> None:
    model, table = base(kind), rows(kind, 12, seed=9)
    assert table.frame is not None
    frame = table.frame.copy()
    if table.images is not None:
        there = table.has_image()
        frame["image"] = pd.Series([one if has else None for one, has in zip(table.images, there, strict=True)])
    answers = Served(model).predict(frame)
    np.testing.assert_allclose(answers.iloc[:, 1:], model.predict_proba(table), atol=1e-6)
