"""The duties besides publishing: end silent attempts, ask for lost messages, tidy up, erase."""

from collections.abc import Awaitable, Callable

import structlog

from events.document import decisions
from events.document.attempts import expire
from events.document.duties import Task
from events.document.facts import TransportObserved
from events.document.state import Document
from service.documents import Documents
from service.enqueuing import Enqueuer
from service.publisher import Publisher

log = structlog.get_logger(__name__)

REMEMBERED = 10_000
"""Documents whose number of inquiries is remembered."""
LONGEST_INQUIRY = 3_600_000_000
"""How long to wait at most before asking for the same message again, in microseconds."""


Doer = Callable[[Document], Awaitable[int | None]]
"""Does a duty; gives a delay in microseconds if it must be looked at again."""


class Errands:
    """Does one duty for one document."""

    def __init__(
        self, documents: Documents, publisher: Publisher, enqueuer: Enqueuer, *, erase: Doer
    ) -> None:
        self._documents = documents
        self._enqueuer = enqueuer
        self._publisher = publisher
        self._asked: dict[str, int] = {}
        self._doers: dict[Task, Doer] = {
            Task.EXPIRE: self._expire,
            Task.INQUIRE: self._inquire,
            Task.WITHDRAW: self._withdraw,
            Task.CLEAR_DEAD_LETTER: self._clear_dead_letter,
            Task.ERASE: erase,
        }

    async def do(self, task: Task, document: Document) -> int | None:
        """Do the duty; a delay in microseconds if it must be looked at again.

        Raises ``Unreachable`` when QStash does not answer.
        """
        return await self._doers[task](document)

    async def _expire(self, document: Document) -> None:
        await self._documents.apply(
            document.id,
            lambda found, now: expire(
                found, now=now, policy=self._documents.policy, detected_by="sweeper"
            ),
        )

    async def _inquire(self, document: Document) -> int | None:
        if document.message_ids and await self._publisher.has_message(document.message_ids[-1]):
            if len(self._asked) >= REMEMBERED:
                self._asked.clear()  # then some are asked for sooner than they would be
            asked = self._asked[document.id] = self._asked.get(document.id, 0) + 1
            return min(self._documents.policy.patience << min(asked, 10), LONGEST_INQUIRY)
        self._asked.pop(document.id, None)
        log.warning("QStash does not know a message any more", document=document.id)
        await self._enqueuer.request(document)
        return None

    async def _withdraw(self, document: Document) -> None:
        if document.withdraw is None:
            return
        found = await self._publisher.withdraw(document.withdraw)
        event = TransportObserved(
            document_id=document.id,
            kind="withdrawal",
            message_id=document.withdraw,
            state="cancelled",
            status=None if found else 404,
            retried=0,
            max_retries=None,
            dlq_id=None,
            final=True,
        )
        await self._documents.apply(
            document.id, lambda current, _now: decisions.observe(current, event)
        )

    async def _clear_dead_letter(self, document: Document) -> None:
        if document.dlq_id is None:
            return
        await self._publisher.remove_dead_letter(document.dlq_id)
        await self._documents.apply(
            document.id, lambda current, _now: decisions.dlq_entry_removed(current)
        )
