"""The demo's middle: uploads, listens, and knows who is on stage and when everybody has left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from service.clock import Clock, jitter, new_id
from service.commands.board import Board, applied
from service.commands.client import Client
from service.commands.demo_documents import SAMPLES, Sample, differences
from service.commands.follow import follow
from service.commands.heard import Changed, Heard
from service.commands.screen import Screen
from service.commands.watching import EVERYTHING
from service.commands.wording import SECOND

PIECE = 1 << 18


class Stage:
    """Shows the demo's own documents only: a folder that was used before holds others."""

    def __init__(self, screen: Screen, clock: Clock, *, began: int) -> None:
        """``began`` is when the server was started, from which its times are counted."""
        self.cast: dict[str, Sample] = {}
        self.first_seconds = 0.0
        self.last_seconds = 0.0
        self._screen = screen
        self._clock = clock
        self._began = began
        self._board = Board(only=None)
        self._shown = Board(only=frozenset())
        self._over = asyncio.Event()

    async def perform(self, client: Client, first: bytes) -> None:
        """Uploads every sample, and returns when all of them have ended."""
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen(client))
            group.create_task(self._upload_all(client, first))
            await self._over.wait()
            listening.cancel()

    def differences(self) -> list[str]:
        """What is not as it should be by now."""
        met = {sample.name for sample in self.cast.values()}
        missing = [f"{each.name} was not uploaded" for each in SAMPLES if each.name not in met]
        return [*differences(self.cast, self._board.documents), *missing]

    async def _listen(self, client: Client) -> None:
        async with aclosing(follow(client, EVERYTHING, jitter=jitter)) as story:
            async for heard in story:
                self._hear(heard)

    async def _upload_all(self, client: Client, first: bytes) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._upload(client, SAMPLES[0], first))
            for sample in SAMPLES[1:]:
                # One drawing at a time; each is on its way while the next is drawn.
                content = await asyncio.to_thread(sample.draw)
                group.create_task(self._upload(client, sample, content))

    async def _upload(self, client: Client, sample: Sample, content: bytes) -> None:
        query = {"name": sample.name}
        if sample.processor:
            query["processor"] = sample.processor
        document = await client.upload(
            lambda: _pieces(content), size=len(content), key=new_id(), query=query
        )
        self.cast[document.id] = sample
        self._hear(Changed(document))

    def _hear(self, heard: Heard) -> None:
        self._board = applied(self._board, heard)
        ours = {
            each: self._board.documents[each] for each in self.cast if each in self._board.documents
        }
        after = replace(self._board, documents=ours, only=frozenset(self.cast))
        self._screen.show(self._shown, after)
        self._shown = after
        self._measure(after)

    def _measure(self, board: Board) -> None:
        passed = (self._clock() - self._began) / SECOND
        if not self.first_seconds and any(each.final for each in board.documents.values()):
            self.first_seconds = passed
        if len(self.cast) == len(SAMPLES) and board.all_final and not self._over.is_set():
            self.last_seconds = passed
            self._over.set()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]
