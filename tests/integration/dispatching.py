"""A dispatcher over a real log, through the real SDK, and a QStash that the test can upset."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from events.decoding import readable
from events.document.decisions import complete_erasure
from events.document.facts import DocumentEvent
from events.document.policy import Policy
from events.document.state import Document
from events.store import document_stream
from projections.documents import Documents as Rows
from projections.documents import Tracked
from service.clock import MICROSECONDS, new_id, system_clock
from service.dispatcher import Dispatcher
from service.documents import Documents
from service.enqueuing import Enqueuer
from service.errands import Errands
from service.publisher import DEADLINE_SECONDS, Publisher
from tests.stores import Log

POLICY = Policy(
    attempt_budget=4,
    retry_delays=(0,),
    lease=MICROSECONDS // 10,
    grace=0,
    patience=300 * MICROSECONDS,
)
HERE = "http://here/process"
Message = MutableMapping[str, Any]


class Qstash:
    """The API of a QStash, as far as a dispatcher needs it."""

    def __init__(self) -> None:
        self.published: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.refuses = False
        self.away = False
        """Answer 503 to everybody, as a gateway does whose service is away."""

        self._called = asyncio.Condition()
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while (event := await receive())["type"] == "http.request":
            body += event["body"]
            if not event["more_body"]:
                break
        async with self._called:
            self.calls.append(f"{scope['method']} {scope['path']}")
            self._called.notify_all()
        if self.away:
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b"away"})
            return
        status, told = self._answer(scope["path"], body)
        await self.answers.wait()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})

    async def is_called(self, times: int) -> None:
        """Wait until it was called so often."""
        async with asyncio.timeout(20), self._called:
            await self._called.wait_for(lambda: len(self.calls) >= times)

    def _answer(self, path: str, body: bytes) -> tuple[int, Any]:
        if path != "/v2/batch":
            return 200, {}
        if self.refuses:
            return 429, {"error": "no more today"}
        messages = json.loads(body)
        first = len(self.published)
        self.published += [one["headers"] for one in messages]
        return 200, [{"messageId": f"msg_{first + n}"} for n in range(len(messages))]


class World:
    """A log, its documents, and what happened to them."""

    def __init__(self, store: Log, url: str) -> None:
        self.store = store
        self.documents = self.verbs(node="here")
        self._url = url

    def verbs(self, *, node: str) -> Documents:
        return Documents(
            self.store,
            clock=system_clock,
            new_id=new_id,
            policy=POLICY,
            node=node,
            destination=HERE,
        )

    @asynccontextmanager
    async def dispatcher(
        self,
        *unfinished: str,
        alone: bool = True,
        node: str = "here",
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> AsyncIterator[Dispatcher]:
        """A dispatcher at work from here on, that knows these documents."""
        documents = self.documents if node == "here" else self.verbs(node=node)
        publisher = Publisher(
            url=self._url,
            token="t",
            process_url=HERE,
            failed_url="http://here/failed",
            retries=6,
            timeout_seconds=60,
            deadline_seconds=deadline_seconds,
        )
        enqueuer = Enqueuer(
            documents,
            publisher,
            clock=system_clock,
            flow=lambda _document: ("key", 2),
            transport="qstash",
        )
        dispatcher = Dispatcher(
            documents,
            enqueuer,
            Errands(documents, publisher, enqueuer, erase=self._erase),
            store=self.store,
            wakeup=self.store.wakeup,
            clock=system_clock,
        )
        known = [await self.tracked(one) for one in unfinished]
        head = await self.store.head()
        task = asyncio.create_task(dispatcher.run(known, after=head, alone=alone))
        try:
            async with publisher._client.http._client:  # the SDK has no close of its own
                yield dispatcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _erase(self, document: Document) -> None:
        """There is nothing to destroy here, only to tell."""
        await self.documents.apply(document.id, lambda found, _now: complete_erasure(found))

    async def tell(self, *facts: DocumentEvent) -> None:
        """Append these facts of one document, whatever it takes."""
        document_id = facts[0].document_id
        await self.documents.decide(document_id, lambda _document, _now: (facts, None))

    async def tracked(self, document_id: str) -> Tracked:
        state: Tracked | None = None
        for event in await self.store.read_stream(document_stream(document_id)):
            state = Rows().fold(state, event)
        assert state is not None
        return state

    async def becomes(self, document_id: str, fact: Callable[[Document], bool]) -> Document:
        """Wait until the log tells of the document in such a state."""
        async with asyncio.timeout(20):
            while True:
                head = await self.store.head()
                document = (await self.tracked(document_id)).document
                if fact(document):
                    return document
                await self.store.wakeup.wait_beyond(head)

    async def history(self, document_id: str) -> list[DocumentEvent]:
        return [readable(e) for e in await self.store.read_stream(document_stream(document_id))]
