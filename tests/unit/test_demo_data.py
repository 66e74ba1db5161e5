"""The data that the project ships, and the degradations of it."""

import hashlib
import json

import numpy as np
import pytest
import yaml

from lepton.core.errors import UsageError
from lepton.data import demo
from lepton.data.corruptions import images as corruptions


@pytest.fixture(scope="module")
def domains():
    return {"mnist": demo.mnist(), "optdigits": demo.optdigits()}


def test_the_two_domains_are_what_they_say(domains):
    mnist, optdigits = domains["mnist"], domains["optdigits"]
    assert mnist.images.shape == (6000, 1, 28, 28)
    assert optdigits.images.shape == (1797, 1, 8, 8)
    assert (mnist.ids[12], mnist.ids[5001], optdigits.ids[345]) == (
        "mnist-train-00012",
        "mnist-test-00001",
        "optdigits-0345",
    )
    for table in domains.values():
        assert set(table.labels) == set("0123456789")
        assert len(set(table.ids)) == len(table)
        assert table.images.dtype == np.uint8
    assert optdigits.images.max() == 240


def test_build_writes_the_same_bytes_every_time(tmp_path):
    first = [hashlib.md5(path.read_bytes()).hexdigest() for path in demo.build(tmp_path / "a")]
    second = [hashlib.md5(path.read_bytes()).hexdigest() for path in demo.build(tmp_path / "b")]
    assert first == second
    again = [hashlib.md5(path.read_bytes()).hexdigest() for path in demo.build(tmp_path / "a")]
    assert again == first
    found = sorted(
        path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*") if path.is_file()
    )
    assert found == ["data/mnist/0001-mnist.parquet", "data/optdigits/0001-optdigits.parquet"]


def test_build_goes_on_after_one_that_was_killed(tmp_path):
    left = tmp_path / "data" / "mnist" / ".build"
    left.mkdir(parents=True)
    (left / "0001-mnist.parquet").write_bytes(b"half")
    assert demo.build(tmp_path)
    assert not left.exists()


def test_build_never_touches_the_batches_of_a_workspace(tmp_path):
    stored = tmp_path / "data" / "mnist" / "0001-mnist.parquet"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"delivered")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "lepton.yaml").write_text("name: t\nkind: image\nsource: mnist\n")
    with pytest.raises(UsageError, match="is a workspace") as error:
        demo.build(tmp_path)
    assert error.value.fix
    assert [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()] == [b"delivered"]


@pytest.mark.parametrize("pinned", [False, True])
def test_build_overwrites_other_bytes_only_if_data_dvc_pins_them(tmp_path, pinned):
    demo.build(tmp_path)
    second = tmp_path / "data" / "optdigits" / "0001-optdigits.parquet"
    good = second.read_bytes()
    second.write_bytes(b"other")
    if pinned:
        md5, objects = hashlib.md5(b"other").hexdigest(), tmp_path / ".dvc" / "cache" / "files" / "md5"
        listed = [{"relpath": "optdigits/0001-optdigits.parquet", "md5": md5}]
        for name, content in (("abcd.dir", json.dumps(listed)), (md5, "other")):
            (objects / name[:2]).mkdir(parents=True)
            (objects / name[:2] / name[2:]).write_text(content)
        (tmp_path / "data.dvc").write_text("outs:\n- md5: abcd.dir\n  path: data\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(demo.versions, "adopt", lambda _: True)
            demo.build(tmp_path)
        assert second.read_bytes() == good
        return
    with pytest.raises(UsageError, match="left as it is") as error:
        demo.build(tmp_path)
    assert f"mv {second}" in error.value.render()
    assert second.read_bytes() == b"other"
    assert not list(tmp_path.rglob(".build"))


def test_the_repository_pins_two_files(pytestconfig):
    pinned = yaml.safe_load((pytestconfig.rootpath / "data.dvc").read_text())["outs"][0]
    assert (pinned["path"], pinned["nfiles"]) == ("data", 2)


@pytest.mark.parametrize("name", sorted(corruptions.CORRUPTIONS))
@pytest.mark.parametrize("domain", ["mnist", "optdigits"])
def test_every_corruption_changes_images_more_with_its_strength(domains, name, domain):
    images = domains[domain].images[:100]
    before = images.copy()
    off = []
    for strength in (1, 2, 3):
        changed = corruptions.corrupt(images, name, strength, seed=3)
        assert (changed.shape, changed.dtype) == (images.shape, np.uint8)
        off.append(np.abs(changed.astype(float) - images).mean())
    assert 0 < off[0] <= off[1] <= off[2]
    assert off[0] < off[2]
    assert (images == before).all()
    assert (corruptions.corrupt(images, name, 2, seed=3) == corruptions.corrupt(images, name, 2, seed=3)).all()


def test_every_corruption_names_its_source():
    for function in corruptions.CORRUPTIONS.values():
        assert "MNIST-C" in function.__doc__ or "ImageNet-C" in function.__doc__


def test_unknown_corruptions_strengths_and_images_are_refused():
    images = np.zeros((1, 1, 8, 8), np.uint8)
    with pytest.raises(UsageError, match="no corruption"):
        corruptions.corrupt(images, "rust")
    with pytest.raises(UsageError, match="1, 2 or 3"):
        corruptions.corrupt(images, "blur", 4)
    with pytest.raises(UsageError, match="uint8"):
        corruptions.corrupt(images[0], "blur")
