"""Statements that take new messages in; a duplicate is told, not kept."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, func, insert, literal, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from service.broker.flow_keys import configure
from service.broker.message import Message, Place, State
from service.broker.queues import ensure_queues
from service.broker.rapid import Rapid, among, listed
from service.broker.records import message_row
from service.broker.tables import deduplication, log_entries, messages

__all__ = ["Arrival", "Arrived", "Kept", "add", "insert_messages"]

_LAST = Rapid(select(func.coalesce(func.max(messages.c.sequence), 0)))
_KNOWN = Rapid(select(deduplication).where(among(deduplication.c.name, "names")))
_NEW_MESSAGE = Rapid(insert(messages))
_CREATED = Rapid(
    insert(log_entries).from_select(
        ["sequence", "at", "state"],
        select(messages.c.sequence, messages.c.created_at, literal(State.CREATED.value))
        .where(messages.c.sequence > bindparam("last"))
        .order_by(messages.c.sequence),
    )
)
_insert_name = sqlite_insert(deduplication)
_NEW_NAME = Rapid(
    _insert_name.on_conflict_do_update(
        index_elements=[deduplication.c.name],
        set_={
            "message_id": _insert_name.excluded.message_id,
            "expires_at": _insert_name.excluded.expires_at,
        },
    )
)


class Arrival(Struct, frozen=True, kw_only=True):
    """A message to take in, where it is to lie, and the name that may make it a duplicate."""

    message: Message
    place: Place
    name: str | None = None
    expires_at: int = 0
    holder: str | None = None
    """The engine that has it in hand, if its place is `claimed`."""


class Arrived(Struct, frozen=True, kw_only=True):
    """A message that was taken in, or the first one of the same name."""

    message: Message
    place: Place
    duplicate_of: str | None = None


Kept = tuple[Arrived, ...]
"""What came of the messages of one publish."""


def add(connection: Connection, groups: Sequence[Sequence[Arrival]]) -> list[Kept]:
    """Takes in the messages of several publishes."""
    known = _known_names(connection, groups)
    fresh: list[Arrival] = []
    names: dict[str, Arrival] = {}
    first: dict[int, str] = {}
    for arrival in (arrival for group in groups for arrival in group):
        if arrival.name is None:
            fresh.append(arrival)
        elif arrival.name in known:
            first[id(arrival)] = known[arrival.name]
        else:
            known[arrival.name] = arrival.message.id
            names[arrival.name] = arrival
            fresh.append(arrival)
    placed = insert_messages(connection, fresh)
    if names:
        _NEW_NAME.run_each(connection, [_name_row(arrival) for arrival in names.values()])
    return [
        tuple(
            Arrived(message=arrival.message, place=arrival.place, duplicate_of=first[id(arrival)])
            if id(arrival) in first
            else Arrived(message=placed[arrival.message.id], place=arrival.place)
            for arrival in group
        )
        for group in groups
    ]


def insert_messages(connection: Connection, arrivals: Sequence[Arrival]) -> dict[str, Message]:
    """Writes messages and their CREATED entries; gives them back by id, with their numbers."""
    if not arrivals:
        return {}
    last = number = _LAST.value(connection)
    rows, numbered = [], {}
    for arrival in arrivals:
        message = arrival.message
        number = max(number + 1, message.created_at)
        rows.append(
            message_row(message, sequence=number, place=arrival.place, holder=arrival.holder)
        )
        numbered[message.id] = replace(message, sequence=number)
    _prepare_lanes(connection, arrivals)
    _NEW_MESSAGE.run_each(connection, rows)
    _CREATED.run(connection, last=last)
    return numbered


def _prepare_lanes(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    messages_in = [arrival.message for arrival in arrivals]
    at = max(message.created_at for message in messages_in)
    flows = {m.options.flow.key: m.options.flow for m in messages_in if m.options.flow is not None}
    if flows:
        configure(connection, flows.values(), at=at)
    queues = dict.fromkeys(m.options.queue for m in messages_in if m.options.queue is not None)
    if queues:
        ensure_queues(connection, tuple(queues), at=at)


def _name_row(arrival: Arrival) -> dict[str, object]:
    return {
        "name": arrival.name,
        "message_id": arrival.message.id,
        "expires_at": arrival.expires_at,
    }


def _known_names(connection: Connection, groups: Iterable[Sequence[Arrival]]) -> dict[str, str]:
    moments = {
        arrival.name: arrival.message.created_at
        for group in groups
        for arrival in group
        if arrival.name is not None
    }
    if not moments:
        return {}
    return {
        row["name"]: row["message_id"]
        for row in _KNOWN.rows(connection, names=listed(moments))
        if row["expires_at"] > moments[row["name"]]
    }
