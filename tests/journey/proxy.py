"""The network between a server and its QStash, when it carries requests and loses the answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.line import Fate, Line, arrives


class Proxy(Line):
    """Passes every byte on; answers only on connections that begin once it is told to."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._passing = False

    def pass_answers(self) -> None:
        """From now on nothing is lost any more."""
        self._passing = True

    def behind(self) -> int:
        return self._port

    def fates(self) -> tuple[Fate, Fate]:
        return arrives, arrives if self._passing else _lost


def _lost(_piece: bytes) -> bytes:
    return b""


@asynccontextmanager
async def answers_lost(port: int) -> AsyncIterator[Proxy]:
    """A way to this port on which answers are lost, until ``pass_answers``."""
    async with Proxy(port).listening() as proxy:
        yield proxy
