"""The floor of a document without work: a bare program that is as durable, and does nothing else.

As a program (`DATABASE`): a raw ASGI application behind uvicorn. For each POST it keeps the body's
hash and three events of the job's life with three commits in a row, shared by all jobs that wait
(group commit inside the loop, ``synchronous=FULL``), then answers. No queue in between, no signed
delivery, no tables, no feed, no object on disk.
"""

import asyncio
import hashlib
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from benchmarks.http_client import Connection, UnexpectedAnswer, connected
from benchmarks.session import Session
from service.hosting import address_of, bind

MEANING = "raw ASGI behind uvicorn: 3 events a job in 3 shared durable commits, then the answer"
EVENTS = ("registered", "started", "succeeded")

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


async def measure(session: Session, documents: Sequence[bytes], *, in_flight: int) -> float:
    """Jobs a second under the load that the product gets."""
    with session.fresh_folder() as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.http_floor", str(folder / "floor.db")),
            cwd=Path(__file__).parents[1],
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            if process.stdout is None:
                raise AssertionError("the output is a pipe")
            url = (await process.stdout.readline()).decode().strip()
            return await _load(url, documents, in_flight)
        finally:
            process.terminate()
            await process.wait()


async def _load(url: str, documents: Sequence[bytes], in_flight: int) -> float:
    waiting = iter(documents)
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(in_flight):
            tasks.create_task(_post_all(url, waiting))
    return len(documents) / (time.perf_counter() - began)


async def _post_all(url: str, waiting: Iterator[bytes]) -> None:
    async with connected(url) as connection:
        await _post_each(connection, waiting)


async def _post_each(connection: Connection, waiting: Iterator[bytes]) -> None:
    for document in waiting:
        answer = await connection.post("/", document)
        if answer.status != 202:
            raise UnexpectedAnswer(f"the floor answered {answer.status}")


class Jobs:
    """The least that keeps a job: one table, one row for each of its events."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE events (position INTEGER PRIMARY KEY, name TEXT, sha256 TEXT)",
        ):
            self._connection.execute(statement).fetchall()
        self._rows: list[tuple[str, str]] = []
        self._waiting: list[asyncio.Future[None]] = []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One job for each request."""
        if scope["type"] != "http":
            return
        digest = hashlib.sha256()
        more = True
        while more:
            message = await receive()
            digest.update(message.get("body", b""))
            more = message.get("more_body", False)
        for name in EVENTS:
            await self._keep(name, digest.hexdigest())
        head = {"type": "http.response.start", "status": 202}
        await send({**head, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def _keep(self, name: str, sha256: str) -> None:
        loop = asyncio.get_running_loop()
        if not self._rows:
            loop.call_soon(self._commit)
        future: asyncio.Future[None] = loop.create_future()
        self._rows.append((name, sha256))
        self._waiting.append(future)
        await future

    def _commit(self) -> None:
        rows, self._rows = self._rows, []
        waiting, self._waiting = self._waiting, []
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO events (name, sha256) VALUES (?, ?)", rows)
        self._connection.execute("COMMIT")
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


async def _serve(path: Path) -> None:
    listening = bind("127.0.0.1", 0)
    with closing(Jobs(path)) as jobs:
        config = uvicorn.Config(jobs, lifespan="off", log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        print(address_of(listening, "127.0.0.1"), flush=True)
        await server.serve(sockets=[listening])


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
