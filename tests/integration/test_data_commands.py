"""The data through time, on real DVC and git: two states compared, one brought back, published, cleaned up, erased."""

import json
import os
import shutil
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lepton.contract.ingest import finished, ingest
from lepton.contract.quarantine import quarantine
from lepton.core.config.workspace import ENVIRONMENT, Workspace
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.ledger import DELIVERY_REFUSED, FORGOTTEN, INGESTED, PUBLISHED, Ledger
from lepton.core.work.faults import KILL_AT
from lepton.data import erase, objects, past, store, versions
from lepton.operations.data import retention, states
from lepton.operations.data.checkout import bring_back, mend
from lepton.operations.data.forget import forget
from lepton.operations.data.history import compare_states, history
from lepton.operations.data.publication import publish
from lepton.operations.session import Session
from tests.integration.test_dvc import git
from tests.unit.factories import columns, names

SOURCE, TARGET = "here", "there"
POINTS = [
    *("begun", "rewritten", "versioned", "pushed", "cache-cleaned", "remote-cleaned", "predictions-cleaned"),
    *("quarantine-cleaned", "copies-gone", "recorded", "ended"),
]


def rows(prefix, n=6):
    """Rows of a prefix's own content, with ids `<prefix>-0`, `<prefix>-1`..."""
    table = columns(n, seed=sum(prefix.encode()))
    return type(table)("tabular", names([f"{prefix}-{k}" for k in range(n)]), table.labels, frame=table.frame)


