"""Follows the feed through every break: the connection is lost and found again, the story is not.

Each new connection shows the id it has come to, and the server goes on from there. Between
connections there is a wait that grows; who hears nothing for too long gives up and says so.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from service.commands.client import BUSY, Client, refusal, wait_of
from service.commands.document import document_from
from service.commands.endings import Trouble, Unreachable
from service.commands.heard import Changed, Connected, Disconnected, Heard, Reset, Snapshot
from service.commands.stream import BrokenStream, Frame, StreamReader

FIRST_WAIT = 0.5
LONGEST_WAIT = 10.0
PATIENCE_SECONDS = 300.0
"""How long a server may be away before a command gives up on it."""
BEAT_SECONDS = 15.0
BEATS_OF_SILENCE = 2.5

Jitter = Callable[[float, float], float]


@dataclass(slots=True)
class _Connection:
    """What outlives one connection."""

    reader: StreamReader
    silence: float = BEAT_SECONDS * BEATS_OF_SILENCE
    wait: float = FIRST_WAIT
    asked_wait: float | None = None
    met: bool = False
    away: float = 0.0

    def next_wait(self, jitter: Jitter) -> float:
        """The server's own wait if it gave one, else ours, which doubles."""
        asked, self.asked_wait = self.asked_wait, None
        if asked is not None:
            return asked
        wait, self.wait = self.wait, min(self.wait * 2, LONGEST_WAIT)
        return jitter(wait / 2, wait)


async def follow(
    client: Client, path: str, *, jitter: Jitter, patience_seconds: float = PATIENCE_SECONDS
) -> AsyncGenerator[Heard, None]:
    """Everything the feed says, for as long as somebody listens.

    A server that cannot be reached at all ends it at once, one that goes away later only after
    `patience_seconds`; a refusal ends it always.
    """
    state = _Connection(StreamReader())
    while True:
        why = "the server ended the stream"
        try:
            async for heard in _listen(client, path, state):
                yield heard
        except (Unreachable, BrokenStream, TimeoutError, httpx.TransportError) as error:
            if not state.met:
                raise Unreachable(client.url, _why(error)) from error
            why = _why(error)
        yield Disconnected(why)
        wait = state.next_wait(jitter)
        state.away += wait
        if state.away > patience_seconds:
            raise Unreachable(client.url, f"away for more than {patience_seconds:g} s; {why}")
        await asyncio.sleep(wait)


async def _listen(client: Client, path: str, state: _Connection) -> AsyncIterator[Heard]:
    # What an earlier connection left half said is not continued by this one.
    state.reader = StreamReader(last_id=state.reader.last_id)
    async with client.feed(path, state.reader.last_id) as response:
        if response.status_code in BUSY:
            state.asked_wait = wait_of(response, otherwise=LONGEST_WAIT)
            state.met = True
            return
        if response.status_code != httpx.codes.OK:
            await response.aread()
            raise refusal(response)
        state.met, state.away, state.wait = True, 0.0, FIRST_WAIT
        yield Connected()
        pieces = response.aiter_raw()
        while True:
            async with asyncio.timeout(state.silence):
                piece = await anext(pieces, None)
            if piece is None:
                return
            for frame in state.reader.feed(piece):
                for heard in _heard(frame, state):
                    yield heard


def _heard(frame: Frame, state: _Connection) -> list[Heard]:
    said = _json(frame)
    match frame.event:
        case "hello":
            state.silence = BEATS_OF_SILENCE * float(said.get("beat", BEAT_SECONDS))
        case "bye" | "busy":
            state.asked_wait = (frame.retry or 1000) / 1000
        case "reset":
            return [Reset(str(said.get("reason", "")))]
        case "snapshot":
            documents = tuple(document_from(each) for each in said.get("docs", ()))
            return [Snapshot(documents, last=bool(said.get("last", True)))]
        case "status":
            return [Changed(document_from(said))]
    return []


def _json(frame: Frame) -> dict[str, Any]:
    try:
        return msgspec.json.decode(frame.data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Trouble(f"the feed sent a {frame.event!r} that is no JSON object: {error}") from error


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "nothing was heard for too long"
    return str(error) or type(error).__name__
