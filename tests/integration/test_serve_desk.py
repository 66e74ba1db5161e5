"""Behind the port, in this process: tokens, a full queue, a log that cannot be written, swaps, a failing champion."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lepton as front_door
from lepton.contract.file import load_contract
from lepton.core.config.serve import ServeConfig
from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.graph.run import Graph
from lepton.operations.serve import watch
from lepton.operations.session import Session
from lepton.serving.access import Access
from lepton.serving.app import App
from lepton.serving.desk import Desk, Serving, warm
from lepton.serving.example import example_row
from lepton.serving.journal import Journal, read_segment
from lepton.serving.metrics import Metrics
from lepton.serving.record import Record
from lepton.serving.tokens import Token, digest_of
from tests.conftest import make_plant

SOURCE = "plant-1"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace whose source has a base, which is what serves here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_PRETRAIN__EPOCHS", "2")
        patch.delenv("LEPTON_WORKSPACE", raising=False)
        made = tmp_path_factory.mktemp("house")
        ws = front_door.init(made / "shop", make_plant(400, 0.0, 1), source=SOURCE, progress=False)
        ws.ingest(SOURCE, make_plant(400, 0.0, 1), name="first")
        ws.pretrain()
        ws.export(SOURCE, made / "champion.onnx")
        yield made


@pytest.fixture(scope="module")
def serving(root: Path) -> Serving:
    contract = load_contract(Workspace(root / "shop"), SOURCE)
    return Serving(Graph.open(root / "champion.onnx"), contract, "now", "first")


@dataclass
class House:
    """An application with one desk."""

    app: App
    desk: Desk

    async def ask(
        self, path: str, body: Any = None, method: str = "POST", **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Send a request through the application, as a server does."""
        raw = b"" if body is None else json.dumps(body).encode()
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        named = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
        scope = {"type": "http", "method": method, "raw_path": path.encode(), "headers": named}
        await self.app(scope, receive, send)
        told = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        return sent[0]["status"], told, sent[1]["body"]

    def play(self, story: Coroutine[Any, Any, None]) -> None:
        """Run a story while the desk answers."""

        async def all_of_it() -> None:
            running = asyncio.create_task(self.desk.batcher.run())
            await story
            await self.desk.batcher.close()
            running.cancel()

        asyncio.run(all_of_it())

    @property
    def logged(self) -> list[Record]:
        """What the log holds."""
        return [Record.from_bytes(one) for one in read_segment(self.desk.journal.path)]


def house(serving: Serving, folder: Path, token: str | None = None, **config: Any) -> House:
    """Return an application; `config` are fields of `serve`."""
    settings, metrics = ServeConfig(**config), Metrics()
    desk = Desk(SOURCE, serving, Journal(folder / "log"), Journal(folder / "labels"), settings, metrics)
    tokens = [Token("shop", digest_of(token))] if token else []
    return House(App({SOURCE: desk}, settings, metrics, Access(tokens, settings.rate)), desk)


@pytest.fixture
def rows(serving: Serving) -> list[dict[str, Any]]:
    return [example_row(serving.graph.about, serving.contract)]


PREDICT = f"/predict/{SOURCE}"


def test_an_example_row_meets_its_contract(serving: Serving, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    here = house(serving, tmp_path, strict=("column", "type", "missing", "range", "length", "category"))

    async def story() -> None:
        assert (await here.ask(PREDICT, rows))[0] == 200

    here.play(story())


def test_every_request_but_health_bears_the_token(serving: Serving, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    here = house(serving, tmp_path, token="s3cret")

    async def story() -> None:
        for path, method in ((PREDICT, "POST"), ("/metrics", "GET"), (f"/v2/models/{SOURCE}", "GET"), ("/", "GET")):
            for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "s3cret"}):
                status, told, _ = await here.ask(path, rows, method, **headers)
                assert (status, told["www-authenticate"]) == (401, "Bearer")
            status, _, _ = await here.ask(path, rows, method, authorization="bearer s3cret")
            assert status == 200
        assert (await here.ask("/v2/health/live", method="GET"))[0] == 200

    here.play(story())
    assert len(here.logged) == 1


