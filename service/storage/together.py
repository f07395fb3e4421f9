"""Small files that are ready at the same time go to the disk together.

A thread that waits for the disk gives Python's lock away and must get it back from a busy event
loop, at every call that waits; that costs more than the disk does. So one thread takes all files
that are ready, and syncs their folder once for all of them.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from service.storage.drafts import Draft, sync_folder
from service.storage.objects import Stored

OPEN_AT_ONCE = 64
"""Files under way; whoever comes when there are so many waits for one of them to end."""

Result = TypeVar("Result")

_Ready = tuple[Draft, Path, "asyncio.Future[None]"]
_Outcomes = list[OSError | None]


class Together:
    """The way of small bodies to the disk."""

    def __init__(self, unfinished: Path) -> None:
        self._unfinished = unfinished
        self._room = asyncio.Semaphore(OPEN_AT_ONCE)
        self._ready: list[_Ready] = []
        self._under_way = False

    async def put(self, name: str, target: Path, body: bytes) -> Stored:
        """Keep the body as ``target``; returns when the disk has it, even if cancelled before."""
        async with self._room:
            # Written here: a few pages go to the system's memory, and only the sync has to wait.
            draft = Draft(self._unfinished)
            try:
                draft.write((body,))
                await self._placed(draft, target)
            except BaseException:
                draft.discard()
                raise
            draft.close()
            return draft.stored(name)

    async def _placed(self, draft: Draft, target: Path) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._ready.append((draft, target, future))
        if not self._under_way:
            self._under_way = True
            # Not at once: what else is ready in this turn of the loop goes along.
            loop.call_soon(self._begin)
        await to_its_end(future)

    def _begin(self) -> None:
        group, self._ready = self._ready, []
        work = asyncio.get_running_loop().run_in_executor(None, _place_all, group)
        work.add_done_callback(partial(self._ended, group))

    def _ended(self, group: Sequence[_Ready], work: "asyncio.Future[_Outcomes]") -> None:
        if self._ready:
            self._begin()
        else:
            self._under_way = False
        failed = work.exception()
        outcomes = work.result() if failed is None else [failed] * len(group)
        for (_, _, future), error in zip(group, outcomes, strict=True):
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


async def to_its_end(future: "asyncio.Future[Result]") -> Result:
    """Wait for what a thread does, and return only when it is done, even when cancelled before.

    Otherwise whoever is cancelled would remove a file that the thread still has in hand.
    """
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({future})
        raise


def _place_all(group: Sequence[_Ready]) -> _Outcomes:
    placed = [_error_of(draft.place, target) for draft, target, _ in group]
    folders = {target.parent for _, target, _ in group}
    synced = {folder: _error_of(sync_folder, folder) for folder in folders}
    return [
        error or synced[target.parent] for error, (_, target, _) in zip(placed, group, strict=True)
    ]


def _error_of(call: Callable[[Path], None], path: Path) -> OSError | None:
    try:
        call(path)
    except OSError as error:
        return error
    return None
