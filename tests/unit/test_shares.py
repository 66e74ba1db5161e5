"""A round over many targets, shared among processes: none is lost, none is done twice, small rounds stay whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from lepton_flows import runtime, several
from lepton_flows.shares import SMALLEST, Share, split
from prefect.states import State

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.operations.session import Session

NAMES = [f"plant-{k}" for k in range(20)]


@pytest.mark.parametrize("number", range(len(NAMES) + 1))
@pytest.mark.parametrize("processes", [1, 2, 5])
def test_every_target_is_in_one_share_and_no_share_is_too_small(number: int, processes: int) -> None:
    shares = split(NAMES[:number], processes)
    assert sorted(name for share in shares for name in share) == sorted(NAMES[:number])
    assert 1 <= len(shares) <= processes
    assert len(shares) == 1 or min(map(len, shares)) >= SMALLEST
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


class Elsewhere:
    """What stands in the place of another process."""

    def __init__(self, patch: pytest.MonkeyPatch, answer: Any, worker: bool = True) -> None:
        self.given: list[tuple[str, tuple[str, ...], tuple[Any, ...]]] = []
        self.here: list[str] = []
        self.answer = answer
        patch.setattr(runtime, "_flow_run", lambda: SimpleNamespace(deployment_id=uuid4() if worker else None))
        patch.setattr(runtime, "give", self.give)
        patch.setattr(runtime, "wait", self.wait)
        patch.setattr(runtime, "flow_of", lambda _: self.flow)

    def give(self, verb: str, domains: Sequence[str], arguments: Sequence[Any]) -> Share:
        self.given.append((verb, tuple(domains), tuple(arguments)))
        return Share(UUID(int=1), tuple(domains))

    def wait(self, share: Share) -> LeptonError | None:
        if isinstance(self.answer, TimeoutError):
            raise self.answer
        found: LeptonError | None = self.answer
        return found

    def flow(self, domain: str, *arguments: Any) -> str:
        self.here.append(domain)
        if domain == "plant-2":
            raise LeptonError("it broke")
        return f"{domain} {arguments}"


def verb(*_: Any) -> str:
    raise AssertionError("the flow of this name is played")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    (tmp_path / "lepton.yaml").write_text("name: n\nkind: tabular\nsource: a\n")
    return Session(Workspace(tmp_path))


def test_a_round_on_a_worker_is_shared_and_one_that_fails_keeps_nobody_from_being_done(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Elsewhere(monkeypatch, None)
    found = runtime.OnPrefect().each(verb, session, NAMES[:6], None, False)
    assert other.given == [("verb", ("plant-1", "plant-3", "plant-5"), (None, False))]
    assert other.here == ["plant-0", "plant-2", "plant-4"]
    assert [found[0], found[1], found[4]] == ["plant-0 (None, False)", None, "plant-4 (None, False)"]
    assert isinstance(found[2], LeptonError)


def test_a_share_that_broke_is_told_of_each_of_its_targets(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    Elsewhere(monkeypatch, LeptonError("the share broke"))
    found = runtime.OnPrefect().each(verb, session, NAMES[:6])
    assert [str(one) for one in found if isinstance(one, LeptonError)] == ["the share broke", "it broke"] + [
        "the share broke"
    ] * 2


def test_a_share_that_nobody_takes_is_done_here(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Elsewhere(monkeypatch, TimeoutError())
    found = runtime.OnPrefect().each(verb, session, NAMES[:6])
    assert sorted(other.here) == NAMES[:6]
    assert found[5] == "plant-5 ()"


@pytest.mark.parametrize(("worker", "number"), [(False, 20), (True, 5)])
def test_what_a_person_starts_and_what_is_small_stays_in_one_process(
    session: Session, monkeypatch: pytest.MonkeyPatch, worker: bool, number: int
) -> None:
    other = Elsewhere(monkeypatch, None, worker=worker)
    runtime.OnPrefect().each(verb, session, NAMES[:number])
    assert (other.given, other.here) == ([], NAMES[:number])


def test_the_process_that_took_a_share_does_all_of_it_and_says_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[Any, ...]] = []

    def flow(domain: str, *arguments: Any) -> None:
        done.append((domain, *arguments))
        if domain == "b":
            raise LeptonError("it broke")

    monkeypatch.setattr(several, "flow_of", lambda _: flow)
    assert several.several.fn("monitor_pair", ["a", "c"], [None, False]) == 2
    state = several.several.fn("monitor_pair", ["a", "b", "c"], [])
    assert isinstance(state, State)
    assert (state.is_failed(), state.message) == (True, "b: it broke")
    assert done == [("a", None, False), ("c", None, False), ("a",), ("b",), ("c",)]
