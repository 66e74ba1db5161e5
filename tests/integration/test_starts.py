"""Where a transfer may start, as somebody says it: the base, the champion, any version that is sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import lepton as front_door
from tests.conftest import Answer, make_plant

TARGET = "plant-2"


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[front_door.Workspace]:
    """A workspace with a base; nothing serves its target yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_PRETRAIN__EPOCHS", "4")
        patch.delenv("LEPTON_WORKSPACE", raising=False)
        first = make_plant(600, 0.0, 1)
        ws = front_door.init(tmp_path_factory.mktemp("starts") / "shop", first, source="plant-1", progress=False)
        ws.ingest("plant-1", first, name="first")
        ws.pretrain()
        ws.ingest(TARGET, make_plant(500, 0.9, 2), name="first", new=True)
        yield ws


def started(lepton: Any, ws: front_door.Workspace, start: str) -> Answer:
    """Ask where a transfer would start."""
    done: Answer = lepton("transfer", TARGET, "--from", start, "--dry-run", "--local", cwd=ws.root)
    return done


def test_without_a_champion_only_the_base_is_there(lepton: Any, ws: front_door.Workspace) -> None:
    done = started(lepton, ws, "champion")
    assert done.code != 0
    assert "no champion to start from" in done.text
    assert f"lepton transfer {TARGET} --from base" in done.text
    base = started(lepton, ws, "base")
    assert base.code == 0, base.text
    assert "plant-1 v1" in base.out


def test_a_version_is_started_from_unless_it_is_recalled(lepton: Any, ws: front_door.Workspace) -> None:
    for seed in (2, 3):
        ws.transfer(TARGET, strategies=("none", "probe"))
        ws.ingest(TARGET, make_plant(300, 0.9, 10 + seed), name=f"more-{seed}")
    champion = ws.champion(TARGET).model
    for start in ("champion", f"{TARGET}@{champion.version}"):
        done = started(lepton, ws, start)
        assert done.code == 0, done.text
        assert champion.label in done.out
    assert "has no version or alias" in started(lepton, ws, f"{TARGET}@99").text
    told = lepton("recall", f"{TARGET}@{champion.version}", "--why", "a test", cwd=ws.root)
    assert told.code == 0, told.text
    refused = started(lepton, ws, f"{TARGET}@{champion.version}")
    assert refused.code != 0
    assert "is recalled" in refused.text
    assert "a test" in refused.text