def deliver(ws, domain, batch, table=None, labels=None):
    """Store, version and put on record as an ingest does."""
    if labels is not None:
        store.write_labels(ws, domain, batch, names(list(labels)), names(list(labels.values())))
    else:
        store.write_batch(ws, domain, batch, rows(batch) if table is None else table)
    versions.snapshot(ws)
    ref = versions.data_ref(ws, domain, None if labels else [batch])
    row = {"batch": batch, "labels": bool(labels), "rows": 6, "labelled": 6, "data": ref.to_json(), "contract": None}
    Ledger(ws.ledger_url).append("user:ada", states.slot_of(Session(ws), domain), INGESTED, row)
    return ref


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A workspace with two domains and three states of the target."""
    root = tmp_path_factory.mktemp("template") / "ws"
    (root / "contracts").mkdir(parents=True)
    (root / "lepton.yaml").write_text(f"name: t\nkind: tabular\nsource: {SOURCE}\n")
    for domain in (SOURCE, TARGET):
        contract = f"domain: {domain}\nkind: tabular\nrole: target\nclasses: [c0, c1, c2]\n"
        contract += "columns:\n- {name: size, dtype: number}\n- {name: weight, dtype: number, missing: 1}\n"
        (root / "contracts" / f"{domain}.yaml").write_text(contract)
    versions.init_versioning(root)
    ws = Workspace(root)
    deliver(ws, SOURCE, "base")
    deliver(ws, TARGET, "one")
    deliver(ws, TARGET, "two")
    deliver(ws, TARGET, "late", labels={"one-0": "c2", "two-0": "c1"})
    return root


@pytest.fixture
def plain(template, tmp_path, monkeypatch):
    """A copy of it; no registry."""
    shutil.copytree(template, tmp_path / "plain", symlinks=True)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "plain"))
    return Workspace(tmp_path / "plain")


def ids_file(ws, *ids):
    path = ws.root.parent / "ids.txt"
    path.write_text("\n".join(ids))
    return path


def holders(ws, row_id):
    """Return every file of the workspace that holds an id, whatever its format."""
    found = []
    for path in ws.root.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if content[:4] == b"PAR1":
            content = " ".join(map(str, pq.read_table(pa.BufferReader(content))["id"].to_pylist())).encode() + b" "
        if row_id.encode() in content:
            found.append(path.relative_to(ws.root).as_posix())
    return found


# -- log, diff ---------------------------------------------------------------------------------------------------------


def test_the_log_tells_every_delivery_and_what_an_ingest_left_half_done(plain):
    store.write_batch(plain, TARGET, "half", rows("half"))
    told = [(event.kind, event.what) for event in history(Session(plain), TARGET)]
    assert told == [("rows", "one"), ("rows", "two"), ("labels", "late"), ("not on record", "half")]
    published = {"dvc_md5": "m.dir", "git_revision": "abc", "message": None}
    Ledger(plain.ledger_url).append("user:ada", SOURCE, PUBLISHED, published)
    with pytest.raises(NotFound, match="not known"):
        history(Session(plain), "nowhere")


def test_two_states_differ_in_rows_batches_and_labels(plain):
    found = compare_states(Session(plain), f"{TARGET}/one", None, "train", with_rows=True)
    assert (found.difference.batches_added, found.difference.batches_removed) == (("two",), ())
    assert found.to_json()["rows"] == {"added": 6, "removed": 0, "relabelled": 1}
    assert found.difference.relabelled == ("one-0",)
    back = compare_states(Session(plain), TARGET, f"{TARGET}@one", "train", with_rows=False)
    assert back.to_json()["rows"] == {"added": 0, "removed": 6, "relabelled": 1}
    assert "ids" not in back.to_json()


def test_a_state_is_named_by_batch_md5_or_digest_and_by_nothing_else(plain):
    one = versions.DataRef.from_json(Ledger(plain.ledger_url).entries("here-to-there", INGESTED)[0].payload["data"])
    for words in (f"{TARGET}/one", f"{TARGET}@{one.dvc_md5}", f"{TARGET}@{one.dvc_md5[:8]}", f"{TARGET}@{one.digest}"):
        assert states.state_of(Session(plain), words).was.names == ("one",)
    assert states.state_of(Session(plain), TARGET).was == states.state_of(Session(plain), f"{TARGET}@now").was
    for words in (f"{TARGET}@three", f"{TARGET}/three", f"{TARGET}@ffffffff", "nowhere@now"):
        with pytest.raises(NotFound):
            states.state_of(Session(plain), words)
    with pytest.raises(UsageError, match="two domains"):
        compare_states(Session(plain), TARGET, SOURCE, "train", with_rows=False)


# -- checkout ----------------------------------------------------------------------------------------------------------


def test_a_past_state_is_written_elsewhere_even_if_only_the_remote_has_it(plain, tmp_path):
    shutil.rmtree(plain.root / ".dvc" / "cache")
    done = bring_back(Session(plain), TARGET, "one", "train", tmp_path / "then", dry_run=False)
    then = Workspace(tmp_path / "then")
    assert store.load(then, TARGET).content_digest() == rows("one").content_digest()
    assert done.files == 1
    for into in (tmp_path / "then", plain.data_dir / "x"):
        with pytest.raises(UsageError):
            bring_back(Session(plain), TARGET, "one", "train", into, dry_run=False)
    assert not (plain.data_dir / "x").exists()


def test_missing_and_damaged_files_come_back_and_nothing_unversioned_is_lost(plain):
    lost, hurt = (store.batch_files(plain, TARGET)[name] for name in ("one", "two"))
    lost.unlink()
    hurt.write_bytes(b"damaged")
    stray = store.write_batch(plain, TARGET, "half", rows("half"))
    before = stray.read_bytes()
    with pytest.raises(LeptonError, match="lacks 1 files"):
        versions.snapshot(plain)
    assert set(mend(Session(plain), None, dry_run=True).mended.values()) == {"missing", "damaged"}
    assert not lost.exists()
    done = mend(Session(plain), TARGET, dry_run=False)
    assert stray.read_bytes() == before
    assert [path.read_bytes() for path in done.aside] == [b"damaged"]
    assert mend(Session(plain), None, dry_run=False).mended == {}
    assert store.load(plain, TARGET, ["one", "two"]).ids.tolist() == [*rows("one").ids, *rows("two").ids]


# -- publish -----------------------------------------------------------------------------------------------------------


def test_publishing_commits_the_pointer_alone_and_puts_it_on_record_once(plain):
    (plain.root / "mine.txt").write_text("staged by somebody")
    git(plain.root, "add", "mine.txt")
    done = publish(Session(plain), "Data: as of today", dry_run=False)
    assert git(plain.root, "show", "--name-only", "--format=%s", "HEAD").split("\n\n") == [
        "Data: as of today",
        "data.dvc",
    ]
    assert git(plain.root, "diff", "--cached", "--name-only") == "mine.txt"
    assert publish(Session(plain), None, dry_run=False).new is False
    recorded = Ledger(plain.ledger_url).entries(action=PUBLISHED)
    assert [row.payload["git_revision"] for row in recorded] == [done.git_revision]
    assert recorded[0].payload["dvc_md5"] == versions.dvc_md5(plain.root)


def test_a_publication_that_was_killed_is_put_on_record_by_the_next(plain):
    killed_at(plain, "publish.committed", lambda: publish(Session(plain), None, dry_run=False))
    assert not Ledger(plain.ledger_url).entries(action=PUBLISHED)
    assert publish(Session(plain), None, dry_run=False).new is False
    assert len(Ledger(plain.ledger_url).entries(action=PUBLISHED)) == 1


def test_what_is_not_clean_or_not_pushed_is_not_published(plain):
    half = store.write_batch(plain, TARGET, "half", rows("half"))
    with pytest.raises(LeptonError, match=r"not what data\.dvc lists"):
        publish(Session(plain), None, dry_run=False)
    versions.snapshot(plain, push=False)
    with pytest.raises(LeptonError, match="remote lacks"):
        publish(Session(plain), None, dry_run=False)
    versions.push_all(plain)
    assert half.exists()
    assert publish(Session(plain), None, dry_run=True).new is True
    assert git(plain.root, "log", "--format=%s") == "Set up DVC"


# -- gc ----------------------------------------------------------------------------------------------------------------


def test_old_states_go_but_not_what_a_commit_or_work_under_way_refers_to(plain):
    md5s = [row.payload["data"]["dvc_md5"] for row in Ledger(plain.ledger_url).entries(action=INGESTED)]
    publish(Session(plain), None, dry_run=False)
    deliver(plain, TARGET, "three")
    (plain.work_dir / "transfer-x").mkdir(parents=True)
    (plain.work_dir / "transfer-x" / "job.json").write_text(json.dumps({"job": [{"data": {"dvc_md5": md5s[1]}}]}))
    told = retention.collect_garbage(Session(plain), 0, True, dry_run=True)
    assert [sorted(place.removed) for place in told.places] == [sorted([md5s[0], md5s[2]])] * 2
    assert len(objects.Cache(plain.root).all()) == told.places[0].objects
    assert retention.collect_garbage(Session(plain), 1, True, dry_run=False).places[0].removed == (), "they are young"
    retention.collect_garbage(Session(plain), 0, True, dry_run=False)
    shutil.rmtree(plain.root / ".dvc" / "cache")
    for md5, there in zip(md5s, (False, True, False, True), strict=True):
        if there:
            past.rows_of(plain, past.past(plain, SOURCE, md5))
        else:
            with pytest.raises(NotFound):
                past.past(plain, SOURCE, md5)
    assert not retention.collect_garbage(Session(plain), 0, True, dry_run=False).places[0].removed


def test_a_state_that_comes_again_is_pushed_again(plain):
    before = versions.dvc_md5(plain.root)
    path = store.write_batch(plain, TARGET, "three", rows("three"))
    versions.snapshot(plain)
    retention.collect_garbage(Session(plain), 0, True, dry_run=False)
    path.unlink()
    (plain.root / "data.dvc").unlink()
    versions.snapshot(plain)
    assert versions.dvc_md5(plain.root) == before
    shutil.rmtree(plain.root / ".dvc" / "cache")
    assert past.past(plain, TARGET, before).names == ("one", "two")


def test_a_cleaning_that_is_killed_is_finished_by_the_next(plain):
    whole = shutil.copytree(plain.root, plain.root.parent / "whole", symlinks=True)
    killed_at(plain, "gc.cache-cleaned", lambda: retention.collect_garbage(Session(plain), 0, True, dry_run=False))
    retention.collect_garbage(Session(plain), 0, True, dry_run=False)
    retention.collect_garbage(Session(Workspace(whole)), 0, True, dry_run=False)
    for place in (".dvc/cache/files", ".lepton/remote"):
        left = [{path.name for path in (root / place).rglob("*") if path.is_file()} for root in (plain.root, whole)]
        assert left[0] == left[1]


def test_where_the_list_of_a_published_state_is_lost_nothing_is_removed(plain):
    publish(Session(plain), None, dry_run=False)
    published = versions.dvc_md5(plain.root)
    deliver(plain, TARGET, "three")
    cache = objects.Cache(plain.root)
    with objects.remote(plain, "lose a list") as there:
        there.remove([published])
    cache.remove([published])
    before = cache.all()
    with pytest.raises(LeptonError, match="Nothing was removed"):
        retention.collect_garbage(Session(plain), 0, True, dry_run=False)
    assert cache.all() == before


# -- forget ------------------------------------------------------------------------------------------------------------


def with_copies(ws):
    """Put the rows that are to be erased wherever lepton keeps copies of rows."""
    log = pd.DataFrame({"id": rows("one").ids, "prediction": "c0", "confidence": 1.0})
    (ws.predictions_dir / TARGET).mkdir(parents=True)
    log.to_parquet(ws.predictions_dir / TARGET / "one.v1.parquet", index=False)
    bad = ws.root.parent / "bad.csv"
    pd.DataFrame({"id": ["one-1", "x"], "size": [1.0, 2.0]}).to_csv(bad, index=False)
    quarantine(ws, TARGET, bad, LeptonError("Refused: wrong.", why="id  given twice: 'one-1' (rows 1, 2)"))
    bad.unlink()
    bring_back(Session(ws), TARGET, "one", "train", None, dry_run=False)
    for folder in (ws.cache_dir / "features", ws.work_dir / "transfer-here-to-there-0"):
        folder.mkdir(parents=True)
        (folder / "some.json").write_text('["one-1"]')
    page = ws.reports_dir / "windows" / TARGET / "one.v1.html"
    page.parent.mkdir(parents=True)
    page.write_text("<td>one-1</td><td>two-0</td>")


def test_erased_rows_are_in_no_file_of_the_workspace_any_more(plain):
    with_copies(plain)
    path = ids_file(plain, "one-1", "two-0", "nobody")
    expected = set(holders(plain, "one-1"))
    assert len(expected) == 11, "data, DVC's cache, remote, predictions, three in quarantine, past, cache, work, report"
    dry = forget(Session(plain), path, None, "request 1", dry_run=True)
    assert set(holders(plain, "one-1")) == expected
    done = forget(Session(plain), path, None, "request 1", dry_run=False)
    assert replace(done, dry_run=True) == dry
    assert not any(text in json.dumps(done.to_json()) + str(done) for text in ("one-1", "two-0"))
    assert (done.asked, done.found) == (3, 2)
    assert done.domains[TARGET].batches == {"one": 1, "two": 1}
    assert done.domains[TARGET].labels == {"late": 1}
    assert holders(plain, "two-0") == []
    assert holders(plain, "one-1") == []
    assert versions.status_clean(plain.root)
    refusal = Ledger(plain.ledger_url).last(action=DELIVERY_REFUSED)
    assert refusal.payload["reasons"][0] == "id  given twice: '...' (rows 1, 2)"
    row = Ledger(plain.ledger_url).last(action=FORGOTTEN)
    assert (row.pair, row.payload["rows"], row.payload["why"]) == ("here-to-there", 2, "request 1")
    assert not any(text in json.dumps(row.payload) for text in ("one-1", "two-0"))


def test_what_the_ledger_said_before_is_not_changed_but_told(plain):
    refusal = {"delivery": "cafe", "name": "bad.csv", "reasons": ["id  given twice: 'one-1' (rows 1, 2)"]}
    row = Ledger(plain.ledger_url).append("user:ada", "here-to-there", DELIVERY_REFUSED, refusal)
    assert forget(Session(plain), ids_file(plain, "one-1"), None, "request 1", dry_run=False).ledger_rows == (row.seq,)
    assert Ledger(plain.ledger_url).verify() == []


def test_the_others_rows_and_the_other_domain_are_as_they_were(plain):
    same = store.load(plain, SOURCE).content_digest(), versions.domain_digest(plain, SOURCE)
    forget(Session(plain), ids_file(plain, "one-1", "base-0"), TARGET, "request 1", dry_run=False)
    assert (store.load(plain, SOURCE).content_digest(), versions.domain_digest(plain, SOURCE)) == same
    left = [row_id for name in ("one", "two") for row_id in rows(name).ids if row_id != "one-1"]
    assert store.load(plain, TARGET).ids.tolist() == left
    assert store.labels_now(plain, TARGET)["one-0"] == "c2"


def test_after_an_erasure_log_diff_checkout_publish_and_gc_still_answer(plain):
    forget(Session(plain), ids_file(plain, "one-1"), None, "request 1", dry_run=False)
    log = history(Session(plain), TARGET)
    assert (log[-1].kind, log[-1].rows, log[-1].why) == ("forgotten", 1, "request 1")
    found = compare_states(Session(plain), f"{TARGET}/two", None, "train", with_rows=True)
    assert found.difference.gone == ("there/0001-one.parquet",)
    assert found.to_json()["rows"] == {"added": 0, "removed": 0, "relabelled": 1}, "of what both still have"
    with pytest.raises(NotFound, match="is gone"):
        bring_back(Session(plain), TARGET, "one", "train", None, dry_run=False)
    assert bring_back(Session(plain), TARGET, "now", "train", None, dry_run=False).files == 3
    assert publish(Session(plain), None, dry_run=False).new
    retention.collect_garbage(Session(plain), 0, True, dry_run=False)
    assert mend(Session(plain), None, dry_run=False).mended == {}
    deliver(plain, TARGET, "three")


@pytest.mark.parametrize("point", POINTS)
def test_an_erasure_that_is_killed_is_finished_by_the_same_command(plain, point):
    with_copies(plain)
    path = ids_file(plain, "one-1", "two-0")
    killed_at(plain, f"forget.{point}", lambda: forget(Session(plain), path, None, "request 1", dry_run=False))
    if point == "ended":
        with pytest.raises(NotFound):
            forget(Session(plain), path, None, "request 1", dry_run=False)
    else:
        with pytest.raises(LeptonError, match="was interrupted"):
            mend(Session(plain), None, dry_run=False)
        path.unlink()  # what is to be erased is known without it
        done = forget(Session(plain), None, None, None, dry_run=False)
        assert (done.found, done.domains[TARGET].rows) == (2, 2)
    assert holders(plain, "two-0") == []
    assert holders(plain, "one-1") == []
    assert len(Ledger(plain.ledger_url).entries(action=FORGOTTEN)) == 1
    assert versions.status_clean(plain.root)
    assert erase.unfinished(plain) is None


def test_another_erasure_finishes_the_interrupted_one_first(plain):
    first, second = ids_file(plain, "one-1"), plain.root.parent / "second.txt"
    second.write_text("two-3\n")
    killed_at(plain, "forget.rewritten", lambda: forget(Session(plain), first, None, "request 1", dry_run=False))
    forget(Session(plain), second, None, "request 2", dry_run=False)
    assert holders(plain, "one-1") == holders(plain, "two-3") == []
    assert [row.payload["why"] for row in Ledger(plain.ledger_url).entries(action=FORGOTTEN)] == [
        "request 1",
        "request 2",
    ]


@pytest.mark.parametrize("ids", [True, False], ids=["given", "derived"])
def test_the_same_delivery_stays_known_and_a_new_one_may_bring_the_row_back(plain, tmp_path, ids):
    frame = pd.DataFrame({"size": [1.0, 2.0, 3.0], "weight": [4.0, 5.0, 6.0], "label": ["c0", "c1", "c2"]})
    if ids:
        frame.insert(0, "id", ["a", "b", "c"])
    frame.to_csv(tmp_path / "new.csv", index=False)
    take(plain, tmp_path / "new.csv")
    erased = store.load(plain, TARGET, ["new"]).ids[1]
    forget(Session(plain), ids_file(plain, erased), None, "request 1", dry_run=False)
    with pytest.raises(LeptonError, match="already delivered as batch new") as caught:
        take(plain, tmp_path / "new.csv")
    assert "1 of its 3 rows were erased since" in caught.value.why
    frame[1:2].to_csv(tmp_path / "again.csv", index=False)
    take(plain, tmp_path / "again.csv")
    assert store.counts(plain, TARGET, ["new", "again"]) == (3, 3)


def test_the_command_line_answers_in_json_and_with_the_right_codes(plain, lepton):
    at = ("--workspace", plain.root, "data")
    assert [event["what"] for event in json.loads(lepton(*at, "log", TARGET, "--json").out)] == ["one", "two", "late"]
    assert json.loads(lepton(*at, "diff", f"{TARGET}/one", "--json").out)["rows"]["added"] == 6
    assert json.loads(lepton(*at, "gc", "--json", "--dry-run").out)["places"][0]["removed"] == []
    assert json.loads(lepton(*at, "checkout", "--json").out)["mended"] == {}
    assert json.loads(lepton(*at, "publish", "--json", "--dry-run").out)["new"] is True
    assert lepton(*at, "forget", "--ids", ids_file(plain, "one-1")).code == 2
    assert lepton(*at, "checkout", "--at", "one").code == 2
    killed_at(
        plain,
        "forget.begun",
        lambda: forget(Session(plain), ids_file(plain, "one-1"), None, "request 1", dry_run=False),
    )
    checked = lepton("--workspace", plain.root, "doctor", "--dry-run")
    assert checked.code == 1
    assert "An erasure was interrupted" in checked.out
    assert json.loads(lepton(*at, "forget", "--json").out)["found"] == 1
    shown = lepton(*at, "log", TARGET).out
    assert "forgotten one: request 1" in shown
    assert "one-1" not in shown


def test_a_wrong_call_changes_nothing(plain):
    before = sorted(objects.Cache(plain.root).all())
    with pytest.raises(NotFound, match="None of the 1 ids"):
        forget(Session(plain), ids_file(plain, "nobody"), None, "request 1", dry_run=False)
    with pytest.raises(UsageError, match="reason"):
        forget(Session(plain), ids_file(plain, "one-1"), None, None, dry_run=False)
    with pytest.raises(UsageError, match="No erasure was interrupted"):
        forget(Session(plain), None, None, None, dry_run=False)
    shutil.move(plain.root / ".lepton" / "remote", plain.root / "away")
    with pytest.raises(LeptonError, match="remote is missing"):
        forget(Session(plain), ids_file(plain, "one-1"), None, "request 1", dry_run=False)
    assert sorted(objects.Cache(plain.root).all()) == before
    assert erase.unfinished(plain) is None
    assert not Ledger(plain.ledger_url).entries(action=FORGOTTEN)


def test_versions_that_saw_the_rows_are_named_and_keep_what_they_need(ws, make, model_folder, tmp_path, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, str(ws.root))
    versions.init_versioning(ws.root)
    one = deliver(ws, "mnist", "one")
    two = deliver(ws, "mnist", "two")
    deliver(ws, "mnist", "three")
    folder = shutil.copytree(model_folder, tmp_path / "model")
    (folder / "rows.json").write_text(json.dumps({"train": ["one-1"], "held_out": ["one-2"]}))
    base = make("mnist", data={"train": one}, folder=folder)
    child = make(parent=base, data={"train": versions.data_ref(ws, "mnist", ["three"])})
    other = make(data={"train": two})
    lost = {row.payload["data"]["dvc_md5"] for row in Ledger(ws.ledger_url).entries(action=INGESTED)}
    removed = retention.collect_garbage(Session(ws), 0, True, dry_run=False).places[0].removed
    assert not lost & set(removed), "each of them is some version's"
    done = forget(Session(ws), ids_file(ws, "one-1"), None, "request 1", dry_run=True)
    told = {(one.model, one.how, one.holds_ids) for one in done.models}
    assert told == {(base.label, "was trained on them", True), (child.label, "descends from one", False)}
    done = forget(Session(ws), ids_file(ws, "one-2"), None, "request 2", dry_run=False)
    assert [one.how for one in done.models if one.model == base.label] == ["was judged by them"]
    assert other.label not in {one.model for one in done.models}
    retention.collect_garbage(Session(ws), 0, True, dry_run=False)
    assert past.past_of(ws, two).names == ("two",)
    past.checkout_ref(ws, two, tmp_path / "two")


def take(ws, path):
    """Take a delivery in as the flow does, with the contract's check."""
    taken = ingest(ws, TARGET, path)
    finished(ws, TARGET, taken.batch)


def killed_at(ws, point, work):
    """Do some work in a process of its own that ends itself at a point, as a power cut would."""
    pid = os.fork()
    if pid == 0:
        os.environ[KILL_AT] = point
        try:
            work()
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9, f"{point} was not reached"
