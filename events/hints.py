"""'The log grew', told from node to node: hints over PostgreSQL's LISTEN and NOTIFY.

A hint is never needed: whoever follows the log also looks once a second. So all that can go wrong
here is reported and tried again. NOTIFY has a transaction of its own, because in the writing one it
would hold a lock of the whole server until the commit is through; and it is sent at most 20 times a
second, however many appends there are.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from events.errors import LogUnavailable
from events.postgres_server import TROUBLE, connect, look_at, shown, told
from events.wakeup import Wakeup

CHANNEL = "waybill_log"
LISTENER = "waybill-listener"
"""What administrators see in ``pg_stat_activity``."""
PAUSE_SECONDS = 0.05
"""Between two notifications of one node."""
AGAIN_SECONDS = 2.0
"""Before a lost connection is opened again."""
ALIVE_SECONDS = 30.0
"""How often the listening connection is asked whether it still lives."""

Report = Callable[[str], None]


class Hints:
    """Tells other nodes how far our appends reach, and hears it from them."""

    def __init__(self, url: str, wakeup: Wakeup, report: Report) -> None:
        """``report`` is told, in words, what does not work."""
        self._url = url
        self._wakeup = wakeup
        self._report = report
        self._heard = wakeup.head

    async def run(self) -> None:
        """Tell and listen for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again_and_again(self._tell), name="hints-told")
            tasks.create_task(self._again_and_again(self._listen), name="hints-heard")

    async def _again_and_again(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
            except (*TROUBLE, LogUnavailable) as error:
                self._report(f"{shown(self._url)} gives no hints: {told(error)}")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _tell(self) -> None:
        connection = await connect(self._url)
        try:
            while True:
                await self._wakeup.wait_beyond(self._heard)
                head = self._wakeup.head
                if head > self._heard:  # what we heard from others need not be told again
                    self._heard = head
                    await connection.execute(f"NOTIFY {CHANNEL}, '{head}'")
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            connection.terminate()

    async def _listen(self) -> None:
        if (await look_at(self._url)).pooled:
            self._report(f"{shown(self._url)} is behind a pooler: we look once a second instead")
            await asyncio.Event().wait()
        connection = await connect(self._url, name=LISTENER)
        try:
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, self._hear)
            # What was told before we listened.
            head = await connection.fetchval("SELECT max(position) FROM log.events")
            self._learn(head or 0)
            while not ended.is_set():
                await _ended_within(ALIVE_SECONDS, ended)
                await connection.fetchval("SELECT 1")
        finally:
            connection.terminate()

    def _hear(self, _connection: object, _process: int, _channel: str, payload: str) -> None:
        if payload.isascii() and payload.isdecimal():
            self._learn(int(payload))

    def _learn(self, head: int) -> None:
        self._heard = max(self._heard, head)
        self._wakeup.announce(head)


async def _ended_within(seconds: float, ended: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await ended.wait()
    except TimeoutError:
        return
