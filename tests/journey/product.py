"""The product as its users meet it: a server of the test's own, reached over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
from qstash import AsyncQStash

from tests.journey.processes import LISTENING, Broker, Started
from tests.journey.processors import reached
from tests.ports import free_port

WAIT_SECONDS = 30.0
LONG_POLL_SECONDS = 5

QUICK = {
    "WAYBILL_RETRY_DELAYS": "0",
    "WAYBILL_GRACE_SECONDS": "0.5",
    "WAYBILL_LEASE_SECONDS": "2",
    "WAYBILL_WORKERS": "2",
    "WAYBILL_LOG_LEVEL": "info",
    "WAYBILL_LOG_FORMAT": "json",
    "WAYBILL_PROCESSORS": "scripted=tests.journey.processors:scripted",
    # A process less to start; and it is killed with its server.
    "WAYBILL_BROKER_PROCESS": "inside",
}
BESIDE = {"WAYBILL_BROKER_PROCESS": "beside"}
"""Where the broker of a server is unless a setting says otherwise."""

Json = dict[str, Any]


class Gate:
    """What a scripted document waits for; ``str`` says where its processor looks."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __str__(self) -> str:
        return str(self._file)

    def open(self) -> None:
        self._file.touch()

    async def reached(self) -> None:
        """Return when a worker has the document in hand and waits."""
        await eventually(reached(self._file).exists)


class Waybill:
    """A server over one data folder, at one address over any number of lives."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.data = folder / "data"
        self.log = folder / "serve.log"
        self.settings = {**QUICK, "WAYBILL_BROKER_PORT": str(free_port()), **settings}
        self.url = ""
        self._port = 0
        self._process: Started | None = None

    @property
    def process(self) -> Started:
        assert self._process is not None, "the server was never started"
        return self._process

    def start(self) -> None:
        """Start it and wait until it says that it listens."""
        command = ["serve", "--data", str(self.data), "--port", str(self._port)]
        self._process = Started(command, log=self.log, settings=self.settings)
        line = self._process.line()
        assert line.startswith(LISTENING), line
        self.url = line.removeprefix(LISTENING)
        self._port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """As a power cut would end it; its workers have to notice by themselves."""
        self.process.kill()

    def stop(self) -> int:
        return self.process.stop()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()

    def results(self, document_id: str) -> list[Path]:
        """The result objects of a document."""
        return sorted((self.data / "objects" / "results").glob(f"{document_id}.*"))

    def said(self) -> list[Json]:
        """What it has written to its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]

    @asynccontextmanager
    async def qstash(self) -> AsyncIterator[AsyncQStash]:
        """The official client, for the broker that it uses."""
        url, token = self.settings.get("QSTASH_URL"), self.settings.get("QSTASH_TOKEN")
        if url is None or token is None:
            url = f"http://127.0.0.1:{self.settings['WAYBILL_BROKER_PORT']}"
            token = (self.data / "broker.token").read_text().strip()
        async with sdk_client(url, token) as qstash:
            yield qstash


@contextmanager
def running(folder: Path, settings: Mapping[str, str]) -> Iterator[Waybill]:
    """A started server that is gone afterwards, with all that it has started."""
    folder.mkdir(exist_ok=True)
    waybill = Waybill(folder, settings)
    try:
        waybill.start()
        yield waybill
    finally:
        waybill.close()


@contextmanager
def broker_of_its_own(folder: Path, *options: str) -> Iterator[Broker]:
    """A started broker that is gone afterwards."""
    broker = Broker(folder, *options)
    try:
        yield broker.start()
    finally:
        broker.close()


@asynccontextmanager
async def sdk_client(url: str, token: str) -> AsyncIterator[AsyncQStash]:
    """The official client; it has no close of its own."""
    qstash = AsyncQStash(token, base_url=url, retry=False)
    async with qstash.http._client:
        yield qstash


