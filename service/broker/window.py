"""What the delivery engine holds and may still take; no I/O, no clock of its own.

The window bounds the messages in memory, in number and in bytes. No destination may hold more of it
than it leaves free: one that is slow gets half, two get a third each, and there is always room for
another. What a destination may not hold lies aside in the store. Whoever admits a message reserves
its place first; when the store has kept it, the reservation becomes a message, and when the store
has not, it is withdrawn.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from service.broker.message import Message, Place

__all__ = ["Reservation", "Window"]

MOST_BYTES = 64 * 1024 * 1024
MOST_HOSTS = 100
"""How many destinations one claim may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Room kept for a claim: due messages, those let go by queues and keys, those aside by host."""

    due: int
    lanes: int
    aside: dict[str, int]

    @property
    def room(self) -> int:
        """How many messages may come of it."""
        return self.due + self.lanes + sum(self.aside.values())


class Window:
    """Admission to the engine's memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._reserved = 0
        self._bytes = 0
        self._held: dict[str, Message] = {}
        self._of_host: dict[str, int] = {}
        self._aside: dict[str, None] = {}
        self._aside_meanwhile: set[str] = set()
        self._crowded = False
        self.next_due: int | None = None
        """When the first of the messages that wait in the store is due."""
        self.lanes_at: int | None = None
        """When a queue or a flow-control key may let messages go."""

    @property
    def room(self) -> int:
        """How many more messages fit."""
        if self._bytes >= MOST_BYTES:
            return 0
        return self._size - self._reserved - len(self._held)

    @property
    def held(self) -> frozenset[int]:
        """The numbers of the messages in hand."""
        return frozenset(message.sequence for message in self._held.values())

    def admit(self, message: Message, now: int) -> Place:
        """Where a new message is to lie; room is reserved for it when the engine takes it."""
        if message.options.queue is not None:
            self.lanes_at = 0
            return Place.QUEUED
        if message.due_at > now:
            return Place.WAITING
        if message.options.flow is not None:
            self.lanes_at = 0
            return Place.PARKED
        if not self._has_share(message.host):
            self.aside(message)
            return Place.ASIDE
        self._reserved += 1
        self._count(message)
        return Place.CLAIMED

    def withdraw(self, message: Message, place: Place) -> None:
        """Forgets an admission the store has not kept."""
        if place is Place.CLAIMED:
            self._reserved -= 1
            self._uncount(message)

    def enter(self, message: Message) -> None:
        """Turns an admission into a message in hand."""
        self._reserved -= 1
        self._held[message.id] = message

    def take(self, message: Message) -> None:
        """Takes a message that a queue or a key has let go."""
        self._held[message.id] = message
        self._count(message)

    def take_due(self, message: Message) -> bool:
        """Takes a message that has become due; False when it has to lie aside."""
        if not self._has_share(message.host):
            return False
        self.take(message)
        return True

    def leave(self, message: Message) -> None:
        """Lets a message go."""
        if self._held.pop(message.id, None) is not None:
            self._uncount(message)
        self._crowded = False

    def holds(self, ids: Iterable[str]) -> set[str]:
        """Which of these messages are in hand."""
        return set(ids).intersection(self._held)

    def notice(self, due_at: int | None) -> bool:
        """Notes that a message waits in the store; whether it is the first one now."""
        if due_at is None or (self.next_due is not None and self.next_due <= due_at):
            return False
        self.next_due = due_at
        return True

    def notice_lanes(self, at: int | None) -> None:
        """Notes when a queue or a key may let messages go, if that is sooner than known."""
        if at is not None and (self.lanes_at is None or at < self.lanes_at):
            self.lanes_at = at

    def aside(self, message: Message) -> None:
        """Notes that a message lies aside until its destination may hold more."""
        self.aside_for(message.host)

    def aside_for(self, host: str) -> None:
        """Notes that messages for a destination lie aside."""
        self._aside[host] = None
        self._aside_meanwhile.add(host)

    def leave_nothing_out(self, hosts: Iterable[str]) -> None:
        """After a look at the store: who has something aside; and there may be room again."""
        for host in hosts:
            self.aside_for(host)
        self._crowded = False

    def crowded(self) -> None:
        """Notes that queues and keys could let go more than there is room for."""
        self._crowded = True

    def wants_more(self, now: int, *, starving: bool) -> bool:
        """Whether a claim is worth its commit."""
        return bool(self._lanes(now) or self._due(now, starving=starving) or self._hosts())

    def next_look(self) -> int | None:
        """When a claim may bring something."""
        moments = [self.next_due, None if self._crowded else self.lanes_at]
        return min((moment for moment in moments if moment is not None), default=None)

    def reserve(self, now: int, *, starving: bool) -> Reservation | None:
        """Room for a claim, or None when a claim would bring nothing."""
        lanes = self._lanes(now)
        self._reserved += lanes
        due = self._due(now, starving=starving)
        self._reserved += due
        aside: dict[str, int] = {}
        for host, free in self._hosts().items():
            granted = min(free, self.room)
            if granted > 0:
                aside[host] = granted
                self._reserved += granted
        reservation = Reservation(due=due, lanes=lanes, aside=aside)
        if not reservation.room:
            return None
        if due:
            self.next_due = None
        if lanes:
            self.lanes_at = None
        self._aside_meanwhile.clear()
        return reservation

    def release(self, reservation: Reservation) -> None:
        """Ends a reservation; what the claim has brought is taken one by one."""
        self._reserved -= reservation.room

    def nothing_aside(self, hosts: Iterable[str]) -> None:
        """Notes who has nothing aside; a message laid there meanwhile knows better."""
        for host in hosts:
            if host not in self._aside_meanwhile:
                self._aside.pop(host, None)

    def _lanes(self, now: int) -> int:
        if self._crowded or self.lanes_at is None or self.lanes_at > now or self.room <= 0:
            return 0
        return max(1, self.room // 2)

    def _due(self, now: int, *, starving: bool) -> int:
        if self.next_due is None or self.next_due > now or self.room <= 0:
            return 0
        # Claims by the handful would cost as many commits; a quarter of a window is worth one.
        half = self.room // 2
        return max(1, half) if starving or half >= self._size // 4 else 0

    def _hosts(self) -> dict[str, int]:
        """For destinations that have come down to a quarter of what they may hold: the rest."""
        found: dict[str, int] = {}
        room = self.room
        if room <= 0:
            return found
        for host in self._aside:
            held = self._of_host.get(host, 0)
            if held * 4 <= room:
                found[host] = max(1, (room - held) // 2)
            if len(found) >= MOST_HOSTS:
                break
        return found

    def _has_share(self, host: str) -> bool:
        return host not in self._aside and self._of_host.get(host, 0) < self.room

    def _count(self, message: Message) -> None:
        self._of_host[message.host] = self._of_host.get(message.host, 0) + 1
        self._bytes += len(message.body)

    def _uncount(self, message: Message) -> None:
        self._bytes -= len(message.body)
        left = self._of_host[message.host] - 1
        if left:
            self._of_host[message.host] = left
        else:
            del self._of_host[message.host]
