"""Statements about queues: make, change, show, delete."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from service.broker.rapid import Rapid
from service.broker.tables import messages, queues

__all__ = ["Queue", "QueueWish", "change_queues", "delete_queues", "ensure_queues", "select_queues"]

READY = 0
"""A moment that has passed: to be looked at by the next claim."""

_LAG = (
    select(func.count())
    .where(messages.c.finished_at.is_(None), messages.c.queue == queues.c.name)
    .scalar_subquery()
)
_insert_queue = insert(queues)
_ENSURED = Rapid(
    _insert_queue.on_conflict_do_update(
        index_elements=[queues.c.name],
        # It was deleted and has messages left: whoever enqueues again gets a new queue behind them.
        set_={"deleted": 0, "created_at": _insert_queue.excluded.created_at, "parallelism": 1},
        where=queues.c.deleted == 1,
    )
)
_READY = Rapid(update(queues).where(queues.c.name == bindparam("named")).values(ready_at=READY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What QStash tells of a queue; `lag` is how many of its messages have not ended yet."""

    name: str
    parallelism: int
    paused: bool
    created_at: int
    updated_at: int
    lag: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueWish:
    """What a queue is to be like; None leaves things as they are.

    With `create` a queue that is missing is made, otherwise the wish comes to nothing.
    """

    name: str
    at: int
    create: bool
    parallelism: int | None = None
    paused: bool | None = None


def change_queues(connection: Connection, wishes: Sequence[QueueWish]) -> list[bool]:
    """Makes and changes queues; says of each wish whether its queue is there now."""
    return [_change(connection, wish) for wish in wishes]


def ensure_queues(connection: Connection, names: Sequence[str], *, at: int) -> None:
    """Makes those that are missing, one message at a time; tells all to look for turns."""
    rows = [_row(name, at=at) for name in names]
    _ENSURED.run_each(connection, rows)
    _READY.run_each(connection, [{"named": name} for name in names])


def delete_queues(connection: Connection, names: Sequence[str]) -> list[bool]:
    """Deletes queues; what still waits in them is delivered in its order, also when paused."""
    gone = []
    for name in names:
        there = (queues.c.name == name, queues.c.deleted == 0)
        marked = update(queues).where(*there).values(deleted=1, paused=0, ready_at=READY)
        gone.append(connection.execute(marked).rowcount > 0)
        connection.execute(delete(queues).where(queues.c.name == name, _LAG == 0))
    return gone


def select_queues(connection: Connection, name: str | None = None) -> list[Queue]:
    """All queues by name, or the one of this name."""
    wanted: Select[tuple[object, ...]] = select(queues, _LAG.label("lag")).where(
        queues.c.deleted == 0
    )
    if name is not None:
        wanted = wanted.where(queues.c.name == name)
    rows = connection.execute(wanted.order_by(queues.c.name)).mappings()
    return [
        Queue(
            name=row["name"],
            parallelism=row["parallelism"],
            paused=bool(row["paused"]),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            lag=row["lag"],
        )
        for row in rows
    ]


def _change(connection: Connection, wish: QueueWish) -> bool:
    if wish.create:
        _ENSURED.run(connection, **_row(wish.name, at=wish.at))
    changes: dict[str, object] = {"updated_at": wish.at, "ready_at": READY}
    if wish.parallelism is not None:
        changes["parallelism"] = wish.parallelism
    if wish.paused is not None:
        changes["paused"] = int(wish.paused)
    there = (queues.c.name == wish.name, queues.c.deleted == 0)
    return connection.execute(update(queues).where(*there).values(**changes)).rowcount > 0


def _row(name: str, *, at: int) -> dict[str, object]:
    return {
        "name": name,
        "parallelism": 1,
        "paused": 0,
        "deleted": 0,
        "created_at": at,
        "updated_at": at,
        "ready_at": READY,
    }
