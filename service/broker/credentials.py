"""The tokens and the signing keys: made at the first start, kept in the data folder.

Each token lies in a file only its owner can read; the keys live in the broker's own database,
because a rotation has to survive.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.broker.database import WRITES, open_database
from service.broker.keys import fresh_keys, load_or_keep

__all__ = ["TOKEN_FILE", "Credentials", "NoToken", "open_credentials"]

TOKEN_FILE = "broker.token"  # noqa: S105 - the name of the file
READ_ONLY_TOKEN_FILE = "broker.read-only.token"  # noqa: S105 - the name of the file


class NoToken(ValueError):
    """A token's file has none in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client of the broker needs; the values that QStash's console shows."""

    token: str
    read_only_token: str
    current_signing_key: str
    next_signing_key: str


def open_credentials(*, folder: Path, database: Path, new_secret: Callable[[], str]) -> Credentials:
    """The credentials of this data folder; `new_secret` makes them when there are none.

    The database has to hold the broker's schema. Call it before the broker is started. Raises
    `NoToken`, and what the system and SQLite have to say.
    """
    engine = open_database(database)
    try:
        writing = engine.connect().execution_options(**{WRITES: True})
        with writing, writing.begin():
            (keys,) = load_or_keep(writing, [fresh_keys(new_secret)])
    finally:
        engine.dispose()
    return Credentials(
        token=_token(folder / TOKEN_FILE, new_secret),
        read_only_token=_token(folder / READ_ONLY_TOKEN_FILE, new_secret),
        current_signing_key=keys.current,
        next_signing_key=keys.next,
    )


def _token(path: Path, new_secret: Callable[[], str]) -> str:
    if not path.exists():
        _keep(path, new_secret())
    token = path.read_text().strip()
    if not token:
        raise NoToken(f"{path} is empty; remove it to have a new token made")
    return token


def _keep(path: Path, token: str) -> None:
    # Complete before it has its name: a crash must not leave half a token behind.
    unfinished = path.with_suffix(".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
