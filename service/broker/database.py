"""Opens the broker's SQLite file: one connection that writes, some that read."""

from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from service.broker.destination import FUNCTIONS

__all__ = ["LOCK_SECONDS", "READERS", "WRITES", "open_database", "wait_for_others"]

READERS = 2
WRITES = "broker_writes"
"""The execution option of the one connection that writes."""

LOCK_SECONDS = 10.0
"""How long a connection waits while another engine writes."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # Every acknowledged write survives a power cut.
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={LOCK_SECONDS * 1000:.0f}",
    "PRAGMA cache_size=-16000",
    "PRAGMA journal_size_limit=67108864",
)


def open_database(path: Path) -> Engine:
    """An engine over the file, which has to exist with the broker's schema in it."""
    # It holds signing keys, and SQLite gives the same mode to the files beside it.
    path.chmod(0o600)
    engine = create_engine(
        URL.create("sqlite", database=str(path)), pool_size=READERS + 1, max_overflow=0
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def wait_for_others(connection: Connection, patient: bool) -> None:
    """Whether the connection waits while another engine writes, or is refused at once."""
    seconds = LOCK_SECONDS if patient else 0
    connection.connection.cursor().execute(f"PRAGMA busy_timeout={seconds * 1000:.0f}")


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself; `_begin` does.
    connection.isolation_level = None
    for name, function in FUNCTIONS.items():
        connection.create_function(name, 1, function, deterministic=True)
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later could be refused in its middle.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.connection.cursor().execute("BEGIN IMMEDIATE" if writes else "BEGIN")
