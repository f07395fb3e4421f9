"""What the feed says, and what happens to its connection: one value each."""

from dataclasses import dataclass

from service.commands.document import Document


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A part of everything selected; after the `last` part, what was not named is not there."""

    documents: tuple[Document, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Changed:
    document: Document


@dataclass(frozen=True, slots=True)
class Reset:
    """What was heard so far may be wrong; a snapshot follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The feed is live."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The feed is away, and what is shown may be old."""

    why: str


Heard = Snapshot | Changed | Reset | Connected | Disconnected
