"""Example rows and the inference graph beside the weights: they answer as the model does, or it does not serve."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.core.errors import LeptonError
from lepton.core.work.files import sha256
from lepton.models import examples, export
from lepton.models import format as model_format
from lepton.models.adapters import Bottleneck
from lepton.models.image_inputs import ImageInputs
from lepton.models.input_spec import STRANGER
from lepton.models.table_inputs import Categorical, Numeric, TableInputs
from tests.unit.factories import base, rows


@pytest.fixture(params=["image", "tabular"])
def kind(request):
    return request.param


@pytest.fixture
def model(kind):
    start = base(kind)
    adapter = Bottleneck(start.feature_dim, 4)
    torch.nn.init.normal_(adapter.up.weight, generator=torch.Generator().manual_seed(0))
    return start.replace(adapters=[adapter], temperature=1.3)


@pytest.fixture
def folder(model, tmp_path):
    made = model_format.save(model, tmp_path / "model")
    export.complete(made)
    return made


def changed(model, by):
    other = model.replace()
    with torch.no_grad():
        other.head.bias[0] += by
    return other


def test_the_model_gives_the_stored_answers_to_the_last_bit(folder):
    assert examples.check_examples(folder, model_format.load(folder)) == 0.0


def test_a_model_that_answers_otherwise_is_refused_with_the_largest_deviation(folder, model):
    other = changed(model, 0.5)
    stored, expected = examples.read_examples(folder)
    worst = np.abs(other.predict_proba(stored) - expected.numpy()).max()
    with pytest.raises(LeptonError, match="does not answer") as error:
        examples.check_examples(folder, other)
    assert f"{worst:.2g}" in error.value.why


def test_a_deviation_as_between_machines_is_no_difference(folder, model):
    assert 0 < examples.check_examples(folder, changed(model, 1e-6)) < examples.TOLERANCE


def test_answers_that_are_no_numbers_are_a_difference(folder, model, monkeypatch):
    monkeypatch.setattr(type(model), "predict_proba", lambda *_: np.full((examples.ROWS, 3), np.nan))
    with pytest.raises(LeptonError, match="does not answer"):
        examples.check_examples(folder, model)


def test_a_model_from_before_there_were_examples_has_none(model, tmp_path):
    older = model_format.save(model, tmp_path / "older")
    assert examples.check_examples(older, model) is None


def test_completing_again_gives_the_same_bytes_and_leaves_the_model_alone(folder, model, tmp_path):
    plain = model_format.save(model, tmp_path / "plain")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    export.complete(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    made = {examples.EXAMPLES, examples.TENSORS, export.INFERENCE}
    assert set(before) == made | {"model.json", "weights.safetensors", "statistics.safetensors"}
    for path in plain.iterdir():
        assert before[path.name] == path.read_bytes()


@pytest.mark.parametrize("name", [examples.EXAMPLES, examples.TENSORS, "model.json", "weights.safetensors"])
def test_a_file_of_another_model_is_named(folder, model, name, tmp_path):
    other = model_format.save(changed(model, 1.0).replace(temperature=2.0), tmp_path / "other")
    export.complete(other)
    (folder / name).write_bytes((other / name).read_bytes())
    with pytest.raises(LeptonError, match="cannot be used") as error:
        examples.check_examples(folder, model)
    assert ".safetensors" in error.value.why or ".json" in error.value.why


@pytest.mark.parametrize("name", [examples.EXAMPLES, examples.TENSORS])
def test_half_of_the_examples_is_damage(folder, model, name):
    (folder / name).unlink()
    with pytest.raises(LeptonError) as error:
        examples.check_examples(folder, model)
    assert f"{name} is missing" in error.value.why


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"format": "x"}, "does not hold"),
        ({"extra": 1}, "does not hold"),
        ({"version": 2}, "version 2"),
        ({"columns": []}, "example rows"),
        ({"columns": {"size": "text"}}, "example rows"),
        ({"columns": {"size": [[1]]}}, "example rows"),
        ({"columns": {"size": [10**400]}}, "example rows"),
        ({"columns": {"size": [1.0]}}, "example rows"),
        ({"columns": None, "tensors": "of rows.safetensors"}, "example rows"),
    ],
)
def test_examples_that_are_none_are_refused(changes, what, tmp_path):
    folder = model_format.save(base("tabular"), tmp_path / "m")
    export.complete(folder)
    path = folder / examples.EXAMPLES
    about = json.loads(path.read_text()) | changes
    about["tensors"] = sha256(folder / examples.TENSORS)
    path.write_text(json.dumps(about))
    with pytest.raises(LeptonError) as error:
        examples.check_examples(folder, model_format.load(folder))
    assert what in error.value.render()


def test_the_rows_reach_every_branch_of_a_table(tmp_path):
    frame = examples.made_up_rows(base("tabular").inputs).frame
    assert frame.isna().sum().tolist() == [1, 1, 1]
    assert (frame["colour"] == STRANGER).sum() == 1
    assert set(frame["colour"].dropna()) & {"red", "green", "blue"}
    prepared = base("tabular").inputs.to_tensor(examples.made_up_rows(base("tabular").inputs))
    assert prepared[:, 0].max() == 5.0  # an extreme, clipped


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(Numeric, st.just("n"), st.floats(allow_nan=False, allow_infinity=False), st.floats(1e-9, 1e300)),
            st.builds(Categorical, st.just("c"), st.lists(st.text(), max_size=4, unique=True).map(tuple)),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_any_table_has_rows_that_survive_json(rules):
    named = [type(rule)(f"{k}", *list(vars(rule).values())[1:]) for k, rule in enumerate(rules)]
    inputs = TableInputs(tuple(named))
    table = examples.made_up_rows(inputs)
    again = examples._frame(json.loads(json.dumps(examples._to_json(table.frame), allow_nan=False)), ())
    back = type(table)("tabular", table.ids, table.labels, frame=again)
    assert torch.equal(inputs.to_tensor(back), inputs.to_tensor(table))
    assert bool(torch.isfinite(inputs.to_tensor(table)).all())


@pytest.mark.parametrize(("low", "high", "dtype"), [(0.0, 1.0, np.uint8), (-3.0, 9.0, np.float32)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 9)])
def test_images_are_as_the_source_has_them(low, high, dtype, shape):
    c = shape[0]
    inputs = ImageInputs(shape, low, high, 8, "content", (1.0,) * c, (0.0,) * c, (1.0,) * c)
    images = examples.made_up_rows(inputs).images
    assert (images.dtype, images.shape) == (dtype, (examples.ROWS, *shape))
    assert len({image.tobytes() for image in images[1:]}) > 1
    assert images.min() >= (0 if dtype == np.uint8 else low)
    assert bool(torch.isfinite(inputs.to_tensor(examples.made_up_rows(inputs))).all())


# The graph for inference


@pytest.mark.parametrize("count", [1, 2, 8, 700])
def test_the_graph_answers_any_number_of_rows_as_the_model_does(folder, model, kind, count):
    program = torch.export.load(folder / export.INFERENCE).module()
    prepared = model.inputs.to_tensor(rows(kind, count, seed=5))
    found = program(prepared)
    assert (found.dtype, found.shape) == (torch.float64, (count, 3))
    np.testing.assert_allclose(found.numpy(), model.predict_proba(prepared), rtol=0, atol=1e-5)


def test_a_graph_that_answers_otherwise_is_not_written(model, tmp_path, monkeypatch):
    graph_of = export._graph_of
    monkeypatch.setattr(export, "_graph_of", lambda model, prepared: graph_of(changed(model, 0.01), prepared))
    with pytest.raises(LeptonError, match="could not be exported"):
        export.export(tmp_path, model)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_exported_is_refused_in_words(model, tmp_path, monkeypatch):
    def forward(x):
        return torch.zeros(len(x), 3) if float(x.sum()) > 0 else torch.ones(len(x), 3)

    other = model.replace()
    monkeypatch.setattr(other, "forward", forward)
    with pytest.raises(LeptonError, match="could not be exported") as error:
        export.export(tmp_path, other)
    assert error.value.why
