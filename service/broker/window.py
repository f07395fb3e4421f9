"""What the delivery engine holds and may still take; no I/O, no clock of its own.

The window bounds the messages in memory, `Slots` the attempts of each flow-control key. Whoever
admits a message reserves its place first; when the store has kept it, the reservation becomes a
message, and when the store has not, it is withdrawn.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from service.broker.flow import Slots
from service.broker.message import Message, Place

__all__ = ["Reservation", "Window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Room kept for a claim: `due` messages of any kind, and parked ones by key."""

    due: int
    free: dict[str, int]

    @property
    def room(self) -> int:
        """How many messages may come of it."""
        return self.due + sum(self.free.values())


class Window:
    """Admission to the engine's memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._reserved = 0
        self._held: set[str] = set()
        self._slots = Slots()
        self._parked_meanwhile: set[str] = set()
        self.next_due: int | None = None
        """When the first of the messages that wait in the store is due."""

    @property
    def room(self) -> int:
        """How many more messages fit."""
        return self._size - self._reserved - len(self._held)

    def admit(self, message: Message, now: int) -> Place:
        """Where a new message is to lie; room is reserved for it when the engine takes it."""
        if message.due_at > now:
            return Place.WAITING
        flow = message.options.flow
        if flow is not None:
            self._slots.configure(flow)
            if self._slots.waits(flow.key) or not self._slots.take(flow):
                self.parked(message)
                return Place.PARKED
        if self.room <= 0 or self.is_due(now):
            # Those that wait already go first.
            self._give_back(message)
            return Place.WAITING
        self._reserved += 1
        return Place.CLAIMED

    def withdraw(self, message: Message, place: Place) -> None:
        """Forgets an admission the store has not kept."""
        if place is Place.CLAIMED:
            self._reserved -= 1
            self._give_back(message)

    def enter(self, message: Message) -> None:
        """Turns a reservation into a message in hand."""
        self._reserved -= 1
        self._held.add(message.id)

    def leave(self, message: Message) -> None:
        """Lets a message go, with the slot it had."""
        self._held.discard(message.id)
        self._give_back(message)

    def holds(self, ids: Iterable[str]) -> set[str]:
        """Which of these messages are in hand."""
        return self._held.intersection(ids)

    def is_due(self, now: int) -> bool:
        """Whether a message that waits in the store is due."""
        return self.next_due is not None and self.next_due <= now

    def notice(self, due_at: int | None) -> bool:
        """Notes that a message waits in the store; whether it is the first one now."""
        if due_at is None or (self.next_due is not None and self.next_due <= due_at):
            return False
        self.next_due = due_at
        return True

    def parked(self, message: Message) -> None:
        """Notes that a message waits in the store for a slot of its key."""
        if message.options.flow is not None:
            self._slots.wait(message.options.flow)
            self._parked_meanwhile.add(message.options.flow.key)

    def leaves_room_for_others(self, message: Message, now: int) -> bool:
        """Whether a claim is worth its commit when this message leaves."""
        flow = message.options.flow
        if flow is not None and self._slots.waits(flow.key):
            return True
        return self.is_due(now) and self.room + 1 >= self._size // 2

    def reserve(self, now: int) -> Reservation | None:
        """Room for a claim, or None when a claim would bring nothing."""
        free = self._slots.reserve(room=self.room)
        left = self.room - sum(free.values())
        # Claims by the handful would cost as many commits; half a window is worth one.
        due = left if self.is_due(now) and left >= self._size // 2 else 0
        if not free and not due:
            return None
        if due:
            self.next_due = None
        reservation = Reservation(due=due, free=free)
        self._reserved += reservation.room
        self._parked_meanwhile.clear()
        return reservation

    def return_unused(self, reservation: Reservation, used: Iterable[Message]) -> None:
        """Gives back what a claim did not bring; `used` came for the keys' slots."""
        taken = dict.fromkeys(reservation.free, 0)
        for message in used:
            if message.options.flow is not None:
                taken[message.options.flow.key] += 1
        for key, free in reservation.free.items():
            self._reserved -= free - taken[key]
            if free > taken[key]:
                self._slots.free(key, free - taken[key])

    def nothing_parked(self, keys: Iterable[str]) -> None:
        """Notes which keys have nothing parked; a message parked meanwhile knows better."""
        self._slots.nothing_waits(set(keys) - self._parked_meanwhile)

    def enter_due(self, message: Message) -> bool:
        """Takes a message that has become due; False when its key has no slot: park it."""
        flow = message.options.flow
        if flow is not None and (self._slots.waits(flow.key) or not self._slots.take(flow)):
            self._reserved -= 1
            self.parked(message)
            return False
        self.enter(message)
        return True

    def give_room_back(self, count: int) -> None:
        """Gives back room reserved for due messages that did not come."""
        self._reserved -= count

    def _give_back(self, message: Message) -> None:
        if message.options.flow is not None:
            self._slots.free(message.options.flow.key)
