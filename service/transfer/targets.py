"""What every kind of export can do: take events in order, and go on where it stopped."""

import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from events.errors import WaybillError
from events.store import Stored


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The log that is exported: its name, and where its events begin."""

    epoch: str
    first: int
    chain_before: bytes | None
    """What the first event is sealed to; ``None`` when that is archived."""


class Reached(msgspec.Struct, frozen=True):
    """The last event that an export holds whole, and the chain value there, if it is known."""

    position: int
    chain: bytes | None


class NotOurs(WaybillError):
    """What lies at the target cannot be continued; the text says why and what to do."""

    def __init__(
        self, path: Path, why: str, *, repair: str = "choose another name, or remove it first"
    ) -> None:
        super().__init__(f"{path}: {why}; {repair}")


class Target(Protocol):
    """Where exported events go: in order, and without those that it holds already."""

    @property
    def reached(self) -> Reached:
        """How far it goes already."""
        ...

    def write(self, page: Sequence[Stored]) -> None:
        """Take the events that follow."""
        ...

    def close(self) -> None:
        """Make all of it durable."""
        ...


def begun(origin: Origin) -> Reached:
    """How far an export goes that holds nothing yet."""
    return Reached(origin.first - 1, origin.chain_before)


def shown(chain: bytes | None) -> str | None:
    """A chain value as text."""
    return None if chain is None else chain.hex()


def from_text(chain: str | None) -> bytes | None:
    """The chain value that this text shows; raises ``ValueError``."""
    return None if chain is None else bytes.fromhex(chain)


def keep_alone(descriptor: int, path: Path) -> None:
    """Two exports at once would tear each other's work; raises ``NotOurs`` for the second one."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NotOurs(path, "another export is writing it", repair="wait for that one") from None


def check_epoch(path: Path, *, found: str, wanted: str) -> None:
    """Refuse to mix two logs in one place; raises ``NotOurs``."""
    if found != wanted:
        raise NotOurs(path, f"it holds another log ({found}, and this one is {wanted})")
