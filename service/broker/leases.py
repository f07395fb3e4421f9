"""Statements about who has which messages in hand, when several engines share one file.

A claimed message carries its engine's name and a number that the engine raises while it lives.
Whoever has seen that number stand still for long enough may take the message over. No clock is
read, so setting one makes no engine look dead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
    update,
)

from service.broker.lanes import look_again, next_lane, wake_lanes
from service.broker.message import Place, State
from service.broker.rapid import Rapid
from service.broker.records import entry_row
from service.broker.settlement import Entry
from service.broker.tables import log_entries, messages

__all__ = ["Lease", "PutBack", "Seen", "look", "next_due", "put_back", "renew", "set_back"]

MOST_HOSTS = 1000

_OPEN = messages.c.finished_at.is_(None)
_CLAIMED = and_(_OPEN, messages.c.place == Place.CLAIMED.value)
_RENEWED = (
    update(messages)
    .where(_CLAIMED, messages.c.holder == bindparam("engine"))
    .values(lease=messages.c.lease + 1)
    .returning(messages.c.sequence)
)
_OTHERS = select(messages.c.sequence, messages.c.holder, messages.c.lease).where(
    _CLAIMED, func.coalesce(messages.c.holder, "") != bindparam("engine")
)
_NEXT = Rapid(
    select(func.min(messages.c.due_at)).where(_OPEN, messages.c.place == Place.WAITING.value)
)
# Written out: a bound value would hide from SQLite that the partial index applies.
_ASIDE = messages.c.place == literal_column(f"'{Place.ASIDE.value}'")
# From host to host along the index: what lies aside for one of them may be very much.
_hosts = select(func.min(messages.c.host).label("host")).where(_ASIDE).cte(recursive=True)
_following = select(func.min(messages.c.host)).where(_ASIDE, messages.c.host > _hosts.c.host)
_hosts = _hosts.union_all(select(_following.scalar_subquery()).where(_hosts.c.host.is_not(None)))
_HOSTS = select(_hosts.c.host).where(_hosts.c.host.is_not(None)).limit(MOST_HOSTS)
_HELD = select(
    messages.c.sequence,
    messages.c.holder,
    messages.c.lease,
    messages.c.flow_key,
    messages.c.turn_of,
    messages.c.cancel_requested,
).where(_CLAIMED)
_BACK = (
    update(messages)
    .where(messages.c.sequence == bindparam("number"))
    .values(
        place=case((messages.c.flow_key.is_(None), Place.WAITING.value), else_=Place.PARKED.value),
        holder=None,
    )
)
_DROPPED = (
    update(messages)
    .where(messages.c.sequence == bindparam("number"))
    .values(place=Place.FINISHED.value, holder=None, finished_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A message in an engine's hand, as it was seen."""

    sequence: int
    holder: str | None
    number: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What an engine finds when it looks round."""

    others: frozenset[Lease]
    next_due_at: int | None
    lanes_at: int | None
    hosts_aside: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Messages that are in no living engine's hand any more: these, or one engine's, or all."""

    at: int
    leases: frozenset[Lease] = frozenset()
    holder: str | None = None
    everything: bool = False


def look(connection: Connection, engine: str) -> Seen:
    """What others have in hand, and what there is to do."""
    others = connection.execute(_OTHERS, {"engine": engine})
    return Seen(
        others=frozenset(Lease(sequence=n, holder=by, number=lease) for n, by, lease in others),
        next_due_at=next_due(connection),
        lanes_at=next_lane(connection),
        hosts_aside=tuple(connection.execute(_HOSTS).scalars()),
    )


def next_due(connection: Connection) -> int | None:
    """When the first of the messages that wait is due."""
    moment: int | None = _NEXT.value(connection)
    return moment


def renew(connection: Connection, engines: Sequence[str]) -> list[frozenset[int]]:
    """Tells that these engines live; gives the numbers of what they still have in hand."""
    return [
        frozenset(connection.execute(_RENEWED, {"engine": engine}).scalars()) for engine in engines
    ]


def set_back(connection: Connection, moments: Sequence[int]) -> list[None]:
    """After the clock was set back: nothing waits for a period that was begun before."""
    look_again(connection, now=min(moments))
    return [None for _ in moments]


def put_back(connection: Connection, wishes: Sequence[PutBack]) -> list[int]:
    """Lets others have what was in hand; says how many messages that were."""
    return [_put_back(connection, wish) for wish in wishes]


def _put_back(connection: Connection, wish: PutBack) -> int:
    rows = connection.execute(_HELD.where(_which(wish))).all()
    if wish.leases:
        rows = [
            row
            for row in rows
            if Lease(sequence=row.sequence, holder=row.holder, number=row.lease) in wish.leases
        ]
    again = [{"number": row.sequence} for row in rows if not row.cancel_requested]
    dropped = [row.sequence for row in rows if row.cancel_requested]
    if again:
        connection.execute(_BACK, again)
    if dropped:
        connection.execute(_DROPPED, [{"number": one, "at": wish.at} for one in dropped])
        entry = Entry(at=wish.at, state=State.CANCELED)
        connection.execute(insert(log_entries), [entry_row(entry, sequence=one) for one in dropped])
    wake_lanes(
        connection,
        queues=[row.turn_of for row in rows],
        keys=[row.flow_key for row in rows],
    )
    return len(rows)


def _which(wish: PutBack) -> ColumnElement[bool]:
    if wish.everything:
        return _OPEN
    if wish.holder is not None:
        return messages.c.holder == wish.holder
    return messages.c.sequence.in_([lease.sequence for lease in wish.leases])
