"""When each open document needs us next: a heap of duties, checked again when they are due."""

import heapq

import msgspec

from events.document.duties import Duty, Task, duties
from events.document.evolve import evolve
from events.document.policy import Policy
from events.document.state import Document
from events.store import Recorded, Unreadable


class Open(msgspec.Struct, frozen=True):
    """A document that is not at rest, its version, and when its newest event was recorded."""

    document: Document
    version: int
    heard_at: int


class Due(msgspec.Struct, frozen=True):
    """A duty whose time has come."""

    document: Document
    task: Task


class Agenda:
    """Follows documents event by event and says what is due.

    A duty that is handed out is not handed out again until the document moves or ``postpone``
    sets another time; so nothing is done twice at once, and nothing is forgotten.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._open: dict[str, Open] = {}
        self._heap: list[tuple[int, str, Task]] = []
        self._awaited: dict[str, dict[Task, int]] = {}
        """When each duty of each document is to be handed out; what the heap says else is past."""

    def __len__(self) -> int:
        return len(self._open)

    def start_with(self, document: Document, *, version: int, heard_at: int) -> None:
        """Take over a document as it is."""
        self._open[document.id] = Open(document, version, heard_at)
        self._arrange(document.id)

    def hear(self, event: Recorded) -> bool:
        """Take one more event into account; ``False`` if the document must be loaded first."""
        document_id = event.fact.document_id
        if isinstance(event.fact, Unreadable):
            self._let_go(document_id)  # what is not understood cannot be acted on
            return True
        before = self._open.get(document_id)
        if before is None and event.version > 1:
            return False
        if before is not None and event.version <= before.version:
            return True
        document = evolve(before.document if before else None, event.fact)
        self._open[document_id] = Open(document, event.version, event.recorded_at)
        self._arrange(document_id)
        return True

    def due(self, now: int, limit: int) -> list[Due]:
        """Up to ``limit`` duties whose time has come; each is handed out once."""
        found: list[Due] = []
        while self._heap and self._heap[0][0] <= now and len(found) < limit:
            at, document_id, task = heapq.heappop(self._heap)
            if self._awaited.get(document_id, {}).get(task) != at:
                continue  # the document has moved on since
            del self._awaited[document_id][task]
            found.append(Due(self._open[document_id].document, task))
        return found

    def next_at(self) -> int | None:
        """When the next duty may be due."""
        return self._heap[0][0] if self._heap else None

    def postpone(self, document_id: str, task: Task, at: int) -> None:
        """Hand the duty out again at ``at``, unless the document moves before."""
        current = self._open.get(document_id)
        if current is not None and any(duty.task is task for duty in self._duties(current)):
            self._await(document_id, Duty(at, task))

    def _duties(self, current: Open) -> list[Duty]:
        return duties(current.document, heard_at=current.heard_at, policy=self._policy)

    def _let_go(self, document_id: str) -> None:
        self._open.pop(document_id, None)
        self._awaited.pop(document_id, None)

    def _arrange(self, document_id: str) -> None:
        self._awaited[document_id] = {}
        open_duties = self._duties(self._open[document_id])
        for duty in open_duties:
            self._await(document_id, duty)
        if not open_duties:
            self._let_go(document_id)

    def _await(self, document_id: str, duty: Duty) -> None:
        self._awaited[document_id][duty.task] = duty.at
        heapq.heappush(self._heap, (duty.at, document_id, duty.task))
