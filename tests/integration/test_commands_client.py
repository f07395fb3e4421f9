"""Uploads to a server that stumbles: repeated safely, given up politely."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, Request, Response, post

from service.commands.client import TRIES, Client, open_client
from service.commands.document import Document
from service.commands.endings import Refused, Trouble, Unreachable
from service.commands.gathering import Source
from service.commands.sending import Sent, Wishes, send_all
from service.hosting import address_of, bind, hosted

pytestmark = pytest.mark.anyio

BUSY = Response({"title": "Busy", "status": 503}, status_code=503, headers={"Retry-After": "0"})
DONE = Response({"document": {"id": "doc_1", "status": "received"}}, status_code=202)


class Stumbling:
    """Gives its answers one by one, and remembers what it was sent."""

    def __init__(self, *answers: Response[Any]) -> None:
        self.answers = list(answers)
        self.got: list[tuple[str, str, bytes]] = []

    async def take(self, request: Request[Any, Any, Any]) -> Response[Any]:
        body = await request.body()
        key = request.headers["idempotency-key"]
        self.got.append((key, request.headers["content-length"], body))
        return self.answers.pop(0)


@asynccontextmanager
async def serving(stumbling: Stumbling) -> AsyncIterator[Client]:
    @post("/v1/documents")
    async def upload(request: Request[Any, Any, Any]) -> Response[Any]:
        return await stumbling.take(request)

    listening = bind("127.0.0.1", 0)
    url = address_of(listening, "127.0.0.1")
    app = Litestar([upload], openapi_config=None, logging_config=None)
    async with hosted(app, listening, grace_seconds=1), open_client(url, None) as client:
        yield client


def source(folder: Path, name: str, content: bytes) -> Source:
    path = folder / name
    path.write_bytes(content)
    return Source(path=path, name=name, size=len(content))


async def sent(client: Client, *sources: Source, wishes: Wishes | None = None) -> list[Sent]:
    counted: list[int] = []
    return await send_all(
        client,
        sources,
        wishes or Wishes(),
        on_bytes=counted.append,
        on_sent=lambda each: None,
    )


async def test_a_busy_server_gets_the_same_bytes_with_the_same_key_again(tmp_path: Path) -> None:
    content = b"%PDF-" + bytes(3_000_000)
    stumbling = Stumbling(BUSY, DONE)

    async with serving(stumbling) as client:
        [done] = await sent(client, source(tmp_path, "a.pdf", content))

    assert isinstance(done.document, Document)
    assert stumbling.got[0] == stumbling.got[1]
    assert stumbling.got[0][1:] == (str(len(content)), content)


async def test_a_server_that_stays_busy_is_a_refusal(tmp_path: Path) -> None:
    async with serving(Stumbling(*[BUSY] * TRIES)) as client:
        [done] = await sent(client, source(tmp_path, "a.pdf", b"a"))

    assert isinstance(done.trouble, Refused)
    assert done.trouble.status == 503


async def test_the_key_tells_content_name_owner_and_processor_apart(tmp_path: Path) -> None:
    stumbling = Stumbling(*[DONE] * 5)
    first = source(tmp_path, "a.pdf", b"one")

    async with serving(stumbling) as client:
        await sent(client, first)
        await sent(client, source(tmp_path, "b.pdf", b"one"))
        await sent(client, first, wishes=Wishes(owner="ada"))
        await sent(client, first, wishes=Wishes(processor="none"))
        await sent(client, source(tmp_path, "a.pdf", b"two"))

    assert len({key for key, _, _ in stumbling.got}) == 5


async def test_a_file_that_went_away_is_told_and_the_next_one_is_sent(tmp_path: Path) -> None:
    gone = Source(path=tmp_path / "gone.pdf", name="gone.pdf", size=1)

    async with serving(Stumbling(DONE)) as client:
        done = await sent(client, gone, source(tmp_path, "a.pdf", b"a"))

    troubles = {each.source.name: each.trouble for each in done}
    assert troubles["a.pdf"] is None
    assert "cannot be read" in str(troubles["gone.pdf"])


async def test_an_answer_that_is_not_ours_is_a_trouble(tmp_path: Path) -> None:
    async with serving(Stumbling(Response(["hello"], status_code=202))) as client:
        [done] = await sent(client, source(tmp_path, "a.pdf", b"a"))

    assert isinstance(done.trouble, Trouble)
    assert "does not answer as Waybill does" in str(done.trouble)


async def test_when_the_server_is_gone_nothing_more_is_tried(tmp_path: Path) -> None:
    many = [source(tmp_path, f"{number}.pdf", b"a") for number in range(50)]

    async with open_client("http://127.0.0.1:1", None) as client:
        done = await sent(client, *many)

    assert all(isinstance(each.trouble, Unreachable) for each in done)
    assert 0 < len(done) < len(many)
