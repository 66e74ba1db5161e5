"""Who waits is answered together: while one batch is computed, requests pile up, and the next batch takes them.

There is no timer to tune: a request that comes alone is answered at once, and under load batches grow by themselves.
What is taken together is handed to one call, so whoever answers decides once for all of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from lepton.serving.rejected import Rejected


class Sized(Protocol):
    """Work that is so many rows long."""

    @property
    def rows(self) -> int:
        """How many."""


J = TypeVar("J", bound=Sized)
A = TypeVar("A")


@dataclass(eq=False)
class _Waiting(Generic[J, A]):
    job: J
    future: asyncio.Future[A]
    timer: asyncio.TimerHandle | None = None


class Batcher(Generic[J, A]):
    """A queue before one thread.

    Args:
        work: Answers jobs in order, in a thread of its own; an exception in place of an answer goes to who asked.
        most: Rows that are taken together; a larger job is taken alone.
        queue: Rows that may wait.
        seconds: How long a job may wait to be taken. What is taken is answered.
    """

    def __init__(
        self, work: Callable[[Sequence[J]], Sequence[A | Exception]], *, most: int, queue: int, seconds: float
    ) -> None:
        self._work = work
        self._most, self._limit, self._seconds = most, queue, seconds
        self._queue: deque[_Waiting[J, A]] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._closed = False
        self.rows = 0
        """Rows that wait now."""

    async def ask(self, job: J) -> A:
        """Return the answer to a job.

        Raises:
            Rejected: 429 if too many rows wait already; 503 if it waited too long, or the server ends.
        """
        if self._closed:
            raise Rejected(503, "The server is ending.", fix=["send it again to another one"], retry=1)
        if self.rows + job.rows > self._limit and self.rows:
            raise Rejected(
                429,
                "Too many rows are waiting.",
                why=f"{self.rows:,} wait; {self._limit:,} may (serve.queue_rows).",
                fix=["send it again in a second"],
                retry=1,
            )
        loop = asyncio.get_running_loop()
        waiting = _Waiting[J, A](job, loop.create_future())
        waiting.timer = loop.call_later(self._seconds, self._give_up, waiting)
        self._queue.append(waiting)
        self.rows += job.rows
        self._wake.set()
        try:
            return await waiting.future
        except asyncio.CancelledError:
            self._leave(waiting)
            raise

    async def run(self) -> None:
        """Answer what waits, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            batch = self._take()
            if not batch:
                self._idle.set()
                await self._wake.wait()
                self._wake.clear()
                self._idle.clear()
                continue
            answers = await loop.run_in_executor(self._pool, self._answered, [one.job for one in batch])
            for waiting, answer in zip(batch, answers, strict=True):
                if waiting.future.done():  # whoever asked has gone
                    continue
                if isinstance(answer, Exception):
                    waiting.future.set_exception(answer)
                else:
                    waiting.future.set_result(answer)

    async def close(self) -> None:
        """Take no more; return when all that was taken is answered."""
        self._closed = True
        while self._queue or not self._idle.is_set():
            await asyncio.sleep(0.01)
        self._pool.shutdown()

    def _answered(self, jobs: list[J]) -> Sequence[A | Exception]:
        try:
            answers = self._work(jobs)
        except Exception as error:  # whoever asked must hear of it, and the next batch must go on
            return [error] * len(jobs)
        if len(answers) != len(jobs):
            return [RuntimeError(f"{len(answers)} answers to {len(jobs)} requests")] * len(jobs)
        return answers

    def _take(self) -> list[_Waiting[J, A]]:
        """Return what is answered next: the oldest, and what follows while it fits."""
        taken: list[_Waiting[J, A]] = []
        rows = 0
        while self._queue:
            first = self._queue[0]
            if taken and rows + first.job.rows > self._most:
                break
            self._queue.popleft()
            if first.timer is not None:
                first.timer.cancel()
            rows += first.job.rows
            self.rows -= first.job.rows
            taken.append(first)
        return taken

    def _give_up(self, waiting: _Waiting[J, A]) -> None:
        self._leave(waiting)
        if not waiting.future.done():
            why = f"It waited {self._seconds:g} seconds (serve.wait_seconds)."
            late = Rejected(503, "The request was not answered in time.", why=why, fix=["send it again"], retry=1)
            waiting.future.set_exception(late)

    def _leave(self, waiting: _Waiting[J, A]) -> None:
        """Let what nobody waits for any more go unanswered, unless it is taken already."""
        if waiting.timer is not None:
            waiting.timer.cancel()
        if waiting in self._queue:
            self._queue.remove(waiting)
            self.rows -= waiting.job.rows
