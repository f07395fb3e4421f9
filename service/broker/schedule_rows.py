"""Statements about schedules: find, list, change, fire."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from service.broker.arrivals import Arrival, Arrived, add
from service.broker.message import Headers, State
from service.broker.schedules import Schedule
from service.broker.tables import log_entries, messages, schedules

__all__ = [
    "Firing",
    "ScheduleChange",
    "change_schedules",
    "due_schedules",
    "find_schedule",
    "fire",
    "next_trigger",
    "select_schedules",
    "states_of",
]

_encode = msgspec.json.Encoder().encode
_headers = msgspec.json.Decoder(Headers)
_ids = msgspec.json.Decoder(tuple[str, ...])
_MOST_VALUES = 500
_KEEP = insert(schedules)
_KEEP = _KEEP.on_conflict_do_update(
    index_elements=[schedules.c.schedule_id],
    set_={column.name: _KEEP.excluded[column.name] for column in schedules.c},
)
_FIRED = (
    update(schedules)
    # Whoever fires first has moved it on: no other engine fires the same trigger.
    .where(
        schedules.c.schedule_id == bindparam("which"),
        schedules.c.created_at == bindparam("born"),
        schedules.c.next_at == bindparam("seen"),
    )
    .values(
        next_at=bindparam("next"),
        last_at=bindparam("last"),
        last_messages=bindparam("made"),
        error=bindparam("told"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChange:
    """What to make of the schedule with this id; None stands for no schedule, on both sides."""

    id: str
    make: Callable[[Schedule | None], Schedule | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A schedule as it was found due, as it is afterwards, and the messages it makes."""

    found: Schedule
    after: Schedule
    arrivals: tuple[Arrival, ...]


def find_schedule(connection: Connection, schedule_id: str) -> Schedule | None:
    """The schedule with this id."""
    wanted = select(schedules).where(schedules.c.schedule_id == schedule_id)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else _schedule(row)


def select_schedules(connection: Connection) -> list[Schedule]:
    """All schedules, the oldest first."""
    wanted = select(schedules).order_by(schedules.c.created_at, schedules.c.schedule_id)
    return [_schedule(row) for row in connection.execute(wanted).mappings()]


def due_schedules(connection: Connection, now: int, most: int) -> list[Schedule]:
    """Schedules whose time has come, at most so many, the most overdue first."""
    wanted = select(schedules).where(schedules.c.next_at <= now)
    rows = connection.execute(wanted.order_by(schedules.c.next_at).limit(most)).mappings()
    return [_schedule(row) for row in rows]


def next_trigger(connection: Connection) -> int | None:
    """When the first schedule is due."""
    next_at: int | None = connection.execute(select(func.min(schedules.c.next_at))).scalar_one()
    return next_at


def change_schedules(
    connection: Connection, changes: Sequence[ScheduleChange]
) -> list[Schedule | None]:
    """Makes what is asked of schedules; gives what they are afterwards."""
    return [_change(connection, change) for change in changes]


def fire(connection: Connection, firings: Sequence[Firing]) -> list[tuple[Arrived, ...]]:
    """Moves schedules on and takes their messages in; those that another has fired make none."""
    mine = [connection.execute(_FIRED, _fired_row(one)).rowcount == 1 for one in firings]
    groups = [one.arrivals for one, is_mine in zip(firings, mine, strict=True) if is_mine]
    arrived = iter(add(connection, groups))
    return [next(arrived) if is_mine else () for is_mine in mine]


def states_of(connection: Connection, ids: Sequence[str]) -> dict[str, State]:
    """The newest state of each of these messages."""
    found: dict[str, State] = {}
    for start in range(0, len(ids), _MOST_VALUES):
        newest = (
            select(messages.c.message_id, func.max(log_entries.c.id).label("entry"))
            .join(log_entries, log_entries.c.sequence == messages.c.sequence)
            .where(messages.c.message_id.in_(ids[start : start + _MOST_VALUES]))
            .group_by(messages.c.message_id)
            .subquery()
        )
        rows = connection.execute(
            select(newest.c.message_id, log_entries.c.state).join(
                log_entries, log_entries.c.id == newest.c.entry
            )
        )
        found.update({row.message_id: State(row.state) for row in rows})
    return found


def _change(connection: Connection, change: ScheduleChange) -> Schedule | None:
    before = find_schedule(connection, change.id)
    after = change.make(before)
    if after is None:
        connection.execute(delete(schedules).where(schedules.c.schedule_id == change.id))
    elif after != before:
        connection.execute(_KEEP, _row(after))
    return after


def _fired_row(firing: Firing) -> dict[str, object]:
    after = firing.after
    return {
        "which": after.id,
        "born": firing.found.created_at,
        "seen": firing.found.next_at,
        "next": after.next_at,
        "last": after.last_at,
        "made": _encode(after.last_messages),
        "told": after.error,
    }


def _row(schedule: Schedule) -> dict[str, object]:
    return {
        "schedule_id": schedule.id,
        "cron": schedule.cron,
        "destination": schedule.destination,
        "headers": _encode(schedule.headers),
        "body": schedule.body,
        "queue": schedule.queue,
        "caller_ip": schedule.caller_ip,
        "created_at": schedule.created_at,
        "paused": int(schedule.paused),
        "next_at": schedule.next_at,
        "last_at": schedule.last_at,
        "last_messages": _encode(schedule.last_messages),
        "error": schedule.error,
    }


def _schedule(row: RowMapping) -> Schedule:
    return Schedule(
        id=row["schedule_id"],
        cron=row["cron"],
        destination=row["destination"],
        headers=_headers.decode(row["headers"]),
        body=row["body"],
        created_at=row["created_at"],
        caller_ip=row["caller_ip"],
        queue=row["queue"],
        paused=bool(row["paused"]),
        next_at=row["next_at"],
        last_at=row["last_at"],
        last_messages=_ids.decode(row["last_messages"]),
        error=row["error"],
    )
