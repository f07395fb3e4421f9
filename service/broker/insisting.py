"""Writes that cannot be given up: tried again until the store takes them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from service.broker.errors import StoreUnavailable
from service.broker.timing import Wait

__all__ = ["STORE_PAUSE", "Insistent"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")

STORE_PAUSE = 1.0


class Insistent:
    """Whoever writes stays here: deliveries must not go on while nothing can be recorded."""

    def __init__(self, wait: Wait) -> None:
        self._wait = wait
        self._never = asyncio.Event()
        self._stopping = False

    def stop(self) -> None:
        """Gives up at the next refusal."""
        self._stopping = True

    async def __call__(self, write: Callable[[], Awaitable[Result]]) -> Result:
        """The result of a write."""
        while True:
            try:
                return await write()
            except StoreUnavailable as error:
                log.error("the store refuses, delivery waits", extra={"error": str(error)})
                if self._stopping:
                    raise
                await self._wait(self._never, STORE_PAUSE)
