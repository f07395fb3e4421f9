"""Hubs with one mistake each. Every one of them was made by somebody, and looks right at first."""

import asyncio

from service.feed.client import Client, Subscription, Write
from service.feed.frames import Frame
from service.feed.hub import Hub
from tests.feed_reader import parsed


class NoFloor(Hub):
    """Forgets that what waits may be older than what was read from the tables meanwhile."""

    def _client(self, subscription: Subscription, write: Write) -> Client:
        return _with(_Forgetful, super()._client(subscription, write))


class BeatAtHead(Hub):
    """Gives out the newest position it has heard of, told or not."""

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat.pause)
            self._heartbeat.turn(self._heard, await self.cursor_at(self._heard))


class SmallParts(Hub):
    """No mistake: a snapshot in parts of one document each, the last of them with the id."""

    every_part_has_the_id = False

    def _client(self, subscription: Subscription, write: Write) -> Client:
        async def in_parts(data: bytes, more: bool) -> None:
            for part in _parts(data.decode(), everywhere=self.every_part_has_the_id):
                await write(part.encode(), True)
            if not more:
                await write(b"", False)

        return super()._client(subscription, in_parts)


class IdOnEveryPart(SmallParts):
    """Lets a client go on from a snapshot that it has only half."""

    every_part_has_the_id = True


class FirstSeenOrder(Hub):
    """Writes what waits in the order in which documents first changed."""

    def _client(self, subscription: Subscription, write: Write) -> Client:
        return _with(_Unsorted, super()._client(subscription, write))


class RegistersLate(Hub):
    """Reads the tables first, and begins to listen when that is done."""

    async def _start(self, client: Client) -> None:
        opening = await self._opener.open(client.selection, client.subscription.cursor)
        await self._delivery.begin(client, opening, hello=self._hello(opening.position))
        self._register(client)
        await self._delivery.work_off(client)


class DropsSilently(Hub):
    """Throws away what is too much for a slow client, and does not catch it up."""

    def _client(self, subscription: Subscription, write: Write) -> Client:
        return _with(_Careless, super()._client(subscription, write))


class _Forgetful(Client):
    def passes(self, frame: Frame) -> bool:
        return True


class _Unsorted(Client):
    def take(self, limit: int) -> list[Frame]:
        frames = list(self.waiting.values())[:limit]
        for frame in frames:
            del self.waiting[frame.document_id]
        return frames


class _Careless(Client):
    def offer(self, frame: Frame) -> None:
        super().offer(frame)
        self.lagging = False


def _with(kind: type[Client], made: Client) -> Client:
    return kind(
        made.subscription, made.write, now=made.touched_at, deadline=made.deadline, cap=made.cap
    )


def _parts(text: str, *, everywhere: bool) -> list[str]:
    parts = []
    for event, block in zip(parsed(text), text.split("\n\n"), strict=False):
        states = event.data.get("docs", []) if event.name == "snapshot" else []
        head, _, cursor = block.rpartition("\nid: ")
        if len(states) < 2:
            parts.append(block + "\n\n")
            continue
        for number, state in enumerate(_raw_states(head), start=1):
            cut = f'event: snapshot\ndata: {{"docs":[{state}]}}'
            last = number == len(states)
            parts.append(f"{cut}\nid: {cursor}\n\n" if everywhere or last else f"{cut}\n\n")
    return parts


def _raw_states(head: str) -> list[str]:
    listed = head[head.index('"docs":[') + len('"docs":[') : -2]
    return [state if state.startswith("{") else "{" + state for state in _split(listed)]


def _split(listed: str) -> list[str]:
    *first, last = listed.split("},{")
    return [state + "}" for state in first] + [last]


MUTANTS: dict[str, type[Hub]] = {
    "no floor test": NoFloor,
    "beat at head": BeatAtHead,
    "id on every snapshot part": IdOnEveryPart,
    "first-seen order": FirstSeenOrder,
    "register after snapshot": RegistersLate,
    "drop silently": DropsSilently,
}
