"""Writing to clients without waiting for the slow ones.

Most writes are done the moment they begin. So they are begun right here, without a task; only one
that has to wait gets a task to finish it, and until then the client's news gather in ``waiting``.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from functools import partial
from typing import Any

from service.feed import frames
from service.feed.client import Client
from service.feed.limits import FeedLimits
from service.feed.opening import Opener, Opening

log = logging.getLogger(__name__)

WRITE_BYTES = 64 * 1024


class Delivery:
    """The only one who writes to a client."""

    def __init__(
        self,
        opener: Opener,
        *,
        limits: FeedLimits,
        clock: Callable[[], int],
        elapsed: Callable[[], float],
    ) -> None:
        self._opener = opener
        self._limits = limits
        self._clock = clock
        self._elapsed = elapsed

    async def begin(self, client: Client, opening: Opening, *, hello: bytes = b"") -> None:
        """Write what brings the client to where the opening ends."""
        client.rise(opening.position, opening.mark)
        client.unfinished = set(opening.unfinished)
        messages = [hello, *opening.messages(client.subscription.cursor)]
        if client.done:
            messages.append(frames.end(client.mark))
        elif opening.states is None:
            messages.append(self.beat(client.mark))
        for data in _joined(messages):
            await self._write(client, data)
        if client.done:
            await self._close(client, b"")

    async def work_off(self, client: Client) -> None:
        """Write until nothing waits; begins with ``client.busy`` set and ends with it cleared."""
        while not client.closed:
            if client.farewell is not None:
                await self._close(client, client.farewell)
            elif client.lagging:
                await self._catch_up(client)
            elif client.beat is not None:
                data, client.beat = client.beat, None
                await self._write(client, data)
            elif client.waiting:
                await self._tell(client)
            else:
                client.busy = False
                return

    def push(self, client: Client, tasks: asyncio.TaskGroup) -> None:
        """Write what waits for the client, unless somebody is already at it."""
        if client.busy or client.closed:
            return
        client.busy = True
        work = self.work_off(client)
        if client.lagging:
            # Reading from a database belongs into a task from its first step on.
            client.helper = tasks.create_task(_finish(work, client), name="feed-slow-client")
            return
        try:
            waits_for = work.send(None)
        except StopIteration:
            return
        except Exception as error:
            _give_up(client, error)
            return
        rest = _finish(_Begun(work, waits_for), client)
        client.helper = tasks.create_task(rest, name="feed-slow-client")

    def beat(self, mark: str) -> bytes:
        """A sign of life."""
        return frames.beat(self._clock() // 1_000_000, mark)

    async def _tell(self, client: Client) -> None:
        news = client.take(self._limits.batch)
        client.tell(news)
        data = news[0].data if len(news) == 1 else b"".join(frame.data for frame in news)
        if client.done:
            await self._close(client, data + frames.end(client.mark))
        else:
            await self._write(client, data)

    async def _catch_up(self, client: Client) -> None:
        client.lagging = False
        opening = await self._opener.resume(client.selection, client.floor, too_far="lagged")
        await self.begin(client, opening)

    async def _write(self, client: Client, data: bytes) -> None:
        client.touched_at = self._elapsed()
        await client.write(data, True)
        client.touched_at = self._elapsed()

    async def _close(self, client: Client, data: bytes) -> None:
        client.closed = True
        client.touched_at = self._elapsed()
        await client.write(data, False)


class _Begun:
    """A coroutine that was begun outside of a task, for a task to go on with."""

    def __init__(self, work: Coroutine[Any, Any, None], waits_for: object) -> None:
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        while True:
            try:
                value = yield waits_for
            # A cancellation, too, is for the work to handle.
            except BaseException as error:
                go_on = partial(self._work.throw, error)
            else:
                go_on = partial(self._work.send, value)
            try:
                waits_for = go_on()
            except StopIteration:
                return


async def _finish(work: _Begun | Coroutine[Any, Any, None], client: Client) -> None:
    try:
        await work
    except Exception as error:
        _give_up(client, error)


def _give_up(client: Client, error: Exception) -> None:
    """One client's trouble ends its own stream and no other; it returns with its last id."""
    log.warning("feed stream ended", extra={"address": client.subscription.address}, exc_info=error)
    client.evict()


def _joined(messages: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer, larger pieces."""
    gathered: list[bytes] = []
    size = 0
    for message in messages:
        gathered.append(message)
        size += len(message)
        if size >= WRITE_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    if size:
        yield b"".join(gathered)