class Client:
    """What a front end does: upload, look, and wait for facts by long polls."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def upload(
        self,
        content: bytes,
        *,
        processor: str = "pdf-text",
        name: str = "letter.pdf",
        owner: str = "ada",
        key: str | None = None,
    ) -> str:
        """Upload a document; its id."""
        response = await self.http.post(
            "/v1/documents",
            params={"processor": processor, "name": name, "owner": owner},
            headers={
                "Content-Type": "application/pdf",
                **({"Idempotency-Key": key} if key else {}),
            },
            content=content,
        )
        assert response.status_code == 202, response.text
        found: str = response.json()["document"]["id"]
        return found

    async def script(self, *, owner: str = "ada", **script: object) -> str:
        """Upload a document for the scripted processor."""
        content = json.dumps(script, default=str).encode()
        return await self.upload(content, processor="scripted", name="script.json", owner=owner)

    async def document(self, document_id: str) -> Json:
        response = await self.http.get(f"/v1/documents/{document_id}")
        return checked(response)

    async def history(self, document_id: str) -> list[Json]:
        response = await self.http.get(f"/v1/documents/{document_id}/events")
        found: list[Json] = checked(response)["events"]
        return found

    async def text(self, document_id: str) -> str:
        response = await self.http.get(f"/v1/documents/{document_id}/text")
        assert response.status_code == 200, response.text
        return response.text

    async def post(self, document_id: str, verb: str) -> httpx.Response:
        return await self.http.post(f"/v1/documents/{document_id}/{verb}", json={"by": "ada"})

    async def becomes(self, document_id: str, fact: Callable[[Json], bool]) -> Json:
        """Wait until the feed shows the document in a state for which ``fact`` holds."""
        cursor: dict[str, str] = {}
        async with _patience(lambda: self.history(document_id)):
            while True:
                response = await self.http.get(
                    "/v1/feed/poll",
                    params={"doc": document_id, "wait": LONG_POLL_SECONDS, **cursor},
                )
                answer = checked(response)
                cursor = {"last_event_id": answer["id"]}
                for state in answer["docs"]:
                    # The tables may not have met it yet; then there is no state to look at.
                    if state["status"] != "unknown" and fact(state):
                        found: Json = state
                        return found

    async def ends(self, document_id: str) -> Json:
        return await self.becomes(document_id, lambda state: bool(state["final"]))

    async def is_now(self, document_id: str, status: str) -> Json:
        return await self.becomes(document_id, lambda state: bool(state["status"] == status))

    async def happens(
        self, document_id: str, fact: Callable[[Json], bool], *, times: int = 1
    ) -> list[Json]:
        """Wait until the document's history has such an event; the history."""
        seen: list[Json] = []
        async with _patience(lambda: self.history(document_id)):
            while True:
                seen = await self.history(document_id)
                if sum(map(fact, seen)) >= times:
                    return seen
                last = seen[-1]["position"] if seen else 0
                await self.becomes(document_id, lambda state, last=last: state["position"] > last)  # type: ignore[misc] # bound at once

    async def handed_over(self, document_id: str) -> list[Json]:
        """Wait until QStash surely has the document; a delivery may come before our own note."""
        taken = ("enqueued", "delivery_received")
        return await self.happens(document_id, lambda event: event["type"] in taken)

    async def event(self, document_id: str, type_name: str, **data: object) -> list[Json]:
        """Wait for an event of this type with these data; the history."""
        return await self.happens(document_id, matching(type_name, **data))


@asynccontextmanager
async def client_of(waybill: Waybill) -> AsyncIterator[Client]:
    """A client; its connections survive no restart, but httpx opens new ones."""
    async with httpx.AsyncClient(base_url=waybill.url, timeout=WAIT_SECONDS) as http:
        yield Client(http)


async def eventually(fact: Callable[[], bool]) -> None:
    """Wait for a fact that only looking can tell, such as a file."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not fact():  # noqa: ASYNC110 -- there is nobody who could tell us
            await asyncio.sleep(0.01)


def matching(type_name: str, **data: object) -> Callable[[Json], bool]:
    """Whether an event is of this type and has these data."""

    def fits(event: Json) -> bool:
        same = all(event["data"].get(name) == value for name, value in data.items())
        return bool(event["type"] == type_name and same)

    return fits


def checked(response: httpx.Response) -> Json:
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


@asynccontextmanager
async def _patience(evidence: Callable[[], Any]) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            yield
    except TimeoutError:
        seen = [(one["type"], one["data"]) for one in await evidence()]
        raise AssertionError(f"it did not happen; the history: {seen}") from None
