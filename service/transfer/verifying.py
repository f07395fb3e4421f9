"""From the log to a verdict: does it keep what it promises, and if not, from which position on?

A page of events and the versions of the newest streams are all that is held of it at a time.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from events.census import Disagreement, census
from events.codec import CODEC
from events.decoding import fact_of
from events.errors import LogUnavailable
from events.heads import START, Head
from events.sql import SqlEventStore
from events.store import Stored, Unreadable
from events.verify import Verifier

PAGE = 2000
STREAMS = 50_000
"""Streams whose version is remembered; that of another one is looked up when it goes on."""

OnEvents = Callable[[int], object]
Promise = Literal["positions", "versions", "times", "chain"]


class Broken(msgspec.Struct, frozen=True):
    """The first position that does not hold, what does not hold there, and how."""

    position: int
    promise: Promise
    why: str


class Anchor(msgspec.Struct, frozen=True):
    """A head that was noted down elsewhere."""

    position: int
    chain: bytes


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ``head`` is the last event that is sound, and behind ``after`` all were."""

    after: int
    head: Head
    broken: Broken | None
    disagreement: Disagreement | None
    unreadable: int
    first_unreadable: int | None
    anchor_chain: bytes | None
    """The chain value at the anchor's position, if the check came that far."""


class Verification:
    """One walk through the log."""

    def __init__(self, store: SqlEventStore, *, anchor: Anchor | None) -> None:
        self._store = store
        self._anchor = anchor
        self._versions: OrderedDict[str, int] = OrderedDict()
        self._head = START
        self._floor = 0
        self._unreadable = 0
        self._first_unreadable: int | None = None
        self._anchor_chain: bytes | None = None

    async def run(self, *, upto: int, on_events: OnEvents) -> Verdict:
        """Check everything up to this position; raises ``LogUnavailable``."""
        after = await self._begin(upto)
        broken = None
        while broken is None and self._head.position < upto:
            page = await self._page(upto)
            broken = await self._check(page) if isinstance(page, list) else page
            on_events(len(page) if isinstance(page, list) else 0)
        return Verdict(
            after=after,
            head=self._head,
            broken=broken,
            disagreement=None if broken else await self._store.database.read(census),
            unreadable=self._unreadable,
            first_unreadable=self._first_unreadable,
            anchor_chain=self._anchor_chain,
        )

    async def _begin(self, upto: int) -> int:
        """Where the check begins: at the beginning, or behind what is archived."""
        self._floor = await self._store.floor()
        if 0 < self._floor < upto:
            # What the first event is sealed to is in the archive; from it on everything is here.
            [first] = await self._store.read_stored(after=self._floor, limit=1)
            self._pass([first])
        return self._head.position

    async def _page(self, upto: int) -> list[Stored] | Broken:
        after = self._head.position
        try:
            page = await self._store.read_stored(after=after, limit=min(PAGE, upto - after))
        except LogUnavailable as error:
            return await self._unreadable_page(error)
        if not page:
            return Broken(
                after + 1, "positions", f"nothing is stored there, and the log ends at {upto}"
            )
        return page

    async def _unreadable_page(self, error: LogUnavailable) -> list[Stored] | Broken:
        """Read one by one, to find the event that the database cannot give."""
        await self._store.head()  # if even this fails, the database is away, and not damaged
        after = self._head.position
        page: list[Stored] = []
        try:
            while found := await self._store.read_stored(after=after + len(page), limit=1):
                page += found
        except LogUnavailable:
            if page:
                return page
            return Broken(after + 1, "positions", f"the database cannot give it: {error}")
        return page

    async def _check(self, page: list[Stored]) -> Broken | None:
        versions = await self._versions_before(page)
        verifier = Verifier(after=self._head, versions=versions)
        damage = verifier.check(page)
        whole = page if damage is None else page[: verifier.head.position - self._head.position]
        self._pass(whole)
        if damage is None:
            return None
        versions.update({event.stream: event.version for event in whole})
        event = next((one for one in page if one.position == damage.position), None)
        return Broken(damage.position, _promise(event, self._head, versions), damage.why)

    async def _versions_before(self, page: Sequence[Stored]) -> dict[str, int]:
        before: dict[str, int] = {}
        for event in page:
            if event.stream not in before:
                before[event.stream] = await self._version_before(event)
        return before

    async def _version_before(self, event: Stored) -> int:
        known = self._versions.get(event.stream)
        if known is not None or event.version == 1:
            return known or 0
        earlier = await self._store.read_stream(event.stream, after=event.version - 2)
        if earlier and earlier[0].position < event.position:
            return earlier[0].version
        # Where the beginning is archived, so may be the event before this one.
        return event.version - 1 if self._floor else 0

    def _pass(self, events: Sequence[Stored]) -> None:
        """These are sound; remember what is needed of them."""
        for event in events:
            self._versions[event.stream] = event.version
            self._versions.move_to_end(event.stream)
            if self._anchor is not None and event.position == self._anchor.position:
                self._anchor_chain = event.chain
            if isinstance(fact_of(event, CODEC), Unreadable):
                self._unreadable += 1
                self._first_unreadable = self._first_unreadable or event.position
        while len(self._versions) > STREAMS:
            self._versions.popitem(last=False)
        if events:
            last = events[-1]
            self._head = Head(last.position, last.recorded_at, last.chain)


def _promise(event: Stored | None, head: Head, versions: Mapping[str, int]) -> Promise:
    """Which of the promises this event breaks behind this head and these versions."""
    if event is None or event.position != head.position + 1:
        return "positions"
    if event.version != versions[event.stream] + 1:
        return "versions"
    return "times" if event.recorded_at < head.recorded_at else "chain"
