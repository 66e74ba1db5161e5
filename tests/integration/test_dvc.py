"""Versions of the data, on real DVC and real git."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import zc.lockfile

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound
from lepton.core.table import Table
from lepton.data import demo, past, repository, store, versions


def images(n, prefix):
    pixels = np.random.default_rng(len(prefix)).integers(0, 256, (n, 1, 8, 8), dtype=np.uint8)
    ids = np.array([f"{prefix}{k}" for k in range(n)], object)
    return Table(kind="image", ids=ids, labels=np.array([str(k % 2) for k in range(n)], object), images=pixels)


def git(root, *arguments):
    return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture
def ws(tmp_path):
    root = tmp_path / "ws"
    root.mkdir()
    (root / "lepton.yaml").write_text("name: t\nkind: image\nsource: here\n")
    versions.init_versioning(root)
    return Workspace(root)


def test_init_works_without_a_git_identity_and_twice(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for _ in range(2):
        versions.init_versioning(tmp_path / "w")
    assert git(tmp_path / "w", "log", "--format=%an %s") == "lepton Set up DVC"
    assert git(tmp_path / "w", "status", "--short") == ""
    assert versions.git_revision(tmp_path / "w") == git(tmp_path / "w", "rev-parse", "HEAD")


def test_where_home_is_no_folder_git_works_and_leaves_the_process_alone(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    versions.init_versioning(tmp_path / "w")
    monkeypatch.setattr(repository, "_at_home", None)  # only DVC needs it
    assert versions.git_revision(tmp_path / "w") == git(tmp_path / "w", "rev-parse", "HEAD")
    assert os.environ["HOME"] == str(tmp_path / "file")


def test_a_workspace_within_another_repository_gets_its_own(tmp_path):
    git(tmp_path, "init")
    inner = tmp_path / "a" / "b"
    versions.init_versioning(inner)
    assert git(inner, "rev-parse", "--show-toplevel") == str(inner.resolve())
    assert not (tmp_path / ".dvc").exists()


def test_an_existing_repository_keeps_its_history_and_gets_no_commit(tmp_path):
    git(tmp_path, "init")
    (tmp_path / ".gitignore").write_text("*.tmp\n")
    versions.init_versioning(tmp_path)
    assert git(tmp_path, "log", "--oneline") == ""
    assert (tmp_path / ".gitignore").read_text().splitlines()[0] == "*.tmp"
    assert versions.git_revision(tmp_path) is None


def test_variables_of_a_calling_git_hook_do_not_matter(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    versions.init_versioning(tmp_path / "w")
    assert (tmp_path / "w" / ".git").is_dir()


def test_snapshot_records_and_pushes_and_says_nothing(ws, capfd):
    store.write_batch(ws, "here", "one", images(5, "a"))
    md5 = versions.snapshot(ws)
    assert capfd.readouterr() == ("", "")
    assert md5 == versions.dvc_md5(ws.root)
    assert md5.endswith(".dir")
    assert (ws.root / ".lepton/remote/files/md5" / md5[:2] / md5[2:]).exists()
    assert versions.status_clean(ws.root)
    assert versions.git_revision(ws.root) == git(ws.root, "rev-parse", "HEAD")
    assert git(ws.root, "log", "--format=%s") == "Set up DVC", "a snapshot never commits"


def test_the_command_line_of_dvc_agrees(ws):
    store.write_batch(ws, "here", "one", images(5, "a"))
    versions.snapshot(ws)
    for arguments in (["status"], ["status", "--cloud"]):
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(command, cwd=ws.root, capture_output=True, text=True, check=True)
        assert "up to date" in done.stdout or "in sync" in done.stdout


def test_a_domains_digest_changes_only_with_the_domain(ws):
    store.write_batch(ws, "here", "one", images(5, "a"))
    versions.snapshot(ws)
    here = versions.data_ref(ws, "here")
    store.write_batch(ws, "there", "one", images(5, "bb"))
    versions.snapshot(ws)
    later = versions.data_ref(ws, "here")
    assert later.digest == here.digest
    assert later.dvc_md5 != here.dvc_md5
    assert (later.rows, later.labelled, later.batches) == (5, 5, ("one",))


def test_a_digest_counts_the_chosen_batches_and_the_later_labels(ws):
    store.write_batch(ws, "here", "one", images(5, "a").without_labels())
    store.write_batch(ws, "here", "two", images(5, "bb"))
    versions.snapshot(ws)
    one, both = versions.data_ref(ws, "here", ["one"]), versions.data_ref(ws, "here")
    assert one.digest != both.digest
    assert (one.rows, one.labelled) == (5, 0)
    store.write_labels(ws, "here", "l", np.array(["a0"], object), np.array(["1"], object))
    versions.snapshot(ws)
    labelled = versions.data_ref(ws, "here", ["one"])
    assert labelled.digest != one.digest
    assert labelled.labelled == 1


def test_equal_data_has_an_equal_digest_in_another_workspace(ws, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "lepton.yaml").write_text("name: o\nkind: image\nsource: here\n")
    for w in (ws, Workspace(other)):
        store.write_batch(w, "here", "one", images(5, "a"))
        versions.snapshot(w)
    assert versions.domain_digest(ws, "here") == versions.domain_digest(Workspace(other), "here")


def test_what_is_not_recorded_has_no_reference(ws):
    store.write_batch(ws, "here", "one", images(5, "a"))
    versions.snapshot(ws)
    store.write_batch(ws, "here", "two", images(5, "bb"))
    with pytest.raises(LeptonError, match="not recorded by DVC"):
        versions.data_ref(ws, "here")
    assert not versions.status_clean(ws.root)


def test_a_missing_remote_is_named_with_the_remedy(ws):
    shutil.rmtree(ws.root / ".lepton" / "remote")
    store.write_batch(ws, "here", "one", images(5, "a"))
    with pytest.raises(LeptonError, match="remote is missing") as caught:
        versions.snapshot(ws)
    assert "mkdir -p" in caught.value.render()
    (ws.root / ".lepton" / "remote").mkdir()
    versions.snapshot(ws)
    assert any((ws.root / ".lepton/remote").rglob("*.dir"))


def test_a_remote_that_cannot_be_reached_is_an_error_not_a_traceback(ws, capfd):
    (ws.root / "lepton.yaml").write_text("name: t\nkind: image\nsource: here\ndata:\n  remote: nowhere://bucket/x\n")
    store.write_batch(ws, "here", "one", images(5, "a"))
    with pytest.raises(LeptonError, match="nowhere://bucket/x"):
        versions.snapshot(Workspace(ws.root))
    assert capfd.readouterr() == ("", "")


def test_a_held_lock_is_named(ws):
    store.write_batch(ws, "here", "one", images(5, "a"))
    lock = zc.lockfile.LockFile(str(ws.root / ".dvc" / "tmp" / "lock"))
    try:
        with pytest.raises(LeptonError, match="holds the lock"):
            versions.snapshot(ws)
    finally:
        lock.close()
    versions.snapshot(ws)


def test_a_fresh_clone_is_never_recorded_as_a_deletion(ws):
    store.write_batch(ws, "here", "one", images(5, "a"))
    versions.snapshot(ws)
    shutil.rmtree(ws.data_dir)
    store.write_batch(ws, "here", "two", images(5, "bb"))
    with pytest.raises(LeptonError, match="lacks 1 files") as caught:
        versions.snapshot(ws)
    assert "lepton data checkout" in caught.value.render()


def test_fetch_brings_back_what_is_gone_from_the_cache_too(ws):
    store.write_batch(ws, "here", "one", images(5, "a"))
    versions.snapshot(ws)
    shutil.rmtree(ws.data_dir)
    shutil.rmtree(ws.root / ".dvc" / "cache")
    versions.fetch(ws)
    assert store.batches(ws, "here") == ["one"]


def test_an_earlier_state_can_be_restored_beside(ws, tmp_path):
    store.write_batch(ws, "here", "one", images(5, "a").without_labels())
    versions.snapshot(ws)
    ref = versions.data_ref(ws, "here")
    store.write_labels(ws, "here", "l", np.array(["a0"], object), np.array(["1"], object))
    versions.snapshot(ws)
    shutil.rmtree(ws.root / ".dvc" / "cache")
    past.checkout_ref(ws, ref, tmp_path / "then")
    then = Workspace(tmp_path / "then")
    assert store.counts(then, "here") == (5, 0)
    assert store.counts(ws, "here") == (5, 1)


def test_a_state_that_nobody_has_is_not_found(ws, tmp_path):
    with pytest.raises(NotFound, match="lacks a version"):
        versions.manifest(ws.root, "00" * 16 + ".dir")


def test_an_unreadable_pointer_names_the_remedy(ws):
    (ws.root / "data.dvc").write_text("outs: []\n")
    with pytest.raises(LeptonError, match="cannot be read"):
        versions.dvc_md5(ws.root)


def test_the_repositorys_own_data_matches_its_pointer(tmp_path, pytestconfig):
    for name in ("data.dvc", ".dvcignore"):
        shutil.copy(pytestconfig.rootpath / name, tmp_path / name)
    git(tmp_path, "init")
    shutil.copytree(pytestconfig.rootpath / ".dvc", tmp_path / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    demo.build(tmp_path)
    assert versions.status_clean(tmp_path)
