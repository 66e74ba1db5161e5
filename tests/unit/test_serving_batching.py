"""Who waits is answered together, each gets its own answer, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest

from lepton.serving.batching import Batcher
from lepton.serving.rejected import Rejected


@dataclass(frozen=True)
class Job:
    """So many rows, and what tells it from others."""

    rows: int
    name: int = 0


def play(
    work: Callable[[Sequence[Job]], Sequence[int | Exception]],
    story: Callable[[Batcher[Job, int]], Awaitable[None]],
    most: int = 4,
    queue: int = 100,
    seconds: float = 5,
) -> None:
    """Let a story ask a batcher, which ends with it."""

    async def all_of_it() -> None:
        batcher: Batcher[Job, int] = Batcher(work, most=most, queue=queue, seconds=seconds)
        running = asyncio.create_task(batcher.run())
        await story(batcher)
        await batcher.close()
        running.cancel()

    asyncio.run(all_of_it())


def test_each_gets_its_own_answer_and_what_piles_up_goes_together() -> None:
    sizes: list[int] = []

    def work(jobs: Sequence[Job]) -> list[int | Exception]:
        sizes.append(len(jobs))
        time.sleep(0.01)
        return [job.name * 2 for job in jobs]

    async def story(batcher: Batcher[Job, int]) -> None:
        found = await asyncio.gather(*(batcher.ask(Job(1, name)) for name in range(50)))
        assert found == [name * 2 for name in range(50)]

    play(work, story)
    assert max(sizes) == 4
    assert sum(sizes) == 50


def test_a_job_larger_than_a_batch_goes_alone_and_none_is_cut() -> None:
    batches: list[list[int]] = []

    def work(jobs: Sequence[Job]) -> list[int | Exception]:
        batches.append([job.rows for job in jobs])
        return [job.rows for job in jobs]

    async def story(batcher: Batcher[Job, int]) -> None:
        assert await asyncio.gather(*(batcher.ask(Job(rows)) for rows in (1, 9, 2, 2, 3))) == [1, 9, 2, 2, 3]

    play(work, story)
    assert batches == [[1], [9], [2, 2], [3]]


def test_too_many_rows_are_sent_away_at_once() -> None:
    going = threading.Event()

    def work(jobs: Sequence[Job]) -> list[int | Exception]:
        going.wait(5)
        return [0] * len(jobs)

    async def story(batcher: Batcher[Job, int]) -> None:
        first = asyncio.create_task(batcher.ask(Job(1)))
        await asyncio.sleep(0.05)  # taken: it waits no more
        others = [asyncio.create_task(batcher.ask(Job(5))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Rejected) as caught:
            await batcher.ask(Job(1))
        assert (caught.value.status, caught.value.retry) == (429, 1)
        going.set()
        await asyncio.gather(first, *others)

    play(work, story, queue=10)


def test_what_waits_too_long_is_told_so_and_not_answered() -> None:
    seen: list[int] = []

    def work(jobs: Sequence[Job]) -> list[int | Exception]:
        seen.extend(job.name for job in jobs)
        time.sleep(0.3)
        return [job.name for job in jobs]

    async def story(batcher: Batcher[Job, int]) -> None:
        first = asyncio.create_task(batcher.ask(Job(1, 1)))
        await asyncio.sleep(0.02)
        with pytest.raises(Rejected) as caught:
            await batcher.ask(Job(1, 2))
        assert caught.value.status == 503
        assert await first == 1  # what was taken is answered, however long it takes
        assert batcher.rows == 0

    play(work, story, seconds=0.1)
    assert seen == [1]


def test_a_failure_goes_to_who_asked_and_the_next_are_answered() -> None:
    def work(jobs: Sequence[Job]) -> list[int | Exception]:
        if any(job.name == 13 for job in jobs):
            raise ValueError("thirteen")
        return [KeyError(job.name) if job.name == 7 else job.name for job in jobs]

    async def story(batcher: Batcher[Job, int]) -> None:
        for name, error in ((13, ValueError), (7, KeyError)):
            with pytest.raises(error):
                await batcher.ask(Job(1, name))
        assert await batcher.ask(Job(1, 8)) == 8

    play(work, story)


def test_who_goes_away_leaves_the_queue_and_an_end_answers_what_was_taken() -> None:
    def work(jobs: Sequence[Job]) -> list[int | Exception]:
        time.sleep(0.05)
        return [job.name for job in jobs]

    async def story(batcher: Batcher[Job, int]) -> None:
        tasks = [asyncio.create_task(batcher.ask(Job(4, name))) for name in range(3)]
        await asyncio.sleep(0.01)
        tasks[1].cancel()
        await asyncio.sleep(0)
        await batcher.close()
        assert [await tasks[0], await tasks[2]] == [0, 2]
        with pytest.raises(Rejected, match="ending"):
            await batcher.ask(Job(1))

    play(work, story)
