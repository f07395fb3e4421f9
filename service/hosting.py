"""Serves an ASGI application on a socket: uvicorn, with our own start and stop."""

import asyncio
import errno
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

BACKLOG = 2048
SWITCH_SECONDS = 0.0005
"""How long the event loop may keep a thread waiting that comes back from the disk. Python's own
5 ms are longer than the disk takes."""
COLLECT_EVERY = (50_000, 20, 50)
"""Garbage is looked for every so many new objects. The usual 700 cost a tenth of the time under
load, to find next to nothing."""
KEEP_ALIVE_SECONDS = 75
SEND_BUFFER_BYTES = 32 * 1024
UNSENT_BYTES = 16 * 1024
DEAD_PEER_MS = 45_000


def tune_interpreter() -> None:
    """Set Python up for one busy loop beside threads that wait for the disk; once per process."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()  # what is there now stays; it need not be looked at again
    gc.set_threshold(*COLLECT_EVERY)


class AddressUnusable(Exception):
    """Nobody can listen there; the text says where, why, and what to do."""

    def __init__(self, host: str, port: int, error: OSError, *, instead: str) -> None:
        where = f"port {port or 'any'} of {host}"
        if error.errno == errno.EADDRINUSE:
            text = (
                f"{where} is taken, perhaps by another Waybill; stop that one, or take any free "
                f"port with {instead.format(0)}"
            )
        else:
            why = (error.strerror or "no permission").lower()
            text = f"cannot listen on {where}: {why}; choose another with {instead.format('N')}"
        super().__init__(text)
        self.taken = error.errno == errno.EADDRINUSE


def bind(host: str, port: int, *, instead: str = "--port {}") -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises ``AddressUnusable``.

    ``instead`` says how another port is chosen. What is set here holds for every connection: a
    reader that stalls may fill little of the kernel's memory, and a peer that vanished is noticed
    within a minute.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _set(listening, socket.IPPROTO_TCP, "TCP_NODELAY", 1)
        _set(listening, socket.SOL_SOCKET, "SO_SNDBUF", SEND_BUFFER_BYTES)
        _set(listening, socket.IPPROTO_TCP, "TCP_NOTSENT_LOWAT", UNSENT_BYTES)
        _set(listening, socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", DEAD_PEER_MS)
        _set(listening, socket.SOL_SOCKET, "SO_KEEPALIVE", 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise AddressUnusable(host, port, error, instead=instead) from error
    return listening


def address_of(listening: socket.socket, host: str) -> str:
    """The URL under which the socket is reached on this machine."""
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def hosted(
    app: Any, listening: socket.socket, *, grace_seconds: float
) -> AsyncIterator[None]:
    """Serve ``app`` while the context is open; it is ready when the context begins."""
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(grace_seconds)),
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="http-server")
    try:
        await server.ready_or(serving)
        yield
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def stop_signals() -> AsyncIterator[asyncio.Event]:
    """An event that is set by the first SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: who stops first is decided by ``service.app``."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready.set()

    async def ready_or(self, serving: "asyncio.Task[None]") -> None:
        """Return when requests are answered; raise if the server ended instead."""
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, serving}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if serving.done() or self.should_exit:
            await serving
            raise RuntimeError("the HTTP server did not start; the log says why")


def _set(listening: socket.socket, level: int, name: str, value: int) -> None:
    option = getattr(socket, name, None)
    if option is None:
        return  # not on this system
    try:
        listening.setsockopt(level, option, value)
    except OSError as error:
        if error.errno not in (errno.ENOPROTOOPT, errno.EINVAL):
            raise
