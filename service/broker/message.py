"""A message's life: what it is, its states, and the legal moves between them (pure)."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

from service.broker.destination import host_and_port_of
from service.broker.flow import FlowControl

__all__ = [
    "MOVES",
    "Callback",
    "Headers",
    "Message",
    "Options",
    "Place",
    "Redaction",
    "State",
    "legal",
]

Headers = tuple[tuple[str, str], ...]


class State(StrEnum):
    """The words of QStash's log; each entry of a message's log is one of these."""

    CREATED = "CREATED"
    ACTIVE = "ACTIVE"
    ERROR = "ERROR"
    RETRY = "RETRY"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    # One L: the SDKs know no other spelling, and one unknown state breaks a whole page of theirs.
    CANCELED = "CANCELED"


MOVES: Mapping[State, frozenset[State]] = {
    State.CREATED: frozenset({State.ACTIVE, State.CANCEL_REQUESTED}),
    State.ACTIVE: frozenset({State.DELIVERED, State.ERROR}),
    State.ERROR: frozenset({State.RETRY, State.FAILED, State.CANCELED}),
    State.RETRY: frozenset({State.ACTIVE, State.CANCEL_REQUESTED}),
    # A request meets a message that waits (CANCELED at once) or one whose attempt is under way;
    # that attempt is written down with its outcome, after the request.
    State.CANCEL_REQUESTED: frozenset({State.CANCELED, State.ACTIVE}),
    State.DELIVERED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELED: frozenset(),
}
"""From each state, the states that may come next in the message's log."""

FINAL = frozenset(state for state, following in MOVES.items() if not following)


def legal(states: Sequence[State]) -> bool:
    """Whether a message's log may read like this, oldest first."""
    if not states or states[0] is not State.CREATED:
        return False
    requested = False
    for before, after in pairwise(states):
        if after not in MOVES[before] or (requested and after is State.RETRY):
            return False
        requested = requested or after is State.CANCEL_REQUESTED
    return True


class Place(StrEnum):
    """Where a message lies in the store."""

    WAITING = "waiting"
    """Until its time comes."""

    QUEUED = "queued"
    """Until its queue gives it a turn."""

    PARKED = "parked"
    """Due, until its flow-control key lets it go."""

    ASIDE = "aside"
    """Due, until its destination may have more of its messages in an engine's memory."""

    CLAIMED = "claimed"
    """In the hands of the delivery engine."""

    FINISHED = "finished"
    """Delivered, failed or cancelled."""


class Redaction(Struct, frozen=True, kw_only=True):
    """What the API shows as a hash; deliveries use the original."""

    body: bool = False
    all_headers: bool = False
    headers: tuple[str, ...] = ()


class Callback(Struct, frozen=True, kw_only=True):
    """Where to tell how an attempt, or the whole message, ended; and how to tell it."""

    url: str
    method: str = "POST"
    headers: Headers = ()
    retries: int | None = None
    retry_delay: str | None = None
    timeout: int | None = None
    delay: int = 0


class Options(Struct, frozen=True, kw_only=True):
    """How a message is to be delivered; durations in seconds."""

    method: str = "POST"
    retries: int = 3
    retry_delay: str | None = None
    timeout: int | None = None
    callback: Callback | None = None
    failure_callback: Callback | None = None
    queue: str | None = None
    flow: FlowControl | None = None
    labels: tuple[str, ...] = ()
    redaction: Redaction | None = None
    group: str | None = None
    """The URL group it was published to, and which of its endpoints this is."""
    endpoint: str | None = None
    schedule: str | None = None
    """The schedule that made it."""


class Message(Struct, frozen=True, kw_only=True):
    """One body for one destination; times are microseconds since the epoch."""

    id: str
    url: str
    headers: Headers
    body: bytes
    options: Options
    created_at: int
    not_before: int
    due_at: int
    retried: int = 0
    caller_ip: str | None = None
    sequence: int = 0
    """Its number in the store; 0 until it lies there."""
    turn_of: str | None = None
    """The queue in which it has its turn; a callback prolongs that of its message."""
    start_by: int | None = None
    """When the period ends in which its flow-control key let it go."""

    @property
    def host(self) -> str:
        """Its destination as far as deliveries are concerned: name and port."""
        return host_and_port_of(self.url)
