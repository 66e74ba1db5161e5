"""A model as one ONNX file, in the real onnxruntime: raw rows in, the model's own answers out, or none at all."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from torch import nn

from lepton import __version__
from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.table import Table
from lepton.graph.about import TOLERANCE, About
from lepton.graph.fields import IMAGE, Field
from lepton.graph.run import Graph
from lepton.models.adapters import Bottleneck
from lepton.models.encoders import all_encoders, build_encoder
from lepton.models.graph.front import Names, Pixels, front_of
from lepton.models.graph.rows import examples_of, tensors_of
from lepton.models.graph.write import graph_of
from lepton.models.inputs import fit_inputs
from lepton.models.joint import Joint, Member, MixtureHead
from lepton.models.model import Model
from tests.unit import factories


def exported(model: Model, pixels: Pixels | None) -> bytes:
    front = front_of(model.inputs, Names(), pixels)
    about = About(
        domain="site",
        model="lepton-a-to-site v1",
        digest="d",
        provisional=False,
        classes=model.classes,
        contract="c",
        ledger="1:h",
        lineage="l",
        fields=front.fields,
        no_value=(),
        examples=examples_of(model, None, front.fields, pixels),
        lepton=__version__,
    )
    return graph_of(model, front, about.to_metadata())


def pixels_of(table: Table) -> Pixels | None:
    if table.images is None:
        return None
    return Pixels(table.images.shape[1:], "uint8" if table.images.dtype == np.uint8 else "float32")


def answers(graph: Graph, table: Table):
    return graph._run(tensors_of(table, graph.about.fields))


def compare(graph: Graph, model: Model, table: Table) -> None:
    expected, found = model.predict_proba(table), answers(graph, table)
    np.testing.assert_allclose(found.probabilities, expected, rtol=0, atol=TOLERANCE)
    assert list(found.labels) == [model.classes[at] for at in expected.argmax(axis=1)]


@cache
def trained(kind: str) -> tuple[Model, bytes]:
    model = factories.base(kind)
    torch.manual_seed(0)
    adapter = Bottleneck(model.feature_dim, 4, seed=0)
    nn.init.normal_(adapter.up.weight, std=0.1)
    model = model.replace(adapters=[adapter], temperature=1.7)
    return model, exported(model, pixels_of(factories.rows(kind, 6)))


@pytest.fixture(params=list(factories.MAKERS))
def kind(request) -> str:
    return request.param


def test_a_graph_answers_raw_rows_as_the_model_does(kind):
    model, content = trained(kind)
    graph = Graph.of(content)
    rows = factories.rows(kind, 300, seed=7)
    compare(graph, model, rows)
    compare(graph, model, rows.take([0]))
    compare(graph, model, model.inputs.made_up(16, np.random.default_rng(3)))
    assert answers(graph, rows.take([])).probabilities.shape == (0, 3)


def test_an_answer_does_not_hang_on_the_rows_beside_it(kind):
    graph = Graph.of(trained(kind)[1])
    check_alone(graph, factories.rows(kind, 1000, seed=7), 40)


def check_alone(graph: Graph, rows: Table, count: int) -> None:
    """Check that rows have the same bits alone, in batches of 7 and others, and among all; whatever the threads."""
    tensors = tensors_of(rows, graph.about.fields)
    whole = graph.chances(tensors, threads=2)
    np.testing.assert_array_equal(answers(graph, rows).probabilities, whole)
    for size in (1, 2, 3, 7, 32):
        for at in range(0, count, size):
            some = np.arange(at, at + size)
            np.testing.assert_array_equal(answers(graph, rows.take(some)).probabilities, whole[some])


CASES = [(name, kind) for name, one in all_encoders().items() for kind in one.kinds if kind in factories.MAKERS]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_every_encoder_can_be_exported(name, kind):
    torch.manual_seed(1)
    rows = factories.rows(kind, 60)
    config = EncoderConfig(name=name, width=8, features=8, image_size=12)
    inputs = fit_inputs(rows, config)
    encoder = build_encoder(config, inputs.layout)
    head = nn.Linear(encoder.feature_dim, 3)
    if not encoder.by_gradient:
        head = encoder.fit(inputs.to_tensor(rows), torch.arange(60) % 3, 3, seed=1)
    model = Model(inputs, encoder, head, factories.classes_of(3))
    graph = Graph.of(exported(model, pixels_of(rows)))
    compare(graph, model, rows)
    check_alone(graph, factories.rows(kind, 1000, seed=3), 21)


def test_an_ensemble_can_be_exported():
    first = factories.base("tabular")
    second = first.replace(adapters=[Bottleneck(first.feature_dim, 4, seed=1)])
    heads = [first.head, second.head]
    joint = Joint([Member(one.encoder, one.bottlenecks()) for one in (first, second)])
    model = Model(first.inputs, joint, MixtureHead(heads, [1.0, 2.0]), first.classes)
    compare(Graph.of(exported(model, None)), model, factories.rows("tabular", 50))


@pytest.mark.parametrize(
    ("shape", "dtype", "fit", "size"),
    [
        ((1, 10, 10), "uint8", "content", 12),
        ((1, 30, 17), "uint8", "content", 8),
        ((3, 40, 24), "uint8", "stretch", 12),
        ((1, 10, 10), "float32", "content", 12),
    ],
)
def test_images_of_other_shapes_than_the_source_are_framed_as_the_model_does(shape, dtype, fit, size):
    config = EncoderConfig(width=4, features=8, image_size=size, fit=fit)
    source = factories.images(60, dtype=dtype)
    inputs = fit_inputs(source, config)
    encoder = build_encoder(config, inputs.layout)
    model = Model(inputs, encoder, nn.Linear(encoder.feature_dim, 3), factories.classes_of(3))
    rows = factories.images(40, shape=shape, seed=3, dtype=dtype)
    rows.images[0] = 0  # nothing on it
    compare(Graph.of(exported(model, pixels_of(rows))), model, rows)


def strange_table() -> Table:
    """Columns with names that are alike, empty or hostile, and values at the edges."""
    frame = pd.DataFrame(
        {
            "a b": [1e300, -1e300, np.inf, -np.inf, np.nan, 0.0],
            "a_b": [1.0, 2.0, 3.0, np.nan, 5.0, 6.0],
            "A B": ["<b>", 'q"', "line\nbreak", None, "\u5bb6", ""],
            "</script><script>": ["1", "1.0", "True", "nan", None, "x"],
            "label": ["x", "y", "x", "y", "x", "y"],
            "": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        }
    )
    return Table("tabular", *(np.array([str(k) for k in range(6)], dtype=object),) * 2, frame=frame)


def test_strange_names_and_values_survive():
    table = strange_table()
    inputs = fit_inputs(table, EncoderConfig())
    torch.manual_seed(0)
    config = EncoderConfig(name="mlp", width=8, features=8)
    encoder = build_encoder(config, inputs.layout)
    model = Model(inputs, encoder, nn.Linear(8, 2), ("<i>yes</i>", 'n"o\n'))
    graph = Graph.of(exported(model, None))
    compare(graph, model, table)
    assert [one.column for one in graph.about.fields] == list(table.frame.columns)
    assert set(graph.answer_one({"": 0.3, "A B": "new"})) == {"<i>yes</i>", 'n"o\n'}


@pytest.mark.parametrize("values", [["red", None, "odd \ud800", "red"], ["red", None, 1, True], [None, None]])
@pytest.mark.parametrize("coded", [False, True])
def test_a_column_of_words_is_the_same_tensor_however_it_is_kept(values, coded):
    field = Field("colour", "category", "colour")
    column = pd.Series(values, dtype=object)
    ids = np.array([str(k) for k in range(len(values))], dtype=object)
    frame = pd.DataFrame({"colour": column.astype("category") if coded else column})
    found = tensors_of(Table("tabular", ids, ids, frame=frame), [field])["colour"]
    # Categories of pandas count 1 and True as one.
    expected = field.arrays(frame["colour"].astype(object).where(column.notna(), None).tolist())["colour"]
    assert found.tolist() == expected.tolist()


def test_one_row_may_lack_columns_but_not_name_others():
    graph = Graph.of(trained("tabular")[1])
    ranked = list(graph.answer_one({"size": 0.1}).values())
    assert ranked == sorted(ranked, reverse=True)
    with pytest.raises(UsageError, match="'sise'"):
        graph.answer_one({"sise": 0.1})


def test_equal_models_give_equal_bytes_that_name_no_path():
    model, content = trained("tabular")
    assert exported(model, None) == content
    for word in (b".py", b"site-packages", str(Path.cwd()).encode()):
        assert word not in content


def damaged(content: bytes, change) -> bytes:
    whole = onnx.load_from_string(content)
    change(whole)
    return whole.SerializeToString()


def heavier(whole: onnx.ModelProto) -> None:
    """Change one weight, as another processor or a bad disk would."""
    weight = next(one for one in whole.graph.initializer if one.name.endswith("head.weight"))
    values = onnx.numpy_helper.to_array(weight).copy()
    values.flat[0] += 0.5
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))


def test_a_graph_that_does_not_answer_its_own_examples_answers_nothing():
    with pytest.raises(LeptonError, match=r"cannot be used") as refused:
        Graph.of(damaged(trained("tabular")[1], heavier))
    assert "example rows" in refused.value.why


def without_metadata(whole: onnx.ModelProto) -> None:
    del whole.metadata_props[:]


def test_files_that_are_no_graph_of_ours_are_refused_in_words(tmp_path):
    file = tmp_path / "champion.onnx"
    with pytest.raises(NotFound):
        Graph.open(file)
    content = trained("tabular")[1]
    for bad, told in (
        (b"", "cannot be used"),
        (b"not a graph", "cannot be used"),
        (content[: len(content) // 2], "cannot be used"),
        (damaged(content, without_metadata), "no graph that lepton exported"),
    ):
        file.write_bytes(bad)
        with pytest.raises(LeptonError, match=told):
            Graph.open(file)


def test_a_graph_reads_no_file_beside_it(tmp_path):
    def outside(whole: onnx.ModelProto) -> None:
        weight = next(one for one in whole.graph.initializer if one.name.endswith("head.weight"))
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="weights.bin")

    (tmp_path / "weights.bin").write_bytes(bytes(4096))
    file = tmp_path / "champion.onnx"
    file.write_bytes(damaged(trained("tabular")[1], outside))
    with pytest.raises(LeptonError, match="cannot be used"):
        Graph.open(file)


def test_a_kind_that_brings_no_piece_of_a_graph_is_named(monkeypatch):
    from lepton.core import kinds

    monkeypatch.setitem(kinds._KINDS, "tabular", replace(kinds.kind_of("tabular"), graph=None))
    with pytest.raises(LeptonError, match="rows of a table cannot be exported"):
        exported(factories.base("tabular"), None)


def test_an_image_of_another_shape_is_refused():
    graph = Graph.of(trained("image")[1])
    with pytest.raises(LeptonError, match="shape"):
        graph.answer({IMAGE: [np.zeros((1, 9, 10), dtype=np.uint8)]})
