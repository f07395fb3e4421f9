"""Sends many documents, a few at a time; one that is refused does not keep the others back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

from service.commands.client import Client
from service.commands.document import Document
from service.commands.endings import Refused, Trouble
from service.commands.gathering import Source, idempotency_key, pieces

AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of one source: a document, or the reason why not."""

    source: Source
    document: Document | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What holds for all documents of one upload; empty leaves it to the server."""

    owner: str = ""
    processor: str = ""
    again: Callable[[], str] | None = None
    """Makes a new key for each document, so that nothing counts as a repetition."""


async def send_all(
    client: Client,
    sources: Sequence[Source],
    wishes: Wishes,
    *,
    on_bytes: Callable[[int], None],
    on_sent: Callable[[Sent], None],
) -> list[Sent]:
    """Sends each source; stops early when the server is gone, then its trouble is the last."""
    waiting = iter(sources)
    done: list[Sent] = []

    async def send_some() -> None:
        for source in waiting:
            sent = await _send(client, source, wishes, on_bytes)
            done.append(sent)
            on_sent(sent)
            if sent.trouble and not isinstance(sent.trouble, Refused):
                for _ in waiting:  # nobody else starts another one
                    pass

    async with asyncio.TaskGroup() as group:
        for _ in range(min(AT_ONCE, len(sources))):
            group.create_task(send_some())
    return done


async def _send(
    client: Client, source: Source, wishes: Wishes, on_bytes: Callable[[int], None]
) -> Sent:
    wanted = {"name": source.name, "owner": wishes.owner, "processor": wishes.processor}
    query = {name: value for name, value in wanted.items() if value}
    try:
        key = wishes.again() if wishes.again else await asyncio.to_thread(_key, source, wishes)
        document = await client.upload(
            lambda: _in_threads(pieces(source.path, on_bytes)),
            size=source.size,
            key=key,
            query=query,
        )
    except Trouble as trouble:
        return Sent(source=source, trouble=trouble)
    except OSError as error:
        # Of this file alone; troubles of the network come as `Unreachable`.
        why = f"{source.path} cannot be read: {error.strerror}"
        return Sent(source=source, trouble=Refused(status=0, title=why, detail=""))
    return Sent(source=source, document=document)


def _key(source: Source, wishes: Wishes) -> str:
    return idempotency_key(source, owner=wishes.owner, processor=wishes.processor)


async def _in_threads(blocking: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(next, blocking, b""):
        yield piece
