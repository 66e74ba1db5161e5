"""Equal rows: they share a side, and an export of all that there is so far brings only its new ones."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lepton.contract.repeats import known_rows
from lepton.core.config.workspace import Workspace
from lepton.core.splits import split_key, split_of
from lepton.data import store
from lepton.data.erase import Asked
from lepton.data.ids import as_stored
from lepton.data.readers import read
from lepton.data.staging import staged


@pytest.fixture
def ws(tmp_path):
    (tmp_path / "lepton.yaml").write_text("name: t\nkind: tabular\nsource: site\n")
    return Workspace(tmp_path)


def deliver(ws, name, frame):
    """Return a delivery of the frame as CSV."""
    frame.to_csv(ws.root / f"{name}.csv", index=False)
    return read(ws.root / f"{name}.csv")


def stored(ws, name, frame):
    store.write_batch(ws, "site", name, deliver(ws, name, frame).identified(name))
    return frame


def known(ws, frame):
    with staged(iter([deliver(ws, "next", frame)]), ws.root / "staged") as delivery:
        return known_rows(ws, "site", delivery)


def rows(n, seed):
    random = np.random.default_rng(seed)
    return pd.DataFrame({"a": random.normal(size=n), "label": random.choice(["x", "y"], n)})


def test_a_cumulative_export_holds_the_rows_of_earlier_batches_in_any_order(ws):
    first, second = stored(ws, "one", rows(40, 0)), stored(ws, "two", rows(30, 1))
    export = pd.concat([first, second, rows(20, 2)]).sample(frac=1, random_state=0)
    assert known(ws, export).sum() == 70
    assert known(ws, pd.concat([first, rows(20, 2)])).sum() == 40
    assert known(ws, pd.concat([first[1:], rows(20, 2)])).sum() == 0


def test_rows_of_a_table_of_few_values_may_honestly_come_again(ws):
    random = np.random.default_rng(0)
    stored(ws, "one", pd.DataFrame({"a": random.integers(0, 3, 30), "label": "x"}))
    assert known(ws, pd.DataFrame({"a": random.integers(0, 3, 300), "label": "x"})).sum() == 0


def test_rows_with_ids_are_known_by_id_and_content(ws):
    first = stored(ws, "one", rows(10, 0).assign(id=range(10)))
    changed = first.copy()
    changed.loc[3, "a"] = 99.0
    assert known(ws, pd.concat([changed, rows(5, 1).assign(id=range(10, 15))])).tolist() == [
        *(k != 3 for k in range(10)),
        *[False] * 5,
    ]


def test_a_row_that_comes_with_another_label_is_not_known_and_with_none_it_is(ws):
    first = stored(ws, "one", rows(10, 0).assign(id=range(10)))
    export = pd.concat([first, rows(5, 1).assign(id=range(10, 15))])
    export["label"] = export["label"].astype(object)
    export.iloc[2, export.columns.get_loc("label")] = "O"
    export.iloc[4, export.columns.get_loc("label")] = None
    assert known(ws, export).tolist() == [*(k != 2 for k in range(10)), *[False] * 5]


def test_an_export_that_has_an_id_twice_is_for_the_contract_to_refuse(ws):
    first = stored(ws, "one", rows(10, 0).assign(id=range(10)))
    assert not known(ws, pd.concat([first, first[:1]])).any()


def test_equal_pictures_share_a_side_whatever_they_are_called(tmp_path):
    folder = tmp_path / "shots" / "x"
    folder.mkdir(parents=True)
    for k in range(40):
        picture = Image.fromarray(np.random.default_rng(k).integers(0, 256, (8, 8), dtype=np.uint8))
        picture.save(folder / f"{k:02d}.png")
        picture.save(folder / f"{k:02d}_copy.png")
    ids = list(read(tmp_path / "shots").identified("shots").ids)
    sides = dict(zip(ids, split_of(ids), strict=True))
    assert len(set(sides.values())) == 3
    for one in ids:
        if "_copy" not in one:
            assert sides[one] == sides[one.replace(".png", "_copy.png")]


def test_the_path_of_a_picture_names_its_row(tmp_path):
    row_id = "shots/x/café.png~pixels~0123456789abcdef"
    assert split_key(row_id) == "0123456789abcdef"
    assert split_key("site7~pixels~1") == "site7~pixels~1"
    asked = ["shots/x/cafe\u0301.png", row_id, "gone", None]
    assert list(as_stored(asked, {row_id})) == [row_id, row_id, "gone", None]
    assert Asked(frozenset({"shots/x/café.png"})).which(row_id) == "shots/x/café.png"
