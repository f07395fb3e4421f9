"""A sender that misbehaves on request, at the rim: the engine and its records stay honest."""

import asyncio
import itertools
import logging

from service.broker.chaos import Chaos, misbehaviour
from service.broker.client import Sender
from service.broker.message import Headers
from service.broker.outcome import Answer, NoAnswer
from service.broker.timing import Wait

__all__ = ["Misbehaving"]

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds an attempt waits to be overtaken; in a quiet hour nobody would."""


class Misbehaving:
    """Stands in front of a sender; attempts are numbered from 1 in the order they begin."""

    def __init__(self, sender: Sender, *, chaos: Chaos, wait: Wait) -> None:
        self._sender = sender
        self._chaos = chaos
        self._wait = wait
        self._numbers = itertools.count(1)
        self._held: dict[asyncio.Event, int] = {}
        self._never = asyncio.Event()

    async def send(
        self, *, method: str, url: str, headers: Headers, body: bytes, seconds: float
    ) -> Answer | NoAnswer:
        """Sends as the other one does, but late, twice, or as if nobody had answered."""
        number = next(self._numbers)
        self._let_go()
        what = misbehaviour(self._chaos, number)
        if what.overtaken_by:
            await self._hold(what.overtaken_by)
        if what.delay:
            await self._wait(self._never, what.delay)
        answers = await asyncio.gather(
            *(
                self._sender.send(
                    method=method, url=url, headers=headers, body=body, seconds=seconds
                )
                for _ in range(2 if what.duplicate else 1)
            )
        )
        log.debug("chaos", extra={"attempt": number, "what": str(what)})
        if what.drop_answer:
            return NoAnswer(reason="chaos: the answer was dropped")
        return answers[0]

    async def _hold(self, overtaking: int) -> None:
        overtaken = asyncio.Event()
        self._held[overtaken] = overtaking
        try:
            await self._wait(overtaken, PATIENCE)
        finally:
            self._held.pop(overtaken, None)

    def _let_go(self) -> None:
        for event in list(self._held):
            self._held[event] -= 1
            if self._held[event] <= 0:
                event.set()
