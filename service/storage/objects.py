"""What a keeper of objects promises, whatever it keeps them in; pure, but for the protocol's verbs.

An object is there whole or not at all, is durable when a `put` returns, and keeps the bytes it was
given until it is deleted or put again.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_SEGMENT = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
_NAME = re.compile(rf"{_SEGMENT}(/{_SEGMENT})*", re.ASCII)
_LONGEST_NAME = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What was written: enough to say later whether it is still the same."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    name: str
    bytes: int
    modified_us: int


class ObjectMissing(Exception):
    """There is no object of this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is no object {name!r} in storage; was it deleted, or never put?")


class BadObjectName(ValueError):
    """A name that no keeper accepts, because some keeper could not keep it safely."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:200]!r} is no object name: use letters, digits, '.', '_' and '-' in segments "
            f"of at most 200 characters with '/' between them, none of which begins with a dot, "
            f"{_LONGEST_NAME} characters in all"
        )


class ObjectStore(Protocol):
    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> Stored:
        """Stores what the chunks add up to; if they raise, nothing is stored."""

    async def put_file(self, name: str, path: Path) -> Stored:
        """Stores a copy of a file."""

    def read(self, name: str, offset: int = 0) -> AsyncIterator[bytes]:
        """The object's bytes from an offset on; raises ObjectMissing at the first step."""

    def local_copy(self, name: str) -> AbstractAsyncContextManager[Path]:
        """A file with the object's bytes, to be read and not written, for as long as it is open."""

    async def size(self, name: str) -> int: ...

    async def delete(self, name: str) -> None:
        """Removes the object; that it is already gone is no error."""

    def list(self, folder: str = "") -> AsyncIterator[Listed]:
        """Every object whose name begins with the folder's segments, in no promised order."""

    def close(self) -> None:
        """Lets go of what it holds, after its last use; what is under way is waited for."""


def check_name(name: str) -> str:
    """The name itself; it cannot leave the folder or prefix it is put under."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise BadObjectName(name)
    return name
