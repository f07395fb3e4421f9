"""A simulated QStash: it delivers at least once, and everything around it may get lost.

Publishes are lost or ambiguous, requests and replies vanish, signed requests come twice, a try that
takes too long counts as failed, and what is given up lies in the dead letter queue until somebody
presses Retry there, which makes a new message with the same body.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from events.document.answers import Answer
from events.document.facts import DeliveryState, TransportObserved
from events.document.policy import SECOND
from events.document.receipt import Delivery
from tests.property.document_chance import Chance

MINUTE = 60 * SECOND
TRY_TIMEOUT = 60 * SECOND
DEDUPLICATION_WINDOWS = (10 * MINUTE, 90 * 24 * 60 * MINUTE)
"""What the documentation says, and what older answers of the staff say: both must do."""

Respond = Callable[[Answer], None]


@dataclass(slots=True)
class Message:
    """One message at QStash."""

    id: str
    run: int
    retried: int = 0
    state: DeliveryState = "created"
    dlq_id: str | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    message_id: str
    deduplicated: bool


class Surroundings(Protocol):
    """What QStash needs of the world: time, and our two doors."""

    now: int
    chance: Chance

    def later(self, delay: int, action: Callable[[], None]) -> None: ...
    def new_id(self, kind: str) -> str: ...
    def arrive(self, delivery: Delivery, respond: Respond) -> None: ...
    def notice(self, event: TransportObserved) -> None: ...


class Broker:
    def __init__(self, world: Surroundings, *, document_id: str) -> None:
        self._world = world
        self._document_id = document_id
        self._retries = world.chance.whole(0, 5)
        self._window = world.chance.pick(DEDUPLICATION_WINDOWS)
        self._messages: dict[str, Message] = {}
        self._deduplicated: dict[str, tuple[int, str]] = {}
        self._dead_letters: dict[str, Message] = {}

    def publish(self, *, run: int, dedup_id: str) -> Published:
        """Take a message, unless its id was seen within the window."""
        earlier = self._deduplicated.get(dedup_id)
        if earlier is not None and self._world.now < earlier[0] + self._window:
            return Published(earlier[1], deduplicated=True)
        message = self._new_message(run)
        self._deduplicated[dedup_id] = (self._world.now, message.id)
        return Published(message.id, deduplicated=False)

    def state(self, message_id: str) -> DeliveryState | None:
        message = self._messages.get(message_id)
        return message.state if message else None

    def dead_letter(self, message_id: str) -> str | None:
        message = self._messages.get(message_id)
        return message.dlq_id if message else None

    def withdraw(self, message_id: str) -> None:
        """Ask for a message's end; it is honoured at its next delivery time."""
        if message_id in self._messages:
            self._messages[message_id].withdrawn = True

    def remove_dead_letter(self, dlq_id: str) -> None:
        message = self._dead_letters.pop(dlq_id, None)
        if message is not None:
            message.dlq_id = None

    def _new_message(self, run: int) -> Message:
        message = Message(self._world.new_id("msg"), run)
        self._messages[message.id] = message
        self._world.later(self._world.chance.between(0, 3), lambda: self._try(message))
        return message

    def _try(self, message: Message) -> None:
        if message.withdrawn:
            message.state = "cancelled"
            return
        message.state = "active"
        world, chance = self._world, self._world.chance
        delivery = Delivery(
            run=message.run,
            message_id=message.id,
            retried=message.retried,
            jti=world.new_id("jwt"),
            signing_key="current",
            signed_at=world.now,
            body_sha256="00",
        )
        settle = self._settle_once(message)
        world.later(TRY_TIMEOUT, lambda: settle(None))
        if not chance.fault(0.04):
            world.later(
                chance.between(0, 1), lambda: world.arrive(delivery, self._reply_to(settle))
            )
        if chance.fault(0.06):
            world.later(chance.between(0, 2), lambda: world.arrive(delivery, ignore))
        if chance.fault(0.12):
            world.later(chance.between(1, 300), lambda: world.arrive(delivery, ignore))

    def _reply_to(self, settle: Callable[[Answer | None], None]) -> Respond:
        def reply(answer: Answer) -> None:
            if not self._world.chance.fault(0.06):
                self._world.later(self._world.chance.between(0, 1), lambda: settle(answer))

        return reply

    def _settle_once(self, message: Message) -> Callable[[Answer | None], None]:
        open_try = [True]

        def settle(answer: Answer | None) -> None:
            if open_try:
                open_try.clear()
                self._settle(message, answer)

        return settle

    def _settle(self, message: Message, answer: Answer | None) -> None:
        status = answer.status if answer else None
        if status == 200:
            message.state = "delivered"
            self._notify(message, "callback", status, final=True)
        elif status == 489 or message.retried >= self._retries:
            self._give_up(message, status)
        else:
            self._notify(message, "callback", status, final=False)
            message.retried += 1
            message.state = "retry"
            delay = self._backoff(message, answer)
            self._world.later(delay, lambda: self._try(message))

    def _backoff(self, message: Message, answer: Answer | None) -> int:
        if answer is not None and answer.retry_after_s is not None:
            return answer.retry_after_s * SECOND
        return int(min(12.2**message.retried, 86_400) * SECOND)

    def _give_up(self, message: Message, status: int | None) -> None:
        message.state = "failed"
        message.dlq_id = self._world.new_id("dlq")
        self._dead_letters[message.dlq_id] = message
        self._notify(message, "failure_callback", status, final=True)
        dlq_id = message.dlq_id
        if self._world.chance.fault(0.15):
            self._world.later(
                self._world.chance.between(5, 3600), lambda: self._press_retry(dlq_id)
            )

    def _press_retry(self, dlq_id: str) -> None:
        if dlq_id in self._dead_letters and not self._world.chance.calm:
            message = self._dead_letters.pop(dlq_id)
            message.dlq_id = None
            self._new_message(message.run)

    def _notify(
        self,
        message: Message,
        kind: Literal["callback", "failure_callback"],
        status: int | None,
        *,
        final: bool,
    ) -> None:
        """Callbacks are messages of their own: they come once, late, twice, or never."""
        event = TransportObserved(
            document_id=self._document_id,
            kind=kind,
            message_id=message.id,
            state=message.state if final else "error",
            status=status,
            retried=message.retried,
            max_retries=self._retries,
            dlq_id=message.dlq_id,
            final=final,
        )
        copies = 0 if self._world.chance.fault(0.25) else 2 if self._world.chance.fault(0.2) else 1
        for _ in range(copies):
            delay = self._world.chance.between(0, 300 if self._world.chance.fault(0.3) else 2)
            self._world.later(delay, lambda: self._world.notice(event))


def ignore(_: Answer) -> None:
    """Nobody hears the answer to a doubled or replayed request."""
