"""What the API can ask of the broker: publish, look up, cancel, retry, rotate."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from service.broker.addressing import (
    Publication,
    Wanted,
    check_reach,
    group_named,
    publications_of,
)
from service.broker.arrivals import Arrival, Kept
from service.broker.cancelling import Cancel
from service.broker.commit import Told
from service.broker.controls import Controls
from service.broker.dead_letters import Dead, Deleted, Revival
from service.broker.delivery import Engine
from service.broker.errors import Unknown
from service.broker.filters import Selection
from service.broker.headers import Request
from service.broker.keys import fresh_key
from service.broker.log_entries import Logged
from service.broker.message import Message
from service.broker.rates import Daily
from service.broker.reach import EVERYWHERE, Reach
from service.broker.retention import Retention
from service.broker.signing import SigningKeys
from service.broker.store import Store

__all__ = ["Addressed", "Broker"]

SECOND = 1_000_000
_ONE = 1
CANCEL_AT_ONCE = 1000


Write = Callable[[Sequence[Arrival], Told[Kept]], Awaitable[Kept]]


class Addressed(Struct, frozen=True, kw_only=True):
    """What is to be published; whether to a group, which is answered with a list."""

    publications: list[Publication]
    to_group: bool


class Broker:
    """Store and engine together, which the routes know under this name only."""

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        keys: SigningKeys,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        new_secret: Callable[[], str],
        retention: Retention,
        reach: Reach = EVERYWHERE,
        daily: Daily | None = None,
    ) -> None:
        self._store = store
        self._engine = engine
        self._keys = keys
        self._clock = clock
        self._new_id = new_id
        self._new_secret = new_secret
        self._retention = retention
        self._reach = reach
        self._daily = daily
        self.controls = Controls(store=store, engine=engine, clock=clock)
        """Queues, flow-control keys, the engine's own limit."""

    @property
    def keys(self) -> SigningKeys:
        """The signing keys of this moment."""
        return self._keys

    async def rotate_keys(self) -> SigningKeys:
        """Makes the next key sign from now on."""
        self._keys = await self._store.rotate_keys(fresh_key(self._new_secret))
        return self._keys

    async def addressed(self, wanted: Wanted) -> Addressed:
        """One publication for a URL, one for each endpoint of a URL group."""
        name = group_named(wanted.destination)
        group = None if name is None else await self._store.group(name)
        found = publications_of(wanted, group)
        for publication in found:
            check_reach(publication, self._reach)
        return Addressed(publications=found, to_group=group is not None)

    async def publish(self, publications: Sequence[Publication]) -> Kept:
        """Takes messages in, durably; says for each its id, or the id of its first twin."""
        with self._room_for(len(publications)):
            return await self.take(publications, self._store.add)

    def quota_headers(self) -> tuple[tuple[str, str], ...]:
        """What a publisher is told of the day's messages; nothing when they have no limit."""
        return () if self._daily is None else self._daily.headers()

    async def take(self, publications: Sequence[Publication], write: Write) -> Kept:
        """Has messages written in a way of the caller's, and hands them to the engine."""
        now = self._clock()
        messages = [self._message(publication, now) for publication in publications]
        names = [_name(publication) for publication in publications]
        expires_at = now + self._retention.deduplication * SECOND
        arrivals = [
            Arrival(
                message=message,
                place=self._engine.admit(message),
                name=name,
                expires_at=expires_at,
                holder=self._engine.name,
            )
            for message, name in zip(messages, names, strict=True)
        ]
        return await write(arrivals, partial(self._hand_over, arrivals))

    async def message(self, message_id: str) -> Message:
        """A message under way, or finished a short while ago."""
        finished_after = self._clock() - self._retention.finished * SECOND
        found = await self._store.message(message_id, finished_after=finished_after)
        if found is None:
            raise Unknown(f"message {message_id} not found")
        return found

    async def cancel(self, message_id: str) -> None:
        """Cancels one message that is under way."""
        selection = Selection(any_of={"messageId": (message_id,)}, count=_ONE)
        if not await self._cancel(selection):
            raise Unknown(f"message {message_id} not found, or it has finished already")

    async def cancel_selected(self, selection: Selection) -> int:
        """Cancels what is selected, a batch at a time, so that others get their turn."""
        cancelled = 0
        while True:
            count = await self._cancel(replace(selection, count=CANCEL_AT_ONCE))
            cancelled += count
            if count < CANCEL_AT_ONCE:
                return cancelled

    async def log(self, selection: Selection) -> list[Logged]:
        """A page of the log, with one entry more when there is another page."""
        return await self._store.log(selection)

    async def dead_letters(self, selection: Selection) -> list[Dead]:
        """A page of the dead letter queue, with one more when there is another page."""
        return await self._store.dead_letters(selection)

    async def dead_letter(self, dlq_id: str) -> Dead:
        """One dead letter."""
        found = await self._store.dead_letter(dlq_id)
        if found is None:
            raise Unknown(f"dlq message {dlq_id} not found")
        return found

    async def delete_dead_letters(self, selection: Selection) -> Deleted:
        """Deletes what is selected, at most `count`."""
        return await self._store.delete_dead_letters(selection)

    async def retry_dead_letters(
        self, dead: Sequence[Dead], override: Callable[[Request], Request]
    ) -> Kept:
        """Publishes dead letters again, as new messages with `override` applied."""
        with self._room_for(len(dead)):
            return await self._retry(dead, override)

    async def _retry(self, dead: Sequence[Dead], override: Callable[[Request], Request]) -> Kept:
        now = self._clock()
        arrivals = []
        for one in dead:
            message = one.message
            base = Request(options=message.options, headers=message.headers)
            again = Publication(
                request=override(base),
                url=message.url,
                body=message.body,
                caller_ip=message.caller_ip,
            )
            fresh = self._message(again, now)
            place = self._engine.admit(fresh)
            arrivals.append(Arrival(message=fresh, place=place, holder=self._engine.name))
        revivals = [
            Revival(number=one.letter.id, arrival=arrival)
            for one, arrival in zip(dead, arrivals, strict=True)
        ]
        told = partial(self._hand_over, arrivals)
        return await self._store.retry_dead_letters(revivals, told)

    def _room_for(self, messages: int) -> AbstractContextManager[None]:
        return nullcontext() if self._daily is None else self._daily.room_for(messages)

    # The writer calls this, not whoever waits: a caller that goes away must not leave messages that
    # the store has and the engine has not.
    def _hand_over(self, arrivals: Sequence[Arrival], kept: Kept | None) -> None:
        self._engine.arrived(kept or ())
        known = {one.message.id for one in kept or ()}
        for arrival in arrivals:
            if arrival.message.id not in known:
                self._engine.withdraw(arrival.message, arrival.place)

    async def _cancel(self, selection: Selection) -> int:
        cancelled = await self._store.cancel(Cancel(at=self._clock(), selection=selection))
        self._engine.cancel(cancelled.held)
        return cancelled.count

    def _message(self, publication: Publication, now: int) -> Message:
        request = publication.request
        due_at = now + request.delay * SECOND
        if request.not_before is not None:
            due_at = max(now, request.not_before * SECOND)
        return Message(
            id=f"msg_{self._new_id()}",
            url=publication.url,
            headers=request.headers,
            body=publication.body,
            options=request.options,
            created_at=now,
            not_before=due_at,
            due_at=due_at,
            caller_ip=publication.caller_ip,
        )


def _name(publication: Publication) -> str | None:
    """The name under which a publication may be a duplicate, if it wants to be compared."""
    request = publication.request
    if request.deduplication_id is not None:
        # One publish to a group is one message for each of its endpoints.
        group = f"{request.options.group} {publication.url} " if request.options.group else ""
        return f"id:{group}{request.deduplication_id}"
    if not request.by_content:
        return None
    digest = hashlib.sha256(publication.url.encode())
    for name, value in request.headers:
        digest.update(f"\n{name}:{value}".encode())
    digest.update(b"\n\n" + publication.body)
    return f"content:{digest.hexdigest()}"
