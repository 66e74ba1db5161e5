"""Words to a version: domain, pair or full name; version, alias or nothing; and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton.core.config.workspace import Workspace
from lepton.core.errors import NotFound
from lepton.core.ledger import PROMOTED, RECALLED, REFUSED, REGISTERED, ROLLED_BACK, Action, Ledger
from lepton.core.refs import DataRef, ModelRef
from lepton.registry.lineage.find import find_model
from lepton.registry.lineage.record import Lineage
from lepton.registry.projection import wanted

PAIR = "mnist-to-usps"


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    (tmp_path / "lepton.yaml").write_text("name: digits\nkind: image\nsource: mnist\n")
    (tmp_path / "contracts").mkdir()
    for domain in ("mnist", "usps", "svhn"):
        (tmp_path / "contracts" / f"{domain}.yaml").write_text("")
    return Workspace(tmp_path)


@pytest.fixture
def ledger(ws: Workspace) -> Ledger:
    """Three versions of usps: 1 serves again after 2, and 3 was refused."""
    ledger = Ledger(ws.ledger_url)
    for pair, version in (("mnist", 1), (PAIR, 1), (PAIR, 2), (PAIR, 3)):
        lineage = Lineage("residual", {"train": DataRef("usps", ("a",), "d" * 32, None, None, 1, 1)}, 0)
        model = ref(version, pair).to_json()
        ledger.append("test", pair, REGISTERED, {"model": model, "lineage": lineage.to_json()})
    rows: list[tuple[Action, int]] = [(PROMOTED, 1), (PROMOTED, 2), (ROLLED_BACK, 1), (REFUSED, 3)]
    for action, version in rows:
        ledger.append("test", PAIR, action, {"model": ref(version).to_json()})
    return ledger


def ref(version: int, pair: str = PAIR) -> ModelRef:
    return ModelRef(f"lepton-{pair}", str(version), f"{version:064}", f"run{version}")


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ("usps", 1),
        ("usps@champion", 1),
        ("usps@challenger", 3),
        ("usps@2", 2),
        ("usps@v2", 2),
        ("usps 2", 2),
        ("mnist-to-usps@2", 2),
        ("lepton-mnist-to-usps@2", 2),
        ("lepton-mnist-to-usps v2", 2),
        ("lepton-mnist-to-usps", 1),
    ],
)
def test_words_mean_a_version(ws: Workspace, ledger: Ledger, words: str, version: int) -> None:
    assert find_model(ws, ledger, words) == ref(version)


@pytest.mark.parametrize("words", ["mnist@1", "lepton-mnist@1", "lepton-mnist v1"])
def test_the_base_is_found_by_its_source(ws: Workspace, ledger: Ledger, words: str) -> None:
    assert find_model(ws, ledger, words) == ref(1, "mnist")


@pytest.mark.parametrize(
    ("words", "what", "why"),
    [
        ("usps@9", "no version or alias '9'", "Versions: 1, 2, 3; aliases: champion, challenger"),
        ("usps@best", "no version or alias 'best'", "Versions: 1, 2, 3"),
        ("mnist", "'mnist' has no champion", "mnist@1"),
        ("svhn", "No model of 'svhn' is registered", ""),
        ("moon", "'moon' is not known here", "Known domains: mnist"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(ws: Workspace, ledger: Ledger, words: str, what: str, why: str) -> None:
    with pytest.raises(NotFound) as caught:
        find_model(ws, ledger, words)
    assert what in caught.value.what
    assert why in caught.value.why
    assert caught.value.fix


def test_a_recalled_version_is_no_challenger_any_more(ws: Workspace, ledger: Ledger) -> None:
    subject = {"kind": "model", "model": ref(3).to_json()}
    ledger.append("test", PAIR, RECALLED, {"subject": subject, "why": "x"})
    with pytest.raises(NotFound, match="no challenger"):
        find_model(ws, ledger, "usps@challenger")


def test_the_champion_that_is_found_is_the_one_that_the_alias_is_moved_to(ws: Workspace, ledger: Ledger) -> None:
    assert find_model(ws, ledger, "usps@champion") == wanted(ledger, PAIR)["champion"]
