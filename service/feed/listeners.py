"""Who listens to which document: three indexes, and each listener is in one of them."""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from projections.reads import Selection


class Listener(Protocol):
    """Wants to hear of the documents it selected."""

    @property
    def selection(self) -> Selection:
        """Which documents."""
        ...


L = TypeVar("L", bound=Listener)


class Listeners(Generic[L]):
    """Finds the listeners of a document without asking every one."""

    def __init__(self) -> None:
        self._by_document: dict[str, set[L]] = {}
        self._by_owner: dict[str, set[L]] = {}
        self._of_everything: set[L] = set()

    def add(self, listener: L) -> None:
        """From now on it hears."""
        for index, key in self._places(listener.selection):
            index.setdefault(key, set()).add(listener)
        if listener.selection == Selection():
            self._of_everything.add(listener)

    def discard(self, listener: L) -> None:
        """It hears no more."""
        for index, key in self._places(listener.selection):
            members = index.get(key, set())
            members.discard(listener)
            if not members:
                index.pop(key, None)
        self._of_everything.discard(listener)

    def of(self, document_id: str, owner: str) -> Iterator[L]:
        """Everybody who listens to this document."""
        yield from self._by_document.get(document_id, ())
        yield from self._by_owner.get(owner, ())
        yield from self._of_everything

    def any_of(self, document_id: str, owner: str) -> bool:
        """Whether anybody listens to this document."""
        return next(self.of(document_id, owner), None) is not None

    def _places(self, selection: Selection) -> Iterator[tuple[dict[str, set[L]], str]]:
        if selection.documents is not None:
            for document_id in selection.documents:
                yield self._by_document, document_id
        elif selection.owner is not None:
            yield self._by_owner, selection.owner
