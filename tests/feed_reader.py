"""Reads a stream as the standard says, and nothing more: what a client of ours would see."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: Any
    id: str | None
    retry: int | None

    @property
    def position(self) -> int:
        assert self.id is not None
        return int(self.id.split("-")[1])


def parsed(text: str) -> Iterator[Event]:
    """The events of these complete blocks."""
    for block in text.split("\n\n"):
        if block:
            yield _event(dict(line.split(": ", 1) for line in block.split("\n")))


async def events(response: httpx.Response) -> AsyncIterator[Event]:
    """The events of an open stream as they come."""
    rest = ""
    async for text in response.aiter_text():
        *blocks, rest = (rest + text).split("\n\n")
        for event in parsed("\n\n".join(blocks)):
            yield event


def _event(fields: dict[str, str]) -> Event:
    retry = fields.get("retry")
    return Event(
        name=fields["event"],
        data=json.loads(fields["data"]),
        id=fields.get("id"),
        retry=None if retry is None else int(retry),
    )
