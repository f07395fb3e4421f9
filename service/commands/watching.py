"""From the feed to the screen, until every document that matters has ended."""

from collections.abc import Collection
from contextlib import aclosing
from urllib.parse import quote

from service.commands.board import Board, applied
from service.commands.client import Client
from service.commands.follow import Jitter, follow
from service.commands.screen import Screen

MOST_BY_NAME = 100
"""The feed takes this many ids at once; for more, everything is heard and the rest let go."""

EVERYTHING = "/v1/feed/all"


async def watch(client: Client, board: Board, screen: Screen, *, jitter: Jitter) -> Board:
    """Shows every change; returns the board once all of its documents are final."""
    async with aclosing(follow(client, feed_path(board.only), jitter=jitter)) as story:
        async for heard in story:
            after = applied(board, heard)
            screen.show(board, after)
            board = after
            if board.all_final:
                return board
    raise AssertionError("a feed is followed until somebody stops listening")


def feed_path(ids: Collection[str] | None) -> str:
    """The narrowest feed that tells of all these documents."""
    if ids is None or not 0 < len(ids) <= MOST_BY_NAME:
        return EVERYTHING
    return "/v1/feed?" + "&".join(f"doc={quote(each, safe='')}" for each in sorted(ids))
