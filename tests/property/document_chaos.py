"""One document in a world where everything goes wrong: a seeded simulation of the pure rules.

No I/O, no real clock: an agenda of (time, action), a log that is a list, a simulated QStash
(``document_broker``), and everybody who acts on a document: workers, two sweepers, people. Each of
them loads the log, decides by the rules on trial, and appends a moment later, so that others get
in between. The witness (``document_witness``) checks every append. A world is made by its seed; a
broken invariant prints its history.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TypeVar

from events.document import decisions
from events.document.answers import try_again
from events.document.evolve import evolve
from events.document.facts import (
    DocumentEvent,
    DocumentRegistered,
    TransportObserved,
)
from events.document.policy import DAY, SECOND
from events.document.receipt import Delivery, Start
from events.document.state import Document
from events.errors import Refused
from tests.fakes import START
from tests.property.document_broker import Broker, Respond
from tests.property.document_chance import Chance
from tests.property.document_rules import POLICY, Rules, retry
from tests.property.document_sweeper import Sweeper
from tests.property.document_witness import Broken, Cause, Witness
from tests.property.document_worker import Worker

DOCUMENT = "doc_1"
BOUND = 5 * DAY
"""Once nothing goes wrong any more: QStash's longest wait is a day, and a message has five."""
STEPS = 20_000
TRIES = 5

T = TypeVar("T")
Decided = tuple[Sequence[DocumentEvent], T]


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of a world's history."""

    now: int
    who: str
    event: DocumentEvent


class World:
    def __init__(self, seed: int, rules: Rules) -> None:
        self.seed = seed
        self.rules = rules
        self.chance = Chance(seed)
        self.now = START
        self.document: Document | None = None
        self.heard_at = START
        self.history: list[Happened] = []
        self.process = 0
        """Our process: a restart makes the next one, and what the last one had in mind is lost."""
        self.temper = self.chance.pick(("good", "good", "good", "good", "flaky", "bad"))
        """What becomes of the document when its worker lives: read, read at times, refused."""
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._made = 0
        self._witness = Witness(POLICY.attempt_budget)
        self.broker = Broker(self, document_id=DOCUMENT)
        self._sweepers = (Sweeper(self), Sweeper(self))

    def run(self) -> list[Happened]:
        """Live until nothing is left to do; raises ``Broken`` with the history."""
        try:
            self._live()
        except Broken as broken:
            raise Broken(f"seed {self.seed}: {broken}\n{self.told()}") from broken
        return self.history

    def told(self) -> str:
        return "\n".join(
            f"{(line.now - START) / SECOND:12.3f}  {line.who:<12} {line.event}"
            for line in self.history
        )

    def _live(self) -> None:
        self._store([_registered()], Cause("upload"))
        self._people()
        calm_at = self.chance.between(300, 7200)
        self.later(calm_at, self._calm_down)
        for _ in range(STEPS):
            if not self._agenda or self.now > START + calm_at + BOUND:
                break
            self.now, _, action = heappop(self._agenda)
            action()
        self._witness.ended(self.document)

    def _calm_down(self) -> None:
        self.chance.calm = True

    # Time, and the log.

    def later(self, delay: int, action: Callable[[], None]) -> None:
        self._made += 1
        heappush(self._agenda, (self.now + delay, self._made, action))

    def new_id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_{self._made}"

    def decide(
        self,
        rule: Callable[[Document, int], Decided[T]],
        cause: Cause,
        then: Callable[[T | None], None],
        *,
        tries: int = TRIES,
    ) -> None:
        """Load, decide, append a moment later, and again on a conflict.

        ``then`` hears what the rule said, or ``None`` when others were quicker every time. It hears
        nothing when the process dies in between.
        """
        loaded, version, process = self.document, len(self.history), self.process
        assert loaded is not None
        try:
            events, said = rule(loaded, self.now)
        except Refused:
            return
        if not events:
            then(said)
            return

        def store() -> None:
            if self.process != process or self.chance.fault(0.01):
                return
            if self.rules.may_append(version, len(self.history)):
                self._store(events, cause)
                if not self.chance.fault(0.01):
                    then(said)
            elif tries > 1:
                self.decide(rule, cause, then, tries=tries - 1)
            else:
                then(None)

        stalled = self.chance.fault(0.03)
        self.later(self.chance.between(0, 20 if stalled else 0.3), store)

    def _store(self, events: Sequence[DocumentEvent], cause: Cause) -> None:
        before = self.document
        for event in events:
            self.history.append(Happened(self.now, cause.who, event))
            self.document = evolve(self.document, event)
        self.heard_at = self.now
        assert self.document is not None
        self._witness.appended(before, self.document, events, cause=cause, now=self.now)
        for sweeper in self._sweepers:
            sweeper.plan()

    # QStash comes to us.

    def arrive(self, delivery: Delivery, respond: Respond) -> None:
        """A signed request: start an attempt or answer."""
        if self.chance.fault(0.03):
            return
        start = Start(attempt_id=self.new_id("attempt"), node="n", code_version="1")

        def rule(document: Document, now: int) -> Decided[Callable[[], None]]:
            receipt = self.rules.receive(document, delivery, start=start, now=now)

            def act() -> None:
                if receipt.answer is None:
                    Worker(self, start.attempt_id, respond).begin()
                    return
                self._witness.answered(delivery)
                respond(receipt.answer)

            return receipt.events, act

        def then(act: Callable[[], None] | None) -> None:
            if act is None:
                respond(try_again(5 * SECOND, "overloaded"))
            else:
                act()

        self.decide(rule, Cause("delivery", delivery=delivery), then)

    def notice(self, event: TransportObserved) -> None:
        """A callback, a failure callback, or what an inquiry brought back."""
        self.decide(
            lambda document, _: (self.rules.observe(document, event), None),
            Cause(event.kind, notice=True),
            lambda _: None,
        )

    # People, and accidents.

    def _people(self) -> None:
        wishes = (
            (0.2, 120, self._cancel),
            (0.1, 60, self._change_of_mind),
            (0.3, 600, self._retry),
            (0.3, 3600, self._retry),
            (0.15, 120, self._restart),
        )
        for probability, within, wish in wishes:
            if self.chance.fault(probability):
                self.later(self.chance.between(0, within), wish)
        if self.seed % 5 == 0:
            self.later(600 * (1 + self.seed % 7) * SECOND, self._erase)

    def _cancel(self) -> None:
        self.decide(
            lambda document, now: (
                decisions.request_cancel(document, by="ann", reason="", now=now),
                None,
            ),
            Cause("cancel"),
            lambda _: None,
        )

    def _change_of_mind(self) -> None:
        """Cancel, and start again while the cancelled run's message is still on its way."""
        self._cancel()
        self.later(self.chance.between(0, 20), self._retry)

    def _retry(self) -> None:
        self.decide(
            lambda document, now: (retry(document, now), None),
            Cause("retry"),
            lambda _: None,
        )

    def _erase(self) -> None:
        self.decide(
            lambda document, now: (decisions.erase(document, by="ann", reason="", now=now), None),
            Cause("erase"),
            lambda _: None,
        )

    def _restart(self) -> None:
        self.process += 1
        self.decide(
            lambda document, now: (self.rules.expire(document, now=now, restart=True), None),
            Cause("restart"),
            lambda _: None,
        )


def _registered() -> DocumentRegistered:
    return DocumentRegistered(
        document_id=DOCUMENT,
        sha256="00",
        bytes=1,
        content_type="application/pdf",
        blob_ref="blobs/1",
        name="a.pdf",
        owner="ann",
        source="upload",
        processor="none",
        received_at=START,
    )
