"""A simulated sweeper: it acts on a document's duties when they are due, some time later."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from events.document import decisions
from events.document.duties import Task
from events.document.facts import (
    DeliveryState,
    DocumentEvent,
    Enqueued,
    EnqueueRequested,
    PublishFailed,
    TransportObserved,
)
from tests.property.document_rules import POLICY
from tests.property.document_witness import Cause

if TYPE_CHECKING:
    from events.document.state import Document
    from tests.property.document_broker import Published
    from tests.property.document_chaos import World

IN_FLIGHT = ("created", "active", "retry")
CAUSE = Cause("sweeper")


class Sweeper:
    def __init__(self, world: World) -> None:
        self._world = world
        self._planned: int | None = None

    def plan(self, gap: int = 0) -> None:
        """Come when the next duty is due, after ``gap``, and never on the dot."""
        world = self._world
        if world.document is None:
            return
        duties = world.rules.duties(world.document, world.heard_at)
        if not duties:
            return
        at = max(min(duty.at for duty in duties), world.now + gap) + world.chance.between(0, 10)
        if self._planned is None or at < self._planned:
            self._planned = at
            world.later(at - world.now, partial(self._sweep, at))

    def _sweep(self, at: int) -> None:
        if self._planned != at:
            return
        self._planned = None
        if not self._world.chance.fault(0.1):
            for task in self._due(self._world.document):
                self._act(task)
        self.plan(self._world.chance.between(60, 300))

    def _due(self, document: Document | None) -> list[Task]:
        world = self._world
        assert document is not None
        duties = world.rules.duties(document, world.heard_at)
        return [duty.task for duty in duties if duty.at <= world.now]

    def _act(self, task: Task) -> None:
        world = self._world
        document = world.document
        assert document is not None
        match task:
            case Task.PUBLISH:
                self._request(task)
            case Task.REPUBLISH if document.publishing is not None:
                self._publish(document.run, document.publish_no, document.publishing.dedup_id)
            case Task.EXPIRE:
                world.decide(
                    lambda document, now: (
                        world.rules.expire(document, now=now, restart=False),
                        None,
                    ),
                    CAUSE,
                    lambda _: None,
                )
            case Task.ERASE:
                world.decide(
                    lambda document, _: (decisions.complete_erasure(document), None),
                    CAUSE,
                    lambda _: None,
                )
            case _ if not world.chance.fault(0.2):  # else QStash cannot be asked now
                self._tidy(task, document)

    def _tidy(self, task: Task, document: Document) -> None:
        world = self._world
        match task:
            case Task.INQUIRE:
                self._inquire(document)
            case Task.WITHDRAW if document.withdraw is not None:
                world.broker.withdraw(document.withdraw)
                world.notice(_observed(document, "withdrawal", document.withdraw, "cancelled"))
            case Task.CLEAR_DEAD_LETTER if document.dlq_id is not None:
                world.broker.remove_dead_letter(document.dlq_id)
                world.decide(
                    lambda document, _: (decisions.dlq_entry_removed(document), None),
                    CAUSE,
                    lambda _: None,
                )
            case _:
                pass

    def _request(self, task: Task) -> None:
        """Record that we are about to publish, unless somebody else was quicker; then publish."""

        def rule(document: Document, now: int) -> tuple[list[DocumentEvent], list[DocumentEvent]]:
            if task not in self._due(document):
                return [], []
            events = decisions.request_enqueue(
                document, destination="http://n/process", policy=POLICY, now=now
            )
            return events, events

        def then(events: list[DocumentEvent] | None) -> None:
            for event in events or ():
                if isinstance(event, EnqueueRequested):
                    self._publish(event.run, event.publish_no, event.dedup_id)

        self._world.decide(rule, CAUSE, then)

    def _publish(self, run: int, publish_no: int, dedup_id: str) -> None:
        world, chance = self._world, self._world.chance
        if chance.fault(0.08):
            self._failed(run, publish_no, ambiguous=False)
            return
        if chance.fault(0.08):
            self._failed(run, publish_no, ambiguous=True)
            return
        published = world.broker.publish(run=run, dedup_id=dedup_id)
        if chance.fault(0.1):
            self._failed(run, publish_no, ambiguous=True)
        elif not chance.fault(0.05):
            delay = chance.between(0, 4)
            world.later(delay, lambda: self._enqueued(run, publish_no, published))

    def _enqueued(self, run: int, publish_no: int, published: Published) -> None:
        event = Enqueued(
            document_id="doc_1",
            run=run,
            publish_no=publish_no,
            message_id=published.message_id,
            deduplicated=published.deduplicated,
            transport="local",
            transport_retries=5,
        )
        self._world.decide(
            lambda document, _: (decisions.record_enqueued(document, event), None),
            CAUSE,
            lambda _: None,
        )

    def _failed(self, run: int, publish_no: int, *, ambiguous: bool) -> None:
        event = PublishFailed(
            document_id="doc_1",
            run=run,
            publish_no=publish_no,
            error_class="TimeoutError" if ambiguous else "Refused",
            error_message="",
            http_status=None if ambiguous else 500,
            ambiguous=ambiguous,
            next_publish_at=self._world.now + self._world.chance.between(1, 60),
        )
        self._world.decide(
            lambda document, _: (decisions.record_publish_failed(document, event), None),
            CAUSE,
            lambda _: None,
        )

    def _inquire(self, document: Document) -> None:
        """Note where the newest message is; publish again if nobody will deliver it."""
        world = self._world
        message_id = document.message_ids[-1] if document.message_ids else None
        state = world.broker.state(message_id) if message_id else None
        if message_id is not None and state is not None:
            world.notice(
                _observed(
                    document, "log_poll", message_id, state, world.broker.dead_letter(message_id)
                )
            )
        if state not in IN_FLIGHT:
            self._request(Task.INQUIRE)


def _observed(
    document: Document,
    kind: str,
    message_id: str,
    state: DeliveryState,
    dlq_id: str | None = None,
) -> TransportObserved:
    return TransportObserved(
        document_id=document.id,
        kind="withdrawal" if kind == "withdrawal" else "log_poll",
        message_id=message_id,
        state=state,
        status=None,
        retried=0,
        max_retries=None,
        dlq_id=dlq_id,
        final=state not in IN_FLIGHT,
    )
