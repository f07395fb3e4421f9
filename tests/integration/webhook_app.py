"""The service in this process, with a QStash that is not there: the test delivers by itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from service.app import open_service
from service.embedded import Qstash
from service.processing.registry import load_processors
from service.settings import Settings
from tests.brokers import served
from tests.signing import Claims, claims_for, signed

PUBLIC_URL = "https://waybill.example"
CURRENT = "sig_" + "c" * 40
NEXT = "sig_" + "n" * 40
PROCESS = "/v1/qstash/process"
FAILED = "/v1/qstash/failed"
CALLBACK = "/v1/qstash/callback"
MESSAGE = {"Upstash-Message-Id": "msg_1", "Upstash-Retried": "0"}
WRONG = "sig_" + "w" * 40

NOBODY = Qstash(
    url="http://127.0.0.1:9",
    token="t",
    current_signing_key=CURRENT,
    next_signing_key=NEXT,
    embedded=False,
)


class Webhook:
    """Uploads documents, delivers them, and looks."""

    def __init__(self, http: httpx.AsyncClient, data: Path) -> None:
        self.http = http
        self.data = data

    async def upload(self, *, processor: str = "scripted", **script: object) -> str:
        response = await self.http.post(
            "/v1/documents",
            params={"processor": processor},
            headers={"Content-Type": "application/json-script"},
            content=json.dumps(script, default=str).encode(),
        )
        assert response.status_code == 202, response.text
        found: str = response.json()["document"]["id"]
        # Nobody delivers what was not published, and the intention to publish is recorded first.
        await self.becomes(found, "queued")
        return found

    async def deliver(
        self, document_id: str, *, run: int = 1, message_id: str = "msg_1", retried: int = 0
    ) -> httpx.Response:
        """A delivery as QStash makes it."""
        body = json.dumps({"document_id": document_id, "run": run}).encode()
        headers = {"Upstash-Message-Id": message_id, "Upstash-Retried": str(retried)}
        return await self.post(PROCESS, body, headers=headers)

    async def post(
        self,
        path: str,
        body: bytes,
        *,
        key: str = CURRENT,
        claims: Claims | None = None,
        headers: Mapping[str, str] = MESSAGE,
    ) -> httpx.Response:
        """A signed request; with ``claims`` it can be sent again as it was."""
        signature = signed(claims or claims_for(PUBLIC_URL + path, body), key)
        all_headers = {"Upstash-Signature": signature, **headers}
        return await self.http.post(path, content=body, headers=all_headers)

    async def document(self, document_id: str) -> dict[str, Any]:
        response = await self.http.get(f"/v1/documents/{document_id}")
        found: dict[str, Any] = response.json()
        return found

    async def history(self, document_id: str) -> list[dict[str, Any]]:
        response = await self.http.get(f"/v1/documents/{document_id}/events")
        found: list[dict[str, Any]] = response.json()["events"]
        return found

    async def types(self, document_id: str) -> list[str]:
        """What has happened, without what came of publishing to nobody."""
        publishing = ("enqueue_requested", "publish_failed")
        history = await self.history(document_id)
        return [event["type"] for event in history if event["type"] not in publishing]

    async def becomes(self, document_id: str, status: str) -> None:
        """Wait until the document has this status."""
        cursor: dict[str, str] = {}
        async with asyncio.timeout(20):
            while True:
                asked = {"doc": document_id, "wait": "5", **cursor}
                answer = (await self.http.get("/v1/feed/poll", params=asked)).json()
                cursor = {"last_event_id": answer["id"]}
                if any(state["status"] == status for state in answer["docs"]):
                    return


@asynccontextmanager
async def webhook(data: Path, **changes: Any) -> AsyncIterator[Webhook]:
    """A service that can be reached over HTTP; QStash knows it under its public URL."""
    quick = {
        "workers": 1,
        "max_deliveries": 2,
        "retry_delays": (7,),
        "lease_seconds": 30.0,
        "grace_seconds": 0.5,
        "processors": "scripted=tests.journey.processors:scripted",
    }
    settings = Settings(data=data, **{**quick, **changes})
    processors = load_processors(settings.processors)
    async with (
        open_service(
            settings, qstash=NOBODY, public_url=PUBLIC_URL, processors=processors
        ) as service,
        served(service.web) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
    ):
        yield Webhook(http, data)
