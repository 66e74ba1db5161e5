"""The model folder: exact, complete, and nothing in it is ever executed."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from lepton.core.errors import LeptonError, NotFound
from lepton.core.table import Table
from lepton.core.work.files import sha256
from lepton.models import export
from lepton.models import format as model_format
from lepton.models.adapters import Bottleneck
from lepton.models.joint import Joint, Member, MixtureHead
from lepton.models.model import Model
from lepton.models.statistics import summarise
from tests.unit.factories import base, damage, rows

STORED = Path(__file__).parents[1] / "fixtures" / "models"


@pytest.fixture
def folder(tmp_path):
    return model_format.save(base("image"), tmp_path / "model")


def rewrite(folder, **changes):
    path = folder / "model.json"
    value = json.loads(path.read_text()) | changes
    if value["version"] in (1, 2):  # which had none
        del value["statistics"]
    path.write_text(json.dumps(value))


def ensemble(kind="image"):
    """Three different members, one of them with an adapter."""
    torch.manual_seed(0)
    models = [base(kind).replace(temperature=t) for t in (1.0, 2.0, 0.5)]
    for model in models:
        torch.nn.init.normal_(model.head.weight, std=0.3)
    adapter = Bottleneck(base(kind).feature_dim, 3, seed=1)
    torch.nn.init.normal_(adapter.up.weight, std=0.3)
    models[1] = models[1].replace(adapters=[adapter])
    joint = Joint([Member(m.encoder, list(m.adapters)) for m in models])
    head = MixtureHead([m.head for m in models], [m.temperature for m in models])
    return Model(models[0].inputs, joint, head, models[0].classes), models


def test_an_ensemble_says_how_many_of_its_members_give_its_answer():
    model, members = ensemble()
    seen = rows("image", 40)
    votes = np.stack([member.predict_proba(seen).argmax(axis=1) for member in members])
    expected = (votes == model.predict_proba(seen).argmax(axis=1)).mean(axis=0)
    found = model.agreement(model.features(seen))
    np.testing.assert_allclose(found, expected)
    assert len(set(found)) > 1
    assert base("image").agreement(base("image").features(seen)) is None


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_a_model_answers_the_same_bits_after_the_disk(kind, tmp_path):
    loaded = model_format.load(model_format.save(base(kind), tmp_path / "m"))
    assert loaded.digest() == base(kind).digest()
    assert loaded.classes == base(kind).classes
    np.testing.assert_array_equal(loaded.predict_proba(rows(kind, 20)), base(kind).predict_proba(rows(kind, 20)))


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_an_ensemble_answers_the_mean_of_its_members_probabilities(kind):
    together, models = ensemble(kind)
    table = rows(kind, 20)
    mean = np.mean([model.predict_proba(table) for model in models], axis=0)
    np.testing.assert_allclose(together.predict_proba(table), mean, atol=1e-6)


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_an_ensemble_survives_the_disk_and_the_export(kind, tmp_path):
    together, _ = ensemble(kind)
    loaded = model_format.load(model_format.save(together, tmp_path / "m"))
    assert loaded.digest() == together.digest()
    np.testing.assert_array_equal(loaded.predict_proba(rows(kind, 9)), together.predict_proba(rows(kind, 9)))
    export.complete(tmp_path / "m")
    assert (tmp_path / "m" / export.INFERENCE).exists()


def test_an_ensemble_within_an_ensemble_is_refused(tmp_path):
    together, _ = ensemble()
    folder = model_format.save(together, tmp_path / "m")
    value = json.loads((folder / "model.json").read_text())
    value["encoder"]["members"][0]["encoder"] = json.loads(json.dumps(value["encoder"]))
    (folder / "model.json").write_text(json.dumps(value))
    with pytest.raises(LeptonError, match="cannot be used"):
        model_format.load(folder)


def test_what_the_base_knows_of_its_domain_survives_the_disk(folder):
    known, loaded = base("image").statistics, model_format.load(folder).statistics
    for name, tensor in known.tensors().items():
        torch.testing.assert_close(loaded.tensors()[name], tensor, rtol=0, atol=0, equal_nan=True)


def test_statistics_of_another_model_are_refused(folder):
    damage(folder / "statistics.safetensors")
    with pytest.raises(LeptonError, match="cannot be used") as error:
        model_format.load(folder)
    assert "statistics.safetensors" in error.value.why


def test_statistics_of_another_shape_are_refused_even_with_a_matching_sum(folder):
    path = folder / "statistics.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"mean": tensors["mean"][:-1].contiguous()}, path)
    rewrite(folder, statistics=sha256(path))
    with pytest.raises(LeptonError, match="cannot be used") as error:
        model_format.load(folder)
    assert "mean" in error.value.why


def test_a_class_with_a_handful_of_rows_gets_no_prototype():
    model, table = base("image"), rows("image", 60)
    features = model.features(table)
    labels = torch.from_numpy(model.label_indices(table.labels))
    few = torch.cat([torch.nonzero(labels != 2).flatten(), torch.nonzero(labels == 2).flatten()[:4]])
    found = summarise(model, features[few], labels[few])
    assert torch.isnan(found.prototypes[2]).all()
    torch.testing.assert_close(found.prototypes[0], features[labels == 0].mean(dim=0), rtol=1e-5, atol=1e-6)
    assert found.counts.tolist() == [20, 20, 4]


def test_equal_models_are_equal_bytes(folder, tmp_path):
    again = model_format.save(model_format.load(folder), tmp_path / "again")
    for name in ("model.json", "weights.safetensors"):
        assert (folder / name).read_bytes() == (again / name).read_bytes()


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(NotFound, match=name):
        model_format.load(folder)


@pytest.mark.parametrize("version", [model_format.VERSION + 1, 0, -1, True, 1.0, "1", None, [1]], ids=str)
def test_another_version_is_refused_by_number(folder, version):
    rewrite(folder, version=version)
    with pytest.raises(LeptonError, match=r"version .* of the model format") as error:
        model_format.load(folder)
    assert f"reads versions 1 to {model_format.VERSION}" in error.value.why


def test_a_stored_model_of_every_version_exists():
    assert {path.name for path in STORED.glob("v*")} == {f"v{k}" for k in range(1, model_format.VERSION + 1)}
    assert set(model_format.UPGRADES) == set(range(1, model_format.VERSION))


@pytest.mark.parametrize("kind", ["image", "tabular"])
@pytest.mark.parametrize("version", range(1, model_format.VERSION + 1))
def test_a_stored_model_answers_as_when_it_was_made(version, kind):
    folder = STORED / f"v{version}" / kind
    assert json.loads((folder / "model.json").read_text())["version"] == version
    expected = json.loads(folder.with_name(f"{kind}.expected.json").read_text())
    model = model_format.load(folder)
    assert (list(model.classes), len(model.adapters), model.temperature) == (expected["classes"], 1, 1.5)
    images, frame = expected["images"], expected["columns"]
    table = Table(
        kind,
        *(np.array([str(k) for k in range(6)], dtype=object), np.full(6, None, dtype=object)),
        images=None if images is None else np.array(images, dtype=np.uint8),
        frame=None if frame is None else pd.DataFrame(frame),
    )
    np.testing.assert_allclose(model.predict_proba(table), expected["probabilities"], rtol=0, atol=1e-5)


def test_an_older_model_is_saved_in_the_present_version(tmp_path):
    older = model_format.load(STORED / "v1" / "image")
    folder = model_format.save(older, tmp_path / "m")
    assert json.loads((folder / "model.json").read_text())["version"] == model_format.VERSION
    assert model_format.load(folder).digest() == older.digest()


def test_damaged_weights_are_found(folder):
    damage(folder / "weights.safetensors")
    with pytest.raises(LeptonError, match="cannot be used") as error:
        model_format.load(folder)
    assert "weights.safetensors" in error.value.why


def test_truncated_weights_are_refused_even_with_a_matching_sum(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    rewrite(folder, weights=sha256(path))
    with pytest.raises(LeptonError, match="cannot be used"):
        model_format.load(folder)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_a_pickle_in_the_place_of_the_weights_is_not_executed(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(pickle.dumps(Bomb()))
    rewrite(folder, weights=sha256(path))
    with pytest.raises(LeptonError, match="cannot be used") as error:
        model_format.load(folder)
    assert "not a safetensors file" in error.value.why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "pickle"}, "does not say"),
        ({"extra": 1}, "extra"),
        ({"classes": ["c0", "c0", "c1"]}, "twice"),
        ({"classes": ["c0", "c1"]}, "head"),
        ({"classes": "c0"}, "classes"),
        ({"adapters": [{"kind": "bottleneck", "width": 10**9}]}, "adapters"),
        ({"adapters": [{"kind": "bottleneck", "width": True}]}, "adapters"),
        ({"adapters": [{"kind": "bottleneck", "width": 4}]}, "adapters"),
        ({"adapters": [{"kind": "os.system", "width": 4}]}, "os.system"),
        ({"adapters": [4]}, "adapters"),
        ({"adapters": 4}, "adapters"),
        ({"version": 1, "adapters": {"kind": "bottleneck"}}, "adapters"),
        ({"version": 1, "adapters": [{"kind": "bottleneck", "width": 4}]}, "adapters"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": "hot"}, "hot"),
        ({"encoder": {"name": "os.system"}}, "os.system"),
        ({"encoder": {"name": "mlp"}}, "mlp"),
        ({"encoder": {"name": "cnn", "width": 10**9}}, "width"),
        ({"encoder": {"name": "cnn", "run": "rm"}}, "run"),
        ({"encoder": 3}, "model.json"),
        ({"inputs": {"kind": "audio"}}, "audio"),
        ({"inputs": {"kind": "image"}}, "model.json"),
        ({"inputs": []}, "model.json"),
    ],
)
def test_a_description_that_is_not_the_models_is_refused_with_the_reason(folder, changes, why):
    rewrite(folder, **changes)
    with pytest.raises(LeptonError, match="cannot be used") as error:
        model_format.load(folder)
    assert why in error.value.why


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100000, "\xff"])
def test_a_description_that_is_not_json_is_refused(folder, text):
    (folder / "model.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(LeptonError, match="cannot be used"):
        model_format.load(folder)
