"""From a delivery to a versioned batch or to quarantine, with real DVC and real Great Expectations."""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lepton.contract import ingest as ingest_module
from lepton.contract.file import load_contract, save_contract
from lepton.contract.infer import infer
from lepton.contract.ingest import Intake, finished
from lepton.contract.quarantine import quarantined
from lepton.contract.result import ContractResult
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound, Refused, UsageError
from lepton.core.ledger import Ledger
from lepton.core.refs import DataRef
from lepton.core.work import lock
from lepton.data import store, versions
from lepton.data.readers import read_delivery
from lepton.operations.session import Session

N = 40


def ingest(ws, domain, path, **kwargs):
    """Take a delivery in and put it on record, as the flow does."""
    result = ingest_module.ingest(ws, domain, path, **kwargs)
    finished(ws, domain, result.batch, result.labels)
    return result


def rows(seed=0, n=N, **changed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(18, 80, n).round(3),
            "colour": rng.choice(["red", "white"], n),
            "label": [("yes", "no")[k % 2] for k in range(n)],
        }
    )
    return frame.assign(**changed)


def write(ws, name, frame):
    path = ws.root.parent / "in" / name
    path.parent.mkdir(exist_ok=True)
    if name.endswith(".parquet"):
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path


def state(ws):
    """Return a digest of everything that must not change when a delivery is refused."""
    kept = [*ws.data_dir.rglob("*"), ws.root / "data.dvc", *ws.contracts_dir.rglob("*")]
    return {str(path): hashlib.md5(path.read_bytes()).hexdigest() for path in kept if path.is_file()}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A tabular workspace with a source of one batch."""
    root = tmp_path_factory.mktemp("template") / "ws"
    root.mkdir()
    (root / "lepton.yaml").write_text("name: t\nkind: tabular\nsource: here\n")
    versions.init_versioning(root)
    ws = Workspace(root)
    first = write(ws, "first.csv", rows())
    save_contract(ws, infer(read_delivery(first), "here", "source"))
    ingest(ws, "here", first)
    return root


@pytest.fixture
def ws(template, tmp_path):
    shutil.copytree(template, tmp_path / "ws", symlinks=True)
    return Workspace(tmp_path / "ws")


def refused(ws, domain, path, **kwargs):
    """Check that a delivery is refused, quarantined and changes nothing else; return what the user sees."""
    before = state(ws)
    with pytest.raises(Refused) as caught:
        ingest(ws, domain, path, **kwargs)
    assert state(ws) == before
    copy = ws.quarantine_dir / domain / path.name
    assert copy.exists()
    assert copy.with_name(copy.name + ".reason.txt").read_text()
    assert json.loads(copy.with_name(copy.name + ".reason.json").read_text())["delivery"] == path.name
    text = caught.value.render()
    assert f"quarantine/{domain}/{path.name}" in text
    assert text.startswith("Refused: ")
    return text


# -- good deliveries ----------------------------------------------------------------------------------------------


def test_a_good_delivery_is_stored_versioned_and_pushed_without_a_word(ws, capfd):
    result = ingest(ws, "here", write(ws, "March 2026.csv.gz", rows(1)))
    assert capfd.readouterr() == ("", "")
    assert (result.batch, result.rows, result.labelled, result.completed) == ("march-2026", N, N, False)
    assert store.batches(ws, "here") == ["first", "march-2026"]
    assert result.data == versions.data_ref(ws, "here", ["march-2026"])
    assert versions.status_clean(ws.root)
    assert any((ws.root / ".lepton/remote").rglob("*.dir"))
    assert result.contract.passed
    assert len(store.load(ws, "here")) == 2 * N


def test_the_result_is_json_for_the_ledger(ws):
    result = ingest(ws, "here", write(ws, "march.csv", rows(1)))
    found = json.loads(json.dumps(result.to_json()))
    assert DataRef.from_json(found["data"]) == result.data
    assert ContractResult.from_json(found["contract"]) == result.contract
    assert isinstance(result, Intake)


def test_a_new_target_gets_a_wider_contract_and_needs_no_labels(ws):
    result = ingest(ws, "there", write(ws, "w.csv", rows(2, age=500.0).drop(columns="label")), new=True)
    assert (result.labelled, ws.targets()) == (0, ["there"])
    contract = load_contract(ws, "there")
    assert contract.role == "target"
    assert contract.classes == ("no", "yes")
    assert contract.columns[0].max >= 500


def test_labels_may_come_later(ws):
    ingest(
        ws, "there", write(ws, "w.csv", rows(2).drop(columns="label").assign(id=[f"r{k}" for k in range(N)])), new=True
    )
    result = ingest(
        ws, "there", write(ws, "l.csv", pd.DataFrame({"id": ["r1", "r3"], "label": ["yes", "no"]})), labels=True
    )
    assert (result.rows, result.data.labelled) == (2, 2)
    assert list(store.load(ws, "there").labels[:4]) == [None, "yes", None, "no"]


def test_names_are_made_unique_but_a_chosen_one_must_be_free(ws):
    path = write(ws, "first.csv", rows(3))
    assert ingest(ws, "here", path).batch == "first-2"
    other = write(ws, "x.csv", rows(4))
    with pytest.raises(UsageError, match="'first' is taken"):
        ingest(ws, "here", other, name="first")
    assert ingest(ws, "here", other, name="april").batch == "april"


def test_categories_that_look_like_numbers_stay_categories(ws, tmp_path):
    contract = load_contract(ws, "here")
    columns = tuple(rule.model_copy(update={"values": None}) for rule in contract.columns)
    save_contract(ws, contract.model_copy(update={"columns": columns}))
    ingest(ws, "here", write(ws, "n.csv", rows(5, colour="01")))
    assert store.load(ws, "here", ["n"]).frame["colour"][0] == "01"


def test_a_dry_run_checks_and_stores_nothing(ws):
    before = state(ws)
    result = ingest(ws, "here", write(ws, "march.csv", rows(1)), dry_run=True)
    assert (result.contract.passed, result.data) == (True, None)
    ingest(ws, "there", write(ws, "march.csv", rows(1)), new=True, dry_run=True)
    with pytest.raises(Refused, match="breaks the contract"):
        ingest(ws, "here", write(ws, "bad.csv", rows(1, age=["x", *[1] * (N - 1)])), dry_run=True)
    assert state(ws) == before
    assert not ws.quarantine_dir.exists()


def test_images_from_folders_keep_their_names_apart_from_batch_to_batch(tmp_path):
    root = tmp_path / "ws"
    root.mkdir()
    (root / "lepton.yaml").write_text("name: t\nkind: image\nsource: here\n")
    ws = Workspace(root)
    for week in ("week-1", "week-2"):
        for k in range(4):
            path = tmp_path / week / str(k % 2) / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            shade = np.full((5, 4), 10 * k + len(store.batches(ws, "here")), np.uint8)
            Image.fromarray(shade).save(path)
        ingest(ws, "here", tmp_path / week, new=week == "week-1")
    ids = [one.partition("~pixels~")[0] for one in store.load(ws, "here").ids]
    assert ids[3:5] == ["week-1/1/3.png", "week-2/0/0.png"]
    later = write(ws, "later.csv", pd.DataFrame({"id": ids[:1], "label": ["1"]}))
    assert ingest(ws, "here", later, labels=True).rows == 1
    Image.fromarray(np.zeros((6, 4), np.uint8)).save(tmp_path / "big.png")
    (tmp_path / "week-3" / "0").mkdir(parents=True)
    shutil.copy(tmp_path / "big.png", tmp_path / "week-3" / "0" / "a.png")
    (tmp_path / "week-3" / "9").mkdir(parents=True)
    shutil.copy(tmp_path / "big.png", tmp_path / "week-3" / "9" / "b.png")
    text = refused(ws, "here", tmp_path / "week-3")
    assert "1 x 6 x 4; the contract says 1 x 5 x 4 (images 0/a.png, 9/b.png)" in text
    assert "value not allowed: '9'; allowed: 0, 1 (image 9/b.png)" in text


# -- bad deliveries -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"label": ["O", *["yes", "no"] * 19, "yes"]}, "label  value not allowed: 'O'; allowed: no, yes (row 1)"),
        ({"age": ["1,5", *[20.5] * (N - 1)]}, "age  not a number: '1,5'"),
        ({"age": [np.inf, *[20.5] * (N - 1)]}, "inf (row 1)"),
        ({"extra": 1}, "not in the contract: 'extra'"),
        ({"id": ["a", "a", *map(str, range(N - 2))]}, "id  the same id more than once: 'a' (rows 1, 2)"),
    ],
    ids=["label", "dtype", "infinite", "extra", "duplicate"],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_broken_delivery_goes_to_quarantine_and_data_stays(ws, changed, told, suffix):
    frame = rows(1, **changed)
    if suffix == "parquet":
        frame["age"] = frame["age"].astype(str) if frame["age"].dtype == object else frame["age"]
    text = refused(ws, "here", write(ws, f"march.{suffix}", frame))
    assert told in text
    assert "Data Docs" in text


def test_missing_and_renamed_columns_are_named(ws):
    assert "missing: 'age'" in refused(ws, "here", write(ws, "a.csv", rows(1).drop(columns="age")))
    text = refused(ws, "here", write(ws, "b.csv", rows(1).rename(columns={"colour": "color"})))
    assert "missing: 'colour' (is 'color' it, renamed?)" in text
    text = refused(ws, "here", write(ws, "c.csv", rows(1).rename(columns={"label": "labels"})))
    assert "missing: 'label' (is 'labels' it, renamed?)" in text


def test_ids_of_an_earlier_batch_are_refused(ws):
    ingest(ws, "here", write(ws, "one.csv", rows(1, id=[f"r{k}" for k in range(N)])))
    text = refused(ws, "here", write(ws, "two.csv", rows(2, id=[f"r{k + N - 2}" for k in range(N)])))
    assert "2 of 40 rows break the contract" in text
    assert "ids that were delivered before, in batch 'one' (rows 1, 2)" in text


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("e.csv", b"", "empty"),
        ("h.csv", b"age,colour,label\n", "no rows"),
        ("s.csv", b"age;colour;label\n1;red;yes\n", "semicolons"),
        ("l.csv", "age,colour,label\n1,rosé,yes\n".encode("latin-1"), "not UTF-8"),
        ("z.csv.gz", gzip.compress(b"age,colour,label\n" * 50, mtime=0)[:-9], "cut off"),
        ("p.parquet", b"PAR1xxxx", "cut off"),
        ("n.npz", b"PK\x03\x04xxxx", "cut off"),
        ("x.xlsx", b"PK", "cannot be read"),
    ],
)
def test_what_cannot_be_read_goes_to_quarantine_too(ws, name, content, told):
    path = write(ws, "x.csv", rows()).with_name(name)
    path.write_bytes(content)
    if content:
        assert told in refused(ws, "here", path)
        return
    before = state(ws)
    with pytest.raises(LeptonError, match=told):
        ingest(ws, "here", path)
    assert state(ws) == before


def test_images_for_a_table_are_refused(ws):
    path = write(ws, "x.csv", rows()).with_name("x.npz")
    np.savez(path, x=np.zeros((3, 4, 4), np.uint8), y=["yes", "no", "no"])
    assert "holds images" in refused(ws, "here", path)


def test_a_link_out_of_the_folder_is_neither_read_nor_copied(ws):
    secret = write(ws, "x.csv", rows()).parent.parent / "secret.csv"
    rows(7).to_csv(secret, index=False)
    link = write(ws, "x.csv", rows()).with_name("march.csv")
    link.symlink_to(secret)
    before = state(ws)
    with pytest.raises(LeptonError, match="leaves the delivery folder"):
        ingest(ws, "here", link)
    assert state(ws) == before
    assert not ws.quarantine_dir.exists()


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "a b", "", "Ünï", "ａ", "-x", "x" * 64])
def test_names_that_are_none_are_usage_errors(ws, name):
    path = write(ws, "x.csv", rows(1))
    with pytest.raises(UsageError):
        ingest(ws, name, path, new=True)
    with pytest.raises(UsageError):
        ingest(ws, "here", path, name=name)


def test_unknown_domains_and_files_are_not_found(ws):
    with pytest.raises(NotFound, match="not known") as caught:
        ingest(ws, "nowhere", write(ws, "x.csv", rows(1)))
    assert "--new" in caught.value.render()
    with pytest.raises(NotFound, match="does not exist"):
        ingest(ws, "here", ws.root / "gone.csv")
    with pytest.raises(UsageError, match="is not new"):
        ingest(ws, "here", write(ws, "x.csv", rows(1)), new=True)


def test_labels_of_unknown_rows_or_classes_are_refused(ws):
    ids = store.load(ws, "here").ids
    frame = pd.DataFrame({"id": [ids[1], "zz", ids[0]], "label": [None, "yes", "maybe"]})
    text = refused(ws, "here", write(ws, "l.csv", frame), labels=True)
    assert "ids of no stored row of domain 'here' (row 2)" in text
    assert "value not allowed: 'maybe'; allowed: no, yes (row 3)" in text
    assert "no value" not in text  # a row without a label counts as not delivered
    assert "--labels" in text


def test_rows_without_a_label_count_as_not_delivered_and_are_counted(ws):
    table = store.load(ws, "here")
    ids, other = table.ids, {"yes": "no", "no": "yes"}[table.labels[0]]
    sheet = pd.DataFrame({"id": ids[:3], "label": [other, " ", ""]})
    taken = ingest(ws, "here", write(ws, "l.csv", sheet), labels=True)
    assert (taken.rows, taken.labelled, taken.left_open) == (1, 1, 2)
    before = state(ws)
    with pytest.raises(LeptonError, match="holds no label yet"):
        ingest(ws, "here", write(ws, "m.csv", pd.DataFrame({"id": ids[:2], "label": ["", " "]})), labels=True)
    assert state(ws) == before
    assert not ws.quarantine_dir.exists()


def test_quarantine_keeps_another_delivery_of_the_same_name_and_lists_the_latest_first(ws):
    refused(ws, "here", write(ws, "march.csv", rows(1, extra=1)))
    refused(ws, "here", write(ws, "march.csv", rows(1, extra=1)))
    with pytest.raises(Refused):
        ingest(ws, "here", write(ws, "march.csv", rows(1, extra=2)))
    found = quarantined(ws, "here")
    assert sorted(entry.path.name for entry in found) == ["2-march.csv", "march.csv"]
    assert all(entry.path.exists() for entry in found)
    assert found[0].reason["contract"]["passed"] is False


# -- again, interrupted, at once ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["first.csv", "renamed.csv", "other.parquet"])
def test_the_same_rows_again_are_refused_by_batch(ws, name):
    before = state(ws)
    with pytest.raises(LeptonError, match="already delivered as batch first"):
        ingest(ws, "here", write(ws, name, rows()))
    assert state(ws) == before
    assert not ws.quarantine_dir.exists()


def test_a_part_of_what_is_there_and_a_shuffle_are_refused_too(ws):
    for frame in (rows().iloc[:7], rows().iloc[::-1], rows().drop(columns="label")):
        with pytest.raises(LeptonError, match="already delivered as batch first"):
            ingest(ws, "here", write(ws, "again.csv", frame))


def test_of_an_export_of_all_so_far_the_new_rows_are_a_new_delivery(ws):
    taken = ingest(ws, "here", write(ws, "mixed.csv", pd.concat([rows(), rows(9)])))
    assert (taken.rows, taken.repeated) == (N, N)
    assert taken.to_json()["repeated"] == N


def test_new_rows_among_some_old_ones_are_a_new_delivery(ws):
    taken = ingest(ws, "here", write(ws, "mixed.csv", pd.concat([rows().iloc[:7], rows(9)])))
    assert (taken.rows, taken.repeated) == (N + 7, 0)
    assert "repeated" not in taken.to_json()


@pytest.mark.parametrize("labels", [False, True])
def test_a_failed_push_is_completed_by_the_same_delivery(ws, labels):
    remote = ws.root / ".lepton" / "remote"
    remote.rename(remote.with_name("away"))
    answers = pd.DataFrame({"id": store.load(ws, "here").ids[:3], "label": ["no", "no", "yes"]})
    path = write(ws, "march.csv", answers if labels else rows(1))
    with pytest.raises(LeptonError, match="stored here") as caught:
        ingest(ws, "here", path, labels=labels)
    assert "mkdir -p" in caught.value.render()
    remote.with_name("away").rename(remote)
    result = ingest(ws, "here", path, labels=labels)
    assert (result.batch, result.completed) == ("march", True)
    assert versions.status_clean(ws.root)
    with pytest.raises(LeptonError, match="already delivered"):
        ingest(ws, "here", path, labels=labels)


def test_a_delivery_is_repeated_only_once_it_is_on_record_whatever_else_came_in_between(ws):
    path = write(ws, "march.csv", rows(1))
    assert not ingest_module.ingest(ws, "here", path).completed
    ingest(ws, "here", write(ws, "april.csv", rows(2)))
    again = ingest(ws, "here", path)
    assert (again.batch, again.completed) == ("march", True)
    with pytest.raises(LeptonError, match="already delivered as batch march"):
        ingest(ws, "here", path)
    assert not [file for file in (ws.state_dir / "unfinished").rglob("*") if file.is_file()]


@pytest.mark.parametrize("killed_in", ["before its row", "after its row"])
def test_a_delivery_killed_around_its_ledger_row_has_one_after_the_same_command(ws, monkeypatch, killed_in):
    from lepton.operations import ingest as flow

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setenv("LEPTON_WORKSPACE", str(ws.root))
    path = write(ws, "march.csv", rows(1))
    with monkeypatch.context() as patch:
        owner, name = (Ledger, "append") if killed_in == "before its row" else (ingest_module, "finished")
        patch.setattr(owner, name, killed)
        with pytest.raises(KeyboardInterrupt):
            flow.ingest(Session(ws), "here", str(path))
    taken = flow.ingest(Session(ws), "here", str(path))
    assert (taken.batch, taken.completed) == ("march", True)
    with pytest.raises(LeptonError, match="already delivered"):
        flow.ingest(Session(ws), "here", str(path))
    recorded = Ledger(ws.ledger_url).entries("here", "ingested")
    assert [entry.payload["batch"] for entry in recorded] == ["march"]


def test_a_refused_delivery_is_on_record_once_however_often_it_comes(ws, monkeypatch):
    from lepton.operations import ingest as flow

    monkeypatch.setenv("LEPTON_WORKSPACE", str(ws.root))
    bad, folder = write(ws, "bad.csv", rows(1, extra=1)), ws.root.parent / "in" / "pictures"
    folder.mkdir()
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(folder / "a.png")
    for path, new in ((bad, False), (bad, False), (folder, False), (folder, False), (bad, True)):
        with pytest.raises(LeptonError):
            flow.ingest(Session(ws), "there" if new else "here", str(path), new=new)
    recorded = Ledger(ws.ledger_url).entries(action="delivery_refused")
    assert [(row.pair, row.payload["name"]) for row in recorded] == [
        ("here", "bad.csv"),
        ("here", "pictures"),
        ("here-to-there", "bad.csv"),
    ]
    assert recorded[0].payload["rows"] == N
    assert any("extra" in reason for reason in recorded[0].payload["reasons"])
    assert sorted(path.name for path in (ws.quarantine_dir / "here").iterdir() if ".reason." not in path.name) == [
        "bad.csv",
        "pictures",
    ]


def test_two_processes_that_complete_the_same_delivery_at_once_write_one_row(ws, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from lepton.operations import ingest as flow

    monkeypatch.setenv("LEPTON_WORKSPACE", str(ws.root))
    taken = flow.IngestResult(**vars(ingest_module.ingest(ws, "here", write(ws, "march.csv", rows(1)))))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: flow.record(Session(ws), "here", taken), range(8)))
    assert len(Ledger(ws.ledger_url).entries("here", "ingested")) == 1
    assert Ledger(ws.ledger_url).verify() == []


def test_a_correction_of_labels_can_be_taken_back(ws):
    ids = store.load(ws, "here").ids[:2]
    wrong = write(ws, "wrong.csv", pd.DataFrame({"id": ids, "label": ["no", "no"]}))
    right = write(ws, "right.csv", pd.DataFrame({"id": ids, "label": ["yes", "yes"]}))
    names = [ingest(ws, "here", file, labels=True).batch for file in (wrong, right, wrong)]
    assert names == ["wrong", "right", "wrong-2"]
    assert list(store.load(ws, "here").labels[:2]) == ["no", "no"]
    with pytest.raises(LeptonError, match="already delivered as labels 'wrong-2'") as caught:
        ingest(ws, "here", wrong, labels=True)
    assert "Each of its 2 rows has the label" in caught.value.why
    assert caught.value.fix


def test_labels_that_came_with_the_rows_are_nothing_new(ws):
    table = store.load(ws, "here")
    same = write(ws, "same.csv", pd.DataFrame({"id": table.ids[:3], "label": table.labels[:3]}))
    before = state(ws)
    with pytest.raises(LeptonError, match="holds nothing new"):
        ingest(ws, "here", same, labels=True)
    assert state(ws) == before


def test_a_failed_first_push_of_a_new_domain_is_completed_with_the_same_command(ws):
    remote = ws.root / ".lepton" / "remote"
    shutil.rmtree(remote)
    path = write(ws, "w.csv", rows(2))
    with pytest.raises(LeptonError, match="remote is missing"):
        ingest(ws, "there", path, new=True)
    remote.mkdir()
    assert ingest(ws, "there", path, new=True).completed


@pytest.mark.parametrize("where", ["inspect", "save_contract", "write_pieces", "snapshot", "push_all"])
def test_an_interruption_anywhere_leaves_all_or_nothing_and_the_same_command_completes(ws, monkeypatch, where):
    path = write(ws, "w.csv", rows(2))
    owner = {"write_pieces": store, "snapshot": versions, "push_all": versions}.get(where, ingest_module)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            ingest(ws, "there", path, new=True)
    parts = [p for p in ws.root.rglob(".*") if p.name.startswith((".part-", ".w.csv", ".there.yaml"))]
    assert parts == []
    stored = store.batches(ws, "there") if "there" in ws.domains() else []
    assert stored in ([], ["w"])
    again = ingest(ws, "there", path, new=True)
    assert again.batch == "w"
    assert versions.status_clean(ws.root)
    assert len(store.load(ws, "there")) == N


def test_a_killed_ingest_holds_no_lock(ws):
    path = write(ws, "march.csv", rows(1))
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from lepton.contract import ingest as m\n"
        "from lepton.core.config.workspace import Workspace\n"
        "def wait(*a, **k): print('here', flush=True); time.sleep(60)\n"
        "m.versions.snapshot = wait\n"
        "m.ingest(Workspace(Path(sys.argv[2])), 'here', sys.argv[3])\n"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", code, root, ws.root, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "here\n"
    process.kill()
    process.wait()
    assert store.batches(ws, "here") == ["first", "march"]
    result = ingest(ws, "here", path)
    assert (result.completed, result.batch) == (True, "march")


def test_a_second_ingest_waits_its_turn(ws, monkeypatch):
    monkeypatch.setattr(lock, "DATA_SECONDS", 0.2)
    before = time.monotonic()
    with lock.hold(ws.state_dir / "ingest.lock"), pytest.raises(LeptonError, match="Another ingest"):
        ingest(ws, "here", write(ws, "march.csv", rows(1)))
    assert time.monotonic() - before < 5
    monkeypatch.undo()
    assert ingest(ws, "here", write(ws, "march.csv", rows(1))).rows == N


def test_a_fresh_clone_must_fetch_before_it_takes_more(ws):
    shutil.rmtree(ws.data_dir)
    with pytest.raises(LeptonError, match=r"lacks \d files"):
        ingest(ws, "here", write(ws, "march.csv", rows(1)))
    assert not ws.data_dir.exists()


def test_the_ledger_says_why_a_delivery_was_refused_but_not_what_stood_in_it(ws, monkeypatch):
    from lepton.operations import ingest as flow

    monkeypatch.setenv("LEPTON_WORKSPACE", str(ws.root))
    frame = rows(1).iloc[:3].assign(id=["patient-7", "patient-7", "patient-8"])
    with pytest.raises(LeptonError):
        flow.ingest(Session(ws), "here", str(write(ws, "bad.csv", frame)))
    refusal = Ledger(ws.ledger_url).entries(action="delivery_refused")[0].payload
    assert "patient" not in str(refusal)
    assert any("rows" in reason for reason in refusal["reasons"])


# -- rows out of bounds -------------------------------------------------------------------------------------------


def site(ws, n=500):
    """Add the target "there" and return its contract."""
    ingest(ws, "there", write(ws, "first-there.csv", rows(2, n=n).drop(columns="label")), new=True)
    return load_contract(ws, "there")


@pytest.mark.parametrize("ids", [True, False], ids=["with ids", "without"])
def test_one_row_out_of_range_is_set_aside_and_499_are_stored(ws, ids):
    assert site(ws).mostly == 0.99
    frame = rows(3, n=500).drop(columns="label")
    frame.loc[11, "age"] = 1e6
    if ids:
        frame.insert(0, "id", [f"r{k}" for k in range(500)])
    path = write(ws, "march.csv", frame)
    trial = ingest_module.ingest(ws, "there", path, dry_run=True)
    assert (trial.rows, trial.set_aside, (ws.quarantine_dir / "there").exists()) == (499, 1, False)
    result = ingest(ws, "there", path)
    assert (result.batch, result.rows, result.set_aside) == ("march", 499, 1)
    assert len(store.load(ws, "there", ["march"])) == 499
    copy = ws.quarantine_dir / "there" / "march.csv.rows.csv"
    kept = pd.read_csv(copy)
    assert kept["age"].tolist() == [1e6]
    assert list(kept.columns) == list(frame.columns)
    reason = json.loads(copy.with_name(copy.name + ".reason.json").read_text())
    assert reason["headline"] == "499 of 500 rows meet the contract of domain 'there', 1 does not."
    assert "outside of" in reason["lines"][0]
    assert "(row 12)" in reason["lines"][0]
    assert ContractResult.from_json(json.loads(json.dumps(result.to_json()))["contract"]) == result.contract
    with pytest.raises(LeptonError, match=r"is already delivered as batch .*march"):
        ingest(ws, "there", path)
    assert len(store.load(ws, "there", ["march"])) == 499


def test_more_rows_out_of_range_than_the_contract_spares_refuse_the_delivery_whole(ws):
    site(ws)
    frame = rows(3, n=500).drop(columns="label")
    frame.loc[:5, "age"] = 1e6
    assert "age  outside of" in refused(ws, "there", write(ws, "many.csv", frame))
    few_each = rows(3, n=500).drop(columns="label")
    few_each.loc[:3, "age"], few_each.loc[10:13, "colour"] = 1e6, "mauve"
    contract = load_contract(ws, "there")
    limited = [
        rule.model_copy(update={"values": ("red", "white")}) for rule in contract.columns if rule.name == "colour"
    ]
    columns = (*(rule for rule in contract.columns if rule.name != "colour"), *limited)
    save_contract(ws, contract.model_copy(update={"columns": columns}))
    text = refused(ws, "there", write(ws, "few-each.csv", few_each))  # 4 and 4 of 500: each within, together beyond
    assert "age" in text
    assert "mauve" in text


def test_a_broken_schema_and_a_contract_that_spares_none_refuse_whole(ws):
    contract = site(ws)
    frame = rows(3, n=500).drop(columns="label")
    assert "missing: 'age'" in refused(ws, "there", write(ws, "narrow.csv", frame.drop(columns="age")))
    frame.loc[11, "age"] = 1e6
    save_contract(ws, contract.model_copy(update={"mostly": 1.0}))
    assert "(row 12)" in refused(ws, "there", write(ws, "strict.csv", frame))
    own = tuple(rule.model_copy(update={"mostly": 0.9 if rule.name == "age" else None}) for rule in contract.columns)
    save_contract(ws, contract.model_copy(update={"mostly": 1.0, "columns": own}))
    assert ingest(ws, "there", write(ws, "own.csv", frame)).set_aside == 1


def test_refused_deliveries_of_a_served_target_are_told_until_one_is_taken_in(ws, monkeypatch):
    from lepton.operations import ingest as flow

    site(ws)
    session = Session(ws)
    monkeypatch.setattr(Session, "find_champion", lambda *_: "served")
    for number in (1, 2):
        with pytest.raises(Refused):
            flow.ingest(session, "there", str(write(ws, f"bad{number}.csv", rows(number, extra=1))))
    flow.ingest(session, "there", str(write(ws, "good.csv", rows(5).drop(columns="label"))))
    told = [row.payload for row in Ledger(ws.ledger_url).entries("here-to-there", "alerted")]
    assert [(one["kind"], one["cause"], one["severity"]) for one in told] == [
        ("open", "contract", "warning"),
        ("update", "contract", "critical"),
        ("resolve", "contract", "info"),
    ]
    lines = [json.loads(line) for line in ws.alerts_file.read_text().splitlines()]
    assert "2 deliveries in a row were refused" in lines[1]["title"]
    assert "extra" in lines[1]["body"]
    assert "lepton ingest there FILE" in lines[1]["body"]
