"""Contracts as people edit them, and as they are first inferred."""

import numpy as np
import pandas as pd
import pytest

from lepton.contract.file import load_contract, render, save_contract
from lepton.contract.infer import for_target, infer
from lepton.contract.result import Breach, ContractResult, listing
from lepton.contract.spec import Contract
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError, NotFound, UsageError
from lepton.core.table import Table


@pytest.fixture
def ws(tmp_path):
    (tmp_path / "lepton.yaml").write_text("name: t\nkind: tabular\nsource: here\n")
    return Workspace(tmp_path)


def table(n=40, **columns):
    rng = np.random.default_rng(0)
    given = {"age": rng.uniform(18, 80, n), "colour": pd.Series(["red", "white"] * (n // 2), dtype=object), **columns}
    return Table(
        kind="tabular",
        ids=np.array([f"r{k}" for k in range(n)], object),
        labels=np.array(["yes", "no"] * (n // 2), object),
        frame=pd.DataFrame(given),
    )


def pictures(shape=(1, 8, 8), dtype=np.uint8, n=20):
    return Table(
        kind="image",
        ids=np.array([f"r{k}" for k in range(n)], object),
        labels=np.array([str(k % 10) for k in range(n)], object),
        images=np.zeros((n, *shape), dtype),
    )


def edited(ws, domain, old, new):
    path = ws.contracts_dir / f"{domain}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("first", [table(), pictures(), pictures(dtype=np.float32)], ids=["table", "bytes", "floats"])
def test_the_commented_yaml_reads_back_as_the_same_contract(ws, first):
    contract = infer(first, "here", "source")
    save_contract(ws, contract)
    assert load_contract(ws, "here") == contract
    assert load_contract(ws, "here").digest() == contract.digest()
    assert render(contract).count("#") >= 6


def test_odd_names_and_numbers_survive_the_yaml(ws):
    odd = {'a "b": c #d': np.full(40, 1e-9), "- ü,{x}": np.full(40, 3e17), "yes": np.arange(40.0)}
    contract = infer(table(**odd), "here", "source")
    save_contract(ws, contract)
    assert load_contract(ws, "here") == contract


def test_a_contract_allows_what_it_was_made_from_and_somewhat_more():
    rule = next(rule for rule in infer(table(), "here", "source").columns if rule.name == "age")
    assert rule.min < 18
    assert rule.max > 80
    assert rule.min == 0
    assert rule.max < 200


def test_only_a_column_that_was_negative_may_be():
    rules = {r.name: r for r in infer(table(t=np.linspace(-5, 30, 40)), "here", "source").columns}
    assert rules["t"].min < -30
    assert rules["age"].min == 0
    target = for_target(infer(table(), "here", "source"), "there", table(age=np.linspace(-3, 9, 40)))
    assert target.columns[0].min < -3


def test_missing_values_seen_are_allowed():
    holes = np.where(np.arange(40) < 10, np.nan, 1.0)
    rule = next(r for r in infer(table(x=holes), "here", "source").columns if r.name == "x")
    assert 0.25 <= rule.missing < 1


def test_classes_are_sorted_as_numbers():
    labels = np.array([str(k % 12) for k in range(48)], object)
    assert infer(table(48).with_labels(labels), "here", "source").classes == tuple(map(str, range(12)))


def test_one_class_no_label_and_amounts_are_no_source():
    one = np.full(40, "yes", dtype=object)
    with pytest.raises(LeptonError, match="one class, 'yes'"):
        infer(table().with_labels(one), "here", "source")
    with pytest.raises(LeptonError, match="absent or empty"):
        infer(table().without_labels(), "here", "source")
    amounts = np.array([f"{k}.5" for k in range(40)], object)
    with pytest.raises(LeptonError, match="40 different values"):
        infer(table().with_labels(amounts), "here", "source")


def test_a_target_has_the_sources_classes_and_wider_ranges():
    source = infer(table(), "here", "source")
    target = for_target(source, "there")
    assert (target.role, target.domain, target.classes) == ("target", "there", source.classes)
    assert target.columns[0].min == source.columns[0].min == 0
    assert target.columns[0].max > source.columns[0].max
    assert target.columns[0].missing > source.columns[0].missing


def test_a_targets_ranges_cover_its_first_delivery():
    source = infer(table(), "here", "source")
    first = table(age=np.linspace(1e4, 2e4, 40), colour=pd.Series(["rosé"] * 40, dtype=object))
    target = for_target(source, "there", first)
    assert target.columns[0].max > 2e4
    assert set(target.columns[1].values) == {"red", "white", "rosé"}


def test_a_target_may_have_images_of_its_own_shape():
    source = infer(pictures((1, 28, 28)), "here", "source")
    assert for_target(source, "there", pictures((3, 8, 8))).image.shape == (3, 8, 8)
    with pytest.raises(LeptonError, match="kind"):
        for_target(source, "there", table())


def test_an_unknown_key_names_the_nearest(ws):
    save_contract(ws, infer(table(), "here", "source"))
    edited(ws, "here", "min_rows", "min_row")
    with pytest.raises(UsageError, match="not a valid contract") as caught:
        load_contract(ws, "here")
    assert "did you mean 'min_rows'?" in caught.value.render()


def test_an_unknown_key_of_a_column_names_the_nearest_and_the_column(ws):
    save_contract(ws, infer(table(), "here", "source"))
    edited(ws, "here", "missing: 0.05", "mising: 0.05")
    with pytest.raises(UsageError) as caught:
        load_contract(ws, "here")
    assert "columns.1.mising: unknown key; did you mean 'missing'?" in caught.value.render()


def test_broken_yaml_names_the_line(ws):
    save_contract(ws, infer(table(), "here", "source"))
    edited(ws, "here", 'classes: ["no"', 'classes: ["no')
    with pytest.raises(UsageError, match="line"):
        load_contract(ws, "here")


def test_unquoted_numbers_are_fine_and_unquoted_truth_values_explained(ws):
    save_contract(ws, infer(table(), "here", "source"))
    edited(ws, "here", '["no", "yes"]', "[0, 1]")
    assert load_contract(ws, "here").classes == ("0", "1")
    edited(ws, "here", "[0, 1]", "[no, yes]")
    with pytest.raises(UsageError) as caught:
        load_contract(ws, "here")
    assert "put them in quotes" in caught.value.render()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("dtype: number", "dtype: float", "'number', 'category', 'text' or 'series'"),
        ("missing: 0.05", "missing: 5", "less than or equal to 1"),
        ("kind: tabular", "kind: image", "has `image` and no `columns`"),
        ("domain: here", "domain: there", "of another domain"),
        ('"colour"', '"age"', "more than once"),
    ],
)
def test_a_wrong_value_is_explained(ws, old, new, told):
    save_contract(ws, infer(table(), "here", "source"))
    edited(ws, "here", old, new)
    with pytest.raises(UsageError) as caught:
        load_contract(ws, "here")
    assert told in caught.value.render()


def test_a_domain_without_contract_is_not_known(ws):
    with pytest.raises(NotFound, match="not known"):
        load_contract(ws, "nowhere")
    with pytest.raises(UsageError, match="cannot name a domain"):
        load_contract(ws, "../etc")


@pytest.mark.parametrize("stray", ["plant-2 (copy)", "Plant", ".hidden", "-x"])
def test_a_stray_file_among_the_contracts_is_no_domain(ws, stray):
    save_contract(ws, infer(table(), "here", "source"))
    (ws.contracts_dir / f"{stray}.yaml").write_text("domain: x\n")
    assert ws.domains() == ["here"]


def test_a_contract_needs_a_class():
    with pytest.raises(ValueError, match="classes"):
        Contract(domain="d", role="target", kind="tabular", classes=(), columns=({"name": "x", "dtype": "number"},))


def test_results_go_through_json_and_read_well():
    breach = Breach("label", "value not allowed: 'O'; allowed: 0-9", rows=(12, 840, 1311), count=3)
    result = ContractResult("usps", False, (breach,), 2007, 9, "00", None, 0.1)
    assert ContractResult.from_json(result.to_json()) == result
    assert result.headline() == "Refused: 3 of 2,007 rows break the contract of domain 'usps'."
    assert result.lines() == ["label  value not allowed: 'O'; allowed: 0-9 (rows 12, 840, 1311)"]


@pytest.mark.parametrize(
    ("values", "told"),
    [("0 1 2 3", "0-3"), ("1 2 4", "1, 2, 4"), ("a b", "a, b"), (" ".join("abcdefghijklmn"), "14 in all")],
)
def test_allowed_values_are_listed_shortly(values, told):
    assert told in listing(values.split())


@pytest.mark.parametrize(
    ("labels", "mark"),
    [
        (["urgent", "billing", "urgent;billing", "billing;other", "other"], ";"),
        (["a|b", "b|c", "a|c"], "|"),
        (["New York; NY", "Boston; MA"], None),
        (["yes", "no"], None),
        (["a,b", "c"], None),
    ],
)
def test_several_labels_in_one_are_told_from_a_label_with_a_mark_in_it(labels: list[str], mark: str | None) -> None:
    from lepton.contract.infer import _joined_by

    assert _joined_by(labels) == mark
