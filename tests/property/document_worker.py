"""A simulated worker: it reports progress, and it succeeds, fails, dies, or comes back too late."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from events.document import attempts
from events.document.answers import try_again
from events.document.facts import ProgressReported
from events.document.policy import SECOND
from tests.property.document_broker import Respond
from tests.property.document_rules import POLICY
from tests.property.document_witness import Cause

if TYPE_CHECKING:
    from events.document.facts import DocumentEvent
    from events.document.state import Document
    from tests.property.document_chaos import World

CRASHES = 0.22
HEARTBEATS = 5


class Worker:
    """One attempt of one process; when the process is gone, so is the worker."""

    def __init__(self, world: World, attempt_id: str, respond: Respond) -> None:
        assert world.document is not None
        self._world = world
        self._attempt_id = attempt_id
        self._respond = respond
        self._run = world.document.run
        self._process = world.process
        self._cause = Cause(attempt_id, claim_of=attempt_id)

    def begin(self) -> None:
        chance = self._world.chance
        crashes, hangs = chance.fault(CRASHES), chance.fault(0.15)
        beats = chance.whole(0, HEARTBEATS)
        if not hangs:
            for beat in range(1, beats + 1):
                self._later(beat * POLICY.lease // 3, self._report)
        working = beats * POLICY.lease // 3 + chance.between(0, 9)
        if hangs:
            working = POLICY.lease + chance.between(0, 150)
        if not crashes:
            self._later(working, self._finish)

    def _later(self, delay: int, action: Callable[[], None]) -> None:
        def alive() -> None:
            if self._world.process == self._process:
                action()

        self._world.later(delay, alive)

    def _report(self) -> None:
        def rule(document: Document, now: int) -> tuple[list[DocumentEvent], None]:
            event = ProgressReported(
                document_id=document.id,
                attempt_id=self._attempt_id,
                step="reading",
                pages_done=1,
                pages_total=3,
                lease_until=now + POLICY.lease,
            )
            return attempts.report_progress(document, event), None

        self._world.decide(rule, self._cause, lambda _: None)

    def _finish(self) -> None:
        self._world.decide(self._claim(), self._cause, self._answer)

    def _answer(self, decision: attempts.Decision | None) -> None:
        self._respond(try_again(5 * SECOND, "overloaded") if decision is None else decision.answer)

    def _claim(self) -> Callable[[Document, int], tuple[list[DocumentEvent], attempts.Decision]]:
        world = self._world
        well = world.temper == "good" or (world.temper == "flaky" and world.chance.whole(0, 1) == 1)
        well = well and not world.chance.fault(0.3)
        retryable = world.temper != "bad" or world.chance.whole(0, 1) == 1

        def rule(document: Document, now: int) -> tuple[list[DocumentEvent], attempts.Decision]:
            run, attempt_id = self._run, self._attempt_id
            if well:
                decision = world.rules.succeed(document, run=run, attempt_id=attempt_id, now=now)
            else:
                decision = world.rules.fail(
                    document, run=run, attempt_id=attempt_id, retryable=retryable, now=now
                )
            return list(decision.events), decision

        return rule
