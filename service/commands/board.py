"""What was heard so far, as one frozen value: the reducer behind every view. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from service.commands.document import Document
from service.commands.heard import Changed, Connected, Disconnected, Heard, Reset, Snapshot

MOST_DOCUMENTS = 1000
"""Kept when everything is followed; the oldest finished ones make room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """`only` are the documents that matter, or `None` for all of them."""

    only: frozenset[str] | None
    documents: Mapping[str, Document] = field(default_factory=dict)
    complete: bool = False
    """A snapshot was heard to its end."""
    live: bool = False
    away_because: str = ""
    distrusted: bool = False
    """A reset came: positions heard before it mean nothing now."""
    named: Mapping[str, Document] = field(default_factory=dict)
    """The parts of a snapshot that has not ended yet."""

    @property
    def all_final(self) -> bool:
        """Whether each of the documents that matter has been heard of and has ended."""
        if self.only is None:
            return False
        found = [self.documents.get(each) for each in self.only]
        return all(document is not None and document.final for document in found)

    @property
    def any_ended_badly(self) -> bool:
        return any(
            document.final and document.status != "succeeded"
            for document in self.documents.values()
        )


def applied(board: Board, heard: Heard) -> Board:
    """The board after this."""
    match heard:
        case Connected():
            return replace(board, live=True, away_because="")
        case Disconnected(why):
            return replace(board, live=False, away_because=why, named={})
        case Reset():
            return replace(board, distrusted=True, named={})
        case Snapshot(documents, last):
            return _with_part(board, documents, last=last)
        case Changed(document):
            known = board.documents.get(document.id)
            if not _matters(board, document) or not _newer(document, known):
                return board
            return replace(
                board, documents=_bounded(board, {**board.documents, document.id: document})
            )


def changes(before: Board, after: Board) -> list[Document]:
    """The documents that are different now, by position.

    Of everything there is, the first snapshot only tells what is on the way: what ended before
    anybody watched is no change.
    """
    if before.documents is after.documents:
        return []
    history = after.only is None and not before.complete
    moved = [
        document
        for document in after.documents.values()
        if before.documents.get(document.id) != document and not (history and document.final)
    ]
    return sorted(moved, key=lambda document: document.position)


def counted(documents: Iterable[Document]) -> Mapping[str, int]:
    """How many documents there are in each state."""
    counts: dict[str, int] = {}
    for document in documents:
        counts[document.status] = counts.get(document.status, 0) + 1
    return counts


def in_view(board: Board, rows: int) -> list[Document]:
    """What fits: documents on the way first, then those that ended last; in a steady order."""
    moving = [each for each in board.documents.values() if not each.final]
    ended = [each for each in board.documents.values() if each.final]
    ended.sort(key=lambda each: each.position, reverse=True)
    shown = [*sorted(moving, key=_age), *ended][: max(rows, 1)]
    return sorted(shown, key=_age)


def _age(document: Document) -> tuple[str, str]:
    return (document.created_at, document.id)


def _with_part(board: Board, documents: tuple[Document, ...], *, last: bool) -> Board:
    named = dict(board.named)
    for document in documents:
        if _matters(board, document):
            known = None if board.distrusted else board.documents.get(document.id)
            named[document.id] = document if known is None or _newer(document, known) else known
    if not last:
        return replace(board, named=named)
    return replace(
        board, documents=_bounded(board, named), named={}, distrusted=False, complete=True
    )


def _matters(board: Board, document: Document) -> bool:
    return board.only is None or document.id in board.only


def _newer(document: Document, known: Document | None) -> bool:
    return known is None or document.position > known.position


def _bounded(board: Board, documents: Mapping[str, Document]) -> Mapping[str, Document]:
    if board.only is not None or len(documents) <= MOST_DOCUMENTS:
        return documents
    kept = sorted(documents.values(), key=lambda d: (d.final, -d.position))[:MOST_DOCUMENTS]
    return {document.id: document for document in kept}
