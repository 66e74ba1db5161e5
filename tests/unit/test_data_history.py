"""The log of a domain, folded from rows of the ledger."""

from lepton.core.ledger import Entry
from lepton.core.refs import DataRef, ModelRef
from lepton.data.history import NOT_ON_RECORD, fold, who_saw


def rows(*said):
    return [
        Entry(k, f"2026-01-0{k}", "user:ada", pair, action, payload, "", "")
        for k, (pair, action, payload) in enumerate(said, 1)
    ]


def delivered(batch, labels=False, passed=True):
    data = DataRef("t", (batch,), f"d-{batch}", f"m-{batch}.dir", None, 9, 4).to_json()
    return {"batch": batch, "labels": labels, "rows": 9, "labelled": 4, "data": data, "contract": {"passed": passed}}


def registered(version, **data):
    refs = {use: DataRef(domain, tuple(names), "d", None, None, 9, 4) for use, (domain, *names) in data.items()}
    return {"model": model(version), "lineage": {"data": {use: ref.to_json() for use, ref in refs.items()}}}


def model(version):
    return ModelRef("lepton-s-to-t", version, "f00d", "run").to_json()


def forgotten(batch, rows):
    return {"key": "k", "domain": "t", "batches": {batch: rows}, "rows": rows, "asked": rows, "why": "request 1"}


LEDGER = rows(
    ("s-to-t", "ingested", delivered("one")),
    ("s-to-u", "ingested", delivered("other")),
    ("s-to-t", "registered", registered("1", train=("t", "one"), held_out=("t", "one"), reference=("s", "one"))),
    ("s-to-t", "delivery_refused", {"delivery": "cafe", "name": "bad.csv", "reasons": ["label  wrong"], "rows": 3}),
    ("s-to-t", "ingested", delivered("late", labels=True)),
    ("s-to-t", "recalled", {"subject": {"kind": "batch", "domain": "t", "batch": "one"}, "why": "a bad sensor"}),
    ("s", "published", {"dvc_md5": "m.dir", "git_revision": "abc", "message": None}),
    ("s-to-t", "forgotten", forgotten("one", 2)),
    ("s-to-t", "registered", registered("2", train=("t", "one"))),
    ("s-to-t", "abandoned", {"model": model("2")}),
)  # fmt: skip


def test_everything_that_happened_is_told_in_order():
    log = fold(LEDGER, "t", "s-to-t")
    told = [(event.seq, event.kind, event.what) for event in log]
    assert told == [
        (1, "rows", "one"),
        (4, "refused", "bad.csv"),
        (5, "labels", "late"),
        (6, "recalled", "one"),
        (7, "published", "data.dvc"),
        (8, "forgotten", "one"),
    ]
    assert (log[0].digest, log[0].dvc_md5, log[0].contract, log[0].who) == ("d-one", "m-one.dir", "passed", "user:ada")
    assert log[1].why == "label  wrong"
    assert log[5].rows == 2


def test_a_batch_names_who_saw_it_and_for_what_but_no_undone_version():
    assert fold(LEDGER, "t", "s-to-t")[0].models == {"lepton-s-to-t v1": ["train", "held_out"]}
    assert who_saw(LEDGER, "s") == {"one": {"lepton-s-to-t v1": ["reference"]}}


def test_what_only_files_tell_of_comes_last_and_once():
    reasons = [
        {"digest": "cafe", "time": "t", "delivery": "bad.csv", "lines": []},
        {"digest": "f00d", "time": "t", "delivery": "worse.csv", "lines": ["x", " y"]},
    ]
    log = fold(LEDGER, "t", "s-to-t", reasons, ["one", "two"], ["late"])
    assert [(event.kind, event.what) for event in log[6:]] == [("refused", "worse.csv"), (NOT_ON_RECORD, "two")]
    assert log[6].why == "x; y"


def test_another_domain_hears_of_its_own_and_of_what_concerns_all():
    assert [event.kind for event in fold(LEDGER, "u", "s-to-u")] == ["rows", "published"]
