"""The verbs of a document: load, decide, append; once more if somebody else was quicker."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from events.decoding import readable
from events.document import decisions
from events.document.decisions import known
from events.document.evolve import evolve
from events.document.facts import DocumentEvent, DocumentRegistered, ProcessingStarted
from events.document.policy import Policy
from events.document.state import Document
from events.errors import Conflict
from events.store import Append, EventStore, NewEvent, Recorded, document_stream
from service.clock import Clock, NewId

R = TypeVar("R")

CONFLICTS = 5
"""How often a decision is made again because the document changed meanwhile."""

CACHED = 10_000
"""Documents whose state is kept in memory. What is appended is still checked by the log."""

Rule = Callable[[Document | None, int], tuple[Sequence[DocumentEvent], R]]
"""The document and the time in; events to append and a result out."""

Step = Callable[[Document, int], Sequence[DocumentEvent]]
"""A rule about a document that must exist, without a result."""


class Decided(msgspec.Struct, Generic[R], frozen=True):
    """What a rule decided, after its events became durable; ``recorded`` may be empty."""

    document: Document | None
    recorded: Sequence[Recorded]
    result: R


class Documents:
    """Decides about documents, one append at a time."""

    def __init__(
        self,
        store: EventStore,
        *,
        clock: Clock,
        new_id: NewId,
        policy: Policy,
        node: str,
        destination: str,
    ) -> None:
        """``destination`` is where QStash is to deliver what is accepted here."""
        self.policy = policy
        self.destination = destination
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._meta = {"node": node}
        self._cache: OrderedDict[str, tuple[int, Document | None]] = OrderedDict()

    async def decide(self, document_id: str, rule: Rule[R]) -> Decided[R]:
        """Apply a rule; raises ``Conflict`` only if the document will not keep still."""
        for _ in range(CONFLICTS - 1):
            try:
                return await self._decide_once(document_id, rule)
            except Conflict as conflict:
                self._forget(document_id, upto=conflict.expected)
        return await self._decide_once(document_id, rule)

    async def load(self, document_id: str, *, version: int = 0) -> tuple[int, Document | None]:
        """The document's version, and the document as the log tells it now.

        Whoever heard of a ``version`` from the log asks for it: a follower may hear of an event
        before its own writer, who remembers the state, goes on.
        """
        return await self._load(document_id, version)

    async def history(self, document_id: str) -> list[Recorded]:
        """Every event of the document, oldest first."""
        return await self._store.read_stream(document_stream(document_id))

    async def attempt_of_another_node(self, document_id: str) -> str | None:
        """The document's newest attempt; ``None`` if it has none, or this process started it."""
        found = [event.fact for event in await self.history(document_id)]
        started = [fact for fact in found if isinstance(fact, ProcessingStarted)]
        if not started or started[-1].node == self._meta["node"]:
            return None
        return started[-1].attempt_id

    async def register(self, event: DocumentRegistered, *, fresh: bool) -> Decided[None]:
        """Accept a document, to be published; nothing is recorded if it is there already.

        ``fresh`` says that the id was made just now, so that nobody needs to look for it; the log
        checks that all the same.
        """
        if fresh:
            self._remember(event.document_id, 0, None)

        def rule(document: Document | None, _now: int) -> tuple[Sequence[DocumentEvent], None]:
            events = decisions.register(
                document, event, destination=self.destination, policy=self.policy
            )
            return events, None

        return await self.decide(event.document_id, rule)

    async def apply(self, document_id: str, step: Step) -> Decided[None]:
        """Apply a step; raises ``DocumentUnknown``, and what the step refuses."""

        def rule(document: Document | None, now: int) -> tuple[Sequence[DocumentEvent], None]:
            return step(known(document, document_id), now), None

        return await self.decide(document_id, rule)

    async def retry(self, document_id: str, *, by: str, reason: str) -> Decided[None]:
        """Start another run, to be published; raises ``Refused``."""

        def step(document: Document, now: int) -> Sequence[DocumentEvent]:
            return decisions.retry(
                document,
                by=by,
                reason=reason,
                destination=self.destination,
                policy=self.policy,
                now=now,
            )

        return await self.apply(document_id, step)

    async def cancel(self, document_id: str, *, by: str, reason: str) -> Decided[None]:
        """Stop the document, at once or when its attempt ends; raises ``Refused``."""
        return await self.apply(
            document_id,
            lambda document, now: decisions.request_cancel(document, by=by, reason=reason, now=now),
        )

    async def erase(self, document_id: str, *, by: str, reason: str) -> Decided[None]:
        """Erase what the document held; raises ``Refused``."""
        return await self.apply(
            document_id,
            lambda document, now: decisions.erase(document, by=by, reason=reason, now=now),
        )

    async def _decide_once(self, document_id: str, rule: Rule[R]) -> Decided[R]:
        version, document = await self._load(document_id)
        facts, result = rule(document, self._clock())
        if not facts:
            return Decided(document, (), result)
        appended = await self._store.append(self._append(document_id, version, facts))
        for fact in facts:
            document = evolve(document, fact)
        self._remember(document_id, appended.version, document)
        return Decided(document, appended.recorded, result)

    def _append(self, document_id: str, version: int, facts: Sequence[DocumentEvent]) -> Append:
        now = self._clock()
        events: list[NewEvent] = []
        for fact in facts:
            events.append(
                NewEvent(
                    event_id=self._new_id(),
                    fact=fact,
                    occurred_at=now,
                    correlation_id=f"{document_id}.{getattr(fact, 'run', 0)}",
                    causation_id=events[-1].event_id if events else None,
                    meta=self._meta,
                )
            )
        return Append(stream=document_stream(document_id), expected=version, events=events)

    async def _load(self, document_id: str, at_least: int = 0) -> tuple[int, Document | None]:
        cached = self._cache.get(document_id)
        if cached is not None and cached[0] >= at_least:
            self._cache.move_to_end(document_id)
            return cached
        document: Document | None = None
        version = 0
        for event in await self._store.read_stream(document_stream(document_id)):
            document = evolve(document, readable(event))
            version = event.version
        return version, document

    def forget(self) -> None:
        """Let go of what is remembered: another node may have erased some of it."""
        self._cache.clear()

    def _forget(self, document_id: str, *, upto: int) -> None:
        """What was remembered is out of date, unless whoever was quicker has renewed it already."""
        if self._cache.get(document_id, (0, None))[0] <= upto:
            self._cache.pop(document_id, None)

    def _remember(self, document_id: str, version: int, document: Document | None) -> None:
        known_version = self._cache.get(document_id, (0, None))[0]
        if version < known_version:
            return
        self._cache[document_id] = (version, document)
        self._cache.move_to_end(document_id)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)
