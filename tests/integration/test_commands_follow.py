"""Following a feed that breaks: a real HTTP server that plays its part by a script."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send

from service.commands.board import Board
from service.commands.client import Client, open_client
from service.commands.endings import Refused, Unreachable
from service.commands.follow import follow
from service.commands.heard import Changed, Connected, Disconnected, Heard, Reset, Snapshot
from service.commands.watching import watch
from service.hosting import address_of, bind, hosted

pytestmark = pytest.mark.anyio

HELLO = b'event: hello\ndata: {"beat":15}\nretry: 2000\n\n'


def snapshot(*ids: str, position: int = 1, last: bool = True) -> bytes:
    docs = [{"id": each, "status": "queued", "position": position} for each in ids]
    data = json.dumps({"part": 1, "last": last, "docs": docs})
    return f"event: snapshot\ndata: {data}\nid: e-{position}-0\n\n".encode()


def status(document_id: str, position: int, word: str = "processing") -> bytes:
    final = word in ("succeeded", "failed")
    said = {"id": document_id, "status": word, "position": position, "final": final}
    return f"event: status\ndata: {json.dumps(said)}\nid: e-{position}-0\n\n".encode()


@dataclass(frozen=True, slots=True)
class Turn:
    """What one connection gets: pieces, then the end, or silence."""

    pieces: Sequence[bytes] = ()
    answer: int = 200
    headers: Sequence[tuple[bytes, bytes]] = ()
    then_silent: bool = False


@dataclass(slots=True)
class ScriptedFeed:
    """Gives each connection its turn, and remembers with which id it came."""

    turns: list[Turn]
    came_with: list[str | None] = field(default_factory=list)

    async def play(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        self.came_with.append(headers.get(b"last-event-id", b"").decode() or None)
        turn = self.turns.pop(0)
        await send(
            {"type": "http.response.start", "status": turn.answer, "headers": list(turn.headers)}
        )
        for piece in turn.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        while turn.then_silent and (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def playing(*turns: Turn) -> AsyncIterator[tuple[ScriptedFeed, Client]]:
    feed = ScriptedFeed(list(turns))
    app = Litestar([asgi("/v1/feed/all", copy_scope=True)(feed.play)], logging_config=None)
    listening = bind("127.0.0.1", 0)
    url = address_of(listening, "127.0.0.1")
    async with hosted(app, listening, grace_seconds=1), open_client(url, None) as client:
        yield feed, client


def at_once(low: float, high: float) -> float:
    """No waiting between connections."""
    return 0.0


async def heard(client: Client, count: int) -> list[Heard]:
    """The first so many things that are heard."""
    story: list[Heard] = []
    async with aclosing(follow(client, "/v1/feed/all", jitter=at_once)) as messages:
        async for each in messages:
            story.append(each)
            if len(story) == count:
                return story
    raise AssertionError("a feed does not end by itself")


async def test_a_lost_connection_goes_on_where_it_was() -> None:
    cut = status("a", 3)[:-1]
    turns = (
        Turn([HELLO, snapshot("a"), status("a", 2), cut]),
        Turn([HELLO, status("a", 3)], then_silent=True),
    )

    async with playing(*turns) as (feed, client):
        story = await heard(client, 6)

    assert [type(each) for each in story] == [
        *(Connected, Snapshot, Changed, Disconnected),
        *(Connected, Changed),
    ]
    assert feed.came_with == [None, "e-2-0"]


async def test_a_reset_is_told_before_the_snapshot_that_follows_it() -> None:
    reset = b'event: reset\ndata: {"reason":"epoch","have":"x-9-0"}\n\n'

    async with playing(Turn([HELLO, reset, snapshot("a")], then_silent=True)) as (_, client):
        story = await heard(client, 3)

    assert story[1:2] == [Reset("epoch")]
    assert isinstance(story[2], Snapshot)


async def test_a_busy_server_is_asked_again_after_the_time_it_names() -> None:
    busy = Turn(answer=429, headers=[(b"retry-after", b"0")])

    async with playing(busy, Turn([HELLO, snapshot("a")], then_silent=True)) as (feed, client):
        story = await heard(client, 3)

    assert isinstance(story[0], Disconnected)
    assert isinstance(story[2], Snapshot)
    assert feed.turns == []


async def test_a_server_that_says_good_bye_is_visited_again() -> None:
    bye = b'event: bye\ndata: {"reason":"restart"}\nretry: 1\n\n'
    turns = (Turn([HELLO, snapshot("a"), bye]), Turn([HELLO], then_silent=True))

    async with playing(*turns) as (feed, client):
        await heard(client, 4)

    assert feed.came_with == [None, "e-1-0"]


async def test_silence_is_a_lost_connection() -> None:
    hello = b'event: hello\ndata: {"beat":0.01}\n\n'
    turns = (Turn([hello, snapshot("a")], then_silent=True), Turn([HELLO], then_silent=True))

    async with playing(*turns) as (_, client):
        story = await heard(client, 4)

    assert story[2] == Disconnected("nothing was heard for too long")


async def test_a_refusal_is_told_and_not_repeated() -> None:
    problem = b'{"title":"Not signed in","status":401,"detail":"This server wants a token."}'

    async with playing(Turn([problem], answer=401)) as (feed, client):
        with pytest.raises(Refused, match="Not signed in: This server wants a token"):
            await heard(client, 1)

    assert feed.turns == []


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    async with open_client("http://127.0.0.1:1", None) as client:
        with pytest.raises(Unreachable, match="is `waybill serve` running"):
            await heard(client, 1)


async def test_a_server_that_stays_away_is_given_up() -> None:
    async with playing(Turn([HELLO])) as (_, client):
        impatient = follow(client, "/v1/feed/all", jitter=lambda *_: 0.1, patience_seconds=0.05)
        with pytest.raises(Unreachable, match="away for more than"):
            async with aclosing(impatient) as story:
                async for _ in story:
                    pass


class Remembered:
    """A screen that keeps what it is shown."""

    def __init__(self) -> None:
        self.boards: list[Board] = []

    def show(self, before: Board, after: Board) -> None:
        self.boards.append(after)


async def test_watching_ends_when_every_document_that_matters_has_ended() -> None:
    many = frozenset(f"doc-{number}" for number in range(101))
    ends = [status(each, 2, "succeeded") for each in sorted(many)]
    turns = (
        Turn([HELLO, snapshot(*many), *ends[:50]]),
        Turn([HELLO, status("somebody-else", 3), *ends[50:]], then_silent=True),
    )
    screen = Remembered()

    async with playing(*turns) as (_, client):
        async with asyncio.timeout(30):
            board = await watch(client, Board(only=many), screen, jitter=at_once)

    assert board.all_final
    assert set(board.documents) == many
    assert [each.live for each in screen.boards].count(False) == 1