def test_too_many_waiting_rows_are_sent_away(serving: Serving, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    here = house(serving, tmp_path, queue_rows=4)
    going = threading.Event()
    real = here.desk.batcher._work

    def slowly(jobs: Sequence[Any]) -> Sequence[Any]:
        going.wait(10)
        return real(jobs)

    here.desk.batcher._work = slowly

    async def story() -> None:
        asked = [asyncio.create_task(here.ask(PREDICT, rows))]
        await asyncio.sleep(0.1)  # taken
        asked += [asyncio.create_task(here.ask(PREDICT, rows * 2)) for _ in range(2)]
        await asyncio.sleep(0.05)
        status, told, _ = await here.ask(PREDICT, rows)
        assert (status, told["retry-after"]) == (429, "1")
        going.set()
        assert [one[0] for one in await asyncio.gather(*asked)] == [200, 200, 200]

    here.play(story())
    assert sum(one.rows for one in here.logged) == 5


@pytest.mark.parametrize("policy", ["refuse", "answer"])
def test_what_cannot_be_logged_is_refused_or_answered_as_the_policy_says(
    serving: Serving, rows: list[dict[str, Any]], tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = house(serving, tmp_path, unlogged=policy)

    async def story() -> None:
        assert (await here.ask(PREDICT, rows))[0] == 200
        with monkeypatch.context() as patch:
            patch.setattr("os.pwrite", lambda *_: 0)  # as a full disk does
            status, told, body = await here.ask(PREDICT, rows)
            labels = (await here.ask(f"/labels/{SOURCE}", [{"id": "0123456789-1-1", "label": "good"}]))[0]
        assert labels == 503
        assert status == (503 if policy == "refuse" else 200)
        assert told.get("retry-after" if policy == "refuse" else "x-lepton-logged")
        assert policy == "answer" or b"full" in body
        assert (await here.ask(PREDICT, rows))[0] == 200  # room again
        metrics = (await here.ask("/metrics", method="GET"))[2].decode()
        assert f'lepton_serve_rows_unlogged_total{{domain="{SOURCE}",policy="{policy}"}} 1' in metrics

    here.play(story())
    assert len(here.logged) == 2


def test_what_one_request_breaks_does_not_harm_the_others(
    serving: Serving, rows: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = house(serving, tmp_path)
    real = Graph.answer

    def answer(graph: Graph, columns: Any) -> Any:
        if 41.5 in columns["heat"]:
            raise LeptonError("The graph stumbled.")
        return real(graph, columns)

    monkeypatch.setattr(Graph, "answer", answer)
    odd = [{**rows[0], "heat": 41.5}]

    async def story() -> None:
        asked = [here.ask(PREDICT, odd if at == 3 else rows) for at in range(8)]
        found = [one[0] for one in await asyncio.gather(*asked)]
        assert found == [500 if at == 3 else 200 for at in range(8)]

    here.play(story())
    assert len(here.logged) == 7


def test_a_thousand_swaps_under_load_mix_no_answer(
    serving: Serving, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Each of the two models answers with its own name and its own numbers, in the answer and in the log."""
    other = replace(serving, graph=_Other(serving.graph), key="second")
    here = house(serving, tmp_path)
    many = [{**rows[0], "heat": float(at) / 50} for at in range(50)]
    columns = {name: [one.get(name) for one in many] for name in serving.contract.model_fields_set and rows[0]}
    columns |= {one.column: [None] * 50 for one in serving.graph.about.fields if one.column not in columns}
    expected = {one.graph.about.model: one.graph.answer(columns).probabilities for one in (serving, other)}
    seen: list[tuple[str, int, list[float]]] = []

    async def ask(start: int) -> None:
        for at in range(start, start + 250):
            part = [at % 50, (at + 7) % 50]
            status, told, body = await here.ask(PREDICT, [many[one] for one in part])
            assert status == 200
            for one, answer in zip(part, json.loads(body), strict=True):
                seen.append((told["x-lepton-model"], one, list(answer["probabilities"].values())))

    async def swap() -> None:
        for at in range(1_000):
            here.desk.seat(other if at % 2 == 0 else serving)
            await asyncio.sleep(0.001)

    async def story() -> None:
        await asyncio.gather(swap(), *(ask(start) for start in range(8)))

    here.play(story())
    assert len(seen) == 4_000
    assert {model for model, _, _ in seen} == set(expected)
    assert all(expected[model][at].tolist() == found for model, at, found in seen)
    assert {one.model for one in here.logged} == set(expected)


class _Other(Graph):
    """Another model: it answers the other way round, under another name."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph._session, replace(graph.about, model="another v9", digest="9" * 64))

    def answer(self, columns: Any) -> Any:
        found = super().answer(columns)
        turned = np.ascontiguousarray(found.probabilities[:, ::-1])
        return type(found)(tuple(self.about.classes[at] for at in turned.argmax(axis=1)), turned)


def test_a_champion_that_cannot_answer_leaves_the_old_one_in_its_seat(
    root: Path, serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = house(serving, tmp_path)
    session = Session(Workspace(root / "shop"))
    said: list[str] = []
    monkeypatch.setattr(session.runtime, "tell", said.append)
    failing = True

    async def beside(module: str, *arguments: str) -> dict[str, Any]:
        if failing:
            raise LeptonError("It cannot be a graph.", why="Because.")
        path = watch.graph_path(session.ws, SOURCE, session.serving_in(SOURCE), serving.contract)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((root / "champion.onnx").read_bytes())
        return {"path": str(path), "model": serving.label}

    monkeypatch.setattr(watch, "run_beside", beside)
    monkeypatch.setattr(watch, "AGAIN", 0.1)

    async def story() -> None:
        nonlocal failing
        watching = asyncio.create_task(watch.Watcher(session, {SOURCE: here.desk}).run())
        while here.desk.trouble is None:
            await asyncio.sleep(0.02)
        assert here.desk.serving is serving
        here.app.ready = True
        status, _, body = await here.ask("/v2/health/ready", method="GET")
        assert (status, json.loads(body)["behind"][SOURCE]["error"]) == (200, "It cannot be a graph.")
        failing = False
        while here.desk.trouble is not None:
            await asyncio.sleep(0.02)
        assert here.desk.serving is not serving
        watching.cancel()

    here.play(story())
    assert len(said) == 1  # told once, not every time that it is tried


def test_a_graph_is_warmed_up_in_batches_of_several_sizes(serving: Serving) -> None:
    warm(serving.graph)
